//! What the export holds of each column: absent is not empty (`guide/rules.md` 32).
//!
//! In: the plans of a table's files, the rows of its final version, the manifest before it. Out: a [`ColumnBook`] per column for the
//! manifest, and the same of all tables as `staged.columns` for SQL. Columns that only an earlier export had stay in the
//! books, so that "gone" and "misspelt" can be told apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanBuilder, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::StageError;
use super::error::{build_error, write_error};
use crate::staging::{ColumnBook, Manifest, Snapshot, Staging};
use crate::usercom::header::normalise;
use crate::usercom::layout::{ATTRIBUTE_METADATA, FilePlan, TableColumn};
use crate::usercom::schema::{ColumnKind, Take};

/// Rows with a value, by column.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Filled(Vec<u64>);

impl Filled {
    /// Counts the values of a batch.
    pub(super) fn add(&mut self, batch: &RecordBatch) {
        let columns = self.0.len().max(batch.num_columns());
        self.0.resize(columns, 0);
        for (count, array) in self.0.iter_mut().zip(batch.columns()) {
            *count += (array.len() - array.null_count()) as u64;
        }
    }

    /// Adds what others counted.
    pub(super) fn join(&mut self, other: &Self) {
        self.add_counts(&other.0);
    }

    /// Adds other counts.
    pub(super) fn add_counts(&mut self, counts: &[u64]) {
        let columns = self.0.len().max(counts.len());
        self.0.resize(columns, 0);
        for (count, more) in self.0.iter_mut().zip(counts) {
            *count += more;
        }
    }

    pub(super) fn of(&self, column: usize) -> u64 {
        self.0.get(column).copied().unwrap_or_default()
    }
}

/// The column that each attribute had in the exports so far, by its compared name.
pub(super) fn known_attributes(before: Option<&Manifest>) -> BTreeMap<String, String> {
    let columns = before.iter().flat_map(|table| &table.columns);
    columns
        .filter_map(|(name, book)| Some((normalise(book.attribute.as_ref()?), name.clone())))
        .collect()
}

/// The books of one table's columns.
pub(super) fn books(
    columns: &[TableColumn],
    plans: &[FilePlan],
    [filled, nothing, unreadable]: [&Filled; 3],
    schema: &Schema,
    before: Option<&Manifest>,
) -> BTreeMap<String, ColumnBook> {
    // A file without a header has no columns to lack.
    let plans: Vec<&FilePlan> = plans.iter().filter(|plan| plan.inputs > 0).collect();
    let files = plans.len() as u64;
    let mut books = BTreeMap::new();
    for (index, column) in columns.iter().enumerate() {
        let has = |plan: &&&FilePlan| {
            let fed = |at: usize| plan.sources.get(at).is_some_and(|cells| !cells.is_empty());
            // The key may be made of other columns; sizes come with the paths.
            let fed = match column.kind {
                // A sum with its currency next to it gives one only where it has one.
                ColumnKind::Currency => {
                    let cells = plan.sources.get(index).into_iter().flatten();
                    filled.of(index) > 0 || cells.into_iter().any(|cell| cell.take == Take::Whole)
                }
                _ => fed(index),
            };
            fed || column.kind == ColumnKind::Key || column.kind.is_of_blob()
        };
        let files_with = plans.iter().filter(has).count() as u64;
        books.insert(
            column.name.clone(),
            ColumnBook {
                files_with,
                files_without: files - files_with,
                rows_with_value: filled.of(index),
                nothing_words: nothing.of(index),
                unreadable: unreadable.of(index),
                attribute: schema
                    .field_with_name(&column.name)
                    .ok()
                    .and_then(|field| field.metadata().get(ATTRIBUTE_METADATA).cloned()),
                seen_before: false,
            },
        );
    }
    for (name, book) in before.iter().flat_map(|table| &table.columns) {
        if book.seen_before || book.files_with > 0 {
            let now = books.entry(name.clone()).or_insert_with(|| ColumnBook {
                attribute: book.attribute.clone(),
                ..ColumnBook::default()
            });
            now.seen_before = true;
        }
    }
    books
}

/// Schema of `staged.columns`.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("source", DataType::Utf8, false),
        Field::new("column", DataType::Utf8, false),
        Field::new("attribute", DataType::Utf8, true),
        Field::new("present", DataType::Boolean, false),
        Field::new("gone", DataType::Boolean, false),
        Field::new("files_with", DataType::Int64, false),
        Field::new("files_without", DataType::Int64, false),
        Field::new("rows", DataType::Int64, false),
        Field::new("rows_with_value", DataType::Int64, false),
        Field::new("nothing_words", DataType::Int64, false),
        Field::new("unreadable", DataType::Int64, false),
    ]))
}

/// Publishes `staged.columns`: one row per source table and column.
pub(super) async fn publish(staging: &Staging, staged: &Snapshot) -> Result<(), StageError> {
    const NAME: &str = "columns";
    let write = |source| write_error(NAME, source);
    let mut texts: [StringBuilder; 3] = Default::default();
    let mut truths: [BooleanBuilder; 2] = Default::default();
    let mut numbers: [Int64Builder; 6] = Default::default();
    for table in staged.schema("usercom") {
        for (name, book) in &table.columns {
            let [source, column, own] = &mut texts;
            source.append_value(&table.table);
            column.append_value(name);
            own.append_option(book.attribute.as_deref());
            let [present, gone] = &mut truths;
            present.append_value(book.is_present());
            gone.append_value(book.is_gone());
            let counts = [
                book.files_with,
                book.files_without,
                table.rows,
                book.rows_with_value,
                book.nothing_words,
                book.unreadable,
            ];
            for (builder, count) in numbers.iter_mut().zip(counts) {
                builder.append_value(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }
    let [mut source, mut column, mut own] = texts;
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(source.finish()),
        Arc::new(column.finish()),
        Arc::new(own.finish()),
    ];
    columns.extend(truths.map(|mut truth| Arc::new(truth.finish()) as ArrayRef));
    columns.extend(numbers.map(|mut number| Arc::new(number.finish()) as ArrayRef));
    let batch = RecordBatch::try_new(schema(), columns)
        .map_err(|source| build_error(NAME, "staged.columns", source))?;
    let mut writer = staging
        .create("staged", NAME, schema(), &["source", "column"])
        .await
        .map_err(write)?;
    writer.write(&batch).await.map_err(write)?;
    writer.publish(BTreeMap::new()).await.map_err(write)?;
    Ok(())
}
