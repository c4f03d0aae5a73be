//! The newest version of each row, when the export is not in order (`engine-notes.md` 7).
//!
//! In: rows in order of their id, and rows that came late, sorted afterwards; each with its place. Out: both as one
//! table sorted by id, one row per id: the newest `updated_at` wins; between equals the later file, and in a file the
//! later record. The others are superseded and go to `rejects`. Never: more than two batches of rows in memory.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use arrow::compute::{filter_record_batch, interleave_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;

use super::rejects::{Place, Reject, Rejects};
use crate::usercom::RowFault;

/// Place of the row's file among the table's files, number of the record in its file, position of its first byte.
const PLACES: [&str; 3] = ["_file", "_row", "_byte"];

/// The schema of the table with each row's place behind it.
pub(super) fn with_places(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
    for name in PLACES {
        fields.push(Arc::new(Field::new(name, DataType::Int64, false)));
    }
    Arc::new(Schema::new(fields))
}

/// The query that orders late rows: by id, the versions of each best first.
pub(super) fn query(table: &str, schema: &SchemaRef) -> String {
    let newest = if schema.field_with_name("updated_at").is_ok() {
        "updated_at desc nulls last, "
    } else {
        ""
    };
    let [file, row, _] = PLACES;
    format!("select * from {table} order by id asc, {newest}{file} desc, {row} desc")
}

/// Parts rows whose ids strictly increase over the whole table from those that came late.
#[derive(Debug)]
pub(super) struct Order {
    last: i64,
}

impl Default for Order {
    fn default() -> Self {
        Self { last: i64::MIN }
    }
}

impl Order {
    /// The rows that go on in order, and the others.
    pub(super) fn split(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<(RecordBatch, Option<RecordBatch>), ArrowError> {
        let ids = ids(batch)?;
        let mut last = self.last;
        let in_order: BooleanArray = ids
            .values()
            .iter()
            .map(|&id| {
                let follows = id > last;
                last = last.max(id);
                Some(follows)
            })
            .collect();
        self.last = last;
        if in_order.true_count() == batch.num_rows() {
            return Ok((batch.clone(), None));
        }
        let late = arrow::compute::not(&in_order)?;
        Ok((
            filter_record_batch(batch, &in_order)?,
            Some(filter_record_batch(batch, &late)?),
        ))
    }
}

/// Chooses between versions of a row and says which were superseded by what.
pub(super) struct Latest {
    files: Vec<String>,
    kept: Option<Version>,
    rejects: Rejects,
    superseded: u64,
}

/// A version of a row; the greatest of an id wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    id: i64,
    updated: Option<i64>,
    file: i64,
    place: Place,
}

impl Latest {
    /// `files` in the order in which they were staged.
    pub(super) fn new(files: Vec<String>) -> Self {
        Self {
            files,
            kept: None,
            rejects: Rejects::default(),
            superseded: 0,
        }
    }

    /// Rows superseded so far.
    pub(super) fn superseded(&self) -> u64 {
        self.superseded
    }

    /// The rejects since the last call.
    pub(super) fn rejects(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rejects.finish()
    }

