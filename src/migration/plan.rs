//! What a run would do, without writing anything to the org.
//!
//! In: a project, a connection that only reads. Out: a [`PlanReport`]. Models and outboxes are written as in a run but never
//! published, and removed at the end; ledgers are projected: known ids plus every row of the outbox under a placeholder id.

use serde::Serialize;

use super::books::{column_fates, ensure_accounted};
use super::connection::Connection;
use super::context::{Context, Reads};
use super::estimate::{self, Measured, Span};
use super::project::Project;
use super::rehearsal::{Count, Rehearsal};
use super::schema::{Inspection, prepare};
use super::stage::{note_staging, stage_all, staged_objections};
use super::workload::workload;
use super::{checks, grain, preflight, sample, storage};
use crate::config::Sample;
use crate::error::Error;
use crate::mapping::publish_decisions;
use crate::progress::Progress;
use crate::project::{QueryFile, QueryKind, Selection, Step};
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

/// What a plan is asked for.
#[derive(Clone, Debug, Default)]
pub struct PlanRequest {
    /// Destination, by its name in `migration.toml`; by default the only one, or `default_target`.
    pub target: Option<String>,
    /// Whether the tables staged last are used instead of the export.
    pub no_stage: bool,
    /// Whether only what failed, was never tried or was held would be sent.
    pub only_failed: bool,
    /// The loads that take part.
    pub selection: Selection,
}

/// What a run would do.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport {
    /// Destination.
    pub target: String,
    /// The organisation, by its id.
    pub organisation: String,
    /// Steps in the order in which they run.
    pub order: Vec<StepReport>,
    /// Loads in the order of their phases.
    pub loads: Vec<LoadPlan>,
    /// The people that would take part, if not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Loads that nobody selected: neither planned nor lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_selected: Vec<String>,
    /// Stages that would be new in the org, with the deals that go there.
    pub new_stages: Vec<Count>,
    /// What would be deployed first, in words; empty for nothing.
    pub changes: String,
    /// What keeps a run from going through, a line each.
    pub findings: Vec<String>,
    /// What a person should know and what keeps nothing back, a line each.
    pub notes: Vec<String>,
    /// Whether it is a real org, so that a person has to agree before anything is sent.
    pub needs_consent: bool,
    /// Calls besides those of the loads: to look at the org before the first one.
    pub further_calls: u64,
    /// The org's limits beside what is needed.
    pub limits: Vec<LimitReport>,
    /// Seconds of the whole run.
    pub seconds: Span,
    /// The run by which they are measured; none where the span is that of public rates.
    pub measured: Option<String>,
}

/// One step of the order.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// `ask org`, `prepare` or `load`.
    pub step: &'static str,
    /// Its file, without folder and ending.
    pub name: String,
    /// Tables that it reads.
    pub reads: Vec<String>,
}

/// What one load would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoadPlan {
    /// Object.
    pub object: String,
    /// Load.
    pub load: String,
    /// Rows that belong in Salesforce.
    pub outbox: u64,
    /// Rows to create.
    pub insert: u64,
    /// Rows to create, or to update if their key is there.
    pub upsert: u64,
    /// Rows to change.
    pub update: u64,
    /// Leads to convert, which nothing undoes.
    pub convert: u64,
    /// Rows that stay.
    pub unchanged: u64,
    /// Rows kept back.
    pub held: u64,
    /// Why rows do not move: fate and reason.
    pub reasons: Vec<Count>,
    /// Fields that updates would change, with how many rows.
    pub changes: Vec<Count>,
    /// Records of earlier runs whose rows the source no longer has.
    pub gone: u64,
    /// What the run would do about them, as far as nobody has a stake in them.
    pub gone_course: Option<String>,
    /// Those of them that the run would flag or delete.
    pub gone_done: u64,
    /// Rows outside `[scope]`.
    pub out_of_scope: u64,
    /// Rows of passive people.
    pub passive: u64,
    /// Rows left behind by decision.
    pub ignored: u64,
    /// Rows to look at.
    pub flagged: u64,
    /// Fields that source and org both changed, which wait for a decision.
    pub conflicts: u64,
    /// Bulk jobs.
    pub jobs: u64,
    /// Bulk batches.
    pub batches: u64,
    /// Calls.
    pub api_calls: u64,
    /// Seconds of its phase; none for a load without rows to send.
    pub seconds: Option<Span>,
    /// Data storage in kilobytes.
    pub data_storage_kb: u64,
    /// File storage in kilobytes.
    pub file_storage_kb: u64,
}

impl LoadPlan {
    /// Rows of the grain that have a fate.
    pub(super) fn accounted(&self) -> u64 {
        self.outbox + self.held + self.out_of_scope + self.passive + self.ignored
    }

    /// Rows to send.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.insert + self.upsert + self.update + self.convert
    }
}

/// What is needed of one of the org's limits.
#[derive(Clone, Debug, Serialize)]
pub struct LimitReport {
    /// The limit's name.
    pub limit: String,
    /// What is needed.
    pub needed: u64,
    /// What is left today.
    pub remaining: i64,
}

