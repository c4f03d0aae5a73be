//! `transload init`: a new project that lacks nothing but the export.
//!
//! In: an empty or missing folder. Out: `migration.toml` with every section, the decision files with their defaults,
//! a folder for the export, examples of the files that only people can make; from an export the questions that it asks, as rows
//! without a decision. Never: a file written over.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Format, Outcome, output};
use crate::config;
use crate::error::Error;
use crate::mapping;
use crate::migration::{CheckReport, CheckRequest, Migration, check};

/// Arguments of `transload init`.
#[derive(Debug, clap::Args)]
pub(crate) struct InitArgs {
    /// Folder of the new project; made if missing, refused unless empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Read this export, and write what it holds into the decision files, for people to decide
    #[arg(long, value_name = "EXPORT")]
    from: Option<PathBuf>,
    /// The files that were written on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const FILES: [(&str, &str); 14] = [
    ("migration.toml", include_str!("init/migration.toml")),
    (".gitignore", include_str!("init/gitignore")),
    ("export/README.txt", include_str!("init/export.txt")),
    ("manual/README.txt", include_str!("init/manual/README.txt")),
    (
        "manual/examples/agents.csv",
        include_str!("init/manual/examples/agents.csv"),
    ),
    (
        "manual/examples/pipelines.csv",
        include_str!("init/manual/examples/pipelines.csv"),
    ),
    (
        "manual/examples/stages.csv",
        include_str!("init/manual/examples/stages.csv"),
    ),
    (
        "manual/examples/files.csv",
        include_str!("init/manual/examples/files.csv"),
    ),
    (
        "manual/examples/automations.csv",
        include_str!("init/manual/examples/automations.csv"),
    ),
    (
        "manual/examples/templates.csv",
        include_str!("init/manual/examples/templates.csv"),
    ),
    (
        "tests/example/export/people.csv",
        include_str!("init/tests/example/export/people.csv"),
    ),
    (
        "tests/example/expected/outbox.contact.csv",
        include_str!("init/tests/example/expected/outbox.contact.csv"),
    ),
    (
        "tests/example/expected/outbox.lead.csv",
        include_str!("init/tests/example/expected/outbox.lead.csv"),
    ),
    (
        "tests/example/expected/recon.fates_lead.csv",
        include_str!("init/tests/example/expected/recon.fates_lead.csv"),
    ),
];

/// Runs the command.
pub(super) async fn run(args: &InitArgs) -> Result<Outcome, Error> {
    let folder = &args.folder;
    let export = args.from.as_deref().map(export).transpose()?;
    let was_there = folder.exists();
    fs::create_dir_all(folder).map_err(|source| failed("create", folder, source))?;
    let entries = fs::read_dir(folder).map_err(|source| failed("list", folder, source))?;
    // A fresh repository is as good as empty.
    let holds_something = entries.flatten().any(|entry| entry.file_name() != ".git");
    if holds_something {
        return Err(Error::Argument {
            what: format!("folder {} is not empty", folder.display()),
            hint: "name a new folder: init writes over nothing".to_owned(),
        });
    }
    let mut files = Vec::new();
    // What the product knows anyway comes with the program; a project's own words stand beside it.
    let decisions = mapping::templates().filter(|(name, _)| !name.starts_with("known_"));
    let decisions = decisions.map(|(name, text)| (format!("config/{name}.csv"), text));
    let others = FILES.map(|(name, text)| (name.to_owned(), text));
    for (name, text) in others.into_iter().chain(decisions) {
        let text = match &export {
            Some(export) if name == "migration.toml" => text.replace(EXPORT, export),
            _ => text.to_owned(),
        };
        write(&folder.join(&name), &text)?;
        files.push(name);
    }
    let drafts = match export {
        Some(_) => match Box::pin(draft(folder)).await {
            Ok(report) => Some(report),
            // Whoever corrects the export gives the same command again.
            Err(error) => {
                take_back(folder, was_there);
                return Err(error);
            }
        },
        None => None,
    };
    if args.format == Format::Json {
        let drafts = drafts.as_ref().map(|report| &report.written);
        let document = serde_json::json!({"project": folder, "files": files, "drafts": drafts});
        output::data(&format!("{document}\n"))?;
    }
    output::note(&match args.from {
        None => next_steps(folder),
        Some(_) => next_decisions(folder),
    });
    for (file, lines) in drafts.iter().flat_map(|report| &report.written) {
        output::note(&format!("{file}: {lines} line(s) wait for your decision"));
    }
    Ok(Outcome::Fine)
}

/// Removes what was written into a folder that held nothing.
fn take_back(folder: &Path, was_there: bool) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name() != ".git") {
        let path = entry.path();
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        if let Err(error) = removed {
            tracing::warn!("{} was left: {error}", path.display());
        }
    }
    if !was_there {
        // It is left where something else came into it.
        let _ = fs::remove_dir(folder);
    }
}

/// The line of `migration.toml` that says where the export is.
const EXPORT: &str = "export = \"export\"";

/// The same line for an export at another place.
fn export(path: &Path) -> Result<String, Error> {
    let whole = fs::canonicalize(path).map_err(|_| Error::Unknown {
        what: format!("there is no export at {}", path.display()),
        hint: "name the folder or the archive that User.com's export is in".to_owned(),
    })?;
    let text = toml::Value::from(whole.to_string_lossy().into_owned());
    Ok(format!("export = {text}"))
}

/// Reads the export, and writes down what it asks of people.
async fn draft(folder: &Path) -> Result<CheckReport, Error> {
    let config = config::Config::load(folder, None)?;
    let migration = Migration::open(&config)?;
    migration.stage().await?;
    drop(migration);
    let request = CheckRequest {
        write_missing: true,
        ..CheckRequest::default()
    };
    Box::pin(check(folder, &request)).await
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|source| failed("create", parent, source))?;
    }
    fs::write(path, text).map_err(|source| failed("write", path, source))
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::File {
        action,
        path: path.display().to_string(),
        source,
    }
}

/// What follows once the export was read.
fn next_decisions(folder: &Path) -> String {
    let project = folder.display();
    format!(
        "\
new project in {project}, the export is read

next:
  1. set business_timezone in {project}/migration.toml
  2. decide in {project}/config/*.csv where lines wait for it
  3. transload map propose -p {project}    where attributes go; transload map review confirms it in the browser
  4. transload check -p {project}      what is left to correct and to decide
  5. transload plan -p {project}       what would be sent
  6. transload run -p {project}        into the simulator; later with --target sandbox"
    )
}

fn next_steps(folder: &Path) -> String {
    let project = folder.display();
    format!(
        "\
new project in {project}

next:
  1. set business_timezone in {project}/migration.toml
  2. put the User.com export files into {project}/export, or fill in [source.api], set USERCOM_API_TOKEN and
     transload extract -p {project}    reads them from User.com's API
  3. transload stage -p {project}      what the export holds, and what of it cannot be read
  4. transload check -p {project} --write-missing    writes what somebody has to decide into config/*.csv; decide there
  5. transload map propose -p {project}    where attributes go; transload map review confirms it in the browser
  6. transload plan -p {project}       what would be sent
  7. transload run -p {project}        into the simulator; later with --target sandbox"
    )
}
