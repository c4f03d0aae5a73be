//! Documents: what they say is what the org says, and what is not known is said.

use serde_json::{Value, json};

use crate::rehearsal::Project;

/// The table of a part, by the end of its query's name: rows by column.
pub(super) fn part(document: &Value, query: &str) -> Vec<Value> {
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

pub(super) fn document(project: &Project, arguments: &[&str]) -> Value {
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
    for why in parts.iter().filter_map(|part| part["unknown"].as_str()) {
        assert_eq!(why, "nothing is staged yet: `transload stage`");
    }
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

    let beside = |name: &str| -> Value {
        let text = std::fs::read(project.path(&format!("documents/scope/{name}.json")));
        serde_json::from_slice(&text.unwrap()).unwrap()
    };
    let owners = part(&beside("owners"), "owners/queue");
    let owned: i64 = owners
        .iter()
        .map(|row| row["people"].as_i64().unwrap())
        .sum();
    let sql = "select count(*) as n from usercom.people as p \
               where p.assigned_to_id is not null or p.assigned_to_email is not null";
    assert_eq!(project.table(sql)[0][0], owned.to_string());
    assert!(owned > 0);

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
    project.write(
        "export/segments.csv",
        "id,name,criteria\n5,VIP,country = DE\n6,Cold,\n",
    );
    project.write(
        "export/segment_members.csv",
        "segment_id,person_id\n5,1\n5,2\n",
    );
    project.transload(&["stage"]).ended(0);
    let scope = document(&project, &["audit"]);
    assert_eq!(part(&scope, "scope/objects")[0]["object"], "mine");
    let segments = part(&beside("segments"), "segments/criteria");
    let told = segments
        .iter()
        .map(|row| (&row["name"], &row["criteria"], &row["people"]));
    let unknown = json!("not in the export: look them up in User.com");
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (&json!("VIP"), &json!("country = DE"), &json!(2)),
            (&json!("Cold"), &unknown, &json!(0)),
        ]
    );
    project.transload(&["check"]).ended(0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_run_ends_with_its_report_which_says_where_rows_went_and_what_to_do() {
    let project = Project::small();
    project.edit("migration.toml", "report = false", "report = true");
    project.append("migration.toml", "\n[gates]\nmax_failed_percent = 100.0\n");
    project.write(
        "config/value_policy.csv",
        "object,field,policy\nContact,LastName,blank_and_keep_raw\n",
    );
    let long = format!("Cas {}", "o".repeat(90));
    project.edit("export/people.csv", "Cas Cole", &long);
    let run = project.run();
    let name = run.summary["run"].as_str().unwrap();
    let page = project.path(&format!("documents/{name}/report.html"));
    assert!(
        run.stderr
            .contains(&format!("the report is in {}", page.display())),
        "{}",
        run.stderr
    );
    assert!(
        std::fs::read_to_string(page)
            .unwrap()
            .contains("<svg class=\"flow\"")
    );
    let report = std::fs::read(project.path(&format!("documents/{name}/report.json"))).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let failed = part(&report, "run/failed");
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["concerns"], "whoever knows the data");
    assert_eq!(failed[0]["next command"], "transload load --failed contact");
    assert!(
        failed[0]["what to do"]
            .as_str()
            .unwrap()
            .starts_with("give the field a value")
    );
    // As many rows as the books have, and none twice.
    let flow: i64 = part(&report, "run/flow")
        .iter()
        .map(|row| row["rows"].as_i64().unwrap())
        .sum();
    let fates: i64 = part(&report, "run/fates")
        .iter()
        .map(|row| row["rows"].as_i64().unwrap())
        .sum();
    assert_eq!(flow, fates);
    assert!(part(&report, "run/changes").is_empty());

    // The second run: what the source changed, and what both sides did.
    let org = project.org();
    let fay = org.row("Lead", "6", "Name")["Id"].clone();
    org.change("Lead", &fay, json!({"City": "Rome"}));
    drop(org);
    project.edit(
        "export/people.csv",
        "fay@nowhere.example",
        "fay@elsewhere.example",
    );
    project.carry();
    let report = document(&project, &["report"]);
    let changes = part(&report, "run/changes");
    let found = changes.iter().find(|row| row["field"] == "Email").unwrap();
    assert_eq!(
        (&found["why"], &found["values replaced"]),
        (&json!("source"), &json!(1))
    );
    assert!(part(&report, "run/conflicts").is_empty());
}

