//! `manifest.json`: what a complete extract holds. It is written last, so that an extract without one is not complete.
//!
//! Every extract is whole: one that read changes only holds the files of the one before it, too (linked, not copied,
//! where the disk can). So staging reads the newest complete extract and nothing else; rows that were changed are in later files,
//! rows that were deleted are in no file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ExtractError;
pub use super::mode::{Mode, Skipped};
use super::part::DataFile;
use super::state;
use crate::usercom::export::MANIFEST;

/// An object of an extract.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Entry {
    /// How it was read.
    pub mode: Mode,
    /// Its files.
    pub files: Vec<DataFile>,
    /// Records: distinct ids.
    pub rows: u64,
    /// Records that the API said there are; nothing where it did not say.
    pub count: Option<u64>,
    /// Records that the API counted but never listed.
    pub missing: u64,
    /// The server's time when reading began: everything up to then is in.
    pub watermark: Option<DateTime<Utc>>,
    /// Fingerprint of the ids in order.
    pub ids_digest: String,
    /// Ids that were there before, or while it was read, and are gone.
    pub deleted: Vec<i64>,
    /// Version of the API that the answers had.
    pub api_version: u8,
}

/// See the module's documentation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// Name of the extract; later ones sort later.
    pub run: String,
    /// The account.
    pub source: String,
    /// The server's time when it began.
    pub started_at: DateTime<Utc>,
    /// The extract that it builds upon.
    pub base: Option<String>,
    /// Objects by name.
    pub objects: BTreeMap<String, Entry>,
    /// Objects that were not extracted.
    pub skipped: Vec<Skipped>,
    /// Files that people made, as copied from the project's folder `manual`.
    pub manual: Vec<String>,
    /// What only people can provide and did not.
    pub manual_missing: Vec<String>,
}

impl Manifest {
    /// Writes it; from then on the extract is complete.
    pub(super) fn publish(&self, folder: &Path) -> Result<(), ExtractError> {
        state::save(&folder.join(MANIFEST), self)
    }
}

/// The newest complete extract in a folder of extracts, with its own folder.
///
/// # Errors
/// [`ExtractError::File`], [`ExtractError::Damaged`].
pub fn newest(root: &Path) -> Result<Option<(PathBuf, Manifest)>, ExtractError> {
    let mut folders: Vec<PathBuf> = match fs::read_dir(root) {
        Ok(entries) => entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.join(MANIFEST).is_file())
            .collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(ExtractError::file("list", root)(error)),
    };
    folders.sort();
    let Some(folder) = folders.pop() else {
        return Ok(None);
    };
    let manifest = state::load(&folder.join(MANIFEST))?;
    Ok(manifest.map(|manifest| (folder, manifest)))
}

/// The folder that staging reads.
///
/// # Errors
/// [`ExtractError::NoExtract`], and those of [`newest`].
pub fn to_stage(root: &Path) -> Result<PathBuf, ExtractError> {
    if let Some((folder, _)) = newest(root)? {
        return Ok(folder);
    }
    let unfinished = state::unfinished(root).ok().flatten();
    Err(ExtractError::NoExtract {
        path: root.display().to_string(),
        unfinished: unfinished.map(|(places, _)| places.run),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_complete_extract_is_staged_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            to_stage(folder.path()),
            Err(ExtractError::NoExtract { .. })
        ));
        for run in ["20260101T000000Z-aaaa", "20260102T000000Z-aaaa"] {
            let path = folder.path().join(run);
            fs::create_dir(&path).unwrap();
            let manifest = Manifest {
                format: 1,
                run: run.to_owned(),
                source: "https://acme.user.com".to_owned(),
                started_at: DateTime::UNIX_EPOCH,
                base: None,
                objects: BTreeMap::new(),
                skipped: Vec::new(),
                manual: Vec::new(),
                manual_missing: Vec::new(),
            };
            manifest.publish(&path).unwrap();
        }
        fs::create_dir(folder.path().join("20260103T000000Z-aaaa")).unwrap();
        assert!(
            to_stage(folder.path())
                .unwrap()
                .ends_with("20260102T000000Z-aaaa")
        );
    }
}
