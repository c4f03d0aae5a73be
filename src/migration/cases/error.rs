//! What is wrong with the tests of a project; rows that differ are no error.

use std::path::PathBuf;

/// A case that cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// The project has none.
    #[error("there is no case in {}", folder.display())]
    NoCases {
        /// Where cases are looked for.
        folder: PathBuf,
    },
    /// A case of that name is not there.
    #[error("there is no case `{case}`")]
    UnknownCase {
        /// Its name.
        case: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// A case has no export.
    #[error("the case {case} has no export/")]
    NoExport {
        /// Its name.
        case: String,
    },
    /// A case expects nothing.
    #[error("the case {case} expects nothing: expected/ has no file")]
    NothingExpected {
        /// Its name.
        case: String,
    },
    /// A file that nobody reads.
    #[error("the case {case} has {file}, which is read by nobody")]
    UnknownFile {
        /// The case.
        case: String,
        /// The file.
        file: String,
    },
    /// A file of the export is not staged.
    #[error("the case {case} has export/{file}, which is not staged: {reason}")]
    NotStaged {
        /// The case.
        case: String,
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// No query makes a table.
    #[error("the case {case} expects {table}, which no query makes")]
    UnknownTable {
        /// The case.
        case: String,
        /// The table.
        table: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// A table lacks a column that is expected.
    #[error("the case {case} expects {table}.{column}, which the table does not have")]
    UnknownColumn {
        /// The case.
        case: String,
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// A cell of a table of the org.
    #[error("the case {case} has {file}, which cannot be read: {reason}")]
    OrgTable {
        /// The case.
        case: String,
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// A CSV file.
    #[error("{} cannot be read as CSV", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The reader's error.
        source: csv::Error,
    },
    /// Settings.
    #[error("{} cannot be read: {reason}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file of the file system.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl CaseError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let near = |nearest: &Option<String>| {
            nearest
                .as_ref()
                .map(|name| format!("did you mean `{name}`?"))
        };
        match self {
            Self::NoCases { .. } => Some(
                "a case is a folder tests/NAME with export/ and expected/; `transload help testing` shows one".to_owned(),
            ),
            Self::UnknownCase { nearest, .. }
            | Self::UnknownTable { nearest, .. }
            | Self::UnknownColumn { nearest, .. } => near(nearest),
            Self::NoExport { .. } => {
                Some("put the export files that the case is about into it, as small as they can be".to_owned())
            }
            Self::NothingExpected { .. } => Some(
                "add --update: it writes what comes out now; read it before you keep it".to_owned(),
            ),
            Self::UnknownFile { .. } => Some(
                "expectations are called expected/SCHEMA.TABLE.csv, such as expected/outbox.contact.csv".to_owned(),
            ),
            Self::NotStaged { .. } => {
                Some("rename it after its object, such as people.csv, or take it out".to_owned())
            }
            _ => None,
        }
    }
}
