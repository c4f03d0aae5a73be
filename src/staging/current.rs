//! The current version of every table, known without listing the store again.
//!
//! In: listings, and what this process publishes. Out: versions by base. Never: anything kept while another process may publish.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use object_store::path::Path;

use super::Manifest;

/// Version and manifest of each table, by its names.
pub(super) type Versions = BTreeMap<(String, String), (u64, Path)>;

/// What is known of the tables below each base without listing them again.
#[derive(Debug, Default)]
pub(super) struct CurrentVersions {
    alone: AtomicBool,
    /// Versions published so far: a listing that one of them overtook is not kept.
    published: AtomicU64,
    bases: Mutex<HashMap<Path, Versions>>,
}

impl CurrentVersions {
    /// Versions published so far.
    pub(super) fn count(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    fn bases(&self) -> MutexGuard<'_, HashMap<Path, Versions>> {
        self.bases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process is the only writer from now on.
    pub(super) fn set_alone(&self, alone: bool) {
        self.bases().clear();
        self.alone.store(alone, Ordering::Release);
    }

    pub(super) fn of(&self, base: &Path) -> Option<Versions> {
        self.bases().get(base).cloned()
    }

    pub(super) fn keep(&self, base: &Path, versions: &Versions, published: u64) {
        let mut bases = self.bases();
        let is_current = self.published.load(Ordering::Acquire) == published;
        if is_current && self.alone.load(Ordering::Acquire) {
            bases.insert(base.clone(), versions.clone());
        }
    }

    pub(super) fn published(&self, base: &Path, manifest: &Manifest, path: &Path) {
        let mut bases = self.bases();
        self.published.fetch_add(1, Ordering::AcqRel);
        if let Some(versions) = bases.get_mut(base) {
            let name = (manifest.schema_name.clone(), manifest.table.clone());
            versions.insert(name, (manifest.version, path.clone()));
        }
    }
}
