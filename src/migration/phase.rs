//! The phases of a run: for each load its models, outbox, checks, jobs, read-back, report and gate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::comparison;
use super::context::{Context, Reads};
use super::gone::{self, GoneRows};
use super::grain::{self, Books};
use super::instead_of;
use super::liveness::Liveness;
use super::look_back::Sent;
use super::org::ask_org;
use super::outbox::{self, OutboxFor};
use super::sheet::keep_sheet;
use super::way::Way;
use crate::engine::Session;
use crate::error::Error;
use crate::load::{Blobs, Journal, LoadError, LoadRequest, PhaseCounts, load_phase};
use crate::progress::Progress;
use crate::project::{QueryFile, QueryKind, Step};
use crate::reconcile::{PhaseReport, keep_pre_images};
use crate::rows::{RowOperation, RunStatus};
use crate::salesforce::ObjectDescribe;
use crate::staging::{Manifest, Snapshot};
use crate::transform::write_model;

/// What waits for a person, in the form of `config/decisions.csv`.
const CONFLICTS: &str = include_str!("../../queries/internal/conflicts_for_people.sql");

/// Everything the phases of one run share.
pub(crate) struct Phases<'a> {
    pub context: &'a Context<'a>,
    pub journal: &'a Journal,
    /// Hears how many rows are sent.
    pub progress: &'a Arc<dyn Progress>,
    pub stop: &'a CancellationToken,
    /// Whether rows that landed are left alone.
    pub only_failed: bool,
    /// What became of records that landed.
    pub liveness: Liveness,
    /// Contents of the export's files.
    pub blobs: Arc<dyn Blobs>,
    pub reports: Vec<PhaseReport>,
    /// Time in which jobs were sent and answered.
    pub sending: Duration,
    /// Time in which rows were read back and compared.
    pub reading: Duration,
    /// Checks and reconcile queries that have run.
    pub checked: BTreeSet<String>,
    /// Rows of checks that warn, by check.
    pub warnings: BTreeMap<String, u64>,
    /// What shut the gate or holds the run, where it is not the gate of a phase.
    pub stopped_by: Vec<String>,
    /// Loads whose phases stand as an earlier run left them.
    pub stood: BTreeSet<String>,
    /// Lines for the end of the run.
    pub notes: Vec<String>,
    /// A phase that was sent and not looked back at yet.
    pub sent: Option<Sent<'a>>,
    /// The number of each load's phase.
    pub numbers: BTreeMap<String, usize>,
}

impl<'a> Phases<'a> {
    /// Runs every step; stops at the first gate that does not hold.
    pub(crate) async fn run(&mut self) -> Result<RunStatus, Error> {
        let snapshot = self.context.staging().snapshot().await?;
        self.notes.extend(gone::notes(&snapshot));
        // What queries ask without waiting for the load (`known.*`) has to be right from the start.
        let known = self.context.resolved.queries.iter();
        let known: BTreeSet<&str> = known
            .flat_map(|file| &file.references)
            .filter_map(|name| name.strip_prefix("known."))
            .collect();
        let known: Vec<&str> = known.into_iter().collect();
        self.liveness.refresh(self.context, &known).await?;
        let ended = self.steps(&snapshot).await?;
        let gone = self.find_gone().await?;
        let settled = match ended {
            None if !self.only_failed => self.settle_gone(&gone).await?,
            _ => self.list_gone(&gone),
        };
        self.tell_conflicts().await?;
        if let Some(status) = ended {
            return Ok(status);
        }
        if self.run_reconcile_queries().await? {
            return Ok(RunStatus::Gated);
        }
        Ok(settled)
    }

