//! Completion of words in shells: commands and options, and the names of a project's loads, tables, targets and runs.
//!
//! In: the words so far, the project's files. Out: candidates; none where something cannot be read, since nobody asked for an
//! error yet. Never: a connection, a lease, or a listing of an object store.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::env::{CompleteEnv, Shells};
use clap_complete::{ArgValueCandidates, CompletionCandidate};

use super::{Cli, Outcome, output};
use crate::config::Config;
use crate::error::Error;
use crate::project::{Queries, QueryKind};
use crate::report::reasons;
use crate::staging::Staging;
use crate::usercom::OBJECTS;

/// The variable by which a shell asks for candidates.
const VARIABLE: &str = "COMPLETE";

const PROGRAM: &str = "transload";

/// Arguments of `transload completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_name = "SHELL", value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    shell: String,
}

/// Answers a shell that asks for candidates, and ends then; returns where nobody asks.
pub(super) fn answer() {
    CompleteEnv::with_factory(Cli::command).complete();
}

/// Prints the lines that a shell reads at its start.
pub(super) fn run(args: &CompletionsArgs) -> Result<Outcome, Error> {
    let shells = Shells::builtins();
    let mut text = Vec::new();
    let written = shells
        .completer(&args.shell)
        .map(|shell| shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut text));
    match written {
        Some(Ok(())) => output::data(&String::from_utf8_lossy(&text))?,
        _ => {
            return Err(Error::Defect {
                what: format!("there are no completions for {}", args.shell),
            });
        }
    }
    Ok(Outcome::Fine)
}

/// Names of destinations.
pub(super) fn targets() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let config = config();
        candidates(
            config
                .into_iter()
                .flat_map(|config| config.destinations.into_keys()),
        )
    })
}

/// Ids of runs.
pub(super) fn runs() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let orgs = area().map(|area| folders(&area.join("orgs")));
        let journals = orgs.into_iter().flatten().map(|org| org.join("journal"));
        candidates(journals.flat_map(|journal| names(&folders(&journal))))
    })
}

/// Names of queries.
pub(super) fn queries() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let queries = Queries::load(&project()).ok();
        let names: Vec<String> = queries
            .iter()
            .flat_map(Queries::iter)
            .map(|file| file.name.clone())
            .collect();
        candidates(names)
    })
}

/// Tests of the project.
pub(super) fn cases() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(crate::migration::cases(&project()).unwrap_or_default()))
}

/// Loads.
pub(super) fn loads() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(load_names()))
}

/// Source tables and loads.
pub(super) fn records() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let sources = OBJECTS.iter().map(|object| object.name.to_string());
        candidates(sources.chain(load_names()))
    })
}

/// Tables that a project can have, and those that it has.
pub(super) fn tables() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let queries = Queries::load(&project()).ok();
        let declared = queries.iter().flat_map(crate::dictionary::tables);
        let declared: Vec<String> = declared.map(|table| table.name).collect();
        let declared = declared.into_iter().filter(|name| !name.contains('<'));
        let bases = area().map(|area| {
            let orgs = folders(&area.join("orgs"));
            orgs.into_iter().chain([area]).collect::<Vec<_>>()
        });
        let schemas = bases
            .into_iter()
            .flatten()
            .flat_map(|base| folders(&base.join("manifests")));
        let published = schemas.flat_map(|schema| {
            let name = names(std::slice::from_ref(&schema))
                .pop()
                .unwrap_or_default();
            let tables = names(&folders(&schema));
            tables
                .into_iter()
                .map(move |table| format!("{name}.{table}"))
        });
        candidates(declared.chain(published))
    })
}

/// Codes of reasons and flags.
pub(super) fn codes() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(reasons().iter().map(|reason| reason.code.clone())))
}

fn load_names() -> Vec<String> {
    let queries = Queries::load(&project()).ok();
    let loads = queries
        .iter()
        .flat_map(|queries| queries.kind(QueryKind::Load));
    loads.map(|file| file.name.clone()).collect()
}

fn candidates(names: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let names: BTreeSet<String> = names.into_iter().collect();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The project folder that the words so far name.
fn project() -> PathBuf {
    project_of(std::env::args_os())
}

fn project_of(words: impl Iterator<Item = OsString>) -> PathBuf {
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "-p" || text == "--project" {
            return words.next().unwrap_or_default().into();
        }
        if let Some(folder) = text.strip_prefix("--project=") {
            return folder.into();
        }
    }
    ".".into()
}

fn config() -> Option<Config> {
    Config::load(&project(), None).ok()
}

/// The folder of the staging area, if it is one.
fn area() -> Option<PathBuf> {
    Staging::open(&config()?.staging).ok()?.local_folder()
}

fn folders(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.is_dir()).collect()
}

fn names(folders: &[PathBuf]) -> Vec<String> {
    let names = folders.iter().filter_map(|folder| folder.file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_the_one_that_the_words_name() {
        for (words, expected) in [
            (&["transload", "run"][..], "."),
            (&["transload", "run", "-p", "acme"], "acme"),
            (
                &[
                    "transload",
                    "--",
                    "transload",
                    "run",
                    "--project=acme",
                    "--target",
                ],
                "acme",
            ),
        ] {
            let words = words.iter().map(OsString::from);
            assert_eq!(project_of(words), Path::new(expected));
        }
    }
}
