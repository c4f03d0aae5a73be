//! Rows of a load that its ledger alone does not settle: they are looked at again, beside the values that were sent last.
//!
//! In: rows of a load query, with plain texts, that were joined with the ledger. Out: a table of those that may move, as the query gave them. Never: more
//! than a batch in memory. Nearly all rows of a later run are as they were; joined with what was sent last, and sorted as they would
//! be sent, they took three quarters of its outboxes' time.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::TransformError;
use super::base::LAST_FINGERPRINT;
use super::outbox_request::{OutboxRequest, misfit};
use super::route::KNOWN;
use super::unreadable::{CELLS, EMPTY};
use crate::project::QueryFile;
use crate::rows::plain_text;
use crate::staging::{Manifest, TableWriter};

/// The rows that are looked at again.
pub(super) struct Again<'a> {
    writer: TableWriter,
    schema: SchemaRef,
    /// Places of the query's own columns in a batch.
    places: Vec<usize>,
    file: &'a QueryFile,
}

impl<'a> Again<'a> {
    /// Whether a first look settles rows: there is something that landed. Links that people made one are told apart by their order.
    pub(super) fn may_be(request: &OutboxRequest<'_>) -> bool {
        let has = |table: Option<&Manifest>| table.is_some_and(|table| table.rows > 0);
        has(request.ledger) && has(request.last) && request.file.link.is_empty()
    }

    /// Begins the table for batches of this schema; none where it could not hold them.
    pub(super) async fn start(
        request: &OutboxRequest<'a>,
        batches: &Schema,
    ) -> Result<Option<Self>, TransformError> {
        let added = [CELLS, EMPTY, LAST_FINGERPRINT];
        let is_own = |name: &str| !KNOWN.contains(&name) && !added.contains(&name);
        let mut places = Vec::new();
        let mut fields = Vec::new();
        for (place, field) in batches.fields().iter().enumerate() {
            if is_own(field.name()) {
                let data_type = plain_text(field.data_type());
                if has_no_type(&data_type) {
                    return Ok(None);
                }
                places.push(place);
                fields.push(Field::new(field.name(), data_type, true));
            }
        }
        let schema = Arc::new(Schema::new(fields));
        let name = format!("{}_again", request.file.name);
        let writer = request
            .staging
            .create("outbox", &name, Arc::clone(&schema), &[]);
        Ok(Some(Self {
            writer: writer.await?,
            schema,
            places,
            file: request.file,
        }))
    }

    /// Adds rows of a batch.
    pub(super) async fn add(
        &mut self,
        batch: &RecordBatch,
        rows: &[bool],
    ) -> Result<(), TransformError> {
        if !rows.contains(&true) {
            return Ok(());
        }
        let own = self.own(batch, rows);
        let own = own.map_err(|error| misfit(self.file, error))?;
        Ok(self.writer.write(&own).await?)
    }

    fn own(&self, batch: &RecordBatch, rows: &[bool]) -> Result<RecordBatch, ArrowError> {
        let own = batch.project(&self.places)?;
        let own = filter_record_batch(&own, &BooleanArray::from(rows.to_vec()))?;
        RecordBatch::try_new(Arc::clone(&self.schema), own.columns().to_vec())
    }

    /// The table, which nobody publishes.
    pub(super) async fn finish(self) -> Result<Manifest, TransformError> {
        Ok(self.writer.finish(BTreeMap::new()).await?)
    }

    /// Removes what was written.
    pub(super) async fn discard(self) {
        self.writer.discard().await;
    }
}

/// Whether a column, or a part of it, has no type and so no place in a table.
fn has_no_type(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null => true,
        DataType::Struct(fields) => {
            fields.is_empty() || fields.iter().any(|f| has_no_type(f.data_type()))
        }
        DataType::List(item) | DataType::LargeList(item) => has_no_type(item.data_type()),
        _ => false,
    }
}
