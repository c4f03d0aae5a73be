//! The vocabulary in which tables are declared: objects, columns, kinds, and where a column's value may come from.
//!
//! In: nothing. Out: plain data, filled in by `objects`, and for the customer's own objects by `custom`. Never: parsing.

use std::borrow::Cow;

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::cell::CodeTable;

/// What a column holds, and so which parser reads its cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ColumnKind {
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
    /// The currency of a sum: text, a sign or name as its code; without one what stands next to the sum.
    Currency,
    /// Text, kept as it is.
    Text,
    /// One choice: text that may be wrapped as a list of one (`{gold}`, `["gold"]`).
    Choice,
    /// A word that the source also writes as a number (`guide/usercom.md` §1.7).
    Code(&'static CodeTable),
    /// True or false; null is neither.
    Boolean,
    /// Whether somebody objects to being written to: what cannot be read, or is missing in a record, is an objection.
    OptOut,
    /// An instant, stored in UTC with microseconds.
    Timestamp,
    /// A calendar date.
    Date,
    /// A list of texts.
    TextList,
    /// A list of ids.
    IdList,
    /// The size of the blob that the same row's `path` names; staging fills it, no cell does.
    BlobSize,
    /// The name under which the export has that blob; filled likewise.
    BlobName,
    /// The MD5 of that blob; filled likewise.
    BlobChecksum,
}

/// Digits of a money column.
pub const MONEY_PRECISION: u8 = 18;
/// Decimals of a money column.
pub const MONEY_SCALE: i8 = 2;

impl ColumnKind {
    /// The Arrow type of a column of this kind.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Key | Self::Integer | Self::BlobSize => DataType::Int64,
            Self::Float | Self::Percent => DataType::Float64,
            Self::Money => DataType::Decimal128(MONEY_PRECISION, MONEY_SCALE),
            Self::Currency
            | Self::Text
            | Self::Choice
            | Self::Code(_)
            | Self::BlobName
            | Self::BlobChecksum => DataType::Utf8,
            Self::Boolean | Self::OptOut => DataType::Boolean,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
            Self::TextList => DataType::new_list(DataType::Utf8, true),
            Self::IdList => DataType::new_list(DataType::Int64, true),
        }
    }

    /// Whether staging fills the column by the blob that the same row's `path` names.
    #[must_use]
    pub fn is_of_blob(self) -> bool {
        matches!(self, Self::BlobSize | Self::BlobName | Self::BlobChecksum)
    }

    /// What a column of this kind holds, in words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Key => "id",
            Self::Integer => "whole number",
            Self::Float => "number",
            Self::Percent => "number from 0 to 100",
            Self::Money => "sum of money",
            Self::Currency => "currency",
            Self::Text => "text",
            Self::Choice => "choice",
            Self::Code(_) => "word of a list",
            Self::Boolean => "true or false",
            Self::OptOut => "true or false; unknown counts as true",
            Self::Timestamp => "instant in UTC",
            Self::Date => "date",
            Self::TextList => "list of texts",
            Self::IdList => "list of ids",
            Self::BlobSize => "bytes of the file in the export",
            Self::BlobName => "name of the file in the export",
            Self::BlobChecksum => "MD5 of the file in the export",
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
    /// The id of a reference to a record whose id may be text; see [`super::cell::text_key`].
    Key,
    /// The text of a reference (`email`, `name`: the key looked for in an object); a cell that holds only an id gives nothing.
    Text(&'static str),
    /// The text of a reference by which [`Take::Key`] makes its number; nothing where the id is a number.
    KeyText,
    /// The value of a key of an object, and nothing else in its stead; other cells give nothing.
    Field(&'static str),
    /// The e-mail address of a reference: of an object its `email` only, of text only what has an `@`.
    Email,
    /// The currency next to a sum.
    Currency,
    /// The id of the first reference in a list.
    FirstId,
    /// The text of the first reference in a list.
    FirstText(&'static str),
}

/// A condition on the other columns of the same file, for names that mean different things in API v1 and v2
/// (`guide/usercom.md` §0.2).
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
    pub kind: ColumnKind,
    /// Names in files.
    pub aliases: &'static [Alias],
}

/// One step down into a record: the key of the list it holds, and the column in which the records below keep its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The key of the list.
    pub key: &'static str,
    /// The column that receives the id of the record that has the list.
    pub parent_id: &'static str,
}

