//! Sets of ids, in memory and on disk.
//!
//! In: ids in the order of pages. Out: whether one is new, the set in order, a fingerprint. Eight bytes an id: rows are
//! never held. On disk a set is a log of ids that is only appended to; how much of it counts, the state beside it
//! says, so that what a crash left behind is cut off.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::ExtractError;
use crate::staging::private_file;

/// Fewest ids that are merged at a time.
const FEWEST: usize = 4096;

/// A set that grows mostly in order.
#[derive(Clone, Debug, Default)]
pub(super) struct IdSet {
    sorted: Vec<i64>,
    /// Ids that came out of order.
    late: BTreeSet<i64>,
}

impl IdSet {
    /// Adds an id; `false` if it was there.
    pub(super) fn insert(&mut self, id: i64) -> bool {
        if self.late.is_empty() && self.sorted.last().is_none_or(|last| *last < id) {
            self.sorted.push(id);
            return true;
        }
        if self.contains(id) {
            return false;
        }
        self.late.insert(id);
        // A share of what is there, so that each id is moved a bounded number of times.
        if self.late.len() > FEWEST.max(self.sorted.len() / 16) {
            self.merge();
        }
        true
    }

    pub(super) fn contains(&self, id: i64) -> bool {
        self.late.contains(&id) || self.sorted.binary_search(&id).is_ok()
    }

    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.late.len()
    }

    fn merge(&mut self) {
        self.sorted.extend(std::mem::take(&mut self.late));
        // Two ordered runs, which this sort merges.
        self.sorted.sort();
    }

    /// Takes ids away.
    pub(super) fn remove(&mut self, gone: &IdSet) {
        self.merge();
        self.sorted.retain(|id| !gone.contains(*id));
    }

    /// All ids in order.
    pub(super) fn into_sorted(mut self) -> Vec<i64> {
        self.merge();
        self.sorted
    }

    /// Ids of this set that another one lacks, in order.
    pub(super) fn without(&self, other: &IdSet) -> Vec<i64> {
        let late = self.late.iter().copied();
        let mut left: Vec<i64> = self
            .sorted
            .iter()
            .copied()
            .chain(late)
            .filter(|id| !other.contains(*id))
            .collect();
        left.sort_unstable();
        left
    }
}

impl FromIterator<i64> for IdSet {
    fn from_iter<I: IntoIterator<Item = i64>>(ids: I) -> Self {
        let mut set = Self::default();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

/// A fingerprint of ids in order.
pub(super) fn digest(sorted: &[i64]) -> String {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for id in sorted {
        hash.update(&id.to_le_bytes());
    }
    format!("{:016x}", hash.digest())
}

/// A log of ids on disk.
#[derive(Debug)]
pub(super) struct IdLog {
    path: PathBuf,
    file: File,
    /// Ids that count.
    pub(super) len: u64,
}

impl IdLog {
    /// Opens a log of which `len` ids count, and reads them.
    pub(super) fn open(path: PathBuf, len: u64) -> Result<(Self, IdSet), ExtractError> {
        let set = read(&path, len)?;
        let fail = || ExtractError::file("write", &path);
        let file = private_file()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(fail())?;
        file.set_len(len * 8).map_err(fail())?;
        Ok((Self { path, file, len }, set))
    }

    /// Appends ids; they count once the state says so.
    pub(super) fn append(&mut self, ids: &[i64]) -> Result<(), ExtractError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(ids.len() * 8);
        for id in ids {
            bytes.extend_from_slice(&id.to_le_bytes());
        }
        self.file
            .write_all(&bytes)
            .map_err(ExtractError::file("write", &self.path))?;
        self.len += ids.len() as u64;
        Ok(())
    }
}

/// Reads the first `len` ids of a log; a log that is not there has none.
pub(super) fn read(path: &Path, len: u64) -> Result<IdSet, ExtractError> {
    let mut set = IdSet::default();
    if len == 0 {
        return Ok(set);
    }
    let file = File::open(path).map_err(ExtractError::file("read", path))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut bytes = [0_u8; 8];
    for _ in 0..len {
        reader
            .read_exact(&mut bytes)
            .map_err(|_| ExtractError::Damaged {
                path: path.display().to_string(),
            })?;
        set.insert(i64::from_le_bytes(bytes));
    }
    Ok(set)
}

/// Reads a whole log.
pub(super) fn read_all(path: &Path) -> Result<IdSet, ExtractError> {
    let size = std::fs::metadata(path)
        .map_err(ExtractError::file("read", path))?
        .len();
    read(path, size / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_knows_what_it_has_whatever_the_order() {
        let mut set = IdSet::default();
        for id in (1..=20_000).rev().chain(10_000..=30_000) {
            set.insert(id);
        }
        assert_eq!(set.len(), 30_000);
        assert!(!set.insert(15_000));
        let gone: IdSet = [1, 30_000].into_iter().collect();
        set.remove(&gone);
        assert!(!set.contains(1) && set.contains(2));
        assert_eq!(set.without(&(3..30_000).collect()), [2]);
        assert_eq!(set.into_sorted(), (2..30_000).collect::<Vec<_>>());
    }

    #[test]
    fn what_a_crash_left_behind_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.ids");
        let (mut log, _) = IdLog::open(path.clone(), 0).unwrap();
        log.append(&[5, 3, 9]).unwrap();
        let (mut log, set) = IdLog::open(path.clone(), 2).unwrap();
        assert_eq!(set.into_sorted(), [3, 5]);
        log.append(&[7]).unwrap();
        assert_eq!(log.len, 3);
        assert_eq!(read_all(&path).unwrap().into_sorted(), [3, 5, 7]);
        assert!(matches!(read(&path, 4), Err(ExtractError::Damaged { .. })));
    }

    #[test]
    fn a_digest_tells_sets_apart() {
        assert_eq!(digest(&[1, 2]), digest(&[1, 2]));
        assert_ne!(digest(&[1, 2]), digest(&[1, 3]));
    }
}
