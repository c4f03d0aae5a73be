//! What can go wrong while models and outboxes are written.

use crate::engine::EngineError;
use crate::project::ProjectError;
use crate::staging::StagingError;

/// A failure of a query of the SQL project while it runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// A query file, or the columns of its result.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A key occurs twice, or is null, in the rows to be sent.
    #[error("{path}: the key {key} {problem} in {rows} row(s) to be sent; the first: {sample}")]
    Key {
        /// The file.
        path: String,
        /// Key column names.
        key: String,
        /// `is not unique` or `is null`.
        problem: &'static str,
        /// How many rows.
        rows: u64,
        /// Key values (record keys, not personal data).
        sample: String,
    },
    /// A row has a fate nobody knows.
    #[error("{path}: `_fate` is `{fate}`, which is none of held, passive, ignored, out_of_scope")]
    Fate {
        /// The file.
        path: String,
        /// The value.
        fate: String,
    },
    /// A query failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The staging area failed.
    #[error(transparent)]
    Staging(#[from] StagingError),
}

impl TransformError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Project(error) => error.hint(),
            Self::Key { .. } => Some(
                "every row of a load needs one key of its own; look at the rows with `transload query`".to_owned(),
            ),
            Self::Engine(error) => error.hint(),
            Self::Staging(error) => error.hint(),
            _ => None,
        }
    }
}