#[test]
fn a_scope_says_how_far_the_database_is_off_and_which_sandbox_holds_it() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[options]",
        "[source]\ndatabase_size = 10\n\n[options]",
    );
    project.transload(&["stage"]).ended(0);
    let scope = document(&project, &["audit"]);
    let size = &part(&scope, "scope/database_size")[0];
    assert_eq!(
        (
            &size["billable in the export"],
            &size["shown by the application"],
            &size["difference"]
        ),
        (&json!(6), &json!(10), &json!(4))
    );
    let sandbox = part(&scope, "scope/sandbox");
    assert!(
        sandbox
            .iter()
            .all(|row| row["verdict"] != "a sample fits: transload run --sample"),
        "{sandbox:?}"
    );
    let needs = part(&scope, "scope/needs");
    assert!(
        needs
            .iter()
            .any(|row| row["feature"] == "Requests in 24 hours"),
        "{needs:?}"
    );
    let fields = part(&scope, "scope/fields");
    let distinct = |field: &str| {
        let row = fields
            .iter()
            .find(|row| row["object"] == "people" && row["field"] == field);
        row.unwrap()["distinct values about"].as_i64().unwrap()
    };
    assert_eq!((distinct("email"), distinct("lifecycle_stage")), (6, 5));
}

const FORM: &str = "automation,triggers,watches,conditions,actions,does,note\n\
    Example: mine,New contact,,,,,\n\
    Welcome,new contact,,Filters,communication,,\n\
    Hot,Tag added | Deal stage chnge,VIP,,data management,,\n";

