//! Records whose rows the source no longer has: which are flagged or deleted, and which stay because somebody has a stake in them.
//!
//! In: rows of `recon.gone_<load>`, the records as they are now, who made and changed them. Out: `outbox.gone_<load>` with parts
//! labelled `flag` or `delete`, and the records that stay, each with the reason; neither published. Never: the deletion of a
//! record that we did not make, that somebody edited, or on which something hangs that stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::Field;
use chrono::{DateTime, Utc};

use super::RollbackError;
use super::children::{Guard, Others};
use super::decision::{CreatedRecord, Decision, Rules};
use super::load::{Spared, goes_with};
use super::load_review::text;
use super::spared::{SparedRows, spared_table};
use super::undo::{Change, Restored, UndoWriter};
use crate::engine::Session;
use crate::rows::{Bits, GONE, RowOperation, key_columns, key_text, set};
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::{Manifest, Staging};

/// How the tables of records begin that stay though the source no longer has them.
pub const KEPT: &str = "kept_";

/// What is done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment<'a> {
    /// This field, at this place among the columns of its load, gets this value.
    Flag(&'a str, usize, &'a str),
    /// It goes into the recycle bin.
    Delete,
}

/// Records that must stay because something hangs on them.
#[derive(Debug, Default)]
pub struct Stakes(Guard);

impl Stakes {
    /// Looks for what others hung on records of the `described` objects since the first run.
    ///
    /// # Errors
    /// [`RollbackError`].
    pub async fn of_others(
        &mut self,
        client: &Client,
        described: &BTreeMap<String, ObjectDescribe>,
        (since, loaders): (DateTime<Utc>, &BTreeSet<String>),
        session: &Session,
        ledgers: &BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<String>, RollbackError> {
        let others = Others {
            client,
            described,
            since: since - chrono::Duration::minutes(5),
            loaders,
            session,
            ledgers,
        };
        others.look(&mut self.0).await
    }

    /// Keeps the records that `sql` names (`parent`), because of `what`.
    ///
    /// # Errors
    /// [`RollbackError`].
    pub async fn of_ours(
        &mut self,
        session: &Session,
        sql: &str,
        what: &str,
    ) -> Result<(), RollbackError> {
        let what: Arc<str> = what.into();
        let mut rows = session.stream("records that stay", sql, &[]).await?;
        while let Some(batch) = rows.next_batch().await? {
            for parent in batch.column(0).as_string::<i32>().iter().flatten() {
                self.0.protect(parent, &what);
            }
        }
        Ok(())
    }
}

/// One load whose rows are gone.
pub struct VanishedLoad<'a> {
    /// Where its tables go.
    pub staging: &'a Staging,
    /// Sees `recon.gone_<load>`, the ledger with its attempts, and `now`.
    pub session: &'a Session,
    /// Its name.
    pub load: &'a str,
    /// Key columns.
    pub key: Vec<Field>,
    /// Its object.
    pub describe: &'a ObjectDescribe,
    /// The records as they are now.
    pub now: &'a Manifest,
    /// SQL for the keys (`key`) that are looked at.
    pub candidates: &'a str,
    /// SQL for the keys (`key`) of records that somebody edited before, whoever changed them last.
    pub edited: &'a str,
    /// Rows in a part at most.
    pub part_rows: usize,
    /// The user who loads.
    pub user: &'a str,
    /// Users who loaded before.
    pub loaders: &'a BTreeSet<String>,
    /// When the first run began.
    pub started: DateTime<Utc>,
}

/// What is done with the records of a load.
#[derive(Debug)]
pub struct Vanished {
    /// `outbox.gone_<load>`; none if nothing is done.
    pub outbox: Option<Manifest>,
    /// `recon.kept_<load>`.
    pub kept: Manifest,
    /// How many are flagged or deleted.
    pub done: u64,
}

