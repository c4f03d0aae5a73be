//! `transload plan`: what a run would do, without writing anything to the org.
//!
//! Reads the org with GET only. Models and outboxes are written as in a run but never published, and removed at the
//! end; ledgers are projected: known ids plus every row of the outbox under a placeholder id.

use std::sync::Arc;

use serde::Serialize;

use super::context::{Connection, Meeting, Project};
use super::pipeline::{self, Reads};
use super::progress::Progress;
use super::run::Format;
use super::schema::{Look, prepare};
use super::{Outcome, ProjectArgs, output, preflight, projection, storage};
use crate::error::Error;
use crate::project::{QueryFile, QueryKind, Step};
use crate::staging::Manifest;

/// Rows in one internal batch of a Bulk job; each job has an empty parent batch besides
/// (`reference/salesforce.md §1.8`).
const BATCH_ROWS: u64 = 10_000;

/// Calls of one Bulk job at least: create, upload, close, one look, two result files.
const CALLS_PER_JOB: u64 = 6;

/// Calls of one read-back at least: create, one look, one page, delete.
const CALLS_PER_READ_BACK: u64 = 4;

/// What a load takes of a storage in kilobytes.
type Kilobytes = fn(&LoadPlan) -> u64;

/// Limits of storage.
const STORAGE: [(&str, Kilobytes); 2] = [
    ("DataStorageMB", |load| load.data_storage_kb),
    ("FileStorageMB", |load| load.file_storage_kb),
];

/// Arguments of `transload plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Destination, by its name in migration.toml
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Use the tables staged last instead of reading the export again
    #[arg(long)]
    no_stage: bool,
    /// Plan on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct PlanReport {
    target: String,
    order: Vec<StepReport>,
    loads: Vec<LoadPlan>,
    changes: String,
    findings: Vec<String>,
    limits: Vec<LimitReport>,
}

