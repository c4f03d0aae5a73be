//! One load under review: what becomes of each record that the runs created or changed.
//!
//! In: `org.<load>` as just read back, ledger, attempts, pre-images, `recon.differences_<load>`. Out: undo parts and the rows of
//! `recon.spared_<load>`, neither published. Memory: a record batch, and one record with its fields.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};

use super::RollbackError;
use super::children::Guard;
use super::review::{Load, Reviewed, Reviewer, Spared};
use super::undo::{Restored, UndoWriter};
use crate::engine::Session;
use crate::reconcile::{PRE_IMAGE, found_form};
use crate::salesforce::{ObjectDescribe, record_identity};
use crate::staging::{Staging, TableWriter};

/// Objects whose records go by deleting another one, named by a field.
const GOES_WITH: [(&str, &str, &str); 1] =
    [("ContentVersion", "ContentDocument", "ContentDocumentId")];

/// The object whose deletion takes records of `object` along, and the field that names it.
pub(super) fn goes_with(object: &str) -> Option<(&'static str, &'static str)> {
    let found = GOES_WITH.iter().find(|(name, ..)| *name == object);
    found.map(|(_, other, field)| (*other, *field))
}

/// Columns of `recon.spared_<load>`.
const SPARED: [&str; 4] = ["key", "id", "reason", "detail"];

/// One load under review.
pub(super) struct Pass<'a> {
    pub reviewer: &'a Reviewer<'a>,
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

/// What a pass found, and whether more records are kept than before.
type Outcome = (Reviewed, TableWriter, bool);

