//! Rows of the org that carry our key, as `org.<load>`: the key typed as in the outbox, all other fields as text.
//!
//! Streams a Bulk query (`reference/salesforce.md §2`), whose rows come in no order, and sorts them by key, so that
//! comparing is a merge. Memory is a page of CSV and the engine's pool, whatever the object's size.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, StringBuilder};
use arrow::compute::{cast, filter_record_batch, is_not_null};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::{TryStreamExt, pin_mut};

use super::ReconcileError;
use crate::encode::RAW_VALUES;
use crate::engine::Engine;
use crate::salesforce::{Client, CsvRows, JobState, ObjectDescribe, QueryScope, WaitOptions};
use crate::staging::{Manifest, Snapshot, Staging};
use crate::transform::Columns;

/// Objects whose old rows are archived and vanish from `query` (`rules.md` 28).
const ARCHIVED: [&str; 2] = ["Task", "Event"];

/// What to read back.
pub struct ReadBack<'a> {
    /// Where the table goes.
    pub staging: &'a Staging,
    /// Sorts the rows.
    pub engine: &'a Engine,
    /// Connected to the destination.
    pub client: &'a Client,
    /// The load.
    pub load: &'a str,
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
            .create("org", request.load, schema, &[])
            .await?;
        return Ok(writer.publish(BTreeMap::new()).await?);
    }
    let unsorted = fetch(request, &schema, progress).await?;
    let sorted = sort(request, &schema, &unsorted).await;
    request.staging.remove(&unsorted).await;
    sorted
}

/// The rows as Salesforce returns them.
async fn fetch(
    request: &ReadBack<'_>,
    schema: &SchemaRef,
    progress: impl Fn(u64),
) -> Result<Manifest, ReconcileError> {
    let object = &request.describe.name;
    let key = &request.columns.key;
    let mut names: Vec<&str> = schema
        .fields()
        .iter()
        .skip(1)
        .map(|field| field.name().as_str())
        .collect();
    names.insert(0, "Id");
    let archived = ARCHIVED.contains(&object.as_str());
    let mut soql = format!(
        "SELECT {} FROM {object} WHERE {} != null",
        names.join(", "),
        key[0]
    );
    if archived {
        soql.push_str(" AND IsDeleted = false");
    }
    let scope = if archived {
        QueryScope::WithDeletedAndArchived
    } else {
        QueryScope::Live
    };
    let fail = |source| ReconcileError::ReadBack {
        object: object.clone(),
        source: Box::new(source),
    };
    let query = request.client.bulk_query();
    let job = query.create(&soql, scope).await.map_err(fail)?;
    let job = query
        .wait(&job.id, WaitOptions::default(), |_| {})
        .await
        .map_err(fail)?;
    if job.state != JobState::JobComplete {
        return Err(ReconcileError::QueryFailed {
            object: object.clone(),
            state: job.state.to_string(),
        });
    }
    let mut writer = request
        .staging
        .create("org", &unsorted_name(request), Arc::clone(schema), &[])
        .await?;
    let pages = query.pages(&job);
    pin_mut!(pages);
    let mut rows = 0;
    while let Some(page) = pages.try_next().await.map_err(fail)? {
        let mut csv = CsvRows::open(page.body).await.map_err(fail)?;
        let positions: Vec<Option<usize>> = names.iter().map(|name| csv.column(name)).collect();
        while let Some(records) = csv.next_batch().await.map_err(fail)? {
            rows += records.len() as u64;
            progress(rows);
            let batch = to_batch(schema, key, &positions, &records).map_err(|error| {
                ReconcileError::Store {
                    object: object.clone(),
                    reason: error.to_string(),
                }
            })?;
            writer.write(&batch).await?;
        }
    }
    let manifest = writer.finish(BTreeMap::new()).await?;
    query.delete(&job.id).await.map_err(fail)?;
    Ok(manifest)
}

fn unsorted_name(request: &ReadBack<'_>) -> String {
    format!("{}_unsorted", request.load)
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
        .create("org", request.load, Arc::clone(schema), &sorted_by)
        .await?;
    while let Some(batch) = rows.next_batch().await? {
        writer.write(&batch).await?;
    }
    Ok(writer.publish(BTreeMap::new()).await?)
}

/// `_id`, the key columns, then every sent field that this login can read.
fn schema(request: &ReadBack<'_>) -> SchemaRef {
    let mut fields = vec![Field::new("_id", DataType::Utf8, true)];
    fields.extend(request.columns.key_fields().cloned());
    let sent = request
        .columns
        .sent
        .iter()
        .map(|field| field.name().as_str());
    for name in sent.chain([RAW_VALUES]) {
        let known = fields.iter().any(|field| field.name() == name);
        if !known && request.describe.field(name).is_some() {
            fields.push(Field::new(name, DataType::Utf8, true));
        }
    }
    Arc::new(Schema::new(fields))
}

fn to_batch(
    schema: &SchemaRef,
    key: &[String],
    positions: &[Option<usize>],
    records: &[csv::StringRecord],
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(positions.len());
    for (field, position) in schema.fields().iter().zip(positions) {
        let mut builder = StringBuilder::with_capacity(records.len(), records.len() * 16);
        for record in records {
            let cell = position.and_then(|position| record.get(position));
            builder.append_option(cell.filter(|cell| !cell.is_empty()));
        }
        let text: StringArray = builder.finish();
        let text: ArrayRef = Arc::new(text);
        // A key of another load into the same object may not parse as ours: it becomes null and drops out.
        columns.push(cast(&text, field.data_type())?);
    }
    let batch = RecordBatch::try_new(Arc::clone(schema), columns)?;
    let mut keep = BooleanArray::from(vec![true; batch.num_rows()]);
    for name in key {
        if let Some(column) = batch.column_by_name(name) {
            keep = arrow::compute::and(&keep, &is_not_null(column)?)?;
        }
    }
    filter_record_batch(&batch, &keep)
}
