//! Whether records that were deleted are gone from the org.
//!
//! In: `outbox.undo_<load>`. Out: how many of its deletions are still there. Never: a published table.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};

use super::fetch::{key_start, ours};
use super::found_rows::{FoundRows, patiently};
use super::{ReadBack, ReconcileError};
use crate::project::Api;
use crate::rows::{KEY_APART, RowOperation, asked_by};
use crate::staging::{Manifest, Snapshot};

/// Up to so many records are asked for by their ids; more are cheaper in one Bulk query.
const FEW: u64 = 2_000;

/// Counts the rows labelled `delete` of a published outbox whose record is still there.
///
/// # Errors
/// [`ReconcileError`].
pub async fn still_there(request: &ReadBack<'_>, outbox: &Manifest) -> Result<u64, ReconcileError> {
    patiently(request.client, async || {
        Box::pin(count(request, outbox)).await
    })
    .await
}

async fn count(request: &ReadBack<'_>, outbox: &Manifest) -> Result<u64, ReconcileError> {
    let deletions = outbox.files.iter();
    let deletions =
        deletions.filter(|file| file.label.as_deref() == Some(RowOperation::Delete.word()));
    let wanted: u64 = deletions.map(|file| file.rows).sum();
    if wanted == 0 {
        return Ok(0);
    }
    let ReadBack {
        staging,
        client,
        describe,
        ..
    } = request;
    let schema = std::sync::Arc::new(Schema::new(vec![Field::new("_id", DataType::Utf8, true)]));
    let table = format!("{}_still", request.file.name);
    let mut rows = FoundRows::start(staging, client, describe, &table, &schema, &[]).await?;
    let snapshot = staging.snapshot().await?;
    let session = request.engine.session(staging, &snapshot)?;
    let hidden = request.has_hidden_key();
    let undo = outbox.name();
    let asked_by = asked_by(&describe.name);
    if wanted <= FEW || hidden || asked_by.is_some() || request.file.api == Api::Rest {
        let asked = asked_by.map_or_else(|| "_id".to_owned(), |name| format!("{KEY_APART}{name}"));
        let sql = format!(
            "select u.\"{asked}\" as asked, max(u._id) as key from {undo} as u where u._operation = 'delete' \
             group by u.\"{asked}\""
        );
        rows.by_ids(&session, asked_by.unwrap_or("Id"), &sql, false, &|_| {})
            .await?;
    } else {
        let start = key_start(&session, request, "ledger").await?;
        let (condition, scope) = ours(request, start.as_deref());
        rows.in_bulk(&condition, scope, &|_| {}).await?;
    }
    let found = rows.finish().await?;
    let mut view = Snapshot::default();
    view.insert(outbox.clone());
    view.insert(found.clone());
    let session = request.engine.session(staging, &view)?;
    let sql = format!(
        "select count(*) as n from {undo} as u inner join {} as r on substr(r._id, 1, 15) = substr(u._id, 1, 15) \
         where u._operation = 'delete'",
        found.name()
    );
    let counted = session.collect(&undo, &sql).await;
    request.staging.remove(&found).await;
    let counted = counted?;
    let number = |batch: &arrow::array::RecordBatch| {
        batch
            .column(0)
            .as_primitive::<Int64Type>()
            .iter()
            .flatten()
            .sum::<i64>()
    };
    Ok(counted.iter().map(number).sum::<i64>().unsigned_abs())
}
