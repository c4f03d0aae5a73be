//! Rows of one batch that take the same way, on their way into the outbox.
//!
//! In: rows of the columns to be sent, and what was found out about each. Out: a batch of the outbox. Never: a row in another order.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, Int64Array, RecordBatch, StringArray, StringBuilder, UInt32Array,
};
use arrow::compute::take_arrays;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use crate::rows::RowOperation;

/// Rows of one batch that take the same way.
#[derive(Default)]
pub(super) struct OutboxRows {
    pub(super) index: Vec<u32>,
    pub(super) bytes: Vec<usize>,
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

    pub(super) fn batch(
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
