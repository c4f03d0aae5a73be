//! `transload schema plan | check | deploy | remove`: the org's fields, stages and permissions, before any row moves.
//!
//! The same comparison as in `plan` and `run`, from the same SQL. `plan` changes nothing, `check` lets the org validate the
//! package, `deploy` takes it over, `remove` takes back what we created.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{ConsentArgs, Format, Outcome, ProjectArgs, Target, migration, output};
use crate::error::Error;
use crate::migration::{Prepared, SchemaComparison, SchemaDeployed, SchemaRequest};
use crate::schema::{Package, SchemaPlan};

/// Verbs of `transload schema`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SchemaCommand {
    /// Show what the org lacks, what conflicts, and which rows a field would not take; changes nothing
    Plan(PlanArgs),
    /// Let the org validate the package without taking it over
    Check(CheckArgs),
    /// Deploy the package and assign the loader's permission set
    Deploy(DeployArgs),
    /// Delete the fields, objects and permission sets that we created
    Remove(RemoveArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Use the tables staged last instead of reading the export again
    #[arg(long)]
    no_stage: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    common: Common,
    /// Write the package as a Salesforce DX project, for `sf project deploy start`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Plan on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    common: Common,
    /// Result on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Result on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Agree to the deletion
    #[arg(long)]
    yes: bool,
    /// Result on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Common {
    fn request(&self) -> SchemaRequest {
        SchemaRequest {
            target: self.target.target.clone(),
            no_stage: self.no_stage,
        }
    }
}

/// Runs the command.
pub(super) async fn run(command: SchemaCommand) -> Result<Outcome, Error> {
    match command {
        SchemaCommand::Plan(args) => plan(&args).await,
        SchemaCommand::Check(args) => check(&args).await,
        SchemaCommand::Deploy(args) => deploy(&args).await,
        SchemaCommand::Remove(args) => remove(&args).await,
    }
}

async fn plan(args: &PlanArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.common.project)?;
    let planned = Box::pin(migration.schema(&args.common.request())).await;
    progress.finish();
    let planned = planned?;
    if let Some(folder) = &args.out {
        write_source(
            &planned.comparison.prepared.plan,
            &planned.api_version,
            folder,
        )?;
    }
    let (target, compared) = (&planned.target, &planned.comparison);
    match args.format {
        Format::Json => output::data(&format!("{}\n", document(target, compared)))?,
        Format::Table => print(target, compared)?,
    }
    Ok(if compared.is_blocked() {
        Outcome::Gated
    } else {
        Outcome::Fine
    })
}

async fn check(args: &CheckArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.common.project)?;
    let checked = Box::pin(migration.schema_check(&args.common.request())).await;
    progress.finish();
    let checked = checked?;
    let (target, summary) = (&checked.target, &checked.summary);
    let text = match checked.any {
        true => format!("{target} accepts {summary}; nothing was changed\n"),
        false => format!("{target} has everything already: nothing to validate\n"),
    };
    tell(args.format, &text, || packaged("accepted", &checked))
}

async fn deploy(args: &DeployArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.common.project)?;
    let consent = args.consent.consent();
    let deployed = Box::pin(migration.schema_deploy(&args.common.request(), consent)).await;
    progress.finish();
    let deployed = deployed?;
    let (target, summary) = (&deployed.target, &deployed.summary);
    let text = match deployed.any {
        true => format!("{target} has now {summary} more\n"),
        false => format!("{target} has everything already: nothing was deployed\n"),
    };
    tell(args.format, &text, || packaged("deployed", &deployed))
}

async fn remove(args: &RemoveArgs) -> Result<Outcome, Error> {
    let (migration, progress) = migration(&args.project)?;
    let target = args.target.target.as_deref();
    let removed = Box::pin(migration.schema_remove(target, args.yes)).await;
    progress.finish();
    let (target, count) = removed?;
    let text = match count {
        0 => format!("{target} has nothing that we created\n"),
        count => format!("{count} component(s) that we created are gone from {target}\n"),
    };
    tell(args.format, &text, || {
        let status = if count == 0 { "unchanged" } else { "removed" };
        json!({"target": target, "status": status, "components": count})
    })
}

