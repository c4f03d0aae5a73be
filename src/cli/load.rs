//! `transload load`: the phases of a run over what was staged last; after SQL or decisions were corrected, only what failed.
//!
//! In: the staged tables, queries and decisions as they are now. Out: as `transload run`, or with `--dry-run` as `transload plan`. Never:
//! the export read.

use super::run::carry_out;
use super::{
    ConsentArgs, Format, Outcome, ProjectArgs, SampleArgs, SelectionArgs, Target, complete, plan,
};
use crate::error::Error;
use crate::migration::{PlanRequest, RunRequest};

/// Arguments of `transload load`.
#[derive(Debug, clap::Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
    /// Send only rows that failed, were never tried or were held, with what hung on them; rows that landed stay as they are
    #[arg(long)]
    failed: bool,
    /// Only these loads, as with --select
    #[arg(value_name = "LOADS", conflicts_with = "select", add = complete::loads())]
    loads: Vec<String>,
    /// Make every table anew, also those that follow from what is as it was
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    sample: SampleArgs,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Summary on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs the command.
pub(super) async fn run(args: LoadArgs) -> Result<Outcome, Error> {
    let mut selection = args.selection.selection();
    selection.select.extend(args.loads);
    if args.dry_run {
        let request = PlanRequest {
            target: args.target.target,
            no_stage: true,
            only_failed: args.failed,
            fresh: args.fresh,
            selection,
        };
        let (sample, format) = (args.sample, args.format);
        return plan::carry_out(&args.project, sample, &request, format, false).await;
    }
    let request = RunRequest {
        target: args.target.target,
        consent: args.consent.consent(),
        no_stage: true,
        only_failed: args.failed,
        fresh: args.fresh,
        selection,
        ..RunRequest::default()
    };
    carry_out(&args.project, args.sample, &request, args.format).await
}
