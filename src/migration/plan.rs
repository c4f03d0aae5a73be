//! What a run would do, without writing anything to the org.
//!
//! In: a project, a connection that only reads. Out: a [`PlanReport`]. Models and outboxes are written as in a run but never
//! published, and removed at the end; ledgers are projected: known ids plus every row of the outbox under a placeholder id.

use super::books::{column_fates, ensure_accounted};
use super::connection::Connection;
use super::context::{Context, Reads};
use super::dry_run::DryRun;
use super::estimate::{self, Measured};
use super::kept::Written;
use super::liveness::Liveness;
use super::plan_report::{LimitReport, LoadPlan, PlanReport, PlanRequest, StepReport};
use super::preflight::Preflight;
use super::project::Project;
use super::rehearsal::Rehearsal;
use super::schema::{Inspection, Prepared, prepare};
use super::span::Span;
use super::stage::read_export;
use super::why::why;
use super::workload::workload;
use super::{checks, grain, preflight, sample, storage, unreadable};
use crate::engine::Session;
use crate::error::Error;
use crate::progress::Progress;
use crate::project::{QueryFile, QueryKind, Step};
use crate::reconcile::counts;
use crate::report::number;
use crate::staging::Manifest;

/// What a load takes of a storage in kilobytes.
type Kilobytes = fn(&LoadPlan) -> u64;

/// Fields that wait for a decision, by load.
const OPEN_CONFLICTS: &str = include_str!("../../queries/internal/open_conflicts.sql");

/// Limits of storage, and what takes it.
const STORAGE: [(&str, &str, Kilobytes); 2] = [
    ("DataStorageMB", "the new records", |load| {
        load.data_storage_kb
    }),
    (
        "FileStorageMB",
        "the new files, notes and versions of them",
        |load| load.file_storage_kb,
    ),
];

/// Plans everything. Projected tables are in `written`, for the caller to remove.
pub(crate) async fn plan(
    project: &Project,
    connection: &Connection,
    request: &PlanRequest,
    progress: &dyn Progress,
    written: &mut Written,
) -> Result<PlanReport, Error> {
    let mut before = connection.staging.snapshot().await?;
    let objections = read_export(project, connection, request.no_stage, progress).await?;
    let mut context = Context::resolve(project, connection, progress).await?;
    context.only_failed = request.only_failed;
    context.resolved.select(&request.selection)?;
    sample::draw(&context).await?;
    // What was deleted, merged or converted meanwhile is planned as it is.
    let resolved = &context.resolved;
    let loads: Vec<&str> = resolved.loads().map(|file| file.name.as_str()).collect();
    Liveness::default().refresh(&context, &loads).await?;
    let preflight = preflight::inspect(&context).await?;
    context.tell();
    ensure_accounted(&column_fates(&context).await?)?;
    let prepared = prepare(&context, Inspection::Whole, written).await?;
    let mut objections = objections;
    let staged = connection.staging.snapshot().await?;
    objections.extend(unreadable::told(&staged, &project.config.gates).objections);
    let mut findings = told(&prepared, objections, &preflight);
    for model in written.models_before() {
        before.insert(model.clone());
    }
    let Some(dry_run) = &prepared.dry_run else {
        return Err(Error::Defect {
            what: "nothing was planned".to_owned(),
        });
    };
    let mut report = PlanReport {
        sample: project.config.sample,
        not_selected: context.resolved.not_selected(),
        changes: prepared.plan.summary(),
        notes: context
            .warnings()
            .chain(grain::left_open(&context.resolved))
            .collect(),
        why: why(&before, &dry_run.snapshot),
        ..empty(connection)
    };
    note_steps(&context, dry_run, &mut report).await?;
    let session = context.session_over(&dry_run.snapshot, Reads::All).await?;
    let rehearsal = Rehearsal {
        context: &context,
        session: &session,
        dry_run,
    };
    let mistakes = dry_run.mistakes.iter();
    findings.extend(mistakes.map(ToString::to_string));
    rehearsal.describe(&mut report.loads).await?;
    findings.extend(rehearsal.judge(&report.loads).await?);
    let stages = prepared.plan.add_stages.iter();
    let new_stages = stages.map(|stage| stage.name.as_str());
    report.new_stages = rehearsal.deals_in(new_stages).await?;
    findings.extend(wait_for_decisions(&session, &mut report.loads).await?);
    findings.extend(ask_checks(&context, &session, &mut report.notes).await?);
    measure(&rehearsal, &mut report).await?;
    findings.extend(compare_with_limits(connection, &mut report).await?);
    report.findings = findings;
    say_how_long(&context, &mut report).await?;
    Ok(report)
}

