//! The staging area: where every table lives, and the only way steps hand data to each other.
//!
//! In: record batches of a declared schema. Out: Parquet files in a new, immutable folder, and a
//! numbered [`Manifest`] that is written last and makes them the table's current version.
//! A crash leaves files nobody refers to, never half a table. Nothing is overwritten.
//!
//! ```text
//! <work>/tables/<schema>/<table>/<attempt>/part-00000.parquet      shared: usercom, rejects, config
//! <work>/manifests/<schema>/<table>/0000000001.json
//! <work>/orgs/<organisation id>/{tables,manifests}/…               per org: prepare, outbox, ledger, org, recon
//! <work>/current/<schema>/<table>/00000.parquet                    links to the current version's files, for other tools
//! <work>/shards/<n>/<i>.json                                       what one of n processes staged, until all are published
//! <work>/orgs/<organisation id>/published/ledger/<table>/0000000001  which version of a ledger was published last
//! ```
//!
//! A folder path or an `s3://bucket/prefix` URL work alike (`object_store`).

mod basis;
mod checksum;
mod current;
mod document;
mod encoder;
mod error;
mod foreign;
mod lease;
mod local;
mod manifest;
mod objects;
mod published;
mod reader;
mod refusal;
mod snapshot;
mod stable;
mod writer;

pub use basis::{Basis, digest_of};
pub use checksum::{ChecksumError, verified, with_checksum};
pub use document::DocumentWriter;
pub use error::StagingError;
pub use lease::{Holder, Lease};
pub(crate) use local::{create_private_file, private_file, private_folder, write_private};
pub use manifest::{ColumnBook, DataFile, Manifest};
pub use reader::read_ahead;
pub use refusal::Refusal;
pub use snapshot::Snapshot;
pub use writer::TableWriter;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::datatypes::SchemaRef;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

use checksum::Checksum;
use current::{CurrentVersions, Versions};
use error::Cause;
use foreign::ForeignFiles;
use local::LocalStore;

/// Schemas whose tables do not depend on the destination; all others are kept per organisation.
pub const SHARED_SCHEMAS: [&str; 4] = ["usercom", "rejects", "staged", "config"];

/// Files whose checksums are looked at beside each other: of many small ones, most of the time is waiting for the store.
const VERIFIED_AT_ONCE: usize = 8;

/// A handle on the staging area; cheap to clone.
#[derive(Clone, Debug)]
pub struct Staging {
    store: Arc<dyn ObjectStore>,
    store_url: Url,
    root: Path,
    org: Option<String>,
    /// Manifests whose files were all there when they were read, by path: a published version never changes.
    known: Arc<Mutex<HashMap<Path, Arc<Manifest>>>>,
    /// Current versions, while this process has the lease: nobody else publishes then.
    current: Arc<CurrentVersions>,
    foreign: Arc<ForeignFiles>,
}

/// Manifests up to which their files are looked at one by one rather than by listing all.
const FEW: usize = 32;

impl Staging {
    /// Opens the staging area at a folder path or URL. The folder is made when the first object is written.
    ///
    /// # Errors
    /// [`StagingError::OpenArea`] when the URL cannot be used.
    pub fn open(location: &str) -> Result<Self, StagingError> {
        let open = |source: Cause| StagingError::OpenArea {
            location: location.to_owned(),
            source,
        };
        let url = if location.contains("://") {
            Url::parse(location).map_err(|error| open(error.into()))?
        } else {
            let path =
                crate::config::plain_path(location.as_ref()).map_err(|error| open(error.into()))?;
            Url::from_directory_path(&path).map_err(|()| open("not a usable path".into()))?
        };
        let (store, root) = object_store::parse_url_opts(&url, crate::config::storage_options())
            .map_err(|error| open(error.into()))?;
        let mut store_url = url;
        store_url.set_path("");
        let store: Arc<dyn ObjectStore> = match store_url.scheme() {
            "file" => Arc::new(LocalStore::default()),
            _ => Arc::from(store),
        };
        Ok(Self {
            store,
            store_url,
            root,
            org: None,
            known: Arc::default(),
            current: Arc::default(),
            foreign: Arc::default(),
        })
    }

