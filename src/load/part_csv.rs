//! A part as the CSV that a Bulk job takes, encoded while it is read.
//!
//! In: a Parquet part. Out: a stream of bytes, from the first row at each call. Never: more than a batch in memory.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::nullif;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};

use super::part::{ENCODE_ROWS, PartContext};
use crate::encode::RowEncoder;
use crate::rows::SAME;
use crate::salesforce::Operation;
use crate::staging::DataFile;

impl PartContext {
    /// The part as CSV, encoded while it is read; each call starts from the first row.
    pub(super) fn csv(
        &self,
        part: &DataFile,
        operation: Operation,
    ) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let update = !matches!(operation, Operation::Insert | Operation::Upsert);
        let sent = match operation {
            Operation::Delete | Operation::HardDelete => Vec::new(),
            _ => self.sent_with(update),
        };
        let all = self.sent.clone();
        // An undo writes everything.
        let has_same = self.outbox.field_with_name(SAME).is_ok() && !sent.is_empty();
        let (staging, part) = (self.staging.clone(), part.clone());
        let start = async move {
            let mut columns: Vec<&str> = sent.iter().map(String::as_str).collect();
            columns.extend(["_id", "_clear"]);
            columns.extend(has_same.then_some(SAME));
            let batches = staging
                .read_file(&part, &columns, ENCODE_ROWS)
                .await
                .map_err(broken)?;
            let mut header: Vec<&str> = Vec::new();
            if update {
                header.push("Id");
            }
            header.extend(sent.iter().map(String::as_str));
            let header = Bytes::from(RowEncoder::header(header.into_iter()));
            let rows = batches.map(move |batch| {
                let batch = batch.map_err(broken)?;
                encode_batch(&batch, &sent, &all, update).map(Bytes::from)
            });
            Ok::<_, std::io::Error>(futures::stream::iter([Ok(header)]).chain(rows))
        };
        futures::stream::once(start).try_flatten()
    }
}

fn encode_batch(
    batch: &RecordBatch,
    sent: &[String],
    all: &[String],
    update: bool,
) -> std::io::Result<Vec<u8>> {
    let columns: Vec<usize> = sent
        .iter()
        .map(|name| batch.schema().index_of(name))
        .collect::<Result<_, _>>()
        .map_err(std::io::Error::other)?;
    let rows = batch.project(&columns).map_err(std::io::Error::other)?;
    let rows = without_same(&rows, batch, sent, all).map_err(std::io::Error::other)?;
    let encoder = RowEncoder::new(&rows, rows.num_columns()).map_err(std::io::Error::other)?;
    let ids = batch
        .column_by_name("_id")
        .map(|column| column.as_string::<i32>());
    let clear = batch
        .column_by_name("_clear")
        .map(|column| column.as_binary::<i32>());
    let mut out = Vec::with_capacity(batch.num_rows() * 256);
    for row in 0..batch.num_rows() {
        if update {
            if let Some(ids) = ids.filter(|ids| ids.is_valid(row)) {
                out.extend_from_slice(ids.value(row).as_bytes());
            }
            if sent.is_empty() {
                out.push(b'\n');
                continue;
            }
            out.push(b',');
        }
        let cleared = clear
            .filter(|clear| clear.is_valid(row))
            .map(|clear| kept_bits(clear.value(row), sent, all));
        encoder.write(row, cleared.as_deref(), &mut out);
    }
    Ok(out)
}

/// The columns to be sent without the values that are the same as last time.
fn without_same(
    rows: &RecordBatch,
    batch: &RecordBatch,
    sent: &[String],
    all: &[String],
) -> Result<RecordBatch, ArrowError> {
    let same = batch
        .column_by_name(SAME)
        .map(|column| column.as_binary::<i32>())
        .filter(|same| same.null_count() < same.len());
    let Some(same) = same else {
        return Ok(rows.clone());
    };
    let mut columns = rows.columns().to_vec();
    for (column, name) in columns.iter_mut().zip(sent) {
        let Some(place) = all.iter().position(|other| other == name) else {
            continue;
        };
        let left_out: BooleanArray = same
            .iter()
            .map(|bits| {
                let byte = bits.and_then(|bits| bits.get(place / 8));
                Some(byte.is_some_and(|byte| byte & (1 << (place % 8)) != 0))
            })
            .collect();
        if left_out.true_count() > 0 {
            *column = nullif(column, &left_out)?;
        }
    }
    let fields = rows.schema();
    let fields = fields.fields().iter();
    let fields: Vec<_> = fields
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// A bit set over all columns, as one over those that are sent with an update.
fn kept_bits(bits: &[u8], sent: &[String], all: &[String]) -> Vec<u8> {
    let mut kept = vec![0_u8; sent.len().div_ceil(8)];
    for (position, name) in sent.iter().enumerate() {
        let Some(before) = all.iter().position(|other| other == name) else {
            continue;
        };
        if bits
            .get(before / 8)
            .is_some_and(|byte| byte & (1 << (before % 8)) != 0)
        {
            kept[position / 8] |= 1 << (position % 8);
        }
    }
    kept
}

fn broken(error: crate::staging::StagingError) -> std::io::Error {
    std::io::Error::other(error)
}
