//! One phase's parts: the canary alone first, then several jobs in flight.
//!
//! In: a published outbox. Out: the ledger with an answer for every row sent. A request to stop ends the phase
//! after the jobs in flight; nothing is lost and the next run goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answers::{PartCounts, Sent};
use super::part::PartContext;
use super::retry::{ATTEMPTS, Again};
use super::{Blobs, Event, Journal, LoadError, write_ledger};
use crate::engine::Engine;
use crate::progress::Progress;
use crate::project::{Api, QueryFile};
use crate::rows::{CANARY_ROWS, Columns, RowOperation, ledger_schema, sent_columns};
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::{DataFile, Manifest, Staging};

/// What a phase loads.
pub struct LoadRequest<'a> {
    /// The staging area, with the organisation in view.
    pub staging: &'a Staging,
    /// For folding the ledger.
    pub engine: &'a Engine,
    /// Connected to the destination.
    pub client: &'a Client,
    /// The run's journal.
    pub journal: &'a Journal,
    /// The load query.
    pub file: &'a QueryFile,
    /// Its columns.
    pub columns: &'a Columns,
    /// The published outbox.
    pub outbox: &'a Manifest,
    /// The object's describe.
    pub describe: &'a ObjectDescribe,
    /// Contents of files, for loads that have some.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// Jobs in flight at once.
    pub concurrent_jobs: usize,
    /// Rows in a part at most.
    pub part_rows: usize,
    /// Share of the org's daily allowances in percent that is left to others.
    pub reserve_percent: u8,
    /// Most rows in percent that may fail in the canary.
    pub max_failed_percent: f64,
    /// Whether deleted rows pass the recycle bin.
    pub hard_delete: bool,
    /// Asks to stop.
    pub stop: &'a CancellationToken,
    /// Told about rows.
    pub progress: Arc<dyn Progress>,
}

/// Rows of a phase by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhaseCounts {
    /// Rows sent.
    pub sent: u64,
    /// New records.
    pub created: u64,
    /// Changed records.
    pub updated: u64,
    /// Rows Salesforce refused.
    pub failed: u64,
    /// Rows Salesforce never tried.
    pub unprocessed: u64,
    /// Bulk jobs.
    pub jobs: u64,
    /// Whether the canary kept the other parts back.
    pub canary_stopped: bool,
    /// Code of a refusal by the org's set-up, which kept the parts behind it back.
    pub setup: Option<String>,
}

impl PhaseCounts {
    fn add(&mut self, part: PartCounts) {
        self.created += part.created;
        self.updated += part.updated;
        self.failed += part.failed;
        self.unprocessed += part.unprocessed;
        self.sent += part.created + part.updated + part.failed + part.unprocessed;
        self.jobs += 1;
    }

    /// Takes back the answers of rows that are sent again.
    fn take_back(&mut self, again: &[Again]) {
        let rows: u64 = again.iter().map(|part| part.rows.len() as u64).sum();
        let unprocessed: u64 = again.iter().map(|part| part.unprocessed).sum();
        self.unprocessed -= unprocessed;
        self.failed -= rows - unprocessed;
        self.sent -= rows;
    }
}

/// Sends every part of the outbox and folds the answers into the ledger.
///
/// # Errors
/// [`LoadError`]; what was answered until then is in the ledger.
pub async fn load_phase(request: &LoadRequest<'_>) -> Result<PhaseCounts, LoadError> {
    let parts: Vec<(DataFile, RowOperation)> = request
        .outbox
        .files
        .iter()
        .filter_map(|file| {
            let operation = RowOperation::parse(file.label.as_deref()?)?;
            (operation != RowOperation::Unchanged && file.rows > 0)
                .then(|| (file.clone(), operation))
        })
        .collect();
    let load = request.file.name.clone();
    request
        .journal
        .record(&Event::PhaseStarted {
            load: load.clone(),
            object: request.file.object().to_owned(),
            table: (request.outbox.table != load).then(|| request.outbox.table.clone()),
            outbox: request.outbox.version,
            key: request.file.key.clone(),
            parts: parts.len(),
            rows: parts.iter().map(|(part, _)| part.rows).sum(),
            at: request.client.server_time(),
        })
        .await?;
    let context = PartContext {
        staging: request.staging.clone(),
        client: request.client.clone(),
        journal: request.journal.clone(),
        load: load.clone(),
        object: request.file.object().to_owned(),
        key: request.file.key.clone(),
        sent: sent_columns(&request.outbox.schema),
        outbox: Arc::clone(&request.outbox.schema),
        schema: ledger_schema(request.columns),
        describe: Arc::new(request.describe.clone()),
        blobs: request.blobs.clone(),
        hard_delete: request.hard_delete,
        turn: Arc::default(),
        made: Arc::default(),
    };
    let mut sender = Sender {
        request,
        context: &context,
        total: parts.iter().map(|(part, _)| part.rows).sum(),
        done: Arc::default(),
        counts: PhaseCounts::default(),
        attempts: Vec::new(),
        again: Vec::new(),
        dead: None,
        setup: None,
    };
    let result = sender.send_all(parts).await;
    let (mut counts, attempts) = (sender.counts, sender.attempts);
    counts.setup = sender.setup;
    write_ledger(
        request.staging,
        request.engine,
        &load,
        &request.file.key,
        Arc::clone(&context.schema),
        attempts,
    )
    .await?;
    // A phase that broke off stays open in the journal, so that the next run recovers its jobs.
    result?;
    request
        .journal
        .record(&Event::PhaseLoaded {
            load,
            at: request.client.server_time(),
        })
        .await?;
    Ok(counts)
}

