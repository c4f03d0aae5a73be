//! Views over the tables of all loads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::edits::EDIT;
use super::three_way::CONFLICT;
use super::{CHANGED_BY_ORG, CONFLICTS, PRE_IMAGE};
use crate::engine::View;
use crate::rows::{OUTCOME, key_text, ledger_fields};
use crate::staging::{Manifest, Snapshot};

/// Tables that each load has one of in `recon`: how their names begin, the view over all of them, their columns.
const FAMILIES: [(&str, &str, &[&str]); 8] = [
    (
        "fates_",
        "fates",
        &["key", "fate", "reason", "parent", "source"],
    ),
    ("flags_", "flagged", &["key", "flag"]),
    ("gone_", "gone", &["key", "id", "what", "why"]),
    (CHANGED_BY_ORG, "changed_by_org", &EDIT),
    (CONFLICTS, "conflicts", &CONFLICT),
    ("spared_", "spared", &["key", "id", "reason", "detail"]),
    (
        "altered_",
        "altered",
        &["key", "field", "why", "done", "original"],
    ),
    (
        "differences_",
        "differences",
        &["key", "kind", "field", "sent", "found"],
    ),
];

/// The column of a staged table with ids that are texts.
const TEXT_ID: &str = "text_id";

/// Columns of `recon.held`.
const HELD: [&str; 4] = ["load", "key", "reason", "parent"];

/// Columns of `ledger.attempts` behind `load` and `key`.
fn attempt() -> impl Iterator<Item = &'static str> {
    std::iter::once("id").chain(OUTCOME)
}

/// Columns of `ledger.changes`.
pub const CHANGE: [&str; 8] = ["run", "load", "key", "id", "field", "old", "new", "why"];

/// Columns of `ledger.records`: the record that each row of each load is.
const RECORD: [&str; 3] = ["load", "key", "id"];

/// Tables that each load has one of: how their names begin, the view over all of them, its columns behind `load`.
pub fn families() -> impl Iterator<Item = (&'static str, &'static str, &'static [&'static str])> {
    FAMILIES.into_iter()
}

/// What queries may read of what a run finds, as it is before anything was found: the views over the tables of all loads.
#[must_use]
pub fn empty_tables() -> Vec<(&'static str, &'static str, SchemaRef)> {
    let mut tables: Vec<(&str, &str, SchemaRef)> = Vec::new();
    let texts = |columns: &[&str]| -> Vec<Field> {
        let columns = columns.iter();
        columns
            .map(|name| Field::new(*name, DataType::Utf8, true))
            .collect()
    };
    let mut add = |schema: &'static str, name: &'static str, fields: Vec<Field>| {
        tables.push((schema, name, Arc::new(Schema::new(fields))));
    };
    for (_, view, columns) in FAMILIES {
        add("recon", view, texts(&[&["load"], columns].concat()));
    }
    add("recon", "held", texts(&HELD));
    add("ledger", "records", texts(&RECORD));
    add("ledger", "changes", texts(&CHANGE));
    let mut attempts = texts(&["load", "key"]);
    let told = ledger_fields().into_iter();
    attempts.extend(told.filter(|field| attempt().any(|name| name == field.name())));
    add("ledger", "attempts", attempts);
    tables
}

/// What queries may read of what a run finds about one load, as it is before anything was found: the tables of [`families`].
#[must_use]
pub fn empty_tables_of(load: &str) -> Vec<(String, SchemaRef)> {
    let tables = FAMILIES.into_iter().map(|(prefix, _, columns)| {
        let fields = columns.iter();
        let fields: Vec<Field> = fields
            .map(|name| Field::new(*name, DataType::Utf8, true))
            .collect();
        (format!("{prefix}{load}"), Arc::new(Schema::new(fields)))
    });
    tables.collect()
}

/// The key columns of a ledger, which stand in front of the record's id.
fn keys_of(ledger: &Manifest) -> Vec<String> {
    let names = ledger.schema.fields().iter().map(|field| field.name());
    names.take_while(|name| *name != "id").cloned().collect()
}

/// SQL of `recon.held`. Records whose id is a text are called by it: their key is made of it, and nobody knows that.
fn held(snapshot: &Snapshot) -> String {
    let named: Vec<String> = snapshot
        .schema("usercom")
        .filter(|table| table.schema.field_with_name(TEXT_ID).is_ok())
        .map(|table| {
            let name = &table.table;
            format!(
                "select '{name}' as load, cast(t.id as varchar) as key, t.{TEXT_ID} as name from usercom.{name} as t \
                 where t.{TEXT_ID} is not null"
            )
        })
        .collect();
    let (key, join) = match named.is_empty() {
        true => ("f.key", String::new()),
        false => (
            "coalesce(n.name, f.key) as key",
            format!(
                " left join ({}) as n on n.load = f.load and n.key = f.key",
                named.join(" union all ")
            ),
        ),
    };
    let columns = HELD.map(|name| match name {
        "key" => key.to_owned(),
        name => format!("f.{name}"),
    });
    format!(
        "select {} from recon.fates as f{join} where f.fate = 'held'",
        columns.join(", ")
    )
}

