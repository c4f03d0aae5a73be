//! `show tables`, `show schemas`: what there is to ask, in a list that a person can read.
//!
//! In: the words of a statement, the tables of a session. Out: a query over their names, and what their manifests say; tables
//! that each load or each source has are one line, unless one schema is asked for. Views have no rows of their own.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::engine::Session;
use crate::error::Error;
use crate::staging::Snapshot;

/// What a schema holds.
const SCHEMAS: [(&str, &str); 12] = [
    (
        "usercom",
        "the records of the export, the newest version of each",
    ),
    ("rejects", "rows and cells of the export that did not fit"),
    (
        "staged",
        "what became of files and columns, cells that were read as something else",
    ),
    ("config", "the decisions, one table per file of config/"),
    (
        "mapped",
        "usercom with the fields of the map, owners and scope",
    ),
    ("prepare", "what queries/prepare make"),
    ("outbox", "the rows that each load sends"),
    (
        "ledger",
        "what became of every row: id, outcome, error, job",
    ),
    ("org", "what was read from the org"),
    ("known", "records that the ledgers know, before a load"),
    ("recon", "fates, flags, differences, conflicts"),
    ("estimate", "what the last estimate expects of a run"),
];

/// A statement that lists what there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// `show tables`, also `in SCHEMA`: twins folded.
    Short(Option<String>),
    /// `show full tables`, also `in SCHEMA`.
    Full(Option<String>),
    /// `show schemas`.
    Schemas,
}

impl Listing {
    /// Of a statement, if it is one of these.
    pub(super) fn of(sql: &str) -> Option<Self> {
        let sql = sql.trim().trim_end_matches(';').to_lowercase();
        let words: Vec<&str> = sql.split_whitespace().collect();
        Some(match words[..] {
            ["show", "tables"] => Self::Short(None),
            ["show", "tables", "in" | "from", schema] => Self::Short(Some(schema.to_owned())),
            ["show", "full" | "all", "tables"] => Self::Full(None),
            ["show", "full" | "all", "tables", "in" | "from", schema] => {
                Self::Full(Some(schema.to_owned()))
            }
            ["show", "schemas" | "databases"] => Self::Schemas,
            _ => return None,
        })
    }

    /// The query that lists.
    pub(super) fn query(
        &self,
        session: &Session,
        snapshot: &Snapshot,
        location: &str,
    ) -> Result<String, Error> {
        if snapshot.iter().next().is_none() {
            return Err(Error::NotYet {
                what: format!("there are no tables in {location} so far"),
                hint: "`transload stage` makes the first ones".to_owned(),
            });
        }
        let names = session.table_names();
        match self {
            Self::Short(schema) => {
                let names = inside(names, schema.as_deref())?;
                Ok(lines(folded(&names, snapshot), true))
            }
            Self::Full(schema) => {
                let names = inside(names, schema.as_deref())?;
                Ok(lines(each(&names, snapshot), false))
            }
            Self::Schemas => Ok(schemas(&names)),
        }
    }
}

/// The tables of a schema, or all of them.
fn inside(names: BTreeSet<String>, schema: Option<&str>) -> Result<BTreeSet<String>, Error> {
    let Some(schema) = schema else {
        return Ok(names);
    };
    let prefix = format!("{schema}.");
    let mut inside = names;
    inside.retain(|name| name.starts_with(&prefix));
    match inside.is_empty() {
        true => Err(Error::Unknown {
            what: format!("there is no table in a schema `{schema}`"),
            hint: "`transload query \"show schemas\"` lists them".to_owned(),
        }),
        false => Ok(inside),
    }
}

/// One line of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Line {
    tables: u64,
    /// None for views.
    rows: Option<u64>,
    written: Option<DateTime<Utc>>,
}

impl Line {
    fn of(name: &str, snapshot: &Snapshot) -> Self {
        let table = name
            .split_once('.')
            .and_then(|(schema, table)| snapshot.get(schema, table));
        Self {
            tables: 1,
            rows: table.map(|table| table.rows),
            written: table.map(|table| table.published_at),
        }
    }

    fn add(&mut self, other: &Self) {
        self.tables += other.tables;
        self.rows = match (self.rows, other.rows) {
            (Some(one), Some(two)) => Some(one + two),
            (one, two) => one.or(two),
        };
        self.written = self.written.max(other.written);
    }
}

fn each(names: &BTreeSet<String>, snapshot: &Snapshot) -> BTreeMap<String, Line> {
    let lines = names
        .iter()
        .map(|name| (name.clone(), Line::of(name, snapshot)));
    lines.collect()
}

