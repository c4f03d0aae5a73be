//! A run taken back, and the proof of it.
//!
//! ```text
//! recover → choose the runs → review every load, last first → consent → out of the recycle bin, first load first → jobs, last
//! load first → look for every record in the org: nothing may be left but what is spared
//! ```
//!
//! In: journals, ledgers, pre-images. Out: the org as it was, a [`RollbackReport`]. Never: a change without consent, or to what
//! somebody edited since, unless asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::AsArray;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::changes;
use super::connection::Connection;
use super::project::Project;
use super::recover::recover_all;
use super::resolved::known_tables;
use super::run_log::keep_runs;
use crate::error::Error;
use crate::load::{Event, Journal, LedgerRefresh, LoadRequest, RunStart, load_phase};
use crate::progress::Progress;
use crate::project::{Operation, Queries, QueryFile, QueryKind, Step};
use crate::report::{fitted, number};
use crate::rollback::{Load, Recycled, Review, Reviewed, Reviewer, RollbackError, Scope, choose};
use crate::rows::{RunStatus, columns_of};
use crate::salesforce::{Atomicity, ObjectDescribe};
use crate::staging::Manifest;

/// Ids that are deleted in one request.
const IDS: usize = 200;

/// What a rollback is asked for.
#[derive(Clone, Debug, Default)]
pub struct RollbackRequest {
    /// Destination, by its name in `migration.toml`; by default the only one, or `default_target`.
    pub target: Option<String>,
    /// The run, with all later ones; by default the last, with the broken-off ones that it carried on.
    pub run: Option<String>,
    /// Only records of this object.
    pub object: Option<String>,
    /// Whether nothing in the org is touched whatever is consented to.
    pub dry_run: bool,
    /// Consent to delete and restore; without it the report says what would be done.
    pub consent: bool,
    /// Whether records are deleted for good instead of into the recycle bin.
    pub hard_delete: bool,
    /// Whether records that somebody edited since are taken back, too.
    pub even_edited: bool,
    /// Delete contacts that leads became; the leads stay converted.
    pub even_converted: bool,
}

/// One load of a rollback.
#[derive(Clone, Debug, Serialize)]
pub struct RollbackLine {
    /// What the review found.
    #[serde(flatten)]
    pub plan: Reviewed,
    /// Records that were deleted.
    pub deleted: u64,
    /// Records that got values back.
    pub restored: u64,
    /// Records that should be gone or as they were, and are not.
    pub left: u64,
}

/// What a rollback did, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct RollbackReport {
    /// The rollback's own run id; none if nothing was done.
    pub run: Option<String>,
    /// The runs that it takes back.
    pub undoes: Vec<String>,
    /// `planned`, `ok`, `partial` (one object of several), or `gated` where something is left or spared.
    pub status: RunStatus,
    /// Loads, last first.
    pub objects: Vec<RollbackLine>,
    /// Objects that could not be asked for records of others.
    pub unasked: Vec<String>,
    /// Records by load that the runs deleted because the source no longer had them, and that came, or would come, out of the recycle
    /// bin.
    pub undeleted: BTreeMap<String, u64>,
    /// Those of them that did not, or whose object does not come out of it.
    pub not_restored: BTreeMap<String, u64>,
}

impl RollbackReport {
    /// As aligned columns.
    #[must_use]
    pub fn table(&self, width: usize) -> String {
        let done = self.run.is_some();
        let head: &[&str] = if done {
            &[
                "object",
                "load",
                "deleted",
                "gone before",
                "restored",
                "fields",
                "spared",
                "left",
            ]
        } else {
            &[
                "object",
                "load",
                "to delete",
                "gone",
                "to restore",
                "fields",
                "spared",
            ]
        };
        let rows = self.objects.iter().map(|line| {
            let plan = &line.plan;
            let mut numbers = if done {
                vec![line.deleted, plan.gone, line.restored]
            } else {
                vec![plan.delete, plan.gone, plan.restore]
            };
            numbers.extend([plan.fields, plan.spared]);
            numbers.extend(done.then_some(line.left));
            let names = [plan.object.clone(), plan.load.clone()];
            names
                .into_iter()
                .chain(numbers.into_iter().map(number))
                .collect()
        });
        fitted(head, rows.collect(), 2, width)
    }
}

/// A rollback under way.
pub(crate) struct Undo<'a> {
    pub project: &'a Project,
    pub queries: &'a Queries,
    pub connection: &'a Connection,
    pub request: &'a RollbackRequest,
    pub progress: &'a Arc<dyn Progress>,
    pub stop: &'a CancellationToken,
}

