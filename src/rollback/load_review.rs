//! The review of one load: what becomes of each record that the runs created or changed.
//!
//! In: `org.<load>` as just read back, ledger, attempts, pre-images, `recon.differences_<load>`. Out: undo parts and the rows of
//! `recon.spared_<load>`, neither published. Memory: a record batch, and one record with its fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};

use super::RollbackError;
use super::children::Guard;
use super::decision::{ChangedField, CreatedRecord, Decision, FieldDecision, Rules};
use super::load::{Load, Reviewed, Spared, goes_with};
use super::spared::{SPARED, SparedRows, spared_table};
use super::undo::{Change, Restored, UNDO, UndoWriter};
use crate::engine::Session;
use crate::project::Operation;
use crate::reconcile::{PRE_IMAGE, found_form, is_body};
use crate::rows::{key_columns, key_text, same_key};
use crate::salesforce::ObjectDescribe;
use crate::staging::{Staging, TableWriter};

/// One load under review.
pub(super) struct LoadReview<'a> {
    pub staging: &'a Staging,
    /// Rows in a part at most.
    pub part_rows: usize,
    pub rules: Rules<'a>,
    /// Whether contacts that leads became are deleted.
    pub even_converted: bool,
    pub load: &'a Load,
    pub describe: &'a ObjectDescribe,
    pub session: Session,
    /// Fields that name other records, as far as they were read back.
    pub references: Vec<String>,
    /// Fields that can be restored.
    pub fields: Vec<String>,
    /// `'run', 'run'`.
    pub runs: String,
    pub pre_images: bool,
}

/// What a round found, and whether more records are kept than before.
type Round = (Reviewed, TableWriter, bool);

