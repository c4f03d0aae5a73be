//! What a rule is.
//!
//! In: a row before it is written, or rows that were. Out: the types of rules, and the refusals that several share.

use super::super::change::{Effect, RowError};
use super::draft::Draft;
use super::written::Written;

/// Looks at one row before it is written.
pub(crate) type Check = fn(&mut Draft<'_>) -> Result<(), RowError>;

/// Says what follows from a chunk that was written.
pub(crate) type Follow = fn(&Written<'_>) -> Vec<Effect>;

/// The behaviour of one object.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    pub(crate) before: Option<Check>,
    pub(crate) after: Option<Follow>,
    pub(crate) pairs: &'static [Pair],
}

/// Fields that only one row may have together; the first is the one with fewest rows per value.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) fields: &'static [&'static str],
    pub(crate) refusal: Refusal,
}

/// What happens to a second row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    /// `duplicate value found: … duplicates value on record with id: …`
    Value,
    /// A code and a text of its own.
    Text(&'static str, &'static str),
    /// It changes the first one.
    Update,
}

/// A refusal that concerns how fields fit together.
pub(super) fn integrity(message: impl Into<String>, fields: &[&str]) -> RowError {
    RowError::on("FIELD_INTEGRITY_EXCEPTION", message, fields)
}

/// The object an id belongs to, by its prefix.
pub(super) fn is_of(id: &str, prefix: &str) -> bool {
    id.starts_with(prefix)
}
