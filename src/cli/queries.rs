//! `transload queries`: the SQL that a run of this project uses: its own files, and the defaults that are compiled in.
//!
//! In: a project folder. Out: a list, a text, a text with the options' values in it, or a copy of a default in the project's folder
//! for people to change. Never: a file of the project overwritten, a connection.

use std::fs;

use super::{Format, Outcome, ProjectArgs, output};
use crate::config;
use crate::error::Error;
use crate::project::{Origin, Queries, QueryFile, with_parameters};

/// `transload queries …`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum QueriesCommand {
    /// List every model, load, check, comparison and question to the org, and where each comes from
    List {
        #[command(flatten)]
        project: ProjectArgs,
        /// Report on stdout
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Print a query as it is written
    Show(NamedArgs),
    /// Print a query with the values of the options in place of their names
    Render(NamedArgs),
    /// Copy a default query into the project's folder, where it replaces the default
    Eject(NamedArgs),
}

/// Arguments of the commands for one query.
#[derive(Debug, clap::Args)]
pub(crate) struct NamedArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Its name, such as `lead`, or its path, such as `load/lead` where several have the name
    #[arg(value_name = "NAME", add = super::complete::queries())]
    name: String,
}

/// Runs the command.
pub(super) fn run(command: QueriesCommand) -> Result<Outcome, Error> {
    match command {
        QueriesCommand::List { project, format } => list(&project, format)?,
        QueriesCommand::Show(args) => {
            let queries = read(&args.project)?;
            output::data(&find(&queries, &args.name)?.sql)?;
        }
        QueriesCommand::Render(args) => {
            let options = super::config(&args.project)?.options;
            let queries = read(&args.project)?;
            let file = find(&queries, &args.name)?;
            output::data(&with_parameters(file, &options.parameters())?)?;
        }
        QueriesCommand::Eject(args) => eject(&args)?,
    }
    Ok(Outcome::Fine)
}

/// The project's queries; those of the product where there is no project.
fn read(project: &ProjectArgs) -> Result<Queries, Error> {
    let folder = match project.project.join("migration.toml").exists() {
        true => super::config(project)?.project,
        false => project.project.clone(),
    };
    Ok(Queries::load(&folder)?)
}

/// The query of a name or a path.
fn find<'a>(queries: &'a Queries, name: &str) -> Result<&'a QueryFile, Error> {
    let wanted = name.trim_start_matches("./");
    let wanted = wanted.strip_prefix("queries/").unwrap_or(wanted);
    let fits = |file: &&QueryFile| {
        let path = file.path.strip_prefix("queries/").unwrap_or(&file.path);
        let bare = path.rsplit_once('.').map_or(path, |(bare, _)| bare);
        let table = format!("{}.{}", file.kind.folder(), file.name);
        [file.name.as_str(), path, bare, &table].contains(&wanted)
    };
    let found: Vec<&QueryFile> = queries.iter().filter(fits).collect();
    match found.as_slice() {
        [file] => Ok(file),
        [] => {
            let names = queries.iter().map(|file| file.name.as_str());
            let nearest = config::nearest(wanted, names);
            let otherwise = "`transload queries list` shows all of them";
            Err(Error::unknown("query", name, nearest, otherwise))
        }
        several => {
            let paths: Vec<&str> = several.iter().map(|file| file.path.as_str()).collect();
            Err(Error::Ambiguous {
                what: format!("{} queries are called `{name}`", several.len()),
                hint: format!("say which: {}", paths.join(", ")),
            })
        }
    }
}

fn list(project: &ProjectArgs, format: Format) -> Result<(), Error> {
    let config = super::config(project)?;
    let queries = Queries::load(&config.project)?;
    let origin = |file: &QueryFile| Origin::of(&config.project, file).word();
    if format == Format::Json {
        let rows = queries.iter().map(|file| {
            serde_json::json!({
                "kind": file.kind.folder(),
                "name": file.name,
                "path": file.path,
                "from": origin(file),
                "object": file.object,
                "when": file.when,
                "grain": file.grain,
            })
        });
        let document = serde_json::json!({ "queries": rows.collect::<Vec<_>>() });
        return output::data(&format!("{document}\n"));
    }
    let rows = queries.iter().map(|file| {
        vec![
            file.kind.folder().to_owned(),
            file.name.clone(),
            origin(file).to_owned(),
            file.grain.clone(),
        ]
    });
    output::data(&output::table(
        &["kind", "name", "from", "what"],
        rows.collect(),
        4,
    ))
}

fn eject(args: &NamedArgs) -> Result<(), Error> {
    let folder = super::config(&args.project)?.project;
    let queries = Queries::load(&folder)?;
    let file = find(&queries, &args.name)?;
    let path = folder.join(&file.path);
    let failed = |action: &'static str| {
        let path = path.display().to_string();
        move |source| Error::File {
            action,
            path: path.clone(),
            source,
        }
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed("create the folder of"))?;
    }
    let opened = fs::File::options().write(true).create_new(true).open(&path);
    match opened {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Error::Argument {
                what: format!("{} is the project's own already", path.display()),
                hint: "change it there; without it the default counts again".to_owned(),
            });
        }
        opened => {
            use std::io::Write as _;
            let mut opened = opened.map_err(failed("create"))?;
            let written = opened.write_all(file.sql.as_bytes());
            written.map_err(failed("write"))?;
        }
    }
    output::note(&format!(
        "{} is the project's own from now on; `transload plan` shows what a change of it does",
        path.display()
    ));
    Ok(())
}
