//! `transload docs`: what codes mean, and which tables and columns there are.
//!
//! In: the name of a code or a table, a project's queries and settings, the columns of what is staged. Out: lists for people or as
//! JSON, a page. Never: a row of a table read.

use std::path::{Path, PathBuf};

use clap::CommandFactory;

use super::{Cli, Format, Outcome, output};
use crate::config;
use crate::dictionary::{self, SiteFacts, Table, table_of, tables};
use crate::error::Error;
use crate::migration::Migration;
use crate::project::Queries;
use crate::report::{Reason, html, reason, reasons};

/// `transload docs …`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DocsCommand {
    /// Every reason and flag: what it means and what to do
    Reasons {
        /// One code, such as account_missing; without it all
        #[arg(value_name = "CODE", add = super::complete::codes())]
        code: Option<String>,
        /// Report on stdout
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// The project as one page: models, loads and checks with what they read, fields with where they come from,
    /// options, gates, tables with their columns, the SQL
    Site {
        /// Project folder
        #[arg(short, long, default_value = ".", value_name = "DIR")]
        project: PathBuf,
        /// Folder of the page [default: documents/project in the project]
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
    },
    /// The manual page, for man
    Man,
    /// Every table and where its rows come from; of one table its columns
    Tables {
        /// Project folder
        #[arg(short, long, default_value = ".", value_name = "DIR")]
        project: PathBuf,
        /// One table, such as usercom.people; without it all
        #[arg(value_name = "NAME", add = super::complete::tables())]
        name: Option<String>,
        /// Report on stdout
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}

/// Runs the command.
pub(super) async fn run(command: DocsCommand) -> Result<Outcome, Error> {
    let text = match command {
        DocsCommand::Reasons { code, format } => {
            let known = match &code {
                Some(code) => vec![one(code)?],
                None => reasons().iter().collect(),
            };
            match format {
                Format::Json => json("reasons", &known)?,
                Format::Table => reasons_text(&known),
            }
        }
        DocsCommand::Site { project, output } => site(&project, output).await?,
        DocsCommand::Man => man()?,
        DocsCommand::Tables {
            project,
            name,
            format,
        } => {
            let known = all(&project)?;
            let chosen = match &name {
                Some(name) => vec![find(&known, name)?],
                None => known.iter().collect(),
            };
            match (format, chosen.as_slice()) {
                (Format::Json, chosen) => json("tables", chosen)?,
                (Format::Table, [table]) => table_text(table),
                (Format::Table, chosen) => list_text(chosen),
            }
        }
    };
    output::data(&text)?;
    Ok(Outcome::Fine)
}

/// Writes the page of a project; its path.
async fn site(project: &Path, output: Option<PathBuf>) -> Result<String, Error> {
    let (queries, mistakes) = Queries::read(project);
    for mistake in mistakes {
        output::note(&format!("note: left out: {mistake}"));
    }
    let migration = Migration::open(&config::Config::load(project, None)?)?;
    let config = migration.config();
    let row = |name: &str, value: String, says: &str| [name.to_owned(), value, says.to_owned()];
    let gates = config.gates.listed();
    let facts = SiteFacts {
        options: config
            .options
            .listed()
            .map(|(name, value, says)| row(name, value.to_string(), says))
            .collect(),
        gates: gates
            .into_iter()
            .map(|(name, value, says)| row(name, value, &says))
            .collect(),
        fields: match migration.field_sources().await {
            Ok(Some(fields)) => Ok(fields),
            Ok(None) => Err("nothing is staged yet: `transload stage`".to_owned()),
            // The page is worth having before all decisions are taken.
            Err(error) => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                Err(format!(
                    "{first}; `transload check` lists all that is open or wrong"
                ))
            }
        },
        head: migration.site_facts().await?,
    };
    if let Err(why) = &facts.fields {
        output::note(&format!("not known: which fields come from where: {why}"));
    }
    let page = dictionary::site(&config.name, &queries, &tables(&queries), &facts);
    let page = html(&page);
    let folder = output.unwrap_or_else(|| project.join("documents/project"));
    let path = folder.join("index.html");
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, page));
    written.map_err(|source| Error::File {
        action: "write",
        path: path.display().to_string(),
        source,
    })?;
    Ok(format!("{}\n", path.display()))
}

