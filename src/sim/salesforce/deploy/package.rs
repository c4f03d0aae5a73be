//! The zip of a deployment, unpacked.
//!
//! In: the bytes. Out: the manifest, what is to be deleted, and the metadata files by path, without the one folder that may be around them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use super::xml::Element;

/// Unpacked size at most (§5.1).
const UNPACKED: u64 = 629_145_600;

/// What a zip holds.
#[derive(Debug, Default)]
pub(super) struct Package {
    /// Members by type, as `package.xml` names them.
    pub(super) manifest: BTreeMap<String, BTreeSet<String>>,
    /// Trees by path.
    pub(super) files: BTreeMap<String, Element>,
    /// What goes before everything else.
    pub(super) first: Vec<Deletion>,
    /// What goes after everything else.
    pub(super) last: Vec<Deletion>,
}

/// One member of a `destructiveChanges` file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Deletion {
    pub(super) kind: String,
    pub(super) member: String,
    pub(super) file: String,
}

impl Package {
    /// Unpacks a zip; the error is the deployment's `errorMessage`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let unreadable = |_| "Bad zip file".to_owned();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
        let mut raw: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut left = UNPACKED;
        for at in 0..archive.len() {
            let file = archive.by_index(at).map_err(unreadable)?;
            if file.is_dir() {
                continue;
            }
            let name = file.name().map_err(unreadable)?.into_owned();
            let mut content = Vec::new();
            let taken = file
                .take(left + 1)
                .read_to_end(&mut content)
                .map_err(|_| "Bad zip file".to_owned())?;
            left = left
                .checked_sub(taken as u64)
                .ok_or("Maximum size of request reached")?;
            raw.insert(name, content);
        }
        let manifest_path = raw
            .keys()
            .find(|path| *path == "package.xml" || path.ends_with("/package.xml"))
            .cloned();
        let manifest_path = manifest_path.ok_or("No package.xml found")?;
        let root = manifest_path.trim_end_matches("package.xml").to_owned();
        let mut package = Self::default();
        for (path, content) in raw {
            let Some(path) = path.strip_prefix(&root) else {
                continue;
            };
            let tree = Element::parse(&content);
            if path == "package.xml" {
                let tree = tree.ok_or("package.xml: error parsing the XML")?;
                for (kind, member) in members(&tree) {
                    package.manifest.entry(kind).or_default().insert(member);
                }
            } else if DESTRUCTIVE.contains(&path) {
                let tree = tree.ok_or_else(|| format!("{path}: error parsing the XML"))?;
                let deletions = members(&tree).map(|(kind, member)| Deletion {
                    kind,
                    member,
                    file: path.to_owned(),
                });
                if path == DESTRUCTIVE[2] {
                    package.last.extend(deletions);
                } else {
                    package.first.extend(deletions);
                }
            } else {
                let tree = tree.unwrap_or_else(|| Element {
                    name: UNPARSABLE.to_owned(),
                    ..Element::default()
                });
                package.files.insert(path.to_owned(), tree);
            }
        }
        Ok(package)
    }

    /// Whether the manifest asks for a component.
    pub(super) fn names(&self, kind: &str, member: &str) -> bool {
        self.manifest
            .get(kind)
            .is_some_and(|members| members.contains(member) || members.contains("*"))
    }
}

/// Without a word on it, deletions come first.
const DESTRUCTIVE: [&str; 3] = [
    "destructiveChanges.xml",
    "destructiveChangesPre.xml",
    "destructiveChangesPost.xml",
];

/// Types and members of a manifest.
fn members(tree: &Element) -> impl Iterator<Item = (String, String)> {
    tree.all("types").flat_map(|types| {
        let kind = types.get("name").unwrap_or_default();
        let members = types.all("members");
        members.map(move |member| (kind.to_owned(), member.text.clone()))
    })
}

/// Name of the root of a file that is not well formed.
pub(super) const UNPARSABLE: &str = "!";
