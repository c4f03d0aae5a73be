//! A document for people that is too long to be held in memory.
//!
//! In: its bytes, piece by piece. Out: one object, there as a whole or not at all. Never: a table or a part of the journal.

use std::sync::Arc;

use object_store::buffered::BufWriter;
use object_store::path::Path;
use tokio::io::AsyncWriteExt;

use super::{Staging, StagingError};

/// Writes one document.
pub struct DocumentWriter {
    path: Path,
    object: BufWriter,
}

impl Staging {
    /// Begins a document, or another version of it.
    #[must_use]
    pub fn document(&self, path: &Path) -> DocumentWriter {
        DocumentWriter {
            path: path.clone(),
            object: BufWriter::new(Arc::clone(&self.store), path.clone()),
        }
    }
}

impl DocumentWriter {
    /// Adds to it.
    ///
    /// # Errors
    /// [`StagingError::WriteObject`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StagingError> {
        let written = self.object.write_all(bytes).await;
        written.map_err(|error| self.failed(error))
    }

    /// Ends it; only now it is there.
    ///
    /// # Errors
    /// [`StagingError::WriteObject`].
    pub async fn finish(mut self) -> Result<(), StagingError> {
        let ended = self.object.shutdown().await;
        ended.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> StagingError {
        let source = object_store::Error::Generic {
            store: "document",
            source: Box::new(error),
        };
        StagingError::write(&self.path, source)
    }
}
