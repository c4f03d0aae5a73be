//! What can be wrong with the customer's decisions.

use crate::finding::Finding;
use crate::staging::StagingError;

/// A mistake in `config/*.csv`, or a field map that is not finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// A file of decisions cannot be read.
    #[error("cannot read {path}")]
    ReadFile {
        /// The file.
        path: String,
        /// The reader's error.
        source: csv::Error,
    },
    /// A file of decisions cannot be written.
    #[error("cannot write {path}")]
    WriteFile {
        /// The file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file of decisions was written by somebody else since it was read.
    #[error("{path} was changed since it was read: nothing was written")]
    Changed {
        /// The file.
        path: String,
    },
    /// A file of decisions is not UTF-8, or a row has too many or too few cells.
    #[error("{path} line {line}: {reason}")]
    BadRow {
        /// The file.
        path: String,
        /// 1-based line.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// Decision files with mistakes in them.
    #[error("{}", told(findings))]
    Decisions {
        /// All of them.
        findings: Vec<Finding>,
    },
    /// Staged columns with values that no query sends.
    #[error("{} column(s) of the export have values and reach no field: {}", columns.len(), columns.join(", "))]
    Unread {
        /// `source.column (rows)`.
        columns: Vec<String>,
    },
    /// A field map row whose type cannot hold the source's values.
    #[error(
        "config/field_map.csv line {line}: {field} holds {source_type} in the export and cannot become {target_type}"
    )]
    Type {
        /// 1-based line.
        line: u64,
        /// `source.field`.
        field: String,
        /// What the column holds, in a word.
        source_type: &'static str,
        /// Type asked for.
        target_type: String,
    },
    /// The project's own words for fields cannot be read.
    #[error("{path} {source}")]
    Synonyms {
        /// The file.
        path: &'static str,
        /// What is wrong, and in which line.
        source: transload_propose::VocabularyError,
    },
    /// A policy for values that there is not.
    #[error("config/value_policy.csv: the policy `{policy}` is unknown")]
    Policy {
        /// As written.
        policy: String,
    },
    /// Publishing failed.
    #[error(transparent)]
    Staging(#[from] StagingError),
}

/// All mistakes, a line each.
pub(crate) fn told(findings: &[Finding]) -> String {
    const SHOWN: usize = 20;
    let mut text = format!("{} mistake(s) in the project's files", findings.len());
    for finding in findings.iter().take(SHOWN) {
        text.push_str(&format!("\n  {finding}"));
    }
    if findings.len() > SHOWN {
        text.push_str(&format!("\n  and {} more", findings.len() - SHOWN));
    }
    text
}

/// What to do about mistakes in a project's files.
pub(crate) const CORRECT: &str =
    "correct them and run again; nothing was sent. `transload check` shows all that is to be found";

impl MappingError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Decisions { .. } => Some(CORRECT.to_owned()),
            Self::Unread { .. } => Some(
                "select each of them in the query of its load (`transload queries eject`), or ignore it by name: a row of \
                 config/field_map.csv with status `ignored`"
                    .to_owned(),
            ),
            Self::Type { .. } => Some(
                "choose a type that fits, such as Text(255) or LongTextArea(32768)".to_owned(),
            ),
            Self::Synonyms { .. } => Some(
                "the header is meaning,language,words; words of one meaning are parted by `|`"
                    .to_owned(),
            ),
            Self::Policy { .. } => {
                Some("use reject, blank_and_keep_raw or truncate_and_attach".to_owned())
            }
            Self::Changed { .. } => Some("read it again and repeat what you did".to_owned()),
            Self::Staging(error) => error.hint(),
            _ => None,
        }
    }
}
