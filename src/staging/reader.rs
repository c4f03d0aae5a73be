//! Streams data files with the plain Parquet reader: no query planning, no file list.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{DataFile, Manifest, Staging, StagingError};

/// Batches of a table read before they are asked for.
const READ_AHEAD: usize = 2;

/// Byte ranges of one object.
struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
    bytes: u64,
}

impl AsyncFileReader for Object {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move {
            self.store
                .get_range(&self.path, range)
                .await
                .map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move {
            self.store
                .get_ranges(&self.path, &ranges)
                .await
                .map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let bytes = self.bytes;
            let metadata = ParquetMetaDataReader::new()
                .load_and_finish(self, bytes)
                .await?;
            Ok(Arc::new(metadata))
        }
        .boxed()
    }
}

impl Staging {
    /// Batches of `batch_rows` rows of the named columns of a file, in the file's own column order.
    ///
    /// # Errors
    /// [`StagingError::ReadTable`], at the start or in the stream.
    pub async fn read_file(
        &self,
        file: &DataFile,
        columns: &[&str],
        batch_rows: usize,
    ) -> Result<BoxStream<'static, Result<RecordBatch, StagingError>>, StagingError> {
        let path = file.path.clone();
        let failed = move |source| StagingError::ReadTable {
            path: path.clone(),
            source,
        };
        let object = Object {
            store: self.store(),
            path: self.absolute(&file.path),
            bytes: file.bytes,
        };
        let builder = ParquetRecordBatchStreamBuilder::new(object)
            .await
            .map_err(failed.clone())?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        let stream = builder
            .with_projection(mask)
            .with_batch_size(batch_rows)
            .build()
            .map_err(failed.clone())?;
        Ok(stream.map_err(failed).boxed())
    }

    /// Batches of all columns of a table, file after file, read ahead by a task of their own.
    ///
    /// # Errors
    /// [`StagingError::ReadTable`] in the stream.
    #[must_use]
    pub fn read_table(
        &self,
        table: &Manifest,
        batch_rows: usize,
    ) -> BoxStream<'static, Result<RecordBatch, StagingError>> {
        let names: Vec<String> = table
            .schema
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect();
        let staging = self.clone();
        let files = futures::stream::iter(table.files.clone());
        let batches = files
            .then(move |file| {
                let (staging, names) = (staging.clone(), names.clone());
                async move {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    staging.read_file(&file, &names, batch_rows).await
                }
            })
            .try_flatten();
        read_ahead(batches, READ_AHEAD)
    }
}

/// Drives a stream by a task of its own, `ahead` items before they are asked for. Dropping the result stops the task.
pub fn read_ahead<T: Send + 'static>(
    items: impl Stream<Item = T> + Send + 'static,
    ahead: usize,
) -> BoxStream<'static, T> {
    let (sender, receiver) = mpsc::channel(ahead);
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        let mut items = std::pin::pin!(items);
        while let Some(item) = items.next().await {
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    let items = futures::stream::unfold(
        (receiver, driver),
        |(mut receiver, mut driver)| async move {
            match receiver.recv().await {
                Some(item) => Some((item, (receiver, driver))),
                None => {
                    // A panic of the task must not look like the end of the stream.
                    if let Some(Err(error)) = driver.join_next().await
                        && error.is_panic()
                    {
                        std::panic::resume_unwind(error.into_panic());
                    }
                    None
                }
            }
        },
    );
    items.fuse().boxed()
}
