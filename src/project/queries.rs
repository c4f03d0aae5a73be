//! All query files of a project: the defaults that are compiled in, and the project's own of the same path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::query_file::{FOLDERS, QueryFile, QueryKind};
use super::{ProjectError, misplaced};

pub(super) static DEFAULTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

/// The SQL project.
#[derive(Clone, Debug)]
pub struct Queries {
    files: Vec<QueryFile>,
}

/// A folder of query files of a project, in the order in which one replaces the other: `queries/` last.
const PROJECT_FOLDERS: [&str; 2] = [GENERATED, "queries"];

/// Where queries that follow from the export's own definitions are written, for people to see and to copy.
pub const GENERATED: &str = ".transload/queries";

impl Queries {
    /// Reads the default queries, the generated ones, and those in `<project>/queries/`; later ones replace earlier ones
    /// of the same path. Folders below those of the kinds are for people: a table is named by its file alone.
    ///
    /// # Errors
    /// [`ProjectError`] of the first file that is not valid, of two files for one table, or of one that nothing reads.
    pub fn load(project: &Path) -> Result<Self, ProjectError> {
        let (queries, errors) = Self::read(project);
        match errors.into_iter().next() {
            None => Ok(queries),
            Some(error) => Err(error),
        }
    }

    /// The same with everything that is wrong; a file with a mistake in it is left out.
    #[must_use]
    pub fn read(project: &Path) -> (Self, Vec<ProjectError>) {
        let mut errors = Vec::new();
        let mut texts: BTreeMap<(QueryKind, String), String> = BTreeMap::new();
        for kind in FOLDERS {
            if let Some(folder) = DEFAULTS.get_dir(kind.folder()) {
                read_defaults(kind, folder, &mut texts);
            }
            for folder in PROJECT_FOLDERS {
                let root = project.join(folder);
                let folder = Path::new(kind.folder());
                read_folder(kind, &root, folder, &mut texts, &mut errors);
            }
        }
        let mut files = Vec::new();
        for ((kind, path), text) in texts {
            match QueryFile::parse(&path, kind, &text) {
                Ok(file) => files.push(file),
                Err(error) => errors.push(error),
            }
        }
        let mut makers: BTreeMap<(QueryKind, &str), &str> = BTreeMap::new();
        for file in &files {
            if let Some(other) = makers.insert((file.kind, &file.name), &file.path) {
                errors.push(ProjectError::Twice {
                    path: file.path.clone(),
                    other: other.to_owned(),
                    name: file.name.clone(),
                });
            }
        }
        errors.extend(misplaced::misplaced(&project.join("queries")));
        (Self { files }, errors)
    }

    /// Only these files; for tests.
    #[must_use]
    pub fn of(files: Vec<QueryFile>) -> Self {
        Self { files }
    }

    /// Those that read nothing of the files at these paths, over others neither.
    #[must_use]
    pub fn without(&self, paths: &BTreeSet<String>) -> Self {
        let mut broken: BTreeSet<String> = paths.iter().flat_map(|path| tables_at(path)).collect();
        let mut files = self.files.clone();
        files.retain(|file| !paths.contains(&file.path));
        loop {
            let before = files.len();
            files.retain(|file| {
                let reads = !file.references.is_disjoint(&broken);
                if reads {
                    broken.extend(tables_at(&file.path));
                }
                !reads
            });
            if files.len() == before {
                return Self { files };
            }
        }
    }

    /// Files of one folder, by name.
    pub fn kind(&self, kind: QueryKind) -> impl Iterator<Item = &QueryFile> {
        self.files.iter().filter(move |file| file.kind == kind)
    }

    /// All files.
    pub fn iter(&self) -> impl Iterator<Item = &QueryFile> {
        self.files.iter()
    }

    /// One file by folder and stem.
    #[must_use]
    pub fn find(&self, kind: QueryKind, name: &str) -> Option<&QueryFile> {
        self.kind(kind).find(|file| file.name == name)
    }
}

/// The tables that the query at a path makes.
fn tables_at(path: &str) -> Vec<String> {
    let path = Path::new(path);
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let is_in = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
    let schemas: &[&str] = match () {
        () if is_in("load") => &["ledger", "outbox", "org", "known"],
        () if is_in("prepare") => &["prepare"],
        () if is_in("org") => &["org"],
        () => &["recon"],
    };
    let tables = schemas.iter().map(|schema| format!("{schema}.{name}"));
    tables.collect()
}

/// Where a query comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is compiled in.
    Default,
    /// It follows from the export's own definitions.
    Generated,
    /// It lies in the project's `queries/`.
    Project,
}

