//! A table of a few rows that are in memory: what was asked of the org, what is to be joined.
//!
//! In: columns of one length, and their form. Out: a table, not published. Never: rows of an export.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::Error;
use crate::staging::{Manifest, Staging};

/// The form of a table with these texts, then these numbers.
pub(super) fn form(texts: &[&str], numbers: &[&str]) -> SchemaRef {
    let texts = texts.iter().map(|name| (*name, DataType::Utf8));
    let numbers = numbers.iter().map(|name| (*name, DataType::Int64));
    let fields = texts.chain(numbers);
    let fields: Vec<Field> = fields
        .map(|(name, data_type)| Field::new(name, data_type, true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// Writes `schema.name`.
pub(super) async fn of_columns(
    staging: &Staging,
    (schema_name, name): (&str, &str),
    schema: SchemaRef,
    columns: Vec<ArrayRef>,
) -> Result<Manifest, Error> {
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns);
    let rows = rows.map_err(|error| Error::Defect {
        what: format!("{schema_name}.{name} is no table: {error}"),
    })?;
    let mut writer = staging.create(schema_name, name, schema, &[]).await?;
    writer.write(&rows).await?;
    Ok(writer.finish(BTreeMap::new()).await?)
}
