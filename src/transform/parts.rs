//! The parts of an outbox: one file is one Bulk job, with one operation, and the rows of one lock parent together.
//!
//! In: rows of a batch that take the same way. Out: a table whose files are the parts, each labelled with its operation. Never: a part
//! larger than a Bulk job takes, but for the last rows of one lock parent.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, Int64Array, RecordBatch, StringArray, StringBuilder, UInt32Array,
};
use arrow::compute::take_arrays;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::TransformError;
use super::outbox_request::{OutboxRequest, misfit};
use crate::encode::RowEncoder;
use crate::project::ProjectError;
use crate::rows::{CANARY_ROWS, RowOperation};
use crate::staging::{Manifest, TableWriter};

/// Most bytes of CSV in one part, below the 100 MB a Bulk job takes (`guide/salesforce.md` §1.8).
const PART_BYTES: usize = 95_000_000;

/// The parts of all operations.
pub(super) struct Parts<'a> {
    request: &'a OutboxRequest<'a>,
    schema: SchemaRef,
    lanes: BTreeMap<RowOperation, Lane>,
    /// Parts that are written, of rows that came in the order of their keys.
    in_key_order: Vec<(RowOperation, Manifest)>,
    canary_cut: bool,
}

/// The parts of one operation.
struct Lane {
    table: TableWriter,
    rows: usize,
    bytes: usize,
    cluster: Vec<u8>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(request: &'a OutboxRequest<'a>, schema: SchemaRef) -> Self {
        Self {
            request,
            schema,
            lanes: BTreeMap::new(),
            in_key_order: Vec::new(),
            canary_cut: false,
        }
    }

    /// Begins the parts of an operation.
    async fn begin(&self, operation: RowOperation) -> Result<Lane, TransformError> {
        let (staging, load) = (self.request.staging, &self.request.file.name);
        let schema = Arc::clone(&self.schema);
        let table = staging.create("outbox", load, schema, &[]).await?;
        Ok(Lane {
            table: table.labelled(operation.word()),
            rows: 0,
            bytes: 0,
            cluster: Vec::new(),
        })
    }

    /// Writes rows of a batch; `sent` and `hidden` are the columns of all of its rows.
    pub(super) async fn write(
        &mut self,
        operation: RowOperation,
        rows: &OutboxRows,
        sent: &RecordBatch,
        hidden: &[ArrayRef],
        encoder: &RowEncoder,
    ) -> Result<(), TransformError> {
        if !self.lanes.contains_key(&operation) {
            let lane = self.begin(operation).await?;
            self.lanes.insert(operation, lane);
        }
        let file = self.request.file;
        let batch = rows
            .batch(sent, hidden, operation, &self.schema)
            .map_err(|error| misfit(file, error))?;
        let cluster_columns: Vec<usize> = file
            .cluster_by
            .iter()
            .filter_map(|name| sent.schema().index_of(name).ok())
            .collect();
        let part_rows = self.request.part_rows;
        let canary_cut = &mut self.canary_cut;
        let Some(lane) = self.lanes.get_mut(&operation) else {
            return Ok(());
        };
        let mut start = 0;
        let mut cluster = Vec::new();
        for position in 0..batch.num_rows() {
            cluster.clear();
            for &column in &cluster_columns {
                encoder.columns()[column].write(rows.index[position] as usize, &mut cluster);
                cluster.push(0);
            }
            // The canary is sent alone, so it may split a lock parent's rows; other parts may not.
            let canary_full =
                !*canary_cut && operation != RowOperation::Unchanged && lane.rows >= CANARY_ROWS;
            let full = lane.rows >= part_rows || lane.bytes >= PART_BYTES;
            let boundary = cluster_columns.is_empty() || cluster != lane.cluster;
            if canary_full || (full && boundary) {
                lane.table
                    .write(&batch.slice(start, position - start))
                    .await?;
                lane.table.next_file().await?;
                start = position;
                (lane.rows, lane.bytes) = (0, 0);
                *canary_cut |= canary_full;
            }
            lane.rows += 1;
            lane.bytes += rows.bytes[position];
            std::mem::swap(&mut lane.cluster, &mut cluster);
        }
        lane.table
            .write(&batch.slice(start, batch.num_rows() - start))
            .await?;
        Ok(())
    }