    /// Of rows as [`query`] sorts them, the first of each id, over all batches.
    pub(super) fn first_of_each(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let versions = Versions::of(batch)?;
        let mut mask = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let version = versions.get(row);
            let newest = self.kept.filter(|kept| kept.id == version.id);
            mask.push(newest.is_none());
            match newest {
                None => self.kept = Some(version),
                Some(newest) => self.supersede(version, newest),
            }
        }
        filter_record_batch(batch, &BooleanArray::from(mask))
    }

    /// Merges two batches, each with strictly increasing ids, into one with one row per id.
    pub(super) fn merge(
        &mut self,
        in_order: &RecordBatch,
        late: &RecordBatch,
    ) -> Result<RecordBatch, ArrowError> {
        let (left, right) = (Versions::of(in_order)?, Versions::of(late)?);
        let mut rows = Vec::with_capacity(in_order.num_rows() + late.num_rows());
        let (mut l, mut r) = (0, 0);
        while l < in_order.num_rows() && r < late.num_rows() {
            let (one, other) = (left.get(l), right.get(r));
            match one.id.cmp(&other.id) {
                Ordering::Less => rows.push((0, l)),
                Ordering::Greater => rows.push((1, r)),
                Ordering::Equal if one > other => {
                    rows.push((0, l));
                    self.supersede(other, one);
                }
                Ordering::Equal => {
                    rows.push((1, r));
                    self.supersede(one, other);
                }
            }
            l += usize::from(one.id <= other.id);
            r += usize::from(other.id <= one.id);
        }
        rows.extend((l..in_order.num_rows()).map(|row| (0, row)));
        rows.extend((r..late.num_rows()).map(|row| (1, row)));
        interleave_record_batch(&[in_order, late], &rows)
    }

    fn file(&self, version: Version) -> String {
        usize::try_from(version.file)
            .ok()
            .and_then(|index| self.files.get(index))
            .cloned()
            .unwrap_or_default()
    }

    fn supersede(&mut self, older: Version, newest: Version) {
        let reject = Reject {
            place: older.place,
            column: None,
            value: &older.id.to_string(),
            length: 0,
            reason: RowFault::Superseded.code(),
            detail: Some(format!(
                "by row {} of {}",
                newest.place.row,
                self.file(newest)
            )),
        };
        let file = self.file(older);
        self.rejects.push(&file, &reject);
        self.superseded += 1;
    }
}

/// A batch, or nothing if it has no rows.
type Rest = Option<RecordBatch>;

/// Cuts two batches, each with increasing ids, at the smaller of their last ids: what can be merged now, and what must
/// wait for the rows that follow.
pub(super) fn cut(
    one: &RecordBatch,
    other: &RecordBatch,
) -> Result<((RecordBatch, RecordBatch), (Rest, Rest)), ArrowError> {
    let (one_ids, other_ids) = (ids(one)?.values(), ids(other)?.values());
    let last = |ids: &[i64]| ids.last().copied().unwrap_or(i64::MAX);
    let bound = last(one_ids).min(last(other_ids));
    let part = |batch: &RecordBatch, ids: &[i64]| {
        let at = ids.partition_point(|&id| id <= bound);
        let rest = (at < batch.num_rows()).then(|| batch.slice(at, batch.num_rows() - at));
        (batch.slice(0, at), rest)
    };
    let ((now, later), (other_now, other_later)) = (part(one, one_ids), part(other, other_ids));
    Ok(((now, other_now), (later, other_later)))
}

/// Ids of a batch.
pub(super) fn ids(batch: &RecordBatch) -> Result<&Int64Array, ArrowError> {
    numbers(batch, "id")
}

fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array, ArrowError> {
    batch
        .column_by_name(name)
        .and_then(|column| column.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| ArrowError::SchemaError(format!("`{name}` of a staged row is no integer")))
}

/// The columns of a batch that tell versions apart.
struct Versions<'a> {
    ids: &'a Int64Array,
    updated: Option<&'a TimestampMicrosecondArray>,
    files: &'a Int64Array,
    rows: &'a Int64Array,
    bytes: &'a Int64Array,
}

impl<'a> Versions<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let [file, row, byte] = PLACES;
        Ok(Self {
            ids: ids(batch)?,
            updated: batch
                .column_by_name("updated_at")
                .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>()),
            files: numbers(batch, file)?,
            rows: numbers(batch, row)?,
            bytes: numbers(batch, byte)?,
        })
    }

    fn get(&self, row: usize) -> Version {
        Version {
            id: self.ids.value(row),
            updated: self
                .updated
                .filter(|updated| updated.is_valid(row))
                .map(|updated| updated.value(row)),
            file: self.files.value(row),
            place: Place {
                row: self.rows.value(row).cast_unsigned(),
                byte: self.bytes.value(row).cast_unsigned(),
            },
        }
    }
}
