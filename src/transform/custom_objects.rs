//! Load queries for the customer's custom objects, whose shape only the export knows.
//!
//! In: the schemas of the staged `usercom.co_*` tables and their labels. Out: the text of one load query per object, and of a
//! second one that sets the lookups which go in a circle once all records are there; and of the models that these read. The
//! texts are written where people can read them, and a file of the same name in the project's `queries/` replaces them.
//! Never: a name that Salesforce would refuse; what had to be renamed is said.

use std::collections::{BTreeMap, BTreeSet};

use super::custom_object::{CustomObject, Field, MAX_NAME, Target};
use super::custom_object_sql::{link_model, links_query, load_query, owners_query};
use crate::schema::free_name;
use crate::usercom::custom::referenced_table;
use crate::usercom::schema::CUSTOM_PREFIX;

/// The model of the owners of all records, below the folder of queries.
const OWNERS: &str = "prepare/owners/custom_object_owner.sql";

/// Where the models of the records themselves are, below the folder of queries.
const LINKS: &str = "prepare/custom_objects";

/// Generated queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// Stem of a load and its text.
    pub loads: BTreeMap<String, String>,
    /// Path of a model below the folder of queries and its text: who owns the records, and for each object which record
    /// a row became, or why there is none.
    pub models: BTreeMap<String, String>,
    /// What a person should know, a line each.
    pub notes: Vec<String>,
}

/// Metadata keys of staged attributes, as staging writes them.
#[derive(Clone, Copy, Debug)]
pub struct MetadataKeys {
    /// The attribute's name.
    pub attribute: &'static str,
    /// Its declared type.
    pub value_type: &'static str,
    /// What a reference points at.
    pub target: &'static str,
}

/// Writes the queries of all objects.
#[must_use]
pub fn generate(objects: &[CustomObject], keys: MetadataKeys) -> Generated {
    let mut generated = Generated::default();
    let mut taken = BTreeSet::new();
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for object in objects {
        let wanted = object.table.strip_prefix("co_").unwrap_or(&object.table);
        let name = free_name(wanted, MAX_NAME, &mut taken);
        if name != wanted {
            generated.notes.push(format!(
                "custom object {wanted} becomes {name}__c: its name is taken or not one that Salesforce accepts"
            ));
        }
        names.insert(&object.table, name);
    }
    let fields: BTreeMap<&str, Vec<Field<'_>>> = objects
        .iter()
        .map(|object| {
            let fields = fields_of(object, keys, &names, &mut generated.notes);
            (object.table.as_str(), fields)
        })
        .collect();
    for object in objects {
        let table = object.table.as_str();
        let own = &fields[table];
        let (later, now): (Vec<&Field<'_>>, Vec<&Field<'_>>) = own.iter().partition(|field| {
            matches!(&field.target, Some(Target::Custom(other)) if reaches(other, table, &fields))
        });
        let name = &names[table];
        generated.loads.insert(
            table.to_owned(),
            load_query(object, name, &now, own, &names, &mut generated.notes),
        );
        if !later.is_empty() {
            generated.loads.insert(
                format!("{table}_links"),
                links_query(object, name, &later, &names),
            );
        }
        generated.models.insert(
            format!("{LINKS}/{table}_link.sql"),
            link_model(object, &now, &names),
        );
    }
    let owners = owners_query(objects);
    generated
        .models
        .extend(owners.map(|text| (OWNERS.to_owned(), text)));
    generated
}

/// Whether references lead from one object to another, over none or more others.
fn reaches(from: &str, to: &str, fields: &BTreeMap<&str, Vec<Field<'_>>>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(table) = open.pop() {
        if table == to {
            return true;
        }
        if !seen.insert(table.clone()) {
            continue;
        }
        for field in fields.get(table.as_str()).into_iter().flatten() {
            if let Some(Target::Custom(next)) = &field.target {
                open.push(next.clone());
            }
        }
    }
    false
}

fn fields_of<'a>(
    object: &'a CustomObject,
    keys: MetadataKeys,
    names: &BTreeMap<&str, String>,
    notes: &mut Vec<String>,
) -> Vec<Field<'a>> {
    let mut taken: BTreeSet<String> = [
        "usercom_id",
        "usercom_text_id",
        "usercom_created_at",
        "usercom_raw_values",
    ]
    .map(str::to_owned)
    .into();
    let mut fields = Vec::new();
    for field in object.schema.fields() {
        let metadata = field.metadata();
        let Some(attribute) = metadata.get(keys.attribute) else {
            continue;
        };
        let target = metadata
            .get(keys.target)
            .map(|target| target_of(target, names));
        // A person is a Contact or a Lead, each with a lookup of its own.
        let room = MAX_NAME
            - if target == Some(Target::People) {
                "_contact".len()
            } else {
                0
            };
        let name = free_name(field.name(), room, &mut taken);
        if name != *field.name() {
            notes.push(format!(
                "{}.{attribute} becomes {name}__c: its name is taken or not one that Salesforce accepts",
                object.table
            ));
        }
        if let Some(Target::Unknown(target)) = &target {
            notes.push(format!(
                "{}.{attribute} references {target}, which the export does not have: rows that use it are held",
                object.table
            ));
        }
        fields.push(Field {
            column: field.name(),
            name,
            data_type: field.data_type(),
            value_type: metadata.get(keys.value_type).map_or("", String::as_str),
            target,
            constraint: object.constraints.get(&attribute.to_lowercase()),
        });
    }
    fields
}

fn target_of(target: &str, names: &BTreeMap<&str, String>) -> Target {
    match referenced_table(target).as_str() {
        "people" => Target::People,
        "companies" => Target::Companies,
        "deals" => Target::Deals,
        table if names.contains_key(table) => Target::Custom(table.to_owned()),
        table => {
            let name = table.strip_prefix(CUSTOM_PREFIX).unwrap_or(table);
            Target::Unknown(name.to_owned())
        }
    }
}

#[cfg(test)]
#[path = "custom_objects_tests.rs"]
mod tests;
