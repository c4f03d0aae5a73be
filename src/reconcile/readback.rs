//! Rows of the org that carry our key, as `org.<load>`: the key typed as in the outbox, all other fields as text.
//!
//! Reads what changed since the last look (`changes`), or fetches all in no order (`fetch`) and sorts them by key, so that comparing
//! is a merge. Memory is a page of rows and the
//! engine's pool, whatever the object's size.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::accepted::{Accepted, told_by_version};
use super::found_rows::patiently;
use super::{ReadBack, ReconcileError, changes, fetch};
use crate::staging::{Manifest, Snapshot};

/// Brings `org.<load>`, every row of the object with our key, in line with the org; calls `progress` with rows so far.
///
/// # Errors
/// [`ReconcileError`].
pub async fn read_back(
    request: &ReadBack<'_>,
    progress: impl Fn(u64),
) -> Result<Manifest, ReconcileError> {
    let schema = request.schema();
    if request.outbox_rows == 0 {
        let writer = request
            .staging
            .create("org", &request.file.name, schema, &[])
            .await?;
        return Ok(writer.publish(BTreeMap::new()).await?);
    }
    let snapshot = request.staging.snapshot().await?;
    let changed = patiently(request.client, async || {
        changes::refresh(request, &schema, &snapshot, &progress).await
    });
    if let Some(now) = changed.await? {
        return match now.version {
            0 => Ok(request.staging.publish(now).await?),
            _ => Ok(now),
        };
    }
    let unsorted = patiently(request.client, async || {
        fetch::fetch(request, &schema, &progress).await
    })
    .await?;
    let sorted = sort(request, &schema, &snapshot, &unsorted).await;
    request.staging.remove(&unsorted).await;
    sorted
}

/// Reads back what a run sent that ended before it did so: when another outbox takes the place of the one that was sent, nobody
/// knows any more which versions are ours.
///
/// # Errors
/// [`ReconcileError`].
pub async fn catch_up(request: &ReadBack<'_>, snapshot: &Snapshot) -> Result<(), ReconcileError> {
    let load = &request.file.name;
    let (Some(outbox), Some(_)) = (snapshot.get("outbox", load), snapshot.get("ledger", load))
    else {
        return Ok(());
    };
    let read = snapshot.get("org", load);
    let was_read = read.is_some_and(|read| read.published_at > outbox.published_at);
    if was_read || told_by_version(request).is_none() {
        return Ok(());
    }
    let sent = ReadBack {
        outbox_rows: outbox.rows,
        is_after_sending: true,
        ..*request
    };
    read_back(&sent, |_| {}).await?;
    Ok(())
}

async fn sort(
    request: &ReadBack<'_>,
    schema: &SchemaRef,
    snapshot: &Snapshot,
    unsorted: &Manifest,
) -> Result<Manifest, ReconcileError> {
    let mut tables = Snapshot::default();
    tables.insert(unsorted.clone());
    let table = unsorted.name();
    let accepted = Accepted::of(request, schema, snapshot);
    let (sql, schema) = match &accepted {
        Some(accepted) => (
            accepted.sql(unsorted, snapshot, &mut tables),
            accepted.schema(),
        ),
        None => (format!("select * from {table}"), schema),
    };
    let session = request.engine.session(request.staging, &tables)?;
    let key = &request.columns.key;
    let mut rows = session.stream(&table, &sql, key).await?;
    let sorted_by: Vec<&str> = key.iter().map(String::as_str).collect();
    let mut writer = request
        .staging
        .create("org", &request.file.name, Arc::clone(schema), &sorted_by)
        .await?;
    while let Some(batch) = rows.next_batch().await? {
        let filled = match &accepted {
            Some(accepted) => Some(accepted.fill(&batch).await?),
            None => None,
        };
        writer.write(filled.as_ref().unwrap_or(&batch)).await?;
    }
    Ok(writer.publish(BTreeMap::new()).await?)
}
