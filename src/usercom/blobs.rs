//! The files that records of `files` name: which the export has, and how large they are.
//!
//! In: the listing of an export, paths from records. Out: sizes. Never: anything outside the folder `blobs/` of the export,
//! whatever a path says.

use std::collections::BTreeMap;

/// The folder of an export that holds blobs.
const FOLDER: &str = "blobs/";

/// The blobs of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blobs(BTreeMap<String, u64>);

impl Blobs {
    /// The size of the blob at a path inside the export; `None` if there is none, or the path may lead elsewhere.
    #[must_use]
    pub fn size(&self, path: &str) -> Option<u64> {
        // Names come from the export's own listing, so that a path that leads elsewhere is none of them.
        self.0.get(path).copied()
    }

    /// Takes a file of the export if it is a blob; `false` if it is not.
    pub(super) fn note(&mut self, name: &str, size: u64) -> bool {
        let is_blob = name.starts_with(FOLDER);
        if is_blob && is_inside(name) {
            self.0.insert(name.to_owned(), size);
        }
        is_blob
    }
}

/// Whether a path stays in the folder of blobs on every system: plain names with `/` between.
pub(super) fn is_inside(path: &str) -> bool {
    path.strip_prefix(FOLDER).is_some_and(|rest| {
        rest.split('/')
            .all(|name| !matches!(name, "" | "." | "..") && !name.contains(['\\', '\0']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_in_the_folder_are_blobs() {
        let mut blobs = Blobs::default();
        assert!(blobs.note("blobs/a/b.pdf", 3));
        assert!(!blobs.note("files.csv", 5));
        assert!(!blobs.note("old/blobs/c.pdf", 5));
        assert_eq!(blobs.size("blobs/a/b.pdf"), Some(3));
        for path in [
            "blobs/a/../a/b.pdf",
            "blobs/a",
            "files.csv",
            "/blobs/a/b.pdf",
        ] {
            assert_eq!(blobs.size(path), None, "{path}");
        }
    }
}