impl VanishedLoad<'_> {
    /// Decides about each record.
    ///
    /// # Errors
    /// [`RollbackError`]; nothing is published.
    pub async fn decide(
        &self,
        treatment: Treatment<'_>,
        stakes: &mut Stakes,
    ) -> Result<Vanished, RollbackError> {
        let fields = match treatment {
            Treatment::Flag(field, ..) => vec![field.to_owned()],
            Treatment::Delete => Vec::new(),
        };
        let names = (GONE, self.load);
        let mut writer = UndoWriter::new(self.staging, names, &self.key, fields, self.part_rows);
        let mut kept = spared_table(self.staging, KEPT, self.load).await?;
        let mut done = 0;
        let references = self.references();
        let sql = self.sql(treatment, &references);
        let query = format!("records of {} that the source no longer has", self.load);
        let mut stream = self.session.stream(&query, &sql, &[]).await?;
        while let Some(batch) = stream.next_batch().await? {
            let mut notes = SparedRows::default();
            let mut rows: Vec<u32> = Vec::new();
            for row in 0..batch.num_rows() {
                match self.why_kept(&batch, row, treatment, &stakes.0) {
                    None => rows.push(u32::try_from(row).unwrap_or(u32::MAX)),
                    Some((why, detail)) => {
                        let [key, id] = ["_text", "_id"].map(|name| text(&batch, name, row));
                        notes.add(key, id, &why, detail.as_deref());
                        let what: Arc<str> = format!("{} that is kept", self.describe.name).into();
                        for at in 0..references.len() {
                            let parent = text(&batch, &format!("_parent{at}"), row);
                            stakes.0.protect(parent.unwrap_or_default(), &what);
                        }
                    }
                }
            }
            notes.write(&mut kept).await?;
            done += rows.len() as u64;
            self.write(&mut writer, &batch, rows, treatment).await?;
        }
        Ok(Vanished {
            outbox: writer.finish().await?,
            kept: kept.finish(BTreeMap::new()).await?,
            done,
        })
    }

    /// Fields by which its records hang on others, as far as they were read.
    fn references(&self) -> Vec<String> {
        let fields = self.now.schema.fields().iter();
        let names = fields.map(|field| field.name().clone());
        let is_reference = |name: &String| {
            let field = self.describe.field(name);
            field.is_some_and(|field| field.field_type == "reference")
        };
        names
            .filter(|name| is_reference(name) && !name.ends_with("ById"))
            .collect()
    }

    fn sql(&self, treatment: Treatment<'_>, references: &[String]) -> String {
        let load = self.load;
        let key: Vec<String> = self.key.iter().map(|field| field.name().clone()).collect();
        let read = |name: &str| match self.now.schema.field_with_name(name) {
            Ok(_) => format!("cast(r.\"{name}\" as varchar)"),
            Err(_) => "cast(null as varchar)".to_owned(),
        };
        let target = goes_with(&self.describe.name).map_or_else(
            || "l.id".to_owned(),
            |(_, field)| format!("coalesce({}, l.id)", read(field)),
        );
        let parents: Vec<String> = references
            .iter()
            .enumerate()
            .map(|(at, name)| format!(", {} as _parent{at}", read(name)))
            .collect();
        let flag = match treatment {
            Treatment::Flag(field, ..) => read(field),
            Treatment::Delete => "cast(null as varchar)".to_owned(),
        };
        let made = "select a.id from ledger.attempts_";
        format!(
            "select {keys}, {key_text} as _text, l.id as _id, {target} as _target, l.written as _written, \
             c.id as _made_by_us, r._id as _found, {by} as _by, {maker} as _maker, {made_at} as _made, {latest} as _latest, \
             {direct} as _direct, {flag} as _flag, e.key as _edited{parents} \
             from ledger.{load} as l inner join ({candidates}) as g on g.key = {key_text} \
             left join ({made}{load} as a where a.outcome = 'created' group by a.id) as c on c.id = l.id \
             left join ({edited}) as e on e.key = {key_text} \
             left join {now} as r on substr(r._id, 1, 15) = substr(l.id, 1, 15)",
            keys = key_columns("l", &key),
            key_text = key_text("l", &key),
            by = read("LastModifiedById"),
            maker = read("CreatedById"),
            made_at = read("CreatedDate"),
            latest = read("IsLatest"),
            direct = read("IsDirect"),
            parents = parents.concat(),
            candidates = self.candidates,
            edited = self.edited,
            now = self.now.name(),
        )
    }

    /// Why a record stays as it is; none if it does not.
    fn why_kept(
        &self,
        batch: &RecordBatch,
        row: usize,
        treatment: Treatment<'_>,
        guard: &Guard,
    ) -> Option<(String, Option<String>)> {
        let cell = |name: &str| text(batch, name, row);
        let because = |why: &str| Some((why.to_owned(), None));
        if cell("_found").is_none() {
            return because("not_in_salesforce");
        }
        if treatment != Treatment::Delete {
            return cell("_flag").and_then(|_| because("flagged_already"));
        }
        if cell("_made_by_us").is_none() {
            return because("not_made_by_us");
        }
        // The relation of a contact with its own account is Salesforce's.
        if cell("_direct") == Some("true") {
            return because("made_by_salesforce");
        }
        let rules = Rules {
            user: self.user,
            loaders: self.loaders,
            started: self.started,
            even_edited: false,
        };
        let record = CreatedRecord {
            id: cell("_id").unwrap_or_default(),
            target: cell("_target").unwrap_or_default(),
            only_found: false,
            is_there: true,
            created_by: cell("_maker"),
            created_at: cell("_made"),
            changed_by: cell("_by"),
            is_latest: cell("_latest"),
            edited: cell("_edited"),
        };
        match rules.decide(&record, guard) {
            Decision::Delete => None,
            Decision::Spare(why, detail) => {
                let detail = detail.filter(|_| why != Spared::Edited);
                Some((why.word().to_owned(), detail))
            }
            Decision::Gone | Decision::NotOurs => because("not_made_by_us"),
        }
    }

    async fn write(
        &self,
        writer: &mut UndoWriter,
        batch: &RecordBatch,
        rows: Vec<u32>,
        treatment: Treatment<'_>,
    ) -> Result<(), RollbackError> {
        let taken = arrow::compute::take_record_batch(batch, &UInt32Array::from(rows));
        let taken = taken.map_err(|source| RollbackError::Store {
            load: self.load.to_owned(),
            source,
        })?;
        let keys = &taken.columns()[..self.key.len()];
        let Treatment::Flag(field, place, value) = treatment else {
            let ids = taken
                .column_by_name("_target")
                .and_then(|column| column.as_string_opt::<i32>().cloned())
                .unwrap_or_else(|| StringArray::new_null(taken.num_rows()));
            return writer.delete(keys.to_vec(), ids).await;
        };
        let written = taken
            .column_by_name("_written")
            .and_then(|column| column.as_binary_opt::<i32>());
        let flag = Change {
            old: None,
            new: Some(value.to_owned()),
        };
        for row in 0..taken.num_rows() {
            let known = written.filter(|written| written.is_valid(row));
            let mut bits: Bits = known.map_or_else(Vec::new, |known| known.value(row).to_vec());
            set(&mut bits, place);
            let record = Restored {
                key: keys.iter().map(|column| column.slice(row, 1)).collect(),
                id: text(&taken, "_id", row).unwrap_or_default().to_owned(),
                written: bits,
                fields: BTreeMap::from([(field.to_owned(), flag.clone())]),
            };
            writer.change(RowOperation::Flag, record).await?;
        }
        Ok(())
    }
}
