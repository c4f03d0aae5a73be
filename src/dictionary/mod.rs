//! The data dictionary: every table, where its rows come from and which columns it has.
//!
//! In: the declarations that the program itself works by: source objects, decision files, schemas, query files. Out: [`Table`]s
//! for `transload docs tables`. Never: a name or a type that is written here a second time.

mod site;

use arrow::datatypes::{DataType, Field, Schema};
use serde::Serialize;

use crate::load::{ORG_TABLES, org_table};
use crate::mapping::{PLACE, declared_files};
use crate::project::{Queries, QueryFile, QueryKind};
use crate::reconcile::{CHANGE, families};
use crate::rows::{ledger_fields, outbox_fields};
use crate::stage::fixed_tables;
use crate::usercom::OBJECTS;
use crate::usercom::schema::Column as SourceColumn;

pub use self::site::{SiteFacts, site};

/// One table.
#[derive(Clone, Debug, Serialize)]
pub struct Table {
    /// `schema.table`; `<load>` and `<source>` stand for the name of each.
    pub name: String,
    /// What one row is.
    pub what: String,
    /// What it is made of: files of the export, a file of decisions, a query.
    pub made_of: String,
    /// Its columns; empty where only the query knows them (`transload query "describe …"`).
    pub columns: Vec<Column>,
}

/// One column.
#[derive(Clone, Debug, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub holds: String,
    /// Names of it in files of the export, or what is asked of a cell.
    pub note: String,
}

/// Every table that a project with these queries can have.
#[must_use]
pub fn tables(queries: &Queries) -> Vec<Table> {
    let mut tables: Vec<Table> = sources().collect();
    tables.extend(of_sources());
    tables.extend(staged());
    tables.extend(decisions());
    tables.extend(
        queries
            .kind(QueryKind::Prepare)
            .map(|file| of_query("prepare", file)),
    );
    tables.extend(org(queries));
    tables.extend(loads(queries));
    tables.extend(views());
    tables.extend(
        queries
            .kind(QueryKind::Reconcile)
            .map(|file| of_query("recon", file)),
    );
    tables
}

/// The table of this name: itself, or one of a family such as `ledger.<load>` that a load or a source of the project has.
#[must_use]
pub fn table_of<'a>(tables: &'a [Table], name: &str) -> Option<&'a Table> {
    let named = |wanted: &str| tables.iter().find(|table| table.name == wanted);
    named(name).or_else(|| {
        tables.iter().find(|table| {
            let Some((start, word)) = table.name.split_once('<') else {
                return false;
            };
            let schema = match word {
                "load>" => "outbox",
                "source>" => "usercom",
                // Objects of the customer's own are called as the export has them.
                _ => return name.starts_with(start) && name.len() > start.len(),
            };
            let rest = name.strip_prefix(start);
            rest.is_some_and(|rest| named(&format!("{schema}.{rest}")).is_some())
        })
    })
}

fn sources() -> impl Iterator<Item = Table> {
    OBJECTS.iter().map(|object| {
        let mut stems = vec![object.name.as_ref()];
        stems.extend(object.stems);
        Table {
            name: format!("usercom.{}", object.name),
            what: format!("one row per record of {}, its newest version", object.name),
            made_of: format!("files of the export: {}", stems.join(", ")),
            columns: object.columns.iter().map(source_column).collect(),
        }
    })
}

fn source_column(column: &SourceColumn) -> Column {
    let mut names: Vec<&str> = Vec::new();
    for alias in column.aliases {
        if !names.contains(&alias.header) && alias.header != column.name {
            names.push(alias.header);
        }
    }
    Column {
        name: column.name.to_owned(),
        holds: column.kind.word().to_owned(),
        note: match names.as_slice() {
            [] => String::new(),
            names => format!("also called {}", names.join(", ")),
        },
    }
}

fn staged() -> impl Iterator<Item = Table> {
    fixed_tables()
        .into_iter()
        .map(|(name, what, schema)| Table {
            name: name.to_owned(),
            what: what.to_owned(),
            made_of: "what staging met".to_owned(),
            columns: of_schema(&schema),
        })
}