/// The parts of a phase under way.
struct Sender<'a> {
    request: &'a LoadRequest<'a>,
    context: &'a PartContext,
    /// Rows of first attempts.
    total: u64,
    /// Rows answered, for the progress.
    done: Arc<AtomicU64>,
    counts: PhaseCounts,
    attempts: Vec<DataFile>,
    /// Rows of the round under way that may land next time.
    again: Vec<Again>,
    /// Why a job failed without having tried anything.
    dead: Option<LoadError>,
    /// Code of a refusal that comes from the org's set-up: no other row will fare better.
    setup: Option<String>,
}

/// A part in flight, with what it was.
type Finished = Result<(Again, Sent), LoadError>;

impl Sender<'_> {
    /// Refuses to go on where the org's allowances of calls and batches come to the reserve.
    async fn ensure_allowance(&self) -> Result<(), LoadError> {
        let fail = self.context.salesforce(None);
        let limits = self.request.client.limits().await.map_err(fail)?;
        for limit in ["DailyApiRequests", "DailyBulkApiBatches"] {
            if let Some(found) = limits.get(limit) {
                let number = |value: i64| u64::try_from(value).unwrap_or(0);
                self.ensure_reserve(limit, number(found.remaining), number(found.max))
                    .await?;
            }
        }
        Ok(())
    }

    async fn ensure_reserve(
        &self,
        limit: &'static str,
        remaining: u64,
        max: u64,
    ) -> Result<(), LoadError> {
        let reserve = max * u64::from(self.request.reserve_percent) / 100;
        if remaining > reserve {
            return Ok(());
        }
        let day = Duration::hours(24);
        let since = self.request.client.server_time() - day;
        let first = Journal::first_since(self.request.staging, since).await?;
        Err(LoadError::Reserve {
            load: self.context.load.clone(),
            limit,
            remaining,
            max,
            reserve,
            frees: first.map(|(run, began)| (run, began + day)),
        })
    }

    /// The canary, the other parts, then what is worth another attempt, round by round.
    async fn send_all(&mut self, parts: Vec<(DataFile, RowOperation)>) -> Result<(), LoadError> {
        self.request
            .progress
            .rows(&self.context.load, 0, self.total);
        if !parts.is_empty() {
            self.ensure_allowance().await?;
        }
        let alone = parts.len() == 1;
        let mut waiting = parts.into_iter().peekable();
        let canary = waiting.next_if(|(part, _)| part.rows <= CANARY_ROWS as u64 || alone);
        if let Some(part) = canary {
            self.run(vec![part], 1, 1).await?;
            // What passes by itself says nothing about the rows to come.
            self.send_again().await?;
            let rows = self.counts.sent.max(1);
            let failed = self.counts.failed + self.counts.unprocessed;
            #[expect(
                clippy::cast_precision_loss,
                reason = "a percentage of at most 200 rows"
            )]
            let failed = failed as f64 * 100.0 / rows as f64;
            if waiting.peek().is_some() && failed > self.request.max_failed_percent {
                self.counts.canary_stopped = true;
                return Ok(());
            }
        }
        let jobs = self.request.concurrent_jobs.max(1);
        self.run(waiting.collect(), 1, jobs).await?;
        self.send_again().await?;
        match self.dead.take() {
            // Nothing of the last jobs was ever tried, however small they were.
            Some(error) if self.counts.created + self.counts.updated == 0 => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends what may land next time, round by round, unless the org's set-up stands in the way.
    async fn send_again(&mut self) -> Result<(), LoadError> {
        for attempt in 2..=ATTEMPTS {
            if self.again.is_empty() || self.setup.is_some() {
                break;
            }
            let again = std::mem::take(&mut self.again);
            let dead = self.dead.take();
            let part_rows = self.request.part_rows;
            let parts = self.context.cut_again(&again, attempt, part_rows).await?;
            if parts.is_empty() {
                self.dead = dead;
                break;
            }
            tracing::info!(
                load = self.context.load,
                attempt,
                rows = parts.iter().map(|(part, _)| part.rows).sum::<u64>(),
                "sending rows again that may land now"
            );
            self.context.client.pause(attempt).await;
            // The rows get another answer: the one they had does not count.
            self.counts.take_back(&again);
            // One job at a time: whatever two of them had locked against each other is now in order.
            self.run(parts, attempt, 1).await?;
        }
        self.again.clear();
        Ok(())
    }

    /// Sends parts, at most `most` at once: fewer after parents could not be locked, more again after calm.
    async fn run(
        &mut self,
        parts: Vec<(DataFile, RowOperation)>,
        attempt: u32,
        most: usize,
    ) -> Result<(), LoadError> {
        let (count, before) = (parts.len(), self.counts.jobs);
        let mut waiting = parts.into_iter().peekable();
        let mut jobs: JoinSet<Finished> = JoinSet::new();
        let (mut limit, mut calm) = (most, 0);
        let mut broken = None;
        loop {
            let go_on =
                broken.is_none() && self.setup.is_none() && !self.request.stop.is_cancelled();
            while go_on && jobs.len() < limit {
                // Each answer tells how many calls are left.
                let usage = self.request.client.usage().organization;
                if waiting.peek().is_some()
                    && let Some(usage) = usage
                    && let remaining = usage.max.saturating_sub(usage.used)
                    && let Err(error) = self
                        .ensure_reserve("DailyApiRequests", remaining, usage.max)
                        .await
                {
                    broken.get_or_insert(error);
                    break;
                }
                let Some((part, operation)) = waiting.next() else {
                    break;
                };
                jobs.spawn(self.send(part, operation, attempt));
            }
            // Jobs in flight are read to their end whatever happened to another one.
            let Some(finished) = jobs.join_next().await else {
                break;
            };
            match self.absorb(finished) {
                Ok(0) => {
                    calm += 1;
                    if calm >= 2 * limit && limit < most {
                        (limit, calm) = (limit + 1, 0);
                    }
                }
                Ok(_) => (limit, calm) = ((limit / 2).max(1), 0),
                Err(error) => {
                    broken.get_or_insert(error);
                }
            }
        }
        if let Some(error) = broken {
            return Err(error);
        }
        if waiting.peek().is_some() && self.setup.is_none() {
            return Err(LoadError::Stopped {
                load: self.context.load.clone(),
                done: usize::try_from(self.counts.jobs - before).unwrap_or(usize::MAX),
                parts: count,
            });
        }
        Ok(())
    }

    /// One part, as a task of its own.
    fn send(
        &self,
        part: DataFile,
        operation: RowOperation,
        attempt: u32,
    ) -> impl Future<Output = Finished> + Send + 'static {
        let context = self.context.clone();
        let (done, progress) = (Arc::clone(&self.done), Arc::clone(&self.request.progress));
        let (api, total) = (self.request.file.api, self.total);
        async move {
            // No Bulk job undeletes.
            let sent = if api == Api::Rest || operation == RowOperation::Undelete {
                let sent = context.send_rest(&part, operation, attempt, &done).await?;
                progress.rows(&context.load, done.load(Ordering::Relaxed), total);
                sent
            } else {
                let seen = AtomicU64::new(0);
                let look = |job: &crate::salesforce::JobInfo| {
                    let now = job.number_records_processed.min(part.rows);
                    let before = seen.swap(now, Ordering::Relaxed);
                    let sum = done.fetch_add(now.saturating_sub(before), Ordering::Relaxed);
                    progress.rows(&context.load, sum + now.saturating_sub(before), total);
                };
                let sent = context.send(&part, operation, attempt, &look).await?;
                let rest = part.rows - seen.load(Ordering::Relaxed).min(part.rows);
                let sum = done.fetch_add(rest, Ordering::Relaxed) + rest;
                progress.rows(&context.load, sum, total);
                sent
            };
            let again = Again {
                part,
                operation,
                rows: sent.again.clone(),
                unprocessed: sent.unprocessed,
            };
            Ok((again, sent))
        }
    }

    /// Counts a finished part; returns how many of its rows could not lock their parent.
    fn absorb(
        &mut self,
        finished: Result<Finished, tokio::task::JoinError>,
    ) -> Result<u64, LoadError> {
        let (again, sent) = finished.map_err(self.context.wrong("a part"))??;
        self.counts.add(sent.counts);
        self.attempts.extend(sent.files);
        if !again.rows.is_empty() {
            self.again.push(again);
        }
        if sent.dead.is_some() {
            self.dead = sent.dead;
        }
        if self.setup.is_none() {
            self.setup = sent.setup;
        }
        Ok(sent.locked)
    }
}
