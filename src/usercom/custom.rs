//! Objects of the customer's own: which tables they have, and the fields that give types to their columns.
//!
//! In: names of files, and batches of the staged tables `usercom.custom_objects` and `usercom.custom_object_fields`.
//! Out: [`Object`]s known only at run time, and an [`AttributeDefinition`] for each of their fields.

use std::borrow::Cow;
use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::attributes::{AttributeDefinition, number, text, texts, truth};
use super::header::sanitise;
use super::objects::RECORD_COLUMNS;
use super::schema::{CUSTOM_PREFIX, KeyRule, Object};

/// The name of a custom object's table, `co_<name>` in plain letters; `None` if nothing of the name is left.
#[must_use]
pub fn table_name(name: &str) -> Option<String> {
    let table = sanitise(&format!("{CUSTOM_PREFIX}{name}"))?;
    (table.len() > CUSTOM_PREFIX.len()).then_some(table)
}

/// The table that a reference's target names, whatever the export calls people, companies and deals.
#[must_use]
pub fn referenced_table(target: &str) -> String {
    let plain: String = target
        .trim()
        .to_lowercase()
        .chars()
        .map(|letter| match letter.is_ascii_alphanumeric() {
            true => letter,
            false => '_',
        })
        .collect();
    match plain.as_str() {
        "people" | "person" | "users" | "user" | "contacts" | "contact" | "clientuser" => {
            "people".to_owned()
        }
        "companies" | "company" => "companies".to_owned(),
        "deals" | "deal" => "deals".to_owned(),
        other => {
            let name = other.strip_prefix(CUSTOM_PREFIX).unwrap_or(other);
            format!("{CUSTOM_PREFIX}{name}")
        }
    }
}

/// The object whose table has this name.
#[must_use]
pub fn custom_object(table: String) -> Object {
    Object {
        name: Cow::Owned(table),
        stems: &[],
        content_types: &[],
        key: KeyRule::Own,
        columns: RECORD_COLUMNS,
        nested: &[],
    }
}

/// Adds the table of each custom object in a batch of `usercom.custom_objects`, by the object's id.
pub fn note_objects(batch: &RecordBatch, tables: &mut BTreeMap<i64, String>) {
    for row in 0..batch.num_rows() {
        let table = table_name(&text(batch, "name", row))
            .or_else(|| table_name(&text(batch, "label", row)));
        if let (Some(id), Some(table)) = (number(batch, "id", row), table) {
            tables.insert(id, table);
        }
    }
}

/// The definitions in a batch of `usercom.custom_object_fields`; fields of unknown objects, and fields without a
/// name, are left out.
#[must_use]
pub fn field_definitions(
    batch: &RecordBatch,
    tables: &BTreeMap<i64, String>,
) -> Vec<AttributeDefinition> {
    let mut found = Vec::new();
    for row in 0..batch.num_rows() {
        let object = number(batch, "object_id", row).and_then(|id| tables.get(&id));
        let (name, label) = (text(batch, "name", row), text(batch, "label", row));
        let Some(table) = object.filter(|_| !(name.is_empty() && label.is_empty())) else {
            continue;
        };
        found.push(AttributeDefinition {
            id: number(batch, "id", row).unwrap_or(0),
            name: label,
            name_std: name,
            value_type: text(batch, "type", row).trim().to_lowercase(),
            content_type: table.clone(),
            choices: texts(batch, "choices", row),
            multiple: truth(batch, "multiple", row),
            target: text(batch, "target", row),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_plain_names() {
        for (name, table) in [
            ("contract", Some("co_contract")),
            ("Service Contract", Some("co_service_contract")),
            ("Umowa główna", Some("co_umowa_glowna")),
            ("2nd", Some("co_2nd")),
            ("★", None),
            ("", None),
        ] {
            assert_eq!(table_name(name).as_deref(), table, "{name}");
        }
    }
}
