//! What can go wrong while loading.

use crate::encode::EncodeError;
use crate::rows::KeyError;
use crate::salesforce;
use crate::staging::StagingError;

/// A failure that stops a phase; failed rows are not errors but ledger entries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Salesforce could not be talked to, or said no.
    #[error("loading {load} into {object} stopped{}", job.as_ref().map(|job| format!(" at job {job}")).unwrap_or_default())]
    Salesforce {
        /// The load.
        load: String,
        /// Its object.
        object: String,
        /// The Bulk job, if there was one.
        job: Option<String>,
        /// The client's error.
        source: Box<salesforce::Error>,
    },
    /// A job failed as a whole: header, permission or quota.
    #[error("job {job} of {load} into {object} ended as {state}: {message}")]
    JobFailed {
        /// The load.
        load: String,
        /// Its object.
        object: String,
        /// Job id.
        job: String,
        /// `Failed` or `Aborted`.
        state: String,
        /// Salesforce's words; they name columns, not values.
        message: String,
    },
    /// A result names a key that was not sent, or one twice.
    #[error("job {job} of {load} answered for a key that {problem}")]
    Unexplained {
        /// The load.
        load: String,
        /// Job id.
        job: String,
        /// What is odd.
        problem: &'static str,
    },
    /// The results have fewer rows than the job processed.
    #[error(
        "the results of job {job} of {load} have {answered} rows, the job processed {processed}"
    )]
    MissingResults {
        /// The load.
        load: String,
        /// Job id.
        job: String,
        /// Rows in the results.
        answered: usize,
        /// Rows that the job says it processed.
        processed: usize,
    },
    /// A result file lacks a column it must have.
    #[error("the results of job {job} have no column {column}")]
    ResultColumn {
        /// Job id.
        job: String,
        /// The column.
        column: String,
    },
    /// The org could not be read.
    #[error("cannot read {what} of the destination")]
    ReadOrg {
        /// What was asked for.
        what: String,
        /// The client's error.
        source: Box<salesforce::Error>,
    },
    /// A question to the org names what it does not know, or does not show to this login.
    #[error("the org does not answer queries/org/{table}.soql: {said}")]
    AskOrg {
        /// The question.
        table: String,
        /// The org's words.
        said: String,
    },
    /// A table could not be read or written.
    #[error(transparent)]
    Staging(#[from] StagingError),
    /// A table could not be queried.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
    /// Rows could not be encoded.
    #[error("part {part} of {load} cannot be encoded")]
    Encode {
        /// The load.
        load: String,
        /// Path of the part.
        part: String,
        /// What is wrong.
        source: PartError,
    },
    /// The org's allowance came near its end; a part of it is kept for everybody else.
    #[error(
        "loading {load} paused: the org has {remaining} of {max} {limit} left for today, and {reserve} are kept in reserve"
    )]
    Reserve {
        /// The load.
        load: String,
        /// `DailyApiRequests` or `DailyBulkApiBatches`.
        limit: &'static str,
        /// Left.
        remaining: u64,
        /// Allowed in 24 hours.
        max: u64,
        /// Kept.
        reserve: u64,
        /// The first run of the last 24 hours, and when its calls begin to come back.
        frees: Option<(String, chrono::DateTime<chrono::Utc>)>,
    },
    /// The user asked to stop.
    #[error("stopped on request; {}", far(load, *done, *parts))]
    Stopped {
        /// The load.
        load: String,
        /// Parts finished; of none in all, the load had not begun.
        done: usize,
        /// Parts in all.
        parts: usize,
    },
    /// A journal entry is not what was written.
    #[error("the journal entry {path} cannot be read")]
    ReadJournal {
        /// Path inside the store.
        path: String,
        /// What is wrong with it.
        source: crate::staging::ChecksumError,
    },
    /// A journal entry is gone.
    #[error("the journal of run {run} has no entry {missing}, but later ones")]
    JournalGap {
        /// The run.
        run: String,
        /// Name of the entry.
        missing: String,
    },
}

/// Why rows cannot have the form in which they are sent or kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// Columns do not fit together.
    #[error(transparent)]
    Batch(#[from] arrow::error::ArrowError),
    /// A column has no form that Salesforce takes.
    #[error(transparent)]
    Column(#[from] EncodeError),
    /// A key has no text.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The content of a file cannot be read.
    #[error("the content of its file cannot be read")]
    File(#[from] std::io::Error),
    /// There is no file to read.
    #[error("there is nowhere to read files from")]
    NoFiles,
    /// It has no rows.
    #[error("the part has no rows")]
    Empty,
    /// It lacks a column.
    #[error("no column {name}")]
    NoColumn {
        /// Name of the column.
        name: String,
    },
    /// Its task was ended.
    #[error("its task ended early")]
    Task(#[from] tokio::task::JoinError),
}

/// How far a load was when it was stopped.
fn far(load: &str, done: usize, parts: usize) -> String {
    match parts {
        0 => format!("before {load}"),
        parts => format!("{done} of {parts} part(s) of {load} are loaded"),
    }
}

impl LoadError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ReadOrg { source, .. } if source.is_not_found() => Some(
                "the org has no such object, or this login may not see it; check the `-- object:` header of the load"
                    .to_owned(),
            ),
            Self::AskOrg { .. } => Some(
                "correct the name, or let this login see the field (Setup > Field-Level Security); what an org may lack \
                 stands in the header, `-- optional: NAME`"
                    .to_owned(),
            ),
            Self::Salesforce { source, .. } | Self::ReadOrg { source, .. } => source.hint(),
            Self::JobFailed { message, .. } if message.contains("Field name not found") => Some(
                "the field is missing or hidden from this login; `transload run` deploys missing custom fields, \
                 field-level security of existing ones is set in Setup"
                    .to_owned(),
            ),
            Self::JobFailed { .. } => Some(
                "rows that did land are in the ledger; mend the cause and run again, only the rest is sent".to_owned(),
            ),
            Self::Reserve { frees, .. } => Some(match frees {
                Some((run, at)) => format!(
                    "the allowance counts the last 24 hours: what this migration used comes back from {} on, where run {run} \
                     began, what others used before as it grows a day old; run the same command again then, or lower \
                     reserve_percent of the destination",
                    at.format("%Y-%m-%d %H:%M UTC")
                ),
                None => "the allowance counts the last 24 hours, in which this migration used nothing: it comes back as the calls \
                         of others grow a day old; run the same command again in some hours, or lower reserve_percent of the \
                         destination"
                    .to_owned(),
            }),
            Self::MissingResults { .. } => Some(
                "Salesforce may still be writing them: run the same command again, it reads them before it sends anything".to_owned(),
            ),
            Self::Stopped { .. } => Some("run the same command again to go on from here".to_owned()),
            Self::ReadJournal { .. } | Self::JournalGap { .. } => Some(
                "the journal says which jobs may be under way, so nothing is sent without it: restore the staging area's folder \
                 orgs/<org>/journal from a backup, then run the same command again"
                    .to_owned(),
            ),
            Self::Staging(error) => error.hint(),
            Self::Engine(error) => error.hint(),
            Self::Encode {
                source: PartError::Column(error) | PartError::Key(KeyError::Column(error)),
                ..
            } => error.hint(),
            _ => None,
        }
    }
}
