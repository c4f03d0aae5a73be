//! A load whose rows are looked for in the org, and what is asked of each.
//!
//! In: a load, its object as this login sees it. Out: the names and types of what is read. Never: a request.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::coercion::{derived_by, readable};
use super::edits::MODIFIED;
use crate::encode::RAW_VALUES;
use crate::engine::Engine;
use crate::project::QueryFile;
use crate::rows::Columns;
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::Staging;

/// When a row was touched last, by anybody or anything; nobody can set it.
pub(super) const STAMP: &str = "SystemModstamp";

/// What to read back.
pub struct ReadBack<'a> {
    /// Where the table goes.
    pub staging: &'a Staging,
    /// Sorts the rows.
    pub engine: &'a Engine,
    /// Connected to the destination.
    pub client: &'a Client,
    /// The load.
    pub file: &'a QueryFile,
    /// Its object's describe, as this login sees it.
    pub describe: &'a ObjectDescribe,
    /// Its columns.
    pub columns: &'a Columns,
    /// Rows in its outbox; without any, nothing is asked for.
    pub outbox_rows: u64,
    /// Whether every row is read, not only what changed since the last look.
    pub whole: bool,
}

impl ReadBack<'_> {
    /// The table of rows in the order in which they came.
    pub(super) fn unsorted_name(&self) -> String {
        format!("{}_unsorted", self.file.name)
    }

    /// `_id`, the key columns, then every sent field that this login can read, and who changed the record last and when.
    pub(super) fn schema(&self) -> SchemaRef {
        let mut fields = vec![Field::new("_id", DataType::Utf8, true)];
        fields.extend(self.columns.key_fields().cloned());
        let sent = self.columns.sent.iter().map(|field| field.name().as_str());
        let further = self.file.read.iter().map(String::as_str);
        let derived = sent
            .clone()
            .filter_map(|name| derived_by(self.describe, name));
        for name in sent
            .clone()
            .chain(further)
            .chain([RAW_VALUES])
            .chain(MODIFIED)
            .chain([STAMP])
            .chain(derived)
        {
            let known = fields.iter().any(|field| field.name() == name);
            if !known && readable(self.describe, name).is_some() {
                fields.push(Field::new(name, DataType::Utf8, true));
            }
        }
        Arc::new(Schema::new(fields))
    }

    /// Whether the object has no field for the key, so that its records are told by their ids.
    pub(super) fn has_hidden_key(&self) -> bool {
        self.columns.key.iter().any(|key| key.starts_with('_'))
    }
}
