//! The newest version of each row, when the export is not in order (`guide/engine.md` 7).
//!
//! In: several runs of rows, each in order of its ids, each row with its place. Out: one run with one row per id: the
//! newest `updated_at` wins; between equals the later file, and in a file the later record. The others are superseded
//! and go to `rejects`. Never: more than a batch of each run in memory.

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
    first: Option<i64>,
    last: i64,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            first: None,
            last: i64::MIN,
        }
    }
}

impl Order {
    /// The first and the last id that went on in order.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        self.first.map(|first| (first, self.last))
    }

    /// Whether the first row of a batch would come late.
    pub(super) fn is_late(&self, batch: &RecordBatch) -> Result<bool, ArrowError> {
        Ok(ids(batch)?
            .values()
            .first()
            .is_some_and(|&id| id <= self.last))
    }

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
        // The first id of all is in order, being greater than the least number there is.
        let begins = || ids.values().first().copied();
        self.first = self.first.or_else(begins);
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

    /// Merges batches, each with strictly increasing ids, into one with one row per id.
    pub(super) fn merge(&mut self, parts: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
        if let [only] = parts {
            return Ok(only.clone());
        }
        let versions: Vec<Versions<'_>> =
            parts.iter().map(Versions::of).collect::<Result<_, _>>()?;
        let mut at = vec![0; parts.len()];
        let mut rows = Vec::with_capacity(parts.iter().map(RecordBatch::num_rows).sum());
        loop {
            let heads = || {
                let heads = versions.iter().zip(&at).enumerate();
                heads.filter_map(|(part, (versions, &row))| Some((part, versions.find(row)?)))
            };
            let Some(id) = heads().map(|(_, version)| version.id).min() else {
                break;
            };
            let same: Vec<(usize, Version)> =
                heads().filter(|(_, version)| version.id == id).collect();
            let Some(&(winner, newest)) = same.iter().max_by_key(|(_, version)| *version) else {
                break;
            };
            rows.push((winner, at[winner]));
            for (part, version) in same {
                at[part] += 1;
                if part != winner {
                    self.supersede(version, newest);
                }
            }
        }
        let parts: Vec<&RecordBatch> = parts.iter().collect();
        interleave_record_batch(&parts, &rows)
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
            id: Some(older.id),
        };
        let file = self.file(older);
        self.rejects.push(&file, &reject);
        self.superseded += 1;
    }
}

/// Takes from the heads of runs all rows up to the smallest of their last ids: these can be merged now, the rest must
/// wait for the rows that follow. Empty if no run has any left.
pub(super) fn cut(heads: &mut [Option<RecordBatch>]) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut bound = i64::MAX;
    for head in heads.iter().flatten() {
        bound = bound.min(ids(head)?.values().last().copied().unwrap_or(i64::MAX));
    }
    let mut parts = Vec::with_capacity(heads.len());
    for head in heads {
        let Some(batch) = head.take() else { continue };
        let at = ids(&batch)?.values().partition_point(|&id| id <= bound);
        if at > 0 {
            parts.push(batch.slice(0, at));
        }
        *head = (at < batch.num_rows()).then(|| batch.slice(at, batch.num_rows() - at));
    }
    Ok(parts)
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

    /// The version of a row, if there is such a row.
    fn find(&self, row: usize) -> Option<Version> {
        (row < self.ids.len()).then(|| self.get(row))
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