    /// Writes what waits for a person as a file that can be filled in.
    async fn tell_conflicts(&mut self) -> Result<(), Error> {
        let open: u64 = self.reports.iter().map(|report| report.conflicts).sum();
        if open == 0 {
            return Ok(());
        }
        let view = BTreeSet::from(["recon.conflicts".to_owned()]);
        let (_, session) = self.context.session(Reads::Only(&view)).await?;
        let rows = session.collect("conflicts", CONFLICTS).await?;
        let told: u64 = rows.iter().map(|batch| batch.num_rows() as u64).sum();
        let staging = self.context.staging();
        let wrong = |error| Error::Defect {
            what: format!("the list of conflicts is no CSV: {error}"),
        };
        let run = self.journal.run();
        let sheet = keep_sheet(staging, run, "conflicts", &rows, wrong).await?;
        let first = match told < open {
            true => format!("the first {told} of {open} fields"),
            false => "what waits".to_owned(),
        };
        self.notes.push(format!(
            "{first} is in {}: write `source` or `org` into its column decision and add its rows to config/decisions.csv",
            sheet.place
        ));
        Ok(())
    }

    /// Finds the records of ours whose rows the source no longer has, by load.
    async fn find_gone(&mut self) -> Result<Vec<(String, GoneRows)>, Error> {
        let run = self.journal.run();
        let mut found = Vec::new();
        // A sample says nothing about the rows that it leaves out.
        if self.context.project.config.sample.is_some() {
            return Ok(found);
        }
        let snapshot = self.context.staging().snapshot().await?;
        let loads: Vec<String> = self
            .reports
            .iter()
            .map(|report| report.load.clone())
            .collect();
        for (place, load) in loads.iter().enumerate() {
            let queries = &self.context.resolved.queries;
            let Some(file) = queries.find(QueryKind::Load, load) else {
                continue;
            };
            if self.has_nothing_gone(load, &snapshot) {
                continue;
            }
            let gone = gone::rows(self.context, file, run).await?;
            self.reports[place].gone = gone.all;
            if gone.all > 0 {
                found.push((load.clone(), gone));
            }
        }
        Ok(found)
    }

    /// Runs every step; `Some` where the run ends before the last one.
    async fn steps(&mut self, snapshot: &Snapshot) -> Result<Option<RunStatus>, Error> {
        let context = self.context;
        let steps = context.resolved.steps(snapshot)?;
        let mut way = Way::along(&steps, snapshot);
        let loads = steps.iter().filter(|step| matches!(step, Step::Load(_)));
        let numbers = loads.zip(1..);
        self.numbers = numbers
            .map(|(load, number)| (load.file().name.clone(), number))
            .collect();
        for step in steps {
            if self.waits_for_look_back(step) && self.look_back().await? {
                return Ok(Some(RunStatus::Gated));
            }
            match step {
                Step::Org(file) => {
                    self.progress
                        .step(&format!("asking the org for {}", file.name));
                    ask_org(context.connection, file).await?;
                }
                Step::Prepare(file) => self.prepare(file).await?,
                Step::Load(file) => {
                    self.progress.done(&way.next(&file.name, Instant::now()));
                    let ended = Box::pin(self.load(file)).await;
                    if !matches!(ended, Ok(None)) {
                        // What was sent before is told of all the same.
                        let looked = self.look_back().await;
                        let ended = ended?;
                        looked?;
                        return Ok(ended);
                    }
                }
            }
        }
        if self.look_back().await? {
            return Ok(Some(RunStatus::Gated));
        }
        self.reports.extend(grain::left_out(self.context).await?);
        self.notes.extend(grain::left_open(&self.context.resolved));
        Ok(None)
    }

    async fn prepare(&mut self, file: &QueryFile) -> Result<(), Error> {
        self.progress.step(&format!("preparing {}", file.name));
        let (_, session) = self.context.session(Reads::Only(&file.references)).await?;
        let staging = self.context.staging();
        let manifest = write_model(staging, &session, "prepare", file).await?;
        staging.publish(manifest).await?;
        Ok(())
    }

