//! `transload run`: the main job, phase by phase.

use super::notify::{Ending, notify};
use super::stop::stop_on_request;
use super::{
    ConsentArgs, Format, Outcome, ProjectArgs, SampleArgs, SelectionArgs, Target, migration, output,
};
use crate::error::Error;
use crate::migration::RunRequest;
use crate::report::{FATE_HEAD, OUTCOME_HEAD, RunSummary, SOURCE_HEAD, TableRow};
use crate::rows::RunStatus;

/// Arguments of `transload run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Agree that the destination leads to another org than before, and begin anew with it
    #[arg(long)]
    new_org: bool,
    /// Use the tables staged last instead of reading the export again
    #[arg(long)]
    no_stage: bool,
    /// Read every record back, not only those that changed in the org since the last run
    #[arg(long)]
    full: bool,
    /// Make every table anew, also those that follow from what is as it was
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    sample: SampleArgs,
    /// Summary on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: RunArgs) -> Result<Outcome, Error> {
    let request = RunRequest {
        target: args.target.target,
        consent: args.consent.consent(),
        new_org: args.new_org,
        no_stage: args.no_stage,
        only_failed: false,
        full: args.full,
        fresh: args.fresh,
        selection: args.selection.selection(),
    };
    carry_out(&args.project, args.sample, &request, args.format).await
}

/// Runs a request and prints what it came to.
pub(super) async fn carry_out(
    project: &ProjectArgs,
    sample: SampleArgs,
    request: &RunRequest,
    format: Format,
) -> Result<Outcome, Error> {
    let (migration, progress) = migration(project)?;
    let migration = migration
        .with_sample(sample.sample())
        .with_stop(stop_on_request(&progress));
    let result = Box::pin(migration.run(request)).await;
    progress.finish();
    let report = match result {
        Ok(report) => report,
        Err(error) => {
            notify(migration.config(), &Ending::of_error("run", &error)).await;
            return Err(error);
        }
    };
    let ending = Ending {
        command: "run",
        status: report.summary.status.word(),
        run: &report.summary.run,
        message: report.summary.sentence(),
        reports: &report.folder,
    };
    notify(migration.config(), &ending).await;
    print(&report.summary, &report.notes, format)?;
    output::note(&format!("reports: {}", report.folder));
    Ok(match report.summary.status {
        RunStatus::Ok | RunStatus::Partial => Outcome::Fine,
        _ => Outcome::Gated,
    })
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
    output::log(&summary.sentence());
    for note in notes {
        output::note(note);
    }
    for line in summary.kept_back() {
        output::note(&line);
    }
    if !summary.not_selected.is_empty() {
        output::note(&summary.selection());
    }
    output::note(&format!(
        "run {}: {}",
        summary.run,
        match summary.status {
            RunStatus::Ok => "every phase passed its gate",
            RunStatus::Partial if summary.not_selected.is_empty() =>
                "every phase passed its gate, with a sample of the people",
            RunStatus::Partial => "every phase that was selected passed its gate",
            RunStatus::Gated => "a gate is shut; the reasons are above",
            RunStatus::Held => "rows, or all that was to follow, wait for decisions; see above",
            _ => "broke off",
        }
    ));
    Ok(())
}
