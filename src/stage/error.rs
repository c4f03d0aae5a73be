//! What stops staging. Rows and cells that do not fit are not here: they are data, and go to `rejects`.

use arrow::error::ArrowError;

use crate::engine::EngineError;
use crate::staging::StagingError;
use crate::usercom::ExportError;

/// A failure of staging; nothing was published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The export, or a file of it, cannot be used.
    #[error(transparent)]
    ReadExport(Box<ExportError>),
    /// No file of the export holds people.
    #[error("the export {location} has no people")]
    NoPeople {
        /// The export.
        location: String,
    },
    /// The files for people have no record.
    #[error("the people files of the export {location} have no records")]
    EmptyPeople {
        /// The export.
        location: String,
    },
    /// It is older than the one staged last.
    #[error(
        "the export {location} is older than the one staged last: it {what} {now}, that one {before}"
    )]
    Older {
        /// The export.
        location: String,
        /// What the dates are of.
        what: &'static str,
        /// Its date.
        now: String,
        /// That of the one staged last.
        before: String,
    },
    /// Not every process has staged its share.
    #[error("nothing is published: of the shares of this export, {} are missing", missing.join(", "))]
    MissingShards {
        /// Each, with why if that is known.
        missing: Vec<String>,
    },
    /// A share was made of other columns than the export has.
    #[error("share {shard} of {table} was staged from another export, or with other attributes")]
    OtherShard {
        /// Which.
        shard: String,
        /// Name of the table.
        table: String,
    },
    /// A table could not be written.
    #[error("cannot write {table}")]
    WriteTable {
        /// `schema.table`.
        table: String,
        /// The staging area's error.
        source: StagingError,
    },
    /// A table could not be sorted.
    #[error("cannot sort {table} by id")]
    SortTable {
        /// `schema.table`.
        table: String,
        /// The engine's error.
        source: EngineError,
    },
    /// Columns could not be put together; a fault of this program.
    #[error("cannot build a batch of {table} from {file}")]
    BuildBatch {
        /// Name of the table.
        table: String,
        /// Name inside the export.
        file: String,
        /// Arrow's error.
        source: arrow::error::ArrowError,
    },
    /// Records were parsed differently from how they were cut; a fault of this program.
    #[error("{file}: cut {cut} records but parsed {parsed} before record {row}")]
    LostRecords {
        /// Name inside the export.
        file: String,
        /// Records cut.
        cut: usize,
        /// Records parsed.
        parsed: usize,
        /// Number of the block's first record.
        row: u64,
    },
    /// Source rows, staged and rejected rows do not add up; a fault of this program.
    #[error(
        "the books of {table} do not balance: {source_rows} source rows, {staged} staged, {rejected} rejected"
    )]
    Unbalanced {
        /// Name of the table.
        table: String,
        /// Records found.
        source_rows: u64,
        /// Rows staged.
        staged: u64,
        /// Records rejected.
        rejected: u64,
    },
    /// A worker thread went away.
    #[error("staging {table} was stopped")]
    Stopped {
        /// Name of the table.
        table: String,
    },
}

impl From<ExportError> for StageError {
    fn from(error: ExportError) -> Self {
        Self::ReadExport(Box::new(error))
    }
}

impl StageError {
    /// Whether the input is at fault rather than the machine or this program.
    #[must_use]
    pub fn is_input(&self) -> bool {
        match self {
            Self::ReadExport(error) => error.is_input(),
            Self::NoPeople { .. }
            | Self::EmptyPeople { .. }
            | Self::Older { .. }
            | Self::MissingShards { .. }
            | Self::OtherShard { .. } => true,
            _ => false,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ReadExport(error) => error.hint(),
            Self::NoPeople { .. } => Some(
                "add people.csv or people.jsonl (users and contacts are fine, too), or map another file name to people under [source.files] in migration.toml"
                    .to_owned(),
            ),
            Self::EmptyPeople { .. } => Some(
                "a migration without people is nearly always a failed export: export the people segment again".to_owned(),
            ),
            Self::MissingShards { .. } => Some(
                "stage each of them with `transload stage --shard i/n`, from the same files; the last one publishes".to_owned(),
            ),
            Self::OtherShard { .. } => Some(
                "let every process see the same export, then stage all shares again with --fresh".to_owned(),
            ),
            Self::Older { .. } => Some(
                "stage the newest export, or set accept_older = true under [source] if this one is meant".to_owned(),
            ),
            Self::WriteTable { source, .. } => source.hint(),
            Self::SortTable { source, .. } => source.hint(),
            Self::BuildBatch { .. } | Self::LostRecords { .. } | Self::Unbalanced { .. } => {
                Some("this is a bug; please report it with the file's first lines".to_owned())
            }
            Self::Stopped { .. } => None,
        }
    }
}

pub(super) fn build_error(table: &str, file: &str, source: ArrowError) -> StageError {
    StageError::BuildBatch {
        table: table.to_owned(),
        file: file.to_owned(),
        source,
    }
}

pub(super) fn write_error(table: &str, source: StagingError) -> StageError {
    StageError::WriteTable {
        table: format!("usercom.{table}"),
        source,
    }
}

pub(super) fn sort_error(table: &str) -> impl Fn(EngineError) -> StageError + use<> {
    let table = format!("usercom.{table}");
    move |source| StageError::SortTable {
        table: table.clone(),
        source,
    }
}
