//! A plan as a metadata package: `package.xml`, one `.object` file per object with new fields, and the permission set
//! that makes them visible. The same plan gives the same bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, Write},
    sync::Arc,
};

use bytes::Bytes;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{CustomField, FieldName, FieldType, Result, SchemaPlan, WantedObject, xml::Xml};

/// API name of the permission set that lets the loader see and write our fields.
pub const PERMISSION_SET: &str = "Transload_Loader";

/// Files of a metadata package, by path, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    files: BTreeMap<String, String>,
}

impl Package {
    /// Writes the package of a plan for an API version such as `66.0`.
    ///
    /// # Errors
    /// Only where XML cannot be written.
    pub fn build(plan: &SchemaPlan, api_version: &str) -> Result<Self> {
        Self::write(plan, api_version).map_err(|error| Arc::new(error).into())
    }

    /// The files by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
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

    fn write(plan: &SchemaPlan, api_version: &str) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut by_object: BTreeMap<&str, Vec<&CustomField>> = BTreeMap::new();
        for field in &plan.create {
            by_object
                .entry(&field.field.object)
                .or_default()
                .push(field);
        }
        for object in &plan.objects {
            by_object.entry(&object.name).or_default();
        }
        for (object, fields) in by_object {
            let created = plan.objects.iter().find(|created| created.name == object);
            let text = Xml::document("CustomObject", |xml| {
                if let Some(created) = created {
                    write_object(xml, created)?;
                }
                fields
                    .iter()
                    .try_for_each(|field| write_field(xml, field))?;
                match created {
                    Some(created) => write_object_end(xml, created),
                    None => Ok(()),
                }
            })?;
            files.insert(format!("objects/{object}.object"), text);
        }
        files.insert(
            format!("permissionsets/{PERMISSION_SET}.permissionset"),
            permission_set(&plan.permitted)?,
        );
        files.insert("package.xml".to_owned(), manifest(plan, api_version)?);
        Ok(Self { files })
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

fn manifest(plan: &SchemaPlan, api_version: &str) -> io::Result<String> {
    Xml::document("Package", |xml| {
        if !plan.create.is_empty() {
            xml.nest("types", |xml| {
                for field in &plan.create {
                    xml.text("members", &field.field.to_string())?;
                }
                xml.text("name", "CustomField")
            })?;
        }
        if !plan.objects.is_empty() {
            xml.nest("types", |xml| {
                for object in &plan.objects {
                    xml.text("members", &object.name)?;
                }
                xml.text("name", "CustomObject")
            })?;
        }
        xml.nest("types", |xml| {
            xml.text("members", PERMISSION_SET)?;
            xml.text("name", "PermissionSet")
        })?;
        xml.text("version", api_version)
    })
}

/// What stands before the fields of a new object; elements as in `reference/salesforce.md §5.2`. Open to Bulk API,
/// reports and activities, visible to all who are granted it.
fn write_object(xml: &mut Xml, object: &WantedObject) -> io::Result<()> {
    xml.text("deploymentStatus", "Deployed")?;
    for flag in [
        "enableActivities",
        "enableBulkApi",
        "enableReports",
        "enableSearch",
        "enableSharing",
        "enableStreamingApi",
    ] {
        xml.flag(flag, true)?;
    }
    xml.text("label", &object.label)
}

/// What stands behind them.
fn write_object_end(xml: &mut Xml, object: &WantedObject) -> io::Result<()> {
    xml.nest("nameField", |xml| {
        xml.text("label", &format!("{} Name", object.label))?;
        xml.text("type", "Text")
    })?;
    xml.text("pluralLabel", &object.plural)?;
    xml.text("sharingModel", "ReadWrite")?;
    xml.text("visibility", "Public")
}

/// One field; elements as in `reference/salesforce.md §5.2`.
fn write_field(xml: &mut Xml, field: &CustomField) -> io::Result<()> {
    xml.nest("fields", |xml| {
        xml.text("fullName", &field.field.name)?;
        if field.is_key && matches!(field.field_type, FieldType::Text { .. }) {
            xml.flag("caseSensitive", true)?;
        }
        if field.field_type == FieldType::Checkbox {
            xml.flag("defaultValue", false)?;
        }
        if field.refers_to.is_some() {
            xml.text("deleteConstraint", "SetNull")?;
        }
        if field.is_key {
            xml.flag("externalId", true)?;
        }
        xml.text("label", &field.label)?;
        if let Some(object) = &field.refers_to {
            let name = field.field.name.trim_end_matches("__c");
            let owner = field.field.object.trim_end_matches("__c");
            xml.text("referenceTo", object)?;
            xml.text("relationshipLabel", &field.label)?;
            xml.text("relationshipName", &relationship_name(owner, name))?;
        }
        match field.field_type {
            FieldType::Text { length } | FieldType::LongTextArea { length } => {
                xml.text("length", &length.to_string())?;
            }
            FieldType::Number { precision, scale }
            | FieldType::Currency { precision, scale }
            | FieldType::Percent { precision, scale } => {
                xml.text("precision", &precision.to_string())?;
                write_required(xml, field)?;
                xml.text("scale", &scale.to_string())?;
            }
            _ => {}
        }
        if !has_digits(field.field_type) {
            write_required(xml, field)?;
        }
        xml.text("type", field.field_type.metadata_name())?;
        if field.is_key {
            xml.flag("unique", true)?;
        }
        if !field.choices.is_empty() {
            write_choices(xml, &field.choices)?;
        }
        match field.field_type {
            FieldType::LongTextArea { .. } => xml.text("visibleLines", "3"),
            FieldType::MultiselectPicklist => xml.text("visibleLines", "4"),
            _ => Ok(()),
        }
    })
}

/// The name of a lookup's children: unique per parent, since object and field are in it; at most 40 characters.
fn relationship_name(object: &str, field: &str) -> String {
    let mut name = format!("{object}_{field}");
    if name.len() > 40 {
        let hash = xxhash_rust::xxh3::xxh3_64(name.as_bytes());
        name.truncate(31);
        name = format!("{}_{:08x}", name.trim_end_matches('_'), hash & 0xffff_ffff);
    }
    name
}

fn has_digits(field_type: FieldType) -> bool {
    matches!(
        field_type,
        FieldType::Number { .. } | FieldType::Currency { .. } | FieldType::Percent { .. }
    )
}

/// Never required: people go on working in the organisation. Checkbox and long text do not have the element.
fn write_required(xml: &mut Xml, field: &CustomField) -> io::Result<()> {
    match field.field_type {
        FieldType::Checkbox | FieldType::LongTextArea { .. } => Ok(()),
        _ => xml.flag("required", false),
    }
}

/// An unrestricted list: values that turn up later are accepted.
fn write_choices(xml: &mut Xml, choices: &[String]) -> io::Result<()> {
    xml.nest("valueSet", |xml| {
        xml.flag("restricted", false)?;
        xml.nest("valueSetDefinition", |xml| {
            xml.flag("sorted", false)?;
            for choice in choices {
                xml.nest("value", |xml| {
                    xml.text("fullName", choice)?;
                    xml.flag("default", false)?;
                    xml.text("label", choice)
                })?;
            }
            Ok(())
        })
    })
}

/// Objects whose access a permission set grants. Activities and child rows follow from their parents or from
/// user permissions, and naming them fails the deployment.
const GRANTED_OBJECTS: &[&str] = &[
    "Account",
    "Campaign",
    "Case",
    "Contact",
    "Lead",
    "Opportunity",
    "Product2",
];

/// Objects that cannot be read without reading accounts.
const CHILDREN_OF_ACCOUNT: &[&str] = &["Case", "Contact", "Opportunity"];

fn permission_set(fields: &[FieldName]) -> io::Result<String> {
    let objects: BTreeSet<&str> = fields
        .iter()
        .map(|field| field.object.as_str())
        .filter(|object| GRANTED_OBJECTS.contains(object) || object.ends_with("__c"))
        .collect();
    let needs_account = CHILDREN_OF_ACCOUNT
        .iter()
        .any(|child| objects.contains(child));
    Xml::document("PermissionSet", |xml| {
        xml.text(
            "description",
            "Read and write access to the fields that Transload fills",
        )?;
        for field in fields {
            xml.nest("fieldPermissions", |xml| {
                xml.flag("editable", true)?;
                xml.text("field", &field.to_string())?;
                xml.flag("readable", true)
            })?;
        }
        xml.flag("hasActivationRequired", false)?;
        xml.text("label", "Transload Loader")?;
        if needs_account && !objects.contains("Account") {
            write_access(xml, "Account", Access::Read)?;
        }
        objects
            .iter()
            .try_for_each(|object| write_access(xml, object, Access::Full))
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Full,
}

fn write_access(xml: &mut Xml, object: &str, access: Access) -> io::Result<()> {
    let write = access == Access::Full;
    xml.nest("objectPermissions", |xml| {
        xml.flag("allowCreate", write)?;
        xml.flag("allowDelete", write)?;
        xml.flag("allowEdit", write)?;
        xml.flag("allowRead", true)?;
        xml.flag("modifyAllRecords", false)?;
        xml.text("object", object)?;
        xml.flag("viewAllRecords", false)
    })
}

#[cfg(test)]
#[path = "package_tests.rs"]
mod tests;
