//! What can go wrong while reconciling; differences are not errors but rows.

use crate::engine::EngineError;
use crate::rows::KeyError;
use crate::salesforce;
use crate::staging::StagingError;

/// A failure that leaves a phase without its report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// The org could not be read back.
    #[error("cannot read {object} back")]
    ReadBack {
        /// Salesforce object.
        object: String,
        /// The client's error.
        source: Box<salesforce::Error>,
    },
    /// The query job ended without a result.
    #[error("the query of {object} ended as {state}")]
    QueryFailed {
        /// Salesforce object.
        object: String,
        /// Job state.
        state: String,
    },
    /// Rows could not be put into a table.
    #[error("rows of {object} cannot be stored")]
    Store {
        /// Salesforce object.
        object: String,
        /// What is wrong.
        source: arrow::error::ArrowError,
    },
    /// The key of a row has no text.
    #[error("the keys of {load} cannot be read")]
    Key {
        /// The load.
        load: String,
        /// What is wrong.
        source: KeyError,
    },
    /// A query failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The staging area failed.
    #[error(transparent)]
    Staging(#[from] StagingError),
}

impl ReconcileError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ReadBack { source, .. } => source.hint(),
            Self::QueryFailed { .. } => {
                Some("run `transload reconcile` again; what was loaded stays as it is".to_owned())
            }
            Self::Engine(error) => error.hint(),
            Self::Staging(error) => error.hint(),
            Self::Store { .. } | Self::Key { .. } => None,
        }
    }
}
