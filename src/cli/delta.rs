//! `transload delta`: what changed since the last run: planned, shown, then sent.
//!
//! In: the account, if the project extracts from one, or the new export; the org. Out: the plan, then as `transload run`; with
//! `--dry-run` the plan alone. Never: a row sent to a real org that nobody agreed to.

use super::run::carry_out;
use super::{
    ConsentArgs, Format, Outcome, ProjectArgs, SampleArgs, Target, config, extract, migration, plan,
};
use crate::error::Error;
use crate::migration::{PlanRequest, RunRequest};

/// Arguments of `transload delta`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeltaArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Read the last extract instead of what has changed in the User.com account since
    #[arg(long)]
    no_extract: bool,
    /// Use the tables staged last instead of reading the export again
    #[arg(long)]
    no_stage: bool,
    /// Read every record back, not only those that changed in the org since the last run
    #[arg(long)]
    full: bool,
    /// Make every table anew, also those that follow from what is as it was
    #[arg(long)]
    fresh: bool,
    /// Plan, or summary of the run, on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: DeltaArgs) -> Result<Outcome, Error> {
    if !args.no_extract && !args.no_stage {
        extract::changes(&config(&args.project)?).await?;
    }
    let (migration, progress) = migration(&args.project)?;
    let request = PlanRequest {
        target: args.target.target.clone(),
        no_stage: args.no_stage,
        fresh: args.fresh,
        ..PlanRequest::default()
    };
    let planned = migration.plan(&request).await;
    progress.finish();
    let planned = planned?;
    let is_shown = args.dry_run || args.format == Format::Table;
    if is_shown {
        plan::print(&planned, args.format)?;
    }
    if args.dry_run {
        return Ok(plan::outcome(&planned));
    }
    if planned.needs_consent && !args.consent.yes {
        return Err(Error::Argument {
            what: format!("nothing was sent: {} is a real org", planned.target),
            hint: "look at the plan, then say `transload delta --yes`".to_owned(),
        });
    }
    let request = RunRequest {
        target: args.target.target,
        consent: args.consent.consent(),
        // The plan has read the export.
        no_stage: true,
        full: args.full,
        fresh: args.fresh,
        ..RunRequest::default()
    };
    carry_out(&args.project, SampleArgs::default(), &request, args.format).await
}
