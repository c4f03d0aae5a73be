//! Which records are taken back and which are spared, decided for all loads before anything is touched.
//!
//! In: the loads of the runs, last first, and the org read back. Out: per load its undo parts and `recon.spared_<load>` (key, id,
//! reason, detail). Children come before their parents, so whatever is spared keeps its parents too. Never: a write to the org.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};

use super::children::{Guard, Others, protect_parents_of};
use super::decision::Rules;
use super::load::{Load, Reviewed, goes_with};
use super::load_review::LoadReview;
use super::spared::{SPARED, spared_table};
use super::{RollbackError, Scope};
use crate::engine::Engine;
use crate::reconcile::{
    DiffRequest, PRE_IMAGE, ReadBack, read_back, still_there, write_differences,
};
use crate::rows::sent_columns;
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::Staging;

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

/// How often a load is reviewed again because something in it was spared that names others of the same load.
const ROUNDS: usize = 5;

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
    /// Whether contacts that leads became are deleted.
    pub even_converted: bool,
    /// Told what is looked at.
    pub progress: &'a (dyn Fn(&str) + Send + Sync),
}

/// A review of all loads.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// Last load first.
    pub loads: Vec<Reviewed>,
    /// Objects that could not be asked for records of others.
    pub unasked: Vec<String>,
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

    /// After the jobs of a load: how many records are still there, and how many lack a value they had.
    ///
    /// # Errors
    /// [`RollbackError`].
    pub async fn left(&self, planned: &Reviewed) -> Result<(u64, u64), RollbackError> {
        let load = self
            .loads
            .iter()
            .find(|load| load.file.name == planned.load);
        let (Some(load), Some(outbox)) = (load, &planned.outbox) else {
            return Ok((0, 0));
        };
        let Some(describe) = self.described.get(load.file.object()) else {
            return Ok((0, 0));
        };
        let goes_with = goes_with(&describe.name);
        let target = match goes_with {
            // Its own rows are named by the record that it goes with.
            Some((object, _)) => {
                self.client
                    .describe(object)
                    .await
                    .map_err(|source| RollbackError::ReadOrg {
                        what: format!("the fields of {object}"),
                        source: Box::new(source),
                    })?
            }
            None => describe.clone(),
        };
        let request = ReadBack {
            staging: self.staging,
            engine: self.engine,
            client: self.client,
            file: &load.file,
            describe: &target,
            columns: &load.columns,
            outbox_rows: 1,
            whole: true,
            is_after_sending: false,
        };
        let there = still_there(&request, outbox).await?;
        if planned.restore == 0 {
            return Ok((there, 0));
        }
        let mut guard = Guard::default();
        let again = Box::pin(self.load(load, describe, &mut guard)).await?;
        Ok((there, again.map_or(0, |again| again.restore)))
    }

    async fn load(
        &self,
        load: &Load,
        describe: &ObjectDescribe,
        guard: &mut Guard,
    ) -> Result<Option<Reviewed>, RollbackError> {
        let name = &load.file.name;
        let runs: Vec<String> = self
            .scope
            .runs
            .iter()
            .map(|run| format!("'{run}'"))
            .collect();
        let runs = runs.join(", ");
        let before = format!("{PRE_IMAGE}{name}");
        let snapshot = self.staging.snapshot().await?;
        let session = self.engine.session(self.staging, &snapshot)?;
        let pre_images = snapshot.get("ledger", &before).is_some();
        let any = async |table: &str, and: &str| -> Result<bool, RollbackError> {
            let sql = format!(
                "select 1 as n from ledger.{table} as t where t.run_id in ({runs}){and} limit 1"
            );
            let rows = session.collect(table, &sql).await?;
            Ok(rows.iter().any(|batch| batch.num_rows() > 0))
        };
        let attempts = format!("attempts_{name}");
        let touched = snapshot.get("ledger", &attempts).is_some()
            && any(&attempts, " and t.outcome in ('created', 'updated')").await?;
        if !(touched || pre_images && any(&before, "").await?) {
            // What an earlier rollback spared is not spared by this one.
            if snapshot.get("recon", &format!("spared_{name}")).is_some() {
                spared_table(self.staging, SPARED, name)
                    .await?
                    .publish(BTreeMap::new())
                    .await?;
            }
            return Ok(None);
        }
        (self.progress)(&format!("reading {} back for {name}", describe.name));
        self.compare(load, describe).await?;
        let snapshot = self.staging.snapshot().await?;
        let session = self.engine.session(self.staging, &snapshot)?;
        let read = snapshot
            .get("org", name)
            .map(|table| Arc::clone(&table.schema));
        let read = read.unwrap_or_else(|| Arc::new(Schema::empty()));
        let names = read.fields().iter().map(|field| field.name().as_str());
        let references = names
            .clone()
            .filter(|name| is_reference(describe, name) && !READ.contains(name))
            .map(str::to_owned)
            .collect();
        let outbox = snapshot
            .get("outbox", name)
            .map(|outbox| sent_columns(&outbox.schema));
        let known: BTreeSet<&str> = names.collect();
        let fields = outbox.unwrap_or_default();
        let fields = fields
            .into_iter()
            .filter(|name| known.contains(name.as_str()))
            .collect();
        let review = LoadReview {
            staging: self.staging,
            part_rows: self.part_rows,
            rules: Rules {
                user: &self.client.identity().user_id,
                loaders: &self.scope.users,
                started: self.scope.started,
                even_edited: self.even_edited,
            },
            even_converted: self.even_converted,
            load,
            describe,
            session,
            references,
            fields,
            runs,
            pre_images,
        };
        for _ in 1..ROUNDS {
            let (reviewed, spared, grown) = review.round(guard).await?;
            if !grown {
                return review.publish(reviewed, spared).await.map(Some);
            }
        }
        let (reviewed, spared, _) = review.round(guard).await?;
        review.publish(reviewed, spared).await.map(Some)
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
            whole: true,
            is_after_sending: false,
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
            leads: &[],
            later: &load.later,
            strays: &[],
            edits: None,
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
