//! The one Parquet writer: declared schema, row groups of one size, recorded sort order.
//!
//! In: batches in their final order. Out: files of one version. Never: schema inference, random file names
//! in a folder that somebody reads, or a table without a file (`guide/engine.md` 3).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use object_store::ObjectStoreExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use tokio::io::AsyncWriteExt;

use super::checksum::Checksum;
use super::encoder::Encoder;
use super::{DataFile, Manifest, Staging, StagingError};

/// Bytes after which a column's values are no longer collected in a dictionary: few values fit, and names, addresses
/// and keys, which are nearly all different, do not cost a hash each for long.
const DICTIONARY_BYTES: usize = 64 << 10;

/// Bytes buffered before they go to the store.
const UPLOAD_BYTES: usize = 8 << 20;

/// Writes one version of one table.
pub struct TableWriter {
    staging: Staging,
    manifest: Manifest,
    folder: Path,
    label: Option<String>,
    /// Boxed: whoever holds a writer is a future, and those are moved.
    open: Option<Box<OpenFile>>,
}

struct OpenFile {
    path: Path,
    rows: u64,
    encoder: Encoder,
    object: BufWriter,
    checksum: Checksum,
}

impl OpenFile {
    async fn write(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let bytes = self.encoder.write(batch).await?;
        self.checksum.add(&bytes);
        Ok(self.object.write_all(&bytes).await?)
    }

    /// Returns the checksum of the whole file, and the bytes of each column's texts.
    async fn close(mut self: Box<Self>) -> Result<(String, BTreeMap<String, u64>), ParquetError> {
        let (bytes, texts) = self.encoder.finish().await?;
        self.checksum.add(&bytes);
        self.object.write_all(&bytes).await?;
        self.object.shutdown().await?;
        Ok((self.checksum.text(), texts))
    }
}

impl TableWriter {
    pub(super) fn start(
        staging: Staging,
        schema_name: &str,
        table: &str,
        folder: Path,
        schema: SchemaRef,
        sorted_by: &[&str],
    ) -> Result<Self, StagingError> {
        let manifest = Manifest {
            schema_name: schema_name.to_owned(),
            table: table.to_owned(),
            version: 0,
            published_at: chrono::Utc::now(),
            rows: 0,
            files: Vec::new(),
            sorted_by: sorted_by.iter().map(|&name| name.to_owned()).collect(),
            counts: BTreeMap::new(),
            columns: BTreeMap::new(),
            basis: None,
            schema,
        };
        Ok(Self {
            staging,
            manifest,
            folder,
            label: None,
            open: None,
        })
    }

    /// Says the same of every file of this writer; see [`DataFile::label`].
    #[must_use]
    pub fn labelled(mut self, label: &str) -> Self {
        self.label = Some(label.to_owned());
        self
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.manifest.rows + self.open.as_ref().map_or(0, |file| file.rows)
    }

    /// Appends a batch, which must have exactly the table's column types.
    ///
    /// # Errors
    /// [`StagingError::BatchSchema`], [`StagingError::WriteTable`].
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), StagingError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = self.conform(batch)?;
        if self.open.is_none() {
            self.open = Some(Box::new(self.open_file()?));
        }
        if let Some(file) = &mut self.open {
            file.rows += batch.num_rows() as u64;
            file.write(&batch)
                .await
                .map_err(|source| StagingError::WriteTable {
                    table: self.manifest.name(),
                    path: file.path.to_string(),
                    source,
                })?;
        }
        Ok(())
    }

    /// Closes the current file; the next batch starts another one.
    ///
    /// # Errors
    /// [`StagingError::WriteTable`].
    pub async fn next_file(&mut self) -> Result<(), StagingError> {
        let Some(file) = self.open.take() else {
            return Ok(());
        };
        let (path, rows) = (file.path.clone(), file.rows);
        let (checksum, text_bytes) =
            file.close()
                .await
                .map_err(|source| StagingError::WriteTable {
                    table: self.manifest.name(),
                    path: path.to_string(),
                    source,
                })?;
        let meta = self
            .staging
            .store
            .head(&path)
            .await
            .map_err(|source| StagingError::write(&path, source))?;
        self.manifest.rows += rows;
        self.manifest.files.push(DataFile {
            path: self.staging.relative(&path),
            rows,
            bytes: meta.size,
            label: self.label.clone(),
            checksum,
            sorted_by: Vec::new(),
            text_bytes,
        });
        Ok(())
    }

    /// Closes the files without making them the table's current version.
    ///
    /// # Errors
    /// [`StagingError::WriteTable`].
    pub async fn finish(mut self, counts: BTreeMap<String, u64>) -> Result<Manifest, StagingError> {
        if self.open.is_none() && self.manifest.files.is_empty() {
            self.open = Some(Box::new(self.open_file()?));
        }
        self.next_file().await?;
        self.manifest.counts = counts;
        self.manifest.published_at = chrono::Utc::now();
        Ok(self.manifest)
    }

    /// Closes the files and writes the manifest: from now on this is the table.
    ///
    /// # Errors
    /// [`StagingError::WriteTable`], [`StagingError::WriteObject`].
    pub async fn publish(self, counts: BTreeMap<String, u64>) -> Result<Manifest, StagingError> {
        let staging = self.staging.clone();
        let manifest = self.finish(counts).await?;
        staging.publish(manifest).await
    }

    /// Removes what was written.
    pub async fn discard(mut self) {
        self.open = None;
        if let Ok(paths) = self.staging.list(&self.folder).await {
            for path in paths {
                if let Err(error) = self.staging.delete(&path).await {
                    tracing::debug!(%error, "left an unused file behind");
                }
            }
        }
    }

    fn open_file(&self) -> Result<OpenFile, StagingError> {
        let path = self
            .folder
            .clone()
            .join(format!("part-{:05}.parquet", self.manifest.files.len()));
        let schema = &self.manifest.schema;
        let sorting: Vec<SortingColumn> = self
            .manifest
            .sorted_by
            .iter()
            .filter_map(|name| schema.index_of(name).ok())
            .filter_map(|index| i32::try_from(index).ok())
            .map(|column_idx| SortingColumn {
                column_idx,
                descending: false,
                nulls_first: true,
            })
            .collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::LZ4_RAW)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_sorting_columns((!sorting.is_empty()).then_some(sorting))
            .build();
        let object =
            BufWriter::with_capacity(Arc::clone(&self.staging.store), path.clone(), UPLOAD_BYTES)
                .with_max_concurrency(2);
        let encoder =
            Encoder::new(schema, properties).map_err(|source| StagingError::WriteTable {
                table: self.manifest.name(),
                path: path.to_string(),
                source,
            })?;
        Ok(OpenFile {
            path,
            rows: 0,
            encoder,
            object,
            checksum: Checksum::default(),
        })
    }

    /// Same columns under the declared schema (nullability and metadata may differ, types may not).
    fn conform(&self, batch: &RecordBatch) -> Result<RecordBatch, StagingError> {
        if batch.schema_ref() == &self.manifest.schema {
            return Ok(batch.clone());
        }
        RecordBatch::try_new(Arc::clone(&self.manifest.schema), batch.columns().to_vec()).map_err(
            |source| StagingError::BatchSchema {
                table: self.manifest.name(),
                source,
            },
        )
    }
}
