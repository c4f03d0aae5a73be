//! `transload cutover`: the checklist of the day, its evidence and its signatures.

use clap::{Args, Subcommand};

use super::{Format, Outcome, ProjectArgs, Target, migration, output};
use crate::cutover::{Standing, State};
use crate::error::Error;

/// Subcommands of `transload cutover`.
#[derive(Debug, Subcommand)]
pub(crate) enum CutoverCommand {
    /// Where each step stands, with its evidence; exit code 1 while one is not signed
    Status(StatusArgs),
    /// Sign a step whose evidence is green and as it was shown last
    Sign(SignArgs),
    /// The document to sign off, as Markdown
    Report(ReportArgs),
}

/// Arguments of `transload cutover status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Report on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Arguments of `transload cutover sign`.
#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// The step, by its name in config/cutover.csv
    #[arg(long, value_name = "STEP")]
    step: String,
    /// Who signs
    #[arg(long, value_name = "NAME")]
    name: String,
}

/// Arguments of `transload cutover report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub(super) async fn run(command: CutoverCommand) -> Result<Outcome, Error> {
    match command {
        CutoverCommand::Status(args) => {
            let (migration, _) = migration(&args.project)?;
            let standings = migration.cutover(args.target.target.as_deref()).await?;
            print(&standings, args.format)?;
            let done = standings
                .iter()
                .all(|standing| standing.state == State::Signed);
            Ok(if done { Outcome::Fine } else { Outcome::Gated })
        }
        CutoverCommand::Sign(args) => {
            let (migration, _) = migration(&args.project)?;
            let target = args.target.target.as_deref();
            migration
                .cutover_sign(target, &args.step, &args.name)
                .await?;
            output::note(&format!(
                "step {} is signed by {}",
                args.step,
                args.name.trim()
            ));
            Ok(Outcome::Fine)
        }
        CutoverCommand::Report(args) => {
            let (migration, _) = migration(&args.project)?;
            let report = migration
                .cutover_report(args.target.target.as_deref())
                .await?;
            output::data(&report.text)?;
            output::note(&format!("kept as {}", report.path));
            Ok(Outcome::Fine)
        }
    }
}

fn print(standings: &[Standing], format: Format) -> Result<(), Error> {
    if format == Format::Json {
        let steps: Vec<serde_json::Value> = standings
            .iter()
            .map(|standing| {
                let step = &standing.step;
                let evidence = standing.evidence.as_ref();
                serde_json::json!({
                    "step": step.step,
                    "task": step.task,
                    "owner": step.owner,
                    "planned_minutes": step.planned_minutes,
                    "command": step.command,
                    "rollback": step.rollback,
                    "state": standing.state,
                    "evidence": evidence.map(|evidence| &evidence.told),
                    "green": evidence.map(|evidence| evidence.green),
                    "digest": evidence.map(|evidence| &evidence.digest),
                    "has_to_be": step.threshold.map(|threshold| threshold.to_string()),
                    "signed_by": standing.signed.as_ref().map(|(name, _)| name),
                    "signed_at": standing.signed.as_ref().map(|(_, at)| at),
                })
            })
            .collect();
        return output::data(&format!("{}\n", serde_json::json!({ "steps": steps })));
    }
    let rows = standings.iter().map(|standing| {
        let step = &standing.step;
        let threshold = step.threshold.map(|threshold| format!(" ({threshold})"));
        let evidence = standing
            .evidence
            .as_ref()
            .map(|evidence| evidence.told.clone());
        vec![
            step.step.clone(),
            standing.state.word().to_owned(),
            step.owner.clone().unwrap_or_default(),
            evidence.unwrap_or_default() + &threshold.unwrap_or_default(),
            standing
                .signed
                .as_ref()
                .map(|(name, _)| name.clone())
                .unwrap_or_default(),
        ]
    });
    let head = ["step", "state", "owner", "evidence", "signed by"];
    output::data(&output::table(&head, rows.collect(), head.len()))?;
    let next = standings
        .iter()
        .find(|standing| standing.state != State::Signed);
    if let Some(next) = next {
        let step = &next.step;
        let command = step.command.as_ref().map(|command| format!(": {command}"));
        output::note(&format!(
            "next: {}, {}{}",
            step.step,
            step.task,
            command.unwrap_or_default()
        ));
    }
    Ok(())
}
