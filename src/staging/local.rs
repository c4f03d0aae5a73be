//! A local folder as a store: nobody but its owner can read it, and what has to last is on the disk before it counts.
//!
//! In: whatever is put. Out: files of mode 0600 in folders of mode 0700; tables, manifests and the journal are synchronised with
//! the disk before the call returns, documents for people and signs of life are not. Folders that were there before keep their mode.

use std::fmt::{self, Display, Formatter};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};

/// The store of a `file:` URL.
#[derive(Debug, Default)]
pub(super) struct LocalStore {
    inner: LocalFileSystem,
}

impl Display for LocalStore {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.inner, out)
    }
}

impl LocalStore {
    /// The file of an object; its folders are made.
    async fn prepare(&self, location: &Path) -> Result<PathBuf> {
        let path = self.inner.path_to_filesystem(location)?;
        let folder = path.parent().map(FilePath::to_owned);
        blocking(move || folder.map_or(Ok(()), |folder| private_folder(&folder))).await?;
        Ok(path)
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let path = self.prepare(location).await?;
        let lasting = options.mode == PutMode::Create || is_table(location);
        let put = self.inner.put_opts(location, payload, options).await?;
        blocking(move || settle(&path, lasting)).await?;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.prepare(location).await?;
        let inner = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(Upload { inner, path }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.prepare(to).await?;
        self.inner.copy_opts(from, to, options).await
    }
}

/// A file that is written in parts.
#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    path: PathBuf,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let put = self.inner.complete().await?;
        let path = self.path.clone();
        blocking(move || settle(&path, true)).await?;
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

fn is_table(location: &Path) -> bool {
    location.extension() == Some("parquet")
}

/// Makes a folder and those above it that are not there, for their owner alone.
///
/// # Errors
/// The system's.
pub(crate) fn private_folder(folder: &FilePath) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// How files are opened that are for their owner alone, if they are made by it.
pub(crate) fn private_file() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// An empty file for its owner alone, to be written.
pub(crate) fn create_private_file(path: &FilePath) -> io::Result<File> {
    private_file()
        .create(true)
        .truncate(true)
        .write(true)
        .open(path)
}

/// Writes a file for its owner alone, in folders that are.
pub(crate) fn write_private(path: &FilePath, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    io::Write::write_all(&mut create_private_file(path)?, bytes)
}

/// Takes a file from everybody but its owner; a lasting one is on the disk afterwards, with its name.
fn settle(path: &FilePath, lasting: bool) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        // Somebody removed it at once: of two who take over a lease, one clears up.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    if !lasting {
        return Ok(());
    }
    file.sync_all()?;
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    // The names of new folders are entries of those above.
    for folder in folder.ancestors().take(NEW_FOLDERS) {
        // A folder of somebody else, or a file system that cannot do it.
        if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
            tracing::debug!(%error, "a folder is not synchronised with the disk");
            break;
        }
    }
    Ok(())
}

/// How many folders above an object may be as new as it.
const NEW_FOLDERS: usize = 2;

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<()> {
    let failed = |source| Error::Generic {
        store: "staging area",
        source,
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| failed(error.into())),
        Err(error) => Err(failed(error.into())),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::staging::Staging;

    #[cfg(unix)]
    fn mode(path: &FilePath) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_lies_in_the_area_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let area = folder.path().join("area");
        let staging = Staging::open(area.to_str().unwrap()).unwrap();
        let document = staging.org_path(&["reports", "r1", "summary.md"]);
        staging
            .write_document(&document, "a person".into())
            .await
            .unwrap();
        let entry = staging.org_path(&["journal", "r1", "00000000.json"]);
        assert!(staging.create_object(&entry, "{}".into()).await.unwrap());
        for (place, expected) in [
            ("", 0o700),
            ("reports", 0o700),
            ("reports/r1", 0o700),
            ("reports/r1/summary.md", 0o600),
            ("journal/r1/00000000.json", 0o600),
        ] {
            assert_eq!(mode(&area.join(place)), expected, "{place}");
        }
    }
}
