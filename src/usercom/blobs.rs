//! The files that records of `files` name: which the export has, how large they are, and how to read one.
//!
//! In: the listing of an export, paths from records. Out: sizes, and a stream of a blob's bytes. Never: anything outside the
//! folder `blobs/` of the export, whatever a path says, or a whole blob in memory.

use std::collections::BTreeMap;
use std::io;

use bytes::Bytes;
use futures::stream::{Stream, StreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path as StorePath;
use tokio_util::io::ReaderStream;

use super::{Export, ExportError};

/// The folder of an export that holds blobs.
const FOLDER: &str = "blobs/";

/// Bytes read at a time from a blob in a folder.
const CHUNK: usize = 64 * 1024;

/// The blobs of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blobs(BTreeMap<String, u64>);

impl Blobs {
    /// The size of the blob at a path inside the export; `None` if there is none, or the path may lead elsewhere.
    #[must_use]
    pub fn size(&self, path: &str) -> Option<u64> {
        // Names come from the export's own listing, so that a path that leads elsewhere is none of them.
        self.0.get(path).copied()
    }

    /// Takes a file of the export if it is a blob; `false` if it is not.
    pub(super) fn note(&mut self, name: &str, size: u64) -> bool {
        let is_blob = name.starts_with(FOLDER);
        if is_blob && is_inside(name) {
            self.0.insert(name.to_owned(), size);
        }
        is_blob
    }
}

/// Whether a path stays in the folder of blobs on every system: plain names with `/` between.
fn is_inside(path: &str) -> bool {
    path.strip_prefix(FOLDER).is_some_and(|rest| {
        rest.split('/')
            .all(|name| !matches!(name, "" | "." | "..") && !name.contains(['\\', '\0']))
    })
}

impl Export {
    /// Opens a blob: its size, and its bytes piece by piece.
    ///
    /// # Errors
    /// [`ExportError::BlobPath`] if `path` is not that of a file in `blobs/`, [`ExportError::OpenFile`].
    pub async fn blob(
        &self,
        path: &str,
    ) -> Result<
        (
            u64,
            impl Stream<Item = io::Result<Bytes>> + Send + Unpin + use<>,
        ),
        ExportError,
    > {
        if !is_inside(path) {
            return Err(ExportError::BlobPath {
                path: path.to_owned(),
            });
        }
        let fail = |source| ExportError::OpenFile {
            file: path.to_owned(),
            source,
        };
        match self {
            Self::Folder(root) => {
                let file = tokio::fs::File::open(root.join(path)).await.map_err(fail)?;
                let meta = file.metadata().await.map_err(fail)?;
                if !meta.is_file() {
                    return Err(fail(io::ErrorKind::IsADirectory.into()));
                }
                let bytes = ReaderStream::with_capacity(file, CHUNK);
                Ok((meta.len(), bytes.boxed()))
            }
            Self::Store { store, prefix, .. } => {
                let other = |error: object_store::Error| fail(io::Error::other(error));
                let key = match prefix.as_ref() {
                    "" => path.to_owned(),
                    prefix => format!("{prefix}/{path}"),
                };
                // Parsed, not joined: a listed name must be asked for letter by letter.
                let key = StorePath::parse(key).map_err(|error| fail(io::Error::other(error)))?;
                let found = store.get(&key).await.map_err(other)?;
                let size = found.meta.size;
                let bytes = found
                    .into_stream()
                    .map(|chunk| chunk.map_err(io::Error::other));
                Ok((size, bytes.boxed()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::TryStreamExt;

    use super::*;

    async fn read(export: &Export, path: &str) -> Result<(u64, Vec<u8>), ExportError> {
        let (size, bytes) = export.blob(path).await?;
        let bytes: Vec<Bytes> = bytes.try_collect().await.unwrap();
        Ok((size, bytes.concat()))
    }

    #[tokio::test]
    async fn a_blob_comes_in_pieces_from_a_folder_and_from_a_store() {
        let content: Vec<u8> = (0..3 * CHUNK + 7).map(|byte| (byte % 251) as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("blobs/ą")).unwrap();
        std::fs::write(folder.path().join("blobs/ą/a #1%.pdf"), &content).unwrap();
        let store = object_store::memory::InMemory::new();
        let key = StorePath::parse("crm/blobs/ą/a #1%.pdf").unwrap();
        store.put(&key, content.clone().into()).await.unwrap();
        let size = content.len() as u64;
        for export in [
            Export::Folder(folder.path().to_path_buf()),
            Export::Store {
                store: Arc::new(store),
                prefix: "crm".into(),
                location: "s3://crm".to_owned(),
            },
        ] {
            let found = read(&export, "blobs/ą/a #1%.pdf").await.unwrap();
            assert_eq!(found, (size, content.clone()));
            assert!(matches!(
                read(&export, "blobs/none").await,
                Err(ExportError::OpenFile { .. })
            ));
            assert!(matches!(
                read(&export, "blobs/ą").await,
                Err(ExportError::OpenFile { .. })
            ));
        }
    }

    #[tokio::test]
    async fn no_path_leads_out_of_the_folder_of_blobs() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("blobs")).unwrap();
        std::fs::write(folder.path().join("people.csv"), "id\n1\n").unwrap();
        let export = Export::Folder(folder.path().to_path_buf());
        let outside = folder.path().join("people.csv");
        for path in [
            "people.csv",
            "blobs/../people.csv",
            "blobs/./a",
            "blobs//a",
            "blobs/",
            "blobs\\..\\people.csv",
            "blobs/..\\people.csv",
            "/blobs/a",
            "",
            outside.to_str().unwrap(),
        ] {
            assert!(
                matches!(read(&export, path).await, Err(ExportError::BlobPath { .. })),
                "{path}"
            );
        }
    }

    #[test]
    fn only_files_in_the_folder_are_blobs() {
        let mut blobs = Blobs::default();
        assert!(blobs.note("blobs/a/b.pdf", 3));
        assert!(!blobs.note("files.csv", 5));
        assert!(!blobs.note("old/blobs/c.pdf", 5));
        assert_eq!(blobs.size("blobs/a/b.pdf"), Some(3));
        for path in [
            "blobs/a/../a/b.pdf",
            "blobs/a",
            "files.csv",
            "/blobs/a/b.pdf",
        ] {
            assert_eq!(blobs.size(path), None, "{path}");
        }
    }
}