/// Plans everything. Projected tables are in `written`, for the caller to remove.
pub(crate) async fn plan(
    project: &Project,
    connection: &Connection,
    request: &PlanRequest,
    progress: &dyn Progress,
    written: &mut Vec<Manifest>,
) -> Result<PlanReport, Error> {
    if request.no_stage {
        // Decisions are corrected without a new export.
        publish_decisions(&project.config.project, &project.staging).await?;
    } else {
        let staged = stage_all(project, progress).await?;
        note_staging(&staged, progress);
    }
    let objections = staged_objections(&connection.staging, &project.config.gates).await?;
    let mut context = Context::resolve(project, connection, progress).await?;
    context.only_failed = request.only_failed;
    context.resolved.select(&request.selection)?;
    sample::draw(&context).await?;
    let resolved = &context.resolved;
    let preflight = preflight::inspect(&context).await?;
    context.note_exclusions();
    ensure_accounted(&column_fates(&context).await?)?;
    let prepared = prepare(&context, Inspection::Whole, written).await?;
    let schema_plan = &prepared.plan;
    let mut findings: Vec<String> = schema_plan
        .conflicts
        .iter()
        .map(|conflict| format!("{conflict}: {}", conflict.remedy()))
        .collect();
    findings.extend(objections);
    findings.extend(
        preflight
            .open()
            .map(|finding| format!("{}: {}: {}", finding.id, finding.what, finding.remedy)),
    );
    let fails = prepared
        .findings
        .iter()
        .filter(|finding| finding.done == "fails");
    findings.extend(fails.map(|finding| {
        format!(
            "{} row(s) of {} would fail without {}, such as {}",
            finding.rows, finding.load, finding.field, finding.samples
        )
    }));
    let Some(dry_run) = &prepared.dry_run else {
        return Err(Error::Defect {
            what: "nothing was planned".to_owned(),
        });
    };
    let mut report = PlanReport {
        target: connection.target.clone(),
        organisation: connection.staging.org().unwrap_or_default().to_owned(),
        order: Vec::new(),
        loads: Vec::new(),
        sample: project.config.sample,
        not_selected: resolved.not_selected(),
        new_stages: Vec::new(),
        changes: schema_plan.summary(),
        findings: Vec::new(),
        notes: grain::left_open(resolved),
        needs_consent: !connection.is_simulator(),
        further_calls: 0,
        limits: Vec::new(),
        seconds: Span::default(),
        measured: None,
    };
    for step in resolved.steps(&context.staging().snapshot().await?)? {
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
    let session = context.session_over(&dry_run.snapshot, Reads::All).await?;
    let rehearsal = Rehearsal {
        context: &context,
        session: &session,
        dry_run,
    };
    rehearsal.describe(&mut report.loads).await?;
    findings.extend(rehearsal.judge(&report.loads).await?);
    let new_stages = schema_plan
        .add_stages
        .iter()
        .map(|stage| stage.name.as_str());
    report.new_stages = rehearsal.deals_in(new_stages).await?;
    let waiting = counts(&session, "conflicts", OPEN_CONFLICTS).await?;
    for load in &mut report.loads {
        load.conflicts = waiting.get(&load.load).copied().unwrap_or_default();
        if load.conflicts > 0 {
            findings.push(format!(
                "{}: {} field(s) were changed in the source and in the org, would stay as they are there and wait for config/decisions.csv",
                load.load, load.conflicts
            ));
        }
    }
    let known = session.table_names();
    let loaded = context.staging().snapshot().await?;
    for check in resolved.queries.kind(QueryKind::Check) {
        if let Some(load) = resolved.never_loaded(check, &loaded) {
            report.notes.push(format!(
                "{} was not asked: {load} was never loaded and is not selected",
                check.path
            ));
            continue;
        }
        let rows = checks::rows(&session, &known, check)
            .await?
            .map_or(0, |found| found.rows);
        if rows > 0 {
            let hint = check
                .hint
                .as_deref()
                .unwrap_or("look at the rows it returns");
            let found = format!("{} finds {rows} row(s): {hint}", check.path);
            match check.warns {
                true => report.notes.push(format!("warning: {found}")),
                false => findings.push(found),
            }
        }
    }
    for load in &mut report.loads {
        let file = resolved.queries.find(QueryKind::Load, &load.load);
        if let (Some(file), Some(outbox)) = (file, dry_run.outboxes.get(&load.load)) {
            let work = workload(connection, &session, file, outbox).await?;
            (load.jobs, load.batches) = (work.jobs, work.batches);
            load.api_calls = work.calls;
        }
    }
    // A run looks at the org as this plan has done.
    report.further_calls = connection.client.usage().requests;
    let storage = storage::estimate(&session, resolved, dry_run).await?;
    for load in &mut report.loads {
        if let Some(storage) = storage.get(&load.load) {
            load.data_storage_kb = storage.data_kb;
            load.file_storage_kb = storage.file_kb;
        }
    }
    let limits = connection
        .client
        .limits()
        .await
        .map_err(|source| Error::Connect {
            target: connection.target.clone(),
            source: Box::new(source),
        })?;
    for (name, needed) in [
        (
            "DailyBulkApiBatches",
            report.loads.iter().map(|load| load.batches).sum::<u64>(),
        ),
        (
            "DailyApiRequests",
            report.further_calls + report.loads.iter().map(|load| load.api_calls).sum::<u64>(),
        ),
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
                let largest = report.loads.iter().max_by_key(|load| kilobytes(load));
                let largest = largest.map_or_else(String::new, |load| {
                    let most = number(megabytes(kilobytes(load)));
                    format!(", {most} MB of them for {}", load.load)
                });
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
    report.findings = findings;
    let runs = Measured::read(&connection.staging).await?;
    let at_once = connection.destination.concurrent_jobs;
    let expected = estimate::expected(&report, &runs, &resolved.queries, at_once);
    for load in &mut report.loads {
        let mut estimated = expected.loads.iter();
        let found = estimated.find(|estimated| estimated.load == load.load);
        load.seconds = found.map(|estimated| estimated.seconds);
    }
    (report.seconds, report.measured) = (expected.seconds, runs.last);
    Ok(report)
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
