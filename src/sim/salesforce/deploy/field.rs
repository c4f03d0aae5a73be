//! A `CustomField` element → a field, or the problem with it (`guide/salesforce.md` §5.2, §5.3).
//!
//! In: the element and the object it belongs to. Out: [`FieldDefinition`]. Problem texts are those the service is known for where
//! the reference has none; only their presence should be relied on.

use super::super::schema::{FieldDefinition, FieldType, OnDelete, PicklistValue, SObject, Schema};
use super::xml::Element;

/// Reads a field; an object may have `most` custom fields.
pub(super) fn custom_field(
    schema: &Schema,
    object: &SObject,
    element: &Element,
    most: usize,
) -> Result<FieldDefinition, String> {
    let name = element.get("fullName").unwrap_or_default();
    check_name(name, object, most)?;
    let label = element
        .get("label")
        .filter(|label| !label.is_empty())
        .ok_or("Required field is missing: label")?;
    let stated = element.get("type").unwrap_or_default();
    let number = |name: &str| element.get(name).and_then(|text| text.parse::<u32>().ok());
    let needed = |name: &str| {
        number(name)
            .ok_or_else(|| format!("Must specify '{name}' for a CustomField of type {stated}"))
    };
    let mut field = FieldDefinition::new(name, label, kind_of(stated)?);
    match stated {
        "Text" => field.length = needed("length")?,
        "LongTextArea" | "Html" => {
            field.length = needed("length")?;
            needed("visibleLines")?;
        }
        "TextArea" => field.length = 255,
        "Number" | "Currency" | "Percent" => {
            field.precision = needed("precision")?;
            field.scale = needed("scale")?;
            if field.precision > 18 || field.scale > field.precision {
                return Err(
                    "Precision must be between 1 and 18, and not less than scale".to_owned(),
                );
            }
        }
        "Checkbox" => {
            let default = element.get("defaultValue");
            let default =
                default.ok_or("Must specify 'defaultValue' for a CustomField of type Checkbox")?;
            field.default = Some(default.to_owned());
            field.nillable = false;
            field.defaulted = true;
        }
        "Email" => field.length = 80,
        "Phone" => field.length = 40,
        "Url" => field.length = 255,
        "Picklist" | "MultiselectPicklist" => {
            if stated == "MultiselectPicklist" {
                needed("visibleLines")?;
            }
            field.length = if stated == "Picklist" { 255 } else { 4099 };
            picklist(&mut field, element)?;
        }
        "Lookup" | "MasterDetail" => {
            field.length = 18;
            let target = element
                .get("referenceTo")
                .ok_or("Must specify 'referenceTo' for a lookup")?;
            if schema.position(target).is_none() {
                return Err(format!(
                    "referenceTo value of '{target}' does not resolve to a valid sObject type"
                ));
            }
            field.references = vec![target.to_owned()];
            field.relationship = name.strip_suffix("__c").map(|stem| format!("{stem}__r"));
            relationship(schema, object, &mut field, element)?;
        }
        _ => {}
    }
    check_length(stated, field.length)?;
    field.external_id = element.is("externalId");
    field.id_lookup = field.external_id;
    field.unique = element.is("unique");
    field.case_sensitive = field.unique && element.is("caseSensitive");
    if element.is("required") || stated == "MasterDetail" {
        field.nillable = false;
    }
    check_change(object, &field)?;
    Ok(field)
}

/// What a lookup says besides its target: how children are called, and what becomes of them.
fn relationship(
    schema: &Schema,
    object: &SObject,
    field: &mut FieldDefinition,
    element: &Element,
) -> Result<(), String> {
    if matches!(object.name.as_str(), "Task" | "Event") {
        return Err("Lookup fields are not available for activities".to_owned());
    }
    let required = element.is("required");
    field.on_delete = match element.get("deleteConstraint") {
        _ if element.get("type") == Some("MasterDetail") => OnDelete::Cascade,
        None | Some("SetNull") if required => {
            return Err(format!(
                "field integrity exception: a required lookup such as {} must restrict or cascade deletion",
                field.name
            ));
        }
        None | Some("SetNull") => OnDelete::SetNull,
        Some("Restrict") => OnDelete::Restrict,
        Some("Cascade") => OnDelete::Cascade,
        Some(other) => {
            return Err(format!(
                "'{other}' is not a valid value for the enum 'DeleteConstraint'"
            ));
        }
    };
    let Some(children) = element.get("relationshipName") else {
        return Ok(());
    };
    let taken = schema.objects().iter().any(|other| {
        other.fields.iter().any(|known| {
            known.child_relationship.as_deref() == Some(children)
                && known.references == field.references
                && (other.name != object.name || known.name != field.name)
        })
    });
    if taken {
        let target = field.references.join(", ");
        return Err(format!(
            "There is already a Child Relationship named {children} on {target}."
        ));
    }
    field.child_relationship = Some(children.to_owned());
    Ok(())
}

