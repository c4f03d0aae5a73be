//! Which records are taken back and which are spared, decided for all loads before anything is touched.
//!
//! In: the loads of the runs, last first, and the org read back. Out: per load its undo parts and `recon.spared_<load>` (key, id,
//! reason, detail). Children come before their parents, so whatever is spared keeps its parents too. Never: a write to the org.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use serde::Serialize;

use super::children::{Guard, Others, protect_parents_of};
use super::undo::{Restored, UndoWriter};
use super::{RollbackError, Scope};
use crate::engine::{Engine, Session};
use crate::reconcile::{DiffRequest, PRE_IMAGE, ReadBack, read_back, write_differences};
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::{Manifest, Staging, TableWriter};
use crate::transform::{Columns, QueryFile, sent_columns};

/// What is read of each record besides the fields that were sent: who changed it last and who made it; what its file is and
/// whether that has a newer version; the Task that Salesforce made for an e-mail.
const READ: [&str; 6] = [
    "LastModifiedById",
    "CreatedById",
    "CreatedDate",
    "ContentDocumentId",
    "IsLatest",
    "ActivityId",
];

/// Objects whose records go by deleting another one, named by a field.
const GOES_WITH: [(&str, &str); 1] = [("ContentVersion", "ContentDocumentId")];

/// Columns of `recon.spared_<load>`.
const SPARED: [&str; 4] = ["key", "id", "reason", "detail"];

/// How often a load is reviewed again because something in it was spared that names others of the same load.
const PASSES: usize = 5;

/// A load of the runs to take back.
pub struct Load {
    /// Its query.
    pub file: QueryFile,
    /// Its columns, as they were sent last.
    pub columns: Columns,
    /// Columns that a later load sets anew.
    pub later: BTreeSet<String>,
    /// Other loads into the same object that have a ledger, with their keys.
    pub siblings: Vec<(String, Vec<String>)>,
    /// Whether it is taken back; others only hold their parents.
    pub selected: bool,
}

/// Looks at an org before a rollback, and after it.
pub struct Reviewer<'a> {
    /// The staging area, with the organisation in view.
    pub staging: &'a Staging,
    /// Compares.
    pub engine: &'a Engine,
    /// Connected to the destination.
    pub client: &'a Client,
    /// The loads' objects.
    pub described: &'a BTreeMap<String, ObjectDescribe>,
    /// The runs.
    pub scope: &'a Scope,
    /// Their loads, last first.
    pub loads: &'a [Load],
    /// Rows in a part at most.
    pub part_rows: usize,
    /// Whether records that were edited since are taken back all the same.
    pub even_edited: bool,
    /// Told what is looked at.
    pub progress: &'a (dyn Fn(&str) + Send + Sync),
}

/// What will become of a load's records.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reviewed {
    /// Salesforce object.
    pub object: String,
    /// The load.
    pub load: String,
    /// Records that we created and that go.
    pub delete: u64,
    /// Records that we created and that are gone already.
    pub gone: u64,
    /// Records that we changed and that get values back.
    pub restore: u64,
    /// Values they get back.
    pub fields: u64,
    /// Records that are spared, wholly or in some fields.
    pub spared: u64,
    /// The parts; none if there is nothing to send.
    #[serde(skip)]
    pub outbox: Option<Manifest>,
}

/// A review of all loads.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// Last load first.
    pub loads: Vec<Reviewed>,
    /// Objects that could not be asked for records of others.
    pub unasked: Vec<String>,
}

/// Why a record is spared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spared {
    /// Somebody else changed it last.
    ByOthers,
    /// Fields that we wrote have other values now.
    Edited,
    /// Its file has a newer version.
    NewerVersion,
    /// Records that stay hang on it.
    Children,
    /// Fields that we changed have other values now; the others get theirs back.
    Fields,
}

impl Spared {
    /// The word in `recon.spared`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ByOthers => "changed_by_others",
            Self::Edited => "edited_since",
            Self::NewerVersion => "has_a_newer_version",
            Self::Children => "has_children_that_stay",
            Self::Fields => "fields_edited_since",
        }
    }
}

/// One load under review.
struct Pass<'a> {
    reviewer: &'a Reviewer<'a>,
    load: &'a Load,
    describe: &'a ObjectDescribe,
    session: Session,
    /// Fields that name other records, as far as they were read back.
    references: Vec<String>,
    /// Fields that can be restored.
    fields: Vec<String>,
    /// `'run', 'run'`.
    runs: String,
    pre_images: bool,
}

