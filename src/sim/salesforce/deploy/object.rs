//! The header of a `CustomObject` file → the object, or the problem with it (`guide/salesforce.md` §5.2).
//!
//! In: the file of an object whose name ends with `__c`. Out: [`CustomObject`]. A prefix is given out once and kept.

use super::super::schema::{CustomObject, Schema};
use super::xml::Element;

/// Reads the header.
pub(super) fn custom_object(
    schema: &Schema,
    name: &str,
    root: &Element,
) -> Result<CustomObject, String> {
    check_name(name)?;
    let needed = |element: &str| {
        root.get(element)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| format!("Must specify a non-empty {element} for the CustomObject"))
    };
    let label = needed("label")?.to_owned();
    let plural = needed("pluralLabel")?.to_owned();
    one_of(
        "DeploymentStatus",
        needed("deploymentStatus")?,
        &["Deployed", "InDevelopment"],
    )?;
    let sharing = [
        "Private",
        "Read",
        "ReadSelect",
        "ReadWrite",
        "ReadWriteTransfer",
        "FullAccess",
        "ControlledByParent",
    ];
    one_of("SharingModel", needed("sharingModel")?, &sharing)?;
    let field = root
        .child("nameField")
        .ok_or("Must specify a nameField of type Text or AutoNumber")?;
    let name_format = match field.get("type") {
        Some("Text") => None,
        Some("AutoNumber") => {
            let format = field.get("displayFormat").unwrap_or_default();
            let counts = format.split_once('{').is_some_and(|(_, rest)| {
                rest.trim_start_matches('0').starts_with('}') && rest.starts_with('0')
            });
            if !counts {
                return Err(
                    "Must specify a displayFormat such as A-{0000} for AutoNumber".to_owned(),
                );
            }
            Some(format.to_owned())
        }
        _ => return Err("Must specify a nameField of type Text or AutoNumber".to_owned()),
    };
    let known = schema.position(name).map(|at| schema.object(at));
    let known = known.and_then(|object| object.definition.as_ref());
    if known.is_some_and(|known| known.name_format.is_some() != name_format.is_some()) {
        return Err(format!(
            "Cannot change the type of the name field of {name}"
        ));
    }
    Ok(CustomObject {
        name: name.to_owned(),
        label,
        plural,
        prefix: known.map_or_else(|| schema.next_prefix(), |known| known.prefix.clone()),
        name_label: field.get("label").unwrap_or("Name").to_owned(),
        name_format,
        activities: root.is("enableActivities"),
        // Without a word on it, the Bulk API is allowed.
        bulk: root.get("enableBulkApi") != Some("false"),
    })
}

fn one_of(kind: &str, value: &str, known: &[&str]) -> Result<(), String> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(format!(
        "'{value}' is not a valid value for the enum '{kind}'"
    ))
}

fn check_name(name: &str) -> Result<(), String> {
    let stem = name.strip_suffix("__c").unwrap_or_default();
    let fits = stem.starts_with(|c: char| c.is_ascii_alphabetic())
        && stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !stem.ends_with('_')
        && !stem.contains("__");
    if !fits {
        return Err(format!(
            "The object name you provided {name} can only contain alphanumeric characters, must begin with a letter, \
             cannot end with an underscore or contain two consecutive underscore characters"
        ));
    }
    if stem.len() > 40 {
        return Err(format!("Object name too long: {name} (max length=40)"));
    }
    Ok(())
}