#[test]
fn an_inventory_says_what_takes_the_place_of_each_automation_and_what_shows_that_it_fired() {
    // Before anything was staged: what needs no data is there, and the rest says why it is not.
    let project = Project::small();
    project.write("config/automations.csv", FORM);
    let inventory = document(&project, &["inventory"]);
    let counterpart = |inventory: &Value, automation: &str, trigger: &str| {
        let rows = part(inventory, "inventory/counterparts");
        let row = rows
            .iter()
            .find(|row| row["automation"] == automation && row["trigger"] == trigger);
        row.unwrap()["counterpart"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        counterpart(&inventory, "Welcome", "New contact"),
        "sales engagement tool"
    );
    // No rule has trigger and actions: the trigger's own counts.
    assert_eq!(
        counterpart(&inventory, "Hot", "Tag added"),
        "record-triggered flow after save"
    );
    assert!(counterpart(&inventory, "Hot", "Deal stage chnge").starts_with("to be decided"));
    let text = inventory.to_string();
    assert!(!text.contains("Example: mine"));
    assert!(text.contains("did you mean `Deal stage change`?"), "{text}");
    let parts = inventory["parts"].as_array().unwrap();
    assert!(parts[3]["unknown"].is_string(), "{}", parts[3]);

    let project = Project::loaded();
    project.write("config/automations.csv", FORM);
    project.write(
        "config/automation_counterparts.csv",
        "trigger,actions,counterpart,reason,limits,while_loading,evidence,read_on\n\
         New contact,,screen flow,ours,,,people,\n",
    );
    let inventory = document(&project, &["inventory"]);
    assert_eq!(
        counterpart(&inventory, "Welcome", "New contact"),
        "screen flow"
    );
    let fired = part(&inventory, "inventory/fired");
    assert_eq!(fired.len(), 3, "{fired:?}");
    let seen = |trigger: &str| {
        let row = fired.iter().find(|row| row["trigger"] == trigger);
        row.map(|row| (row["seen in"].as_str().unwrap_or_default(), &row["records"]))
    };
    assert_eq!(seen("New contact"), Some(("people", &json!(6))));
    // No rule says where a tag would show: that is told, too.
    assert_eq!(
        seen("Tag added"),
        Some(("nothing: no rule says where it would show", &json!(0)))
    );
    let parts = inventory["parts"].as_array().unwrap();
    let titles: Vec<&str> = parts
        .iter()
        .filter_map(|part| part["title"].as_str())
        .collect();
    assert_eq!(titles[4..], ["Automation: Hot", "Automation: Welcome"]);
    let own = parts[5]["table"]["rows"].to_string();
    assert!(
        own.contains("screen flow") && own.contains("[\"records\",6]"),
        "{own}"
    );
}

#[test]
#[ignore = "long: several migrations"]
fn an_estimate_says_what_it_rests_on_and_is_held_against_the_run() {
    let project = Project::small();
    let early = project.transload(&["estimate", "--review"]).ended(2);
    assert!(
        early.error().contains("there is no run so far"),
        "{}",
        early.stderr
    );

    // Nothing was measured: a span, and nothing likely.
    let public = document(&project, &["estimate"]);
    let total = &part(&public, "estimate/total")[0];
    assert_eq!(total["measured on"], "nothing: not calibrated");
    assert_eq!(total["likely minutes"], Value::Null);
    let loads = part(&public, "estimate/loads");
    let sent: i64 = loads
        .iter()
        .map(|load| load["rows to send"].as_i64().unwrap())
        .sum();
    assert_eq!(sent, 13, "{loads:?}");
    assert!(
        loads.iter().all(|load| load["rests on"] == "public rates"),
        "{loads:?}"
    );
    let limits = part(&public, "estimate/limits");
    let verdict = |name: &str| {
        let found = limits
            .iter()
            .find(|limit| limit["limit of the org"] == name);
        found.unwrap()["verdict"].clone()
    };
    assert_eq!(verdict("DailyApiRequests"), "enough");

    project.carry().ended(0);
    let review = document(&project, &["estimate", "--review"]);
    let rows = part(&review, "estimate/review");
    let of = |load: &str| rows.iter().find(|row| row["load"] == load).unwrap();
    assert_eq!(of("contact")["rows expected"], of("contact")["rows sent"]);
    assert_eq!(of("the whole run")["rows sent"], 13);
    assert!(
        of("contact")["actual seconds"].as_f64().unwrap() > 0.0,
        "{rows:?}"
    );

    // A name of one person changed: the load that was measured itself says how long that takes.
    let people = project.path("export/people.csv");
    let text = std::fs::read_to_string(&people).unwrap();
    let first = text.lines().nth(1).unwrap().to_owned();
    let changed = first.replacen(
        first.split(',').nth(1).unwrap(),
        "someone.else@acme.example",
        1,
    );
    assert_ne!(first, changed);
    std::fs::write(&people, text.replace(&first, &changed)).unwrap();
    let measured = document(&project, &["estimate"]);
    let total = &part(&measured, "estimate/total")[0];
    assert!(
        total["measured on"].as_str().unwrap().contains("against"),
        "{total}"
    );
    assert!(!total["likely minutes"].is_null(), "{total}");
    let loads = part(&measured, "estimate/loads");
    assert_eq!(loads.len(), 1, "{loads:?}");
    assert!(
        loads[0]["rests on"]
            .as_str()
            .unwrap()
            .ends_with("rows of its own"),
        "{loads:?}"
    );
    let (low, likely, high) = (
        loads[0]["low seconds"].as_f64().unwrap(),
        loads[0]["likely seconds"].as_f64().unwrap(),
        loads[0]["high seconds"].as_f64().unwrap(),
    );
    assert!(low <= likely && likely <= high && high > 0.0, "{loads:?}");
    let unknown = project
        .transload(&["estimate", "--measured-on", "elsewhere"])
        .ended(2);
    assert!(
        unknown.error().contains("no destination `elsewhere`"),
        "{}",
        unknown.stderr
    );
}
