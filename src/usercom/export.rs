//! The export as a place: which files it has, which object each belongs to, and how to open one.
//!
//! In: a folder or a prefix of an object store. Out: [`ExportFile`]s in name order, and every file that maps to
//! nothing, so that none is ignored in silence; the folder `blobs/` apart ([`Blobs`]). Never: a look inside a file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, Stream, StreamExt};
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio_util::io::ReaderStream;

use super::blobs::{Blobs, is_inside};
use super::schema::CUSTOM_PREFIX;
use super::{ExportError, OBJECTS, custom};

/// The file that says what a complete extract holds; it is no part of the export.
pub(super) const MANIFEST: &str = "manifest.json";

/// Bytes read at a time from a blob in a folder.
const CHUNK: usize = 64 * 1024;

/// Objects that an export may hold besides the declared ones; their files are known but not staged yet.
const LATER: &[&str] = &["automations", "templates", "person_events"];

/// Where an export is.
#[derive(Clone, Debug)]
pub enum Export {
    /// A folder; links that lead out of it are left alone.
    Folder(PathBuf),
    /// A folder whose links are followed wherever they lead.
    LinkedFolder(PathBuf),
    /// A prefix in an object store.
    Store {
        /// The store.
        store: Arc<dyn ObjectStore>,
        /// The prefix.
        prefix: StorePath,
        /// How people write it.
        location: String,
    },
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Separated values with a header.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// A file that belongs to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportFile {
    /// Name inside the export, with `/`.
    pub name: String,
    /// The object it holds.
    pub object: Cow<'static, str>,
    /// How it is written.
    pub format: Format,
    /// Bytes as stored.
    pub size: u64,
    /// When it was changed last, in microseconds since 1970; none where the store does not say.
    pub changed_at: Option<i64>,
}

/// A file that is not staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Name inside the export.
    pub name: String,
    /// Why.
    pub reason: IgnoredReason,
}

/// Why a file is not staged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IgnoredReason {
    /// Its name is not that of an object.
    #[error("its name is not that of an object; map it under [source.files] in migration.toml")]
    UnknownName,
    /// Its ending is none that can be read.
    #[error("it is neither .csv nor .jsonl (.gz)")]
    UnknownFormat,
    /// It leads out of the export.
    #[error(
        "it is a link out of the export; copy what it leads to, or set follow_links = true under [source]"
    )]
    LinkOut,
    /// It is a pipe, a device, or a link to nothing.
    #[error("it is no plain file")]
    NoFile,
    /// Its object is known but not staged by this version.
    #[error("{0} are not staged by this version")]
    NotStaged(String),
}

/// All files of an export.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Files to stage, in name order.
    pub files: Vec<ExportFile>,
    /// The others, blobs apart.
    pub ignored: Vec<Ignored>,
    /// What records of `files` may name.
    pub blobs: Arc<Blobs>,
}

impl Export {
    /// The export at a folder path or a URL such as `s3://bucket/export`.
    ///
    /// # Errors
    /// [`ExportError::OpenExport`] when the URL cannot be used.
    pub fn open(location: &str) -> Result<Self, ExportError> {
        if !location.contains("://") {
            return Ok(Self::Folder(PathBuf::from(location)));
        }
        let fail = |source: Box<dyn std::error::Error + Send + Sync>| ExportError::OpenExport {
            location: location.to_owned(),
            source,
        };
        let url = url::Url::parse(location).map_err(|error| fail(error.into()))?;
        let (store, prefix) = object_store::parse_url_opts(&url, crate::config::storage_options())
            .map_err(|error| fail(error.into()))?;
        Ok(Self::Store {
            store: Arc::from(store),
            prefix,
            location: location.to_owned(),
        })
    }

    /// The same export, its links followed wherever they lead.
    #[must_use]
    pub fn following_links(self) -> Self {
        match self {
            Self::Folder(root) => Self::LinkedFolder(root),
            other => other,
        }
    }

    /// How people write the location.
    #[must_use]
    pub fn location(&self) -> String {
        match self {
            Self::Folder(path) | Self::LinkedFolder(path) => path.display().to_string(),
            Self::Store { location, .. } => location.clone(),
        }
    }

