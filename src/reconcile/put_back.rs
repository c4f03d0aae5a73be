//! Records that only the org changed, in fields where the source's value counts all the same.
//!
//! In: an outbox that was written and not sent, the rows that changed in the org since the last look and the edits that were known
//! then, rows that were away and are back, policies. Out: the outbox with these records as updates that leave out every field; the
//! three-way comparison says which of them are written. Never: a record that the source has changed (it is compared anyway), or a
//! read of more than what changed since, where the object allows that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BinaryArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::error::ArrowError;
use futures::TryStreamExt;

use super::accounting::counts;
use super::before::look_up;
use super::coercion::{TargetField, derived_by, normal_forms, readable};
use super::conflict::default_policy;
use super::names::{CHANGED_BY_ORG, as_last};
use super::{ReadBack, ReconcileError, changes};
use crate::mapping::{EditPolicies, FieldPolicy};
use crate::rows::{Bits, RowOperation, SAME, key_text, key_texts, same_key, sent_columns, set};
use crate::staging::{DataFile, Manifest, Snapshot};

/// Rows of a file that are looked at, at a time.
const ROWS: usize = 8_192;

/// The outbox in `snapshot` with the records that only the org has changed as updates of nothing; none if there are none. Not
/// published.
///
/// # Errors
/// [`ReconcileError`].
pub async fn put_back(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
    last: Option<&Manifest>,
    later: &BTreeSet<String>,
    policies: &EditPolicies,
) -> Result<Option<Manifest>, ReconcileError> {
    let load = &request.file.name;
    let Some(outbox) = snapshot.get("outbox", load) else {
        return Ok(None);
    };
    let fields = fields(request, outbox, later, policies);
    let idle = |file: &&DataFile| is_idle(file);
    let is_known = snapshot.get("ledger", load).is_some();
    if fields.is_empty() || !is_known || !outbox.files.iter().any(|file| idle(&file)) {
        return Ok(None);
    }
    let mut found = Vec::from_iter(changes::since(request, snapshot).await?);
    // What was changed while a row was away was seen by nobody.
    found.extend(returned(request, outbox, last).await?);
    let keys = keys(request, snapshot, outbox, &found, &fields).await;
    for found in &found {
        request.staging.remove(found).await;
    }
    let keys = keys?;
    if keys.is_empty() {
        return Ok(None);
    }
    tracing::info!(load, records = keys.len(), "only the org changed them");
    Ok(Some(split(request, outbox, &keys).await?))
}

/// The records of unchanged rows that the outbox of last time did not have, as the org has them; none if there are none.
async fn returned(
    request: &ReadBack<'_>,
    outbox: &Manifest,
    last: Option<&Manifest>,
) -> Result<Option<Manifest>, ReconcileError> {
    let Some(last) = last else {
        return Ok(None);
    };
    let load = &request.file.name;
    let mut tables = Snapshot::default();
    tables.insert(outbox.clone());
    let last = as_last(last, load);
    let name = last.name();
    tables.insert(last);
    let session = request.engine.session(request.staging, &tables)?;
    let back = format!(
        "from outbox.{load} as o left join {name} as p on {} where o._operation = 'unchanged' and p._operation is null",
        same_key("o", "p", &request.columns.key)
    );
    let count = format!("select 'back' as name, count(*) as n {back}");
    let what = format!("rows of {load} that are back");
    if counts(&session, &what, &count)
        .await?
        .values()
        .all(|&rows| rows == 0)
    {
        return Ok(None);
    }
    let sql = format!("select o._id as asked, o._id as key {back}");
    Ok(Some(look_up(request, &session, &sql).await?))
}

/// Whether a part holds rows that are as they were sent last.
fn is_idle(file: &DataFile) -> bool {
    file.label.as_deref() == Some(RowOperation::Unchanged.word()) && file.rows > 0
}

/// Sent fields of which the source's value may be written though the source has not changed it, with whether that is only so
/// where the org has none.
fn fields(
    request: &ReadBack<'_>,
    outbox: &Manifest,
    later: &BTreeSet<String>,
    policies: &EditPolicies,
) -> Vec<(String, bool)> {
    let object = &request.describe.name;
    let mut fields = Vec::new();
    for name in sent_columns(&outbox.schema) {
        let can = readable(request.describe, &name).is_some_and(|field| field.updateable)
            && derived_by(request.describe, &name).is_none()
            && !request.columns.key.contains(&name)
            && !later.contains(&name);
        let policy = policies.policy(object, &name);
        match policy.unwrap_or_else(|| default_policy(&name)) {
            FieldPolicy::SourceWins if can => fields.push((name, false)),
            FieldPolicy::OrgUnlessBlank if can => fields.push((name, true)),
            _ => {}
        }
    }
    fields
}

