//! The vocabulary in which tables are declared: objects, columns, kinds, and where a column's value may come from.
//!
//! In: nothing. Out: plain data, filled in by `objects.rs`. Never: parsing, or anything known only at run time.

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::cell::CodeTable;

/// What a column holds, and so which parser reads its cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// The object's own id: a positive integer; a record without one is rejected whole.
    Key,
    /// A 64-bit integer.
    Integer,
    /// A 64-bit float.
    Float,
    /// A float from 0 to 100; a percent sign is accepted.
    Percent,
    /// Money: 18 digits, 2 of them decimals.
    Money,
    /// Text, kept as it is.
    Text,
    /// One choice: text that may be wrapped as a list of one (`{gold}`, `["gold"]`).
    Choice,
    /// A word that the source also writes as a number (`reference/usercom.md` §1.7).
    Code(&'static CodeTable),
    /// True or false; null is neither.
    Boolean,
    /// An instant, stored in UTC with microseconds.
    Timestamp,
    /// A calendar date.
    Date,
    /// A list of texts.
    TextList,
    /// A list of ids.
    IdList,
}

/// Digits of a money column.
pub const MONEY_PRECISION: u8 = 18;
/// Decimals of a money column.
pub const MONEY_SCALE: i8 = 2;

impl Kind {
    /// The Arrow type of a column of this kind.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Key | Self::Integer => DataType::Int64,
            Self::Float | Self::Percent => DataType::Float64,
            Self::Money => DataType::Decimal128(MONEY_PRECISION, MONEY_SCALE),
            Self::Text | Self::Choice | Self::Code(_) => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::TextList => DataType::new_list(DataType::Utf8, true),
            Self::IdList => DataType::new_list(DataType::Int64, true),
        }
    }

    /// The Arrow field of a column of this kind.
    #[must_use]
    pub fn field(self, name: &str) -> Field {
        Field::new(name, self.data_type(), self != Self::Key)
    }
}

/// Which part of a source cell a column takes. A cell may hold an id, a name, an object with both, or a list of those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// The whole cell, by the column's own parser.
    Whole,
    /// The id of a reference; a cell that holds only text gives nothing.
    Id,
    /// The text of a reference (`email`, `name`: the key looked for in an object); a cell that holds only an id gives nothing.
    Text(&'static str),
    /// The id of the first reference in a list.
    FirstId,
    /// The text of the first reference in a list.
    FirstText(&'static str),
}

/// A condition on the other columns of the same file, for names that mean different things in API v1 and v2
/// (`reference/usercom.md` §0.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Only if the file also has this column.
    With(&'static str),
    /// Only if the file does not have this column.
    Without(&'static str),
}

/// One name under which a column may appear in a file.
#[derive(Clone, Copy, Debug)]
pub struct Alias {
    /// The name, normalised as by [`super::header::normalise`].
    pub header: &'static str,
    /// Which part of the cell to take.
    pub take: Take,
    /// When this name means this column.
    pub when: When,
}

/// One declared column and its names, best first: the first that has a value wins.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Name in the table.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Names in files.
    pub aliases: &'static [Alias],
}

/// Records that sit inside another object's records, such as the stages of a pipeline.
#[derive(Clone, Copy, Debug)]
pub struct Nested {
    /// The object whose JSON records hold them.
    pub parent: &'static str,
    /// The key of the list.
    pub key: &'static str,
    /// The column that receives the parent's id.
    pub parent_id: &'static str,
    /// Keys under which a record may give its place; without any it gets its place in the list, counted from 1, under the first.
    pub position: &'static [&'static str],
}

/// One object of the export and its table `usercom.<name>`.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Table name, and the usual stem of its files.
    pub name: &'static str,
    /// Other stems that mean the same object.
    pub stems: &'static [&'static str],
    /// `content_type` of its attribute definitions (`reference/usercom.md` §4); empty if it has none.
    pub content_types: &'static [&'static str],
    /// The declared columns, `id` first.
    pub columns: &'static [Column],
    /// Where else its records may come from.
    pub nested: Option<Nested>,
}

impl Object {
    /// A declared column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
