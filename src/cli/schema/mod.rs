//! `transload schema plan | check | deploy | remove`: the org's fields, stages and permissions, before any row moves.
//!
//! The same comparison as in `plan` and `run`, from the same SQL. `plan` changes nothing, `check` lets the org validate the
//! package, `deploy` takes it over, `remove` takes back what we created.

mod prepare;
mod profile;
mod record;
mod removal;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::context::{Connection, Meeting, Project};
use super::pipeline::{self, Flow};
use super::preflight::{self, Preflight};
use super::progress::Progress;
use super::run::Format;
use super::{Outcome, ProjectArgs, output, projection};
use crate::error::Error;
use crate::schema::{Package, SchemaPlan};
use crate::staging::Lease;

pub(super) use prepare::{Consent, Look, Prepared, deploy, prepare};

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
    /// Destination, by its name in migration.toml
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
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
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    common: Common,
    /// Agree to the deployment
    #[arg(long)]
    yes: bool,
    /// Deploy to production what no sandbox has seen
    #[arg(long)]
    no_sandbox_first: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Destination, by its name in migration.toml
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Agree to the deletion
    #[arg(long)]
    yes: bool,
}

/// Runs the command.
pub(super) async fn run(command: SchemaCommand) -> Result<Outcome, Error> {
    let progress = Progress::new(false);
    let result = match &command {
        SchemaCommand::Plan(args) => Box::pin(plan(args, &progress)).await,
        SchemaCommand::Check(args) => Box::pin(check(args, &progress)).await,
        SchemaCommand::Deploy(args) => Box::pin(carry_out(args, &progress)).await,
        SchemaCommand::Remove(args) => Box::pin(removal::run(args, &progress)).await,
    };
    progress.finish();
    result
}

/// A comparison with what it was made for.
struct Compared {
    prepared: Prepared,
    preflight: Preflight,
}

/// Stages, plans the loads and compares them with the org.
async fn compare(
    project: &Project,
    connection: &Connection,
    common: &Common,
    progress: &Arc<Progress>,
) -> Result<Compared, Error> {
    if !common.no_stage {
        let staged = pipeline::stage_all(project, progress).await?;
        pipeline::note_staging(&staged, progress);
    }
    let (queries, map) = pipeline::read_queries(project)?;
    progress.step("reading users, limits and fields of the org");
    let describes = pipeline::look_at_org(connection, &queries).await?;
    let flow: Flow =
        pipeline::find_columns(project, &connection.staging, queries, map, &describes).await?;
    for note in &flow.demands.notes {
        progress.done(&format!("note: {note}"));
    }
    let preflight = preflight::look(project, connection, &flow, &describes).await?;
    let mut written = Vec::new();
    let prepared = prepare(
        project,
        connection,
        &flow,
        &describes,
        Look::Whole,
        progress,
        &mut written,
    )
    .await;
    projection::remove(connection, &written).await;
    Ok(Compared {
        prepared: prepared?,
        preflight,
    })
}

async fn connect(
    args: &ProjectArgs,
    target: Option<&str>,
    progress: &Arc<Progress>,
) -> Result<(Project, Connection), Error> {
    let project = Project::open(args)?;
    pipeline::read_queries(&project)?;
    project.config.target(target)?;
    progress.step("connecting to the destination");
    let connection = project.connect(target, Meeting::Known).await?;
    Ok((project, connection))
}

/// As [`connect`], for a command that writes: nobody else is at work meanwhile.
async fn connect_alone(
    command: &str,
    args: &ProjectArgs,
    target: Option<&str>,
    progress: &Arc<Progress>,
) -> Result<(Project, Lease, Connection), Error> {
    let project = Project::open(args)?;
    pipeline::read_queries(&project)?;
    project.config.target(target)?;
    let lease = project.staging.lease(command).await?;
    progress.step("connecting to the destination");
    let connection = project.connect(target, Meeting::First).await?;
    Ok((project, lease, connection))
}

async fn plan(args: &PlanArgs, progress: &Arc<Progress>) -> Result<Outcome, Error> {
    let common = &args.common;
    let (project, connection) =
        connect(&common.project, common.target.as_deref(), progress).await?;
    let compared = compare(&project, &connection, common, progress).await;
    let (target, version) = (
        connection.target.clone(),
        connection.client.api_version().to_owned(),
    );
    connection.close().await?;
    let compared = compared?;
    progress.finish();
    if let Some(folder) = &args.out {
        write_source(&compared.prepared.plan, &version, folder)?;
    }
    match args.format {
        Format::Json => output::data(&format!("{}\n", document(&target, &compared)))?,
        Format::Table => print(&target, &compared)?,
    }
    let blocked = !compared.prepared.plan.conflicts.is_empty()
        || compared.preflight.open().next().is_some()
        || compared
            .prepared
            .findings
            .iter()
            .any(|finding| finding.done == "fails");
    Ok(if blocked {
        Outcome::Gated
    } else {
        Outcome::Fine
    })
}

async fn check(args: &CheckArgs, progress: &Arc<Progress>) -> Result<Outcome, Error> {
    let common = &args.common;
    let (project, connection) =
        connect(&common.project, common.target.as_deref(), progress).await?;
    let checked = async {
        let compared = compare(&project, &connection, common, progress).await?;
        let plan = compared.prepared.plan;
        let any = prepare::check(&connection, &plan, progress).await?;
        Ok::<_, Error>((any, plan.summary()))
    }
    .await;
    let target = connection.target.clone();
    connection.close().await?;
    let (any, summary) = checked?;
    progress.finish();
    output::data(&match any {
        true => format!("{target} accepts {summary}; nothing was changed\n"),
        false => format!("{target} has everything already: nothing to validate\n"),
    })?;
    Ok(Outcome::Fine)
}

async fn carry_out(args: &DeployArgs, progress: &Arc<Progress>) -> Result<Outcome, Error> {
    let common = &args.common;
    let (project, lease, connection) = connect_alone(
        "schema deploy",
        &common.project,
        common.target.as_deref(),
        progress,
    )
    .await?;
    let consent = Consent {
        yes: args.yes,
        no_sandbox_first: args.no_sandbox_first,
    };
    let deployed = async {
        let compared = compare(&project, &connection, common, progress).await?;
        let plan = compared.prepared.plan;
        let any = deploy(&connection, &plan, consent, progress).await?;
        Ok::<_, Error>((any, plan.summary()))
    }
    .await;
    let target = connection.target.clone();
    connection.close().await?;
    lease.release().await?;
    let (any, summary) = deployed?;
    progress.finish();
    output::data(&match any {
        true => format!("{target} has now {summary} more\n"),
        false => format!("{target} has everything already: nothing was deployed\n"),
    })?;
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

fn print(target: &str, compared: &Compared) -> Result<(), Error> {
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

fn document(target: &str, compared: &Compared) -> serde_json::Value {
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
    })
}