    /// Lists the files. `overrides` maps file names to objects (`[source.files]`).
    ///
    /// # Errors
    /// [`ExportError::MissingExport`], [`ExportError::ListExport`], [`ExportError::UnknownObject`], [`ExportError::UnknownFile`].
    pub async fn list(&self, overrides: &BTreeMap<String, String>) -> Result<Listing, ExportError> {
        let mut names = match self {
            Self::Folder(root) => list_folder(root, false)?,
            Self::LinkedFolder(root) => list_folder(root, true)?,
            Self::Store { store, prefix, .. } => self.list_store(store.as_ref(), prefix).await?,
        };
        names.sort_by(|left, right| left.0.cmp(&right.0));
        let mut overrides_left = overrides.clone();
        let mut listing = Listing::default();
        let mut blobs = Blobs::default();
        for (name, found) in names {
            let (size, changed_at) = match found {
                Found::File(size, changed_at) => (size, changed_at),
                Found::Nothing(reason) => {
                    blobs.note(&name, None);
                    listing.ignored.push(Ignored { name, reason });
                    continue;
                }
            };
            if blobs.note(&name, Some((size, changed_at))) || name == MANIFEST {
                continue;
            }
            let base = name.rsplit('/').next().unwrap_or(&name);
            let mapped = overrides_left
                .remove(&name)
                .or_else(|| overrides_left.remove(base))
                .or_else(|| overrides.get(base).cloned());
            let target = match mapped {
                Some(wanted) => {
                    Some(by_stem(&wanted).ok_or_else(|| ExportError::UnknownObject {
                        file: name.clone(),
                        object: wanted,
                    })?)
                }
                None => by_name(&name),
            };
            match classify(&name, target) {
                Ok((object, format)) => listing.files.push(ExportFile {
                    name,
                    object,
                    format,
                    size,
                    changed_at,
                }),
                Err(reason) => listing.ignored.push(Ignored { name, reason }),
            }
        }
        listing.blobs = Arc::new(blobs);
        if let Some((file, _)) = overrides_left.pop_first() {
            return Err(ExportError::UnknownFile {
                file,
                location: self.location(),
            });
        }
        if listing.files.is_empty() && listing.ignored.is_empty() {
            return Err(ExportError::MissingExport {
                location: self.location(),
            });
        }
        Ok(listing)
    }

    async fn list_store(
        &self,
        store: &dyn ObjectStore,
        prefix: &StorePath,
    ) -> Result<Vec<(String, Found)>, ExportError> {
        let mut names = Vec::new();
        let mut objects = store.list(Some(prefix));
        while let Some(meta) = objects.next().await {
            let meta = meta.map_err(|error| ExportError::ListExport {
                location: self.location(),
                source: io::Error::other(error),
            })?;
            let parts = meta.location.prefix_match(prefix).into_iter().flatten();
            let name = parts
                .map(|part| part.as_ref().to_owned())
                .collect::<Vec<_>>()
                .join("/");
            let changed_at = meta.last_modified.timestamp_micros();
            names.push((name, Found::File(meta.size, Some(changed_at))));
        }
        Ok(names)
    }

    /// Opens a file for reading. Call it, and read from it, on a thread that may block and belongs to a tokio runtime.
    ///
    /// # Errors
    /// [`ExportError::OpenFile`].
    pub fn reader(&self, file: &str) -> Result<Box<dyn Read + Send>, ExportError> {
        let fail = |source| ExportError::OpenFile {
            file: file.to_owned(),
            source,
        };
        match self {
            Self::Folder(root) | Self::LinkedFolder(root) => {
                let opened = std::fs::File::open(root.join(file)).map_err(fail)?;
                Ok(Box::new(opened))
            }
            Self::Store { store, prefix, .. } => {
                let path = file
                    .split('/')
                    .fold(prefix.clone(), |path, part| path.join(part));
                let handle = tokio::runtime::Handle::try_current()
                    .map_err(|error| fail(io::Error::other(error)))?;
                let result = handle
                    .block_on(store.get(&path))
                    .map_err(|error| fail(io::Error::other(error)))?;
                Ok(Box::new(StoreReader {
                    handle,
                    chunks: result.into_stream(),
                    current: Bytes::new(),
                }))
            }
        }
    }

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
            Self::Folder(root) | Self::LinkedFolder(root) => {
                // Looked at first: to open a pipe is to wait for its writer.
                let place = tokio::fs::canonicalize(root.join(path))
                    .await
                    .map_err(fail)?;
                let meta = tokio::fs::metadata(&place).await.map_err(fail)?;
                if !meta.is_file() {
                    return Err(fail(io::ErrorKind::IsADirectory.into()));
                }
                let home = tokio::fs::canonicalize(root).await.map_err(fail)?;
                if matches!(self, Self::Folder(_)) && !place.starts_with(home) {
                    return Err(ExportError::BlobPath {
                        path: path.to_owned(),
                    });
                }
                let file = tokio::fs::File::open(place).await.map_err(fail)?;
                let meta = file.metadata().await.map_err(fail)?;
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

struct StoreReader {
    handle: tokio::runtime::Handle,
    chunks: BoxStream<'static, object_store::Result<Bytes>>,
    current: Bytes,
}

impl Read for StoreReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.handle.block_on(self.chunks.next()) {
                Some(chunk) => self.current = chunk.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let count = self.current.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.current[..count]);
        self.current.advance(count);
        Ok(count)
    }
}

