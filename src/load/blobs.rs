//! Where the contents of files come from, while they are sent.

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// A stream of a file's bytes, with its length.
pub type BlobStream = (u64, BoxStream<'static, std::io::Result<Bytes>>);

/// Where the contents of files come from.
pub trait Blobs: Send + Sync {
    /// Opens a file by its path in the export.
    fn open(&self, path: &str) -> BoxFuture<'static, std::io::Result<BlobStream>>;
}