/// What keeps a run from beginning: conflicts with the org's fields, the staged tables, the preflight, fields without which rows fail.
fn told(prepared: &Prepared, objections: Vec<String>, preflight: &Preflight) -> Vec<String> {
    let conflicts = prepared.plan.conflicts.iter();
    let conflicts = conflicts.map(|conflict| format!("{conflict}: {}", conflict.remedy()));
    let open = preflight
        .open()
        .map(|finding| format!("{}: {}: {}", finding.id, finding.what, finding.remedy));
    let fails = prepared
        .findings
        .iter()
        .filter(|finding| finding.done == "fails");
    let fails = fails.map(|finding| {
        format!(
            "{} row(s) of {} would fail without {}, such as {}",
            finding.rows, finding.load, finding.field, finding.samples
        )
    });
    conflicts
        .chain(objections)
        .chain(open)
        .chain(fails)
        .collect()
}

/// A report about this destination that says nothing yet.
fn empty(connection: &Connection) -> PlanReport {
    PlanReport {
        target: connection.target.clone(),
        organisation: connection.staging.org().unwrap_or_default().to_owned(),
        order: Vec::new(),
        loads: Vec::new(),
        sample: None,
        not_selected: Vec::new(),
        new_stages: Vec::new(),
        changes: String::new(),
        findings: Vec::new(),
        notes: Vec::new(),
        needs_consent: !connection.is_simulator(),
        further_calls: 0,
        limits: Vec::new(),
        seconds: Span::default(),
        why: Vec::new(),
        measured: None,
    }
}

/// The steps in their order, and the loads among them with the rows of their outboxes.
async fn note_steps(
    context: &Context<'_>,
    dry_run: &DryRun,
    report: &mut PlanReport,
) -> Result<(), Error> {
    let staged = context.staging().snapshot().await?;
    for step in context.resolved.steps(&staged)? {
        let file = step.file();
        report.order.push(StepReport {
            step: match step {
                Step::Org(_) => "ask org",
                Step::Prepare(_) => "prepare",
                Step::Load(_) => "load",
            },
            name: file.name.clone(),
            reads: file.references.iter().cloned().collect(),
        });
        // A model may have the name of a load.
        if let (Step::Load(_), Some(outbox)) = (step, dry_run.outboxes.get(&file.name)) {
            report.loads.push(load_plan(file, outbox));
        }
    }
    Ok(())
}

/// Fields that were changed on both sides and wait for a decision, by load.
async fn wait_for_decisions(
    session: &Session,
    loads: &mut [LoadPlan],
) -> Result<Vec<String>, Error> {
    let waiting = counts(session, "conflicts", OPEN_CONFLICTS).await?;
    let mut findings = Vec::new();
    for load in loads {
        load.conflicts = waiting.get(&load.load).copied().unwrap_or_default();
        if load.conflicts > 0 {
            findings.push(format!(
                "{}: {} field(s) were changed in the source and in the org, would stay as they are there and wait for config/decisions.csv",
                load.load, load.conflicts
            ));
        }
    }
    Ok(findings)
}

