//! The current version of every table, known without listing the store again.
//!
//! In: listings, and what this process publishes. Out: versions by base. Never: anything kept while another process may publish.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::path::Path;

use super::{Manifest, Snapshot};

/// Version and manifest of each table, by its names.
pub(super) type Versions = BTreeMap<(String, String), (u64, Path)>;

/// What is known of the tables below each base without listing them again.
#[derive(Debug, Default)]
pub(super) struct CurrentVersions {
    alone: AtomicBool,
    /// Versions published so far: a listing that one of them overtook is not kept.
    published: AtomicU64,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    bases: HashMap<Path, Versions>,
    /// The last snapshot over some bases, with what was published since.
    snapshots: HashMap<Vec<Path>, Snapshot>,
}

impl CurrentVersions {
    /// Versions published so far.
    pub(super) fn count(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process is the only writer from now on.
    pub(super) fn set_alone(&self, alone: bool) {
        *self.tables() = Tables::default();
        self.alone.store(alone, Ordering::Release);
    }

    pub(super) fn of(&self, base: &Path) -> Option<Versions> {
        self.tables().bases.get(base).cloned()
    }

    pub(super) fn snapshot(&self, bases: &[Path]) -> Option<Snapshot> {
        self.tables().snapshots.get(bases).cloned()
    }

    pub(super) fn keep(&self, base: &Path, versions: &Versions, published: u64) {
        let mut tables = self.tables();
        if self.is_current(published) {
            tables.bases.insert(base.clone(), versions.clone());
        }
    }

    pub(super) fn keep_snapshot(&self, bases: Vec<Path>, snapshot: &Snapshot, published: u64) {
        let mut tables = self.tables();
        if self.is_current(published) {
            tables.snapshots.insert(bases, snapshot.clone());
        }
    }

    fn is_current(&self, published: u64) -> bool {
        self.published.load(Ordering::Acquire) == published && self.alone.load(Ordering::Acquire)
    }

    pub(super) fn published(&self, base: &Path, manifest: &Arc<Manifest>, path: &Path) {
        let mut tables = self.tables();
        self.published.fetch_add(1, Ordering::AcqRel);
        if let Some(versions) = tables.bases.get_mut(base) {
            let name = (manifest.schema_name.clone(), manifest.table.clone());
            versions.insert(name, (manifest.version, path.clone()));
        }
        for (bases, snapshot) in &mut tables.snapshots {
            if bases.contains(base) {
                snapshot.insert(Arc::clone(manifest));
            }
        }
    }
}
