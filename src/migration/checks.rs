//! A check's rows, the same way in a phase and in a plan.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;

use crate::engine::Session;
use crate::error::Error;
use crate::project::QueryFile;

/// What a check found.
pub(crate) struct Found {
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// How many they are.
    pub rows: usize,
}

/// Runs a check; none if a table that it reads does not exist yet.
///
/// # Errors
/// The query fails.
pub(crate) async fn rows(
    session: &Session,
    known: &BTreeSet<String>,
    check: &QueryFile,
) -> Result<Option<Found>, Error> {
    if !check.references.is_subset(known) {
        return Ok(None);
    }
    let batches = session.collect(&check.path, &check.sql).await?;
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    Ok(Some(Found { batches, rows }))
}
