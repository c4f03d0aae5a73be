//! What an extract remembers so that it can go on after a crash: one small file per object, replaced as a whole.
//!
//! ```text
//! extracts/<run>/…                        data, and manifest.json when it is complete
//! extracts/.state/lock                    held while an extract runs; gone with its process
//! extracts/.state/<run>/run.json          what was asked for
//! extracts/.state/<run>/<object>.json     how far it is
//! extracts/.state/<run>/<object>.ids      ids read; .pass: of this pass; .changed: changed since; .all: in the end
//! ```
//!
//! Data is written before the state that counts it. The state of a complete extract is kept until the next one, which
//! compares ids with it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::mode::{Mode, Skipped};
use super::part::Parts;
use super::{Choices, ExtractError};
use crate::staging::{create_private_file, private_file, private_folder};
use crate::usercom::export::MANIFEST;

const STATE: &str = ".state";

/// The places of one extract.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Where all extracts are.
    pub(super) root: PathBuf,
    /// Name of this one.
    pub(super) run: String,
}

impl Places {
    pub(super) fn data(&self) -> PathBuf {
        self.root.join(&self.run)
    }

    fn state(&self) -> PathBuf {
        self.root.join(STATE).join(&self.run)
    }

    /// A file of the state.
    pub(super) fn note(&self, name: &str) -> PathBuf {
        self.state().join(name)
    }

    pub(super) fn create(&self) -> Result<(), ExtractError> {
        for folder in [self.data(), self.state()] {
            private_folder(&folder).map_err(ExtractError::file("create", &folder))?;
        }
        Ok(())
    }

    /// Removes everything of this extract.
    pub(super) fn remove(&self) -> Result<(), ExtractError> {
        for folder in [self.state(), self.data()] {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(ExtractError::file("remove", &folder)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes the states of all other extracts; nothing goes on there.
    pub(super) fn forget_others(&self) {
        for entry in fs::read_dir(self.root.join(STATE))
            .into_iter()
            .flatten()
            .flatten()
        {
            if entry.path().is_dir() && entry.file_name() != self.run.as_str() {
                // What cannot be removed only takes up space.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// What an extract was asked for and where it began.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RunState {
    pub(super) url: String,
    pub(super) choices: Choices,
    /// The server's time when it began.
    pub(super) started_at: DateTime<Utc>,
    /// The complete extract that it builds upon.
    pub(super) base: Option<String>,
    /// Objects that it reads.
    pub(super) objects: Vec<String>,
}

/// Where the reading of an object is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// Nothing was read yet.
    #[default]
    Begin,
    /// In a list, before this page.
    Page(String),
    /// At the end of a pass.
    Check,
    /// Rows of the base that are still right are in.
    Taken,
    /// Done.
    Finished,
    /// The account does not offer it.
    Missing(Skipped),
}

/// How far an object is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ObjectState {
    pub(super) step: Step,
    pub(super) mode: Mode,
    pub(super) parts: Parts,
    /// Ids that count in each log.
    pub(super) ids: u64,
    pub(super) pass_ids: u64,
    pub(super) changed: u64,
    /// Number of the pass over the list, from 1.
    pub(super) pass: u32,
    /// Pages read.
    pub(super) pages: u64,
    /// The last page of the list that had rows.
    pub(super) last_page: Option<String>,
    /// Rows that the API says there are.
    pub(super) count: Option<u64>,
    /// Whether the list moved while it was read.
    pub(super) moved: bool,
    /// Whether this pass brought anything new.
    pub(super) news: bool,
    /// Rows without an id.
    pub(super) nameless: u64,
    /// Whether answers have the shape of API v1.
    pub(super) is_v1: bool,
    /// Ids that were read and are gone.
    pub(super) deleted: Vec<i64>,
    /// Children: the last parent that is done.
    pub(super) done_through: Option<i64>,
    /// Children: a parent whose further pages are being read: its id, rows of it so far, the next page.
    pub(super) open_parent: Option<(i64, u64, String)>,
    /// Children: rows short of what the API said.
    pub(super) short: u64,
    /// Children: parents that were gone.
    pub(super) gone: u64,
    /// Whether the rows came as a bulk export.
    pub(super) is_export: bool,
}

/// Replaces a file as a whole.
pub(super) fn save(path: &Path, value: &impl Serialize) -> Result<(), ExtractError> {
    let text = serde_json::to_vec(value)
        .map_err(|error| ExtractError::file("write", path)(std::io::Error::other(error)))?;
    let fresh = path.with_extension("fresh");
    let write = || -> std::io::Result<()> {
        let mut file = create_private_file(&fresh)?;
        file.write_all(&text)?;
        fs::rename(&fresh, path)
    };
    write().map_err(ExtractError::file("write", path))
}

/// Reads what [`save`] wrote; `None` if there is nothing.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ExtractError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ExtractError::file("read", path)(error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|_| ExtractError::Damaged {
            path: path.display().to_string(),
        })
}

/// The newest extract that was begun and not finished.
pub(super) fn unfinished(root: &Path) -> Result<Option<(Places, RunState)>, ExtractError> {
    let mut runs: Vec<String> = fs::read_dir(root.join(STATE))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|run| !root.join(run).join(MANIFEST).exists())
        .collect();
    runs.sort();
    let Some(run) = runs.pop() else {
        return Ok(None);
    };
    let places = Places {
        root: root.to_path_buf(),
        run,
    };
    match load(&places.note("run.json"))? {
        Some(state) => Ok(Some((places, state))),
        None => {
            // It ended before anything was asked for.
            places.remove()?;
            Ok(None)
        }
    }
}

/// Takes the folder for this process; the hold ends with it, however it ends.
pub(super) fn lock(root: &Path) -> Result<File, ExtractError> {
    let folder = root.join(STATE);
    private_folder(&folder).map_err(ExtractError::file("create", &folder))?;
    let path = folder.join("lock");
    let file = private_file()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(ExtractError::file("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(ExtractError::Busy {
            path: root.display().to_string(),
        }),
        Err(fs::TryLockError::Error(error)) => Err(ExtractError::file("lock", &path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_writer_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        assert!(matches!(
            lock(folder.path()),
            Err(ExtractError::Busy { .. })
        ));
        drop(held);
        lock(folder.path()).unwrap();
    }

    #[test]
    fn a_state_is_read_as_it_was_written_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.json");
        assert!(load::<ObjectState>(&path).unwrap().is_none());
        let state = ObjectState {
            step: Step::Page("/api/public/users/?cursor=2".to_owned()),
            ids: 7,
            ..ObjectState::default()
        };
        save(&path, &state).unwrap();
        let read: ObjectState = load(&path).unwrap().unwrap();
        assert_eq!((read.step, read.ids), (state.step, 7));
        fs::write(&path, "{").unwrap();
        assert!(matches!(
            load::<ObjectState>(&path),
            Err(ExtractError::Damaged { .. })
        ));
    }
}
