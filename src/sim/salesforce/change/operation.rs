//! What is to be done to the rows of one object, and what became of each.
//!
//! In: operations, columns and cells as callers resolve them. Out: types alone.

use std::ops::Range;

use super::super::store::Row;
use super::error::RowError;

/// What to do with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Insert,
    Update,
    Upsert,
    Delete,
    HardDelete,
}

/// What a column of the input stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// The row's own id.
    Id,
    /// A field, by number.
    Field(u16),
    /// A reference field, given by a key of the parent (§1.7).
    Parent {
        /// The reference field.
        field: u16,
        /// The parent's object.
        object: usize,
        /// The parent's key field.
        key: u16,
    },
}

/// One value as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    /// Nothing: left as it is.
    Absent,
    /// Explicitly null.
    Null,
    /// A text.
    Text(&'a str),
}

/// Rows of cells, row after row.
pub(crate) struct Batch<'a> {
    pub(crate) cells: &'a [Cell<'a>],
}

/// What became of a row.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It was written.
    Done {
        /// Where it is.
        position: u32,
        /// Whether it is new.
        created: bool,
        /// What was there before.
        before: Option<Row>,
    },
    /// It was refused; nothing changed.
    Failed {
        /// The row it was meant for, if known.
        position: Option<u32>,
        /// Why.
        error: RowError,
    },
}

/// A field number and where its text is; none = null.
pub(crate) type SentValue = (u16, Option<Range<usize>>);