impl Pass<'_> {
    fn name(&self) -> &str {
        &self.load.file.name
    }

    fn keys(&self, alias: &str) -> String {
        let key = self.load.file.key.iter();
        key.map(|name| format!("{alias}.\"{name}\""))
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn on(&self, left: &str, right: &str) -> String {
        let key = self.load.file.key.iter();
        key.map(|name| format!("{left}.\"{name}\" = {right}.\"{name}\""))
            .collect::<Vec<_>>()
            .join(" and ")
    }

    fn key_text(&self, alias: &str) -> String {
        let key = self.load.file.key.iter();
        let parts: Vec<String> = key
            .map(|name| format!("cast({alias}.\"{name}\" as varchar)"))
            .collect();
        format!("concat_ws('|', {})", parts.join(", "))
    }

    /// A column of `org.<load>` as text; null where it was not read.
    fn read(&self, name: &str) -> String {
        let is_read = self.describe.field(name).is_some();
        match is_read {
            true => format!("cast(r.\"{name}\" as varchar)"),
            false => "cast(null as varchar)".to_owned(),
        }
    }

    /// Ids that the runs created by `load`, or found when they meant to create.
    fn created(&self, load: &str) -> String {
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

    /// One review of the load; whether more records are kept than before.
    pub(super) async fn go(&self, guard: &mut Guard) -> Result<Outcome, RollbackError> {
        let before = guard.len();
        let staging = self.reviewer.staging;
        let mut spared = spared_table(staging, self.name()).await?;
        let key: Vec<Field> = self.load.columns.key_fields().cloned().collect();
        let mut undo = UndoWriter::new(
            staging,
            self.name(),
            &key,
            self.fields.clone(),
            self.reviewer.part_rows,
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
            reviewed.outbox = Some(self.reviewer.staging.publish(outbox).await?);
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
            keys = self.keys("l"),
            key_text = self.key_text("l"),
            by = self.read("LastModifiedById"),
            maker = self.read("CreatedById"),
            made = self.read("CreatedDate"),
            latest = self.read("IsLatest"),
            references = references.concat(),
            created = self.created(load),
            on_org = self.on("r", "l"),
        );
        let query = format!("records of {load} to delete");
        let mut stream = self.session.stream(&query, &sql, &[]).await?;
        let keys = self.load.file.key.len();
        while let Some(batch) = stream.next_batch().await? {
            let mut notes = Notes::default();
            let mut rows: Vec<u32> = Vec::new();
            for row in 0..batch.num_rows() {
                match self.decide(&batch, row, guard) {
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
                        notes.add(key, id, why, detail.as_deref());
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
                .map_err(|error| self.store(&error))?;
            let ids = taken
                .column_by_name("_target")
                .and_then(|column| column.as_string_opt::<i32>().cloned())
                .unwrap_or_else(|| StringArray::new_null(taken.num_rows()));
            undo.delete(taken.columns()[..keys].to_vec(), ids).await?;
            notes.write(spared).await?;
        }
        Ok(())
    }

    fn store(&self, error: &arrow::error::ArrowError) -> RollbackError {
        RollbackError::Store {
            load: self.name().to_owned(),
            reason: error.to_string(),
        }
    }

    fn decide(&self, batch: &RecordBatch, row: usize, guard: &Guard) -> Decision {
        let cell = |name: &str| text(batch, name, row);
        let how = batch.column_by_name("_how");
        let how = how.and_then(|column| column.as_primitive_opt::<arrow::datatypes::Int64Type>());
        let is_found = how.is_some_and(|how| how.value(row) == 2);
        let loaded_by = |id: Option<&str>| {
            let same =
                |user: &str| id.is_none_or(|id| record_identity(id) == record_identity(user));
            same(&self.reviewer.client.identity().user_id)
                || self.reviewer.scope.users.iter().any(|user| same(user))
        };
        if cell("_found").is_none() {
            // A record that was only found may never have been ours.
            return if is_found {
                Decision::NotOurs
            } else {
                Decision::Gone
            };
        }
        if is_found && !(loaded_by(cell("_maker")) && self.is_new(cell("_made"))) {
            return Decision::NotOurs;
        }
        if !self.reviewer.even_edited {
            if cell("_latest") == Some("false") {
                return Decision::Spare(Spared::NewerVersion, None);
            }
            if !loaded_by(cell("_by")) {
                let by = cell("_by").map(|by| format!("by user {by}"));
                return Decision::Spare(Spared::ByOthers, by);
            }
            if let Some(fields) = cell("_fields") {
                return Decision::Spare(Spared::Edited, Some(fields.to_owned()));
            }
        }
        let held = guard.why(cell("_id").unwrap_or_default());
        let held = held.or_else(|| guard.why(cell("_target").unwrap_or_default()));
        match held {
            Some(why) => Decision::Spare(Spared::Children, Some(why)),
            None => Decision::Delete,
        }
    }

    /// Whether a record was made since the runs began.
    fn is_new(&self, made: Option<&str>) -> bool {
        let made = made.and_then(|made| {
            chrono::DateTime::parse_from_rfc3339(made)
                .or_else(|_| chrono::DateTime::parse_from_str(made, "%Y-%m-%dT%H:%M:%S%.f%z"))
                .ok()
        });
        made.is_some_and(|made| made >= self.reviewer.scope.started - chrono::Duration::minutes(5))
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
        let snapshot = self.reviewer.staging.snapshot().await?;
        let Some(read) = snapshot.get("org", load) else {
            return Ok(());
        };
        let [now, before] = self.forms(&read.schema);
        let sql = format!(
            "select {keys}, {key_text} as _text, b.id as _id, l.written as _written, r._id as _found, b.field as _field, \
             b.before as _before, b.wrote as _wrote, {now} as _now, {before} as _was \
             from (select {bare}, b.id, b.field, first_value(b.before order by b.run_id) as before, \
             last_value(b.wrote order by b.run_id) as wrote from ledger.{PRE_IMAGE}{load} as b \
             where b.run_id in ({runs}) group by {bare}, b.id, b.field) as b \
             inner join ledger.{load} as l on {on_ledger} \
             left join (select c.id from ({created}) as c group by c.id) as c on substr(c.id, 1, 15) = substr(b.id, 1, 15) \
             left join org.{load} as r on {on_org} \
             where c.id is null and substr(l.id, 1, 15) = substr(b.id, 1, 15)",
            keys = self.keys("l"),
            bare = self.keys("b"),
            key_text = self.key_text("l"),
            runs = self.runs,
            created = self.created_by_any(),
            on_ledger = self.on("l", "b"),
            on_org = self.on("r", "l"),
        );
        let order: Vec<String> = self.load.file.key.clone();
        let query = format!("records of {load} to restore");
        let mut stream = self.session.stream(&query, &sql, &order).await?;
        let mut open: Option<Changed> = None;
        let mut notes = Notes::default();
        while let Some(batch) = stream.next_batch().await? {
            for row in 0..batch.num_rows() {
                let id = text(&batch, "_id", row).unwrap_or_default();
                if open.as_ref().is_none_or(|open| open.record.id != id) {
                    if let Some(done) = open.take() {
                        self.close(done, reviewed, undo, &mut notes).await?;
                    }
                    open = Some(Changed::start(&batch, row, self.load.file.key.len()));
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
        let (field, before) = (cell("_field").unwrap_or_default(), cell("_before"));
        if cell("_found").is_none() || cell("_now") == cell("_was") {
            return;
        }
        let known = self.fields.iter().any(|name| name == field);
        let ours = cell("_now") == cell("_wrote").filter(|wrote| !wrote.is_empty());
        if known && (ours || self.reviewer.even_edited) {
            open.release |= self.load.file.key.iter().any(|key| key == field);
            open.record
                .fields
                .insert(field.to_owned(), before.map(str::to_owned));
            return;
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
        notes: &mut Notes,
    ) -> Result<(), RollbackError> {
        if !done.spared.is_empty() {
            reviewed.spared += 1;
            let detail = done.spared.join(", ");
            notes.add(
                Some(&done.text),
                Some(&done.record.id),
                Spared::Fields,
                Some(&detail),
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

pub(super) async fn spared_table(
    staging: &Staging,
    load: &str,
) -> Result<TableWriter, RollbackError> {
    let columns = SPARED.map(|name| Field::new(name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(columns.to_vec()));
    let table = format!("spared_{load}");
    Ok(staging.create("recon", &table, schema, &[]).await?)
}

/// What is done with a record that we created.
enum Decision {
    NotOurs,
    Gone,
    Delete,
    Spare(Spared, Option<String>),
}

/// A record that we changed, while its fields come in.
struct Changed {
    text: String,
    record: Restored,
    release: bool,
    spared: Vec<String>,
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
        }
    }
}

/// A text cell.
fn text<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    column.is_valid(row).then(|| column.value(row))
}

/// Rows of `recon.spared_<load>`.
#[derive(Default)]
struct Notes {
    columns: [StringBuilder; 4],
    rows: usize,
}

impl Notes {
    fn add(&mut self, key: Option<&str>, id: Option<&str>, why: Spared, detail: Option<&str>) {
        let cells = [key, id, Some(why.word()), detail];
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.append_option(cell);
        }
        self.rows += 1;
    }

    async fn write(&mut self, table: &mut TableWriter) -> Result<(), RollbackError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let columns = SPARED
            .into_iter()
            .zip(&mut self.columns)
            .map(|(name, column)| {
                (
                    name,
                    Arc::new(column.finish()) as arrow::array::ArrayRef,
                    true,
                )
            });
        let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| {
            RollbackError::Store {
                load: "spared records".to_owned(),
                reason: error.to_string(),
            }
        })?;
        table.write(&batch).await?;
        Ok(())
    }
}
