//! Files in the staging area that the program did not write: `.DS_Store` and the like.
//!
//! In: paths. Out: a warning for each, once per process. Never: an error; such a file does no harm, and is not removed.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What was met so far.
#[derive(Debug, Default)]
pub(super) struct ForeignFiles(Mutex<BTreeSet<String>>);

impl ForeignFiles {
    pub(super) fn ignore(&self, path: &str) {
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if met.insert(path.to_owned()) {
            tracing::warn!(
                "{path} in the staging area is none of its files, or was left empty by a loss of power: it is ignored"
            );
        }
    }
}
