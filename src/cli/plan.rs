//! `transload plan`: what a run would do, without writing anything to the org.

use std::time::Duration;

use super::output;
use super::{Format, Outcome, ProjectArgs, SampleArgs, SelectionArgs, Target, migration};
use crate::error::Error;
use crate::migration::{Count, LoadPlan, PlanReport, PlanRequest, Span, TableWhy, megabytes, span};

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
    /// Make every table anew, also those that follow from what is as it was
    #[arg(long)]
    fresh: bool,
    /// Say of each staged table and model whether it stands, or what made it anew
    #[arg(long)]
    why: bool,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    sample: SampleArgs,
    /// Plan on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: PlanArgs) -> Result<Outcome, Error> {
    let request = PlanRequest {
        target: args.target.target,
        no_stage: args.no_stage,
        only_failed: false,
        fresh: args.fresh,
        selection: args.selection.selection(),
    };
    let (sample, format) = (args.sample, args.format);
    carry_out(&args.project, sample, &request, format, args.why).await
}

/// Why tables were made.
fn why(tables: &[TableWhy]) -> String {
    let stand = tables.iter().filter(|table| table.stands).count();
    let mut text = format!("\nTables that stand: {stand} of {}\n", tables.len());
    for table in tables.iter().filter(|table| !table.stands) {
        let line = format!("{}: {}", table.table, table.because.join(", "));
        text.push_str(&output::wrapped(2, &line));
    }
    text
}

/// Plans and prints.
pub(super) async fn carry_out(
    project: &ProjectArgs,
    sample: SampleArgs,
    request: &PlanRequest,
    format: Format,
    explains: bool,
) -> Result<Outcome, Error> {
    let (migration, progress) = migration(project)?;
    let migration = migration.with_sample(sample.sample());
    let report = migration.plan(request).await;
    progress.finish();
    let report = report?;
    print(&report, format)?;
    if explains && format == Format::Table {
        output::data(&why(&report.why))?;
    }
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
        let step_line = format!("{number:>4}. {:<8} {:<22}", step.step, step.name);
        let reads = format!("reads {}", step.reads.join(", "));
        text.push_str(&match step_line.len() + reads.len() < output::WIDTH {
            true => format!("{step_line} {reads}\n"),
            false => format!("{step_line}\n{}", output::wrapped(8, &reads)),
        });
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
            minutes(load.seconds.map_or(0.0, Span::most)),
            megabytes(load.data_storage_kb),
            megabytes(load.file_storage_kb),
        ];
        [load.object.clone(), load.load.clone()]
            .into_iter()
            .chain(numbers.iter().map(|&number| output::number(number)))
            .collect()
    });
    text.push_str(&output::table(&head, rows.collect(), 2));
    text.push_str(&details(report));
    let changes = match report.changes.as_str() {
        "" => "nothing",
        changes => changes,
    };
    text.push_str(&format!(
        "To deploy first: {changes} (transload schema plan shows it)\n"
    ));
    text.push_str(&format!(
        "Calls besides those of the loads: {}\n{}\n",
        output::number(report.further_calls),
        time(&report.seconds, report.measured.as_deref())
    ));
    for limit in &report.limits {
        text.push_str(&format!(
            "{}: about {} needed, {} left\n",
            limit.limit, limit.needed, limit.remaining
        ));
    }
    output::data(&text)?;
    for note in &report.notes {
        match note.starts_with("warning: ") {
            true => output::note(note),
            false => output::note(&format!("note: {note}")),
        }
    }
    for finding in &report.findings {
        output::note(&format!("finding: {finding}"));
    }
    Ok(())
}

/// Whole minutes, the begun one included.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "minutes of a run, never below nothing"
)]
fn minutes(seconds: f64) -> u64 {
    (seconds / 60.0).ceil() as u64
}

/// How long a run takes, and what that rests on.
pub(super) fn time(seconds: &Span, measured: Option<&str>) -> String {
    // A run takes a second at least.
    let words = |seconds: f64| span(Duration::from_secs_f64(seconds.max(1.0)));
    match measured {
        Some(run) => format!(
            "Time of a run: {}, between {} and {} (measured: {run})",
            words(seconds.likely),
            words(seconds.low),
            words(seconds.high)
        ),
        None => format!(
            "Time of a run: not calibrated; {} to {} at the rates that are public. A sample that is run first makes it an estimate",
            words(seconds.low),
            words(seconds.high)
        ),
    }
}

/// What stands behind the counts: why rows do not move, what is different from the last run, stages that are new, loads that
/// nobody selected.
fn details(report: &PlanReport) -> String {
    let counted = |counts: &[Count]| {
        let counts: Vec<String> = counts
            .iter()
            .map(|count| format!("{} ({})", count.name, output::number(count.rows)))
            .collect();
        counts.join(", ")
    };
    let mut text = String::new();
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("{title}\n{}\n\n", lines.join("\n")));
        }
    };
    let lines = |of: fn(&LoadPlan) -> &[Count]| {
        let loads = report.loads.iter().filter(|load| !of(load).is_empty());
        loads
            .map(|load| format!("  {}: {}", load.load, counted(of(load))))
            .collect()
    };
    section(
        "Rows that would not move, and why",
        lines(|load| &load.reasons),
    );
    section(
        "Fields that would change, with how many records",
        lines(|load| &load.changes),
    );
    let gone = report.loads.iter().filter(|load| load.gone > 0);
    let gone = gone.map(|load| {
        let course = load.gone_course.as_deref().unwrap_or_default();
        format!("  {}: {}; {course}", load.load, output::number(load.gone))
    });
    section(
        "Records whose rows the source no longer has",
        gone.collect(),
    );
    if !report.new_stages.is_empty() {
        let stages = counted(&report.new_stages);
        section(
            "Stages that would be new in the org, with how many deals",
            vec![format!("  {stages}")],
        );
    }
    if !report.not_selected.is_empty() {
        let loads = report.not_selected.join(", ");
        section(
            "Not selected, so neither planned nor lost",
            vec![format!("  {loads}")],
        );
    }
    text
}
