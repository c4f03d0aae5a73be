//! After a crash or a stop: every job that the last run may have opened is looked up on the server, and what came of it is kept.
//!
//! In: the journal of a run that did not finish. Out: a ledger that knows every row that landed. A job that still
//! waits for data is aborted (nothing of it was processed); one that runs is awaited; one that ended is read.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;

use super::job::{UNUSABLE, is_unusable};
use super::journal::RunRecord;
use super::part::PartContext;
use super::settle::{Flight, Turn};
use super::{Event, Journal, LoadError, write_ledger};
use crate::engine::Engine;
use crate::rows::{RowOperation, RunStatus, columns_of, ledger_schema, sent_columns};
use crate::salesforce::{Client, ErrorClass, JobState, WaitOptions};
use crate::staging::{DataFile, Staging};

/// Why rows of a job that is gone have no answer.
const GONE: &str = "the results of its job have expired, and the org has no record of its key";

/// A job as the journal knows it.
#[derive(Clone, Debug, Default)]
struct OpenJob {
    intent: Option<(String, String, chrono::DateTime<chrono::Utc>)>,
    job: Option<String>,
    /// Answers of requests over REST so far.
    answered: Vec<DataFile>,
    /// The request that was not answered.
    flight: Option<Flight>,
    done: Option<Vec<DataFile>>,
}

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
    for (load, phase) in phases(record) {
        if phase.loaded {
            continue;
        }
        lines.push(recover_phase(staging, engine, client, &journal, &load, phase).await?);
    }
    journal
        .record(&Event::RunFinished {
            at: client.server_time(),
            status: RunStatus::Interrupted,
        })
        .await?;
    Ok(lines)
}

#[derive(Debug, Default)]
struct OpenPhase {
    object: String,
    key: Vec<String>,
    table: Option<String>,
    outbox: u64,
    loaded: bool,
    /// Parts that were cut out of others.
    again: Vec<DataFile>,
    jobs: BTreeMap<(String, u32), OpenJob>,
}

/// The job of an attempt at a part.
fn open<'a>(
    phases: &'a mut BTreeMap<String, OpenPhase>,
    load: &str,
    part: &str,
    attempt: u32,
) -> &'a mut OpenJob {
    let phase = phases.entry(load.to_owned()).or_default();
    phase.jobs.entry((part.to_owned(), attempt)).or_default()
}

fn phases(record: &RunRecord) -> BTreeMap<String, OpenPhase> {
    let mut phases: BTreeMap<String, OpenPhase> = BTreeMap::new();
    for event in &record.events {
        match event {
            Event::PhaseStarted {
                load,
                object,
                key,
                table,
                outbox,
                ..
            } => {
                // A load has a second phase where the source no longer has rows of it.
                let phase = OpenPhase {
                    object: object.clone(),
                    key: key.clone(),
                    table: table.clone(),
                    outbox: *outbox,
                    ..OpenPhase::default()
                };
                phases.insert(load.clone(), phase);
            }
            Event::PhaseLoaded { load, .. } => {
                phases.entry(load.clone()).or_default().loaded = true
            }
            Event::Intent {
                load,
                part,
                attempt,
                object,
                operation,
                at,
            } => {
                let open = open(&mut phases, load, part, *attempt);
                open.intent = Some((object.clone(), operation.clone(), *at));
            }
            Event::Created {
                load,
                part,
                attempt,
                job,
            } => {
                open(&mut phases, load, part, *attempt).job = Some(job.clone());
            }
            Event::Again { load, parts, .. } => {
                let phase = phases.entry(load.clone()).or_default();
                phase.again.extend(parts.iter().cloned());
            }
            Event::Answered {
                load,
                part,
                attempt,
                files,
            } => {
                let open = open(&mut phases, load, part, *attempt);
                open.answered.extend(files.iter().cloned());
                open.flight = None;
            }
            Event::Sending {
                load,
                part,
                attempt,
                first,
                rows,
                since,
            } => {
                let open = open(&mut phases, load, part, *attempt);
                open.flight = Some(Flight {
                    first: *first,
                    rows: *rows,
                    since: *since,
                });
            }
            Event::Done {
                load,
                part,
                attempt,
                files,
                ..
            } => {
                let phase = phases.entry(load.clone()).or_default();
                phase.jobs.entry((part.clone(), *attempt)).or_default().done = Some(files.clone());
            }
            _ => {}
        }
    }
    phases
}

async fn recover_phase(
    staging: &Staging,
    engine: &Engine,
    client: &Client,
    journal: &Journal,
    load: &str,
    phase: OpenPhase,
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
            .flat_map(|open| open.done.as_ref().unwrap_or(&open.answered).clone())
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
            (None, Some((_, word, _))) if word.starts_with("rest ") => {
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
            (None, Some((object, operation, at))) => {
                let since = *at - Duration::minutes(5);
                for job in ingest
                    .list(Some(since))
                    .await
                    .map_err(context.salesforce(None))?
                {
                    let ours = job.object.as_deref() == Some(object)
                        && job.operation.as_deref() == Some(operation)
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