fn decisions() -> impl Iterator<Item = Table> {
    declared_files().map(|file| Table {
        name: format!("config.{}", file.name),
        what: match file.key.as_slice() {
            [] => "one row per line of the file".to_owned(),
            key => format!("one row per {}", key.join(", ")),
        },
        made_of: format!("config/{}.csv", file.name),
        columns: file
            .columns
            .into_iter()
            .map(|column| Column {
                name: column.name.to_owned(),
                holds: column.holds,
                note: if column.needed { "needed" } else { "" }.to_owned(),
            })
            .chain([Column {
                name: PLACE.to_owned(),
                holds: "text".to_owned(),
                note: "file and line".to_owned(),
            }])
            .collect(),
    })
}

fn of_query(schema: &str, file: &QueryFile) -> Table {
    Table {
        name: format!("{schema}.{}", file.name),
        what: file.grain.clone(),
        made_of: file.path.clone(),
        columns: Vec::new(),
    }
}

fn org(queries: &Queries) -> impl Iterator<Item = Table> + '_ {
    let fixed = ORG_TABLES.into_iter().map(|name| Table {
        name: format!("org.{name}"),
        what: match name {
            "organization" => "one row: the org",
            "users" => "one row per user of the org",
            "fields" => "one row per object and field of the org that loads send to",
            "states" => "one row per country and state that addresses of the org may name",
            _ => "one row per limit of the org, and what is left of it",
        }
        .to_owned(),
        made_of: "the org, asked at the beginning of each run".to_owned(),
        columns: of_schema(&org_table(name)),
    });
    let asked = queries.kind(QueryKind::Org).map(|file| {
        let schema = crate::migration::selected_schema(file);
        Table {
            columns: of_schema(&schema),
            ..of_query("org", file)
        }
    });
    fixed.chain(asked)
}

/// What each load has.
fn loads(queries: &Queries) -> Vec<Table> {
    let key = Column {
        name: "<key>".to_owned(),
        holds: "the columns that `-- key:` names".to_owned(),
        note: String::new(),
    };
    let with_key = |fields: Vec<Field>| {
        let columns = fields.iter().map(of_field);
        std::iter::once(key.clone()).chain(columns).collect()
    };
    let mut tables = vec![
        Table {
            name: "outbox.<load>".to_owned(),
            what: "one row per row that is sent, with the fields that are sent".to_owned(),
            made_of: "queries/load/<load>.sql".to_owned(),
            columns: with_key(outbox_fields()),
        },
        Table {
            name: "ledger.<load>".to_owned(),
            what: "one row per key: its record and the latest outcome".to_owned(),
            made_of: "the answers of Salesforce".to_owned(),
            columns: with_key(ledger_fields()),
        },
        Table {
            name: "ledger.attempts_<load>".to_owned(),
            what: "one row per key and attempt".to_owned(),
            made_of: "the answers of Salesforce".to_owned(),
            columns: with_key(ledger_fields()),
        },
        Table {
            name: "ledger.left_to_org_<load>".to_owned(),
            what: "one row per record and field that stays as it is in the org, with the value that was accepted last"
                .to_owned(),
            made_of: "comparisons of a run".to_owned(),
            columns: Vec::new(),
        },
        Table {
            name: "ledger.before_<load>".to_owned(),
            what: "one row per value of the org that a run replaced".to_owned(),
            made_of: "the org, before rows were sent".to_owned(),
            columns: Vec::new(),
        },
        Table {
            name: "ledger.edited_<load>".to_owned(),
            what: "one row per record that people edited in the org".to_owned(),
            made_of: "comparisons of a run".to_owned(),
            columns: Vec::new(),
        },
        Table {
            name: "org.<load>".to_owned(),
            what: "one row per record of the load, as it was read back".to_owned(),
            made_of: "the org".to_owned(),
            columns: vec![key],
        },
    ];
    tables.extend(
        queries
            .kind(QueryKind::Load)
            .map(|file| of_query("outbox", file)),
    );
    tables
}

