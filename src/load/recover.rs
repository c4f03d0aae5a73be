//! After a crash or a stop: every job that the last run may have opened is looked up on the server, and what came of it is kept.
//!
//! In: the journal of a run that did not finish. Out: a ledger that knows every row that landed. A job that still
//! waits for data is aborted (nothing of it was processed); one that runs is awaited; one that ended is read.

use std::collections::BTreeSet;

use chrono::Duration;

use super::job::{UNUSABLE, is_unusable};
use super::journal::RunRecord;
use super::part::{PartContext, Turn};
use super::run_state::PhaseState;
use super::{Event, Journal, LoadError, RunState, write_ledger};
use crate::engine::Engine;
use crate::rows::{RowOperation, RunStatus, columns_of, ledger_schema, sent_columns};
use crate::salesforce::{Client, ErrorClass, JobState, WaitOptions};
use crate::staging::Staging;

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
    // No id is given to a second row.
    let mut turn = Turn {
        answered: phase
            .jobs
            .values()
            .flat_map(|open| open.answers().to_vec())
            .collect(),
    };
    let fail = |job: &str| context.salesforce(Some(job));
    let ingest = client.ingest();
    let known: BTreeSet<&str> = phase
        .jobs
        .values()
        .filter_map(|open| open.job.as_deref())
        .collect();
    let (mut read, mut aborted) = (0, 0);
    let mut attempts = Vec::new();
    for ((part, attempt), open) in &phase.jobs {
        if let Some(files) = &open.done {
            attempts.extend(files.clone());
            continue;
        }
        let mut parts = outbox.files.iter().chain(&phase.again);
        let Some(file) = parts.find(|file| file.path == *part) else {
            continue;
        };
        let operation = file.label.as_deref().and_then(RowOperation::parse);
        match (&open.job, &open.intent) {
            (None, Some(intent)) if intent.operation.starts_with("rest ") => {
                let operation = operation.unwrap_or(RowOperation::Insert);
                let mut files = open.answered.clone();
                if let Some(flight) = open.flight {
                    let found = context
                        .recover_over_rest(file, operation, *attempt, flight, &turn)
                        .await?;
                    turn.answered.extend(found.iter().cloned());
                    files.extend(found);
                }
                attempts.extend(context.compact(&files).await?);
            }
            (Some(job), _) => {
                let operation = operation.unwrap_or(RowOperation::Upsert);
                let info = match ingest.get(job).await {
                    // It is gone, or cannot be read any more.
                    Err(error) if error.class() == ErrorClass::Refused => {
                        let found = context.recover_by_key(file, operation, *attempt, job, GONE);
                        attempts.extend(found.await?);
                        continue;
                    }
                    other => other.map_err(fail(job))?,
                };
                if info.state == JobState::Open {
                    match ingest.abort(job).await {
                        // It came to its end meanwhile: looked at below.
                        Err(error) if error.class() == ErrorClass::Refused => {}
                        other => {
                            other.map_err(fail(job))?;
                            aborted += 1;
                            continue;
                        }
                    }
                }
                let info = ingest
                    .wait(job, WaitOptions::default(), |_| {})
                    .await
                    .map_err(fail(job))?;
                match context.collect(file, operation, *attempt, &info).await {
                    Ok(sent) => attempts.extend(sent.files),
                    Err(error) if is_unusable(&error) => {
                        tracing::warn!(load, job, %error, "settling the job's rows by their keys");
                        let found =
                            context.recover_by_key(file, operation, *attempt, job, UNUSABLE);
                        attempts.extend(found.await?);
                    }
                    Err(error) => return Err(error),
                }
                read += 1;
            }
            // The create may have reached the server before its answer was written down. Such a job never got
            // data, so it is still open.
            (None, Some(intent)) => {
                let since = intent.at - Duration::minutes(5);
                for job in ingest
                    .list(Some(since))
                    .await
                    .map_err(context.salesforce(None))?
                {
                    let ours = job.object.as_deref() == Some(&intent.object)
                        && job.operation.as_deref() == Some(&intent.operation)
                        && job
                            .created_by_id
                            .as_deref()
                            .is_none_or(|id| id == client.identity().user_id);
                    if ours && job.state == JobState::Open && !known.contains(job.id.as_str()) {
                        ingest.abort(&job.id).await.map_err(fail(&job.id))?;
                        aborted += 1;
                    }
                }
            }
            (None, None) => {}
        }
    }
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
