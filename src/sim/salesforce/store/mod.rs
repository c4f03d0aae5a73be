//! Rows: one table per object, in memory, with a log behind it.
//!
//! In: encoded rows. Out: rows by position and by key. A row is one compact buffer ([`row`]); its position is its id's
//! number, so nothing is stored for the id; keys are hashes that point to positions ([`index`]). Every change is written
//! to the table's log before its lock is released ([`log`]): a killed process loses nothing that was answered.
//! Knows field numbers only, never names, types or users.

mod index;
mod log;
mod row;
mod table;

pub(crate) use index::Matches;
pub(crate) use log::Mark;
pub(crate) use row::{Head, Row, RowBuilder};
pub(crate) use table::{Table, Transaction};
