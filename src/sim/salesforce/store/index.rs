//! Key → positions of the rows that have it.
//!
//! In: the hash of a key and a position. Out: candidate positions. Only hashes are kept (12 bytes a row and key); the
//! caller compares the rows' own values, so two keys with one hash are told apart.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

/// Hash of a key; one that ignores case is hashed in lower case.
pub(crate) fn key_hash(value: &[u8], case_sensitive: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    if case_sensitive {
        hasher.write(value);
    } else if value.is_ascii() {
        let mut small = [0u8; 64];
        for block in value.chunks(64) {
            let lower = &mut small[..block.len()];
            lower.copy_from_slice(block);
            lower.make_ascii_lowercase();
            hasher.write(lower);
        }
    } else {
        hasher.write(String::from_utf8_lossy(value).to_lowercase().as_bytes());
    }
    hasher.finish()
}

/// Whether two keys are one.
pub(super) fn key_equal(a: &[u8], b: &[u8], case_sensitive: bool) -> bool {
    if case_sensitive || (a.is_ascii() && b.is_ascii()) {
        return if case_sensitive {
            a == b
        } else {
            a.eq_ignore_ascii_case(b)
        };
    }
    String::from_utf8_lossy(a).to_lowercase() == String::from_utf8_lossy(b).to_lowercase()
}

/// The rows that have a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Matches {
    /// No row.
    None,
    /// Exactly one.
    One(u32),
    /// Several.
    Many(Vec<u32>),
}

/// Passes a hash through: the keys of the map are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Hashed>>;

/// Index over one field.
pub(super) struct Index {
    pub(super) field: u16,
    pub(super) case_sensitive: bool,
    first: ByHash<u32>,
    further: ByHash<Vec<u32>>,
}

impl Index {
    pub(super) fn new(field: u16, case_sensitive: bool) -> Self {
        Self {
            field,
            case_sensitive,
            first: ByHash::default(),
            further: ByHash::default(),
        }
    }

    pub(super) fn insert(&mut self, value: &[u8], position: u32) {
        let hash = key_hash(value, self.case_sensitive);
        match self.first.entry(hash) {
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(position);
            }
            std::collections::hash_map::Entry::Occupied(_) => {
                self.further.entry(hash).or_default().push(position)
            }
        }
    }

    pub(super) fn remove(&mut self, value: &[u8], position: u32) {
        let hash = key_hash(value, self.case_sensitive);
        if let Some(others) = self.further.get_mut(&hash) {
            if let Some(at) = others.iter().position(|&p| p == position) {
                others.swap_remove(at);
            } else if let Some(other) = others.pop() {
                self.first.insert(hash, other);
            }
            if others.is_empty() {
                self.further.remove(&hash);
            }
        } else {
            self.first.remove(&hash);
        }
    }

    /// Positions whose key has the hash of `value`.
    pub(super) fn candidates(&self, value: &[u8]) -> impl Iterator<Item = u32> {
        let hash = key_hash(value, self.case_sensitive);
        let further = self
            .further
            .get(&hash)
            .map(Vec::as_slice)
            .unwrap_or_default();
        self.first.get(&hash).into_iter().chain(further).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_rows_under_one_key_come_and_go() {
        let mut index = Index::new(0, false);
        for position in 1..=3 {
            index.insert(b"a@EXAMPLE.com", position);
        }
        index.remove(b"A@example.com", 1);
        let mut left: Vec<u32> = index.candidates(b"a@example.com").collect();
        left.sort_unstable();
        assert_eq!(left, [2, 3]);
        index.remove(b"a@example.com", 3);
        index.remove(b"a@example.com", 2);
        assert_eq!(index.candidates(b"a@example.com").count(), 0);
    }

    #[test]
    fn case_counts_only_where_it_should() {
        assert_eq!(
            key_hash("ŻÓŁW".as_bytes(), false),
            key_hash("żółw".as_bytes(), false)
        );
        assert_ne!(key_hash(b"A", true), key_hash(b"a", true));
        assert!(key_equal("ŻÓŁW".as_bytes(), "żółw".as_bytes(), false));
    }
}
