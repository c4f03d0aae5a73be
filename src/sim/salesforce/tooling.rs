//! What the Tooling API knows that follows from the schema: the custom fields.
//!
//! In: the schema. Out: rows of `CustomField`, one a deployed field, whatever field-level security says. Fields of tasks
//! and events are fields of `Activity`. Rows that others add through `/control/rows` do not last here.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use super::org::Org;
use super::upkeep;

/// Brings the rows in line with the schema.
pub(crate) fn list_custom_fields(org: &Arc<Org>) -> io::Result<()> {
    let model = org.model();
    let Some(number) = model.schema.position("CustomField") else {
        return Ok(());
    };
    let mut wanted: BTreeSet<(String, String)> = BTreeSet::new();
    for object in model.schema.objects() {
        let host = match object.name.as_str() {
            "Task" | "Event" => "Activity",
            name => name,
        };
        let names = object.fields.iter().filter(|field| field.custom);
        let names = names.filter_map(|field| field.name.strip_suffix("__c"));
        wanted.extend(names.map(|name| (host.to_owned(), name.to_owned())));
    }
    let (definition, table) = model.at(number);
    let (host, name) = (
        definition.position("TableEnumOrId"),
        definition.position("DeveloperName"),
    );
    let mut gone = Vec::new();
    {
        let rows = table.read();
        let live = (0..rows.len()).filter_map(|at| Some((at, rows.get(at)?)));
        for (position, row) in live.filter(|(_, row)| !row.deleted()) {
            let text =
                |at: Option<u16>| at.and_then(|at| row.get(at)).unwrap_or_default().to_owned();
            if !wanted.remove(&(text(host), text(name))) {
                gone.push(model.id(number, position));
            }
        }
    }
    upkeep::purge(org, "CustomField", &gone)?;
    let rows: Vec<Vec<String>> = wanted
        .into_iter()
        .map(|(host, name)| vec![host.clone(), name, host])
        .collect();
    let names = ["TableEnumOrId", "DeveloperName", "EntityDefinitionId"];
    upkeep::insert_all(org, "CustomField", &names, &rows).map(|_| ())
}
