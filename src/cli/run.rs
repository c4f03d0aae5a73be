//! `transload run`: the main job, phase by phase.
//!
//! stage → look at the org → columns → destination fields → for each phase: models, outbox, checks, load, ledger,
//! read-back, differences, report, gate. A run that broke off is settled first; rows that landed are not sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::blobs::ExportBlobs;
use super::context::{Connection, Meeting, Project};
use super::liveness::Liveness;
use super::phase::Phases;
use super::pipeline::{self, Flow};
use super::progress::Progress;
use super::schema::{Consent, Look, deploy, prepare};
use super::{Outcome, ProjectArgs, documents, output, preflight, projection};
use crate::error::Error;
use crate::load::{Event, Journal, OutcomeClass, RunRecord, RunStart, classify, recover};
use crate::mapping::publish_decisions;
use crate::reconcile::{count_sources, counts};
use crate::report::{Effort, FATE_HEAD, OUTCOME_HEAD, RunSummary, SOURCE_HEAD, TableRow};
use crate::rows::RunStatus;
use crate::salesforce::ObjectDescribe;
use crate::staging::{Snapshot, Staging};

/// Arguments of `transload run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(super) project: ProjectArgs,
    /// Destination, by its name in migration.toml
    #[arg(long, value_name = "NAME")]
    pub(super) target: Option<String>,
    /// Agree to deploy missing fields to an org that is not the simulator
    #[arg(long)]
    pub(super) yes: bool,
    /// Deploy to production what no sandbox has seen
    #[arg(long)]
    pub(super) no_sandbox_first: bool,
    /// Agree that the destination leads to another org than before, and begin anew with it
    #[arg(long)]
    pub(super) new_org: bool,
    /// Use the tables staged last instead of reading the export again
    #[arg(long)]
    pub(super) no_stage: bool,
    /// Send only what failed, was never tried or was held
    #[arg(skip)]
    pub(super) only_failed: bool,
    /// Summary on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

/// How a summary is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    Table,
    /// One JSON document.
    Json,
}

/// Runs the command.
pub(super) async fn run(args: RunArgs) -> Result<Outcome, Error> {
    let progress = Progress::new(false);
    let result = Box::pin(connect_and_run(&args, &progress)).await;
    progress.finish();
    let (summary, notes) = result?;
    print(&summary, &notes, args.format)?;
    Ok(match summary.status {
        RunStatus::Ok => Outcome::Fine,
        _ => Outcome::Gated,
    })
}

async fn connect_and_run(
    args: &RunArgs,
    progress: &Arc<Progress>,
) -> Result<(RunSummary, Vec<String>), Error> {
    let project = Project::open(&args.project)?;
    // Settings and SQL are checked before anything is started.
    pipeline::read_queries(&project)?;
    project.config.target(args.target.as_deref())?;
    let lease = project.staging.lease("run").await?;
    let stop = stop_on_request(progress, lease.lost().clone());
    progress.step("connecting to the destination");
    let meeting = if args.new_org {
        Meeting::New
    } else {
        Meeting::First
    };
    let connection = project.connect(args.target.as_deref(), meeting).await?;
    let result = Box::pin(job(&project, &connection, args, progress, &stop)).await;
    connection.close().await?;
    lease.release().await?;
    result
}

/// The first ctrl-c finishes the jobs in flight and stops; the second ends the process at once. So does the loss of the lease.
pub(super) fn stop_on_request(
    progress: &Arc<Progress>,
    lost: CancellationToken,
) -> CancellationToken {
    let stop = CancellationToken::new();
    let (token, progress) = (stop.clone(), Arc::clone(progress));
    let mut waiting = tokio::task::JoinSet::new();
    let (taken_over, message) = (stop.clone(), Arc::clone(&progress));
    waiting.spawn(async move {
        lost.cancelled().await;
        message
            .done("another process took the staging area over: stopping after the jobs in flight");
        taken_over.cancel();
    });
    waiting.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            progress.done("stopping after the jobs in flight; ctrl-c again ends at once");
            token.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            #[expect(
                clippy::exit,
                reason = "the user asked twice; the journal makes this safe"
            )]
            std::process::exit(3);
        }
    });
    waiting.detach_all();
    stop
}

