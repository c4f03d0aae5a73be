//! What can be wrong with the customer's decisions.

use super::Finding;
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
    /// Rows of the field map that nobody has confirmed.
    #[error("{} row(s) of config/field_map.csv are not confirmed: {}", rows.len(), shorten(rows))]
    Unconfirmed {
        /// `source.field → Object.Field`, with what is missing.
        rows: Vec<String>,
    },
    /// Confirmed rows of the field map whose columns changed.
    #[error("{} confirmed row(s) of config/field_map.csv are stale: {}", rows.len(), shorten(rows))]
    Stale {
        /// Line, fields, and what changed.
        rows: Vec<String>,
    },
    /// Attributes in the export that the map does not mention.
    #[error("{} attribute(s) of the export have no row in config/field_map.csv: {}", attributes.len(), shorten(attributes))]
    Unmapped {
        /// `source.field`.
        attributes: Vec<String>,
    },
    /// Decision files with mistakes in them.
    #[error("{} mistake(s) in decision files: {}", findings.len(), shorten(&texts(findings)))]
    Decisions {
        /// All of them.
        findings: Vec<Finding>,
    },
    /// Confirmed rows that arrive nowhere.
    #[error("{} confirmed row(s) of the map would arrive nowhere: {}", rows.len(), shorten(rows))]
    Unsent {
        /// Line, fields, and why.
        rows: Vec<String>,
    },
    /// Staged columns with values that no query sends.
    #[error("{} column(s) of the export have values and reach no field: {}", columns.len(), columns.join(", "))]
    Unread {
        /// `source.column (rows)`.
        columns: Vec<String>,
    },
    /// A field map row whose type cannot hold the source's values.
    #[error(
        "config/field_map.csv line {line}: {field} is {source_type} in the export and cannot become {target_type}"
    )]
    Type {
        /// 1-based line.
        line: u64,
        /// `source.field`.
        field: String,
        /// Arrow type in plain words.
        source_type: String,
        /// Type asked for.
        target_type: String,
    },
    /// Publishing failed.
    #[error(transparent)]
    Staging(#[from] StagingError),
}

fn texts(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

fn shorten(rows: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut text = rows
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    if rows.len() > SHOWN {
        text.push_str(&format!("; and {} more", rows.len() - SHOWN));
    }
    text
}

impl MappingError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unconfirmed { .. } => Some(
                "`transload map review` or `transload map confirm --by NAME`; or set status to confirmed (or ignored) and fill \
                 confirmed_by and confirmed_at, then run again"
                    .to_owned(),
            ),
            Self::Stale { .. } => Some(
                "look at each again: `transload map confirm --row SOURCE.FIELD --by NAME` confirms it as it is now, or change \
                 its type first"
                    .to_owned(),
            ),
            Self::Unmapped { .. } => Some(
                "add a row for each: where it goes and as which type, or status `ignored`".to_owned(),
            ),
            Self::Decisions { .. } => Some(
                "correct them and run again; nothing was read or sent yet".to_owned(),
            ),
            Self::Unsent { .. } => Some(
                "correct the rows, or set status to ignored for what is to stay behind".to_owned(),
            ),
            Self::Unread { .. } => Some(
                "select each of them in the query of its load (`transload queries eject`), or ignore it by name: a row of \
                 config/field_map.csv with status `ignored`"
                    .to_owned(),
            ),
            Self::Type { .. } => Some(
                "choose a type that fits, such as Text(255) or LongTextArea(32768)".to_owned(),
            ),
            Self::Changed { .. } => Some("read it again and repeat what you did".to_owned()),
            Self::Staging(error) => error.hint(),
            _ => None,
        }
    }
}
