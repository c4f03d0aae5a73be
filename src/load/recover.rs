//! After a crash or a stop: every job that the last run may have opened is looked up on the server, and what came of it is kept.
//!
//! In: the journal of a run that did not finish. Out: a ledger that knows every row that landed. A job that still
//! waits for data is aborted (nothing of it was processed); one that runs is awaited; one that ended is read.

use std::collections::BTreeSet;

use chrono::Duration;

use super::job::{UNUSABLE, is_unusable};
use super::journal::RunRecord;
use super::part::{PartContext, Turn};
use super::run_state::{Intent, JobRecord, PhaseState};
use super::{Event, Journal, LoadError, RunState, write_ledger};
use crate::engine::Engine;
use crate::rows::{RowOperation, RunStatus, columns_of, ledger_schema, sent_columns};
use crate::salesforce::{Client, ErrorClass, JobState, WaitOptions};
use crate::staging::{DataFile, Staging};

/// Why rows of a job that is gone have no answer.
const GONE: &str = "the results of its job have expired, and the org has no record of its key";

/// Recovers `record`; returns what it did in words for the log, one line per phase.
///
/// # Errors
/// [`LoadError`]; recovering again is safe.
pub async fn recover(
    staging: &Staging,
    engine: &Engine,
    client: &Client,
    record: &RunRecord,
) -> Result<Vec<String>, LoadError> {
    let journal = Journal::open(staging, &record.run, record.events.len() as u64);
    let mut lines = Vec::new();
    for (load, phase) in RunState::of(record).last_phases() {
        if phase.loaded.is_none() {
            lines.push(recover_phase(staging, engine, client, &journal, &load, phase).await?);
        }
    }
    journal
        .record(&Event::RunFinished {
            at: client.server_time(),
            status: RunStatus::Interrupted,
        })
        .await?;
    Ok(lines)
}

async fn recover_phase(
    staging: &Staging,
    engine: &Engine,
    client: &Client,
    journal: &Journal,
    load: &str,
    phase: PhaseState,
) -> Result<String, LoadError> {
    let snapshot = staging.snapshot().await?;
    let Some(outbox) = snapshot
        .get("outbox", phase.table.as_deref().unwrap_or(load))
        .filter(|outbox| outbox.version == phase.outbox)
    else {
        return Ok(format!(
            "{load}: its outbox was replaced; nothing to settle"
        ));
    };
    let columns = columns_of(outbox, &phase.key);
    let known = snapshot
        .get("ledger", load)
        .filter(|_| phase.table.is_some());
    // The parts of a rollback have values as text; the ledger knows the key's types.
    let schema = known.map_or_else(
        || ledger_schema(&columns),
        |ledger| std::sync::Arc::clone(&ledger.schema),
    );
    let context = PartContext {
        staging: staging.clone(),
        client: client.clone(),
        journal: journal.clone(),
        load: load.to_owned(),
        object: phase.object.clone(),
        key: phase.key.clone(),
        sent: sent_columns(&outbox.schema),
        outbox: std::sync::Arc::clone(&outbox.schema),
        schema: std::sync::Arc::clone(&schema),
        describe: std::sync::Arc::new(client.describe(&phase.object).await.map_err(|source| {
            LoadError::ReadOrg {
                what: format!("the fields of {}", phase.object),
                source: Box::new(source),
            }
        })?),
        blobs: None,
        hard_delete: false,
        turn: std::sync::Arc::default(),
        made: std::sync::Arc::default(),
    };
    let mut recovery = Recovery::of(context, &phase);
    for ((part, attempt), open) in &phase.jobs {
        let mut parts = outbox.files.iter().chain(&phase.again);
        match (&open.done, parts.find(|file| file.path == *part)) {
            (Some(files), _) => recovery.attempts.extend(files.clone()),
            (None, Some(file)) => recovery.attempt(file, *attempt, open).await?,
            (None, None) => {}
        }
    }
    let Recovery {
        attempts,
        read,
        aborted,
        ..
    } = recovery;
    let rows: u64 = attempts.iter().map(|file| file.rows).sum();
    write_ledger(staging, engine, load, &phase.key, schema, attempts).await?;
    journal
        .record(&Event::PhaseLoaded {
            load: load.to_owned(),
            at: client.server_time(),
        })
        .await?;
    Ok(format!(
        "{load}: {rows} answered row(s) kept, {read} job(s) read to their end, {aborted} open job(s) aborted"
    ))
}