    /// The area over a store of the caller's own.
    #[cfg(test)]
    pub(crate) fn over(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            ..Self::open("memory:///").unwrap()
        }
    }

    /// The same area with the tables of one destination organisation in view (`guide/rules.md` 29).
    #[must_use]
    pub fn with_org(&self, org: &str) -> Self {
        Self {
            org: Some(org.to_owned()),
            ..self.clone()
        }
    }

    /// The organisation in view, if one is.
    #[must_use]
    pub fn org(&self) -> Option<&str> {
        self.org.as_deref()
    }

    /// The store below, for registering it with the engine.
    #[must_use]
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// The URL under which the engine knows [`Self::store`] (`file:///`, `s3://bucket`).
    #[must_use]
    pub fn store_url(&self) -> &Url {
        &self.store_url
    }

    fn is_local(&self) -> bool {
        self.store_url.scheme() == "file"
    }

    /// The local folder of the area, if it is one.
    #[must_use]
    pub fn local_folder(&self) -> Option<std::path::PathBuf> {
        self.is_local()
            .then(|| std::path::PathBuf::from(format!("/{}", self.root)))
    }

    /// Where an object is, as people find it: a path of this machine, or the address in the store.
    #[must_use]
    pub fn place(&self, path: &Path) -> String {
        match self.store_url.scheme() {
            "file" => format!("/{path}"),
            _ => format!("{}/{path}", self.store_url.as_str().trim_end_matches('/')),
        }
    }

    /// Path inside the store of a data file.
    #[must_use]
    pub fn absolute(&self, path: &str) -> Path {
        Path::from(path)
            .parts()
            .fold(self.root.clone(), |whole, part| whole.join(part))
    }

    /// Path inside the area of a data file, so that the area can be moved.
    #[must_use]
    pub fn relative(&self, path: &Path) -> String {
        path.prefix_match(&self.root).map_or_else(
            || path.to_string(),
            |parts| parts.collect::<Path>().to_string(),
        )
    }

    fn base(&self, schema: &str) -> Path {
        match (&self.org, SHARED_SCHEMAS.contains(&schema)) {
            (Some(org), false) => self.root.clone().join("orgs").join(org.as_str()),
            _ => self.root.clone(),
        }
    }

    /// Path of an object outside the tables (journal, reports): relative to the organisation in view.
    #[must_use]
    pub fn org_path(&self, parts: &[&str]) -> Path {
        parts
            .iter()
            .fold(self.base(""), |path, part| path.join(*part))
    }

    /// Starts a new version of a table in a folder of its own. Nobody sees it before
    /// [`TableWriter::publish`].
    ///
    /// # Errors
    /// [`StagingError::WriteTable`] when the store refuses the first file.
    pub async fn create(
        &self,
        schema_name: &str,
        table: &str,
        schema: SchemaRef,
        sorted_by: &[&str],
    ) -> Result<TableWriter, StagingError> {
        let folder = self.new_folder(schema_name, table);
        TableWriter::start(self.clone(), schema_name, table, folder, schema, sorted_by)
    }

    /// A folder for the files of a new version of a table.
    #[must_use]
    pub fn new_folder(&self, schema_name: &str, table: &str) -> Path {
        let attempt = format!("{:016x}", rand::random::<u64>());
        self.base(schema_name)
            .join("tables")
            .join(schema_name)
            .join(table)
            .join(attempt)
    }

    /// Reads the manifests of every table in view once, so that whoever queries sees one consistent state, and
    /// makes sure that every file they name is there whole.
    ///
    /// # Errors
    /// [`StagingError::ReadObject`], [`StagingError::ReadManifest`], [`StagingError::MissingFile`].
    pub async fn snapshot(&self) -> Result<Snapshot, StagingError> {
        let mut bases = vec![self.root.clone()];
        if let Some(org) = &self.org {
            bases.push(self.root.clone().join("orgs").join(org.as_str()));
        }
        if let Some(snapshot) = self.current.snapshot(&bases) {
            return Ok(snapshot);
        }
        let count = self.current.count();
        let mut newest = Versions::new();
        for base in &bases {
            let versions = match self.current.of(base) {
                Some(versions) => versions,
                None => self.versions(base).await?,
            };
            newest.extend(versions);
        }
        let mut snapshot = Snapshot::default();
        let mut fresh = Vec::new();
        for (_, path) in newest.into_values() {
            if let Some(manifest) = self.known().get(&path).cloned() {
                snapshot.insert(manifest);
                continue;
            }
            let manifest = Arc::new(self.read_manifest(&path).await?);
            fresh.push((path, Arc::clone(&manifest)));
            snapshot.insert(manifest);
        }
        // Files are looked for after the manifests, so that those of a version published meanwhile do no harm.
        self.check_files(&bases, &fresh).await?;
        self.known().extend(fresh);
        self.current.keep_snapshot(bases, &snapshot, count);
        Ok(snapshot)
    }

    /// Lists the current version of every table below a base.
    async fn versions(&self, base: &Path) -> Result<Versions, StagingError> {
        let count = self.current.count();
        // Before the manifests: one that is published meanwhile has no mark yet.
        let marks = published::newest(self, base).await?;
        let mut newest = Versions::new();
        for path in self.list(&base.clone().join("manifests")).await? {
            let Some((schema, table, version)) = manifest::parse_path(base, &path) else {
                self.ignore(&path);
                continue;
            };
            let slot = newest
                .entry((schema, table))
                .or_insert((version, path.clone()));
            if version > slot.0 {
                *slot = (version, path);
            }
        }
        published::check(marks, &newest)?;
        self.current.keep(base, &newest, count);
        Ok(newest)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Path, Arc<Manifest>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails if a file that a manifest names is not there, or not as long as it was.
    async fn check_files(
        &self,
        bases: &[Path],
        manifests: &[(Path, Arc<Manifest>)],
    ) -> Result<(), StagingError> {
        let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
        if manifests.len() > FEW {
            for base in bases {
                let tables = base.clone().join("tables");
                let files: Vec<_> = self
                    .store
                    .list(Some(&tables))
                    .map_ok(|meta| (self.relative(&meta.location), meta.size))
                    .try_collect()
                    .await
                    .map_err(|source| StagingError::read(&tables, source))?;
                sizes.extend(files);
            }
        }
        for (_, manifest) in manifests {
            for file in &manifest.files {
                let size = match sizes.get(&file.path) {
                    Some(&size) => Some(size),
                    None if manifests.len() > FEW => None,
                    None => match self.store.head(&self.absolute(&file.path)).await {
                        Ok(meta) => Some(meta.size),
                        Err(object_store::Error::NotFound { .. }) => None,
                        Err(source) => {
                            return Err(StagingError::read(&self.absolute(&file.path), source));
                        }
                    },
                };
                if size != Some(file.bytes) {
                    return Err(StagingError::MissingFile {
                        table: manifest.name(),
                        path: file.path.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    async fn read_manifest(&self, path: &Path) -> Result<Manifest, StagingError> {
        let bytes = self.read(path).await?;
        verified(&bytes, &self.relative(path)).map_err(|source| StagingError::ReadManifest {
            path: path.to_string(),
            source,
        })
    }

    /// Reads every file of these tables and makes sure that each is what was written. Memory: one read of the store.
    ///
    /// # Errors
    /// [`StagingError::AlteredFile`], [`StagingError::ReadObject`].
    pub async fn verify(
        &self,
        tables: impl Iterator<Item = &Manifest>,
    ) -> Result<(), StagingError> {
        let files = tables.flat_map(|table| table.files.iter().map(move |file| (table, file)));
        let checked: Vec<_> = files
            .map(|(table, file)| self.verify_file(table, file))
            .collect();
        stream::iter(checked)
            .buffer_unordered(VERIFIED_AT_ONCE)
            .try_collect()
            .await
    }

    async fn verify_file(&self, table: &Manifest, file: &DataFile) -> Result<(), StagingError> {
        let path = self.absolute(&file.path);
        let failed = |source| StagingError::read(&path, source);
        let mut bytes = self.store.get(&path).await.map_err(failed)?.into_stream();
        let mut sum = Checksum::default();
        while let Some(chunk) = bytes.try_next().await.map_err(failed)? {
            sum.add(&chunk);
        }
        match sum.text() == file.checksum {
            true => Ok(()),
            false => Err(StagingError::AlteredFile {
                table: table.name(),
                path: file.path.clone(),
            }),
        }
    }

    /// Makes `manifest` the table's current version, unless it is that already, and removes files that no longer have a reader:
    /// those that only versions before the previous one refer to.
    ///
    /// # Errors
    /// [`StagingError::WriteObject`], [`StagingError::ReadManifest`].
    pub async fn publish(&self, mut manifest: Manifest) -> Result<Manifest, StagingError> {
        let base = self.base(&manifest.schema_name);
        let folder = base
            .clone()
            .join("manifests")
            .join(manifest.schema_name.as_str())
            .join(manifest.table.as_str());
        loop {
            let mut versions: Vec<(u64, Path)> = self
                .list(&folder)
                .await?
                .into_iter()
                .filter_map(|path| Some((manifest::parse_path(&base, &path)?.2, path)))
                .collect();
            versions.sort();
            if let Some((version, path)) = versions.last()
                && *version == manifest.version
                && self.manifest(path).await?.is_same(&manifest)
            {
                return Ok(manifest);
            }
            manifest.version = versions.last().map_or(1, |(version, _)| version + 1);
            let path = folder
                .clone()
                .join(format!("{:010}.json", manifest.version));
            let place = self.relative(&path);
            let body =
                with_checksum(&manifest, &place).map_err(|error| StagingError::ReadManifest {
                    path: path.to_string(),
                    source: error.into(),
                })?;
            if self.create_object(&path, body.into()).await? {
                let published = Arc::new(manifest.clone());
                self.known().insert(path.clone(), Arc::clone(&published));
                self.current.published(&base, &published, &path);
                published::mark(self, &base, &manifest).await?;
                stable::point(self, &base, &manifest).await;
                self.sweep(&manifest, &versions).await?;
                return Ok(manifest);
            }
        }
    }

    /// The manifest at a path, which is read only if this process neither read nor wrote it before.
    async fn manifest(&self, path: &Path) -> Result<Arc<Manifest>, StagingError> {
        let known = self.known().get(path).cloned();
        match known {
            Some(manifest) => Ok(manifest),
            None => Ok(Arc::new(self.read_manifest(path).await?)),
        }
    }

    async fn sweep(&self, current: &Manifest, earlier: &[(u64, Path)]) -> Result<(), StagingError> {
        let Some(((_, previous), old)) = earlier.split_last() else {
            return Ok(());
        };
        if old.is_empty() {
            return Ok(());
        }
        let previous = self.manifest(previous).await?;
        let kept: std::collections::BTreeSet<&str> = current
            .files
            .iter()
            .chain(&previous.files)
            .map(|file| file.path.as_str())
            .collect();
        for (_, path) in old {
            let manifest = self.manifest(path).await?;
            for file in &manifest.files {
                if !kept.contains(file.path.as_str()) {
                    self.delete(&self.absolute(&file.path)).await?;
                }
            }
            self.delete(path).await?;
            self.known().remove(path);
        }
        Ok(())
    }

    /// Removes data files that no manifest refers to and that are older than `age`: what a killed process left
    /// behind. Returns how many.
    ///
    /// # Errors
    /// [`StagingError::ReadObject`], [`StagingError::ReadManifest`], [`StagingError::WriteObject`].
    pub async fn sweep_leftovers(&self, age: std::time::Duration) -> Result<u64, StagingError> {
        let mut removed = 0;
        let org = self
            .org
            .as_ref()
            .map(|org| self.root.clone().join("orgs").join(org.as_str()));
        for base in std::iter::once(self.root.clone()).chain(org) {
            let mut kept = std::collections::BTreeSet::new();
            for path in self.list(&base.clone().join("manifests")).await? {
                if manifest::parse_path(&base, &path).is_none() {
                    self.ignore(&path);
                    continue;
                }
                let manifest = self.read_manifest(&path).await?;
                kept.extend(manifest.files.into_iter().map(|file| file.path));
            }
            let now = chrono::Utc::now();
            for file in self.objects(&base.join("tables")).await? {
                if file.location.extension() != Some("parquet") {
                    self.ignore(&file.location);
                    continue;
                }
                let old = (now - file.last_modified)
                    .to_std()
                    .is_ok_and(|since| since >= age);
                if old && !kept.contains(&self.relative(&file.location)) {
                    self.delete(&file.location).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }

    /// Removes the files of a version that is not published; one that stays behind has no reader and is swept later. A published
    /// one stays: it stood, and nobody made it for this once.
    pub async fn remove(&self, table: &Manifest) {
        if table.version > 0 {
            return;
        }
        for file in &table.files {
            if let Err(error) = self.delete(&self.absolute(&file.path)).await {
                tracing::debug!(%error, "left an unused file behind");
            }
        }
    }
}

#[cfg(test)]
mod remote_tests;
#[cfg(test)]
mod tests;
