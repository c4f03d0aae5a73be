//! The main job: recover → stage → inspect the org → columns → destination fields → phases → summary.
//!
//! In: a project, a connection under a lease. Out: what the phases wrote, the run's summary in its folder of reports, and the
//! end of the run in the journal. A run that broke off is recovered first; rows that landed are not sent again. Whatever goes
//! wrong, the summary says how far it came, and the first error is the one that is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::blobs::ExportBlobs;
use super::books::{self, column_fates, ensure_accounted};
use super::connection::{Connection, ExpectedOrg};
use super::context::{Context, Reads};
use super::effort::effort;
use super::first_error::first;
use super::kept::Written;
use super::liveness::Liveness;
use super::phase::Phases;
use super::project::Project;
use super::recover::recover_all;
use super::rules::Rules;
use super::run_log::keep_runs;
use super::schema::{Consent, Inspection, deploy, prepare};
use super::stage::{export, read_export};
use super::{documents, preflight, sample, unreadable};
use crate::error::Error;
use crate::load::{Event, Journal, LoadError, RunRecord, RunStart};
use crate::progress::Progress;
use crate::project::Selection;
use crate::reconcile::{
    Held, PhaseReport, TOO_MANY_GONE, Undecided, count_sources, held_reasons, undecided,
};
use crate::report::RunSummary;
use crate::rows::RunStatus;
use crate::staging::Staging;

/// What a run is asked for.
#[derive(Clone, Debug, Default)]
pub struct RunRequest {
    /// Destination, by its name in `migration.toml`; by default the only one, or `default_target`.
    pub target: Option<String>,
    /// Consents to a deployment of what the destination lacks.
    pub consent: Consent,
    /// Whether the destination may lead to another org than before.
    pub new_org: bool,
    /// Whether the tables staged last are used instead of the export.
    pub no_stage: bool,
    /// Whether only what failed, was never tried or was held is sent.
    pub only_failed: bool,
    /// Whether records are read back whole, not only those that changed since the last look.
    pub full: bool,
    /// Whether tables are made anew that follow from what is as it was.
    pub fresh: bool,
    /// The loads that take part.
    pub selection: Selection,
}