/// Records that sit inside another object's records, such as the stages of a pipeline.
#[derive(Clone, Copy, Debug)]
pub struct Nested {
    /// The object whose JSON records hold them.
    pub parent: &'static str,
    /// The way from a record of the parent down to the list; at least one step.
    pub steps: &'static [Step],
    /// Keys under which a record may give its place; without any of them it gets its place in the list, counted from 1,
    /// under the first. Empty if the object has no place.
    pub position: &'static [&'static str],
    /// What the elements of the list are.
    pub element: Element,
}

impl Nested {
    /// The key of the parent's records under which everything is.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.steps.first().map_or("", |step| step.key)
    }
}

/// What an element of a nested list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A record with an id of its own; an element that is no object is none.
    Record,
    /// A link to a record of another object: what is called `id` is that record's, and goes to a column of its own. A bare id
    /// or text becomes an object with the key `value`.
    Link {
        /// The column for the id of links of any other kind.
        id: &'static str,
        /// Kinds (`type`, `kind`) whose id goes to another column.
        kinds: &'static [(&'static str, &'static str)],
        /// Keys that name the other record better; beside one of them `id` is the element's own.
        named: &'static [&'static str],
    },
}

/// The column with the id of a record of the customer's own objects whose id is text.
pub const TEXT_ID: &str = "text_id";

/// How the tables and files of the customer's own objects begin.
pub const CUSTOM_PREFIX: &str = "co_";

/// How a row gets its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRule {
    /// From its column `id`.
    Own,
    /// From its column `id`; without one from two other columns, as [`pair`] does; without the second from what it links.
    Pair {
        /// The column of the upper half: the record that has the row.
        first: &'static str,
        /// The column of the lower half; none if nothing counts such rows.
        second: Option<&'static str>,
        /// Columns that say what the row links `first` to, all of which together tell it apart; none if nothing does.
        links: &'static [&'static str],
        /// Whether rows of a file that link the same are several ones: a deal may have a line twice.
        repeats: bool,
    },
}

/// The id of a row that has none of its own, from two numbers that tell it apart: the first is above 0 and below 2³¹, the
/// second above 0 and below 2³².
#[must_use]
pub fn pair(first: i64, second: i64) -> Option<i64> {
    let fits = (1..1 << 31).contains(&first) && (1..1 << 32).contains(&second);
    fits.then_some(first << 32 | second)
}

/// One object of the export and its table `usercom.<name>`.
#[derive(Clone, Debug)]
pub struct Object {
    /// Table name, and the usual stem of its files.
    pub name: Cow<'static, str>,
    /// Other stems that mean the same object.
    pub stems: &'static [&'static str],
    /// `content_type` of its attribute definitions (`guide/usercom.md` §4); empty if it has none.
    pub content_types: &'static [&'static str],
    /// How its rows get their ids.
    pub key: KeyRule,
    /// The declared columns, `id` first.
    pub columns: &'static [Column],
    /// Where else its records may come from.
    pub nested: &'static [Nested],
}

impl Object {
    /// Whether it is an object of the customer's own, known only from the export.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.name.starts_with(CUSTOM_PREFIX)
    }

    /// A declared column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_of_numbers_is_an_id_only_if_no_other_pair_is_the_same() {
        assert_eq!(pair(1, 1), Some((1 << 32) + 1));
        assert_eq!(pair((1 << 31) - 1, (1 << 32) - 1), Some(i64::MAX));
        for (first, second) in [(0, 1), (1, 0), (-1, 1), (1, -1), (1 << 31, 1), (1, 1 << 32)] {
            assert_eq!(pair(first, second), None, "{first}, {second}");
        }
    }
}
