//! The ledger: per key the last known id and its liveness, apart from the latest outcome.
//!
//! In: the ledger so far and new attempts. Out: one row per key, sorted by key. A failed update never hides an id:
//! identity columns come from the last attempt that landed, outcome columns from the last attempt that has an outcome. What
//! was undone has no id.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::kernels::cmp::eq;
use arrow::compute::{interleave, nullif, partition};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::Utc;

use super::{JobRecord, LoadError, PhaseState};
use crate::engine::{Engine, Session};
use crate::rows::{Liveness, OUTCOME, columns_of, ledger_schema};
use crate::staging::{DataFile, Manifest, Snapshot, Staging};

/// Columns that say which record a key is.
const IDENTITY: [&str; 5] = ["id", "live", "fingerprint", "written", "successor"];

/// Count in a ledger's manifest of the records that became another one.
pub const FOLLOWED: &str = "followed";

/// Folds new attempts into the ledger and publishes both.
///
/// # Errors
/// [`LoadError`].
pub async fn write_ledger(
    staging: &Staging,
    engine: &Engine,
    load: &str,
    key: &[String],
    schema: SchemaRef,
    attempts: Vec<DataFile>,
) -> Result<Manifest, LoadError> {
    let snapshot = staging.snapshot().await?;
    publish_attempts(staging, &snapshot, load, &schema, &attempts).await?;
    let mut view = Snapshot::default();
    let fresh = attempts_manifest(load, Arc::clone(&schema), attempts);
    let known = snapshot.get("ledger", load);
    // Without an answer more, it is as it was.
    if let Some(known) = known.filter(|known| fresh.rows == 0 && known.schema == schema) {
        return Ok(known.clone());
    }
    let mut parts = Vec::new();
    if let Some(known) = known {
        view.insert(known.clone());
        let names = selected(&schema, known, |name| format!("\"{name}\""));
        parts.push(format!("select {names}, 0 as _new from ledger.{load}"));
    }
    if fresh.rows > 0 {
        let names = selected(&schema, &fresh, |name| format!("\"{name}\""));
        parts.push(format!("select {names}, 1 as _new from {}", fresh.name()));
        view.insert(fresh);
    }
    let session = engine.session(staging, &view)?;
    fold_into(staging, &session, load, key, schema, &parts).await
}

