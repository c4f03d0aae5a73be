//! What will be sent against what the organisation has. Pure: two descriptions in, a plan out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Conflict, CustomField, Error, FieldName, FieldType, Notice, Result, SchemaPlan, WantedField,
    WantedObject,
    derive::{derive, max_choices, needed_type, value_type},
    name,
};
use crate::salesforce::{FieldDescribe, ObjectDescribe};

/// Fields that a custom object has from the start.
const IN_EVERY_OBJECT: [&str; 4] = ["Name", "OwnerId", "CreatedDate", "CreatedById"];

/// Compares wanted columns with the descriptions of their objects, which are named as the columns name them. An object
/// without description is created if it is among `custom`.
///
/// # Errors
/// A column that cannot become a field, columns that contradict each other, or an object without description.
pub fn compare(
    wanted: &[WantedField],
    custom: &[WantedObject],
    objects: &BTreeMap<String, ObjectDescribe>,
) -> Result<SchemaPlan> {
    let mut plan = SchemaPlan::default();
    let new = |name: &str| {
        let mut custom = custom.iter();
        custom.find(|object| object.name == name && !objects.contains_key(name))
    };
    let fresh = ObjectDescribe::default();
    let mut create: BTreeMap<FieldName, (CustomField, Vec<Notice>)> = BTreeMap::new();
    let mut permitted = BTreeSet::new();
    for column in merge(wanted)? {
        let field = FieldName::new(&column.object, &column.name);
        let object = match (objects.get(&column.object), new(&column.object)) {
            (Some(object), _) => object,
            (None, Some(created)) => {
                if !plan.objects.contains(created) {
                    plan.objects.push(created.clone());
                }
                if IN_EVERY_OBJECT.contains(&column.name.as_str()) {
                    plan.unchanged.push(field);
                    continue;
                }
                &fresh
            }
            (None, None) => {
                return Err(Error::FindObject {
                    object: column.object.clone(),
                });
            }
        };
        if let Some(relationship) = name::relationship(&column.name) {
            match has_relationship(object, relationship) {
                true => plan.unchanged.push(field),
                false => plan.conflicts.push(missing(object, field)),
            }
            continue;
        }
        let Some(found) = object.field(&column.name) else {
            if !name::is_custom(&column.name) {
                plan.conflicts.push(missing(object, field));
                continue;
            }
            let (custom, notices) = derive(&column)?;
            add(&mut create, custom, notices)?;
            permitted.insert(field);
            continue;
        };
        let writable = found.createable || found.updateable;
        if found.custom && !is_required(found) && !found.calculated && !found.auto_number {
            permitted.insert(field.clone());
        }
        match fit(&column, found, &field)? {
            Some(conflict) => plan.conflicts.push(conflict),
            None if found.custom && !writable => plan.grant.push(field),
            None => plan.unchanged.push(field),
        }
    }
    for (custom, notices) in create.into_values() {
        plan.create.push(custom);
        plan.notices.extend(notices);
    }
    plan.permitted = permitted.into_iter().collect();
    Ok(plan)
}

/// One column per object and field; Salesforce ignores case in names.
fn merge(wanted: &[WantedField]) -> Result<Vec<WantedField>> {
    let mut merged: BTreeMap<(String, String), WantedField> = BTreeMap::new();
    for column in wanted {
        let key = (column.object.to_lowercase(), column.name.to_lowercase());
        let Some(first) = merged.get_mut(&key) else {
            merged.insert(key, column.clone());
            continue;
        };
        first.is_key |= column.is_key;
        first.max_chars = first.max_chars.max(column.max_chars);
        first.choices.extend(column.choices.iter().cloned());
        first.label = first.label.take().or_else(|| column.label.clone());
        first.refers_to = first.refers_to.take().or_else(|| column.refers_to.clone());
        let agree = match (first.declared, column.declared) {
            (Some(left), Some(right)) => left == right,
            (None, Some(_)) => {
                first.declared = column.declared;
                true
            }
            (Some(_), None) => true,
            // Text of several queries may be text of several lengths.
            (None, None) => {
                needed_type(first)?.describe_name() == needed_type(column)?.describe_name()
                    || first.data_type == column.data_type
            }
        };
        if !agree {
            return Err(Error::MergeWanted {
                field: FieldName::new(&column.object, &column.name),
                first: needed_type(first)?,
                second: needed_type(column)?,
            });
        }
    }
    Ok(merged.into_values().collect())
}

