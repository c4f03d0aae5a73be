//! A plan as a metadata package: `package.xml`, one `.object` file per object with something new, and whatever else it
//! wants. The same plan gives the same bytes.
//!
//! In: a plan, or names of components to delete. Out: files by path, as a zip or as source of a Salesforce DX project
//! (`sf project deploy start`). Never: a file on disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, Write},
    sync::Arc,
};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{ComponentName, Result, SchemaPlan, component::Component, xml::Xml};

/// Where source stands in a Salesforce DX project.
const SOURCE: &str = "force-app/main/default";

/// Files of a metadata package, by path, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    files: BTreeMap<String, String>,
    digests: BTreeMap<ComponentName, String>,
}

impl Package {
    /// Writes the package of a plan for an API version such as `66.0`.
    ///
    /// # Errors
    /// Only where XML cannot be written.
    pub fn build(plan: &SchemaPlan, api_version: &str) -> Result<Self> {
        let components = Component::of(plan);
        let build = || {
            Ok(Self {
                files: files(&components, api_version)?,
                digests: digests(&components)?,
            })
        };
        build().map_err(|error: io::Error| Arc::new(error).into())
    }

    /// A package that deletes components and brings none.
    ///
    /// # Errors
    /// As for [`Self::build`].
    pub fn destructive(names: &BTreeSet<ComponentName>, api_version: &str) -> Result<Self> {
        let members: Vec<(&str, String)> = names
            .iter()
            .map(|name| (name.kind.as_str(), name.name.clone()))
            .collect();
        let build = || {
            Ok(Self {
                files: BTreeMap::from([
                    ("package.xml".to_owned(), manifest(&[], api_version)?),
                    (
                        "destructiveChanges.xml".to_owned(),
                        manifest(&members, api_version)?,
                    ),
                ]),
                digests: BTreeMap::new(),
            })
        };
        build().map_err(|error: io::Error| Arc::new(error).into())
    }

    /// The same components as source of a Salesforce DX project, by path.
    ///
    /// # Errors
    /// As for [`Self::build`].
    pub fn source(plan: &SchemaPlan, api_version: &str) -> Result<BTreeMap<String, String>> {
        source(&Component::of(plan), api_version).map_err(|error| Arc::new(error).into())
    }

    /// The files by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// What each component is, as a digest of its definition: whether it is the one that was tried elsewhere.
    pub fn digests(&self) -> &BTreeMap<ComponentName, String> {
        &self.digests
    }

    /// The package as a zip file without a trace of when it was made.
    ///
    /// # Errors
    /// Only where the zip cannot be written.
    pub fn zip(&self) -> Result<Bytes> {
        self.write_zip()
            .map(Bytes::from)
            .map_err(|error| Arc::new(error).into())
    }

    fn write_zip(&self) -> io::Result<Vec<u8>> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (path, text) in &self.files {
            zip.start_file(path, options)?;
            zip.write_all(text.as_bytes())?;
        }
        Ok(zip.finish()?.into_inner())
    }
}

/// Components by their metadata type, as `package.xml` and `destructiveChanges.xml` list them.
fn manifest(members: &[(&str, String)], api_version: &str) -> io::Result<String> {
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (kind, name) in members {
        kinds.entry(kind).or_default().insert(name);
    }
    Xml::document("Package", |xml| {
        for (kind, names) in kinds {
            xml.nest("types", |xml| {
                for name in names {
                    xml.text("members", name)?;
                }
                xml.text("name", kind)
            })?;
        }
        xml.text("version", api_version)
    })
}

fn members(components: &[Component<'_>]) -> Vec<(&'static str, String)> {
    let named = components
        .iter()
        .map(|component| (component.kind(), component.full_name()));
    named.collect()
}

/// Folder, suffix and root element of a type that has files of its own.
fn own_file(kind: &str) -> Option<(&'static str, &'static str)> {
    match kind {
        "StandardValueSet" => Some(("standardValueSets", "standardValueSet")),
        "LeadConvertSettings" => Some(("LeadConvertSettings", "LeadConvertSetting")),
        "PermissionSet" => Some(("permissionsets", "permissionset")),
        _ => None,
    }
}

/// The files of a package.
fn files(components: &[Component<'_>], api_version: &str) -> io::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut objects: BTreeMap<String, Vec<&Component<'_>>> = BTreeMap::new();
    for component in components {
        if let Some((folder, suffix)) = own_file(component.kind()) {
            let path = format!("{folder}/{}.{suffix}", component.full_name());
            let text = Xml::document(component.kind(), |xml| component.write(xml))?;
            files.insert(path, text);
            continue;
        }
        let object = component
            .inside()
            .map_or_else(|| component.full_name(), |(object, _)| object.to_owned());
        objects.entry(object).or_default().push(component);
    }
    for (object, parts) in objects {
        let text = Xml::document("CustomObject", |xml| {
            parts.iter().try_for_each(|part| match part.inside() {
                Some((_, element)) => xml.nest(element, |xml| part.write(xml)),
                None => part.write(xml),
            })
        })?;
        files.insert(format!("objects/{object}.object"), text);
    }
    let text = manifest(&members(components), api_version)?;
    files.insert("package.xml".to_owned(), text);
    Ok(files)
}

/// The files of a Salesforce DX project.
fn source(components: &[Component<'_>], api_version: &str) -> io::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for component in components {
        let name = component.full_name();
        let path = match (own_file(component.kind()), component.inside()) {
            (Some((folder, suffix)), _) => format!("{folder}/{name}.{suffix}"),
            (None, None) => format!("objects/{name}/{name}.object"),
            (None, Some((object, folder))) => {
                let suffix = folder
                    .strip_suffix("es")
                    .filter(|_| folder.ends_with("sses"));
                let suffix = suffix.unwrap_or(folder.trim_end_matches('s'));
                let name = name.split_once('.').map_or(name.as_str(), |(_, name)| name);
                format!("objects/{object}/{folder}/{name}.{suffix}")
            }
        };
        let text = Xml::document(component.kind(), |xml| component.write(xml))?;
        files.insert(format!("{SOURCE}/{path}-meta.xml"), text);
    }
    let text = manifest(&members(components), api_version)?;
    files.insert("manifest/package.xml".to_owned(), text);
    let project = serde_json::json!({
        "packageDirectories": [{"path": "force-app", "default": true}],
        "sourceApiVersion": api_version,
    });
    files.insert("sfdx-project.json".to_owned(), format!("{project:#}\n"));
    Ok(files)
}

/// A digest per component. Of the stages only the added ones count, one by one: those to keep are the organisation's own.
fn digests(components: &[Component<'_>]) -> io::Result<BTreeMap<ComponentName, String>> {
    let mut digests = BTreeMap::new();
    for component in components {
        if let Component::Stages(_, added) = component {
            for stage in *added {
                let name = ComponentName::new("StandardValue", &stage.name);
                digests.insert(name, digest(&stage.to_string()));
            }
            continue;
        }
        let text = Xml::document(component.kind(), |xml| component.write(xml))?;
        let name = ComponentName::new(component.kind(), &component.full_name());
        digests.insert(name, digest(&text));
    }
    Ok(digests)
}

fn digest(text: &str) -> String {
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

#[cfg(test)]
#[path = "package_tests.rs"]
mod tests;
