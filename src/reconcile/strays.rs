//! Records of the org that are like one of ours, made by the same user, and that no ledger knows: what was sent twice.
//!
//! In: `outbox.<load>` and `ledger.<load>` of a load whose records have no key of ours, the org. Out: key and id of each such
//! record, at most [`MOST`]. Where a key is a field of the object, `diff` finds them in what was read back.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Schema};

use super::found_rows::{FoundRows, patiently};
use super::{ReadBack, ReconcileError};
use crate::encode::{note_html, visible_text};
use crate::rows::{key_text, probe};
use crate::salesforce::{ErrorClass, QueryScope};
use crate::staging::Manifest;

/// Records that are named at most.
const MOST: usize = 1_000;

/// The object whose records are the same only if their content is.
const WITH_CONTENT: (&str, &str) = ("ContentNote", "Content");

/// Longest content that is compared.
const MOST_CONTENT: usize = 16 * 1024 * 1024;

/// Looks for such records: pairs of key and id.
///
/// # Errors
/// [`ReconcileError`].
pub async fn strays(request: &ReadBack<'_>) -> Result<Vec<(String, String)>, ReconcileError> {
    let load = &request.file.name;
    let snapshot = request.staging.snapshot().await?;
    let loaded = ["ledger", "outbox"].map(|schema| snapshot.get(schema, load));
    let [Some(ledger), Some(outbox)] = loaded else {
        return Ok(Vec::new());
    };
    let is_text = |name: &&str| {
        let field = outbox.schema.field_with_name(name);
        field.is_ok_and(|field| field.data_type() == &DataType::Utf8)
    };
    let names: Vec<&str> = probe(&request.describe.name)
        .iter()
        .copied()
        .filter(is_text)
        .collect();
    let made_by = request.describe.field("LastModifiedById").is_some();
    if !made_by || !request.has_hidden_key() || request.outbox_rows == 0 || names.is_empty() {
        return Ok(Vec::new());
    }
    let found = patiently(request.client, async || ours(request, &names).await).await?;
    let mut view = crate::staging::Snapshot::default();
    view.insert(ledger.clone());
    view.insert(outbox.clone());
    view.insert(found.clone());
    let like = like(request, &names, &view, &found).await;
    request.staging.remove(&found).await;
    let mut strays = BTreeMap::new();
    let mut contents: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (id, key, sent) in like? {
        if strays.contains_key(&id) {
            continue;
        }
        let found = match contents.get(&id) {
            Some(found) => found.clone(),
            None if contents.len() >= MOST => continue,
            None => {
                let found = content(request, &id).await?;
                contents.insert(id.clone(), found.clone());
                found
            }
        };
        if found.is_none_or(|found| found == visible_text(&note_html(&sent))) {
            strays.insert(id, key);
        }
    }
    Ok(strays.into_iter().map(|(id, key)| (key, id)).collect())
}

/// Every record of the object that this user wrote last.
async fn ours(request: &ReadBack<'_>, names: &[&str]) -> Result<Manifest, ReconcileError> {
    let fields = std::iter::once("_id").chain(names.iter().copied());
    let fields: Vec<Field> = fields
        .map(|name| Field::new(name, DataType::Utf8, true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let table = format!("{}_like", request.file.name);
    let ReadBack {
        staging,
        client,
        describe,
        ..
    } = request;
    let mut rows = FoundRows::start(staging, client, describe, &table, &schema, &[]).await?;
    let condition = format!("LastModifiedById = '{}'", client.identity().user_id);
    rows.over_rest(&condition, QueryScope::Live, None).await?;
    rows.finish().await
}

/// Id, key and content of records like one of ours.
async fn like(
    request: &ReadBack<'_>,
    names: &[&str],
    view: &crate::staging::Snapshot,
    found: &Manifest,
) -> Result<Vec<(String, String, String)>, ReconcileError> {
    let (load, key) = (&request.file.name, &request.columns.key);
    let session = request.engine.session(request.staging, view)?;
    let on: Vec<String> = names
        .iter()
        .map(|name| format!("trim(o.\"{name}\") = trim(r.\"{name}\")"))
        .collect();
    let content = match WITH_CONTENT {
        (object, field) if object == request.describe.name => format!("o.\"{field}\""),
        _ => "''".to_owned(),
    };
    let sql = format!(
        "select r._id as id, {} as key, {content} as content from {} as r \
         left join ledger.{load} as l on substr(l.id, 1, 15) = substr(r._id, 1, 15) \
         inner join outbox.{load} as o on {} where l.id is null limit {}",
        key_text("o", key),
        found.name(),
        on.join(" and "),
        10 * MOST
    );
    let mut rows = session
        .stream(&format!("strays of {load}"), &sql, &[])
        .await?;
    let mut like = Vec::new();
    while let Some(batch) = rows.next_batch().await? {
        let [ids, keys, contents] =
            [0, 1, 2].map(|column| batch.column(column).as_string::<i32>().clone());
        for row in 0..batch.num_rows() {
            let cell = |column: &arrow::array::StringArray| column.value(row).to_owned();
            like.push((cell(&ids), cell(&keys), cell(&contents)));
        }
    }
    Ok(like)
}

/// What a reader sees of a record's content; none where there is no such thing, or it cannot be read.
async fn content(request: &ReadBack<'_>, id: &str) -> Result<Option<String>, ReconcileError> {
    let (object, field) = WITH_CONTENT;
    if object != request.describe.name {
        return Ok(None);
    }
    let read = request.client.read_blob(object, id, field, MOST_CONTENT);
    match read.await {
        Ok(bytes) => Ok(Some(visible_text(&String::from_utf8_lossy(&bytes)))),
        Err(error) if error.class() == ErrorClass::Transient => Err(ReconcileError::ReadBack {
            object: object.to_owned(),
            source: Box::new(error),
        }),
        Err(_) => Ok(None),
    }
}