impl Undo<'_> {
    /// Reviews, and takes back what was consented to.
    pub(crate) async fn run(&self) -> Result<RollbackReport, Error> {
        let staging = &self.connection.staging;
        recover_all(self.project, self.connection, self.progress.as_ref()).await?;
        let loads = self.loads().await?;
        let Some(scope) = choose(staging, self.request.run.as_deref()).await? else {
            self.progress
                .done("no run has sent anything that was not taken back already");
            return Ok(report(None, &[], RunStatus::Ok, Review::default(), &[]));
        };
        let described = self.describe(&loads).await?;
        let tell = |what: &str| self.progress.step(what);
        let reviewer = Reviewer {
            staging,
            engine: &self.project.engine,
            client: &self.connection.client,
            described: &described,
            scope: &scope,
            loads: &loads,
            part_rows: self.connection.destination.part_rows,
            even_edited: self.request.even_edited,
            even_converted: self.request.even_converted,
            progress: &tell,
        };
        let plan = reviewer.review().await?;
        let recycled = reviewer.recycled().await?;
        let (can, cannot): (Vec<&Recycled>, Vec<&Recycled>) = recycled
            .iter()
            .partition(|recycled| recycled.outbox.is_some());
        let planned = |status, plan| RollbackReport {
            undeleted: by_load(&can),
            not_restored: by_load(&cannot),
            ..report(None, &scope.runs, status, plan, &[])
        };
        let work = plan.loads.iter().any(|load| load.outbox.is_some()) || !can.is_empty();
        if self.request.dry_run || (work && !self.request.consent) {
            self.discard(&recycled).await;
            return Ok(planned(RunStatus::Planned, plan));
        }
        if !work {
            self.progress.done("nothing is left to take back");
            let spared = plan.loads.iter().any(|load| load.spared > 0);
            let status = if spared || !cannot.is_empty() {
                RunStatus::Gated
            } else {
                RunStatus::Ok
            };
            return Ok(planned(status, plan));
        }
        let journal = Journal::start(
            staging,
            RunStart {
                target: &self.connection.target,
                at: Some(self.connection.client.server_time()),
                user: &self.connection.client.identity().user_id,
                undoes: &scope.runs,
                ..RunStart::default()
            },
        )
        .await?;
        let sending = Sending {
            loads: &loads,
            described: &described,
            journal: &journal,
        };
        // Values may name records that come back, and records that are back may have values to get back.
        let plan = match self.undelete(&recycled, &sending).await? {
            true => reviewer.review().await?,
            false => plan,
        };
        for reviewed in &plan.loads {
            self.undo(reviewed, &sending).await?;
        }
        // A record that was made anew may have stood in the way of the one before it.
        let mut rest = reviewer.recycled().await?;
        if self.undelete(&rest, &sending).await? {
            rest = reviewer.recycled().await?;
        }
        self.discard(&rest).await;
        let not_restored = by_load(&rest.iter().collect::<Vec<_>>());
        self.forget(&loads, &described).await?;
        let mut left = Vec::new();
        for reviewed in &plan.loads {
            self.progress
                .step(&format!("looking for {} in the org", reviewed.load));
            left.push(reviewer.left(reviewed).await?);
        }
        let spared = plan.loads.iter().any(|load| load.spared > 0);
        let clean = !spared && not_restored.is_empty() && left.iter().all(|&left| left == (0, 0));
        let status = match (&self.request.object, clean) {
            (Some(_), true) => RunStatus::Partial,
            (_, true) => RunStatus::Ok,
            (_, false) => RunStatus::Gated,
        };
        let mut undeleted = by_load(&recycled.iter().collect::<Vec<_>>());
        for (load, records) in &mut undeleted {
            *records -= not_restored.get(load).copied().unwrap_or_default();
        }
        undeleted.retain(|_, records| *records > 0);
        let run = Some(journal.run().to_owned());
        let report = RollbackReport {
            undeleted,
            not_restored,
            ..report(run, &scope.runs, status, plan, &left)
        };
        self.write(&report, &scope).await?;
        // The rest of these runs can still be taken back.
        let ended = match self.request.object {
            Some(_) => RunStatus::Partial,
            None => status,
        };
        journal
            .record(&Event::RunFinished {
                at: self.connection.client.server_time(),
                status: ended,
            })
            .await?;
        keep_runs(&self.project.engine, staging).await?;
        Ok(report)
    }

    /// The loads that have a ledger, last first.
    async fn loads(&self) -> Result<Vec<Load>, Error> {
        let queries = self.queries;
        let snapshot = self.connection.staging.snapshot().await?;
        let tables = known_tables(queries, &snapshot);
        let order = crate::project::order(queries, &tables)?;
        let files: Vec<&QueryFile> = order
            .into_iter()
            .filter(|step| matches!(step, Step::Load(_)))
            .map(|step| step.file())
            .filter(|file| snapshot.get("ledger", &file.name).is_some())
            .collect();
        for table in snapshot.schema("ledger") {
            if let Some(load) = table.table.strip_prefix("attempts_")
                && queries.find(QueryKind::Load, load).is_none()
                && table.rows > 0
            {
                let load = load.to_owned();
                return Err(RollbackError::QueryGone { load }.into());
            }
        }
        if let Some(object) = &self.request.object
            && !files
                .iter()
                .any(|file| file.object().eq_ignore_ascii_case(object))
        {
            let object = object.clone();
            return Err(RollbackError::NothingLoaded { object }.into());
        }
        let columns = |file: &QueryFile| {
            let outbox = snapshot.get("outbox", &file.name)?;
            Some(columns_of(outbox, &file.key))
        };
        let mut loads = Vec::new();
        for file in files.iter().rev() {
            let Some(own) = columns(file) else { continue };
            let same_object = || {
                let others = files.iter().filter(|other| other.object() == file.object());
                others.filter(|other| other.name != file.name)
            };
            let later: BTreeSet<String> = same_object()
                .filter(|other| other.sets_anew(&file.name))
                .filter_map(|other| columns(other))
                .flat_map(|columns| columns.sent)
                .map(|field| field.name().clone())
                .collect();
            let wanted = self.request.object.as_deref();
            loads.push(Load {
                file: (*file).clone(),
                columns: own,
                later,
                siblings: same_object()
                    .filter(|other| other.key.len() == 1)
                    .map(|other| (other.name.clone(), other.key.clone()))
                    .collect(),
                selected: wanted.is_none_or(|object| file.object().eq_ignore_ascii_case(object)),
            });
        }
        Ok(loads)
    }

    async fn describe(&self, loads: &[Load]) -> Result<BTreeMap<String, ObjectDescribe>, Error> {
        let mut described = BTreeMap::new();
        for load in loads {
            let object = load.file.object();
            if described.contains_key(object) {
                continue;
            }
            match self.connection.client.describe(object).await {
                Err(error) if error.is_not_found() => {}
                found => {
                    let found = found.map_err(|source| RollbackError::ReadOrg {
                        what: format!("the fields of {object}"),
                        source: Box::new(source),
                    })?;
                    described.insert(object.to_owned(), found);
                }
            }
        }
        Ok(described)
    }

    /// Takes records out of the recycle bin, parents before children; whether there were any.
    async fn undelete(&self, recycled: &[Recycled], sending: &Sending<'_>) -> Result<bool, Error> {
        let mut any = false;
        for load in recycled {
            if let Some(outbox) = &load.outbox {
                any = true;
                self.progress
                    .step(&format!("taking {} out of the recycle bin", load.load));
                let outbox = self.connection.staging.publish(outbox.clone()).await?;
                self.send(&load.load, &outbox, sending).await?;
            }
        }
        Ok(any)
    }

    /// Removes what was written and is not sent.
    async fn discard(&self, recycled: &[Recycled]) {
        for outbox in recycled.iter().filter_map(|load| load.outbox.as_ref()) {
            self.connection.staging.remove(outbox).await;
        }
    }

    /// Takes one load back.
    async fn undo(&self, reviewed: &Reviewed, sending: &Sending<'_>) -> Result<(), Error> {
        let Some(outbox) = &reviewed.outbox else {
            return Ok(());
        };
        let name = &reviewed.load;
        self.progress.step(&format!("taking {name} back"));
        self.delete_companions(name).await?;
        if let Some(load) = sending.load(name).filter(|_| reviewed.restore > 0) {
            let staging = &self.connection.staging;
            let snapshot = staging.snapshot().await?;
            let session = self.project.engine.session(staging, &snapshot)?;
            let sql = changes::undone(name, &load.file.key, sending.journal.run());
            changes::add(staging, &snapshot, &session, name, &sql).await?;
        }
        self.send(name, outbox, sending).await
    }

    /// Sends the parts of one load.
    async fn send(
        &self,
        load: &str,
        outbox: &Manifest,
        sending: &Sending<'_>,
    ) -> Result<(), Error> {
        let Some(load) = sending.load(load) else {
            return Ok(());
        };
        let Some(describe) = sending.described.get(load.file.object()) else {
            return Ok(());
        };
        load_phase(&LoadRequest {
            staging: &self.connection.staging,
            engine: &self.project.engine,
            client: &self.connection.client,
            journal: sending.journal,
            file: &load.file,
            columns: &load.columns,
            outbox,
            describe,
            blobs: None,
            concurrent_jobs: self.connection.destination.concurrent_jobs,
            part_rows: self.connection.destination.part_rows,
            reserve_percent: self.connection.destination.reserve_percent,
            // Whatever cannot be taken back must not keep the rest.
            max_failed_percent: 100.0,
            hard_delete: self.request.hard_delete,
            stop: self.stop,
            progress: Arc::clone(self.progress),
        })
        .await?;
        Ok(())
    }

    /// Loads that change what others made forget records that those took back.
    async fn forget(
        &self,
        loads: &[Load],
        described: &BTreeMap<String, ObjectDescribe>,
    ) -> Result<(), Error> {
        for load in loads {
            let Some(describe) = described.get(load.file.object()) else {
                continue;
            };
            let makers = match load.file.operation {
                Some(Operation::Update) => {
                    load.siblings.iter().map(|(name, _)| name.clone()).collect()
                }
                _ => Vec::new(),
            };
            let converts = |other: &&Load| {
                let mut siblings = load.siblings.iter();
                other.file.operation == Some(Operation::Convert)
                    && siblings.any(|(name, _)| *name == other.file.name)
            };
            let converters = loads.iter().filter(converts);
            let converters: Vec<String> = converters.map(|other| other.file.name.clone()).collect();
            if makers.is_empty() && converters.is_empty() {
                continue;
            }
            let ledger = LedgerRefresh {
                staging: &self.connection.staging,
                engine: &self.project.engine,
                client: &self.connection.client,
                load: &load.file.name,
                key: &load.file.key,
                describe,
            };
            ledger.forget(&makers, &converters).await?;
        }
        Ok(())
    }

    /// Deletes the Tasks that Salesforce made for e-mails which are deleted next (`guide/rules.md` 16). Before those, because nothing
    /// else says which they are.
    async fn delete_companions(&self, load: &str) -> Result<(), Error> {
        let staging = &self.connection.staging;
        let snapshot = staging.snapshot().await?;
        let read = snapshot.get("org", load);
        if read.is_none_or(|table| table.schema.field_with_name("ActivityId").is_err()) {
            return Ok(());
        }
        let session = self.project.engine.session(staging, &snapshot)?;
        let sql = format!(
            "select distinct r.\"ActivityId\" as id from outbox.undo_{load} as u inner join org.{load} as r on r._id = u._id \
             where u._operation = 'delete' and r.\"ActivityId\" is not null"
        );
        let mut rows = session
            .stream(&format!("activities of {load}"), &sql, &[])
            .await?;
        while let Some(batch) = rows.next_batch().await? {
            let ids: Vec<&str> = batch
                .column(0)
                .as_string::<i32>()
                .iter()
                .flatten()
                .collect();
            for ids in ids.chunks(IDS) {
                let deleted = self.connection.client.delete_rows(ids, Atomicity::RowByRow);
                deleted.await.map_err(|source| RollbackError::ReadOrg {
                    what: "the Tasks of e-mails".to_owned(),
                    source: Box::new(source),
                })?;
            }
        }
        Ok(())
    }

    async fn write(&self, report: &RollbackReport, scope: &Scope) -> Result<(), Error> {
        let Some(run) = &report.run else {
            return Ok(());
        };
        let staging = &self.connection.staging;
        let json = serde_json::to_vec_pretty(report).unwrap_or_default();
        let path = staging.org_path(&["reports", run, "rollback.json"]);
        staging.write_document(&path, json.into()).await?;
        let text = format!(
            "# Rollback {run}\n\nTakes back {}.\n\n```text\n{}```\n",
            scope.runs.join(", "),
            report.table(usize::MAX)
        );
        let path = staging.org_path(&["reports", run, "rollback.md"]);
        staging
            .write_document(&path, text.into_bytes().into())
            .await?;
        Ok(())
    }
}

