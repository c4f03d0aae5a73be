//! What can go wrong in the SQL project before anything runs.

use datafusion::error::DataFusionError;

/// A query file that cannot be used as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// A file of the project's own `queries/` cannot be read.
    #[error("cannot read {path}: {source}")]
    ReadFile {
        /// The file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// A header directive makes no sense.
    #[error("{path} line {line}: {reason}")]
    Header {
        /// The file.
        path: String,
        /// 1-based line.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The text is not SQL.
    #[error("{path} is not valid SQL: {}", source.strip_backtrace().lines().next().unwrap_or_default())]
    Parse {
        /// The file.
        path: String,
        /// The parser's error.
        #[source]
        source: Box<DataFusionError>,
    },
    /// SQL that the product does not run.
    #[error("{path} uses {what}")]
    Refused {
        /// The file.
        path: String,
        /// The construct.
        what: String,
        /// What to write instead.
        hint: String,
    },
    /// A table nobody makes.
    #[error("{path} reads {table}, which does not exist")]
    UnknownTable {
        /// The file.
        path: String,
        /// `schema.table`.
        table: String,
        /// The nearest existing name.
        nearest: Option<String>,
    },
    /// Two files make one table.
    #[error("{other} and {path} both make the table `{name}`")]
    Twice {
        /// One file.
        path: String,
        /// The other.
        other: String,
        /// The table, without its schema.
        name: String,
    },
    /// A query at a place where nothing reads it.
    #[error("{path} is read by nothing: {reason}")]
    Misplaced {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
        /// Where it would be read.
        nearest: Option<String>,
    },
    /// Queries that wait for each other.
    #[error("queries depend on each other in a circle: {}", path.join(" → "))]
    Cycle {
        /// The files along the circle, the first repeated at the end.
        path: Vec<String>,
    },
    /// A selection of loads that means none.
    #[error("{what}")]
    Selection {
        /// What is wrong.
        what: String,
        /// What to write instead.
        hint: String,
    },
    /// The result of a load query cannot be sent.
    #[error("{path}: {reason}")]
    Columns {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// The result has a value or a type that cannot be used.
    #[error("{path}: {source}")]
    Values {
        /// The file.
        path: String,
        /// What to do.
        hint: String,
        /// What the engine or the encoder says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ProjectError {
    /// The file that is to be corrected, and its line.
    #[must_use]
    pub fn place(&self) -> (&str, Option<usize>) {
        match self {
            Self::Header { path, line, .. } => (path, Some(*line)),
            Self::Parse { path, source } => (path, position(source).map(|(line, _)| line)),
            Self::Cycle { path } => (path.first().map_or("queries", String::as_str), None),
            Self::Selection { .. } => ("queries", None),
            Self::ReadFile { path, .. }
            | Self::Refused { path, .. }
            | Self::UnknownTable { path, .. }
            | Self::Twice { path, .. }
            | Self::Misplaced { path, .. }
            | Self::Columns { path, .. }
            | Self::Values { path, .. } => (path, None),
        }
    }

    /// The character of the line at which SQL stops being SQL, counted from 1.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        match self {
            Self::Parse { source, .. } => position(source).map(|(_, column)| column),
            _ => None,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { hint, .. } | Self::Columns { hint, .. } | Self::Values { hint, .. } | Self::Selection { hint, .. } => {
                Some(hint.clone())
            }
            Self::UnknownTable {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean {nearest}?")),
            Self::Misplaced {
                nearest: Some(nearest),
                ..
            } => Some(format!("did you mean {nearest}?")),
            Self::UnknownTable { .. } => Some(
                "`transload query \"show tables\"` lists what there is; a config table needs its CSV in config/".to_owned(),
            ),
            Self::Twice { .. } => Some(
                "rename one of them; to replace a default, put the file at the same path".to_owned(),
            ),
            Self::ReadFile { source, .. } if source.kind() == std::io::ErrorKind::InvalidData => {
                Some("save the file as UTF-8".to_owned())
            }
            Self::Cycle { .. } => {
                Some("take what both need into a model of its own under queries/prepare/".to_owned())
            }
            _ => None,
        }
    }
}

/// Line and column of a parser's error, which has them in its text alone: `… at Line: 3, Column: 7`.
fn position(error: &DataFusionError) -> Option<(usize, usize)> {
    let text = error.strip_backtrace();
    let (_, place) = text.rsplit_once("Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    let digits = |text: &str| {
        let end = text.find(|letter: char| !letter.is_ascii_digit());
        text[..end.unwrap_or(text.len())].parse().ok()
    };
    Some((digits(line)?, digits(column)?))
}

#[cfg(test)]
mod tests {
    use crate::project::{QueryFile, QueryKind};

    #[test]
    fn a_text_that_is_no_sql_is_told_with_its_place() {
        let sql = "-- grain: one per row\nselect a.id\nfrom usercom.people as as a\n";
        let error = QueryFile::parse("queries/checks/a.sql", QueryKind::Check, sql).unwrap_err();
        assert_eq!(error.place(), ("queries/checks/a.sql", Some(3)), "{error}");
        assert_eq!(error.column(), Some(27), "{error}");
        let unclosed = "-- grain: one per row\nselect 'a from usercom.people as p\n";
        let error =
            QueryFile::parse("queries/checks/a.sql", QueryKind::Check, unclosed).unwrap_err();
        assert_eq!(
            (error.place().1, error.column()),
            (Some(2), Some(8)),
            "{error}"
        );
    }
}