/// The ledger's columns as a select list over `table`; what an older table lacks is null.
pub(super) fn selected(
    schema: &SchemaRef,
    table: &Manifest,
    expression: impl Fn(&str) -> String,
) -> String {
    let has = |name: &str| table.schema.field_with_name(name).is_ok();
    let columns = schema.fields().iter().map(|field| {
        let name = field.name();
        match has(name) {
            true => format!("{} as \"{name}\"", expression(name)),
            false => format!("cast(null as varchar) as \"{name}\""),
        }
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// Writes the ledger anew with other keys: columns in `names` that hold an id of `moved`, a table of `old` and `new`, get the new
/// one, since Salesforce has hung these records on another one. Rows that come to the same key become one.
///
/// # Errors
/// [`LoadError`].
pub async fn move_keys(
    staging: &Staging,
    session: &Session,
    ledger: &Manifest,
    key: &[String],
    names: &[String],
    moved: &str,
) -> Result<Manifest, LoadError> {
    let load = &ledger.table;
    let mut joins = String::new();
    for (place, name) in names.iter().enumerate() {
        joins.push_str(&format!(
            " left join {moved} as m{place} on m{place}.old = substr(l.\"{name}\", 1, 15)"
        ));
    }
    let expression = |name: &str| match names.iter().position(|other| other == name) {
        Some(place) => format!("coalesce(m{place}.new, l.\"{name}\")"),
        None => format!("l.\"{name}\""),
    };
    let columns = selected(&ledger.schema, ledger, expression);
    let sql = format!("select {columns}, 0 as _new from ledger.{load} as l{joins}");
    fold_into(
        staging,
        session,
        load,
        key,
        Arc::clone(&ledger.schema),
        &[sql],
    )
    .await
}

/// Writes one row per key of what `parts` select and publishes it.
async fn fold_into(
    staging: &Staging,
    session: &Session,
    load: &str,
    key: &[String],
    schema: SchemaRef,
    parts: &[String],
) -> Result<Manifest, LoadError> {
    let sorted_by: Vec<&str> = key.iter().map(String::as_str).collect();
    let mut writer = staging
        .create("ledger", load, Arc::clone(&schema), &sorted_by)
        .await?;
    let mut counts = BTreeMap::new();
    if !parts.is_empty() {
        let sql = parts.join(" union all ");
        let mut order = key.to_vec();
        order.extend(["_new", "at", "attempt"].map(str::to_owned));
        let mut stream = session
            .stream(&format!("ledger.{load}"), &sql, &order)
            .await?;
        let mut fold = Fold::new(key.len(), Arc::clone(&schema));
        let mut followed = 0;
        let mut write = async |rows: RecordBatch| -> Result<(), LoadError> {
            if let Some(column) = rows.column_by_name("successor") {
                followed += (column.len() - column.null_count()) as u64;
            }
            Ok(writer.write(&rows).await?)
        };
        while let Some(batch) = stream.next_batch().await? {
            if let Some(rows) = fold.push(batch)? {
                write(rows).await?;
            }
        }
        if let Some(rows) = fold.finish()? {
            write(rows).await?;
        }
        if followed > 0 {
            counts.insert(FOLLOWED.to_owned(), followed);
        }
    }
    Ok(writer.publish(counts).await?)
}

/// `ledger.attempts_<load>` keeps every file of attempts ever written.
async fn publish_attempts(
    staging: &Staging,
    snapshot: &Snapshot,
    load: &str,
    schema: &SchemaRef,
    files: &[DataFile],
) -> Result<(), LoadError> {
    let table = format!("attempts_{load}");
    let mut all = snapshot
        .get("ledger", &table)
        .map(|manifest| manifest.files.clone())
        .unwrap_or_default();
    let before = all.len();
    for file in files {
        if !all.iter().any(|known| known.path == file.path) {
            all.push(file.clone());
        }
    }
    if all.len() == before && before > 0 {
        return Ok(());
    }
    if all.is_empty() {
        let writer = staging
            .create("ledger", &table, Arc::clone(schema), &[])
            .await?;
        writer.publish(BTreeMap::new()).await?;
        return Ok(());
    }
    let mut manifest = attempts_manifest(load, Arc::clone(schema), all);
    manifest.table = table;
    staging.publish(manifest).await?;
    Ok(())
}

/// `ledger.attempts_<load>` with what a phase was answered and no table has yet; none if there is nothing.
#[must_use]
pub fn attempts_with(snapshot: &Snapshot, phase: &PhaseState) -> Option<Manifest> {
    let table = format!("attempts_{}", phase.load);
    let stands = snapshot.get("ledger", &table);
    let mut files = stands.map_or_else(Vec::new, |stands| stands.files.clone());
    let before = files.len();
    for file in phase.jobs.values().flat_map(JobRecord::answers) {
        if file.rows > 0 && !files.iter().any(|known| known.path == file.path) {
            files.push(file.clone());
        }
    }
    if files.len() == before {
        return None;
    }
    let schema = match stands.or_else(|| snapshot.get("ledger", &phase.load)) {
        Some(table) => Arc::clone(&table.schema),
        None => {
            let outbox = phase.table.as_deref().unwrap_or(&phase.load);
            let outbox = snapshot.get("outbox", outbox)?;
            ledger_schema(&columns_of(outbox, &phase.key))
        }
    };
    let mut manifest = attempts_manifest(&phase.load, schema, files);
    manifest.table = table;
    Some(manifest)
}

/// A manifest over files of attempts that are not published yet.
fn attempts_manifest(load: &str, schema: SchemaRef, files: Vec<DataFile>) -> Manifest {
    Manifest {
        schema_name: "ledger".to_owned(),
        table: format!("new_{load}"),
        version: 0,
        published_at: Utc::now(),
        rows: files.iter().map(|file| file.rows).sum(),
        files,
        sorted_by: Vec::new(),
        counts: BTreeMap::new(),
        columns: BTreeMap::new(),
        basis: None,
        schema,
    }
}

/// One group of equal keys while its rows come in.
struct Group {
    /// Batch (0: previous, 1: current) and row of the key, of the identity and of the outcome.
    identity: (usize, usize),
    outcome: (usize, usize),
}

/// Folds sorted rows, group by group.
struct Fold {
    keys: usize,
    schema: SchemaRef,
    previous: Option<RecordBatch>,
    open: Option<Group>,
}

impl Fold {
    fn new(keys: usize, schema: SchemaRef) -> Self {
        Self {
            keys,
            schema,
            previous: None,
            open: None,
        }
    }

    fn push(&mut self, batch: RecordBatch) -> Result<Option<RecordBatch>, LoadError> {
        if batch.num_rows() == 0 {
            return Ok(None);
        }
        let ids = batch.column(self.keys).as_string::<i32>().clone();
        let outcomes = batch.column_by_name("outcome").cloned();
        let has_outcome =
            |row: &usize| outcomes.as_ref().is_none_or(|column| column.is_valid(*row));
        let equal_keys = partition(&batch.columns()[..self.keys]).map_err(unfoldable)?;
        let mut done = Vec::new();
        for range in equal_keys.ranges() {
            let last = range.end - 1;
            let landed = range.clone().rev().find(|&row| ids.is_valid(row));
            let outcome = range.clone().rev().find(has_outcome);
            let continues = range.start == 0
                && self.previous.as_ref().is_some_and(|previous| {
                    self.same_key(previous, previous.num_rows() - 1, &batch, 0)
                });
            match &mut self.open {
                Some(group) if continues => {
                    if let Some(outcome) = outcome {
                        group.outcome = (1, outcome);
                    }
                    if let Some(landed) = landed {
                        group.identity = (1, landed);
                    }
                }
                open => done.extend(open.replace(Group {
                    identity: (1, landed.unwrap_or(last)),
                    outcome: (1, outcome.unwrap_or(last)),
                })),
            }
        }
        let rows = self.emit(&done, &batch)?;
        // Only the open group may refer to this batch from now on; its rows become the previous batch's.
        if let Some(group) = &mut self.open {
            let kept = self.previous.take();
            let last = batch.num_rows() - 1;
            let (identity, outcome) = (group.identity, group.outcome);
            let joined = match (&kept, identity.0, outcome.0) {
                (Some(previous), 0, _) | (Some(previous), _, 0) => {
                    // The group spans both batches: keep its rows as a small batch of their own.
                    let rows = [
                        row_of(previous, &batch, identity),
                        row_of(previous, &batch, outcome),
                    ];
                    let joined = arrow::compute::concat_batches(&batch.schema(), &rows)
                        .map_err(unfoldable)?;
                    (group.identity, group.outcome) = ((0, 0), (0, 1));
                    joined
                }
                _ => {
                    let start = identity.1.min(outcome.1).min(last);
                    group.identity = (0, identity.1 - start);
                    group.outcome = (0, outcome.1 - start);
                    batch.slice(start, batch.num_rows() - start)
                }
            };
            self.previous = Some(joined);
        }
        Ok(rows)
    }

    fn finish(mut self) -> Result<Option<RecordBatch>, LoadError> {
        let (Some(group), Some(previous)) = (self.open.take(), self.previous.take()) else {
            return Ok(None);
        };
        self.previous = Some(previous.clone());
        self.emit(&[group], &previous)
    }

    fn same_key(
        &self,
        left: &RecordBatch,
        left_row: usize,
        right: &RecordBatch,
        right_row: usize,
    ) -> bool {
        (0..self.keys).all(|column| {
            left.column(column).slice(left_row, 1).as_ref()
                == right.column(column).slice(right_row, 1).as_ref()
        })
    }

    fn emit(
        &self,
        groups: &[Group],
        batch: &RecordBatch,
    ) -> Result<Option<RecordBatch>, LoadError> {
        if groups.is_empty() {
            return Ok(None);
        }
        let previous = self.previous.as_ref().unwrap_or(batch);
        let identity: Vec<(usize, usize)> = groups.iter().map(|group| group.identity).collect();
        let outcome: Vec<(usize, usize)> = groups.iter().map(|group| group.outcome).collect();
        let columns = self
            .schema
            .fields()
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let rows = if OUTCOME.contains(&field.name().as_str()) {
                    &outcome
                } else {
                    debug_assert!(index < self.keys || IDENTITY.contains(&field.name().as_str()));
                    &identity
                };
                let arrays: [&dyn Array; 2] = [previous.column(index), batch.column(index)];
                interleave(&arrays, rows)
            })
            .collect::<Result<Vec<_>, _>>()
            .and_then(|columns| RecordBatch::try_new(Arc::clone(&self.schema), columns))
            .and_then(|folded| self.without_undone(folded))
            .map_err(unfoldable)?;
        Ok(Some(columns))
    }

    /// Takes the id away from keys whose record was undone.
    fn without_undone(&self, folded: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let Some(live) = folded.column_by_name("live") else {
            return Ok(folded);
        };
        let undone = eq(live, &StringArray::new_scalar(Liveness::Undone.word()))?;
        if undone.true_count() == 0 {
            return Ok(folded);
        }
        let columns = folded.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| match field.name().as_str() {
            "id" | "fingerprint" | "written" | "successor" => nullif(column, &undone),
            _ => Ok(Arc::clone(column)),
        });
        RecordBatch::try_new(
            Arc::clone(&self.schema),
            columns.collect::<Result<Vec<_>, _>>()?,
        )
    }
}

