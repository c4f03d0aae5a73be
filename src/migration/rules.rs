//! The rules of a project as one document: settings that queries see, decisions, queries.
//!
//! In: a project's folder, a revision of it, or what a run kept. Out: texts by path, a folder that is a project again. A run keeps its
//! rules beside its journal, each version once. Never: a destination, a source, a command of `[notify]`: nothing that leads out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::diff::error::DiffError;
use crate::error::Error;
use crate::project::{Origin, Queries};
use crate::staging::{Staging, write_private};

/// The settings that are rules.
const SETTINGS: [&str; 4] = ["business_timezone", "name", "options", "scope"];

const FILE: &str = "migration.toml";

/// The rules of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    files: BTreeMap<String, String>,
}

impl Rules {
    /// Those of a folder, with the product's queries as they are in this version of it.
    ///
    /// # Errors
    /// A file cannot be read, or a query is not valid.
    pub(crate) fn of_folder(project: &Path) -> Result<Self, Error> {
        Self::of(project, &Queries::load(project)?)
    }

    /// The same with queries that were read before.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn of(project: &Path, queries: &Queries) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| Error::File {
                action: "read",
                path: path.display().to_string(),
                source,
            })
        };
        files.insert(FILE.to_owned(), settings(&read(&project.join(FILE))?));
        let config = project.join("config");
        let entries = std::fs::read_dir(&config).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.to_lowercase().ends_with(".csv") && !name.starts_with(['.', '~']) {
                // A file in another encoding is a mistake that every run tells.
                let text = String::from_utf8_lossy(&read(&entry.path())?).into_owned();
                files.insert(format!("config/{name}"), text);
            }
        }
        for query in queries.iter() {
            // What follows from the export follows from it again.
            if Origin::of(project, query) != Origin::Generated {
                files.insert(query.path.clone(), query.sql.clone());
            }
        }
        Ok(Self { files })
    }

    /// Those of a revision of the project's folder; its own files only, the product's queries are those of this version.
    ///
    /// # Errors
    /// [`DiffError::Git`], [`DiffError::UnknownRevision`].
    pub(crate) fn of_revision(project: &Path, revision: &str) -> Result<Self, DiffError> {
        let unknown = |why: String| DiffError::UnknownRevision {
            revision: revision.to_owned(),
            why,
        };
        if revision.starts_with('-') {
            return Err(unknown("a revision does not begin with a dash".to_owned()));
        }
        let commit = format!("{revision}^{{commit}}");
        let known = git(project, &["rev-parse", "--verify", "--quiet", &commit])?;
        if !known.status.success() {
            let inside = git(project, &["rev-parse", "--is-inside-work-tree"])?;
            return Err(unknown(match inside.status.success() {
                true => "the repository has no such revision".to_owned(),
                false => "the project's folder is in no repository".to_owned(),
            }));
        }
        let commit = String::from_utf8_lossy(&known.stdout).trim().to_owned();
        let listed = git(
            project,
            &["ls-tree", "-r", "-z", "--name-only", &commit, "."],
        )?;
        let mut files = BTreeMap::new();
        for name in String::from_utf8_lossy(&listed.stdout).split('\0') {
            if !is_rule(name) {
                continue;
            }
            let shown = git(project, &["show", &format!("{commit}:./{name}")])?;
            if !shown.status.success() {
                return Err(unknown(format!("{name} cannot be read")));
            }
            let text = match name {
                FILE => settings(&shown.stdout),
                _ => String::from_utf8_lossy(&shown.stdout).into_owned(),
            };
            files.insert(name.to_owned(), text);
        }
        match files.contains_key(FILE) {
            true => Ok(Self { files }),
            false => Err(unknown(format!("it has no {FILE} in the project's folder"))),
        }
    }

    /// Keeps them in a staging area, once per version; their name there.
    ///
    /// # Errors
    /// The staging area cannot be written.
    pub(crate) async fn keep(&self, staging: &Staging) -> Result<String, Error> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let name = format!("{:032x}", xxh3_128(&text));
        let path = staging.org_path(&["rules", &format!("{name}.json")]);
        // Another run with the same rules has written the same.
        staging.create_object(&path, text.into()).await?;
        Ok(name)
    }

    /// Those that a run kept.
    ///
    /// # Errors
    /// They are not there, or cannot be read.
    pub(crate) async fn kept(staging: &Staging, name: &str) -> Result<Self, Error> {
        let path = staging.org_path(&["rules", &format!("{name}.json")]);
        let text = staging.read(&path).await?;
        let rules = serde_json::from_slice(&text);
        rules.map_err(|_| {
            DiffError::Unreadable {
                place: staging.place(&path),
            }
            .into()
        })
    }

    /// Writes them as a project's folder, in place of what is there.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        // It may not be there.
        let _ = std::fs::remove_dir_all(folder);
        for (name, text) in &self.files {
            let path: PathBuf = folder.join(name);
            write_private(&path, text.as_bytes()).map_err(|source| Error::File {
                action: "write",
                path: path.display().to_string(),
                source,
            })?;
        }
        Ok(())
    }
}

/// Whether a file of a project is one of its rules.
fn is_rule(name: &str) -> bool {
    let lower = name.to_lowercase();
    name == FILE
        || (name.starts_with("config/")
            && lower.ends_with(".csv")
            && name.matches('/').count() == 1)
        || (name.starts_with("queries/") && (lower.ends_with(".sql") || lower.ends_with(".soql")))
}

/// The settings that queries see; whole if they are no valid TOML, which whoever loads them says.
fn settings(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match text.parse::<toml::Table>() {
        Ok(table) => {
            let rules = table.into_iter();
            let rules = rules.filter(|(name, _)| SETTINGS.contains(&name.as_str()));
            rules.collect::<toml::Table>().to_string()
        }
        Err(_) => String::new(),
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output, DiffError> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments);
    command.output().map_err(|source| DiffError::Git { source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_lead_out_are_no_rules() {
        let text = "business_timezone = \"UTC\"\nstaging = \"s3://bucket\"\n[notify]\ncommand = \"curl https://hooks.example/secret\"\n\
                    [options]\npeople_on_deals = \"lead\"\n[destination.x]\nkind = \"simulator\"\n[scope]\npeople = \"id > 3\"\n";
        let kept = settings(text.as_bytes());
        assert_eq!(
            kept,
            "business_timezone = \"UTC\"\n\n[options]\npeople_on_deals = \"lead\"\n\n[scope]\npeople = \"id > 3\"\n"
        );
    }

    #[test]
    fn rules_are_settings_decisions_and_queries() {
        let names = [
            "migration.toml",
            "config/lifecycle.csv",
            "config/LIFECYCLE.CSV",
            "queries/load/contact.sql",
            "queries/org/users.soql",
            "config/old/lifecycle.csv",
            "export/people.csv",
            "tests/a/config/lifecycle.csv",
            "queries/README.md",
        ];
        let rules: Vec<&str> = names.into_iter().filter(|name| is_rule(name)).collect();
        assert_eq!(rules, names[..5]);
    }
}
