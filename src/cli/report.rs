//! `transload audit`, `transload estimate`, `transload inventory` and `transload report`: documents that open by a double click.

use std::path::{Path, PathBuf};

use super::{
    Format, Outcome, ProjectArgs, SelectionArgs, Target, complete, migration, output, plan,
};
use crate::error::Error;
use crate::migration::{EstimateRequest, PlanRequest, WrittenDocument};

/// A document of a project.
#[derive(Debug, clap::Args)]
pub(crate) struct DocumentArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Folder of the document [default: one of its name in documents/ of the project]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// The document on stdout, or the names of its files
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Arguments of `transload report`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// The run [default: the last one]
    #[arg(value_name = "RUN", add = complete::runs())]
    run: Option<String>,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    document: DocumentArgs,
}

/// Writes the scope document.
pub(super) async fn audit(args: DocumentArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    let written = Box::pin(migration.write_scope(args.output.as_deref())).await;
    progress.finish();
    tell(&written?, args.format)
}

/// Writes the inventory of automations.
pub(super) async fn inventory(args: DocumentArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    let written = Box::pin(migration.write_inventory(args.output.as_deref())).await;
    progress.finish();
    tell(&written?, args.format)
}

/// Writes the report of a run.
pub(super) async fn report(args: ReportArgs) -> Result<Outcome, Error> {
    let document = args.document;
    let (migration, progress) = migration(&document.project)?;
    let target = args.target.target.as_deref();
    let written = migration.write_report(target, args.run.as_deref(), document.output.as_deref());
    let written = Box::pin(written).await;
    progress.finish();
    tell(&written?, document.format)
}

/// Arguments of `transload estimate`.
#[derive(Debug, clap::Args)]
pub(crate) struct EstimateArgs {
    #[command(flatten)]
    target: Target,
    /// Use the tables staged last instead of reading the export again
    #[arg(long)]
    no_stage: bool,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Destination whose runs say how long things take [default: the same, else the one that was run against last]
    #[arg(long, value_name = "NAME", add = complete::targets())]
    measured_on: Option<String>,
    /// Put the last estimate beside what a run took [default: the last run]
    #[arg(long, value_name = "RUN", add = complete::runs(), num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["no_stage", "measured_on"])]
    review: Option<String>,
    #[command(flatten)]
    document: DocumentArgs,
}

/// Writes the estimate, or what became of it.
pub(super) async fn estimate(args: EstimateArgs) -> Result<Outcome, Error> {
    let document = args.document;
    let (migration, progress) = migration(&document.project)?;
    let folder = document.output.as_deref();
    if let Some(run) = args.review {
        let run = Some(run.as_str()).filter(|run| !run.is_empty());
        let target = args.target.target.as_deref();
        let written = Box::pin(migration.review_estimate(target, run, folder)).await;
        progress.finish();
        return tell(&written?, document.format);
    }
    let request = EstimateRequest {
        plan: PlanRequest {
            target: args.target.target,
            no_stage: args.no_stage,
            only_failed: false,
            fresh: false,
            selection: args.selection.selection(),
        },
        measured_on: args.measured_on,
    };
    let made = Box::pin(migration.write_estimate(&request, folder)).await;
    progress.finish();
    let made = made?;
    let written = &made.document;
    let (planned, estimate) = match made.made {
        Ok(made) => made,
        Err(error) => {
            output::note(&format!("nothing was asked of the org: {error}"));
            return tell(written, document.format);
        }
    };
    output::note(&plan::time(&estimate.seconds, estimate.measured.as_deref()));
    let told = tell(written, document.format)?;
    for finding in &planned.findings {
        output::note(&format!("finding: {finding}"));
    }
    Ok(match planned.findings.is_empty() {
        true => told,
        false => Outcome::Gated,
    })
}

fn tell(written: &WrittenDocument, format: Format) -> Result<Outcome, Error> {
    match format {
        Format::Json => {
            let text = serde_json::to_string(&written.document).unwrap_or_default();
            output::data(&format!("{text}\n"))?;
        }
        Format::Table => {
            let files = written.files.iter().map(|path| path.display());
            let lines: String = files.map(|path| format!("{path}\n")).collect();
            output::data(&lines)?;
        }
    }
    for part in &written.document.parts {
        if let Some(why) = &part.unknown {
            output::note(&format!("not known: {}: {why}", part.title));
        }
    }
    let page = written.files.first().map(PathBuf::as_path);
    let page = page.and_then(Path::to_str).unwrap_or_default();
    output::note(&format!("open {page} in a browser"));
    Ok(Outcome::Fine)
}