/// What the checks find that would stop the run; what they only warn of, and those that cannot be asked, go to the notes.
async fn ask_checks(
    context: &Context<'_>,
    session: &Session,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, Error> {
    let mut findings = Vec::new();
    let known = session.table_names();
    let loaded = context.staging().snapshot().await?;
    for check in context.resolved.queries.kind(QueryKind::Check) {
        if let Some(load) = context.resolved.never_loaded(check, &loaded) {
            notes.push(format!(
                "{} was not asked: {load} was never loaded and is not selected",
                check.path
            ));
            continue;
        }
        let rows = checks::rows(session, &known, check)
            .await?
            .map_or(0, |found| found.rows);
        if rows > 0 {
            let hint = check
                .hint
                .as_deref()
                .unwrap_or("look at the rows it returns");
            let found = format!("{} finds {rows} row(s): {hint}", check.path);
            match check.warns {
                true => notes.push(format!("warning: {found}")),
                false => findings.push(found),
            }
        }
    }
    Ok(findings)
}

/// What each load asks of the org: jobs, batches, calls and storage.
async fn measure(rehearsal: &Rehearsal<'_>, report: &mut PlanReport) -> Result<(), Error> {
    let (context, session, dry_run) = (rehearsal.context, rehearsal.session, rehearsal.dry_run);
    for load in &mut report.loads {
        let file = context.resolved.queries.find(QueryKind::Load, &load.load);
        if let (Some(file), Some(outbox)) = (file, dry_run.outboxes.get(&load.load)) {
            let work = workload(context.connection, session, file, outbox).await?;
            (load.jobs, load.batches) = (work.jobs, work.batches);
            load.api_calls = work.calls;
        }
    }
    // A run looks at the org as this plan has done.
    report.further_calls = context.connection.client.usage().requests;
    let storage = storage::estimate(session, &context.resolved, dry_run).await?;
    for load in &mut report.loads {
        if let Some(storage) = storage.get(&load.load) {
            load.data_storage_kb = storage.data_kb;
            load.file_storage_kb = storage.file_kb;
        }
    }
    Ok(())
}

/// The org's limits beside what the run needs of them; those that it would exceed.
async fn compare_with_limits(
    connection: &Connection,
    report: &mut PlanReport,
) -> Result<Vec<String>, Error> {
    let limits = connection
        .client
        .limits()
        .await
        .map_err(|source| Error::Connect {
            target: connection.target.clone(),
            source: Box::new(source),
        })?;
    let mut findings = Vec::new();
    let batches: u64 = report.loads.iter().map(|load| load.batches).sum();
    let calls: u64 = report.loads.iter().map(|load| load.api_calls).sum();
    for (name, needed) in [
        ("DailyBulkApiBatches", batches),
        ("DailyApiRequests", report.further_calls + calls),
    ] {
        if let Some(limit) = limits.get(name) {
            let kept = limit.max * i64::from(connection.destination.reserve_percent) / 100;
            if i64::try_from(needed).unwrap_or(i64::MAX) > limit.remaining - kept {
                findings.push(format!(
                    "{name}: the run needs about {needed}, the org has {} left today",
                    limit.remaining
                ));
            }
            report.limits.push(LimitReport {
                limit: name.to_owned(),
                needed,
                remaining: limit.remaining,
            });
        }
    }
    for (name, what, kilobytes) in STORAGE {
        if let Some(limit) = limits.get(name) {
            let needed = megabytes(report.loads.iter().map(kilobytes).sum());
            if i64::try_from(needed).unwrap_or(i64::MAX) > limit.remaining {
                let largest = largest(&report.loads, kilobytes);
                findings.push(format!(
                    "{name}: {what} need about {} MB{largest}; the org has {} MB left. Free or buy storage (Setup > \
                     Storage Usage), or load less by [scope] and [options]",
                    number(needed),
                    limit.remaining
                ));
            }
            report.limits.push(LimitReport {
                limit: name.to_owned(),
                needed,
                remaining: limit.remaining,
            });
        }
    }
    Ok(findings)
}

/// The load that takes most of a storage, as a part of a sentence.
fn largest(loads: &[LoadPlan], kilobytes: Kilobytes) -> String {
    let largest = loads.iter().max_by_key(|load| kilobytes(load));
    largest.map_or_else(String::new, |load| {
        let most = number(megabytes(kilobytes(load)));
        format!(", {most} MB of them for {}", load.load)
    })
}

/// How long the run will take, by what runs so far took.
async fn say_how_long(context: &Context<'_>, report: &mut PlanReport) -> Result<(), Error> {
    let connection = context.connection;
    let runs = Measured::read(&connection.staging).await?;
    let at_once = connection.destination.concurrent_jobs;
    let expected = estimate::expected(report, &runs, &context.resolved.queries, at_once);
    for load in &mut report.loads {
        let mut estimated = expected.loads.iter();
        let found = estimated.find(|estimated| estimated.load == load.load);
        load.seconds = found.map(|estimated| estimated.seconds);
    }
    (report.seconds, report.measured) = (expected.seconds, runs.last);
    Ok(())
}

/// Whole megabytes, rounded up: what the org counts in.
#[must_use]
pub fn megabytes(kilobytes: u64) -> u64 {
    kilobytes.div_ceil(1024)
}

fn load_plan(file: &QueryFile, outbox: &Manifest) -> LoadPlan {
    LoadPlan {
        object: file.object().to_owned(),
        load: file.name.clone(),
        outbox: outbox.rows,
        insert: outbox.count("insert"),
        upsert: outbox.count("upsert"),
        update: outbox.count("update"),
        convert: outbox.count("convert"),
        unchanged: outbox.count("unchanged"),
        held: outbox.count("held"),
        out_of_scope: outbox.count("out_of_scope"),
        passive: outbox.count("passive"),
        ignored: outbox.count("ignored"),
        flagged: outbox.count("flagged"),
        ..LoadPlan::default()
    }
}
