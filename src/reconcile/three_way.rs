//! The outbox of known records against what is in the org now: fields that somebody changed there are left out of the update
//! (`guide/rules.md` 36).
//!
//! In: an outbox with updates, the records as they are now, the values sent and read back last time, policies and decisions.
//! Out: the outbox without what stays as it is in the org, `recon.conflicts_<load>` with every field that both sides have an opinion
//! of, `ledger.left_to_org_<load>` with the values that the org had accepted before, so that the question comes again until it
//! is answered; none of them published. Never: more than a part in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringBuilder, StructArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::conflict::{Entry, Known};
use super::differing::differing;
use super::left_out::{Record, of_files, rewrite};
use super::names::{CONFLICTS, LEFT_TO_ORG};
use super::{ReadBack, ReconcileError, ThreeWay};
use crate::rows::{RowOperation, is_set, sent_columns};
use crate::staging::{DataFile, Manifest, Snapshot, TableWriter};

/// Columns of `recon.conflicts_<load>`.
pub(super) const CONFLICT: [&str; 13] = [
    "object",
    "key",
    "id",
    "link",
    "field",
    "state",
    "why",
    "base",
    "ours",
    "theirs",
    "changed_by",
    "changed_at",
    "source_changed_at",
];

/// Columns of `ledger.left_to_org_<load>`.
pub(super) const LEFT: [&str; 3] = ["key", "field", "base"];

