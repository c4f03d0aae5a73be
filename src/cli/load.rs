//! `transload load`: the phases of a run over what was staged last; after SQL or decisions were corrected, only what failed.
//!
//! In: the staged tables, queries and decisions as they are now. Out: as `transload run`. Never: the export read.

use super::run::{Format, RunArgs};
use super::{Outcome, ProjectArgs, run};
use crate::error::Error;

/// Arguments of `transload load`.
#[derive(Debug, clap::Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Destination, by its name in migration.toml
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Send only rows that failed, were never tried or were held, with what hung on them; rows that landed stay as they are
    #[arg(long)]
    failed: bool,
    /// Agree to deploy missing fields to an org that is not the simulator
    #[arg(long)]
    yes: bool,
    /// Deploy to production what no sandbox has seen
    #[arg(long)]
    no_sandbox_first: bool,
    /// Summary on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: LoadArgs) -> Result<Outcome, Error> {
    run::run(RunArgs {
        project: args.project,
        target: args.target,
        yes: args.yes,
        no_sandbox_first: args.no_sandbox_first,
        new_org: false,
        no_stage: true,
        only_failed: args.failed,
        format: args.format,
    })
    .await
}