/// Keys of unchanged rows of which such a field is another one in the org.
async fn keys(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
    outbox: &Manifest,
    found: &[Manifest],
    fields: &[(String, bool)],
) -> Result<BTreeSet<String>, ReconcileError> {
    let load = &request.file.name;
    let mut tables = Snapshot::default();
    tables.insert(outbox.clone());
    let mut queries = Vec::new();
    for found in found.iter().filter(|found| found.rows > 0) {
        tables.insert(found.clone());
        let differ: Vec<String> = fields
            .iter()
            .filter_map(|(name, only_blank)| {
                let field = outbox.schema.field_with_name(name).ok()?;
                let target = TargetField::of(readable(request.describe, name)?);
                let (ours, theirs) = normal_forms(field, &target);
                let blank = match only_blank {
                    true => format!(" and coalesce(trim(r.\"{name}\"), '') = ''"),
                    false => String::new(),
                };
                Some(format!(
                    "(cast({ours} as varchar) <> '' and ({ours} is distinct from {theirs}){blank})"
                ))
            })
            .collect();
        if !differ.is_empty() {
            queries.push(format!(
                "select {} as key from outbox.{load} as o inner join {} as r on substr(r._id, 1, 15) = substr(o._id, 1, 15) \
                 where o._operation = 'unchanged' and ({})",
                key_text("o", &request.columns.key),
                found.name(),
                differ.join("\n or ")
            ));
        }
    }
    let edited = snapshot.get("recon", &format!("{CHANGED_BY_ORG}{load}"));
    if let Some(edited) = edited.filter(|edited| edited.rows > 0) {
        tables.insert(edited.clone());
        let wanted: Vec<String> = fields
            .iter()
            .map(|(name, only_blank)| match only_blank {
                true => format!("(e.field = '{name}' and coalesce(trim(e.found), '') = '')"),
                false => format!("e.field = '{name}'"),
            })
            .collect();
        queries.push(format!(
            "select e.key as key from {} as e where {}",
            edited.name(),
            wanted.join(" or ")
        ));
    }
    let mut keys = BTreeSet::new();
    let session = request.engine.session(request.staging, &tables)?;
    for sql in queries {
        let mut rows = session
            .stream(&format!("edits of {load}"), &sql, &[])
            .await?;
        while let Some(batch) = rows.next_batch().await? {
            let column = batch.column(0).as_string::<i32>();
            keys.extend(column.iter().flatten().map(str::to_owned));
        }
    }
    Ok(keys)
}

/// The outbox with the unchanged rows of these keys in parts of their own.
async fn split(
    request: &ReadBack<'_>,
    outbox: &Manifest,
    keys: &BTreeSet<String>,
) -> Result<Manifest, ReconcileError> {
    let (staging, load) = (request.staging, &request.file.name);
    let store = |source: ArrowError| ReconcileError::Store {
        object: request.describe.name.clone(),
        source,
    };
    let mut same = Bits::new();
    for (place, name) in sent_columns(&outbox.schema).iter().enumerate() {
        if !request.columns.key.contains(name) {
            set(&mut same, place);
        }
    }
    let mut files = Vec::new();
    for file in &outbox.files {
        if !is_idle(file) {
            files.push(file.clone());
            continue;
        }
        let mut writers = Vec::new();
        for operation in [RowOperation::Update, RowOperation::Unchanged] {
            let schema = Arc::clone(&outbox.schema);
            let writer = staging.create("outbox", load, schema, &[]).await?;
            writers.push(writer.labelled(operation.word()));
        }
        let part = super::left_out::of_files(outbox, std::slice::from_ref(file));
        let mut batches = staging.read_table(&part, ROWS);
        while let Some(batch) = batches.try_next().await? {
            let names = key_texts(&batch, &request.columns.key);
            let names =
                names.map_err(|error| store(ArrowError::from_external_error(Box::new(error))))?;
            let wanted: BooleanArray = names.iter().map(|key| Some(keys.contains(key))).collect();
            let rest = arrow::compute::not(&wanted).map_err(store)?;
            let again = filter_record_batch(&batch, &wanted).map_err(store)?;
            let again = of_nothing(&again, &same).map_err(store)?;
            writers[0].write(&again).await?;
            let rest = filter_record_batch(&batch, &rest).map_err(store)?;
            writers[1].write(&rest).await?;
        }
        for writer in writers {
            let written = writer.finish(BTreeMap::new()).await?;
            files.extend(written.files.into_iter().filter(|file| file.rows > 0));
        }
    }
    let mut again = outbox.clone();
    again.sorted_by.clear();
    again.files = files;
    Ok(again)
}

/// Rows as updates that leave out these fields.
fn of_nothing(batch: &RecordBatch, fields: &Bits) -> Result<RecordBatch, ArrowError> {
    let schema = batch.schema();
    let rows = batch.num_rows();
    let words =
        StringArray::from_iter_values(std::iter::repeat_n(RowOperation::Update.word(), rows));
    let same = BinaryArray::from_iter_values(std::iter::repeat_n(fields, rows));
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns[schema.index_of("_operation")?] = Arc::new(words);
    columns[schema.index_of(SAME)?] = Arc::new(same);
    RecordBatch::try_new(schema, columns)
}
