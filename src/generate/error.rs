//! What can go wrong while writing an export.

use std::io;
use std::path::PathBuf;

/// Why no export was written, or only a part of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The output folder could not be made.
    #[error("cannot create folder {}", path.display())]
    CreateFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The output folder could not be looked into.
    #[error("cannot list folder {}", path.display())]
    ListFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The output folder already holds something, which must not be mixed with a new export.
    #[error("folder {} is not empty", path.display())]
    FolderNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file could not be made.
    #[error("cannot create {}", path.display())]
    CreateFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written to its end.
    #[error("cannot write {}", path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl GenerateError {
    /// What to do next, if anything obvious.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::FolderNotEmpty { .. } => {
                Some("name a new folder, or empty this one first".to_owned())
            }
            Self::WriteFile { source, .. } if source.kind() == io::ErrorKind::StorageFull => Some(
                "about 1.3 KB a person are needed; ask for fewer people or use another disk"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// Whether the caller's input is at fault rather than the machine.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self, Self::FolderNotEmpty { .. })
    }
}