impl Reviewer<'_> {
    /// Reviews every load.
    ///
    /// # Errors
    /// [`RollbackError`]; nothing in the org was changed.
    pub async fn review(&self) -> Result<Review, RollbackError> {
        let snapshot = self.staging.snapshot().await?;
        let session = self.engine.session(self.staging, &snapshot)?;
        let mut loaders = self.scope.users.clone();
        loaders.insert(self.client.identity().user_id.clone());
        let mut ledgers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for load in self.loads {
            let ledger = ledgers.entry(load.file.object().to_owned()).or_default();
            ledger.push(load.file.name.clone());
        }
        let mut guard = Guard::default();
        (self.progress)("looking for records that others attached");
        let others = Others {
            client: self.client,
            described: self.described,
            since: self.scope.started - chrono::Duration::minutes(5),
            loaders: &loaders,
            session: &session,
            ledgers: &ledgers,
        };
        let unasked = others.look(&mut guard).await?;
        for load in self.loads.iter().filter(|load| !load.selected) {
            let Some(describe) = self.described.get(load.file.object()) else {
                continue;
            };
            let sent = load.columns.sent.iter().map(Field::name);
            let references: Vec<String> = sent
                .filter(|name| is_reference(describe, name))
                .cloned()
                .collect();
            let what: Arc<str> = format!("{} of this migration", load.file.object()).into();
            let (name, key) = (&load.file.name, &load.file.key);
            protect_parents_of(&session, name, key, &references, &what, &mut guard).await?;
        }
        let mut review = Review {
            unasked,
            ..Review::default()
        };
        for load in self.loads.iter().filter(|load| load.selected) {
            if let Some(describe) = self.described.get(load.file.object()) {
                let reviewed = Box::pin(self.load(load, describe, &mut guard)).await?;
                review.loads.extend(reviewed);
            }
        }
        Ok(review)
    }

    async fn load(
        &self,
        load: &Load,
        describe: &ObjectDescribe,
        guard: &mut Guard,
    ) -> Result<Option<Reviewed>, RollbackError> {
        let name = &load.file.name;
        let runs: Vec<String> = self.scope.runs.iter().map(|run| format!("'{run}'")).collect();
        let runs = runs.join(", ");
        let before = format!("{PRE_IMAGE}{name}");
        let snapshot = self.staging.snapshot().await?;
        let session = self.engine.session(self.staging, &snapshot)?;
        let pre_images = snapshot.get("ledger", &before).is_some();
        let any = async |table: &str, and: &str| -> Result<bool, RollbackError> {
            let sql = format!("select 1 as n from ledger.{table} as t where t.run_id in ({runs}){and} limit 1");
            let rows = session.collect(table, &sql).await?;
            Ok(rows.iter().any(|batch| batch.num_rows() > 0))
        };
        let attempts = format!("attempts_{name}");
        let touched = snapshot.get("ledger", &attempts).is_some()
            && any(&attempts, " and t.outcome in ('created', 'updated')").await?;
        if !touched && !(pre_images && any(&before, "").await?) {
            // What an earlier rollback spared is not spared by this one.
            if snapshot.get("recon", &format!("spared_{name}")).is_some() {
                spared_table(self.staging, name).await?.publish(BTreeMap::new()).await?;
            }
            return Ok(None);
        }
        (self.progress)(&format!("reading {} back for {name}", describe.name));
        self.compare(load, describe).await?;
        let snapshot = self.staging.snapshot().await?;
        let session = self.engine.session(self.staging, &snapshot)?;
        let read = snapshot.get("org", name).map(|table| Arc::clone(&table.schema));
        let read = read.unwrap_or_else(|| Arc::new(Schema::empty()));
        let names = read.fields().iter().map(|field| field.name().as_str());
        let references = names
            .clone()
            .filter(|name| is_reference(describe, name) && !READ.contains(name))
            .map(str::to_owned)
            .collect();
        let outbox = snapshot.get("outbox", name).map(|outbox| sent_columns(&outbox.schema));
        let known: BTreeSet<&str> = names.collect();
        let fields = outbox.unwrap_or_default();
        let fields = fields
            .into_iter()
            .filter(|name| known.contains(name.as_str()))
            .collect();
        let pass = Pass {
            reviewer: self,
            load,
            describe,
            session,
            references,
            fields,
            runs,
            pre_images,
        };
        for _ in 1..PASSES {
            let (reviewed, spared, grown) = pass.go(guard).await?;
            if !grown {
                return pass.publish(reviewed, spared).await.map(Some);
            }
        }
        let (reviewed, spared, _) = pass.go(guard).await?;
        pass.publish(reviewed, spared).await.map(Some)
    }

    /// Reads the org back and compares it with the last outbox.
    async fn compare(&self, load: &Load, describe: &ObjectDescribe) -> Result<(), RollbackError> {
        let mut file = load.file.clone();
        for name in READ {
            if !file.read.iter().any(|read| read == name) {
                file.read.push(name.to_owned());
            }
        }
        let request = ReadBack {
            staging: self.staging,
            engine: self.engine,
            client: self.client,
            file: &file,
            describe,
            columns: &load.columns,
            outbox_rows: 1,
        };
        read_back(&request, |_| {}).await?;
        let snapshot = self.staging.snapshot().await?;
        let session = self.engine.session(self.staging, &snapshot)?;
        write_differences(&DiffRequest {
            staging: self.staging,
            session: &session,
            load: &load.file.name,
            rows: 1,
            columns: &load.columns,
            describe,
            siblings: &load.siblings,
            later: &load.later,
        })
        .await?;
        Ok(())
    }
}

