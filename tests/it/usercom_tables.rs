//! Whoever reads everything that the simulated account shows arrives at the tables of its export.
//!
//! The reader here knows no more than HTTP and JSON: it follows `next` and writes down what it gets.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Map, Value};

use crate::support::{Project, SETTINGS};
use crate::usercom_account::{Account, V2};

/// Lists, and the stems of the files that they are written to.
const LISTS: [(&str, &str); 10] = [
    ("attributes/", "attributes"),
    ("tags/", "tags"),
    ("lists/", "lists"),
    ("products/", "products"),
    ("companies/", "companies"),
    ("users/", "people"),
    ("deals/", "deals"),
    ("activities/", "activities"),
    ("segments/", "segments"),
    ("conversations/", "conversations"),
];

/// The tables that are compared.
const TABLES: [&str; 15] = [
    "attributes",
    "tags",
    "lists",
    "products",
    "companies",
    "people",
    "deals",
    "deal_products",
    "stage_changes",
    "activities",
    "segments",
    "segment_members",
    "conversations",
    "messages",
    "emails",
];

#[test]
fn reading_everything_gives_the_tables_of_the_export_in_v2() {
    compare(11, V2);
}

#[test]
fn reading_everything_gives_the_tables_of_the_export_in_v1() {
    compare(12, "*/*");
}

fn compare(seed: u64, accept: &str) {
    let seed = seed.to_string();
    let source = Project::empty().file("migration.toml", SETTINGS);
    let made = source.run([
        "generate", "--people", "300", "--seed", &seed, "--out", "export",
    ]);
    assert_eq!(made.code, Some(0), "{made}");
    let account = Account::of(source, &[]);
    let copy = Project::empty().file("migration.toml", SETTINGS);
    let copy = read(&account, accept, copy);

    let unreachable = account.control(Method::GET, "unreachable", None);
    let expected = tables(account.project());
    let found = tables(&copy);
    for (table, rows) in expected {
        let lost = unreachable[&table].as_array().cloned().unwrap_or_default();
        let rows: BTreeMap<i64, Value> = rows
            .into_iter()
            .filter(|(id, _)| !lost.contains(&(*id).into()))
            .collect();
        assert!(!rows.is_empty(), "{table}");
        for (id, row) in &rows {
            assert_eq!(found[&table].get(id), Some(row), "{table}");
        }
        assert_eq!(found[&table].len(), rows.len(), "{table}");
    }
}

/// Reads all lists and what belongs to their rows into the export folder of a project.
fn read(account: &Account, accept: &str, mut project: Project) -> Project {
    let mut parents: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (path, stem) in LISTS {
        let mut rows = account.rows(path, accept);
        for row in &mut rows {
            let id = &row["id"];
            let id = id.as_i64().or_else(|| id.as_str()?.parse().ok());
            parents.entry(stem).or_default().push(id.unwrap());
            if stem == "segments" {
                // The number of members, which a file of segments does not have.
                row.remove("users");
            }
        }
        project = written(project, stem, &rows);
    }
    let below = |stem: &str, parent: &str, key: &str, path: &dyn Fn(i64) -> String| {
        let mut all = Vec::new();
        for id in &parents[parent] {
            for mut row in account.rows(&path(*id), accept) {
                if stem == "segment_members" {
                    let person = row.remove("id").unwrap();
                    let since = row.remove("member_since").unwrap_or_default();
                    row = Map::new();
                    row.insert("user_id".to_owned(), person);
                    row.insert("member_since".to_owned(), since);
                }
                if !key.is_empty() {
                    row.insert(key.to_owned(), (*id).into());
                }
                all.push(row);
            }
        }
        (stem.to_owned(), all)
    };
    let files = [
        below("segment_members", "segments", "segment_id", &|id| {
            format!("segments/{id}/users/")
        }),
        below("stage_changes", "deals", "deal_id", &|id| {
            format!("deals/{id}/stage-changes/")
        }),
        below("emails", "people", "user_id", &|id| {
            format!("users/{id}/emails/")
        }),
        below("messages", "conversations", "", &|id| {
            format!("conversations/{id}/")
        }),
    ];
    for (stem, rows) in files {
        project = written(project, &stem, &rows);
    }
    project
}

fn written(project: Project, stem: &str, rows: &[Map<String, Value>]) -> Project {
    let lines: String = rows
        .iter()
        .map(|row| serde_json::to_string(row).unwrap() + "\n")
        .collect();
    project.file(&format!("export/{stem}.jsonl"), &lines)
}

/// The staged tables, rows by id.
fn tables(project: &Project) -> BTreeMap<String, BTreeMap<i64, Value>> {
    let staged = project.run(["stage"]);
    assert_eq!(staged.code, Some(0), "{staged}");
    let read = |table: &str| {
        let sql = format!("select * from usercom.{table} order by id");
        let run = project.run(["query", &sql, "--format", "json"]);
        assert_eq!(run.code, Some(0), "{run}");
        let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        let rows = rows.into_iter().map(|mut row| {
            let cells = row.as_object_mut().unwrap();
            // Where a row was read is no part of it.
            cells.retain(|name, _| !name.starts_with('_'));
            match table {
                // A list always says how many messages there are, an export only sometimes.
                "conversations" => {
                    cells.remove("message_count");
                }
                // JSON is compared by what it means.
                "segments" => {
                    let criteria = cells["criteria"].as_str().unwrap_or("null").to_owned();
                    cells.insert(
                        "criteria".to_owned(),
                        serde_json::from_str(&criteria).unwrap(),
                    );
                }
                _ => {}
            }
            (row["id"].as_i64().unwrap(), row)
        });
        (table.to_owned(), rows.collect())
    };
    TABLES.into_iter().map(read).collect()
}
