//! What became of each file's rows, and whether so many could not be read that nothing should be sent.
//!
//! In: counts by file. Out: the table `staged.files`, and a sentence for each file whose rows are rejected beyond the gate
//! (`guide/rules.md` 40).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::StageError;
use super::error::{build_error, write_error};
use crate::config::Gates;
use crate::staging::{Snapshot, Staging};

const NAME: &str = "files";

/// Rows of a batch while definitions are read.
pub(super) const DEFINITION_ROWS: usize = 1024;

/// The rows of one file for one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileBook {
    /// Table without its schema.
    pub table: String,
    /// Name inside the export.
    pub file: String,
    /// Records found.
    pub rows: u64,
    /// Records that could not be read; older versions of rows are none of them.
    pub rejected_rows: u64,
    /// Cells that could not be read.
    pub rejected_cells: u64,
    /// Cells that were read as something else than they say.
    pub altered_cells: u64,
    /// The commonest reason why records could not be read.
    pub reason: Option<String>,
}

impl FileBook {
    /// What is to be said if more of the file is rejected than the gates allow.
    #[must_use]
    pub fn objection(&self, gates: &Gates) -> Option<String> {
        if self.rejected_rows == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share in percent")]
        let percent = self.rejected_rows as f64 * 100.0 / self.rows.max(1) as f64;
        let many =
            self.rejected_rows > gates.max_rejected_rows && percent > gates.max_rejected_percent;
        // A few rows are too few for a share, unless they are most of what there is.
        let most = percent >= 50.0 && gates.max_rejected_percent < 50.0;
        (many || most).then(|| {
            format!(
                "{}: {} of {} rows of {} could not be read, mostly {}; see rejects.{}. Mend the file, or raise max_rejected_percent under \
                 [gates]",
                self.file,
                self.rejected_rows,
                self.rows,
                self.table,
                self.reason.as_deref().unwrap_or("for various reasons"),
                self.table,
            )
        })
    }
}

pub(super) fn schema() -> SchemaRef {
    let number = |name| Field::new(name, DataType::Int64, false);
    Arc::new(Schema::new(vec![
        Field::new("source", DataType::Utf8, false),
        Field::new("file", DataType::Utf8, false),
        number("rows"),
        number("rejected_rows"),
        number("rejected_cells"),
        number("altered_cells"),
        Field::new("reason", DataType::Utf8, true),
    ]))
}

/// Publishes `staged.files`.
pub(super) async fn publish<'a>(
    staging: &Staging,
    books: impl Iterator<Item = &'a FileBook>,
    counts: BTreeMap<String, u64>,
) -> Result<(), StageError> {
    let write = |source| write_error(NAME, source);
    let mut texts: [StringBuilder; 3] = Default::default();
    let mut numbers: [Int64Builder; 4] = Default::default();
    for book in books {
        let [source, file, reason] = &mut texts;
        source.append_value(&book.table);
        file.append_value(&book.file);
        reason.append_option(book.reason.as_deref());
        let counts = [
            book.rows,
            book.rejected_rows,
            book.rejected_cells,
            book.altered_cells,
        ];
        for (builder, count) in numbers.iter_mut().zip(counts) {
            builder.append_value(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
    let [source, file, reason] = texts.map(|mut text| Arc::new(text.finish()) as ArrayRef);
    let mut columns = vec![source, file];
    columns.extend(numbers.map(|mut number| Arc::new(number.finish()) as ArrayRef));
    columns.push(reason);
    let batch = RecordBatch::try_new(schema(), columns)
        .map_err(|source| build_error(NAME, "staged.files", source))?;
    let mut writer = staging
        .create("staged", NAME, schema(), &[])
        .await
        .map_err(write)?;
    writer.write(&batch).await.map_err(write)?;
    writer.publish(counts).await.map_err(write)?;
    Ok(())
}

/// The books of the files staged last.
///
/// # Errors
/// [`StageError::WriteTable`] when the table cannot be read.
pub async fn file_books(
    staging: &Staging,
    snapshot: &Snapshot,
) -> Result<Vec<FileBook>, StageError> {
    let mut books = Vec::new();
    let Some(table) = snapshot.get("staged", NAME) else {
        return Ok(books);
    };
    let mut batches = staging.read_table(table, DEFINITION_ROWS);
    while let Some(batch) = batches
        .try_next()
        .await
        .map_err(|source| write_error(NAME, source))?
    {
        let text = |column: usize, row: usize| {
            let array = batch.column(column).as_string::<i32>();
            array.is_valid(row).then(|| array.value(row).to_owned())
        };
        let number = |column: usize, row: usize| {
            let array = batch.column(column).as_primitive::<Int64Type>();
            array.value(row).unsigned_abs()
        };
        books.extend((0..batch.num_rows()).map(|row| FileBook {
            table: text(0, row).unwrap_or_default(),
            file: text(1, row).unwrap_or_default(),
            rows: number(2, row),
            rejected_rows: number(3, row),
            rejected_cells: number(4, row),
            altered_cells: number(5, row),
            reason: text(6, row),
        }));
    }
    Ok(books)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_objected_to_by_its_share_and_never_for_a_few_rows() {
        let objects = |rejected_rows, rows| {
            let book = FileBook {
                table: "people".to_owned(),
                file: "people.csv".to_owned(),
                rows,
                rejected_rows,
                reason: Some("ragged_row".to_owned()),
                ..FileBook::default()
            };
            book.objection(&Gates::default()).is_some()
        };
        for (rejected, rows) in [(2, 2), (1, 1), (1, 2), (3, 100), (5, 10), (400, 16_000)] {
            assert!(objects(rejected, rows), "{rejected} of {rows}");
        }
        for (rejected, rows) in [(0, 0), (1, 3), (2, 100), (2, 5), (3, 1_000), (300, 16_000)] {
            assert!(!objects(rejected, rows), "{rejected} of {rows}");
        }
    }
}