/// Views over the tables of all loads; each load has the same of its own, without the column `load`.
fn views() -> impl Iterator<Item = Table> {
    let text = |name: &str| of_field(&Field::new(name, DataType::Utf8, true));
    let recon = families().map(move |(prefix, view, columns)| Table {
        name: format!("recon.{view}"),
        what: format!("one row per row of recon.{prefix}<load>, over all loads"),
        made_of: "comparisons of a run".to_owned(),
        columns: std::iter::once("load")
            .chain(columns.iter().copied())
            .map(text)
            .collect(),
    });
    let changes = Table {
        name: "ledger.changes".to_owned(),
        what: "one row per value of the org that a run replaced".to_owned(),
        made_of: "ledger.before_<load>".to_owned(),
        columns: CHANGE.iter().copied().map(text).collect(),
    };
    let runs = Table {
        name: "ledger.runs".to_owned(),
        what: "one row per run and load: counts, times, status".to_owned(),
        made_of: "the journals of all runs".to_owned(),
        columns: of_schema(&crate::migration::runs_table()),
    };
    let steps = Table {
        name: "config.automation_steps".to_owned(),
        what:
            "one row per automation, trigger and group of actions, with the rule that fits it best"
                .to_owned(),
        made_of: "config/automations.csv, config/automation_counterparts.csv".to_owned(),
        columns: Vec::new(),
    };
    let remedies = Table {
        name: "recon.remedies".to_owned(),
        what: "one row per error code of Salesforce that people can do something about".to_owned(),
        made_of: "the product".to_owned(),
        columns: ["error_code", "concerns", "what_to_do"].map(text).to_vec(),
    };
    let estimate = [
        (
            "loads",
            "one row per load with rows to send: what it asks of the org, and how long it takes",
        ),
        (
            "total",
            "one row: how long the whole run takes, and what that rests on",
        ),
        (
            "limits",
            "one row per limit of the org that the run takes from",
        ),
    ]
    .map(|(name, what)| Table {
        name: format!("estimate.{name}"),
        what: what.to_owned(),
        made_of: "`transload estimate`".to_owned(),
        columns: Vec::new(),
    });
    let views = [
        (
            "staged.books",
            "one row per object of the export: its records, and what of them was staged or rejected",
            "what staging counted",
        ),
        (
            "staged.needs",
            "one row: Bulk batches and requests that the rows of the export ask for",
            "staged.files",
        ),
        (
            "staged.owners",
            "one row per object and owner that its records name, with the records",
            "the staged tables",
        ),
        (
            "staged.open_decisions",
            "one row per value of the export that no decision names",
            "`transload audit`",
        ),
        (
            "recon.compared_fields",
            "one row per load and field that is sent and read back",
            "outbox.<load>, org.<load>",
        ),
        (
            "org.addresses",
            "one row per user of the org whom records may belong to: address and whether he is active",
            "org.users",
        ),
    ]
    .map(|(name, what, made_of)| Table {
        name: name.to_owned(),
        what: what.to_owned(),
        made_of: made_of.to_owned(),
        columns: Vec::new(),
    });
    let distinct = Table {
        name: "staged.distinct_values".to_owned(),
        what: "one row per column of the export: how many values it has, to within a few percent"
            .to_owned(),
        made_of: "the staged tables, counted when it is asked".to_owned(),
        columns: ["source", "column", "values"].map(text).to_vec(),
    };
    recon
        .chain([changes, runs, steps, remedies, distinct])
        .chain(estimate)
        .chain(found())
        .chain(views)
}