/// Notes a field to create. Task and Event want the same field of Activity.
fn add(
    create: &mut BTreeMap<FieldName, (CustomField, Vec<Notice>)>,
    custom: CustomField,
    notices: Vec<Notice>,
) -> Result<()> {
    let Some((first, _)) = create.get_mut(&custom.field) else {
        create.insert(custom.field.clone(), (custom, notices));
        return Ok(());
    };
    if first.field_type.describe_name() != custom.field_type.describe_name() {
        return Err(Error::MergeWanted {
            field: custom.field,
            first: first.field_type,
            second: custom.field_type,
        });
    }
    // Of one kind, so the greater is the longer.
    first.field_type = first.field_type.max(custom.field_type);
    first.is_key |= custom.is_key;
    let max = max_choices(first.field_type).unwrap_or(0);
    for choice in custom.choices {
        if first.choices.len() < max && !contains(&first.choices, &choice) {
            first.choices.push(choice);
        }
    }
    Ok(())
}

/// Whether a field that is there can take the column.
fn fit(column: &WantedField, found: &FieldDescribe, field: &FieldName) -> Result<Option<Conflict>> {
    let field = field.clone();
    let is_id = found.field_type == "id";
    if found.calculated || found.auto_number {
        return Ok(Some(Conflict::ReadOnly { field }));
    }
    if !found.custom && !is_id && !found.createable && !found.updateable {
        return Ok(Some(Conflict::ReadOnly { field }));
    }
    let wanted = needed_type(column)?;
    let type_fits = if found.custom && column.declared.is_some() {
        // A list without choices, or with too many, was created as something else.
        let created = derive(column).map_or(wanted, |(custom, _)| custom.field_type);
        [wanted, created]
            .iter()
            .any(|field_type| field_type.describe_name() == found.field_type)
    } else {
        // A numeric key that nobody declared would be created as text and fits a number that is there.
        can_take(wanted, &found.field_type)
            || value_type(column).is_ok_and(|value| can_take(value, &found.field_type))
    };
    if !type_fits {
        return Ok(Some(Conflict::TypeDiffers {
            field,
            wanted,
            found: found.field_type.clone(),
        }));
    }
    let has_length = matches!(found.field_type.as_str(), "string" | "textarea" | "url");
    let needed = column.max_chars.unwrap_or(0);
    if has_length && found.length > 0 && needed > found.length as usize {
        return Ok(Some(Conflict::TooShort {
            field,
            needed,
            found: found.length,
        }));
    }
    let identifies = is_id || found.id_lookup || (found.unique && found.external_id);
    if column.is_key && !identifies {
        return Ok(Some(Conflict::NotAKey { field }));
    }
    let missing = missing_values(column, found);
    if !missing.is_empty() {
        return Ok(Some(Conflict::ValuesMissing { field, missing }));
    }
    Ok(None)
}

/// Whether a field of the described type takes values of the wanted type as they are sent.
fn can_take(wanted: FieldType, described: &str) -> bool {
    const TEXT: &[&str] = &[
        "string",
        "textarea",
        "picklist",
        "multipicklist",
        "combobox",
        "email",
        "phone",
        "url",
        "id",
        "reference",
        "encryptedstring",
        "base64",
    ];
    let takes: &[&str] = match wanted {
        FieldType::Number { .. } | FieldType::Currency { .. } | FieldType::Percent { .. } => &[
            "double", "int", "long", "currency", "percent", "string", "textarea",
        ],
        FieldType::Checkbox => &["boolean"],
        FieldType::Date => &["date"],
        FieldType::DateTime => &["datetime"],
        FieldType::MultiselectPicklist => &["multipicklist", "string", "textarea"],
        _ => TEXT,
    };
    takes.contains(&described)
}

fn missing_values(column: &WantedField, found: &FieldDescribe) -> Vec<String> {
    if !found.restricted_picklist {
        return Vec::new();
    }
    let known: Vec<String> = found
        .picklist_values
        .iter()
        .filter(|value| value.active)
        .map(|value| value.value.clone())
        .collect();
    let lacking = column
        .choices
        .iter()
        .filter(|choice| !contains(&known, choice));
    lacking.cloned().collect()
}

fn missing(object: &ObjectDescribe, field: FieldName) -> Conflict {
    let wanted = field.name.to_lowercase();
    let nearest = object
        .fields
        .iter()
        .map(|known| {
            (
                strsim::jaro_winkler(&known.name.to_lowercase(), &wanted),
                known,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| known.name.clone());
    Conflict::Missing { field, nearest }
}

fn has_relationship(object: &ObjectDescribe, relationship: &str) -> bool {
    object.fields.iter().any(|field| {
        field
            .relationship_name
            .as_deref()
            .is_some_and(|known| known.eq_ignore_ascii_case(relationship))
    })
}

/// A field that the object itself requires; a permission set must not name it (`reference/salesforce.md §5.2`).
fn is_required(found: &FieldDescribe) -> bool {
    !found.nillable && found.field_type != "boolean"
}

fn contains(values: &[String], wanted: &str) -> bool {
    let wanted = wanted.to_lowercase();
    values.iter().any(|value| value.to_lowercase() == wanted)
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