/// Tables that every load or every source has become one line.
fn folded(names: &BTreeSet<String>, snapshot: &Snapshot) -> BTreeMap<String, Line> {
    let of = |schema| snapshot.schema(schema).map(|table| table.table.as_str());
    let loads: BTreeSet<&str> = of("outbox")
        .filter(|name| of("ledger").any(|other| other == *name))
        .collect();
    let sources: BTreeSet<&str> = of("usercom").collect();
    let mut lines: BTreeMap<String, (String, Line)> = BTreeMap::new();
    for name in names {
        let (schema, table) = name.split_once('.').unwrap_or(("", name));
        let family = match schema {
            "outbox" | "ledger" | "org" | "known" | "recon" => {
                family(table, &loads).map(|prefix| format!("{schema}.{prefix}<load>"))
            }
            "mapped" | "rejects" if sources.contains(table) => Some(format!("{schema}.<source>")),
            _ => None,
        };
        let line = Line::of(name, snapshot);
        let slot = lines
            .entry(family.unwrap_or_else(|| name.clone()))
            .or_insert_with(|| (name.clone(), Line::default()));
        slot.1.add(&line);
    }
    lines
        .into_iter()
        .map(|(family, (name, line))| match line.tables {
            1 => (name, line),
            _ => (family, line),
        })
        .collect()
}

/// What stands before the name of a load, of which the longest is meant: `altered_chat_task` is not of `task`.
fn family<'a>(table: &'a str, loads: &BTreeSet<&str>) -> Option<&'a str> {
    let fitting = loads.iter().filter_map(|load| {
        let prefix = table.strip_suffix(load)?;
        (prefix.is_empty() || prefix.ends_with('_')).then_some(prefix)
    });
    fitting.min_by_key(|prefix| prefix.len())
}

fn lines(lines: BTreeMap<String, Line>, folded: bool) -> String {
    let rows: Vec<String> = lines
        .into_iter()
        .map(|(name, line)| {
            let rows = line.rows.map_or("null".to_owned(), |rows| rows.to_string());
            let written = line.written.map_or("null".to_owned(), |at| {
                format!("timestamp '{}'", at.format("%Y-%m-%dT%H:%M:%S"))
            });
            format!(
                "('{}', {}, {rows}, {written})",
                name.replace('\'', "''"),
                line.tables
            )
        })
        .collect();
    let tables = if folded { "t.tables, " } else { "" };
    format!(
        "select t.name as \"table\", {tables}cast(t.count as bigint) as rows, cast(t.at as timestamp(0)) as written_at \
         from (values {}) as t (name, tables, count, at) order by t.name",
        rows.join(", ")
    )
}

fn schemas(names: &BTreeSet<String>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (schema, _) in names.iter().filter_map(|name| name.split_once('.')) {
        *counts.entry(schema).or_default() += 1;
    }
    let rows: Vec<String> = counts
        .into_iter()
        .map(|(schema, tables)| {
            let known = SCHEMAS.iter().find(|(name, _)| *name == schema);
            let what = known.map_or("", |(_, what)| *what);
            let order = SCHEMAS.iter().position(|(name, _)| *name == schema);
            format!(
                "({}, '{schema}', {tables}, '{what}')",
                order.unwrap_or(SCHEMAS.len())
            )
        })
        .collect();
    format!(
        "select t.name as \"schema\", t.tables, t.what as holds from (values {}) as t (place, name, tables, what) \
         order by t.place, t.name",
        rows.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_that_list_are_told_from_others() {
        for (sql, expected) in [
            ("show tables", Some(Listing::Short(None))),
            (" SHOW  Tables ; ", Some(Listing::Short(None))),
            ("show full tables", Some(Listing::Full(None))),
            (
                "show tables in recon",
                Some(Listing::Short(Some("recon".to_owned()))),
            ),
            (
                "show full tables in recon",
                Some(Listing::Full(Some("recon".to_owned()))),
            ),
            ("show schemas", Some(Listing::Schemas)),
            ("show columns from usercom.people", None),
            ("select 1", None),
        ] {
            assert_eq!(Listing::of(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_table_belongs_to_the_load_with_the_longest_name() {
        let loads = BTreeSet::from(["task", "chat_task", "lead"]);
        for (table, prefix) in [
            ("task", Some("")),
            ("chat_task", Some("")),
            ("altered_task", Some("altered_")),
            ("altered_chat_task", Some("altered_")),
            ("amounts", None),
            ("mislead", None),
        ] {
            assert_eq!(family(table, &loads), prefix, "{table}");
        }
    }
}
