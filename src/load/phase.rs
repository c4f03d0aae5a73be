//! One phase's parts: the canary alone first, then several jobs in flight.
//!
//! In: a published outbox. Out: the ledger with an answer for every row sent. A request to stop ends the phase
//! after the jobs in flight; nothing is lost and the next run goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answers::PartCounts;
use super::part::PartContext;
use super::{Blobs, Event, Journal, LoadError, ledger_schema, write_ledger};
use crate::engine::Engine;
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::{DataFile, Manifest, Staging};
use crate::transform::{Api, CANARY_ROWS, Columns, QueryFile, RowOperation, sent_columns};

/// Sees rows as they are answered.
pub trait Progress: Send + Sync {
    /// `done` rows of `total` of a load have been processed so far.
    fn rows(&self, load: &str, done: u64, total: u64);
}

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
    /// Most rows in percent that may fail in the canary.
    pub max_failed_percent: f64,
    /// Asks to stop.
    pub stop: &'a CancellationToken,
    /// Told about rows.
    pub progress: Arc<dyn Progress>,
}

/// Rows of a phase by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
            outbox: request.outbox.version,
            key: request.file.key.clone(),
            parts: parts.len(),
            rows: parts.iter().map(|(part, _)| part.rows).sum(),
            at: chrono::Utc::now(),
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
        schema: ledger_schema(request.columns),
        describe: Arc::new(request.describe.clone()),
        blobs: request.blobs.clone(),
    };
    let mut counts = PhaseCounts::default();
    let mut attempts = Vec::new();
    let result = send_parts(request, &context, parts, &mut counts, &mut attempts).await;
    write_ledger(
        request.staging,
        request.engine,
        &load,
        &request.file.key,
        Arc::clone(&context.schema),
        attempts,
    )
    .await?;
    // A phase that broke off stays open in the journal, so that the next run settles its jobs.
    result?;
    request
        .journal
        .record(&Event::PhaseLoaded {
            load,
            at: chrono::Utc::now(),
        })
        .await?;
    Ok(counts)
}

async fn send_parts(
    request: &LoadRequest<'_>,
    context: &PartContext,
    parts: Vec<(DataFile, RowOperation)>,
    counts: &mut PhaseCounts,
    attempts: &mut Vec<DataFile>,
) -> Result<(), LoadError> {
    let total: u64 = parts.iter().map(|(part, _)| part.rows).sum();
    let done = Arc::new(AtomicU64::new(0));
    request.progress.rows(&context.load, 0, total);
    let stopped = |finished: usize| LoadError::Stopped {
        load: context.load.clone(),
        done: finished,
        parts: parts.len(),
    };
    let send = |part: DataFile, operation: RowOperation| {
        let context = context.clone();
        let (done, progress) = (Arc::clone(&done), Arc::clone(&request.progress));
        let api = request.file.api;
        async move {
            if api == Api::Rest {
                let answer = context.send_rest(&part, operation, 1, &done).await?;
                progress.rows(&context.load, done.load(Ordering::Relaxed), total);
                return Ok::<_, LoadError>(answer);
            }
            let seen = AtomicU64::new(0);
            let look = |job: &crate::salesforce::JobInfo| {
                let now = job.number_records_processed.min(part.rows);
                let before = seen.swap(now, Ordering::Relaxed);
                let sum = done.fetch_add(now.saturating_sub(before), Ordering::Relaxed);
                progress.rows(&context.load, sum + now.saturating_sub(before), total);
            };
            let answer = context.send(&part, operation, 1, &look).await?;
            let rest = part.rows - seen.load(Ordering::Relaxed).min(part.rows);
            let sum = done.fetch_add(rest, Ordering::Relaxed) + rest;
            progress.rows(&context.load, sum, total);
            Ok::<_, LoadError>(answer)
        }
    };
    let mut waiting = parts.clone().into_iter().peekable();
    let canary = waiting.next_if(|(part, _)| part.rows <= CANARY_ROWS as u64 || parts.len() == 1);
    if let Some((part, operation)) = canary {
        if request.stop.is_cancelled() {
            return Err(stopped(0));
        }
        let (answer, files) = send(part, operation).await?;
        counts.add(answer);
        attempts.extend(files);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a percentage of at most 200 rows"
        )]
        let failed =
            (answer.failed + answer.unprocessed) as f64 * 100.0 / counts.sent.max(1) as f64;
        // One odd row in 200 is already 0.5 %: the canary looks for what is systematic.
        if waiting.peek().is_some() && failed > request.max_failed_percent.max(5.0) {
            counts.canary_stopped = true;
            return Ok(());
        }
    }
    let limit = Arc::new(Semaphore::new(request.concurrent_jobs.max(1)));
    let mut jobs: JoinSet<Result<(PartCounts, Vec<DataFile>), LoadError>> = JoinSet::new();
    let mut broken = None;
    for (part, operation) in waiting {
        let permit = tokio::select! {
            permit = Arc::clone(&limit).acquire_owned() => permit.ok(),
            () = request.stop.cancelled() => None,
        };
        while let Some(finished) = jobs.try_join_next() {
            if let Err(error) = absorb(finished, counts, attempts, request) {
                broken.get_or_insert(error);
            }
        }
        if permit.is_none() || broken.is_some() || request.stop.is_cancelled() {
            break;
        }
        let job = send(part, operation);
        jobs.spawn(async move {
            let _permit = permit;
            job.await
        });
    }
    // Jobs in flight are read to their end whatever happened to another one.
    while let Some(finished) = jobs.join_next().await {
        if let Err(error) = absorb(finished, counts, attempts, request) {
            broken.get_or_insert(error);
        }
    }
    if let Some(error) = broken {
        return Err(error);
    }
    let finished = usize::try_from(counts.jobs).unwrap_or(usize::MAX);
    if finished < parts.len() {
        return Err(stopped(finished));
    }
    Ok(())
}

fn absorb(
    finished: Result<Result<(PartCounts, Vec<DataFile>), LoadError>, tokio::task::JoinError>,
    counts: &mut PhaseCounts,
    attempts: &mut Vec<DataFile>,
    request: &LoadRequest<'_>,
) -> Result<(), LoadError> {
    match finished {
        Ok(Ok((answer, files))) => {
            counts.add(answer);
            attempts.extend(files);
            Ok(())
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(LoadError::Encode {
            load: request.file.name.clone(),
            part: "a part".to_owned(),
            reason: "its task ended early".to_owned(),
        }),
    }
}
