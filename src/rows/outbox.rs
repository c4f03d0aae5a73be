//! Schema of an outbox: the columns that are sent, those kept beside them, and what the engine knows about each row.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::Columns;
use crate::encode::RAW_VALUES;

/// How the tables begin of rows that the source no longer has, in `recon` and in `outbox`.
pub const GONE: &str = "gone_";

/// The column with the record that is undeleted for a row's own, where they are two: a file's document.
pub const TARGET: &str = "_target";

/// The field that says when a run found that the source no longer has a record.
pub const DELETED_AT: &str = "usercom_deleted_at__c";

/// How columns begin that hold a part's key apart from the fields that are sent.
pub const KEY_APART: &str = "_key_";

/// Bit set of the sent columns whose value is the one that was sent last: an update leaves them out, so that what somebody changed
/// in the org stays (`guide/rules.md` 36).
pub const SAME: &str = "_same";

/// Bit set of the sent columns that an update empties.
pub const CLEAR: &str = "_clear";

/// What makes the fingerprint of a row other than its values say: a field of it was left to the org, so that the next run looks
/// at the row again though its values are the same.
pub const LEFT_OUT: i64 = 0x6c65_6674_206f_7574;

/// SQL that says whether a row of an outbox (its alias) stands for what its ledger (its alias) says: it landed, or nothing of it had to
/// be sent, though its values are others than those that landed ([`LEFT_OUT`]). No equality of two columns, which would become a key
/// of the join and have both tables sorted once more.
#[must_use]
pub fn stands(outbox: &str, ledger: &str) -> String {
    format!("{outbox}._fingerprint ^ {ledger}.fingerprint in (0, {LEFT_OUT})")
}

/// How ids begin that a plan gives to records which a run would make.
pub const PROJECTED: &str = "projected ";

/// Rows of the first part of a phase: enough to see whether the org accepts them (`guide/rules.md` 26).
pub const CANARY_ROWS: usize = 200;

/// Columns of an outbox that are not sent.
const META: [(&str, DataType); 5] = [
    ("_id", DataType::Utf8),
    ("_fingerprint", DataType::Int64),
    ("_written", DataType::Binary),
    (CLEAR, DataType::Binary),
    (SAME, DataType::Binary),
];

/// Schema of an outbox with these sent columns.
#[must_use]
pub fn outbox_schema(columns: &Columns) -> SchemaRef {
    let mut fields = columns.sent.clone();
    if columns.keeps_raw() {
        fields.push(Field::new(RAW_VALUES, DataType::Utf8, true));
    }
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    let metadata = [("sent".to_owned(), names.join(","))];
    fields.extend(columns.hidden.iter().cloned());
    fields.extend(outbox_fields());
    Arc::new(Schema::new(fields).with_metadata(metadata.into()))
}

/// Columns of every outbox behind those that are sent.
#[must_use]
pub fn outbox_fields() -> Vec<Field> {
    let operation = Field::new("_operation", DataType::Utf8, false);
    let meta = META.map(|(name, data_type)| Field::new(name, data_type, true));
    std::iter::once(operation).chain(meta).collect()
}

/// Names of the columns that are sent, from an outbox's or ledger's schema.
#[must_use]
pub fn sent_columns(schema: &Schema) -> Vec<String> {
    schema
        .metadata()
        .get("sent")
        .map(|names| {
            let names = names.split(',').filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        })
        .unwrap_or_default()
}
