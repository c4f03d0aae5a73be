//! A `PermissionSet` file → what it grants, or the problem with it (`guide/salesforce.md` §5.2).
//!
//! In: the file, the schema and the record types as they will be. Out: [`Grants`] for fields, objects and record types,
//! and the flags of the set's row. A permission that no flag stands for is taken and has no effect.

use super::super::model::{Grants, ObjectGrant};
use super::super::schema::{FieldType, Grant, Schema};
use super::xml::Element;

/// Reads the permissions of a set against the schema as it will be.
pub(super) fn grants(
    schema: &Schema,
    set: &Element,
    is_record_type: impl Fn(&str) -> bool,
) -> Result<Grants, String> {
    let mut grants = Grants::default();
    for permission in set.all("fieldPermissions") {
        let path = permission.get("field").unwrap_or_default();
        let missing = || format!("In field: field - no CustomField named {path} found");
        let (object, name) = path.split_once('.').ok_or_else(missing)?;
        let object = schema.object(schema.position(object).ok_or_else(missing)?);
        let (_, field) = object.find(name).ok_or_else(missing)?;
        let required = !field.nillable && field.kind != FieldType::Boolean;
        if required || field.system.is_some() {
            return Err(format!("You cannot deploy to a required field: {path}"));
        }
        let grant = Grant {
            readable: permission.is("readable"),
            editable: permission.is("editable"),
        };
        if grant.editable && !grant.readable {
            return Err(format!("Field {path}: edit access needs read access"));
        }
        grants
            .fields
            .insert((object.name.clone(), field.name.clone()), grant);
    }
    for permission in set.all("objectPermissions") {
        let object = permission.get("object").unwrap_or_default();
        let Some(at) = schema.position(object) else {
            return Err(format!(
                "In field: object - no CustomObject named {object} found"
            ));
        };
        let grant = ObjectGrant {
            read: permission.is("allowRead"),
            create: permission.is("allowCreate"),
            edit: permission.is("allowEdit"),
            delete: permission.is("allowDelete"),
        };
        if !grant.read && (grant.create || grant.edit || grant.delete) {
            return Err(format!(
                "Permission Create{object} depends on permission(s): Read{object}"
            ));
        }
        let name = schema.object(at).name.clone();
        grants.objects.insert(name, grant);
    }
    for visibility in set.all("recordTypeVisibilities") {
        let path = visibility.get("recordType").unwrap_or_default();
        let known = path.split_once('.').filter(|_| is_record_type(path));
        let (object, name) = known
            .ok_or_else(|| format!("In field: recordType - no RecordType named {path} found"))?;
        if visibility.is("visible") {
            grants
                .record_types
                .insert((object.to_owned(), name.to_owned()));
        }
    }
    Ok(grants)
}

/// Flags of the row of a set, by field name. Those that the file does not name are off.
pub(super) fn flags(schema: &Schema, set: &Element) -> Vec<(String, bool)> {
    let Some(at) = schema.position("PermissionSet") else {
        return Vec::new();
    };
    let on: Vec<String> = set
        .all("userPermissions")
        .filter(|permission| permission.is("enabled"))
        .filter_map(|permission| permission.get("name"))
        .map(|name| format!("Permissions{name}"))
        .collect();
    let fields = schema.object(at).fields.iter();
    fields
        .filter(|field| field.name.starts_with("Permissions"))
        .map(|field| (field.name.clone(), on.contains(&field.name)))
        .collect()
}