/// What a name in a folder stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// A file of so many bytes, and when it was changed last, in microseconds since 1970.
    File(u64, Option<i64>),
    /// Nothing that is read.
    Nothing(IgnoredReason),
}

fn list_folder(root: &Path, follow: bool) -> Result<Vec<(String, Found)>, ExportError> {
    let location = root.display().to_string();
    let mut names = Vec::new();
    let walked = std::fs::canonicalize(root).and_then(|home| {
        let mut walk = Walk {
            inside: vec![home.clone()],
            home,
            follow,
            names: &mut names,
        };
        walk.folder(root, "")
    });
    match walked {
        Ok(()) => Ok(names),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Err(ExportError::MissingExport { location })
        }
        Err(source) => Err(ExportError::ListExport { location, source }),
    }
}

/// A walk through a folder.
struct Walk<'a> {
    home: PathBuf,
    follow: bool,
    /// Folders that the walk is in, so that a link to one of them does not lead round and round.
    inside: Vec<PathBuf>,
    names: &'a mut Vec<(String, Found)>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            self.entry(&entry.path(), name)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: String) -> io::Result<()> {
        let nothing = |reason| Found::Nothing(reason);
        let Ok(place) = std::fs::canonicalize(path) else {
            self.names.push((name, nothing(IgnoredReason::NoFile)));
            return Ok(());
        };
        if !self.follow && !place.starts_with(&self.home) {
            self.names.push((name, nothing(IgnoredReason::LinkOut)));
            return Ok(());
        }
        let meta = std::fs::metadata(&place)?;
        if meta.is_dir() {
            if !self.inside.contains(&place) {
                self.inside.push(place);
                self.folder(path, &format!("{name}/"))?;
                self.inside.pop();
            }
        } else if meta.is_file() {
            let changed_at = meta.modified().ok().map(DateTime::<Utc>::from);
            let changed_at = changed_at.map(|time| time.timestamp_micros());
            self.names.push((name, Found::File(meta.len(), changed_at)));
        } else {
            self.names.push((name, nothing(IgnoredReason::NoFile)));
        }
        Ok(())
    }
}

/// What a name stands for: a declared object or one of the customer's own, or one that is known but not staged.
#[derive(Clone, Debug)]
enum Target {
    Declared(Cow<'static, str>),
    Later(String),
}

fn by_name(name: &str) -> Option<Target> {
    let mut parts = name.rsplit('/');
    let base = parts.next().unwrap_or_default();
    let folder = parts.next().and_then(by_stem);
    folder.or_else(|| by_stem(base))
}

/// The object of a stem: everything up to the first `-` or `.`, ignoring case.
fn by_stem(name: &str) -> Option<Target> {
    let stem = name
        .split(['-', '.'])
        .next()
        .unwrap_or_default()
        .trim()
        .to_lowercase();
    if let Some(found) = OBJECTS
        .iter()
        .find(|object| object.name == stem || object.stems.contains(&stem.as_str()))
    {
        return Some(Target::Declared(found.name.clone()));
    }
    if let Some(name) = stem.strip_prefix(CUSTOM_PREFIX) {
        return custom::table_name(name).map(|table| Target::Declared(Cow::Owned(table)));
    }
    let later = LATER.contains(&stem.as_str());
    later.then_some(Target::Later(stem))
}

fn classify(
    name: &str,
    target: Option<Target>,
) -> Result<(Cow<'static, str>, Format), IgnoredReason> {
    let lower = name.to_lowercase();
    let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
    let format = match plain.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv" | "tsv") => Some(Format::Csv),
        Some("jsonl" | "ndjson" | "json") => Some(Format::JsonLines),
        _ => None,
    };
    match (target, format) {
        (None, _) => Err(IgnoredReason::UnknownName),
        (Some(Target::Later(stem)), _) => Err(IgnoredReason::NotStaged(stem)),
        (Some(Target::Declared(_)), None) => Err(IgnoredReason::UnknownFormat),
        (Some(Target::Declared(object)), Some(format)) => Ok((object, format)),
    }
}

/// The object whose name is nearest to what was written.
pub(super) fn nearest_object(written: &str) -> &'static str {
    OBJECTS
        .iter()
        .map(|object| object.name.as_ref())
        .chain(LATER.iter().copied())
        .min_by_key(|name| strsim::damerau_levenshtein(name, &written.to_lowercase()))
        .unwrap_or("people")
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
