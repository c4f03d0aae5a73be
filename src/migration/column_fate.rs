//! What becomes of one staged column.
//!
//! In: nothing. Out: the words and fields in which `books` and `arrived` say it. Never: a question to a table.

use crate::project::Way;

/// A field of a load.
pub(super) type Place = (String, String);

/// What becomes of one staged column.
#[derive(Clone, Debug, Default)]
pub(crate) struct ColumnFate {
    /// Staged table.
    pub source: String,
    /// Its column.
    pub column: String,
    /// Rows with a value.
    pub rows: u64,
    /// Fields that it reaches: load and field, and how.
    pub fields: Vec<(Place, Way)>,
    /// Fields whose value it decides without being in it.
    pub decides: Vec<Place>,
    /// Why it stays, where it reaches none.
    pub reason: Option<String>,
    /// What that is called.
    pub fate: Word,
}

/// What becomes of a column in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Word {
    /// It reaches a field.
    #[default]
    Sent,
    /// It stays by decision.
    Ignored,
    /// An option or the destination leaves out the fields it would reach.
    LeftOut,
    /// It says which value a field gets, and is in none.
    Decides,
}

impl Word {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Ignored => "ignored",
            Self::LeftOut => "left_out",
            Self::Decides => "decides",
        }
    }
}