/// What else a run finds.
fn found() -> impl Iterator<Item = Table> {
    let what = |name: &str| {
        Some(match name {
            "recon.held" => "one row per row of recon.fates that waits for something",
            "recon.columns" => {
                "one row per staged column and field: rows with a value, and those of them whose value is in the field; where that cannot be told, why"
            }
            "recon.samples" => "one row per field of each record that was drawn to be looked at",
            "recon.lost" => "one row per record of ours that the org no longer has, or merged",
            "recon.beside" => {
                "one row per record that people made beside ours, with the one it is like"
            }
            "recon.storms" => "one row per burst of changes by one user or integration",
            "ledger.records" => {
                "one row per row of ledger.<load>: which record it is, over all loads"
            }
            "ledger.reconciliations" => {
                "one row per reconciliation and load, query, sample or look at people that it made"
            }
            "ledger.attempts" => "one row per row of ledger.attempts_<load>, over all loads",
            _ => return None,
        })
    };
    let of_all = crate::migration::found_tables().into_iter();
    let of_all = of_all.filter_map(move |(schema, name, columns)| {
        let name = format!("{schema}.{name}");
        let what = what(&name)?.to_owned();
        Some(Table {
            name,
            what,
            made_of: "comparisons of a run".to_owned(),
            columns: of_schema(&columns),
        })
    });
    let of_each = families().map(|(prefix, view, columns)| Table {
        name: format!("recon.{prefix}<load>"),
        what: format!("the rows of recon.{view} of one load"),
        made_of: "comparisons of a run".to_owned(),
        columns: columns
            .iter()
            .map(|name| of_field(&Field::new(*name, DataType::Utf8, true)))
            .collect(),
    });
    of_all.chain(of_each)
}

/// What each table of the source has besides, those of custom objects too.
fn of_sources() -> impl Iterator<Item = Table> {
    [
        (
            "usercom.co_<object>",
            "one row per record of a custom object, its newest version",
            "co_<object> files of the export, and their definitions",
        ),
        (
            "mapped.<source>",
            "the rows of usercom.<source> with what all queries need: in_scope, days, texts as they are compared, the customer's \
             own fields as `custom`",
            "usercom.<source>, config/field_map.csv, [scope]",
        ),
        (
            "sample.<source>",
            "one row per record of usercom.<source> that takes part in a sample",
            "`--sample`",
        ),
    ]
    .into_iter()
    .map(|(name, what, made_of)| Table {
        name: name.to_owned(),
        what: what.to_owned(),
        made_of: made_of.to_owned(),
        columns: Vec::new(),
    })
}

fn of_schema(schema: &Schema) -> Vec<Column> {
    schema
        .fields()
        .iter()
        .map(|field| of_field(field))
        .collect()
}

fn of_field(field: &Field) -> Column {
    Column {
        name: field.name().clone(),
        holds: match field.data_type() {
            DataType::Utf8 => "text",
            DataType::Int64 => "whole number",
            DataType::Float64 => "number",
            DataType::Boolean => "true or false",
            DataType::Timestamp(..) => "instant in UTC",
            DataType::Date32 => "date",
            DataType::Binary => "bits",
            _ => "list or sum",
        }
        .to_owned(),
        note: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_declared_object_file_and_query_is_in_the_dictionary_once() {
        let queries = Queries::load(std::path::Path::new("no-such-project")).unwrap();
        let tables = tables(&queries);
        let names: BTreeSet<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names.len(), tables.len(), "a table is there twice");
        for object in OBJECTS {
            assert!(names.contains(format!("usercom.{}", object.name).as_str()));
        }
        for (name, _) in crate::mapping::templates() {
            assert!(names.contains(format!("config.{name}").as_str()), "{name}");
        }
        let kinds = [
            (QueryKind::Prepare, "prepare"),
            (QueryKind::Load, "outbox"),
            (QueryKind::Reconcile, "recon"),
            (QueryKind::Org, "org"),
        ];
        for (kind, schema) in kinds {
            for file in queries.kind(kind) {
                let name = format!("{schema}.{}", file.name);
                assert!(names.contains(name.as_str()), "{name}");
            }
        }
        for table in &tables {
            assert!(
                !table.what.is_empty() && !table.made_of.is_empty(),
                "{}",
                table.name
            );
        }
    }

    #[test]
    fn columns_say_how_files_call_them() {
        let queries = Queries::of(Vec::new());
        let tables = tables(&queries);
        let people = tables
            .iter()
            .find(|table| table.name == "usercom.people")
            .unwrap();
        let phone = people
            .columns
            .iter()
            .find(|column| column.name == "phone_number")
            .unwrap();
        assert_eq!(phone.holds, "text");
        assert!(phone.note.contains("phone"), "{}", phone.note);
    }
}