/// A schema of texts.
pub(super) fn texts(names: &[&str]) -> SchemaRef {
    let fields = names.iter();
    let fields: Vec<Field> = fields
        .map(|name| Field::new(*name, DataType::Utf8, true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// What came of it.
#[derive(Debug)]
pub struct Settled {
    /// The outbox that is sent.
    pub outbox: Manifest,
    /// `recon.conflicts_<load>` and `ledger.left_to_org_<load>`.
    pub told: Vec<Manifest>,
}

/// Says that nothing is left to the org, where something was.
///
/// # Errors
/// [`ReconcileError`].
pub async fn nothing_left(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
) -> Result<Vec<Manifest>, ReconcileError> {
    let load = &request.file.name;
    let mut tables = Vec::new();
    for (schema, table) in [
        ("recon", format!("{CONFLICTS}{load}")),
        ("ledger", format!("{LEFT_TO_ORG}{load}")),
    ] {
        if let Some(before) = snapshot
            .get(schema, &table)
            .filter(|before| before.rows > 0)
        {
            let columns = Arc::clone(&before.schema);
            let writer = request.staging.create(schema, &table, columns, &[]).await?;
            tables.push(writer.finish(BTreeMap::new()).await?);
        }
    }
    Ok(tables)
}

/// Takes out of an outbox what stays as it is in the org.
///
/// # Errors
/// [`ReconcileError`].
pub async fn settle(wanted: &ThreeWay<'_>) -> Result<Option<Settled>, ReconcileError> {
    let load = &wanted.request.file.name;
    let Some(outbox) = wanted.snapshot.get("outbox", load) else {
        return Ok(None);
    };
    let staging = wanted.request.staging;
    let conflicts = format!("{CONFLICTS}{load}");
    let left = format!("{LEFT_TO_ORG}{load}");
    let mut settle = Settle {
        wanted,
        places: sent_columns(&outbox.schema),
        written: wanted
            .snapshot
            .get("ledger", load)
            .map_or_else(Vec::new, |ledger| sent_columns(&ledger.schema)),
        conflicts: staging
            .create("recon", &conflicts, texts(&CONFLICT), &[])
            .await?,
        left: staging.create("ledger", &left, texts(&LEFT), &[]).await?,
    };
    let mut files: Vec<DataFile> = Vec::new();
    for file in &outbox.files {
        if file.label.as_deref() != Some(RowOperation::Update.word()) || file.rows == 0 {
            files.push(file.clone());
            continue;
        }
        let records = settle.records(outbox, file).await?;
        // Rows of which nothing is sent are in it only if something was sent before.
        match wanted.last.is_some() || records.values().any(Record::is_changed) {
            true => files.extend(rewrite(wanted, &settle.places, outbox, file, &records).await?),
            false => files.push(file.clone()),
        }
    }
    let mut settled = outbox.clone();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for file in &files {
        *counts
            .entry(file.label.as_deref().unwrap_or_default())
            .or_default() += file.rows;
    }
    for operation in [RowOperation::Update, RowOperation::Unchanged] {
        let rows = counts.get(operation.word()).copied().unwrap_or_default();
        settled.counts.insert(operation.word().to_owned(), rows);
    }
    if files.len() > outbox.files.len() {
        settled.sorted_by.clear();
    }
    settled.files = files;
    Ok(Some(Settled {
        outbox: settled,
        told: vec![
            settle.conflicts.finish(BTreeMap::new()).await?,
            settle.left.finish(BTreeMap::new()).await?,
        ],
    }))
}

struct Settle<'a> {
    wanted: &'a ThreeWay<'a>,
    /// Names of the sent columns.
    places: Vec<String>,
    /// Names of the columns of which the ledger knows whether they were written.
    written: Vec<String>,
    conflicts: TableWriter,
    left: TableWriter,
}

impl Settle<'_> {
    /// The rows of a part of which a field is another one in the org, judged; notes what is to be told.
    async fn records(
        &mut self,
        outbox: &Manifest,
        file: &DataFile,
    ) -> Result<BTreeMap<String, Record>, ReconcileError> {
        let request = self.wanted.request;
        let part = of_files(outbox, std::slice::from_ref(file));
        let Some((sql, snapshot)) = differing(self.wanted, &self.places, &part) else {
            return Ok(BTreeMap::new());
        };
        let session = request.engine.session(request.staging, &snapshot)?;
        let object = &request.describe.name;
        let mut records: BTreeMap<String, Record> = BTreeMap::new();
        let mut stream = session
            .stream(
                &format!("the three-way comparison of {}", request.file.name),
                &sql,
                &[],
            )
            .await?;
        while let Some(batch) = stream.next_batch().await? {
            let rows = SettledRows::of(&batch).map_err(|source| self.store(source))?;
            for row in 0..batch.num_rows() {
                let key = rows.text("key", row).unwrap_or_default();
                let entry = rows.entry(row, &self.written);
                let Some(verdict) = entry.judge(object, &key, self.wanted.policies) else {
                    if entry.has_company() {
                        records.entry(key).or_default().silent.push(entry);
                    }
                    continue;
                };
                if verdict.writes
                    && verdict.told.is_none()
                    && !entry.is_same
                    && !entry.has_company()
                {
                    continue;
                }
                let record = records.entry(key).or_default();
                if record.entries.is_empty() {
                    record.id = rows.text("id", row).unwrap_or_default();
                    record.changed_by = rows.text("changed_by", row);
                    record.changed_at = rows.text("changed_at", row);
                    record.source_changed_at = rows.text("source_changed_at", row);
                }
                record.entries.push((entry, verdict));
            }
        }
        records.values_mut().for_each(Record::keep_together);
        records.retain(|_, record| !record.entries.is_empty());
        self.note(&records).await?;
        Ok(records)
    }

    /// Notes what people should know, and what the org had accepted of fields that are left to it.
    async fn note(&mut self, records: &BTreeMap<String, Record>) -> Result<(), ReconcileError> {
        let request = self.wanted.request;
        let object = request.describe.name.as_str();
        let mut told: Vec<StringBuilder> = CONFLICT.iter().map(|_| StringBuilder::new()).collect();
        let mut left: Vec<StringBuilder> = LEFT.iter().map(|_| StringBuilder::new()).collect();
        for (key, record) in records {
            let link = request.client.record_url(&record.id).await;
            for (entry, verdict) in &record.entries {
                if !verdict.writes {
                    let cells = [Some(key), Some(&entry.field), verdict.base.as_ref()];
                    for (column, cell) in left.iter_mut().zip(cells) {
                        column.append_option(cell);
                    }
                }
                let Some(tell) = verdict.told else {
                    continue;
                };
                let cells = [
                    Some(object),
                    Some(key.as_str()),
                    Some(record.id.as_str()),
                    Some(link.as_str()),
                    Some(entry.field.as_str()),
                    Some(tell.state),
                    Some(tell.why),
                    verdict.base.as_deref(),
                    entry.ours.as_deref(),
                    entry.theirs.as_deref(),
                    record.changed_by.as_deref(),
                    record.changed_at.as_deref(),
                    record.source_changed_at.as_deref(),
                ];
                for (column, cell) in told.iter_mut().zip(cells) {
                    column.append_option(cell);
                }
            }
        }
        for (writer, names, builders) in [
            (&mut self.conflicts, CONFLICT.as_slice(), &mut told),
            (&mut self.left, LEFT.as_slice(), &mut left),
        ] {
            let columns = builders.iter_mut();
            let columns: Vec<ArrayRef> = columns
                .map(|builder| Arc::new(builder.finish()) as ArrayRef)
                .collect();
            let batch = RecordBatch::try_new(texts(names), columns).map_err(|source| {
                ReconcileError::Store {
                    object: object.to_owned(),
                    source,
                }
            })?;
            writer.write(&batch).await?;
        }
        Ok(())
    }

    fn store(&self, source: ArrowError) -> ReconcileError {
        ReconcileError::Store {
            object: self.wanted.request.describe.name.clone(),
            source,
        }
    }
}

/// The result of the comparison's query.
struct SettledRows<'a> {
    batch: &'a RecordBatch,
    entry: &'a StructArray,
}

