//! `transload sim reset`: the embedded simulator of a project as it was before its first row.
//!
//! In: a project and a destination of kind simulator. Out: the simulated org and the note of which org it was are gone; the next run
//! makes a new one and reads the seed again. Never: a real org, a simulator that is in use, or tables of the staging area.

use super::super::{Outcome, ProjectArgs, Target, output};
use crate::error::Error;
use crate::migration::Migration;

/// Arguments of `transload sim reset`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    project: ProjectArgs,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub(super) async fn run(args: ResetArgs) -> Result<Outcome, Error> {
    let migration = Migration::open(&super::super::config(&args.project)?)?;
    let target = args.target.target.as_deref();
    let (name, there) = migration.reset_simulator(target).await?;
    output::note(&match there {
        true => {
            format!("the simulated org {name} is gone; the next run makes a new one from its seed")
        }
        false => format!("there is no simulated org {name} so far"),
    });
    Ok(Outcome::Fine)
}