async fn job(
    project: &Project,
    connection: &Connection,
    args: &RunArgs,
    progress: &Arc<Progress>,
    stop: &CancellationToken,
) -> Result<(RunSummary, Vec<String>), Error> {
    let staging = &connection.staging;
    let broken = settle_all(project, connection, progress).await?;
    // Only files of runs long gone: another command may be writing right now.
    staging.sweep_leftovers(Duration::from_hours(24)).await?;
    if !args.no_stage {
        let staged = pipeline::stage_all(project, progress).await?;
        pipeline::note_staging(&staged, progress);
    } else {
        // Decisions are corrected without a new export.
        publish_decisions(&project.config.project, &project.staging).await?;
    }
    // After staging, which writes the queries of custom objects.
    let (queries, map) = pipeline::read_queries(project)?;
    progress.step("reading users, limits and fields of the org");
    let mut describes = pipeline::look_at_org(connection, &queries).await?;
    let mut flow = pipeline::find_columns(project, staging, queries, map, &describes).await?;
    for note in &flow.demands.notes {
        progress.done(&format!("note: {note}"));
    }
    if prepare_org(project, connection, &flow, &describes, args, progress).await? {
        // Fields that were hidden or missing may let more columns be sent.
        describes = pipeline::look_at_org(connection, &flow.queries).await?;
        let Flow { queries, map, .. } = flow;
        flow = pipeline::find_columns(project, staging, queries, map, &describes).await?;
    }

    let journal = Journal::start(
        staging,
        RunStart {
            target: &connection.target,
            user: &connection.client.identity().user_id,
            sources: sources(staging).await?,
            undoes: &[],
        },
    )
    .await?;
    let mut phases = Phases {
        project,
        connection,
        flow: &flow,
        describes: &describes,
        journal: &journal,
        progress,
        stop,
        only_failed: args.only_failed,
        liveness: Liveness::default(),
        blobs: Arc::new(ExportBlobs(pipeline::export(project)?)),
        reports: Vec::new(),
        sending: Duration::ZERO,
        reading: Duration::ZERO,
        checked: BTreeSet::new(),
        notes: Vec::new(),
    };
    let now = sources(staging).await?;
    for note in broken
        .iter()
        .filter_map(|record| changed_since(record, &now))
    {
        progress.done(&format!("note: {note}"));
        phases.notes.push(note);
    }
    let started = std::time::Instant::now();
    let result = Box::pin(phases.run()).await;
    let (sending, reading) = (phases.sending, phases.reading);
    let (reports, mut notes) = (phases.reports, phases.notes);
    let status = match &result {
        Ok(status) => *status,
        Err(_) => RunStatus::Failed,
    };
    let snapshot = staging.snapshot().await?;
    let summary = RunSummary {
        run: journal.run().to_owned(),
        status,
        sources: count_sources(&snapshot),
        objects: reports,
        effort: effort(project, connection, &snapshot, journal.run())
            .await?
            .with_times(started.elapsed(), sending, reading),
    };
    notes.extend(summary.effort.sentences());
    write_summary(connection, &summary).await?;
    documents::write_segments(project, connection, &flow, journal.run()).await?;
    result?;
    journal
        .record(&Event::RunFinished {
            at: chrono::Utc::now(),
            status,
        })
        .await?;
    Ok((summary, notes))
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

/// Makes sure that the ledger is what was written, and settles every run that did not finish; returns those.
pub(super) async fn settle_all(
    project: &Project,
    connection: &Connection,
    progress: &Progress,
) -> Result<Vec<RunRecord>, Error> {
    let staging = &connection.staging;
    let snapshot = staging.snapshot().await?;
    if snapshot.schema("ledger").next().is_some() {
        progress.step("checking the ledger");
    }
    staging.verify(snapshot.schema("ledger")).await?;
    let mut broken = Vec::new();
    for record in Journal::unfinished(staging).await? {
        progress.step(&format!(
            "settling run {}, which did not finish",
            record.run
        ));
        for line in recover(staging, &project.engine, &connection.client, &record).await? {
            progress.done(&line);
        }
        broken.push(record);
    }
    Ok(broken)
}

/// Calls of this run, and answers that were worth another attempt.
async fn effort(
    project: &Project,
    connection: &Connection,
    snapshot: &Snapshot,
    run: &str,
) -> Result<Effort, Error> {
    let usage = connection.client.usage();
    let mut effort = Effort {
        requests: usage.requests,
        org_requests: usage.organization.map(|usage| (usage.used, usage.max)),
        ..Effort::default()
    };
    let session = project.engine.session(&connection.staging, snapshot)?;
    for table in snapshot.schema("ledger") {
        let Some(load) = table.table.strip_prefix("attempts_") else {
            continue;
        };
        let failed = |table: &str| {
            format!(
                "select t.error_code as name, count(*) as n from ledger.{table} as t \
                 where t.run_id = '{run}' and t.outcome in ('failed', 'unprocessed') group by t.error_code"
            )
        };
        let all = failed(&format!("attempts_{load}"));
        let mut again = counts(&session, "the attempts", &all).await?;
        again.retain(|code, _| classify(code) == OutcomeClass::Transient);
        if again.is_empty() {
            continue;
        }
        // The last answer of a row that was given up was followed by no other.
        let last = counts(&session, "the ledger", &failed(load)).await?;
        for (code, rows) in again {
            let rows = rows.saturating_sub(last.get(&code).copied().unwrap_or_default());
            if rows > 0 {
                *effort.sent_again.entry(code).or_default() += rows;
            }
        }
    }
    Ok(effort)
}

/// Compares the org with what the loads send, and deploys what is missing. True if anything changed.
async fn prepare_org(
    project: &Project,
    connection: &Connection,
    flow: &Flow,
    describes: &BTreeMap<String, ObjectDescribe>,
    args: &RunArgs,
    progress: &Arc<Progress>,
) -> Result<bool, Error> {
    preflight::look(project, connection, flow, describes)
        .await?
        .ensure_clear()?;
    let mut written = Vec::new();
    let look = Look::IfNeeded;
    let prepared = prepare(
        project,
        connection,
        flow,
        describes,
        look,
        progress,
        &mut written,
    )
    .await;
    projection::remove(connection, &written).await;
    let consent = Consent {
        yes: args.yes,
        no_sandbox_first: args.no_sandbox_first,
    };
    deploy(connection, &prepared?.plan, consent, progress).await
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

fn print(summary: &RunSummary, notes: &[String], format: Format) -> Result<(), Error> {
    if format == Format::Json {
        let text = serde_json::to_string(summary).unwrap_or_default();
        output::data(&format!("{text}\n"))?;
    } else {
        let cells = |rows: Vec<TableRow>| {
            let cell = |(names, numbers): TableRow| {
                let numbers = numbers.into_iter().map(output::number);
                names.into_iter().chain(numbers).collect()
            };
            rows.into_iter().map(cell).collect::<Vec<Vec<String>>>()
        };
        let text = [
            "Read: source rows = staged + rejected\n",
            &output::table(&SOURCE_HEAD, cells(summary.source_rows()), 1),
            "What became of the rows: rows = outbox + held + out of scope + passive + ignored\n",
            &output::table(&FATE_HEAD, cells(summary.fate_rows()), 2),
            "In Salesforce: outbox = created + updated + unchanged + failed + unprocessed\n",
            &output::table(&OUTCOME_HEAD, cells(summary.outcome_rows()), 2),
        ];
        output::data(&text.concat())?;
        output::data(&format!("{}\n", summary.sentence()))?;
    }
    for note in notes {
        output::note(note);
    }
    output::note(&format!(
        "run {}: {}",
        summary.run,
        match summary.status {
            RunStatus::Ok => "every phase passed its gate",
            RunStatus::Gated => "a gate is shut; the reasons are above",
            RunStatus::Held => "record import waits for decisions; see above",
            _ => "broke off",
        }
    ));
    Ok(())
}