impl Origin {
    /// Where this query of a project comes from.
    #[must_use]
    pub fn of(project: &Path, file: &QueryFile) -> Self {
        let below = file.path.strip_prefix("queries/").unwrap_or(&file.path);
        match () {
            () if project.join(&file.path).is_file() => Self::Project,
            () if project.join(GENERATED).join(below).is_file() => Self::Generated,
            () => Self::Default,
        }
    }

    /// The word in lists.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Generated => "generated",
            Self::Project => "project",
        }
    }
}

/// The text of a default query that is no step of a run, such as `cutover/held.sql`.
pub(crate) fn default_text(path: &str) -> Option<&'static str> {
    DEFAULTS.get_file(path)?.contents_utf8()
}

/// The text of a query that is no step of a run, such as `queries/cutover/held.sql`: the project's own, or the product's; none
/// if there is neither.
///
/// # Errors
/// The project's own cannot be read. The product's must not answer for it.
pub(crate) fn own_or_default(project: &Path, path: &str) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(project.join(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let default = path.strip_prefix("queries/").and_then(default_text);
            Ok(default.map(str::to_owned))
        }
        Err(error) => Err(error),
    }
}

fn read_defaults(
    kind: QueryKind,
    folder: &Dir<'_>,
    texts: &mut BTreeMap<(QueryKind, String), String>,
) {
    for file in folder.files() {
        if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
            texts.insert((kind, format!("queries/{path}")), text.to_owned());
        }
    }
    for folder in folder.dirs() {
        read_defaults(kind, folder, texts);
    }
}

/// Reads the files of one kind in `root/folder` and in the folders below it.
fn read_folder(
    kind: QueryKind,
    root: &Path,
    folder: &Path,
    texts: &mut BTreeMap<(QueryKind, String), String>,
    errors: &mut Vec<ProjectError>,
) {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let inner = folder.join(entry.file_name());
        if path.is_dir() {
            read_folder(kind, root, &inner, texts, errors);
        } else if path
            .extension()
            .is_some_and(|ending| ending == kind.ending())
        {
            let shown: Vec<_> = inner.iter().map(|part| part.to_string_lossy()).collect();
            let shown = format!("queries/{}", shown.join("/"));
            match std::fs::read_to_string(&path) {
                Ok(text) => drop(texts.insert((kind, shown), text)),
                Err(source) => errors.push(ProjectError::ReadFile {
                    path: shown,
                    source,
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults with these files of a project's own.
    fn with(files: &[(&str, &str)]) -> Result<Queries, ProjectError> {
        let project = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = project.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Queries::load(project.path())
    }

    const TEAM: &str = "-- grain: one row\nselect 1 as one";

    #[test]
    fn a_file_of_the_same_path_replaces_the_default_in_its_folder() {
        let path = "queries/prepare/owners/team.sql";
        assert_ne!(
            with(&[])
                .unwrap()
                .find(QueryKind::Prepare, "team")
                .unwrap()
                .sql,
            TEAM
        );
        let queries = with(&[(path, TEAM)]).unwrap();
        let team = queries.find(QueryKind::Prepare, "team").unwrap();
        assert_eq!((team.sql.as_str(), team.path.as_str()), (TEAM, path));
    }

    #[test]
    fn a_projects_own_model_may_lie_in_any_folder() {
        let queries = with(&[("queries/prepare/ours/sub/mine.sql", TEAM)]).unwrap();
        assert_eq!(
            queries.find(QueryKind::Prepare, "mine").unwrap().path,
            "queries/prepare/ours/sub/mine.sql"
        );
    }

    #[test]
    fn two_files_for_one_table_are_named() {
        let error = with(&[("queries/prepare/team.sql", TEAM)]).unwrap_err();
        insta::assert_snapshot!(error, @"queries/prepare/owners/team.sql and queries/prepare/team.sql both make the table `team`");
        assert!(error.hint().unwrap().contains("the same path"), "{error}");
    }

    #[test]
    fn the_default_queries_keep_their_form() {
        for file in with(&[]).unwrap().iter() {
            let path = &file.path;
            assert!(
                file.sql.ends_with('\n') && !file.sql.contains(['\t', '\r']),
                "{path}"
            );
            for (index, line) in file.sql.lines().enumerate() {
                let place = format!("{path} line {}: {line}", index + 1);
                assert_eq!(line, line.trim_end(), "{place}");
                // A directive is one line, whatever it has to say.
                assert!(
                    line.starts_with("-- ") || line.chars().count() <= 100,
                    "{place}"
                );
                let alias = line.rsplit_once(" as ").map_or("", |(_, alias)| alias);
                let letters = alias.trim_end_matches([',', ')']);
                let is_letter = letters.len() == 1 && letters.starts_with(char::is_alphabetic);
                assert!(!is_letter, "{place}: an alias is a word");
            }
        }
    }
}
