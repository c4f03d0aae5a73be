//! What can be wrong with a checklist, its evidence or its log.

use crate::engine::EngineError;
use crate::mapping::MappingError;
use crate::staging::StagingError;

/// Why a checklist cannot be used or a step not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CutoverError {
    /// The file cannot be read, or has mistakes in it.
    #[error(transparent)]
    Mapping(#[from] MappingError),
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
    /// The log's head was touched.
    #[error("the head of the cutover log was altered")]
    Head,
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
            Self::Mapping(_) | Self::NoStep { .. } | Self::NoOrganisation
        )
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoStep {
                nearest: Some(nearest),
                ..
            } => format!("did you mean `{nearest}`?"),
            Self::NoStep { .. } => "`transload cutover status` lists the steps".to_owned(),
            Self::Refused { hint, .. } => hint.clone(),
            Self::NoOrganisation => "`transload run` makes the first run".to_owned(),
            Self::Log { .. } | Self::Head => {
                "put the folder `cutover` of the staging area back from a copy; signatures are not made up again".to_owned()
            }
            Self::Busy => "look at `transload cutover status`, then sign again".to_owned(),
            Self::Mapping(error) => return error.hint(),
            Self::Engine(error) => return error.hint(),
            Self::Staging(error) => return error.hint(),
        })
    }
}
