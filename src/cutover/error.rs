//! What can be wrong with a checklist, its evidence or its log.

use super::FILE;
use crate::engine::EngineError;
use crate::staging::StagingError;

/// Why a checklist cannot be used or a step not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutoverError {
    /// The file cannot be read.
    #[error("cannot read {FILE}")]
    Read {
        /// What is wrong with it.
        #[source]
        source: csv::Error,
    },
    /// A column is missing.
    #[error("{FILE} has no column {column}")]
    Column {
        /// Its name.
        column: &'static str,
    },
    /// A cell that means nothing.
    #[error("{FILE}, line {line}, column {column}: {problem}: {value:?}")]
    Cell {
        /// Line of the file.
        line: u64,
        /// Column.
        column: &'static str,
        /// What is there.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no such step.
    #[error("the checklist has no step {step}")]
    NoStep {
        /// What was asked for.
        step: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// The evidence speaks against it.
    #[error("step {step} cannot be signed: {reason}")]
    Refused {
        /// The step.
        step: String,
        /// Why.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Nothing was run yet, so there is no organisation to sign for.
    #[error(
        "nothing has been run yet, so there is no organisation that a cutover could be signed for"
    )]
    NoOrganisation,
    /// The log was touched.
    #[error("entry {number} of the cutover log is missing or was altered")]
    Log {
        /// Its number.
        number: u64,
    },
    /// Somebody else signed at the same moment.
    #[error("somebody else wrote to the cutover log at the same moment")]
    Busy,
    /// The evidence could not be asked for.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The staging area.
    #[error(transparent)]
    Staging(#[from] StagingError),
}

impl CutoverError {
    /// Whether a person has to correct something.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::Read { .. }
                | Self::Column { .. }
                | Self::Cell { .. }
                | Self::NoStep { .. }
                | Self::NoOrganisation
        )
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Read { .. } | Self::Column { .. } => {
                "`transload init` in an empty folder writes a checklist to compare with".to_owned()
            }
            Self::NoStep {
                nearest: Some(nearest),
                ..
            } => format!("did you mean `{nearest}`?"),
            Self::NoStep { .. } => "`transload cutover status` lists the steps".to_owned(),
            Self::Refused { hint, .. } => hint.clone(),
            Self::NoOrganisation => "`transload run` makes the first run".to_owned(),
            Self::Log { .. } => {
                "put the folder `cutover` of the staging area back from a copy; signatures are not made up again".to_owned()
            }
            Self::Busy => "look at `transload cutover status`, then sign again".to_owned(),
            Self::Engine(error) => return error.hint(),
            Self::Staging(error) => return error.hint(),
            Self::Cell { .. } => return None,
        })
    }
}