fn kind_of(stated: &str) -> Result<FieldType, String> {
    Ok(match stated {
        "Text" => FieldType::String,
        "TextArea" | "LongTextArea" | "Html" => FieldType::Textarea,
        "Number" => FieldType::Double,
        "Currency" => FieldType::Currency,
        "Percent" => FieldType::Percent,
        "Checkbox" => FieldType::Boolean,
        "Date" => FieldType::Date,
        "DateTime" => FieldType::Datetime,
        "Email" => FieldType::Email,
        "Phone" => FieldType::Phone,
        "Url" => FieldType::Url,
        "Picklist" => FieldType::Picklist,
        "MultiselectPicklist" => FieldType::Multipicklist,
        "Lookup" | "MasterDetail" => FieldType::Reference,
        other => {
            return Err(format!(
                "'{other}' is not a valid value for the enum 'FieldType'"
            ));
        }
    })
}

fn check_name(name: &str, object: &SObject, most: usize) -> Result<(), String> {
    let stem = name.strip_suffix("__c").unwrap_or_default();
    let fits = stem.starts_with(|c: char| c.is_ascii_alphabetic())
        && stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !stem.ends_with('_')
        && !stem.contains("__");
    if !fits {
        return Err(format!(
            "The field name you provided {name} on object {} can only contain alphanumeric characters, must begin with a \
             letter, cannot end with an underscore or contain two consecutive underscore characters, and must be unique \
             across all {} fields",
            object.name, object.name
        ));
    }
    if stem.len() > 40 {
        return Err(format!("Field name too long: {name} (max length=40)"));
    }
    let customs = object.fields.iter().filter(|field| field.custom).count();
    if object.find(name).is_none() && customs >= most {
        return Err(format!(
            "You have reached the maximum number of {most} custom fields on {}",
            object.name
        ));
    }
    Ok(())
}

fn check_length(stated: &str, length: u32) -> Result<(), String> {
    let (least, most) = match stated {
        "Text" => (1, 255),
        "LongTextArea" | "Html" => (256, 131_072),
        _ => return Ok(()),
    };
    if (least..=most).contains(&length) {
        Ok(())
    } else {
        Err(format!("Length must be between {least} and {most}"))
    }
}

fn picklist(field: &mut FieldDefinition, element: &Element) -> Result<(), String> {
    let set = element
        .child("valueSet")
        .ok_or("Must specify 'valueSet' for a picklist")?;
    field.restricted = set.is("restricted");
    let definition = set
        .child("valueSetDefinition")
        .ok_or("Must specify 'valueSetDefinition': value set names are not known here")?;
    let mut seen = std::collections::HashSet::new();
    for value in definition.all("value") {
        let name = value.get("fullName").unwrap_or_default();
        if !seen.insert(name.to_lowercase()) {
            return Err(format!("Duplicate picklist value: {name}"));
        }
        if name.chars().count() > 255 {
            return Err(format!("Picklist value too long: {name} (max length=255)"));
        }
        field.picklist.push(PicklistValue {
            value: name.to_owned(),
            label: value.get("label").unwrap_or(name).to_owned(),
            default: value.is("default"),
            active: value.get("isActive") != Some("false"),
        });
    }
    let most = if field.kind == FieldType::Picklist {
        1_000
    } else {
        500
    };
    if field.picklist.len() > most {
        return Err(format!(
            "Number of picklist values exceeds the limit of {most}"
        ));
    }
    Ok(())
}

/// What may not change once a field exists.
fn check_change(object: &SObject, field: &FieldDefinition) -> Result<(), String> {
    let Some((_, old)) = object.find(&field.name) else {
        return Ok(());
    };
    if old.kind != field.kind {
        return Err(format!(
            "Cannot change which custom field type {} has: {} to {}",
            field.name,
            old.kind.name(),
            field.kind.name()
        ));
    }
    if field.kind != FieldType::Picklist && field.length < old.length {
        return Err(format!(
            "Cannot shorten {} from {} to {}",
            field.name, old.length, field.length
        ));
    }
    Ok(())
}
