//! Rows of the org that carry our key, as `org.<load>`: the key typed as in the outbox, all other fields as text.
//!
//! Fetches them in no order (`fetch`) and sorts them by key, so that comparing is a merge. Memory is a page of rows and the
//! engine's pool, whatever the object's size.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::coercion::readable;
use super::rows::patiently;
use super::{ReconcileError, fetch};
use crate::encode::RAW_VALUES;
use crate::engine::Engine;
use crate::project::QueryFile;
use crate::rows::Columns;
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::{Manifest, Snapshot, Staging};

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
}

/// Reads every row of the object with our key and publishes it as `org.<load>`; calls `progress` with rows so far.
///
/// # Errors
/// [`ReconcileError`].
pub async fn read_back(
    request: &ReadBack<'_>,
    progress: impl Fn(u64),
) -> Result<Manifest, ReconcileError> {
    let schema = schema(request);
    if request.outbox_rows == 0 {
        let writer = request
            .staging
            .create("org", &request.file.name, schema, &[])
            .await?;
        return Ok(writer.publish(BTreeMap::new()).await?);
    }
    let unsorted = patiently(request.client, async || {
        fetch::fetch(request, &schema, &progress).await
    })
    .await?;
    let sorted = sort(request, &schema, &unsorted).await;
    request.staging.remove(&unsorted).await;
    sorted
}

pub(super) fn unsorted_name(request: &ReadBack<'_>) -> String {
    format!("{}_unsorted", request.file.name)
}

async fn sort(
    request: &ReadBack<'_>,
    schema: &SchemaRef,
    unsorted: &Manifest,
) -> Result<Manifest, ReconcileError> {
    let mut snapshot = Snapshot::default();
    snapshot.insert(unsorted.clone());
    let session = request.engine.session(request.staging, &snapshot)?;
    let table = unsorted.name();
    let key = &request.columns.key;
    let mut rows = session
        .stream(&table, &format!("select * from {table}"), key)
        .await?;
    let sorted_by: Vec<&str> = key.iter().map(String::as_str).collect();
    let mut writer = request
        .staging
        .create("org", &request.file.name, Arc::clone(schema), &sorted_by)
        .await?;
    while let Some(batch) = rows.next_batch().await? {
        writer.write(&batch).await?;
    }
    Ok(writer.publish(BTreeMap::new()).await?)
}

/// `_id`, the key columns, then every sent field that this login can read.
pub(super) fn schema(request: &ReadBack<'_>) -> SchemaRef {
    let mut fields = vec![Field::new("_id", DataType::Utf8, true)];
    fields.extend(request.columns.key_fields().cloned());
    let sent = request
        .columns
        .sent
        .iter()
        .map(|field| field.name().as_str());
    let further = request.file.read.iter().map(String::as_str);
    for name in sent.chain(further).chain([RAW_VALUES]) {
        let known = fields.iter().any(|field| field.name() == name);
        if !known && readable(request.describe, name).is_some() {
            fields.push(Field::new(name, DataType::Utf8, true));
        }
    }
    Arc::new(Schema::new(fields))
}
