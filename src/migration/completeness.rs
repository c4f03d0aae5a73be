//! Whether a row that is missing in the export says that it was deleted in the source.
//!
//! In: what the export says of itself, the books of staging, the columns that a load depends on. Out: why a load's missing rows
//! say nothing; none if they do. Never: a guess: what was read in part, could not be read, or is not there at all deletes
//! nothing (`guide/rules.md` 32).

use std::collections::BTreeSet;

use super::context::Context;
use super::gone::columns_gone;
use super::project::Project;
use super::resolved::ResolvedProject;
use crate::engine::Session;
use crate::error::Error;
use crate::project::QueryFile;
use crate::reconcile::counts;
use crate::rows::for_load;
use crate::staging::Snapshot;
use crate::usercom::extract::manifest::Mode;
use crate::usercom::extract::{Manifest, newest};

/// Rows and cells of a table that could not be read.
const UNREAD: &str = include_str!("../../queries/internal/unread.sql");

/// What `UNREAD` calls whole rows.
const WHOLE_ROWS: &str = "whole rows";

/// What the export says of itself.
pub(crate) struct Completeness {
    /// The extract that is staged.
    extract: Option<Manifest>,
    /// Whether people say that files are whole.
    declared: bool,
}

impl Completeness {
    pub(crate) fn of(project: &Project) -> Result<Self, Error> {
        let config = &project.config;
        let extract = match &config.source.api {
            Some(api) => newest(&config.project.join(&api.folder))?,
            None => None,
        };
        Ok(Self {
            extract: extract.map(|(_, manifest)| manifest),
            declared: config.source.complete,
        })
    }

    /// Why rows that are missing in the result of a load say nothing; none if their rows were deleted in the source.
    pub(crate) async fn doubt(
        &self,
        context: &Context<'_>,
        file: &QueryFile,
        (snapshot, session): (&Snapshot, &Session),
    ) -> Result<Option<String>, Error> {
        let own = file.source.as_ref().and_then(|source| source.staged());
        let (tables, columns) = match own {
            // Every row of the source has a fate: what has none is not there.
            Some(table) if file.link.is_empty() => {
                (BTreeSet::from([table.to_owned()]), BTreeSet::new())
            }
            _ => sources(&context.resolved, file),
        };
        let gone = columns_gone(snapshot);
        for name in tables {
            let Some(table) = snapshot.get("usercom", &name) else {
                continue;
            };
            let lost = gone.get(&name);
            let is_here = table.columns.values().any(|book| book.files_with > 0);
            if lost.is_some() && !is_here {
                return Ok(Some(format!("the export no longer has {name} at all")));
            }
            if let Some(doubt) = self.incomplete(&name, table.rows) {
                return Ok(Some(doubt));
            }
            let is_read = |column: &String| columns.contains(&(name.clone(), column.clone()));
            if let Some(column) = lost.into_iter().flatten().find(|column| is_read(column)) {
                return Ok(Some(format!("the export no longer has {name}.{column}")));
            }
            if snapshot
                .get("rejects", &name)
                .is_none_or(|rejects| rejects.rows == 0)
            {
                continue;
            }
            for (column, cells) in counts(session, &name, &for_load(UNREAD, &name)).await? {
                if column == WHOLE_ROWS {
                    return Ok(Some(format!("{cells} row(s) of {name} could not be read")));
                }
                if is_read(&column) {
                    return Ok(Some(format!(
                        "{cells} cell(s) of {name}.{column} could not be read"
                    )));
                }
            }
        }
        Ok(None)
    }

    fn incomplete(&self, table: &str, rows: u64) -> Option<String> {
        let entry = self
            .extract
            .as_ref()
            .and_then(|extract| extract.objects.get(table));
        match entry {
            Some(entry) if !matches!(entry.mode, Mode::Full | Mode::Export) => Some(format!(
                "the extract has only the changes of {table}; `transload extract --full` reads all of it"
            )),
            Some(entry) if entry.missing > 0 => Some(format!(
                "{} row(s) of {table} were counted but never listed by User.com",
                entry.missing
            )),
            Some(_) => None,
            // What nobody ever gave was never loaded.
            None if self.declared || rows == 0 => None,
            None => Some(
                "nobody said that the files are the whole of the source: set complete = true under [source] if they are"
                    .to_owned(),
            ),
        }
    }
}

type Sources = (BTreeSet<String>, BTreeSet<(String, String)>);

/// Staged tables that a load's rows depend on, and their columns.
fn sources(resolved: &ResolvedProject, file: &QueryFile) -> Sources {
    let mut sources = Sources::default();
    for found in resolved.lineage_of(file).values() {
        for source in found.values.union(&found.keys).chain(&found.pooled) {
            let name = source.strip_prefix("usercom.");
            if let Some((table, column)) = name.and_then(|name| name.split_once('.')) {
                sources.0.insert(table.to_owned());
                sources.1.insert((table.to_owned(), column.to_owned()));
            }
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::usercom::extract::manifest::Entry;

    fn extract(mode: Mode, missing: u64) -> Completeness {
        let entry = Entry {
            mode,
            missing,
            ..Entry::default()
        };
        Completeness {
            extract: Some(Manifest {
                format: 1,
                run: "r1".to_owned(),
                source: "https://acme.user.com/".to_owned(),
                started_at: DateTime::UNIX_EPOCH,
                base: None,
                objects: [("people".to_owned(), entry)].into(),
                skipped: Vec::new(),
                manual: Vec::new(),
                manual_missing: Vec::new(),
            }),
            declared: false,
        }
    }

    #[test]
    fn only_what_was_read_whole_says_what_was_deleted() {
        assert_eq!(extract(Mode::Full, 0).incomplete("people", 9), None);
        assert_eq!(extract(Mode::Export, 0).incomplete("people", 9), None);
        for mode in [Mode::Changes, Mode::Kept] {
            let doubt = extract(mode, 0).incomplete("people", 9).unwrap();
            assert!(doubt.contains("extract --full"), "{doubt}");
        }
        let doubt = extract(Mode::Full, 3).incomplete("people", 9).unwrap();
        assert!(doubt.starts_with("3 row(s) of people"), "{doubt}");
    }

    #[test]
    fn files_are_whole_where_people_say_so() {
        let files = |declared| Completeness {
            extract: None,
            declared,
        };
        assert_eq!(files(true).incomplete("people", 9), None);
        let doubt = files(false).incomplete("people", 9).unwrap();
        assert!(doubt.contains("complete = true"), "{doubt}");
        // Files that people put beside an extract.
        assert!(extract(Mode::Full, 0).incomplete("stages", 9).is_some());
        assert_eq!(extract(Mode::Full, 0).incomplete("sms", 0), None);
    }
}