#[derive(Debug, Serialize)]
struct StepReport {
    step: &'static str,
    name: String,
    reads: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
struct LoadPlan {
    object: String,
    load: String,
    outbox: u64,
    insert: u64,
    upsert: u64,
    update: u64,
    unchanged: u64,
    held: u64,
    out_of_scope: u64,
    passive: u64,
    ignored: u64,
    flagged: u64,
    jobs: u64,
    batches: u64,
    api_calls: u64,
    data_storage_kb: u64,
    file_storage_kb: u64,
}

#[derive(Debug, Serialize)]
struct LimitReport {
    limit: String,
    needed: u64,
    remaining: i64,
}

/// Runs the command.
pub(super) async fn run(args: PlanArgs) -> Result<Outcome, Error> {
    let progress = Progress::new(false);
    let report = Box::pin(connect_and_plan(&args, &progress)).await;
    progress.finish();
    let report = report?;
    print(&report, args.format)?;
    Ok(if report.findings.is_empty() {
        Outcome::Fine
    } else {
        Outcome::Gated
    })
}

async fn connect_and_plan(args: &PlanArgs, progress: &Arc<Progress>) -> Result<PlanReport, Error> {
    let project = Project::open(&args.project)?;
    pipeline::read_queries(&project)?;
    project.config.target(args.target.as_deref())?;
    progress.step("connecting to the destination (reading only)");
    let connection = project
        .connect(args.target.as_deref(), Meeting::Known)
        .await?;
    let mut written = Vec::new();
    let report = Box::pin(plan(&project, &connection, args, progress, &mut written)).await;
    projection::remove(&connection, &written).await;
    connection.close().await?;
    report
}

async fn plan(
    project: &Project,
    connection: &Connection,
    args: &PlanArgs,
    progress: &Arc<Progress>,
    written: &mut Vec<Manifest>,
) -> Result<PlanReport, Error> {
    if !args.no_stage {
        let staged = pipeline::stage_all(project, progress).await?;
        pipeline::note_staging(&staged, progress);
    }
    let (queries, map) = pipeline::read_queries(project)?;
    let staging = &connection.staging;
    let describes = pipeline::look_at_org(connection, &queries).await?;
    let flow = pipeline::find_columns(project, staging, queries, map, &describes).await?;
    let preflight = preflight::look(project, connection, &flow, &describes).await?;
    for note in &flow.demands.notes {
        progress.done(&format!("note: {note}"));
    }
    let look = Look::Whole;
    let prepared = prepare(
        project, connection, &flow, &describes, look, progress, written,
    )
    .await?;
    let schema_plan = &prepared.plan;
    let mut findings: Vec<String> = schema_plan
        .conflicts
        .iter()
        .map(|conflict| format!("{conflict}: {}", conflict.remedy()))
        .collect();
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
    let Some(projection) = &prepared.projection else {
        return Err(Error::Usage {
            what: "nothing was planned".to_owned(),
            hint: "this is a defect of the program".to_owned(),
        });
    };
    let mut report = PlanReport {
        target: connection.target.clone(),
        order: Vec::new(),
        loads: Vec::new(),
        changes: schema_plan.summary(),
        findings: Vec::new(),
        limits: Vec::new(),
    };
    for step in flow.steps(&staging.snapshot().await?)? {
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
        if let Some(outbox) = projection.outboxes.get(&file.name) {
            report.loads.push(load_plan(file, outbox));
        }
    }
    let snapshot = &projection.snapshot;
    let session = pipeline::open_session(project, staging, &flow, snapshot, Reads::All).await?;
    let known = session.table_names();
    for check in flow.queries.kind(QueryKind::Check) {
        if !check.references.is_subset(&known) {
            continue;
        }
        let rows: usize = session
            .collect(&check.path, &check.sql)
            .await?
            .iter()
            .map(arrow::array::RecordBatch::num_rows)
            .sum();
        if rows > 0 {
            let hint = check
                .hint
                .as_deref()
                .unwrap_or("look at the rows it returns");
            findings.push(format!("{} finds {rows} row(s): {hint}", check.path));
        }
    }
    let storage = storage::estimate(&session, &flow, projection).await?;
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
            report.loads.iter().map(|load| load.api_calls).sum(),
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
    for (name, kilobytes) in STORAGE {
        if let Some(limit) = limits.get(name) {
            let needed = megabytes(report.loads.iter().map(kilobytes).sum());
            if i64::try_from(needed).unwrap_or(i64::MAX) > limit.remaining {
                let largest = report.loads.iter().max_by_key(|load| kilobytes(load));
                let largest = largest.map_or_else(String::new, |load| {
                    let most = output::number(megabytes(kilobytes(load)));
                    format!(", {most} MB of them for {}", load.load)
                });
                findings.push(format!(
                    "{name}: the new records need about {} MB{largest}; the org has {} MB left. Free or buy storage (Setup > \
                     Storage Usage), or load less by [scope] and [options]",
                    output::number(needed),
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
    Ok(report)
}

/// Whole megabytes, rounded up: what the org counts in.
fn megabytes(kilobytes: u64) -> u64 {
    kilobytes.div_ceil(1024)
}

fn load_plan(file: &QueryFile, outbox: &Manifest) -> LoadPlan {
    let parts: Vec<u64> = outbox
        .files
        .iter()
        .filter(|part| part.rows > 0 && part.label.as_deref() != Some("unchanged"))
        .map(|part| part.rows)
        .collect();
    let jobs = parts.len() as u64;
    LoadPlan {
        object: file.object().to_owned(),
        load: file.name.clone(),
        outbox: outbox.rows,
        insert: outbox.count("insert"),
        upsert: outbox.count("upsert"),
        update: outbox.count("update"),
        unchanged: outbox.count("unchanged"),
        held: outbox.count("held"),
        out_of_scope: outbox.count("out_of_scope"),
        passive: outbox.count("passive"),
        ignored: outbox.count("ignored"),
        flagged: outbox.count("flagged"),
        jobs,
        batches: parts.iter().map(|rows| rows.div_ceil(BATCH_ROWS) + 1).sum(),
        api_calls: jobs * CALLS_PER_JOB + u64::from(outbox.rows > 0) * CALLS_PER_READ_BACK,
        ..LoadPlan::default()
    }
}

fn print(report: &PlanReport, format: Format) -> Result<(), Error> {
    if format == Format::Json {
        let text = serde_json::to_string(report).unwrap_or_default();
        return output::data(&format!("{text}\n"));
    }
    let mut text = format!(
        "Plan for {}: nothing was written to the org.\n\nOrder\n",
        report.target
    );
    for (number, step) in (1..).zip(&report.order) {
        text.push_str(&format!(
            "{number:>4}. {:<8} {:<22} reads {}\n",
            step.step,
            step.name,
            step.reads.join(", ")
        ));
    }
    text.push('\n');
    let head = [
        "object",
        "load",
        "outbox",
        "insert",
        "upsert",
        "update",
        "unchanged",
        "held",
        "out of scope",
        "passive",
        "ignored",
        "flagged",
        "jobs",
        "batches",
        "API calls",
        "data MB",
        "file MB",
    ];
    let rows = report.loads.iter().map(|load| {
        let numbers = [
            load.outbox,
            load.insert,
            load.upsert,
            load.update,
            load.unchanged,
            load.held,
            load.out_of_scope,
            load.passive,
            load.ignored,
            load.flagged,
            load.jobs,
            load.batches,
            load.api_calls,
            megabytes(load.data_storage_kb),
            megabytes(load.file_storage_kb),
        ];
        [load.object.clone(), load.load.clone()]
            .into_iter()
            .chain(numbers.iter().map(|&number| output::number(number)))
            .collect()
    });
    text.push_str(&output::table(&head, rows.collect(), 2));
    let changes = match report.changes.as_str() {
        "" => "nothing",
        changes => changes,
    };
    text.push_str(&format!(
        "To deploy first: {changes} (transload schema plan shows it)\n"
    ));
    for limit in &report.limits {
        text.push_str(&format!(
            "{}: about {} needed, {} left\n",
            limit.limit, limit.needed, limit.remaining
        ));
    }
    output::data(&text)?;
    for finding in &report.findings {
        output::note(&format!("finding: {finding}"));
    }
    Ok(())
}
