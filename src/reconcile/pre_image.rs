//! Pre-images: the values that records have before this run changes them, so that they can have them again.
//!
//! In: a published outbox, before its first job. Out: `ledger.before_<load>`, one row per run, record and field that is about to
//! change: the value it has (`before`, as Salesforce writes it) and the one it gets (`wrote` in its normal form, `sent` as it is
//! sent). It only grows.
//! What somebody changed and the update leaves out is remembered in `recon.changed_by_org_<load>`, with who did it: afterwards
//! we are the last who changed the record. Never: a field that stays as it is, or a row that is created.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray,
    StructArray,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::coercion::is_made_with;
use super::compared::Compared;
use super::edits;
use super::names::{CHANGED_BY_ORG, MODIFIED, each_entry, is_ours};
use super::{CONFLICTS, ReadBack, ReconcileError};
use crate::engine::Session;
use crate::rows::{RowOperation, SAME, is_set, key_columns, key_text, same_key, sent_columns};
use crate::staging::{Manifest, Snapshot, TableWriter};

/// How the tables of pre-images begin.
pub const PRE_IMAGE: &str = "before_";

/// Saves what the outbox of `request` will replace in the records as they are `now`, under `run`; fields that a later load sets
/// anew (`later`) are that load's.
///
/// # Errors
/// [`ReconcileError`].
pub async fn keep_pre_images(
    request: &ReadBack<'_>,
    now: &Manifest,
    later: &std::collections::BTreeSet<String>,
    run: &str,
) -> Result<(), ReconcileError> {
    if now.rows == 0 {
        return Ok(());
    }
    let compared = compare(request, now, later, run).await;
    let Some(compared) = compared? else {
        return Ok(());
    };
    let snapshot = request.staging.snapshot().await?;
    for mut manifest in compared {
        if manifest.rows == 0 {
            request.staging.remove(&manifest).await;
            continue;
        }
        if let Some(before) = snapshot.get(&manifest.schema_name, &manifest.table) {
            manifest.files.splice(0..0, before.files.iter().cloned());
            manifest.rows += before.rows;
        }
        request.staging.publish(manifest).await?;
    }
    Ok(())
}

/// What differs from the outbox: the values that will be replaced, and those that somebody changed and that are left out of the
/// update. None if nothing can be compared.
async fn compare(
    request: &ReadBack<'_>,
    now: &Manifest,
    later: &std::collections::BTreeSet<String>,
    run: &str,
) -> Result<Option<[Manifest; 2]>, ReconcileError> {
    let load = &request.file.name;
    let snapshot = request.staging.snapshot().await?;
    let Some(outbox) = snapshot.get("outbox", load) else {
        return Ok(None);
    };
    let mut view = Snapshot::default();
    view.insert(outbox.clone());
    view.insert(now.clone());
    let told = snapshot.get("recon", &format!("{CONFLICTS}{load}"));
    let told = told.filter(|told| told.rows > 0);
    let known = snapshot.get("ledger", load).filter(|known| known.rows > 0);
    for table in told.into_iter().chain(known) {
        view.insert(table.clone());
    }
    let session = request.engine.session(request.staging, &view)?;
    let kept = schema_of_kept(request);
    let name = format!("{PRE_IMAGE}{load}");
    let mut writers = [
        request
            .staging
            .create("ledger", &name, Arc::clone(&kept), &[])
            .await?,
        request
            .staging
            .create(
                "recon",
                &format!("{CHANGED_BY_ORG}{load}"),
                edits::schema(),
                &[],
            )
            .await?,
    ];
    let [by, at] = MODIFIED.map(|name| match now.schema.field_with_name(name) {
        Ok(_) => format!("r.\"{name}\""),
        Err(_) => "cast(null as varchar)".to_owned(),
    });
    let Some(entries) = entries(request, &outbox.schema, later) else {
        return Ok(None);
    };
    let by_id = "substr(r._id, 1, 15) = substr(o._id, 1, 15)".to_owned();
    for (operation, on) in [
        (RowOperation::Update, by_id),
        (
            RowOperation::Upsert,
            same_key("r", "o", &request.columns.key),
        ),
    ] {
        let any = outbox
            .files
            .iter()
            .any(|file| file.label.as_deref() == Some(operation.word()));
        let hidden = request.has_hidden_key();
        if !any || (operation == RowOperation::Upsert && hidden) {
            continue;
        }
        let (mut is_known, mut joins) = ("false".to_owned(), String::new());
        if known.is_some() {
            is_known = "l.known is not null".to_owned();
            joins = format!(
                " left join (select {}, w.id as known from ledger.{load} as w) as l on {}",
                key_columns("w", &request.columns.key),
                same_key("l", "o", &request.columns.key)
            );
        }
        // A value that the source's change does not explain has a reason of its own.
        let (why, told) = match told {
            Some(told) => (
                "case when c.why = 'decision' then c.why when c.why is not null then 'policy' when d.is_known then 'source' else 'match' end",
                format!(
                    " left join {} as c on c.key = d.key and c.field = d.entry['field'] and c.state = 'source'",
                    told.name()
                ),
            ),
            None => (
                "case when d.is_known then 'source' else 'match' end",
                String::new(),
            ),
        };
        let rows = format!(
            "select {keys}, r._id as id, o._clear as clear, {same} as same, {by} as changed_by, {at} as changed_at, \
             {key} as key, {is_known} as is_known, make_array({entries}) as entries \
             from outbox.{load} as o inner join {now} as r on {on}{joins} where o._operation = '{operation}'",
            same = if outbox.schema.field_with_name(SAME).is_ok() {
                format!("o.{SAME}")
            } else {
                "cast(null as bytea)".to_owned()
            },
            keys = key_columns("o", &request.columns.key),
            key = key_text("o", &request.columns.key),
            now = now.name(),
            operation = operation.word(),
        );
        let sql = format!(
            "select {}, d.id, d.clear, d.same, d.changed_by, d.changed_at, d.key, d.entry, {why} as why from ({}) as d{told} \
             where d.entry is not null",
            key_columns("d", &request.columns.key),
            each_entry(&rows)
        );
        keep(&session, &name, &sql, &kept, request, run, &mut writers).await?;
    }
    let [kept, edits] = writers;
    Ok(Some([
        kept.finish(BTreeMap::new()).await?,
        edits.finish(BTreeMap::new()).await?,
    ]))
}

