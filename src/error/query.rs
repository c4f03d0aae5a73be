//! What can be wrong with a question of `transload query`, or with the way its answer is to be written.

use std::path::PathBuf;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A question that has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// No statement, or several.
    #[error("the query is more or less than one statement")]
    Statements,
    /// A statement that would change something.
    #[error("`transload query` only reads, and this statement is `{statement}`")]
    Writes {
        /// Its first word.
        statement: String,
    },
    /// The text is not SQL.
    #[error("the query is not valid SQL: {reason}")]
    Parse {
        /// The parser's words.
        reason: String,
    },
    /// Two columns of a form that has one of each name.
    #[error("two columns of the result are named `{column}`")]
    Twice {
        /// The name.
        column: String,
    },
    /// A value that the form cannot hold.
    #[error("the result cannot be written as {format}")]
    Encode {
        /// The form.
        format: &'static str,
        /// The writer's error.
        source: Cause,
    },
    /// The file for the answer cannot be made.
    #[error("cannot write to {}", path.display())]
    CreateFile {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl QueryError {
    pub(crate) fn encode(format: &'static str, source: impl Into<Cause>) -> Self {
        Self::Encode {
            format,
            source: source.into(),
        }
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Statements => "ask one question at a time; name intermediate results in `with`",
            Self::Writes { .. } => {
                "decisions are made in config/*.csv, changes of data in queries/*.sql"
            }
            Self::Parse { .. } => {
                "texts stand in single quotes, names with capital letters in double quotes"
            }
            Self::Twice { .. } => "give one another name with `as`",
            Self::Encode { .. } => {
                "cast the column to text in the query, or choose another --format"
            }
            Self::CreateFile { .. } => {
                "name a file in a folder that is there and may be written to"
            }
        }
    }
}
