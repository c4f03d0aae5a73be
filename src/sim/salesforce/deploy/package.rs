//! The zip of a deployment, unpacked.
//!
//! In: the bytes. Out: the manifest and the metadata files by path, without the one folder that may be around them.

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
                for types in tree.all("types") {
                    let name = types.get("name").unwrap_or_default().to_owned();
                    let members = types.all("members").map(|member| member.text.clone());
                    package.manifest.entry(name).or_default().extend(members);
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

/// Name of the root of a file that is not well formed.
pub(super) const UNPARSABLE: &str = "!";