impl RunRequest {
    pub(crate) fn expected(&self) -> ExpectedOrg {
        if self.new_org {
            ExpectedOrg::New
        } else {
            ExpectedOrg::First
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// Counts per table and load, and the status.
    pub summary: RunSummary,
    /// What a person should know, a line each: findings of checks, gates that are shut, what the run took.
    pub notes: Vec<String>,
    /// Where its reports are.
    pub folder: String,
}

/// Runs everything.
pub(crate) async fn run(
    project: &Project,
    connection: &Connection,
    request: &RunRequest,
    progress: &Arc<dyn Progress>,
    stop: &CancellationToken,
) -> Result<RunReport, Error> {
    let staging = &connection.staging;
    let broken = recover_all(project, connection, progress.as_ref()).await?;
    // Only files of runs long gone: another command may be writing right now.
    staging.sweep_leftovers(Duration::from_hours(24)).await?;
    let objections = read_export(project, connection, request.no_stage, progress.as_ref()).await?;
    let context = ready(project, connection, request, progress.as_ref(), &objections).await?;
    let now = sources(staging).await?;
    let journal = begin(&context, now.clone()).await?;
    let mut phases = Phases {
        context: &context,
        journal: &journal,
        progress,
        stop,
        only_failed: request.only_failed,
        liveness: Liveness::default(),
        blobs: Arc::new(ExportBlobs(export(project)?)),
        reports: Vec::new(),
        sending: Duration::ZERO,
        reading: Duration::ZERO,
        checked: BTreeSet::new(),
        warnings: BTreeMap::new(),
        stopped_by: Vec::new(),
        stood: BTreeSet::new(),
        notes: told(&context),
        sent: None,
        numbers: BTreeMap::new(),
    };
    let changed = broken
        .iter()
        .filter_map(|record| changed_since(record, &now));
    for note in changed {
        progress.done(&format!("note: {note}"));
        phases.notes.push(note);
    }
    let started = Instant::now();
    // What could not be read would be missing without a word.
    let result = match objections.is_empty() {
        true => Box::pin(phases.run()).await,
        false => Ok(RunStatus::Gated),
    };
    let unread = objections
        .iter()
        .map(|text| format!("nothing was sent: {text}"));
    phases.notes.extend(unread);
    phases.tell_what_stands();
    let columns = unreadable::told(&staging.snapshot().await?, &project.config.gates);
    phases.notes.extend(columns.notes);
    let beyond = !columns.objections.is_empty();
    phases.stopped_by.extend(columns.objections.iter().cloned());
    phases.notes.extend(columns.objections);
    let (held, waiting) = match &result {
        Ok(_) => {
            let (_, session) = context.session(Reads::Tables).await?;
            let held = held_reasons(&session, &phases.reports).await?;
            let waiting = undecided(&held, &phases.reports);
            (held, waiting)
        }
        Err(_) => Default::default(),
    };
    // Of records that are gone it was noted where they were found.
    let waits = waiting
        .iter()
        .filter(|waiting| waiting.reason != TOO_MANY_GONE);
    phases.notes.extend(waits.map(Undecided::sentence));
    let status = status(&context, &result, &waiting, beyond);
    let end = RunEnd {
        status,
        objections,
        held,
        undecided: waiting,
        took: started.elapsed(),
    };
    let report = summarise(phases, end).await;
    // What went wrong first is what a person has to know.
    let (_, report) = first(result.map(|_| ()), report)?;
    journal
        .record(&Event::RunFinished {
            at: connection.client.server_time(),
            status,
        })
        .await?;
    keep_runs(&project.engine, staging).await?;
    Ok(report)
}

/// What a run goes by: the org as it is, with what it lacked deployed, and the loads that take part.
async fn ready<'a>(
    project: &'a Project,
    connection: &'a Connection,
    request: &RunRequest,
    progress: &'a dyn Progress,
    objections: &[String],
) -> Result<Context<'a>, Error> {
    // After staging, which writes the queries of custom objects.
    progress.step("reading users, limits and fields of the org");
    let mut context = Context::resolve(project, connection, progress).await?;
    context.whole = request.full;
    context.resolved.select(&request.selection)?;
    context.tell();
    sample::draw(&context).await?;
    if objections.is_empty() {
        ensure_accounted(&column_fates(&context).await?)?;
    }
    if objections.is_empty() && prepare_org(&context, request.consent).await? {
        // Fields that were hidden or missing may let more columns be sent.
        return context.again().await;
    }
    Ok(context)
}

/// Begins the journal of a run of these staged tables.
async fn begin(context: &Context<'_>, sources: BTreeMap<String, String>) -> Result<Journal, Error> {
    let (project, connection) = (context.project, context.connection);
    // So that later rules can be compared with these.
    let rules = Rules::of(&project.config.project, &context.resolved.queries)?
        .keep(&connection.staging)
        .await?;
    let start = RunStart {
        target: &connection.target,
        at: Some(connection.client.server_time()),
        user: &connection.client.identity().user_id,
        sources,
        undoes: &[],
        sample: project.config.sample,
        rules: Some(rules),
    };
    Ok(Journal::start(&connection.staging, start).await?)
}

/// What a run came to: what waits for a decision holds it, columns `beyond` what may be unreadable shut the gate, and what was not
/// selected leaves it in part.
fn status(
    context: &Context<'_>,
    result: &Result<RunStatus, Error>,
    waiting: &[Undecided],
    beyond: bool,
) -> RunStatus {
    let sampled = context.project.config.sample.is_some();
    let whole = context.resolved.not_selected().is_empty() && !sampled;
    match result {
        Ok(RunStatus::Ok) if !waiting.is_empty() => RunStatus::Held,
        Ok(RunStatus::Ok) if beyond => RunStatus::Gated,
        Ok(RunStatus::Ok) if !whole => RunStatus::Partial,
        Ok(status) => *status,
        Err(Error::Load(LoadError::Stopped { .. })) => RunStatus::Stopped,
        Err(_) => RunStatus::Failed,
    }
}

/// What the summary repeats of what was told at the start.
fn told(context: &Context<'_>) -> Vec<String> {
    let misfits = context.resolved.exclusions.misfits.iter().cloned();
    misfits.chain(context.warnings()).collect()
}

