//! `transload map propose | show | confirm | review`: the field map, and decisions about values, proposed by the program and
//! confirmed by a person.
//!
//! `propose` writes proposals beside what is decided, `show` prints what there is, `confirm` decides many rows at once and
//! `review` serves a page for deciding row by row.

mod confirm;
mod propose;
mod review;
mod show;

use std::collections::BTreeMap;

use super::Outcome;
use crate::config::{self, Config};
use crate::error::Error;
use crate::mapping::{Signature, StagedTypes, UserHistory, type_word};
use crate::staging::Staging;

/// Verbs of `transload map`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum MapCommand {
    /// Propose where each attribute goes, from names, values and what was confirmed before; decides nothing
    Propose(propose::ProposeArgs),
    /// Print the map: what is decided, what is proposed and why, what is open
    Show(show::ShowArgs),
    /// Confirm proposed rows, by class or by name
    Confirm(confirm::ConfirmArgs),
    /// Serve a page on this machine for deciding row by row
    Review(review::ReviewArgs),
}

/// Runs the command.
pub(super) async fn run(command: MapCommand) -> Result<Outcome, Error> {
    match command {
        MapCommand::Propose(args) => propose::run(&args).await,
        MapCommand::Show(args) => show::run(&args).await,
        MapCommand::Confirm(args) => confirm::run(&args).await,
        MapCommand::Review(args) => review::run(&args).await,
    }
}

/// What the staged columns hold; empty if nothing was staged.
async fn staged_types(config: &Config) -> Result<StagedTypes, Error> {
    let staging = Staging::open(&config.staging)?;
    let snapshot = staging.snapshot().await?;
    let mut types = BTreeMap::new();
    for table in snapshot.schema("usercom") {
        for field in table.schema.fields() {
            let name = (table.table.clone(), field.name().clone());
            types.insert(name, type_word(field.data_type()));
        }
    }
    Ok(types)
}

/// The user's history, unless there is none or it is not wanted.
fn history() -> Result<Option<UserHistory>, Error> {
    let path = config::history_file();
    Ok(path.map(|path| UserHistory::open(&path)).transpose()?)
}

/// Who decides, today.
fn signature(config: &Config, by: &str) -> Result<Signature, Error> {
    let by = by.trim();
    if by.is_empty() {
        return Err(Error::Argument {
            what: "--by is empty".to_owned(),
            hint: "name who confirms: `--by anna@acme.example`".to_owned(),
        });
    }
    Ok(Signature {
        by: by.to_owned(),
        at: chrono::Utc::now().date_naive().to_string(),
        project: config.name.clone(),
    })
}
