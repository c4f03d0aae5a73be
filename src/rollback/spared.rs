//! `recon.spared_<load>`: the records that a rollback leaves as they are, and why.
//!
//! In: keys, ids, reasons. Out: a table that is published with the review of its load. Never: a decision.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};

use super::RollbackError;
use crate::staging::{Staging, TableWriter};

/// Columns of `recon.spared_<load>`.
const COLUMNS: [&str; 4] = ["key", "id", "reason", "detail"];

/// How the names of these tables begin.
pub(super) const SPARED: &str = "spared_";

/// A new, empty table.
pub(super) async fn spared_table(
    staging: &Staging,
    prefix: &str,
    load: &str,
) -> Result<TableWriter, RollbackError> {
    let columns = COLUMNS.map(|name| Field::new(name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(columns.to_vec()));
    let table = format!("{prefix}{load}");
    Ok(staging.create("recon", &table, schema, &[]).await?)
}

/// Rows of `recon.spared_<load>`.
#[derive(Default)]
pub(super) struct SparedRows {
    columns: [StringBuilder; 4],
    rows: usize,
}

impl SparedRows {
    /// Notes a record.
    pub(super) fn add(
        &mut self,
        key: Option<&str>,
        id: Option<&str>,
        why: &str,
        detail: Option<&str>,
    ) {
        let cells = [key, id, Some(why), detail];
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.append_option(cell);
        }
        self.rows += 1;
    }

    /// Writes what was noted since the last time.
    pub(super) async fn write(&mut self, table: &mut TableWriter) -> Result<(), RollbackError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let columns = COLUMNS
            .into_iter()
            .zip(&mut self.columns)
            .map(|(name, column)| (name, Arc::new(column.finish()) as ArrayRef, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(|source| {
            RollbackError::Store {
                load: "spared records".to_owned(),
                source,
            }
        })?;
        table.write(&batch).await?;
        Ok(())
    }
}