fn unfoldable(error: ArrowError) -> LoadError {
    LoadError::Encode {
        load: "the ledger".to_owned(),
        part: "of attempts".to_owned(),
        source: error.into(),
    }
}

fn row_of(
    previous: &RecordBatch,
    current: &RecordBatch,
    (batch, row): (usize, usize),
) -> RecordBatch {
    if batch == 0 {
        previous.slice(row, 1)
    } else {
        current.slice(row, 1)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};
    use proptest::prelude::*;

    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("key", DataType::Int64, true),
            Field::new("id", DataType::Utf8, true),
            Field::new("outcome", DataType::Utf8, true),
        ]))
    }

    fn fold(
        rows: &[(i64, Option<&str>, &str)],
        sizes: &[usize],
    ) -> Vec<(i64, Option<String>, String)> {
        let mut fold = Fold::new(1, schema());
        let mut out = Vec::new();
        let mut start = 0;
        let mut sizes = sizes.iter().copied().cycle();
        while start < rows.len() {
            let end = (start + sizes.next().unwrap_or(1).max(1)).min(rows.len());
            let part = &rows[start..end];
            let batch = RecordBatch::try_new(
                schema(),
                vec![
                    Arc::new(part.iter().map(|row| row.0).collect::<Int64Array>()),
                    Arc::new(part.iter().map(|row| row.1).collect::<StringArray>()),
                    Arc::new(part.iter().map(|row| Some(row.2)).collect::<StringArray>()),
                ],
            )
            .unwrap();
            out.extend(fold.push(batch).unwrap());
            start = end;
        }
        out.extend(fold.finish().unwrap());
        out.iter()
            .flat_map(|batch| {
                (0..batch.num_rows()).map(|row| {
                    let id = batch.column(1).as_string::<i32>();
                    (
                        batch
                            .column(0)
                            .as_primitive::<arrow::datatypes::Int64Type>()
                            .value(row),
                        id.is_valid(row).then(|| id.value(row).to_owned()),
                        batch.column(2).as_string::<i32>().value(row).to_owned(),
                    )
                })
            })
            .collect()
    }

    #[test]
    fn a_failed_update_never_hides_an_id() {
        let rows = [
            (1, Some("001A"), "created"),
            (1, None, "failed"),
            (2, None, "failed"),
        ];
        let expected = [
            (1, Some("001A".to_owned()), "failed".to_owned()),
            (2, None, "failed".to_owned()),
        ];
        for sizes in [vec![1], vec![2], vec![3]] {
            assert_eq!(fold(&rows, &sizes), expected);
        }
    }

    proptest! {
        #[test]
        fn one_row_per_key_wherever_batches_end(
            groups in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 1..5), 1..30),
            sizes in proptest::collection::vec(1_usize..6, 1..8),
        ) {
            let mut rows = Vec::new();
            let mut expected = Vec::new();
            for (key, attempts) in (0_i64..).zip(&groups) {
                let mut id = None;
                let mut last = "";
                for &landed in attempts {
                    last = if landed { "updated" } else { "failed" };
                    rows.push((key, landed.then_some("001A"), last));
                    if landed { id = Some("001A".to_owned()); }
                }
                expected.push((key, id, last.to_owned()));
            }
            prop_assert_eq!(fold(&rows, &sizes), expected);
        }
    }
}
