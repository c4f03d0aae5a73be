//! `transload test`: the tests of a project's SQL.
//!
//! In: the cases below `tests/`. Out: a line per case, with the rows that differ; with `--update` the expectations written anew.
//! Never: an org.

use super::{Format, Outcome, ProjectArgs, complete, output};
use crate::error::Error;
use crate::migration::{CaseReport, CaseRequest, run_cases};

/// Arguments of `transload test`.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// Only these cases
    #[arg(value_name = "CASES", add = complete::cases())]
    cases: Vec<String>,
    /// Project folder
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    project: std::path::PathBuf,
    /// Write what comes out now as what is expected; read it before you keep it
    #[arg(long)]
    update: bool,
    /// Result on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: TestArgs) -> Result<Outcome, Error> {
    let project = ProjectArgs {
        project: args.project,
        work: None,
    };
    let config = super::config(&project)?;
    let progress = super::TerminalProgress::new(output::is_quiet());
    let request = CaseRequest {
        cases: args.cases,
        update: args.update,
    };
    let mut printed = Ok(());
    let ran = run_cases(&config.project, &request, progress.as_ref(), |report| {
        if args.format == Format::Table && printed.is_ok() {
            printed = output::data(&text(report));
        }
    });
    let reports = Box::pin(ran).await;
    progress.finish();
    let reports = reports?;
    printed?;
    let failed = reports.iter().filter(|report| !report.passed()).count();
    if args.format == Format::Json {
        let text = serde_json::to_string(&reports).unwrap_or_default();
        output::data(&format!("{text}\n"))?;
    }
    let updated: usize = reports.iter().map(|report| report.updated.len()).sum();
    output::note(&match args.update {
        true => format!("{} case(s): {updated} file(s) written", reports.len()),
        false => format!("{} case(s): {failed} failed", reports.len()),
    });
    Ok(match failed {
        0 => Outcome::Fine,
        _ => Outcome::Gated,
    })
}

fn text(report: &CaseReport) -> String {
    if !report.updated.is_empty() {
        let files = report.updated.join(", ");
        return format!("{}: wrote {files}\n", report.case);
    }
    if report.passed() {
        return format!("{}: ok, {} table(s)\n", report.case, report.tables);
    }
    let differences = report.differences.iter().map(ToString::to_string);
    format!(
        "{}: failed\n{}",
        report.case,
        differences.collect::<String>()
    )
}
