//! The newest version of each row, when the export is not in order (`engine-notes.md` 7).
//!
//! In: a table that was written in the order of the files, each row with its place. Out: rows sorted by id, one per id:
//! the newest `updated_at` wins; between equals the later file, and in a file the later record. The others are
//! superseded and go to `rejects`. The sort spills; memory does not grow with the table.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::rejects::{Place, Reject, Rejects};
use crate::usercom::RowFault;

/// Place of the row's file among the table's files.
const FILE: &str = "_file";
/// Number of the record in its file.
const ROW: &str = "_row";
/// Position of the record in its file.
const BYTE: &str = "_byte";

/// The schema of the table with each row's place behind it.
pub(super) fn with_places(schema: &SchemaRef) -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
    for name in [FILE, ROW, BYTE] {
        fields.push(Arc::new(Field::new(name, DataType::Int64, false)));
    }
    Arc::new(Schema::new(fields))
}

/// The query that orders the versions of each row, best first.
pub(super) fn query(table: &str, schema: &SchemaRef) -> String {
    let newest = if schema.field_with_name("updated_at").is_ok() {
        "updated_at desc nulls last, "
    } else {
        ""
    };
    format!("select * from {table} order by id asc, {newest}{FILE} desc, {ROW} desc")
}

/// Keeps the first version of each id over all batches of the sorted table.
pub(super) struct Latest {
    schema: SchemaRef,
    files: Vec<String>,
    kept: Option<Version>,
}

#[derive(Clone, Copy)]
struct Version {
    id: i64,
    file: i64,
    place: Place,
}

impl Latest {
    /// `files` in the order in which they were staged.
    pub(super) fn new(schema: SchemaRef, files: Vec<String>) -> Self {
        Self {
            schema,
            files,
            kept: None,
        }
    }

    /// The rows of a batch that stay, and those that are superseded.
    pub(super) fn keep(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<(RecordBatch, RecordBatch), ArrowError> {
        let numbers = |index: usize| {
            let column = batch.columns().get(index);
            column
                .and_then(|array| array.as_primitive_opt::<Int64Type>())
                .ok_or_else(|| {
                    ArrowError::SchemaError(format!(
                        "column {index} of a sorted batch is no integer"
                    ))
                })
        };
        let width = self.schema.fields().len();
        let (ids, files) = (numbers(0)?, numbers(width)?);
        let (rows, bytes) = (numbers(width + 1)?, numbers(width + 2)?);
        let mut rejects = Rejects::default();
        let mut mask = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let version = Version {
                id: ids.value(row),
                file: files.value(row),
                place: Place {
                    row: rows.value(row).cast_unsigned(),
                    byte: bytes.value(row).cast_unsigned(),
                },
            };
            let newest = self.kept.filter(|kept| kept.id == version.id);
            mask.push(newest.is_none());
            match newest {
                None => self.kept = Some(version),
                Some(newest) => self.supersede(&mut rejects, version, newest),
            }
        }
        let batch = filter_record_batch(batch, &BooleanArray::from(mask))?;
        let columns = batch.columns()[..width].to_vec();
        let kept = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        Ok((kept, rejects.finish()?))
    }

    fn file(&self, version: Version) -> &str {
        usize::try_from(version.file)
            .ok()
            .and_then(|index| self.files.get(index))
            .map_or("", String::as_str)
    }

    fn supersede(&self, rejects: &mut Rejects, older: Version, newest: Version) {
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
        rejects.push(self.file(older), &reject);
    }
}
