//! Why two versions of the rules cannot be compared.

/// Rules that are not there, or nothing to try them on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// No run has kept its rules.
    #[error("no run has kept its rules, so there is nothing to compare with")]
    NoRun,
    /// Nothing is staged.
    #[error("nothing is staged, so there are no rows to try the rules on")]
    NothingStaged,
    /// A revision is not there.
    #[error("`{revision}` is neither a folder nor a revision: {why}")]
    UnknownRevision {
        /// As it was given.
        revision: String,
        /// What is missing.
        why: String,
    },
    /// There is no git.
    #[error("git cannot be started, and a revision was asked for")]
    Git {
        /// The system's error.
        source: std::io::Error,
    },
    /// A document of rules was touched.
    #[error("the rules that a run kept cannot be read: {place}")]
    Unreadable {
        /// Where they are.
        place: String,
    },
    /// The earlier rules have mistakes in them.
    #[error("{label} cannot be tried")]
    Before {
        /// Which they are.
        label: String,
        /// What is wrong with them.
        source: Box<crate::error::Error>,
    },
}

impl DiffError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoRun => Some(
                "name them: --against DIR for another folder, --against REV for a revision of this one; a run keeps its rules from now on"
                    .to_owned(),
            ),
            Self::NothingStaged => Some("`transload stage` reads the export".to_owned()),
            Self::UnknownRevision { .. } => {
                Some("`git log --oneline` lists revisions; a folder holds a migration.toml".to_owned())
            }
            Self::Git { .. } => Some("install git, or name a folder".to_owned()),
            Self::Unreadable { .. } => Some("name the rules with --against".to_owned()),
            Self::Before { source, .. } => source.hint(),
        }
    }
}
