//! The files that exports make.
//!
//! In: a folder. Out: it is emptied, and the account knows which of its files may be fetched.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use super::error::UsercomSimError;

/// The files of an account, in a folder of their own.
pub(super) struct ExportFiles {
    folder: PathBuf,
    /// When each file may be fetched; none while it is being written.
    pub(super) files: Mutex<BTreeMap<String, Option<Instant>>>,
}

impl ExportFiles {
    /// An empty folder.
    pub(super) fn open(folder: &Path) -> Result<Self, UsercomSimError> {
        let state = |source| UsercomSimError::State {
            path: folder.to_owned(),
            source,
        };
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(state)?;
        }
        crate::private::folder(folder).map_err(state)?;
        Ok(Self {
            folder: folder.to_owned(),
            files: Mutex::default(),
        })
    }

    /// Where a file is.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
