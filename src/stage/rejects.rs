//! The table `rejects.<object>`: every cell and row that did not fit.
//!
//! In: faults with their place and verbatim value. Out: batches of one schema. Values beyond 64 KiB are cut, with a mark.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::usercom::VALUE_CAP;

/// Schema of every rejects table.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("file", DataType::Utf8, false),
        Field::new("row", DataType::Int64, false),
        Field::new("byte", DataType::Int64, false),
        Field::new("column", DataType::Utf8, true),
        Field::new("value", DataType::Utf8, true),
        Field::new("reason", DataType::Utf8, false),
        Field::new("detail", DataType::Utf8, true),
        Field::new("id", DataType::Int64, true),
    ]))
}

/// Where a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Number in its file, from 1.
    pub(super) row: u64,
    /// Position of its first byte.
    pub(super) byte: u64,
}

/// One row of the table.
#[derive(Clone, Debug)]
pub(super) struct Reject<'a> {
    pub(super) place: Place,
    /// Null for a whole row.
    pub(super) column: Option<&'a str>,
    pub(super) value: &'a str,
    /// Length of the value in the source if it was cut before.
    pub(super) length: usize,
    pub(super) reason: &'static str,
    pub(super) detail: Option<String>,
    /// The record's id, if it has one that could be read.
    pub(super) id: Option<i64>,
}

/// Collects rejects of one file into a batch.
#[derive(Debug, Default)]
pub(super) struct Rejects {
    file: StringBuilder,
    row: Int64Builder,
    byte: Int64Builder,
    column: StringBuilder,
    value: StringBuilder,
    reason: StringBuilder,
    detail: StringBuilder,
    id: Int64Builder,
}

impl Rejects {
    pub(super) fn push(&mut self, file: &str, reject: &Reject<'_>) {
        self.file.append_value(file);
        self.row.append_value(reject.place.row.cast_signed());
        self.byte.append_value(reject.place.byte.cast_signed());
        self.column.append_option(reject.column);
        match cut(reject.value, reject.length) {
            Some(cut) => self.value.append_value(cut),
            None => self.value.append_value(reject.value),
        }
        self.reason.append_value(reject.reason);
        self.detail.append_option(reject.detail.as_deref());
        self.id.append_option(reject.id);
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.file.finish()),
            Arc::new(self.row.finish()),
            Arc::new(self.byte.finish()),
            Arc::new(self.column.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.detail.finish()),
            Arc::new(self.id.finish()),
        ];
        RecordBatch::try_new(schema(), columns)
    }
}

/// A value that is too long, cut and marked.
pub(super) fn cut(value: &str, length: usize) -> Option<String> {
    if value.len() <= VALUE_CAP && length <= value.len() {
        return None;
    }
    let end = value.floor_char_boundary(VALUE_CAP);
    Some(format!(
        "{}… [cut, {} bytes in all]",
        &value[..end],
        length.max(value.len())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_with_a_mark() {
        let long = "ż".repeat(VALUE_CAP);
        let cut_value = cut(&long, long.len()).unwrap();
        assert!(cut_value.len() < VALUE_CAP + 64);
        assert!(cut_value.ends_with("… [cut, 131072 bytes in all]"));
        assert_eq!(cut("short", 5), None);
        assert!(cut("start", 500).unwrap().ends_with("500 bytes in all]"));
    }
}