/// What a rollback sends with.
struct Sending<'a> {
    loads: &'a [Load],
    described: &'a BTreeMap<String, ObjectDescribe>,
    journal: &'a Journal,
}

impl Sending<'_> {
    fn load(&self, name: &str) -> Option<&Load> {
        self.loads.iter().find(|load| load.file.name == name)
    }
}

fn by_load(recycled: &[&Recycled]) -> BTreeMap<String, u64> {
    let records = recycled
        .iter()
        .map(|load| (load.load.clone(), load.records));
    records.collect()
}

fn report(
    run: Option<String>,
    undoes: &[String],
    status: RunStatus,
    plan: Review,
    left: &[(u64, u64)],
) -> RollbackReport {
    let done = run.is_some();
    let line = |(at, plan): (usize, Reviewed)| {
        let (rows, fields) = left.get(at).copied().unwrap_or_default();
        RollbackLine {
            deleted: if done {
                plan.delete.saturating_sub(rows)
            } else {
                0
            },
            restored: if done {
                plan.restore.saturating_sub(fields)
            } else {
                0
            },
            left: rows + fields,
            plan,
        }
    };
    RollbackReport {
        run,
        undoes: undoes.to_vec(),
        status,
        objects: plan.loads.into_iter().enumerate().map(line).collect(),
        unasked: plan.unasked,
        undeleted: BTreeMap::new(),
        not_restored: BTreeMap::new(),
    }
}
