//! Schema of a ledger: the last known id of each key and its latest outcome.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Columns, outbox_schema};

/// Schema of `ledger.<load>` and of its attempts: the key columns, identity, outcome.
#[must_use]
pub fn ledger_schema(columns: &Columns) -> SchemaRef {
    let mut fields: Vec<Field> = columns.key_fields().cloned().collect();
    fields.extend(ledger_fields());
    let metadata = outbox_schema(columns).metadata().clone();
    Arc::new(Schema::new(fields).with_metadata(metadata))
}

/// Columns of a ledger that say what happened last.
pub(crate) const OUTCOME: [&str; 8] = [
    "outcome",
    "error_code",
    "error",
    "operation",
    "job_id",
    "attempt",
    "run_id",
    "at",
];

/// Columns of every ledger behind its key.
#[must_use]
pub fn ledger_fields() -> Vec<Field> {
    vec![
        Field::new("id", DataType::Utf8, true),
        Field::new("live", DataType::Utf8, true),
        Field::new("fingerprint", DataType::Int64, true),
        Field::new("written", DataType::Binary, true),
        // The record that this one was merged into, or the contact that a lead became.
        Field::new("successor", DataType::Utf8, true),
        Field::new("outcome", DataType::Utf8, true),
        Field::new("error_code", DataType::Utf8, true),
        Field::new("error", DataType::Utf8, true),
        Field::new("operation", DataType::Utf8, true),
        Field::new("job_id", DataType::Utf8, true),
        Field::new("attempt", DataType::Int64, true),
        Field::new("run_id", DataType::Utf8, true),
        Field::new(
            "at",
            DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into())),
            true,
        ),
    ]
}
