//! The export's files as contents for the loader.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};

use crate::load::{BlobStream, Blobs};
use crate::usercom::Export;

/// Files of one export.
pub(crate) struct ExportBlobs(pub(crate) Export);

impl Blobs for ExportBlobs {
    fn open(&self, path: &str) -> BoxFuture<'static, std::io::Result<BlobStream>> {
        let (export, path) = (self.0.clone(), path.to_owned());
        async move {
            let (size, bytes) = export.blob(&path).await.map_err(std::io::Error::other)?;
            Ok((size, bytes.boxed()))
        }
        .boxed()
    }
}
