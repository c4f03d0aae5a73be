//! Views over the tables of all loads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

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

/// Texts of `ledger.reconciliations`: what was read (`all`, `changes`), what was looked at (`load`, `query`, `sample`,
/// `duplicates`, `storms`), which of them, its object.
const RECONCILED: [&str; 4] = ["reads", "what", "name", "object"];

/// Its counts.
const RECONCILED_COUNTS: [&str; 4] = ["landed", "read_back", "findings", "changed_by_org"];

/// The form of `ledger.reconciliations`: one row per reconciliation and thing that it looked at.
#[must_use]
pub fn reconciliations() -> SchemaRef {
    let at = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let texts = RECONCILED.map(|name| Field::new(name, DataType::Utf8, true));
    let counts = RECONCILED_COUNTS.map(|name| Field::new(name, DataType::Int64, true));
    let mut fields = vec![Field::new("at", at, true)];
    fields.extend(texts);
    fields.extend(counts);
    Arc::new(Schema::new(fields))
}

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
    tables.push(("ledger", "reconciliations", reconciliations()));
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

/// Schema and name of a view.
type ViewName = (&'static str, &'static str);

/// What each view puts together: SQL for one table each.
type Unions = BTreeMap<ViewName, Vec<String>>;

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
    let mut unions = Unions::new();
    for table in snapshot.iter() {
        match table.schema_name.as_str() {
            "recon" => add_finding(table, &mut unions),
            "ledger" => add_ledger(snapshot, table, &mut unions),
            _ => {}
        }
    }
    let known: BTreeSet<(&str, &str)> = unions.keys().copied().collect();
    let view = |(schema, name): (&str, &str), sql: String| View {
        schema: schema.to_owned(),
        name: name.to_owned(),
        sql,
    };
    let mut views: Vec<View> = unions
        .into_iter()
        .map(|(name, parts)| view(name, parts.join(" union all ")))
        .collect();
    if known.contains(&("recon", "fates")) {
        views.push(view(("recon", "held"), held(snapshot)));
    }
    if snapshot.get("ledger", "reconciliations").is_none() {
        let none = reconciliations();
        let columns = none.fields().iter().map(|field| {
            let data_type = match field.data_type() {
                DataType::Utf8 => "'Utf8'",
                DataType::Int64 => "'Int64'",
                _ => "'Timestamp(Microsecond, Some(\"UTC\"))'",
            };
            format!("arrow_cast(null, {data_type}) as {}", field.name())
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let sql = format!("select {columns} where false");
        views.push(view(("ledger", "reconciliations"), sql));
    }
    for (name, columns) in counted_on() {
        if !known.contains(&name) {
            let columns = columns.iter();
            let columns: Vec<String> = columns
                .map(|column| format!("cast(null as varchar) as {column}"))
                .collect();
            let sql = format!("select {} where false", columns.join(", "));
            views.push(view(name, sql));
        }
    }
    views
}

/// Views that queries may count on whatever was found, with their columns.
fn counted_on() -> Vec<(ViewName, Vec<&'static str>)> {
    let names = ["gone", "changed_by_org", "conflicts", "altered"];
    let families = FAMILIES
        .iter()
        .filter(|(_, view, _)| names.contains(view))
        .map(|(_, view, columns)| (("recon", *view), [&["load"], *columns].concat()));
    let ledgers = [
        (("ledger", "changes"), CHANGE.to_vec()),
        (("ledger", "records"), RECORD.to_vec()),
    ];
    families.chain(ledgers).collect()
}

/// A table of what was found about one load.
fn add_finding(table: &Manifest, unions: &mut Unions) {
    for (prefix, view, columns) in FAMILIES {
        let Some(load) = table.table.strip_prefix(prefix) else {
            continue;
        };
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

/// A table that knows records of one load: its ledger, its attempts, or what its rows replaced.
fn add_ledger(snapshot: &Snapshot, table: &Manifest, unions: &mut Unions) {
    if let Some(load) = table.table.strip_prefix(PRE_IMAGE) {
        add_changes(snapshot, table, load, unions);
    }
    if let Some(load) = table.table.strip_prefix("attempts_") {
        let columns: Vec<String> = attempt().map(|name| format!("a.{name}")).collect();
        let attempts = unions.entry(("ledger", "attempts")).or_default();
        attempts.push(format!(
            "select '{load}' as load, {} as key, {} from ledger.{} as a",
            key_text("a", &keys_of(table)),
            columns.join(", "),
            table.table
        ));
    } else if table.schema.index_of("live").is_ok() {
        let records = unions.entry(("ledger", "records")).or_default();
        records.push(format!(
            "select '{load}' as load, {} as key, l.id from ledger.{load} as l where l.id is not null",
            key_text("l", &keys_of(table)),
            load = table.table
        ));
    }
}

/// Values that rows of a load replaced. What was kept before it was sent is a change once it has landed.
fn add_changes(snapshot: &Snapshot, table: &Manifest, load: &str, unions: &mut Unions) {
    let attempts = format!("attempts_{load}");
    if snapshot.get("ledger", &attempts).is_none() {
        return;
    }
    let fields = table.schema.fields().iter().skip(1);
    let keys: Vec<String> = fields
        .map(|field| field.name().clone())
        .take_while(|name| name != "id")
        .collect();
    let why = match table.schema.field_with_name("why") {
        Ok(_) => "coalesce(b.why, 'source')",
        Err(_) => "'source'",
    };
    let new = match table.schema.field_with_name("sent") {
        Ok(_) => "coalesce(b.sent, b.wrote)",
        Err(_) => "b.wrote",
    };
    unions.entry(("ledger", "changes")).or_default().push(format!(
        "select b.run_id as run, '{load}' as load, {} as key, b.id, b.field, b.before as old, {new} as new, \
         {why} as why from ledger.{} as b inner join (select a.run_id, substr(a.id, 1, 15) as id \
         from ledger.{attempts} as a where a.outcome in ('updated', 'restored', 'released') \
         group by a.run_id, substr(a.id, 1, 15)) as a on a.run_id = b.run_id and a.id = substr(b.id, 1, 15)",
        key_text("b", &keys),
        table.table
    ));
}
