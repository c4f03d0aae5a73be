//! What can go wrong with the staging area, and what to do about it.

use object_store::path::Path;

use super::refusal::Refusal;

/// Why a location cannot be used: whatever reads paths and URLs has errors of its own.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the staging area; says which object and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StagingError {
    /// The location cannot be used as a staging area.
    #[error("cannot open the staging area {location}")]
    OpenArea {
        /// As given.
        location: String,
        /// Why not.
        source: Cause,
    },
    /// Another command is writing to the area.
    #[error(
        "`transload {}` is at work on this staging area: process {} on {}, since {}",
        holder.command, holder.pid, holder.host, holder.since.format("%Y-%m-%d %H:%M UTC")
    )]
    Held {
        /// Who.
        holder: Box<super::Holder>,
    },
    /// The store does not serve as a staging area.
    #[error("{refusal}: {place}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// Path inside the store, or the area.
        place: String,
        /// The store's error, if it gave one.
        source: Option<Box<object_store::Error>>,
    },
    /// An object could not be read.
    #[error("cannot read {path} in the staging area")]
    ReadObject {
        /// Path inside the store.
        path: String,
        /// The store's error.
        source: Box<object_store::Error>,
    },
    /// An object could not be written.
    #[error("cannot write {path} in the staging area")]
    WriteObject {
        /// Path inside the store.
        path: String,
        /// The store's error.
        source: Box<object_store::Error>,
    },
    /// A table's file could not be written.
    #[error("cannot write table {table} ({path})")]
    WriteTable {
        /// `schema.table`.
        table: String,
        /// Path inside the store.
        path: String,
        /// The Parquet writer's error.
        source: parquet::errors::ParquetError,
    },
    /// A table's file could not be read.
    #[error("cannot read the table file {path}")]
    ReadTable {
        /// Path inside the store.
        path: String,
        /// The Parquet reader's error.
        source: parquet::errors::ParquetError,
    },
    /// A batch does not have the schema that the table declares.
    #[error("a batch for table {table} does not fit its declared schema")]
    BatchSchema {
        /// `schema.table`.
        table: String,
        /// First difference found.
        source: arrow::error::ArrowError,
    },
    /// A file that a table consists of is gone or was cut.
    #[error("the file {path} of table {table} is missing, or not as long as it was written")]
    MissingFile {
        /// `schema.table`.
        table: String,
        /// Path inside the staging area.
        path: String,
    },
    /// A file that a query reads is gone.
    #[error("the table file {path} is gone from the staging area")]
    GoneFile {
        /// Path inside the store.
        path: String,
    },
    /// The newest manifest of a table is gone.
    #[error("the manifest of {table}, version {published}, is gone: {}", newest_left(*newest))]
    LostManifest {
        /// `schema.table`.
        table: String,
        /// The version that was published last.
        published: u64,
        /// The newest that is there, 0 for none.
        newest: u64,
    },
    /// A manifest is not what was written.
    #[error("the manifest {path} cannot be read")]
    ReadManifest {
        /// Path inside the store.
        path: String,
        /// What is wrong with it.
        source: super::ChecksumError,
    },
    /// A document beside the tables is not what was written.
    #[error("{path} is damaged")]
    ReadDocument {
        /// Path inside the store.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A file that a table consists of is not what was written.
    #[error("the file {path} of table {table} is not what was written: its checksum does not fit")]
    AlteredFile {
        /// `schema.table`.
        table: String,
        /// Path inside the staging area.
        path: String,
    },
}

fn newest_left(version: u64) -> String {
    match version {
        0 => "no version is left".to_owned(),
        version => format!("the newest that is left is version {version}"),
    }
}

impl StagingError {
    /// Whether the place itself does not take files: it is no folder, may not be written, or cannot be made.
    #[must_use]
    pub fn is_location(&self) -> bool {
        let source: &(dyn std::error::Error + 'static) = match self {
            Self::OpenArea { .. } => return true,
            Self::Refused { refusal, .. } => return refusal.is_input(),
            Self::WriteObject { source, .. } => source.as_ref(),
            Self::ReadObject { source, .. } => source.as_ref(),
            _ => return false,
        };
        let mut next = Some(source);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                return matches!(
                    error.kind(),
                    std::io::ErrorKind::NotADirectory
                        | std::io::ErrorKind::PermissionDenied
                        | std::io::ErrorKind::ReadOnlyFilesystem
                );
            }
            next = error.source();
        }
        matches!(self, Self::WriteObject { source, .. } if matches!(**source, object_store::Error::NotFound { .. }))
    }

    pub(crate) fn read(path: &Path, source: object_store::Error) -> Self {
        if let Some(refusal) = Refusal::of(&source) {
            return Self::refused(refusal, path, source);
        }
        Self::ReadObject {
            path: path.to_string(),
            source: Box::new(source),
        }
    }

    fn refused(refusal: Refusal, path: &Path, source: object_store::Error) -> Self {
        Self::Refused {
            refusal,
            place: path.to_string(),
            source: Some(Box::new(source)),
        }
    }

    pub(crate) fn write(path: &Path, source: object_store::Error) -> Self {
        if let Some(refusal) = Refusal::of(&source) {
            return Self::refused(refusal, path, source);
        }
        Self::WriteObject {
            path: path.to_string(),
            source: Box::new(source),
        }
    }

    /// Whether the object asked for does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::ReadObject { source, .. } if matches!(**source, object_store::Error::NotFound { .. })
        )
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OpenArea { .. } => Some(
                "`staging` in migration.toml takes a folder or an s3://bucket/prefix URL"
                    .to_owned(),
            ),
            Self::Refused { refusal, .. } => Some(refusal.hint().to_owned()),
            Self::Held { .. } => Some(
                "wait for it to end; a process that is gone loses its hold at once on the same machine, after a minute on another"
                    .to_owned(),
            ),
            Self::WriteObject { .. } | Self::WriteTable { .. } => Some(
                "check free space and write permission there, then run the same command again: \
                 nothing half-written is in use"
                    .to_owned(),
            ),
            Self::ReadObject { .. } | Self::ReadTable { .. } => Some(
                "was the staging area moved or cleaned while in use? run the same command again"
                    .to_owned(),
            ),
            Self::GoneFile { .. } => Some(
                "run the same command again: another command may have published a newer version of the table; if it is still missing, \
                 restore the staging area from a backup"
                    .to_owned(),
            ),
            Self::LostManifest { .. } => Some(
                "the ledger says which record each row is: restore the manifests and tables of `ledger` from a backup of the staging \
                 area, then run the same command again"
                    .to_owned(),
            ),
            Self::ReadManifest { path, .. } if path.contains("/ledger/") => Some(
                "the ledger says which record each row is: restore the staging area's manifests and tables of `ledger` from a backup, \
                 then run the same command again"
                    .to_owned(),
            ),
            Self::ReadManifest { .. } => Some(
                "the file was cut or edited; move it away and the version before it is used again"
                    .to_owned(),
            ),
            Self::MissingFile { .. } | Self::AlteredFile { .. } => Some(
                "restore it from a backup of the staging area; without it the books would be wrong in silence"
                    .to_owned(),
            ),
            Self::ReadDocument { .. } => Some(
                "restore the file from a backup of the staging area; without it the program does not know which fields are its own"
                    .to_owned(),
            ),
            Self::BatchSchema { .. } => None,
        }
    }
}