/// The program and each of its commands, in the language of man.
fn man() -> Result<String, Error> {
    let wrong = |error: std::io::Error| Error::Defect {
        what: format!("the manual page cannot be written: {error}"),
    };
    let mut page = Vec::new();
    let program = Cli::command();
    let man = clap_mangen::Man::new(program.clone());
    man.render(&mut page).map_err(wrong)?;
    for command in program.get_subcommands() {
        let name = command.get_name().to_uppercase();
        let man = clap_mangen::Man::new(command.clone());
        page.extend(format!(".SH \"COMMAND {name}\"\n").into_bytes());
        man.render_description_section(&mut page).map_err(wrong)?;
        man.render_options_section(&mut page).map_err(wrong)?;
        man.render_subcommands_section(&mut page).map_err(wrong)?;
    }
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// The list of codes as a topic of the help.
pub(super) fn all_reasons() -> String {
    let known: Vec<&Reason> = reasons().iter().collect();
    reasons_text(&known)
}

/// The list of tables as a topic of the help.
pub(super) fn all_tables(project: &Path) -> Result<String, Error> {
    let known = all(project)?;
    let known: Vec<&Table> = known.iter().collect();
    Ok(list_text(&known))
}

fn all(project: &Path) -> Result<Vec<Table>, Error> {
    // A file with a mistake in it keeps nobody from reading about the others.
    let (queries, mistakes) = Queries::read(project);
    for mistake in mistakes {
        output::note(&format!("note: left out: {mistake}"));
    }
    Ok(tables(&queries))
}

fn one(code: &str) -> Result<&'static Reason, Error> {
    reason(code).ok_or_else(|| {
        let codes = reasons().iter().map(|reason| reason.code.as_str());
        let otherwise = "`transload docs reasons` lists all; others are a project's own";
        Error::unknown(
            "reason or flag",
            code,
            config::nearest(code, codes),
            otherwise,
        )
    })
}

fn find<'a>(known: &'a [Table], name: &str) -> Result<&'a Table, Error> {
    table_of(known, name).ok_or_else(|| {
        let names = known.iter().map(|table| table.name.as_str());
        let otherwise = "`transload docs tables` lists all";
        Error::unknown("table", name, config::nearest(name, names), otherwise)
    })
}

fn reasons_text(known: &[&Reason]) -> String {
    let mut text = String::new();
    for reason in known {
        text.push_str(&output::wrapped(
            0,
            &format!("{} ({})", reason.code, reason.kind),
        ));
        text.push_str(&output::wrapped(4, &reason.meaning));
        text.push_str(&output::wrapped(4, &format!("→ {}", reason.remedy)));
    }
    text
}

fn list_text(known: &[&Table]) -> String {
    let mut text = String::new();
    for table in known {
        text.push_str(&output::wrapped(
            0,
            &format!("{}: {}", table.name, table.what),
        ));
        text.push_str(&output::wrapped(4, &format!("from {}", table.made_of)));
    }
    text
}

fn table_text(table: &Table) -> String {
    let mut text = list_text(&[table]);
    for column in &table.columns {
        let note = match column.note.is_empty() {
            true => String::new(),
            false => format!("; {}", column.note),
        };
        text.push_str(&output::wrapped(
            2,
            &format!("{}: {}{note}", column.name, column.holds),
        ));
    }
    if table.columns.is_empty() {
        text.push_str(&output::wrapped(
            2,
            &format!(
                "its columns are those of the query; `transload query \"describe {}\"` shows them",
                table.name
            ),
        ));
    }
    text
}

fn json<T: serde::Serialize>(name: &str, rows: &[T]) -> Result<String, Error> {
    let rows = serde_json::to_value(rows).map_err(|error| Error::Defect {
        what: format!("{name} are no JSON: {error}"),
    })?;
    Ok(format!("{}\n", serde_json::json!({ name: rows })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_a_load_is_told_by_its_family_and_a_misspelt_one_by_the_nearest() {
        let known = all(Path::new("no-such-project")).unwrap();
        assert_eq!(find(&known, "ledger.lead").unwrap().name, "ledger.<load>");
        assert_eq!(
            find(&known, "ledger.attempts_lead").unwrap().name,
            "ledger.attempts_<load>"
        );
        assert_eq!(find(&known, "outbox.lead").unwrap().name, "outbox.lead");
        assert_eq!(find(&known, "org.users").unwrap().name, "org.users");
        assert_eq!(find(&known, "ledger.runs").unwrap().name, "ledger.runs");
        let left = find(&known, "ledger.left_to_org_lead").unwrap();
        assert_eq!(left.name, "ledger.left_to_org_<load>");
        assert!(find(&known, "org.nosuch").is_err());
        let error = find(&known, "usercom.peopel").unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `usercom.people`?");
    }

    #[test]
    fn the_manual_page_has_every_command() {
        let page = man().unwrap();
        for command in Cli::command().get_subcommands() {
            let head = format!(".SH \"COMMAND {}\"", command.get_name().to_uppercase());
            assert!(page.contains(&head), "{head}");
        }
    }

    #[test]
    fn lists_fit_a_terminal_of_80_columns() {
        let tables = all_tables(Path::new("no-such-project")).unwrap();
        for line in all_reasons().lines().chain(tables.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let text = table_text(find(&all(Path::new("x")).unwrap(), "usercom.people").unwrap());
        assert!(text.contains("\n  lifecycle_stage: choice"), "{text}");
        assert!(reason("account_missing").is_some_and(|known| {
            reasons_text(&[known]).starts_with("account_missing (held)\n    the Account")
        }));
    }
}
