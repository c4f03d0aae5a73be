//! What can go wrong inside the engine.

use datafusion::error::DataFusionError;

use crate::staging::StagingError;

/// A failure while planning or running a query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The engine could not be started.
    #[error("cannot start the query engine")]
    Start {
        /// The system's or DataFusion's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no place for what does not fit in memory.
    #[error("cannot make a folder for spilled rows in {}", folder.display())]
    MakeSpillFolder {
        /// The folder of the work folder.
        folder: std::path::PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A published table could not be opened.
    #[error("cannot open table {table}")]
    Register {
        /// `schema.table`.
        table: String,
        /// DataFusion's error.
        source: Box<DataFusionError>,
    },
    /// A query is not valid.
    #[error("{query} cannot be planned: {}", brief(source))]
    Plan {
        /// File or name of the query.
        query: String,
        /// DataFusion's error.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A query failed while it ran.
    #[error("{query} failed while it ran: {}", brief(source))]
    Run {
        /// File or name of the query.
        query: String,
        /// DataFusion's error.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A step on the cluster did not come to its end, or not to the same as was counted.
    #[error("{query} failed on the cluster: {why}")]
    Cluster {
        /// File or name of the query.
        query: String,
        /// What the cluster said, or what differs.
        why: String,
    },
    /// An operator panicked in the middle.
    #[error("{query}: the engine gave up: {why}")]
    GaveUp {
        /// File or name of the query.
        query: String,
        /// Its words.
        why: String,
    },
    /// The engine's worker ended without an answer.
    #[error("{query} was stopped")]
    Stopped {
        /// File or name of the query.
        query: String,
    },
}

impl EngineError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        if let Some(error) = self.of_staging() {
            return error.hint();
        }
        match self {
            Self::Run { source, .. } if is_resources(source) => Some(
                "raise `memory_limit` in migration.toml, or split the large join into a model of its own with few columns"
                    .to_owned(),
            ),
            Self::GaveUp { .. } => Some(
                "a batch of values passed 2 GB, or the engine has a defect: make long values shorter before rows are joined, or report it \
                 with the query"
                    .to_owned(),
            ),
            Self::Cluster { .. } => Some(
                "nothing of the step counts: look at scheduler and executors (versions, store, memory) and run the same command again, or set \
                 `kind = \"local\"` under [engine] in migration.toml"
                    .to_owned(),
            ),
            Self::Run { source, .. } if is_no_space(source) => {
                Some("the disk is full: free some space, then run the same command again".to_owned())
            }
            _ => None,
        }
    }

    /// Whether the query text itself is at fault (a user's input) rather than the machine.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            _ if self.of_staging().is_some() => false,
            Self::Plan { .. } | Self::MakeSpillFolder { .. } => true,
            Self::Run { source, .. } => !is_resources(source) && !is_no_space(source),
            _ => false,
        }
    }
}

impl EngineError {
    /// What the staging area lacks, if that is the cause.
    fn of_staging(&self) -> Option<&StagingError> {
        let (Self::Plan { source, .. } | Self::Run { source, .. }) = self else {
            return None;
        };
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(source.as_ref());
        while let Some(error) = cause {
            let found = error.downcast_ref::<StagingError>();
            if found.is_some() {
                return found;
            }
            cause = error.source();
        }
        None
    }
}

fn is_resources(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

fn is_no_space(error: &DataFusionError) -> bool {
    error.to_string().contains("No space left")
}

/// First line of DataFusion's message, without its backtrace.
pub(crate) fn brief(error: &DataFusionError) -> String {
    // The name of a rule is of no use to whoever wrote the query.
    if let DataFusionError::Context(_, inner) = error {
        return brief(inner);
    }
    let text = error.strip_backtrace();
    if matches!(error, DataFusionError::ResourcesExhausted(_)) {
        // Its lines say who holds the memory.
        return text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    }
    text.lines().next().unwrap_or_default().to_owned()
}
