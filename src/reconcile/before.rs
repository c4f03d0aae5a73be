//! The records that an outbox changes, as they are just before.
//!
//! In: an outbox that was written and not sent. Out: an unsorted table of the records that it means: their ids, our key, every
//! field that the load sends, and who changed them last; not published. Never: a record that the outbox does not touch, unless
//! one query for all is cheaper.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::coercion::readable;
use super::fetch::{key_start, ours};
use super::found_rows::{FoundRows, patiently};
use super::{ReadBack, ReconcileError};
use crate::engine::Session;
use crate::project::Api;
use crate::rows::{PROJECTED, RowOperation, asked_by};
use crate::staging::{Manifest, Snapshot};

/// Up to so many records are asked for by their ids; more are cheaper in one Bulk query.
const FEW: u64 = 2_000;

/// Reads what the outbox in `snapshot` is about to change; none if it changes nothing.
///
/// # Errors
/// [`ReconcileError`].
pub async fn before_update(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
) -> Result<Option<Manifest>, ReconcileError> {
    let Some(outbox) = snapshot.get("outbox", &request.file.name) else {
        return Ok(None);
    };
    let rows = |operation: RowOperation| -> u64 {
        let files = outbox.files.iter();
        let files = files.filter(|file| file.label.as_deref() == Some(operation.word()));
        files.map(|file| file.rows).sum()
    };
    let (updates, upserts) = (rows(RowOperation::Update), rows(RowOperation::Upsert));
    if updates + upserts == 0 {
        return Ok(None);
    }
    let now = patiently(request.client, async || {
        Box::pin(fetch(request, snapshot, updates, upserts)).await
    });
    Ok(Some(now.await?))
}

/// Reads the records of a load that `sql` names (`asked`, `key`, both texts): by their ids, or by the one field that their object
/// can be asked for by ([`asked_by`]). Not published.
///
/// # Errors
/// [`ReconcileError`].
pub async fn look_up(
    request: &ReadBack<'_>,
    session: &Session,
    sql: &str,
) -> Result<Manifest, ReconcileError> {
    let ReadBack {
        staging,
        client,
        describe,
        ..
    } = request;
    let schema = schema(request);
    let table = format!("{}_looked_up", request.file.name);
    let field = asked_by(&describe.name).unwrap_or("Id");
    patiently(client, async || {
        let mut rows = FoundRows::start(staging, client, describe, &table, &schema, &[]).await?;
        rows.by_ids(session, field, sql, false, &|_| {}).await?;
        rows.finish().await
    })
    .await
}

/// What is read back of a row, as far as the object has it: a key without a field of its own is not asked for.
fn schema(request: &ReadBack<'_>) -> SchemaRef {
    let whole = request.schema();
    let visible = |field: &&Arc<Field>| {
        field.name() == "_id" || readable(request.describe, field.name()).is_some()
    };
    let fields: Vec<Arc<Field>> = whole.fields().iter().filter(visible).cloned().collect();
    Arc::new(Schema::new(fields))
}

async fn fetch(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
    updates: u64,
    upserts: u64,
) -> Result<Manifest, ReconcileError> {
    let load = &request.file.name;
    let schema = schema(request);
    let table = format!("{load}_before");
    let ReadBack {
        staging,
        client,
        describe,
        ..
    } = request;
    let mut rows = FoundRows::start(staging, client, describe, &table, &schema, &[]).await?;
    let session = request.engine.session(staging, snapshot)?;
    let hidden = request.has_hidden_key();
    let by_key = upserts > 0 || (updates > FEW && !hidden);
    if by_key {
        let start = key_start(&session, request, "outbox").await?;
        let (condition, scope) = ours(request, start.as_deref());
        match request.file.api {
            Api::Rest => rows.over_rest(&condition, scope, None).await?,
            Api::Bulk => rows.in_bulk(&condition, scope, &|_| {}).await?,
        }
    }
    let mut found = rows.finish().await?;
    if updates == 0 {
        return Ok(found);
    }
    // By id: those that do not have our key yet, or all of a few; a plan's projected records are nowhere.
    let mut view = Snapshot::default();
    for known in snapshot.get("outbox", load).into_iter().chain([&found]) {
        view.insert(known.clone());
    }
    let session = request.engine.session(staging, &view)?;
    let sql = format!(
        "select o._id as asked, o._id as key from outbox.{load} as o left join {} as r \
         on substr(r._id, 1, 15) = substr(o._id, 1, 15) where o._operation = 'update' and r._id is null and not starts_with(o._id, '{PROJECTED}')",
        found.name()
    );
    let mut more = FoundRows::start(staging, client, describe, &table, &schema, &[]).await?;
    more.by_ids(&session, "Id", &sql, false, &|_| {}).await?;
    let more = more.finish().await?;
    found.rows += more.rows;
    found.files.extend(more.files);
    Ok(found)
}