/// How a run came to its end.
struct RunEnd {
    status: RunStatus,
    objections: Vec<String>,
    held: Held,
    undecided: Vec<Undecided>,
    took: Duration,
}

/// Counts what the phases did and writes it into the folder of reports.
async fn summarise(phases: Phases<'_>, end: RunEnd) -> Result<RunReport, Error> {
    let (context, run) = (phases.context, phases.journal.run());
    let sum = |count: fn(&PhaseReport) -> u64| -> u64 { phases.reports.iter().map(count).sum() };
    let waiting = end.held.waiting + sum(|phase| phase.conflicts) + sum(|phase| phase.gone_waiting);
    let snapshot = context.staging().snapshot().await?;
    let idle = phases.reports.iter();
    let idle = idle.filter(|phase| phase.gone == 0 && phases.stood.contains(&phase.load));
    let idle = idle.map(|phase| phase.load.as_str()).collect();
    let effort = effort(context, &snapshot, run, &idle).await?;
    let summary = RunSummary {
        run: run.to_owned(),
        status: end.status,
        sample: context.project.config.sample,
        not_selected: context.resolved.not_selected(),
        objections: end.objections,
        undecided: end.undecided,
        waiting,
        stopped_by: phases.stopped_by,
        held: end.held.reasons,
        warnings: phases.warnings,
        sources: count_sources(&snapshot),
        objects: phases.reports,
        effort: effort.with_times(end.took, phases.sending, phases.reading),
    };
    let mut notes = phases.notes;
    notes.extend(summary.effort.sentences());
    write_summary(context.connection, &summary).await?;
    books::publish(context, &column_fates(context).await?).await?;
    documents::write_segments(context, run).await?;
    let folder = context.staging().org_path(&["reports", run]);
    Ok(RunReport {
        folder: context.staging().place(&folder),
        summary,
        notes,
    })
}

/// Digests of the staged tables.
async fn sources(staging: &Staging) -> Result<BTreeMap<String, String>, Error> {
    let snapshot = staging.snapshot().await?;
    let tables = snapshot.schema("usercom");
    Ok(tables
        .map(|table| (table.table.clone(), table.digest()))
        .collect())
}

/// What is to be said where the staged tables are other ones than those that a broken-off run read.
fn changed_since(record: &RunRecord, now: &BTreeMap<String, String>) -> Option<String> {
    let before = record.events.iter().find_map(|event| match event {
        Event::RunStarted { sources, .. } if !sources.is_empty() => Some(sources),
        _ => None,
    })?;
    let tables: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let changed: Vec<&str> = tables
        .into_iter()
        .filter(|table| before.get(*table) != now.get(*table))
        .map(String::as_str)
        .collect();
    (!changed.is_empty()).then(|| {
        format!(
            "the export changed since run {} broke off: {}; rows of its outboxes are settled as they were sent, the others go as they \
             are now",
            record.run,
            changed.join(", ")
        )
    })
}

/// Compares the org with what the loads send, and deploys what is missing. True if anything changed.
async fn prepare_org(context: &Context<'_>, consent: Consent) -> Result<bool, Error> {
    preflight::inspect(context).await?.ensure_clear()?;
    let mut written = Written::open(context.staging()).await?;
    let prepared = prepare(context, Inspection::IfNeeded, &mut written).await;
    let discarded = written.discard(context.staging()).await;
    let mut prepared = prepared?;
    discarded?;
    // What follows from the first one is none of its own.
    let mistakes = prepared.dry_run.as_mut();
    if let Some(mistake) = mistakes.and_then(|dry_run| dry_run.mistakes.drain(..).next()) {
        return Err(mistake.into());
    }
    deploy(
        context.connection,
        &prepared.plan,
        consent,
        context.progress,
    )
    .await
}

async fn write_summary(connection: &Connection, summary: &RunSummary) -> Result<(), Error> {
    let staging = &connection.staging;
    let path = staging.org_path(&["reports", &summary.run, "summary.md"]);
    staging
        .write_document(&path, summary.markdown().into_bytes().into())
        .await?;
    let json = serde_json::to_vec_pretty(summary).unwrap_or_default();
    let path = staging.org_path(&["reports", &summary.run, "summary.json"]);
    staging.write_document(&path, json.into()).await?;
    Ok(())
}