    /// Ends all parts: their rows came in the order of their keys, those that follow come in another.
    pub(super) async fn end_key_order(&mut self) -> Result<(), TransformError> {
        for (operation, lane) in std::mem::take(&mut self.lanes) {
            let mut parts = lane.table.finish(BTreeMap::new()).await?;
            for part in &mut parts.files {
                part.sorted_by.clone_from(&self.request.file.key);
            }
            self.in_key_order.push((operation, parts));
        }
        Ok(())
    }

    /// The table of all parts, with the rows of each operation; one without rows where there are no parts.
    pub(super) async fn finish(mut self) -> Result<Manifest, TransformError> {
        if self.lanes.is_empty() && self.in_key_order.is_empty() {
            let lane = self.begin(RowOperation::Unchanged).await?;
            self.lanes.insert(RowOperation::Unchanged, lane);
        }
        // Rows come clustered, then by key; each operation has its own share of them.
        let file = self.request.file;
        let by_key = match (self.in_key_order.len(), self.lanes.len()) {
            (1, 0) => true,
            (0, 1) => file.cluster_by.is_empty() && file.order_by.is_empty(),
            _ => false,
        };
        let mut written = self.in_key_order;
        for (operation, lane) in self.lanes {
            written.push((operation, lane.table.finish(BTreeMap::new()).await?));
        }
        let mut parts: Option<Manifest> = None;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (operation, manifest) in written {
            *counts.entry(operation.word().to_owned()).or_default() += manifest.rows;
            match &mut parts {
                None => parts = Some(manifest),
                Some(parts) => {
                    parts.rows += manifest.rows;
                    parts.files.extend(manifest.files);
                }
            }
        }
        let mut parts = parts.ok_or_else(|| {
            TransformError::Project(ProjectError::Columns {
                path: file.path.clone(),
                reason: "no outbox was written".to_owned(),
                hint: String::new(),
            })
        })?;
        parts.counts = counts;
        if by_key {
            parts.sorted_by.clone_from(&file.key);
        }
        Ok(parts)
    }
}

/// Rows of one batch that take the same way.
#[derive(Default)]
pub(super) struct OutboxRows {
    index: Vec<u32>,
    bytes: Vec<usize>,
    id: StringBuilder,
    fingerprint: Vec<i64>,
    /// Columns with a value.
    pub(super) written: BinaryBuilder,
    /// Columns that are emptied.
    pub(super) clear: BinaryBuilder,
    /// Columns that are left out, since they are as they were sent last.
    pub(super) same: BinaryBuilder,
}

impl OutboxRows {
    /// Adds a row; its bit sets are appended to theirs.
    pub(super) fn push(&mut self, row: usize, id: Option<&str>, fingerprint: i64, bytes: usize) {
        self.index.push(u32::try_from(row).unwrap_or(u32::MAX));
        self.bytes.push(bytes);
        self.id.append_option(id);
        self.fingerprint.push(fingerprint);
    }

    fn batch(
        &self,
        sent: &RecordBatch,
        hidden: &[ArrayRef],
        operation: RowOperation,
        schema: &SchemaRef,
    ) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = [sent.columns(), hidden].concat();
        if self.index.len() < sent.num_rows() {
            columns = take_arrays(&columns, &UInt32Array::from(self.index.clone()), None)?;
        }
        let words: StringArray =
            std::iter::repeat_n(Some(operation.word()), self.index.len()).collect();
        columns.push(Arc::new(words));
        columns.push(Arc::new(self.id.finish_cloned()));
        columns.push(Arc::new(Int64Array::from(self.fingerprint.clone())));
        columns.push(Arc::new(self.written.finish_cloned()));
        columns.push(Arc::new(self.clear.finish_cloned()));
        columns.push(Arc::new(self.same.finish_cloned()));
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}
