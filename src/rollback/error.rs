//! What can go wrong while taking a run back; records that are spared are not errors but rows.

use crate::engine::EngineError;
use crate::load::LoadError;
use crate::reconcile::ReconcileError;
use crate::salesforce;
use crate::staging::StagingError;

/// A failure that stops a rollback; what was undone until then is in the ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RollbackError {
    /// There is no such run.
    #[error("there is no run {run} against this org")]
    UnknownRun {
        /// What was asked for.
        run: String,
    },
    /// The run is a rollback itself.
    #[error("{run} is a rollback; what it took back is loaded again by `transload run`")]
    IsRollback {
        /// What was asked for.
        run: String,
    },
    /// The load's query is gone, and with it what its records are.
    #[error(
        "rows were loaded by queries/load/{load}.sql, which the project does not have any more"
    )]
    QueryGone {
        /// The load.
        load: String,
    },
    /// No load went into the object.
    #[error("nothing was loaded into {object}")]
    NothingLoaded {
        /// What was asked for.
        object: String,
    },
    /// Records that others attached could not be looked for.
    #[error("cannot look for {what} in the org")]
    ReadOrg {
        /// What was asked for.
        what: String,
        /// The client's error.
        source: Box<salesforce::Error>,
    },
    /// Rows could not be put into a table.
    #[error("the rows of {load} to undo cannot be stored")]
    Store {
        /// The load.
        load: String,
        /// What is wrong.
        source: arrow::error::ArrowError,
    },
    /// The journal does not say what the runs did.
    #[error(transparent)]
    ReadJournal(#[from] LoadError),
    /// Reading back or comparing failed.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// A query failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The staging area failed.
    #[error(transparent)]
    Staging(#[from] StagingError),
}

impl RollbackError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownRun { .. } | Self::IsRollback { .. } => {
                Some("`transload status` lists the runs there are".to_owned())
            }
            Self::QueryGone { .. } => {
                Some("put the query back as it was, then roll back again".to_owned())
            }
            Self::NothingLoaded { .. } => {
                Some("`transload status` shows the objects of each run".to_owned())
            }
            Self::ReadOrg { source, .. } => source.hint(),
            Self::ReadJournal(error) => error.hint(),
            Self::Reconcile(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Staging(error) => error.hint(),
            Self::Store { .. } => None,
        }
    }
}
