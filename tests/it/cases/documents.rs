//! Documents: what they say is what the org says, and what is not known is said.

use serde_json::Value;

use crate::rehearsal::Project;

/// The table of a part, by the end of its query's name: rows by column.
fn part(document: &Value, query: &str) -> Vec<Value> {
    let parts = document["parts"].as_array().unwrap();
    let query = format!("queries/report/{query}.sql");
    let part = parts.iter().find(|part| part["query"] == query.as_str());
    let table = &part.unwrap()["table"];
    let names = table["columns"].as_array().unwrap();
    let rows = table["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        let cells = names.iter().zip(row.as_array().unwrap());
        let cells =
            cells.map(|(name, cell)| (name["name"].as_str().unwrap().to_owned(), cell.clone()));
        Value::Object(cells.collect())
    })
    .collect()
}

fn document(project: &Project, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments
        .iter()
        .copied()
        .chain(["--format", "json"])
        .collect();
    serde_json::from_str(&project.transload(&arguments).ended(0).stdout).unwrap()
}

#[test]
fn documents_say_what_the_org_says_and_what_is_not_known() {
    // Before anything was staged each part says why it is empty, and there is no run to report.
    let empty = Project::small();
    let scope = document(&empty, &["audit"]);
    let parts = scope["parts"].as_array().unwrap();
    assert!(
        parts.iter().any(|part| part["unknown"].is_string()),
        "{scope}"
    );
    let refused = empty.transload(&["report"]).ended(2);
    assert!(
        refused.error().contains("there is no run so far"),
        "{}",
        refused.stderr
    );

    let project = Project::loaded();
    let scope = document(&project, &["audit"]);
    assert!(
        scope["parts"]
            .as_array()
            .unwrap()
            .iter()
            .all(|part| part["unknown"].is_null())
    );
    let objects = part(&scope, "scope/objects");
    let people = objects
        .iter()
        .find(|row| row["object"] == "people")
        .unwrap();
    assert_eq!(people["rows"], 6);
    let billable: i64 = part(&scope, "scope/billing")
        .iter()
        .map(|row| row["people"].as_i64().unwrap())
        .sum();
    assert_eq!(billable, 6);
    let stages = part(&scope, "scope/stages");
    assert!(
        stages
            .iter()
            .all(|row| row["becomes"] != "not decided: held"),
        "{stages:?}"
    );

    let report = document(&project, &["report"]);
    let org = project.org();
    let books = part(&report, "run/accounting");
    for (load, object) in [
        ("account", "Account"),
        ("lead", "Lead"),
        ("contact", "Contact"),
    ] {
        let book = books.iter().find(|row| row["load"] == load).unwrap();
        assert_eq!(book["created"], org.keys(object).len(), "{load}");
        assert_eq!(book["unaccounted"], 0, "{load}");
    }
    let verdict = report["parts"][0]["text"].as_str().unwrap();
    assert!(
        verdict.starts_with("Every phase passed its gate: "),
        "{verdict}"
    );

    let page = std::fs::read_to_string(project.path("documents/scope/scope.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("Europe/Warsaw"));
    // A query of the project's own answers instead of the default.
    project.write(
        "queries/report/scope/objects.sql",
        "-- grain: one row\nselect 'mine' as object, 1 as rows",
    );
    let scope = document(&project, &["audit"]);
    assert_eq!(part(&scope, "scope/objects")[0]["object"], "mine");
    project.transload(&["check"]).ended(0);
}
