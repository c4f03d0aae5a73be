//! Single objects of the staging area: journal entries, leases, manifests, documents.
//!
//! In: paths and bytes. Out: the same, or `false` where something is there already. Never: an object replaced that was made to be
//! the only one of its name.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use super::checksum::Checksum;
use super::{DataFile, Manifest, Staging, StagingError};

impl Staging {
    /// Paths of all objects under `prefix`, sorted.
    ///
    /// # Errors
    /// [`StagingError::ReadObject`].
    pub async fn list(&self, prefix: &Path) -> Result<Vec<Path>, StagingError> {
        let objects = self.objects(prefix).await?;
        Ok(objects.into_iter().map(|object| object.location).collect())
    }

    /// All objects under `prefix`, sorted by path.
    ///
    /// # Errors
    /// [`StagingError::ReadObject`].
    pub async fn objects(&self, prefix: &Path) -> Result<Vec<ObjectMeta>, StagingError> {
        let mut objects: Vec<ObjectMeta> = self
            .store
            .list(Some(prefix))
            .try_collect()
            .await
            .map_err(|source| StagingError::read(prefix, source))?;
        objects.sort_by(|one, other| one.location.cmp(&other.location));
        Ok(objects)
    }

    /// Leaves a file alone that is none of ours, and says so.
    pub fn ignore(&self, path: &Path) {
        self.foreign.ignore(&self.relative(path));
    }

    /// Whether an object is there without a single byte: what a loss of power leaves of one that was being written.
    ///
    /// # Errors
    /// [`StagingError::ReadObject`].
    pub async fn is_empty(&self, path: &Path) -> Result<bool, StagingError> {
        match self.store.head(path).await {
            Ok(meta) => Ok(meta.size == 0),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(StagingError::read(path, source)),
        }
    }

    /// Whether every file of a table is there and as long as it was written.
    ///
    /// # Errors
    /// [`StagingError::ReadObject`].
    pub async fn is_whole(&self, table: &Manifest) -> Result<bool, StagingError> {
        for file in &table.files {
            let path = self.absolute(&file.path);
            match self.store.head(&path).await {
                Ok(meta) if meta.size == file.bytes => {}
                Ok(_) | Err(object_store::Error::NotFound { .. }) => return Ok(false),
                Err(source) => return Err(StagingError::read(&path, source)),
            }
        }
        Ok(true)
    }

    /// What a manifest says of a file that another program wrote, which has this many rows.
    ///
    /// # Errors
    /// [`StagingError::ReadObject`].
    pub async fn data_file(&self, path: &Path, rows: u64) -> Result<DataFile, StagingError> {
        let failed = |source| StagingError::read(path, source);
        let mut sum = Checksum::default();
        let mut bytes = 0;
        let mut pieces = self.store.get(path).await.map_err(failed)?.into_stream();
        while let Some(piece) = pieces.try_next().await.map_err(failed)? {
            sum.add(&piece);
            bytes += piece.len() as u64;
        }
        Ok(DataFile {
            path: self.relative(path),
            rows,
            bytes,
            label: None,
            checksum: sum.text(),
            sorted_by: Vec::new(),
            text_bytes: BTreeMap::new(),
        })
    }

    /// Reads one object whole; meant for small ones.
    ///
    /// # Errors
    /// [`StagingError::ReadObject`].
    pub async fn read(&self, path: &Path) -> Result<Bytes, StagingError> {
        let result = self
            .store
            .get(path)
            .await
            .map_err(|source| StagingError::read(path, source))?;
        result
            .bytes()
            .await
            .map_err(|source| StagingError::read(path, source))
    }

    /// Writes an object that must not exist yet; `false` when it does. One that is there with these very bytes is this one: a
    /// store may have written it and its answer got lost. So what several may write must hold something of each.
    ///
    /// # Errors
    /// [`StagingError::WriteObject`].
    pub async fn create_object(&self, path: &Path, body: Bytes) -> Result<bool, StagingError> {
        let options = PutOptions::from(PutMode::Create);
        let payload = PutPayload::from_bytes(body.clone());
        match self.store.put_opts(path, payload, options).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. })
                if self.is_local() || body.is_empty() =>
            {
                Ok(false)
            }
            Err(object_store::Error::AlreadyExists { .. }) => match self.read(path).await {
                Ok(there) => Ok(there == body),
                Err(error) if error.is_not_found() => Ok(false),
                Err(error) => Err(error),
            },
            Err(source) => Err(StagingError::write(path, source)),
        }
    }

    /// Writes or replaces a document for people (reports); tables and journal never go this way.
    ///
    /// # Errors
    /// [`StagingError::WriteObject`].
    pub async fn write_document(&self, path: &Path, body: Bytes) -> Result<(), StagingError> {
        self.store
            .put(path, PutPayload::from_bytes(body))
            .await
            .map_err(|source| StagingError::write(path, source))?;
        Ok(())
    }

    /// Removes one object; one that is gone already is fine.
    ///
    /// # Errors
    /// [`StagingError::WriteObject`].
    pub async fn delete(&self, path: &Path) -> Result<(), StagingError> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(StagingError::write(path, source)),
        }
    }
}