/// What became of a package; `status` is what was done, or `unchanged` where the org has everything.
fn packaged(done: &str, package: &SchemaDeployed) -> serde_json::Value {
    json!({
        "target": package.target,
        "status": if package.any { done } else { "unchanged" },
        "summary": package.summary,
    })
}

fn tell(
    format: Format,
    text: &str,
    document: impl FnOnce() -> serde_json::Value,
) -> Result<Outcome, Error> {
    match format {
        Format::Json => output::data(&format!("{}\n", document()))?,
        Format::Table => output::data(text)?,
    }
    Ok(Outcome::Fine)
}

/// Writes the package as source; files of an earlier plan are replaced.
fn write_source(plan: &SchemaPlan, version: &str, folder: &Path) -> Result<(), Error> {
    for (path, text) in Package::source(plan, version)? {
        let path = folder.join(path);
        let write = || {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, &text)
        };
        write().map_err(|source| Error::File {
            action: "write",
            path: path.display().to_string(),
            source,
        })?;
    }
    output::note(&format!(
        "wrote the package to {}: sf project deploy start --source-dir force-app",
        folder.display()
    ));
    Ok(())
}

const FINDING_HEAD: [&str; 6] = ["object", "field", "problem", "done", "rows", "keys"];

fn print(target: &str, compared: &SchemaComparison) -> Result<(), Error> {
    let Prepared { plan, findings, .. } = &compared.prepared;
    let mut text = format!("Schema plan for {target}: nothing was changed.\n\n{plan}");
    if !findings.is_empty() {
        text.push_str("\nRows that a field does not take as they are\n");
        let rows = findings.iter().map(|finding| {
            vec![
                finding.object.clone(),
                finding.field.clone(),
                finding.problem.clone(),
                finding.done.clone(),
                output::number(finding.rows),
                finding.samples.clone(),
            ]
        });
        text.push_str(&output::table(&FINDING_HEAD, rows.collect(), 4));
    }
    output::data(&text)?;
    for finding in &compared.preflight.findings {
        let state = if finding.acknowledged {
            "acknowledged"
        } else {
            "open"
        };
        output::note(&format!(
            "preflight ({state}): {}: {}\n    {}",
            finding.id, finding.what, finding.remedy
        ));
    }
    for note in &compared.preflight.notes {
        output::note(&format!("preflight: {note}"));
    }
    Ok(())
}

fn document(target: &str, compared: &SchemaComparison) -> serde_json::Value {
    let Prepared { plan, findings, .. } = &compared.prepared;
    fn texts<T: ToString>(items: &[T]) -> Vec<String> {
        items.iter().map(ToString::to_string).collect()
    }
    json!({
        "target": target,
        "objects": plan.objects.iter().map(|object| &object.name).collect::<Vec<_>>(),
        "create": texts(&plan.create),
        "stages": texts(&plan.add_stages),
        "record_types": texts(&plan.pipelines),
        "change": plan.change.iter().map(|change| format!("{}, was {}", change.field, change.was)).collect::<Vec<_>>(),
        "permit": texts(&plan.grant),
        "permit_record_types": plan.grant_record_types,
        "lead_conversion": plan.conversion.as_ref().map(ToString::to_string),
        "unchanged": texts(&plan.unchanged),
        "conflicts": plan.conflicts.iter().map(|conflict| json!({
            "conflict": conflict.to_string(), "remedy": conflict.remedy(),
        })).collect::<Vec<_>>(),
        "notices": texts(&plan.notices),
        "rows": findings,
        "preflight": compared.preflight.findings,
        "preflight_notes": compared.preflight.notes,
    })
}