impl<'a> SettledRows<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, ArrowError> {
        let entry = batch
            .column_by_name("entry")
            .and_then(|column| column.as_struct_opt())
            .ok_or_else(|| ArrowError::SchemaError("no entries".to_owned()))?;
        Ok(Self { batch, entry })
    }

    fn text(&self, name: &str, row: usize) -> Known {
        text(self.batch.column_by_name(name), row)
    }

    fn landed(&self, row: usize) -> Option<i64> {
        let column = self.batch.column_by_name("landed")?;
        let column = column.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn has(&self, name: &str, row: usize) -> bool {
        let column = self.batch.column_by_name(name);
        column.is_some_and(|column| {
            column.as_boolean().is_valid(row) && column.as_boolean().value(row)
        })
    }

    fn entry(&self, row: usize, written: &[String]) -> Entry {
        let place = self
            .entry
            .column_by_name("place")
            .and_then(|column| column.as_primitive_opt::<Int64Type>())
            .map_or(0, |column| {
                usize::try_from(column.value(row)).unwrap_or_default()
            });
        let part = |name: &str| text(self.entry.column_by_name(name), row);
        let known = |name: &str| -> Option<Known> {
            let known = self.entry.column_by_name(name)?.as_struct_opt()?;
            known
                .is_valid(row)
                .then(|| text(known.column_by_name("value"), row))
        };
        let field = part("field").unwrap_or_default();
        let is_in = |name: &str, place: usize| {
            let bits = self.batch.column_by_name(name);
            let bits = bits.and_then(|column| column.as_binary_opt::<i32>());
            bits.is_some_and(|bits| bits.is_valid(row) && is_set(bits.value(row), place))
        };
        let ours = part("ours").filter(|text| !text.is_empty());
        let was_written = written.iter().position(|name| *name == field);
        Entry {
            place,
            // An empty cell that clears nothing is not sent.
            is_same: is_in("same", place) || (ours.is_none() && !is_in("clear", place)),
            has_been_written: was_written.is_some_and(|place| is_in("written", place)),
            field,
            ours,
            theirs: part("theirs").filter(|text| !text.is_empty()),
            is_written: self.landed(row).is_some() || self.has("is_moved", row),
            kept: match self.has("is_left", row) {
                true => Some(self.text("base", row)),
                // What the lead had that this record was.
                false => (self.has("was_sent", row) && self.landed(row).is_none())
                    .then(|| self.text("moved_base", row)),
            },
            edited: self.has("is_edited", row).then(|| self.text("edited", row)),
            sent: known("sent"),
            // What was read of a record that we had not written is nobody's answer to us.
            read_back: known("read_back").filter(|_| self.landed(row).is_some()),
        }
    }
}

fn text(column: Option<&ArrayRef>, row: usize) -> Known {
    let column = column?.as_string_opt::<i32>()?;
    column.is_valid(row).then(|| column.value(row).to_owned())
}
