//! All query files of a project: the defaults that are compiled in, and the project's own of the same path.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};

use super::ProjectError;
use super::query_file::{QueryFile, QueryKind};

static DEFAULTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

const FOLDERS: [QueryKind; 5] = [
    QueryKind::Org,
    QueryKind::Prepare,
    QueryKind::Load,
    QueryKind::Check,
    QueryKind::Reconcile,
];

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
    /// of the same path.
    ///
    /// # Errors
    /// [`ProjectError`] of the first file that is not valid.
    pub fn load(project: &Path) -> Result<Self, ProjectError> {
        let mut texts: BTreeMap<(QueryKind, String), String> = BTreeMap::new();
        for kind in FOLDERS {
            let Some(folder) = DEFAULTS.get_dir(kind.folder()) else {
                continue;
            };
            for file in folder.files() {
                if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
                    texts.insert((kind, format!("queries/{path}")), text.to_owned());
                }
            }
        }
        let folders = PROJECT_FOLDERS
            .iter()
            .flat_map(|folder| FOLDERS.map(|kind| (project.join(folder), kind)));
        for (folder, kind) in folders {
            let Ok(entries) = std::fs::read_dir(folder.join(kind.folder())) else {
                continue;
            };
            for entry in entries.flatten() {
                let path = entry.path();
                if path
                    .extension()
                    .is_none_or(|ending| ending != kind.ending())
                {
                    continue;
                }
                let name = entry.file_name().to_string_lossy().into_owned();
                let shown = format!("queries/{}/{name}", kind.folder());
                let text =
                    std::fs::read_to_string(&path).map_err(|source| ProjectError::ReadFile {
                        path: path.display().to_string(),
                        source,
                    })?;
                texts.insert((kind, shown), text);
            }
        }
        let files = texts
            .into_iter()
            .map(|((kind, path), text)| QueryFile::parse(&path, kind, &text))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { files })
    }

    /// Only these files; for tests.
    #[must_use]
    pub fn of(files: Vec<QueryFile>) -> Self {
        Self { files }
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