impl LoadReview<'_> {
    fn name(&self) -> &str {
        &self.load.file.name
    }

    fn key(&self) -> &[String] {
        &self.load.file.key
    }

    /// A column of `org.<load>` as text; null where it was not read.
    fn read(&self, name: &str) -> String {
        let is_read = self.describe.field(name).is_some();
        match is_read {
            true => format!("cast(r.\"{name}\" as varchar)"),
            false => "cast(null as varchar)".to_owned(),
        }
    }

    /// Ids that the runs created by `load`, or found when they meant to create, and those of later versions of such a file.
    fn created(&self, load: &str) -> String {
        let made = self.made(load);
        if goes_with(&self.describe.name).is_none() {
            return made;
        }
        let key = self.key();
        format!(
            "select v.id, min(v.how) as how from ({made} union all select a.id, 1 as how from ledger.attempts_{load} as a \
             inner join (select {}, max(m.run_id) as run_id from ledger.attempts_{load} as m where m.outcome = 'created' \
             group by {}) as m on {} and a.run_id >= m.run_id \
             where m.run_id in ({}) and a.id is not null and a.outcome = 'updated') as v group by v.id",
            key_columns("m", key),
            key_columns("m", key),
            same_key("m", "a", key),
            self.runs
        )
    }

    /// Ids that the runs made by `load`, or found when they meant to make them.
    fn made(&self, load: &str) -> String {
        format!(
            "select a.id, min(case when a.outcome = 'created' then 1 else 2 end) as how \
             from ledger.attempts_{load} as a where a.run_id in ({}) and a.id is not null \
             and (a.outcome = 'created' or (a.outcome = 'updated' and a.fingerprint is null and a.operation in ('insert', 'upsert'))) \
             group by a.id",
            self.runs
        )
    }

    /// Ids that the runs created, whichever load of this object did it.
    fn created_by_any(&self) -> String {
        let siblings = self.load.siblings.iter().map(|(load, _)| load.as_str());
        let all: Vec<String> = siblings
            .chain([self.name()])
            .map(|load| self.created(load))
            .collect();
        all.join(" union all ")
    }

    /// One round over the load; whether more records are kept than before.
    pub(super) async fn round(&self, guard: &mut Guard) -> Result<Round, RollbackError> {
        let before = guard.len();
        let staging = self.staging;
        let mut spared = spared_table(staging, SPARED, self.name()).await?;
        let key: Vec<Field> = self.load.columns.key_fields().cloned().collect();
        let mut undo = UndoWriter::new(
            staging,
            (UNDO, self.name()),
            &key,
            self.fields.clone(),
            self.part_rows,
        );
        let mut reviewed = Reviewed {
            object: self.describe.name.clone(),
            load: self.name().to_owned(),
            ..Reviewed::default()
        };
        self.deletions(guard, &mut reviewed, &mut undo, &mut spared)
            .await?;
        if self.pre_images {
            self.restorations(guard, &mut reviewed, &mut undo, &mut spared)
                .await?;
        }
        reviewed.outbox = undo.finish().await?;
        Ok((reviewed, spared, guard.len() > before))
    }

    pub(super) async fn publish(
        &self,
        mut reviewed: Reviewed,
        spared: TableWriter,
    ) -> Result<Reviewed, RollbackError> {
        spared.publish(BTreeMap::new()).await?;
        if let Some(outbox) = reviewed.outbox.take() {
            reviewed.outbox = Some(self.staging.publish(outbox).await?);
        }
        Ok(reviewed)
    }

    async fn deletions(
        &self,
        guard: &mut Guard,
        reviewed: &mut Reviewed,
        undo: &mut UndoWriter,
        spared: &mut TableWriter,
    ) -> Result<(), RollbackError> {
        let load = self.name();
        let references: Vec<String> = self
            .references
            .iter()
            .enumerate()
            .map(|(at, name)| format!(", cast(r.\"{name}\" as varchar) as _parent{at}"))
            .collect();
        let object = self.describe.name.as_str();
        let target = goes_with(object).map_or_else(
            || "l.id".to_owned(),
            |(_, field)| format!("coalesce(r.\"{field}\", l.id)"),
        );
        let sql = format!(
            "select {keys}, {key_text} as _text, l.id as _id, {target} as _target, c.how as _how, r._id as _found, \
             {by} as _by, {maker} as _maker, {made} as _made, {latest} as _latest, cast(d.fields as varchar) as _fields{references} \
             from ledger.{load} as l inner join ({created}) as c on c.id = l.id \
             left join org.{load} as r on {on_org} \
             left join (select d.key, string_agg(d.field, ', ') as fields from recon.differences_{load} as d \
             where d.kind = 'changed' group by d.key) as d on d.key = {key_text} \
             where l.id is not null",
            keys = key_columns("l", self.key()),
            key_text = key_text("l", self.key()),
            by = self.read("LastModifiedById"),
            maker = self.read("CreatedById"),
            made = self.read("CreatedDate"),
            latest = self.read("IsLatest"),
            references = references.concat(),
            created = self.created(load),
            on_org = same_key("r", "l", self.key()),
        );
        let query = format!("records of {load} to delete");
        let mut stream = self.session.stream(&query, &sql, &[]).await?;
        let keys = self.key().len();
        while let Some(batch) = stream.next_batch().await? {
            let mut notes = SparedRows::default();
            let mut rows: Vec<u32> = Vec::new();
            for row in 0..batch.num_rows() {
                let decision = self.decide(&batch, row, guard);
                if self.converts() && !matches!(decision, Decision::NotOurs | Decision::Gone) {
                    reviewed.converted += 1;
                }
                match decision {
                    Decision::NotOurs => {}
                    Decision::Gone => {
                        reviewed.gone += 1;
                        rows.push(u32::try_from(row).unwrap_or(u32::MAX));
                    }
                    Decision::Delete => {
                        reviewed.delete += 1;
                        rows.push(u32::try_from(row).unwrap_or(u32::MAX));
                    }
                    Decision::Spare(why, detail) => {
                        reviewed.spared += 1;
                        let [key, id] = ["_text", "_id"].map(|name| text(&batch, name, row));
                        notes.add(key, id, why.word(), detail.as_deref());
                        let what: Arc<str> = format!("{object} that is kept").into();
                        for at in 0..self.references.len() {
                            let parent = text(&batch, &format!("_parent{at}"), row);
                            guard.protect(parent.unwrap_or_default(), &what);
                        }
                    }
                }
            }
            let places = arrow::array::UInt32Array::from(rows);
            let taken = arrow::compute::take_record_batch(&batch, &places)
                .map_err(|error| self.unstorable(error))?;
            let ids = taken
                .column_by_name("_target")
                .and_then(|column| column.as_string_opt::<i32>().cloned())
                .unwrap_or_else(|| StringArray::new_null(taken.num_rows()));
            undo.delete(taken.columns()[..keys].to_vec(), ids).await?;
            notes.write(spared).await?;
        }
        Ok(())
    }

    fn unstorable(&self, source: arrow::error::ArrowError) -> RollbackError {
        RollbackError::Store {
            load: self.name().to_owned(),
            source,
        }
    }

    fn decide(&self, batch: &RecordBatch, row: usize, guard: &Guard) -> Decision {
        let cell = |name: &str| text(batch, name, row);
        let how = batch.column_by_name("_how");
        let how = how.and_then(|column| column.as_primitive_opt::<arrow::datatypes::Int64Type>());
        let record = CreatedRecord {
            id: cell("_id").unwrap_or_default(),
            target: cell("_target").unwrap_or_default(),
            only_found: how.is_some_and(|how| how.value(row) == 2),
            is_there: cell("_found").is_some(),
            created_by: cell("_maker"),
            created_at: cell("_made"),
            changed_by: cell("_by"),
            is_latest: cell("_latest"),
            edited: cell("_fields"),
        };
        match self.rules.decide(&record, guard) {
            Decision::Delete if self.converts() && !self.even_converted => {
                Decision::Spare(Spared::Converted, None)
            }
            decision => decision,
        }
    }

    /// Whether leads became its records.
    fn converts(&self) -> bool {
        self.load.file.operation == Some(Operation::Convert)
    }

    /// SQL for the field that a pre-image is about, in its normal form: its value now, and the one before.
    fn forms(&self, read: &Schema) -> [String; 2] {
        let (mut now, mut before) = (String::new(), String::new());
        for name in &self.fields {
            if read.field_with_name(name).is_err() {
                continue;
            }
            let sent = self
                .load
                .columns
                .sent
                .iter()
                .find(|field| field.name() == name);
            let form = found_form(self.describe, sent, name);
            let then = |form: &str| format!(" when '{name}' then cast({form} as varchar)");
            now += &then(&form);
            before += &then(&form.replace(&format!("r.\"{name}\""), "b.before"));
        }
        if now.is_empty() {
            return [
                "cast(null as varchar)".to_owned(),
                "cast(null as varchar)".to_owned(),
            ];
        }
        [now, before].map(|cases| format!("case b.field{cases} end"))
    }

    async fn restorations(
        &self,
        guard: &mut Guard,
        reviewed: &mut Reviewed,
        undo: &mut UndoWriter,
        spared: &mut TableWriter,
    ) -> Result<(), RollbackError> {
        let load = self.name();
        let snapshot = self.staging.snapshot().await?;
        let Some(read) = snapshot.get("org", load) else {
            return Ok(());
        };
        let [now, before] = self.forms(&read.schema);
        // A later version of a file has another id, and takes over what the one before had.
        let (id, same) = match goes_with(&self.describe.name) {
            Some(_) => ("l.id", "l.id is not null"),
            None => ("b.id", "substr(l.id, 1, 15) = substr(b.id, 1, 15)"),
        };
        let sql = format!(
            "select {keys}, {key_text} as _text, {id} as _id, l.written as _written, r._id as _found, b.field as _field, \
             b.before as _before, b.wrote as _wrote, {now} as _now, {before} as _was \
             from (select {bare}, b.id, b.field, first_value(b.before order by b.run_id) as before, \
             last_value(b.wrote order by b.run_id) as wrote from ledger.{PRE_IMAGE}{load} as b \
             where b.run_id in ({runs}) group by {bare}, b.id, b.field) as b \
             inner join ledger.{load} as l on {on_ledger} \
             left join (select c.id from ({created}) as c group by c.id) as c on substr(c.id, 1, 15) = substr(b.id, 1, 15) \
             left join org.{load} as r on {on_org} \
             where c.id is null and {same}",
            keys = key_columns("l", self.key()),
            bare = key_columns("b", self.key()),
            key_text = key_text("l", self.key()),
            runs = self.runs,
            created = self.created_by_any(),
            on_ledger = same_key("l", "b", self.key()),
            on_org = same_key("r", "l", self.key()),
        );
        let order: Vec<String> = self.key().to_vec();
        let query = format!("records of {load} to restore");
        let mut stream = self.session.stream(&query, &sql, &order).await?;
        let mut open: Option<Changed> = None;
        let mut notes = SparedRows::default();
        while let Some(batch) = stream.next_batch().await? {
            for row in 0..batch.num_rows() {
                let id = text(&batch, "_id", row).unwrap_or_default();
                if open.as_ref().is_none_or(|open| open.record.id != id) {
                    if let Some(done) = open.take() {
                        self.close(done, reviewed, undo, &mut notes).await?;
                    }
                    open = Some(Changed::start(&batch, row, self.key().len()));
                }
                if let Some(open) = &mut open {
                    self.take(&batch, row, open, guard);
                }
            }
            notes.write(spared).await?;
        }
        if let Some(done) = open {
            self.close(done, reviewed, undo, &mut notes).await?;
        }
        notes.write(spared).await
    }

    /// One field of a changed record.
    fn take(&self, batch: &RecordBatch, row: usize, open: &mut Changed, guard: &mut Guard) {
        let cell = |name: &str| text(batch, name, row);
        let field = cell("_field").unwrap_or_default();
        if is_body(&self.describe.name, field) {
            if cell("_found").is_some() {
                open.bodies.push(field.to_owned());
            }
            return;
        }
        let decision = self.rules.decide_field(&ChangedField {
            is_there: cell("_found").is_some(),
            is_writable: self.fields.iter().any(|name| name == field),
            now: cell("_now"),
            was: cell("_was"),
            wrote: cell("_wrote"),
        });
        match decision {
            FieldDecision::Leave => return,
            FieldDecision::Restore => {
                open.release |= self.key().iter().any(|key| key == field);
                let [old, new] = ["_now", "_before"].map(|name| cell(name).map(str::to_owned));
                let change = Change { old, new };
                open.record.fields.insert(field.to_owned(), change);
                return;
            }
            FieldDecision::Spare => {}
        }
        open.spared.push(field.to_owned());
        if self.references.iter().any(|name| name == field) {
            let what: Arc<str> = format!("{} that is kept", self.describe.name).into();
            guard.protect(cell("_now").unwrap_or_default(), &what);
        }
    }

    async fn close(
        &self,
        done: Changed,
        reviewed: &mut Reviewed,
        undo: &mut UndoWriter,
        notes: &mut SparedRows,
    ) -> Result<(), RollbackError> {
        for (fields, why) in [(&done.spared, Spared::Fields), (&done.bodies, Spared::Body)] {
            if fields.is_empty() {
                continue;
            }
            reviewed.spared += 1;
            notes.add(
                Some(&done.text),
                Some(&done.record.id),
                why.word(),
                Some(&fields.join(", ")),
            );
        }
        if !done.record.fields.is_empty() {
            reviewed.restore += 1;
            reviewed.fields += done.record.fields.len() as u64;
            undo.restore(done.record, done.release).await?;
        }
        Ok(())
    }
}

/// A record that we changed, while its fields come in.
struct Changed {
    text: String,
    record: Restored,
    release: bool,
    spared: Vec<String>,
    /// Bodies that were replaced.
    bodies: Vec<String>,
}

impl Changed {
    fn start(batch: &RecordBatch, row: usize, keys: usize) -> Self {
        let written = batch.column_by_name("_written");
        let written = written.and_then(|column| column.as_binary_opt::<i32>());
        let written = written.filter(|written| written.is_valid(row));
        let key = batch.columns()[..keys].iter();
        Self {
            text: text(batch, "_text", row).unwrap_or_default().to_owned(),
            record: Restored {
                key: key.map(|column| column.slice(row, 1)).collect(),
                id: text(batch, "_id", row).unwrap_or_default().to_owned(),
                written: written.map_or_else(Vec::new, |written| written.value(row).to_vec()),
                fields: BTreeMap::new(),
            },
            release: false,
            spared: Vec::new(),
            bodies: Vec::new(),
        }
    }
}

/// A text cell.
pub(super) fn text<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    column.is_valid(row).then(|| column.value(row))
}