/// Views that put the tables of all loads together: `recon.fates`, `recon.held`, `recon.flagged`, `recon.altered`,
/// `recon.differences`, `recon.conflicts`, `ledger.records`, `ledger.changes` and `ledger.attempts`.
#[must_use]
pub fn union_views(snapshot: &Snapshot) -> Vec<View> {
    let mut unions: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for table in snapshot.iter() {
        for (prefix, view, columns) in FAMILIES {
            if table.schema_name == "recon"
                && let Some(load) = table.table.strip_prefix(prefix)
            {
                // A table of an earlier version may lack a column.
                let columns = columns.iter().map(|column| {
                    let has = table.schema.field_with_name(column).is_ok();
                    match has {
                        true => (*column).to_owned(),
                        false => format!("cast(null as varchar) as {column}"),
                    }
                });
                unions.entry(("recon", view)).or_default().push(format!(
                    "select '{load}' as load, {} from recon.{}",
                    columns.collect::<Vec<_>>().join(", "),
                    table.table
                ));
            }
        }
        if table.schema_name == "ledger"
            && let Some(load) = table.table.strip_prefix(PRE_IMAGE)
        {
            let keys: Vec<String> = table
                .schema
                .fields()
                .iter()
                .skip(1)
                .map(|field| field.name().clone())
                .take_while(|name| name != "id")
                .collect();
            let why = match table.schema.field_with_name("why") {
                Ok(_) => "coalesce(b.why, 'source')",
                Err(_) => "'source'",
            };
            // What was kept before it was sent is a change once it has landed.
            if snapshot
                .get("ledger", &format!("attempts_{load}"))
                .is_some()
            {
                unions.entry(("ledger", "changes")).or_default().push(format!(
                    "select b.run_id as run, '{load}' as load, {} as key, b.id, b.field, b.before as old, b.wrote as new, \
                     {why} as why from ledger.{} as b inner join (select a.run_id, substr(a.id, 1, 15) as id \
                     from ledger.attempts_{load} as a where a.outcome in ('updated', 'restored', 'released') \
                     group by a.run_id, substr(a.id, 1, 15)) as a on a.run_id = b.run_id and a.id = substr(b.id, 1, 15)",
                    key_text("b", &keys),
                    table.table
                ));
            }
        }
        let attempts = table.table.strip_prefix("attempts_");
        let is_ledger = table.schema_name == "ledger" && table.schema.index_of("live").is_ok();
        if is_ledger && attempts.is_none() {
            unions.entry(("ledger", "records")).or_default().push(format!(
                "select '{load}' as load, {} as key, l.id from ledger.{load} as l where l.id is not null",
                key_text("l", &keys_of(table)),
                load = table.table
            ));
        }
        if table.schema_name == "ledger"
            && let Some(load) = attempts
        {
            let keys = keys_of(table);
            unions
                .entry(("ledger", "attempts"))
                .or_default()
                .push(format!(
                    "select '{load}' as load, {} as key, {} from ledger.{} as a",
                    key_text("a", &keys),
                    attempt()
                        .map(|name| format!("a.{name}"))
                        .collect::<Vec<_>>()
                        .join(", "),
                    table.table
                ));
        }
    }
    let known: BTreeSet<(&str, &str)> = unions.keys().copied().collect();
    let mut views: Vec<View> = unions
        .into_iter()
        .map(|((schema, name), parts)| View {
            schema: schema.to_owned(),
            name: name.to_owned(),
            sql: parts.join(" union all "),
        })
        .collect();
    if known.contains(&("recon", "fates")) {
        views.push(View {
            schema: "recon".to_owned(),
            name: "held".to_owned(),
            sql: held(snapshot),
        });
    }
    // Queries may count on these whatever was found.
    let counted_on = ["gone", "changed_by_org", "conflicts", "altered"];
    let families = FAMILIES
        .iter()
        .filter(|(_, view, _)| counted_on.contains(view));
    let counted_on =
        families.map(|(_, view, columns)| ("recon", *view, [&["load"], *columns].concat()));
    let ledgers = [
        ("ledger", "changes", CHANGE.to_vec()),
        ("ledger", "records", RECORD.to_vec()),
    ];
    for (schema, view, columns) in counted_on.chain(ledgers) {
        if !known.contains(&(schema, view)) {
            let columns = columns.iter();
            let columns: Vec<String> = columns
                .map(|column| format!("cast(null as varchar) as {column}"))
                .collect();
            views.push(View {
                schema: schema.to_owned(),
                name: view.to_owned(),
                sql: format!("select {} where false", columns.join(", ")),
            });
        }
    }
    views
}
