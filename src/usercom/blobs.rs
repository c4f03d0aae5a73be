//! The files that records of `files` name: which the export has, under which name, and how large they are.
//!
//! In: the listing of an export, paths from records. Out: names and sizes. Never: anything outside the folder `blobs/` of the
//! export, whatever a path says.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

/// The folder of an export that holds blobs.
const FOLDER: &str = "blobs/";

/// The blobs of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blobs {
    sizes: BTreeMap<String, u64>,
    /// Name by its composed form: archives of one system hold a letter and its accent as one, those of another as two.
    forms: BTreeMap<String, String>,
    /// Names that are no plain files of the export: links out of it, pipes.
    elsewhere: BTreeSet<String>,
}

/// What a record's path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob<'a> {
    /// The name under which the export has it.
    pub name: &'a str,
    /// Its bytes; none where it is no plain file of the export.
    pub size: Option<u64>,
}

impl Blobs {
    /// The blob at a path inside the export; `None` if there is none, or the path may lead elsewhere.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Blob<'_>> {
        // Names come from the export's own listing, so that a path that leads elsewhere is none of them.
        let found = self.sizes.get_key_value(path).or_else(|| {
            let name = self.forms.get(&composed(path))?;
            self.sizes.get_key_value(name)
        });
        if let Some((name, size)) = found {
            let size = Some(*size);
            return Some(Blob { name, size });
        }
        if self.elsewhere.is_empty() || !is_inside(path) {
            return None;
        }
        // The path itself, or a folder on its way.
        let ends = path.match_indices('/').map(|(end, _)| end);
        let mut ways = ends.chain([path.len()]).filter_map(|end| path.get(..end));
        let name = ways.find_map(|way| self.elsewhere.get(&composed(way)))?;
        Some(Blob { name, size: None })
    }

    /// Takes a file of the export if it is a blob; `false` if it is not. Without a size it is no plain file of the export.
    pub(super) fn note(&mut self, name: &str, size: Option<u64>) -> bool {
        let is_blob = name.starts_with(FOLDER);
        if is_blob && is_inside(name) {
            if let Some(size) = size {
                self.forms
                    .entry(composed(name))
                    .or_insert_with(|| name.to_owned());
                self.sizes.insert(name.to_owned(), size);
            } else {
                self.elsewhere.insert(composed(name));
            }
        }
        is_blob || name == FOLDER.trim_end_matches('/')
    }
}

/// The form in which names are compared.
fn composed(name: &str) -> String {
    name.nfc().collect()
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

    fn size(blobs: &Blobs, path: &str) -> Option<u64> {
        blobs.find(path).and_then(|blob| blob.size)
    }

    #[test]
    fn only_files_in_the_folder_are_blobs() {
        let mut blobs = Blobs::default();
        assert!(blobs.note("blobs/a/b.pdf", Some(3)));
        assert!(!blobs.note("files.csv", Some(5)));
        assert!(!blobs.note("old/blobs/c.pdf", Some(5)));
        assert_eq!(size(&blobs, "blobs/a/b.pdf"), Some(3));
        for path in [
            "blobs/a/../a/b.pdf",
            "blobs/a",
            "files.csv",
            "/blobs/a/b.pdf",
        ] {
            assert_eq!(blobs.find(path), None, "{path}");
        }
    }

    #[test]
    fn names_are_the_same_whether_composed_or_not() {
        let mut blobs = Blobs::default();
        blobs.note("blobs/Z\u{307}o.pdf", Some(3));
        blobs.note("blobs/e\u{301}.pdf", Some(4));
        blobs.note("blobs/\u{e9}.pdf", Some(5));
        let found = blobs.find("blobs/\u{17b}o.pdf").unwrap();
        assert_eq!((found.name, found.size), ("blobs/Z\u{307}o.pdf", Some(3)));
        assert_eq!(size(&blobs, "blobs/e\u{301}.pdf"), Some(4), "itself first");
        assert_eq!(size(&blobs, "blobs/\u{e9}.pdf"), Some(5));
    }

    #[test]
    fn what_lies_elsewhere_is_there_without_a_size() {
        let mut blobs = Blobs::default();
        assert!(blobs.note("blobs/passwd.txt", None));
        assert!(blobs.note("blobs/linked", None));
        for path in ["blobs/passwd.txt", "blobs/linked/deep/a.txt"] {
            assert_eq!(blobs.find(path).unwrap().size, None, "{path}");
        }
        assert_eq!(blobs.find("blobs/other/a.txt"), None);
    }
}
