//! `transload plan`: what a run would do, without writing anything to the org.

use super::output;
use super::{Format, Outcome, ProjectArgs, Target, migration};
use crate::error::Error;
use crate::migration::{PlanReport, PlanRequest, megabytes};

/// Arguments of `transload plan`.
#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Use the tables staged last instead of reading the export again
    #[arg(long)]
    no_stage: bool,
    /// Plan on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: PlanArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    let request = PlanRequest {
        target: args.target.target,
        no_stage: args.no_stage,
    };
    let report = migration.plan(&request).await;
    progress.finish();
    let report = report?;
    print(&report, args.format)?;
    Ok(outcome(&report))
}

/// What a plan comes to: whether something keeps a run from going through.
pub(super) fn outcome(report: &PlanReport) -> Outcome {
    if report.findings.is_empty() {
        Outcome::Fine
    } else {
        Outcome::Gated
    }
}

pub(super) fn print(report: &PlanReport, format: Format) -> Result<(), Error> {
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
        "convert",
        "unchanged",
        "held",
        "out of scope",
        "passive",
        "ignored",
        "flagged",
        "both sides",
        "jobs",
        "batches",
        "API calls",
        "minutes",
        "data MB",
        "file MB",
    ];
    let rows = report.loads.iter().map(|load| {
        let numbers = [
            load.outbox,
            load.insert,
            load.upsert,
            load.update,
            load.convert,
            load.unchanged,
            load.held,
            load.out_of_scope,
            load.passive,
            load.ignored,
            load.flagged,
            load.conflicts,
            load.jobs,
            load.batches,
            load.api_calls,
            load.seconds.div_ceil(60),
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
    let seconds: u64 = report.loads.iter().map(|load| load.seconds).sum();
    text.push_str(&format!(
        "Calls besides those of the loads: {}. Time to send: about {} min\n",
        output::number(report.further_calls),
        output::number(seconds.div_ceil(60))
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