fn schema_of_kept(request: &ReadBack<'_>) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let mut fields = vec![text("run_id")];
    fields.extend(request.columns.key_fields().cloned());
    fields.extend(["id", "field", "before", "wrote", "why", "sent"].map(text));
    Arc::new(Schema::new(fields))
}

/// SQL for one entry per field that differs: its place among the sent columns, its name and both values. None if no field can
/// be compared.
fn entries(
    request: &ReadBack<'_>,
    outbox: &Schema,
    later: &std::collections::BTreeSet<String>,
) -> Option<String> {
    let mut entries = Vec::new();
    for (place, name) in sent_columns(outbox).iter().enumerate() {
        let Ok(field) = outbox.field_with_name(name) else {
            continue;
        };
        let is_kept = !later.contains(name) && !is_made_with(request.describe, name);
        let Some(compared) = Compared::of(request.describe, name).filter(|_| is_kept) else {
            continue;
        };
        let found = format!("cast({} as varchar)", compared.shown(field, "r"));
        // A key is typed as in the outbox; everything else was read as text.
        let (sent, normal) = if request.columns.key.contains(name) {
            (format!("cast(o.\"{name}\" as varchar)"), found.clone())
        } else {
            compared.forms(field, "o", "r")
        };
        entries.push(format!(
            "case when (({sent} is not null and cast({sent} as varchar) <> '') or o._clear is not null) and {sent} is distinct from {normal} \
             then named_struct('place', {place}, 'field', '{name}', 'before', {found}, 'wrote', cast({sent} as varchar), \
             'says_edits', {}, 'sent', {}) end",
            compared.is_comparable(),
            compared.sent(field, "o"),
        ));
    }
    (!entries.is_empty()).then(|| entries.join(",\n "))
}

