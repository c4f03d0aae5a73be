//! Permission sets: one that lets the loader write what it deployed, one that lets people see it (`guide/rules.md` 27).
//!
//! In: a plan. Out: the elements of the set. Never: a required field, which may not be named
//! (`guide/salesforce.md` §5.2).

use std::{collections::BTreeSet, io};

use super::{FieldName, SchemaPlan, sales::OPPORTUNITY, xml::Xml};

/// A permission set of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetKind {
    pub(super) name: &'static str,
    label: &'static str,
    description: &'static str,
    /// Whether it gives access to objects too, not to fields alone.
    objects: bool,
}

/// API name of the permission set that lets the loader see and write our fields.
pub const LOADER_SET: &str = "Transload_Loader";

/// API name of the permission set for people.
pub const USERS_SET: &str = "Transload_Users";

pub(super) const LOADER: SetKind = SetKind {
    name: LOADER_SET,
    label: "Transload Loader",
    description: "Read and write access to the fields that Transload fills",
    objects: true,
};

pub(super) const USERS: SetKind = SetKind {
    name: USERS_SET,
    label: "Transload Users",
    description: "What people need to see migrated records: fields, record types and custom objects",
    objects: false,
};

/// A permission set of a plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct PermissionSet<'a> {
    pub(super) kind: SetKind,
    pub(super) plan: &'a SchemaPlan,
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

impl PermissionSet<'_> {
    pub(super) fn write(&self, xml: &mut Xml) -> io::Result<()> {
        let Self { kind, plan } = self;
        let fields: &[FieldName] = &plan.permitted;
        let objects: BTreeSet<&str> = fields
            .iter()
            .map(|field| field.object.as_str())
            .filter(|object| {
                object.ends_with("__c") || (kind.objects && GRANTED_OBJECTS.contains(object))
            })
            .collect();
        let needs_account = CHILDREN_OF_ACCOUNT
            .iter()
            .any(|child| objects.contains(child));
        xml.text("description", kind.description)?;
        for field in fields {
            xml.nest("fieldPermissions", |xml| {
                xml.flag("editable", true)?;
                xml.text("field", &field.to_string())?;
                xml.flag("readable", true)
            })?;
        }
        xml.flag("hasActivationRequired", false)?;
        xml.text("label", kind.label)?;
        if needs_account && !objects.contains("Account") {
            write_access(xml, "Account", Access::Read)?;
        }
        objects
            .iter()
            .try_for_each(|object| write_access(xml, object, Access::Full))?;
        for name in &plan.record_types {
            xml.nest("recordTypeVisibilities", |xml| {
                xml.text("recordType", &format!("{OPPORTUNITY}.{name}"))?;
                xml.flag("visible", true)
            })?;
        }
        Ok(())
    }
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
