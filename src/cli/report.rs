//! `transload audit`, `transload inventory` and `transload report`: documents that open by a double click.

use std::path::{Path, PathBuf};

use super::{Format, Outcome, ProjectArgs, Target, migration, output};
use crate::error::Error;
use crate::migration::WrittenDocument;

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
    #[arg(value_name = "RUN")]
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