    /// One phase up to its last row that is sent; meanwhile the one before is looked back at. `Some` when the run ends here.
    async fn load(&mut self, file: &'a QueryFile) -> Result<Option<RunStatus>, Error> {
        if self.stop.is_cancelled() {
            return Err(LoadError::Stopped {
                load: file.name.clone(),
                done: 0,
                parts: 0,
            }
            .into());
        }
        let began = Instant::now();
        self.look_at_parents(file).await?;
        instead_of::catch_up(self.context, file).await?;
        let before = self.before(file).await?;
        if let Some(standing) = self.standing(file, before.as_ref()).await? {
            if self.run_checks().await? {
                return Ok(Some(RunStatus::Held));
            }
            self.stand(file, standing, began.elapsed()).await?;
            return Ok(None);
        }
        let (outbox, now) = Box::pin(self.write_outbox(file)).await?;
        if self.run_checks().await? {
            return Ok(Some(RunStatus::Held));
        }
        if let Some(reason) = self.unbalanced(file, &outbox).await? {
            let told = format!("gate: {reason}; no row of {} was sent", file.name);
            self.stopped_by.push(told.clone());
            self.notes.push(told);
            return Ok(Some(RunStatus::Gated));
        }
        let describe = self.describe(file)?;
        if let Some(now) = now {
            self.keep_pre_images(file, describe, &outbox, &now).await?;
        }
        self.keep_editors(file, describe, &outbox).await?;
        let prepare = began.elapsed();
        let nothing = sends_nothing(&outbox);
        // The org's time for these rows is the time to look back at those before; without rows there is none.
        let waiting = self.sent.take_if(|_| !nothing);
        let stop = self.stop.child_token();
        let send = async {
            let started = Instant::now();
            let counts = self.send(file, describe, &outbox, &stop).await;
            (counts, started.elapsed())
        };
        let look_back = async {
            let looked = self.looked_back(waiting.as_ref()).await;
            if looked.is_err() {
                // The run ends by it: no further part is sent.
                stop.cancel();
            }
            looked
        };
        let ((counts, send), looked) = futures::join!(send, Box::pin(look_back));
        let mut is_shut = self.tell(waiting, looked?).await?;
        let sent = Some(Sent {
            file,
            counts: counts?,
            outbox,
            before,
            took: [prepare, send],
        });
        self.sending += send;
        self.liveness.landed(&file.name);
        if nothing {
            let looked = Box::pin(self.looked_back(sent.as_ref())).await?;
            is_shut |= self.tell(sent, looked).await?;
        } else {
            self.sent = sent;
        }
        Ok(is_shut.then_some(RunStatus::Gated))
    }

    /// Puts the report of a phase into its place: one that sends nothing is done before one that is still looked back at.
    pub(super) fn report(&mut self, report: PhaseReport) {
        let number = |report: &PhaseReport| self.numbers.get(&report.load).copied();
        let own = number(&report);
        let place = self.reports.partition_point(|before| number(before) < own);
        self.reports.insert(place, report);
    }

    /// What the books of a load's source have against it, before a row is sent.
    async fn unbalanced(
        &self,
        file: &QueryFile,
        outbox: &Manifest,
    ) -> Result<Option<String>, Error> {
        if sends_nothing(outbox) {
            return Ok(None);
        }
        let (snapshot, session) = self.context.session(Reads::Tables).await?;
        let fates = snapshot.get("recon", &format!("fates_{}", file.name));
        let own = outbox.rows + fates.map_or(0, |fates| fates.rows);
        let books = self.books(file, &session, &snapshot, own).await?;
        Ok(books.and_then(|books| books.unbalanced()))
    }

    /// Looks for what became of the records that a load refers to, and of its own.
    async fn look_at_parents(&mut self, file: &QueryFile) -> Result<(), Error> {
        let parents = file.references.iter();
        let mut looked: Vec<&str> = parents
            .filter_map(|name| name.strip_prefix("ledger."))
            .collect();
        looked.push(&file.name);
        self.liveness.refresh(self.context, &looked).await
    }

