//! A table of a few rows that are in memory: what was asked of the org, what is to be joined.
//!
//! In: columns of one length. Out: a table, not published. Never: rows of an export.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};

use crate::error::Error;
use crate::staging::{Manifest, Staging};

/// Writes `schema.name`.
pub(super) async fn of_columns(
    staging: &Staging,
    (schema_name, name): (&str, &str),
    columns: Vec<(&str, ArrayRef)>,
) -> Result<Manifest, Error> {
    let fields = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns);
    let rows = rows.map_err(|error| Error::Defect {
        what: format!("{schema_name}.{name} is no table: {error}"),
    })?;
    let mut writer = staging.create(schema_name, name, schema, &[]).await?;
    writer.write(&rows).await?;
    Ok(writer.finish(BTreeMap::new()).await?)
}