async fn keep(
    session: &Session,
    name: &str,
    sql: &str,
    kept: &SchemaRef,
    request: &ReadBack<'_>,
    run: &str,
    [kept_writer, edits_writer]: &mut [TableWriter; 2],
) -> Result<(), ReconcileError> {
    let mut stream = session.stream(&format!("ledger.{name}"), sql, &[]).await?;
    let store = |source: arrow::error::ArrowError| ReconcileError::Store {
        object: request.describe.name.clone(),
        source,
    };
    while let Some(batch) = stream.next_batch().await? {
        let keys = request.columns.key.len();
        let user = &request.client.identity().user_id;
        let edits = edited(&batch, keys, user).map_err(store)?;
        edits_writer.write(&edits).await?;
        let batch = changed(&batch, kept, keys, run).map_err(store)?;
        kept_writer.write(&batch).await?;
    }
    Ok(())
}

/// An entry of the comparison with what is done to its field.
struct Entry<'a> {
    places: &'a Int64Array,
    clear: &'a BinaryArray,
    same: &'a BinaryArray,
    entry: &'a StructArray,
    wrote: &'a ArrayRef,
    says_edits: &'a BooleanArray,
}

impl<'a> Entry<'a> {
    /// `keys` columns of the key and the id stand before it.
    fn of(batch: &'a RecordBatch, keys: usize) -> Result<Self, ArrowError> {
        let entry = batch.column(keys + 6).as_struct();
        Ok(Self {
            places: child(entry, "place")?.as_primitive::<Int64Type>(),
            clear: batch.column(keys + 1).as_binary::<i32>(),
            same: batch.column(keys + 2).as_binary::<i32>(),
            entry,
            wrote: child(entry, "wrote")?,
            says_edits: child(entry, "says_edits")?.as_boolean(),
        })
    }

    fn has(&self, bits: &BinaryArray, row: usize) -> bool {
        let place = usize::try_from(self.places.value(row)).unwrap_or(usize::MAX);
        bits.is_valid(row) && is_set(bits.value(row), place)
    }

    /// Whether the update leaves the field out, since its value is the one that was sent last.
    fn is_left_out(&self, row: usize) -> bool {
        self.has(self.same, row)
    }

    /// Whether another value than the one sent is one that somebody entered.
    fn says_edits(&self, row: usize) -> bool {
        self.says_edits.value(row)
    }

    /// Whether the field is written: it has a value, or is cleared.
    fn is_written(&self, row: usize) -> bool {
        !self.is_left_out(row) && (self.wrote.is_valid(row) || self.has(self.clear, row))
    }
}

fn child<'a>(entry: &'a StructArray, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    entry
        .column_by_name(name)
        .ok_or_else(|| ArrowError::SchemaError(format!("an entry without {name}")))
}

/// The rows of a batch whose field is left out though somebody else changed it.
fn edited(batch: &RecordBatch, keys: usize, user: &str) -> Result<RecordBatch, ArrowError> {
    let entry = Entry::of(batch, keys)?;
    let by = batch.column(keys + 3).as_string::<i32>();
    let keep: BooleanArray = (0..batch.num_rows())
        .map(|row| {
            let is_left = entry.is_left_out(row) && entry.says_edits(row);
            Some(is_left && !is_ours(by, row, user))
        })
        .collect();
    let rows = edits::rows([
        Arc::clone(batch.column(keys + 5)),
        Arc::clone(child(entry.entry, "field")?),
        Arc::clone(entry.wrote),
        Arc::clone(child(entry.entry, "before")?),
        Arc::clone(batch.column(keys + 3)),
        Arc::clone(batch.column(keys + 4)),
    ])?;
    filter_record_batch(&rows, &keep)
}

/// The rows of a batch whose field is written.
fn changed(
    batch: &RecordBatch,
    kept: &SchemaRef,
    keys: usize,
    run: &str,
) -> Result<RecordBatch, ArrowError> {
    let entry = Entry::of(batch, keys)?;
    let keep: BooleanArray = (0..batch.num_rows())
        .map(|row| Some(entry.is_written(row)))
        .collect();
    let runs: StringArray = std::iter::repeat_n(Some(run), batch.num_rows()).collect();
    let mut columns: Vec<ArrayRef> = vec![Arc::new(runs)];
    columns.extend(batch.columns()[..=keys].iter().cloned());
    for name in ["field", "before", "wrote"] {
        columns.push(Arc::clone(child(entry.entry, name)?));
    }
    columns.push(Arc::clone(batch.column(keys + 7)));
    columns.push(Arc::clone(child(entry.entry, "sent")?));
    let rows = RecordBatch::try_new(Arc::clone(kept), columns)?;
    filter_record_batch(&rows, &keep)
}