    /// The org's object that a load sends to.
    pub(super) fn describe(&self, file: &QueryFile) -> Result<&'a ObjectDescribe, Error> {
        let describes = &self.context.describes;
        describes.get(file.object()).ok_or_else(|| Error::Defect {
            what: format!(
                "{} loads {}, which the org does not have",
                file.path,
                file.object()
            ),
        })
    }

    /// Sends an outbox, part by part, until it is told to stop.
    pub(super) async fn send(
        &self,
        file: &QueryFile,
        describe: &ObjectDescribe,
        outbox: &Manifest,
        stop: &CancellationToken,
    ) -> Result<PhaseCounts, Error> {
        let destination = &self.context.connection.destination;
        let counts = load_phase(&LoadRequest {
            staging: self.context.staging(),
            engine: &self.context.project.engine,
            client: &self.context.connection.client,
            journal: self.journal,
            file,
            columns: self.context.resolved.columns(file)?,
            outbox,
            describe,
            blobs: Some(Arc::clone(&self.blobs)),
            concurrent_jobs: destination.concurrent_jobs,
            part_rows: destination.part_rows,
            reserve_percent: destination.reserve_percent,
            max_failed_percent: self.context.project.config.gates.max_failed_percent,
            hard_delete: false,
            stop,
            progress: Arc::clone(self.progress),
        })
        .await?;
        Ok(counts)
    }

    /// The rows of a load's source beside those that its phases account for, `own` of them its own, where its query names a source.
    pub(super) async fn books(
        &self,
        file: &QueryFile,
        session: &Session,
        snapshot: &Snapshot,
        own: u64,
    ) -> Result<Option<Books>, Error> {
        let accounted = |load: &str| match load == file.name {
            true => Some(own),
            false => {
                let mut done = self.reports.iter();
                let done = done.find(|done| done.load == load);
                done.map(PhaseReport::accounted)
            }
        };
        grain::expected(self.context, session, snapshot, file, accounted).await
    }

    /// The outbox that is sent, and the records that it changes.
    async fn write_outbox(&self, file: &QueryFile) -> Result<(Manifest, Option<Manifest>), Error> {
        let step = format!("writing the outbox of {}", file.name);
        self.progress.step(&step);
        comparison::catch_up(self.context, file).await?;
        let (mut snapshot, session) = self.context.session(Reads::Only(&file.references)).await?;
        let describe = self.context.describes.get(file.object());
        let outbox = outbox::write(
            self.context,
            &OutboxFor {
                file,
                snapshot: &snapshot,
                session: &session,
                describe,
                dead: self.liveness.dead(),
                only_failed: self.only_failed,
            },
        )
        .await?;
        if let Some(mistake) = outbox.mistake {
            return Err(mistake.into());
        }
        let staging = self.context.staging();
        for notes in outbox.notes {
            staging.publish(notes).await?;
        }
        let Some(describe) = describe else {
            return Ok((staging.publish(outbox.parts).await?, None));
        };
        let last = snapshot.get("outbox", &file.name).cloned();
        snapshot.insert(outbox.parts.clone());
        let settled = comparison::settle_outbox(
            self.context,
            file,
            describe,
            &snapshot,
            last.as_ref(),
            outbox.parts,
        )
        .await?;
        for told in settled.told {
            staging.publish(told).await?;
        }
        Ok((staging.publish(settled.outbox).await?, settled.now))
    }

    /// Saves what rows that are there already look like, before they are changed.
    async fn keep_pre_images(
        &self,
        file: &QueryFile,
        describe: &ObjectDescribe,
        outbox: &Manifest,
        now: &Manifest,
    ) -> Result<(), Error> {
        let request = comparison::read_back_request(self.context, file, describe, outbox.rows)?;
        let later = self.context.resolved.later(file);
        keep_pre_images(&request, now, &later, self.journal.run()).await?;
        self.context.staging().remove(now).await;
        Ok(())
    }
}

/// Whether all rows of an outbox are in the org already.
fn sends_nothing(outbox: &Manifest) -> bool {
    let unchanged = RowOperation::Unchanged.word();
    let mut parts = outbox.files.iter();
    parts.all(|part| part.label.as_deref() == Some(unchanged))
}