/// Whether a field names another record that we may have loaded.
fn is_reference(describe: &ObjectDescribe, name: &str) -> bool {
    let field = describe.field(name);
    let users = |kinds: &[String]| kinds.iter().all(|kind| kind == "User" || kind == "Group");
    field.is_some_and(|field| field.field_type == "reference" && !users(&field.reference_to))
}

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
    async fn go(&self, guard: &mut Guard) -> Result<Outcome, RollbackError> {
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
        self.deletions(guard, &mut reviewed, &mut undo, &mut spared).await?;
        if self.pre_images {
            self.restorations(guard, &mut reviewed, &mut undo, &mut spared).await?;
        }
        reviewed.outbox = undo.finish().await?;
        Ok((reviewed, spared, guard.len() > before))
    }

    async fn publish(
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
        let goes_with = GOES_WITH.iter().find(|(name, _)| *name == object);
        let target = goes_with.map_or_else(
            || "l.id".to_owned(),
            |(_, field)| format!("coalesce(r.\"{field}\", l.id)"),
        );
        let sql = format!(
            "select {keys}, {key_text} as _text, l.id as _id, {target} as _target, c.how as _how, r._id as _found, \
             {by} as _by, {maker} as _maker, {made} as _made, {latest} as _latest, d.fields as _fields{references} \
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
        let how = how.and_then(|column| {
            column.as_primitive_opt::<arrow::datatypes::Int64Type>()
        });
        let is_found = how.is_some_and(|how| how.value(row) == 2);
        let loaded_by = |id: Option<&str>| {
            let same = |user: &str| id.is_none_or(|id| crate::salesforce::record_identity(id) == crate::salesforce::record_identity(user));
            same(&self.reviewer.client.identity().user_id)
                || self.reviewer.scope.users.iter().any(|user| same(user))
        };
        if cell("_found").is_none() {
            // A record that was only found may never have been ours.
            return if is_found { Decision::NotOurs } else { Decision::Gone };
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
            let sent = self.load.columns.sent.iter().find(|field| field.name() == name);
            let form = crate::reconcile::found_form(self.describe, sent, name);
            let then = |form: &str| format!(" when '{name}' then cast({form} as varchar)");
            now += &then(&form);
            before += &then(&form.replace(&format!("r.\"{name}\""), "b.before"));
        }
        if now.is_empty() {
            return ["cast(null as varchar)".to_owned(), "cast(null as varchar)".to_owned()];
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
            open.record.fields.insert(field.to_owned(), before.map(str::to_owned));
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
            notes.add(Some(&done.text), Some(&done.record.id), Spared::Fields, Some(&detail));
        }
        if !done.record.fields.is_empty() {
            reviewed.restore += 1;
            reviewed.fields += done.record.fields.len() as u64;
            undo.restore(done.record, done.release).await?;
        }
        Ok(())
    }
}

async fn spared_table(staging: &Staging, load: &str) -> Result<TableWriter, RollbackError> {
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
            .map(|(name, column)| (name, Arc::new(column.finish()) as arrow::array::ArrayRef, true));
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
