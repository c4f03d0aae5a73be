//! How staging tells how far it is.

/// Receives the progress of staging. Called from one task, often; implementations must be quick.
pub trait Progress: Send + Sync {
    /// A table begins; `bytes` is the size of its files as stored.
    fn begin(&self, table: &str, bytes: u64);
    /// So many source rows and stored bytes of the table are done. Both may start again from 0 when the table has to be
    /// written a second time to be sorted.
    fn advance(&self, table: &str, rows: u64, bytes: u64);
    /// The table is complete.
    fn end(&self, table: &str, rows: u64);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _table: &str, _bytes: u64) {}
    fn advance(&self, _table: &str, _rows: u64, _bytes: u64) {}
    fn end(&self, _table: &str, _rows: u64) {}
}
