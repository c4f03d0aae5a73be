//! How far a step is: told by steps, shown by whoever drives them.
//!
//! In: steps by name, and rows as staging and loading count them. Out: whatever an implementation makes of it. Never: data,
//! or a reason for a step to wait or to fail.

/// Hears how far things are. Every method may be left out.
pub trait Progress: Send + Sync {
    /// Something begins that may take a while. It ends when the next step begins.
    fn step(&self, _text: &str) {}
    /// The step is over, and `text` says what came of it; also a message of any kind.
    fn done(&self, _text: &str) {}
    /// What is about to leave this machine, shown whatever else is not, and never logged.
    fn disclose(&self, _text: &str) {}
    /// A source table begins; `bytes` is the size of its files as stored.
    fn begin(&self, _table: &str, _bytes: u64) {}
    /// So many source rows and stored bytes of the table are done. Both may start again from 0 when the table has to be
    /// written a second time to be sorted.
    fn advance(&self, _table: &str, _rows: u64, _bytes: u64) {}
    /// The source table is complete.
    fn end(&self, _table: &str, _rows: u64) {}
    /// `done` rows of `total` of a load have been processed so far; a `total` of 0 is not known.
    fn rows(&self, _load: &str, _done: u64, _total: u64) {}
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {}
