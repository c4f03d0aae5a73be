//! The files that records of `files` name: which the export has, under which name, how large they are, and what they hold.
//!
//! In: the listing of an export, paths from records, checksums. Out: names, sizes, checksums. Never: anything outside the folder `blobs/` of the
//! export, whatever a path says.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

/// The folder of an export that holds blobs.
const FOLDER: &str = "blobs/";

/// The blobs of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blobs {
    files: BTreeMap<String, BlobFile>,
    /// Name by its composed form: archives of one system hold a letter and its accent as one, those of another as two.
    forms: BTreeMap<String, String>,
    /// Names that are no plain files of the export: links out of it, pipes.
    elsewhere: BTreeSet<String>,
}

/// A plain file of the export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct BlobFile {
    size: u64,
    changed_at: Option<i64>,
    md5: Option<String>,
}

/// A blob that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeasuredBlob<'a> {
    /// The name under which the export has it.
    pub name: &'a str,
    /// Its bytes.
    pub size: u64,
    /// When it was changed last, in microseconds since 1970; none where that is not known.
    pub changed_at: Option<i64>,
    /// The MD5 of its bytes, in hexadecimal digits.
    pub md5: &'a str,
}

/// What a record's path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob<'a> {
    /// The name under which the export has it.
    pub name: &'a str,
    /// Its bytes; none where it is no plain file of the export.
    pub size: Option<u64>,
    /// The MD5 of its bytes, once they were read.
    pub md5: Option<&'a str>,
}

impl Blobs {
    /// The blob at a path inside the export; `None` if there is none, or the path may lead elsewhere.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<Blob<'_>> {
        // Names come from the export's own listing, so that a path that leads elsewhere is none of them.
        let found = self.files.get_key_value(path).or_else(|| {
            let form = composed(path);
            let name = self.forms.get(&form);
            let name = name.or_else(|| self.forms.get(&plain(&form)))?;
            self.files.get_key_value(name)
        });
        if let Some((name, file)) = found {
            return Some(Blob {
                name,
                size: Some(file.size),
                md5: file.md5.as_deref(),
            });
        }
        if self.elsewhere.is_empty() || !is_inside(path) {
            return None;
        }
        // The path itself, or a folder on its way.
        let ends = path.match_indices('/').map(|(end, _)| end);
        let mut ways = ends.chain([path.len()]).filter_map(|end| path.get(..end));
        let name = ways.find_map(|way| self.elsewhere.get(&composed(way)))?;
        Some(Blob {
            name,
            size: None,
            md5: None,
        })
    }

    /// Names of blobs whose bytes are not known yet.
    pub fn unread(&self) -> impl Iterator<Item = &str> {
        let unread = self.files.iter().filter(|(_, file)| file.md5.is_none());
        unread.map(|(name, _)| name.as_str())
    }

    /// Blobs whose bytes are known, by name.
    pub fn measured(&self) -> impl Iterator<Item = MeasuredBlob<'_>> {
        self.files.iter().filter_map(|(name, file)| {
            Some(MeasuredBlob {
                name,
                size: file.size,
                changed_at: file.changed_at,
                md5: file.md5.as_deref()?,
            })
        })
    }

    /// Says what a blob holds.
    pub fn put_checksum(&mut self, name: &str, md5: String) {
        if let Some(file) = self.files.get_mut(name) {
            file.md5 = Some(md5);
        }
    }

    /// Says what a blob holds if it is as it was: of this size, and changed last at this time.
    pub fn put_known(&mut self, name: &str, size: u64, changed_at: i64, md5: &str) {
        let found = self.files.get_mut(name);
        let same = found.filter(|file| file.size == size && file.changed_at == Some(changed_at));
        if let Some(file) = same {
            file.md5 = Some(md5.to_owned());
        }
    }

    /// Takes a file of the export if it is a blob; `false` if it is not. Without size and time it is no plain file of the export.
    pub(super) fn note(&mut self, name: &str, found: Option<(u64, Option<i64>)>) -> bool {
        let is_blob = name.starts_with(FOLDER);
        if is_blob && is_inside(name) {
            if let Some((size, changed_at)) = found {
                self.forms
                    .entry(composed(name))
                    .or_insert_with(|| name.to_owned());
                let file = BlobFile {
                    size,
                    changed_at,
                    md5: None,
                };
                self.files.insert(name.to_owned(), file);
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

/// A path as other systems write it: with `\\` between names, from the folder that one is in, or without the folder of blobs.
fn plain(path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    let path = path.strip_prefix("./").unwrap_or(&path);
    match path.starts_with(FOLDER) {
        true => path.to_owned(),
        false => format!("{FOLDER}{path}"),
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

    fn size(blobs: &Blobs, path: &str) -> Option<u64> {
        blobs.find(path).and_then(|blob| blob.size)
    }

    #[test]
    fn only_files_in_the_folder_are_blobs() {
        let mut blobs = Blobs::default();
        assert!(blobs.note("blobs/a/b.pdf", Some((3, None))));
        assert!(!blobs.note("files.csv", Some((5, None))));
        assert!(!blobs.note("old/blobs/c.pdf", Some((5, None))));
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
    fn paths_of_other_systems_lead_to_the_same_file() {
        let mut blobs = Blobs::default();
        blobs.note("blobs/a/b.pdf", Some((3, None)));
        for path in [
            "blobs\\a\\b.pdf",
            "./blobs/a/b.pdf",
            ".\\blobs\\a\\b.pdf",
            "a/b.pdf",
            "a\\b.pdf",
        ] {
            assert_eq!(blobs.find(path).unwrap().name, "blobs/a/b.pdf", "{path}");
        }
        for path in ["b.pdf", "..\\blobs\\a\\b.pdf", "C:\\blobs\\a\\b.pdf"] {
            assert_eq!(blobs.find(path), None, "{path}");
        }
    }

    #[test]
    fn names_are_the_same_whether_composed_or_not() {
        let mut blobs = Blobs::default();
        blobs.note("blobs/Z\u{307}o.pdf", Some((3, None)));
        blobs.note("blobs/e\u{301}.pdf", Some((4, None)));
        blobs.note("blobs/\u{e9}.pdf", Some((5, None)));
        let found = blobs.find("blobs/\u{17b}o.pdf").unwrap();
        assert_eq!((found.name, found.size), ("blobs/Z\u{307}o.pdf", Some(3)));
        assert_eq!(size(&blobs, "blobs/e\u{301}.pdf"), Some(4), "itself first");
        assert_eq!(size(&blobs, "blobs/\u{e9}.pdf"), Some(5));
    }

    #[test]
    fn a_blob_is_known_again_only_by_its_size_and_its_time() {
        let mut blobs = Blobs::default();
        blobs.note("blobs/a", Some((3, Some(7))));
        blobs.note("blobs/b", Some((3, None)));
        for (name, size, changed_at) in [
            ("blobs/a", 4, 7),
            ("blobs/a", 3, 8),
            ("blobs/b", 3, 7),
            ("blobs/c", 3, 7),
        ] {
            blobs.put_known(name, size, changed_at, "sum");
        }
        assert_eq!(blobs.measured().count(), 0);
        blobs.put_known("blobs/a", 3, 7, "sum");
        assert_eq!(blobs.find("blobs/a").unwrap().md5, Some("sum"));
        assert_eq!(blobs.unread().collect::<Vec<_>>(), ["blobs/b"]);
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
