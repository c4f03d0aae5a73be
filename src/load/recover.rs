//! After a crash or a stop: every job that the last run may have opened is looked up on the server, and what came of it is kept.
//!
//! In: the journal of a run that did not finish. Out: a ledger that knows every row that landed. A job that still
//! waits for data is aborted (nothing of it was processed); one that runs is awaited; one that ended is read.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;

use super::journal::RunRecord;
use super::part::PartContext;
use super::{Event, Journal, LoadError, write_ledger};
use crate::engine::Engine;
use crate::rows::{RowOperation, RunStatus, columns_of, ledger_schema, sent_columns};
use crate::salesforce::{Client, JobState, WaitOptions};
use crate::staging::{DataFile, Staging};

/// A job as the journal knows it.
#[derive(Clone, Debug, Default)]
struct OpenJob {
    intent: Option<(String, String, chrono::DateTime<chrono::Utc>)>,
    job: Option<String>,
    /// Answers of requests over REST so far.
    answered: Vec<DataFile>,
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
            at: chrono::Utc::now(),
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
                let phase = phases.entry(load.clone()).or_default();
                (phase.object, phase.key) = (object.clone(), key.clone());
                (phase.table, phase.outbox) = (table.clone(), *outbox);
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
                let phase = phases.entry(load.clone()).or_default();
                let open = phase.jobs.entry((part.clone(), *attempt)).or_default();
                open.intent = Some((object.clone(), operation.clone(), *at));
            }
            Event::Created {
                load,
                part,
                attempt,
                job,
            } => {
                let phase = phases.entry(load.clone()).or_default();
                phase.jobs.entry((part.clone(), *attempt)).or_default().job = Some(job.clone());
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
                let phase = phases.entry(load.clone()).or_default();
                let open = phase.jobs.entry((part.clone(), *attempt)).or_default();
                open.answered.extend(files.iter().cloned());
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
            (None, Some((_, word, at))) if word.starts_with("rest ") => {
                let answered = open.answered.iter().map(|file| file.rows).sum();
                let operation = operation.unwrap_or(RowOperation::Insert);
                let found = context.recover_over_rest(file, operation, *attempt, answered, *at);
                let mut files = open.answered.clone();
                files.extend(found.await?);
                attempts.extend(context.compact(&files).await?);
            }
            (Some(job), _) => {
                let info = match ingest.get(job).await {
                    Err(error) if error.is_not_found() => {
                        let operation = operation.unwrap_or(RowOperation::Upsert);
                        let found = context.recover_by_key(file, operation, *attempt, job);
                        attempts.extend(found.await?);
                        continue;
                    }
                    other => other.map_err(fail(job))?,
                };
                if info.state == JobState::Open {
                    ingest.abort(job).await.map_err(fail(job))?;
                    aborted += 1;
                    continue;
                }
                let info = ingest
                    .wait(job, WaitOptions::default(), |_| {})
                    .await
                    .map_err(fail(job))?;
                let operation = operation.unwrap_or(RowOperation::Upsert);
                let sent = context.collect(file, operation, *attempt, &info).await?;
                attempts.extend(sent.files);
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
            at: chrono::Utc::now(),
        })
        .await?;
    Ok(format!(
        "{load}: {rows} answered row(s) kept, {read} job(s) read to their end, {aborted} open job(s) aborted"
    ))
}