/// The recovery of one phase, attempt after attempt.
struct Recovery<'a> {
    context: PartContext,
    /// Answers so far: no id is given to a second row.
    turn: Turn,
    /// Jobs of the phase that the journal knows.
    known: BTreeSet<&'a str>,
    /// Files with the answers of rows.
    attempts: Vec<DataFile>,
    /// Jobs that were read to their end.
    read: u32,
    /// Jobs that were open and are aborted.
    aborted: u32,
}

impl<'a> Recovery<'a> {
    fn of(context: PartContext, phase: &'a PhaseState) -> Self {
        let jobs = || phase.jobs.values();
        Self {
            context,
            turn: Turn {
                answered: jobs().flat_map(|open| open.answers().to_vec()).collect(),
            },
            known: jobs().filter_map(|open| open.job.as_deref()).collect(),
            attempts: Vec::new(),
            read: 0,
            aborted: 0,
        }
    }

    /// An attempt at a part whose end the journal does not have.
    async fn attempt(
        &mut self,
        file: &DataFile,
        attempt: u32,
        open: &JobRecord,
    ) -> Result<(), LoadError> {
        let operation = file.label.as_deref().and_then(RowOperation::parse);
        match (&open.job, &open.intent) {
            (None, Some(intent)) if intent.operation.starts_with("rest ") => {
                let operation = operation.unwrap_or(RowOperation::Insert);
                self.requests(file, operation, attempt, open).await
            }
            (Some(job), _) => {
                let operation = operation.unwrap_or(RowOperation::Upsert);
                self.job(file, operation, attempt, job).await
            }
            (None, Some(intent)) => self.unanswered(intent).await,
            (None, None) => Ok(()),
        }
    }

    /// Requests over REST, of which the last may have had no answer.
    async fn requests(
        &mut self,
        file: &DataFile,
        operation: RowOperation,
        attempt: u32,
        open: &JobRecord,
    ) -> Result<(), LoadError> {
        let mut files = open.answered.clone();
        if let Some(flight) = open.flight {
            let found = self
                .context
                .recover_over_rest(file, operation, attempt, flight, &self.turn)
                .await?;
            self.turn.answered.extend(found.iter().cloned());
            files.extend(found);
        }
        self.attempts.extend(self.context.compact(&files).await?);
        Ok(())
    }

    /// A job that the server knows, or knew.
    async fn job(
        &mut self,
        file: &DataFile,
        operation: RowOperation,
        attempt: u32,
        job: &str,
    ) -> Result<(), LoadError> {
        let context = &self.context;
        let fail = |error| context.salesforce(Some(job))(error);
        let ingest = context.client.ingest();
        let info = match ingest.get(job).await {
            // It is gone, or cannot be read any more.
            Err(error) if error.class() == ErrorClass::Refused => {
                let found = context.recover_by_key(file, operation, attempt, job, GONE);
                self.attempts.extend(found.await?);
                return Ok(());
            }
            other => other.map_err(fail)?,
        };
        if info.state == JobState::Open {
            match ingest.abort(job).await {
                // It came to its end meanwhile: looked at below.
                Err(error) if error.class() == ErrorClass::Refused => {}
                other => {
                    other.map_err(fail)?;
                    self.aborted += 1;
                    return Ok(());
                }
            }
        }
        let info = ingest
            .wait(job, WaitOptions::default(), |_| {})
            .await
            .map_err(fail)?;
        match context.collect(file, operation, attempt, &info).await {
            Ok(sent) => self.attempts.extend(sent.files),
            Err(error) if is_unusable(&error) => {
                let load = context.load.as_str();
                tracing::warn!(load, job, %error, "settling the job's rows by their keys");
                let found = context.recover_by_key(file, operation, attempt, job, UNUSABLE);
                self.attempts.extend(found.await?);
            }
            Err(error) => return Err(error),
        }
        self.read += 1;
        Ok(())
    }

    /// A job whose create may have reached the server before its answer was written down. It never got data, so it is still open.
    async fn unanswered(&mut self, intent: &Intent) -> Result<(), LoadError> {
        let context = &self.context;
        let ingest = context.client.ingest();
        let since = intent.at - Duration::minutes(5);
        let jobs = ingest.list(Some(since)).await;
        for job in jobs.map_err(context.salesforce(None))? {
            let ours = job.object.as_deref() == Some(&intent.object)
                && job.operation.as_deref() == Some(&intent.operation)
                && job
                    .created_by_id
                    .as_deref()
                    .is_none_or(|id| id == context.client.identity().user_id);
            if ours && job.state == JobState::Open && !self.known.contains(job.id.as_str()) {
                let aborted = ingest.abort(&job.id).await;
                aborted.map_err(context.salesforce(Some(&job.id)))?;
                self.aborted += 1;
            }
        }
        Ok(())
    }
}
