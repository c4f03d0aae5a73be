//! Reports and documents at their edges: a run that broke off, figures that are asked again, texts that are long, decisions that
//! nobody has taken, an org that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::documents::{document, part};
use crate::rehearsal::Project;

/// The folder of the organisation that was met.
fn org_folder(project: &Project) -> PathBuf {
    project.path(".transload/orgs").join(&project.orgs()[0])
}

/// As a process leaves it that was killed when the last answers of a load had come: its journal goes to the first entry that says so,
/// and no table has them. The run's name.
fn break_off(project: &Project, load: &str) -> String {
    let org = org_folder(project);
    let mut runs = fs::read_dir(org.join("journal")).unwrap().flatten();
    let run = runs.next().unwrap().path();
    let entries: BTreeSet<PathBuf> = fs::read_dir(&run)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let mut is_behind = false;
    for entry in entries {
        if is_behind {
            fs::remove_file(entry).unwrap();
            continue;
        }
        let event: Value = serde_json::from_slice(&fs::read(&entry).unwrap()).unwrap();
        is_behind = event["event"] == "done" && event["load"] == load;
    }
    assert!(is_behind, "{load} was answered");
    for table in ["runs", load, &format!("attempts_{load}")] {
        for kept in ["manifests", "published"] {
            fs::remove_dir_all(org.join(kept).join("ledger").join(table)).unwrap();
        }
    }
    run.file_name().unwrap().to_string_lossy().into_owned()
}

fn one<'a>(rows: &'a [Value], column: &str, is: &str) -> &'a Value {
    let found = rows.iter().find(|row| row[column] == is);
    found.unwrap_or_else(|| panic!("no {column} {is} in {rows:?}"))
}

#[test]
fn the_report_of_a_run_that_broke_off_says_how_far_it_came() {
    let project = Project::loaded();
    let org = project.org();
    let (accounts, contacts) = (org.keys("Account").len(), org.keys("Contact").len());
    let leads = org.keys("Lead").len();
    drop(org);
    let run = break_off(&project, "contact");
    let report = document(&project, &["report"]);
    let text = report["parts"][0]["text"].as_str().unwrap();
    let created = accounts + leads + contacts;
    assert!(
        text.starts_with("It has not come to its end.")
            && text.contains(&format!("{created} records created")),
        "{text}"
    );
    assert!(
        report["facts"]
            .to_string()
            .contains("has not come to its end"),
        "{}",
        report["facts"]
    );
    let books = part(&report, "run/accounting");
    let account = one(&books, "load", "account");
    assert_eq!(
        (&account["created"], &account["gate"]),
        (&json!(accounts), &json!("open"))
    );
    let contact = one(&books, "load", "contact");
    assert_eq!(
        (
            &contact["created"],
            &contact["gate"],
            &contact["unaccounted"]
        ),
        (&json!(contacts), &json!("not reached"), &json!(0))
    );
    let flow = part(&report, "run/flow");
    let went = one(&flow, "load", "contact");
    assert_eq!(
        (&went["fate"], &went["rows"]),
        (&json!("created"), &json!(contacts))
    );
    let timeline = part(&report, "run/timeline");
    let began = one(&timeline, "load", "contact");
    assert!(
        began["began utc"].is_string() && began["ended utc"].is_null(),
        "{began}"
    );
    assert!(one(&timeline, "load", "account")["ended utc"].is_string());
    let sources = part(&report, "run/identities");
    assert_eq!(
        one(&sources, "source", "usercom.companies")["unaccounted"],
        0
    );
    let matched = part(&report, "run/match");
    assert!(
        matched.iter().any(|row| row["load"] == "account"),
        "{matched:?}"
    );
    assert!(
        !matched.iter().any(|row| row["load"] == "contact"),
        "{matched:?}"
    );

    // A question sees the same, and the next run settles it.
    let sql = "select sum(r.created) as n from ledger.runs as r where r.status = 'unfinished'";
    let asked = project
        .transload(&["query", sql, "--format", "json"])
        .ended(0);
    let asked: Value = serde_json::from_str(&asked.stdout).unwrap();
    assert_eq!(asked[0]["n"], created);
    project.carry().ended(0);
    let report = document(&project, &["report", &run]);
    let text = report["parts"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("It broke off in the middle: "), "{text}");
    let books = part(&report, "run/accounting");
    assert_eq!(one(&books, "load", "contact")["created"], contacts);
}

/// Whether a value that was asked again is the one of the document.
fn is_same(asked: &Value, told: &Value) -> bool {
    match (asked, told) {
        (Value::Bool(asked), told) => told == if *asked { "yes" } else { "no" },
        (Value::Number(asked), Value::Number(told)) => {
            (asked.as_f64().unwrap() - told.as_f64().unwrap()).abs() < 1e-6
        }
        (Value::String(_) | Value::Null, told) => asked == told,
        (asked, told) => told == &asked.to_string(),
    }
}

/// Asks every query of a document again as it is printed; how many rows were compared.
fn ask_again(project: &Project, document: &Value) -> usize {
    let mut compared = 0;
    let mut seen = BTreeSet::new();
    for part in document["parts"].as_array().unwrap() {
        let (query, sql) = (
            part["query"].as_str().unwrap(),
            part["sql"].as_str().unwrap(),
        );
        if part["table"].is_null() || !seen.insert(query) {
            continue;
        }
        let asked = project
            .transload(&["query", sql, "--format", "json"])
            .ended(0);
        let asked: Vec<Value> = serde_json::from_str(&asked.stdout).unwrap();
        let table = &part["table"];
        assert_eq!(table["total"], asked.len(), "{query}");
        let told = table["rows"].as_array().unwrap();
        for (asked, told) in asked.iter().zip(told) {
            let names = table["columns"].as_array().unwrap().iter();
            for (name, told) in names.zip(told.as_array().unwrap()) {
                let name = name["name"].as_str().unwrap().replace(' ', "_");
                let asked = &asked[&name];
                assert!(is_same(asked, told), "{query}, {name}: {asked} and {told}");
            }
            compared += 1;
        }
    }
    compared
}

#[test]
fn every_figure_can_be_asked_again_with_the_query_that_is_printed() {
    let project = Project::loaded();
    project.append("migration.toml", "\n[source]\ndatabase_size = 10\n");
    let report = document(&project, &["report"]);
    assert!(ask_again(&project, &report) > 50);
    let scope = document(&project, &["audit"]);
    assert!(ask_again(&project, &scope) > 50);
    for name in ["segments", "owners"] {
        let text = project.read(&format!("documents/scope/{name}.json"));
        ask_again(&project, &serde_json::from_str(&text).unwrap());
    }
    let facts = scope["facts"].to_string();
    for said in [&project.orgs()[0], "small", "Europe/Warsaw", "Last run"] {
        assert!(facts.contains(said), "{said}: {facts}");
    }
}

#[test]
#[ignore = "long: several migrations"]
fn every_figure_of_the_demos_report_can_be_asked_again() {
    let project = Project::demo();
    project.run();
    let report = document(&project, &["report"]);
    assert!(ask_again(&project, &report) > 500);
    for list in ["run/sources", "run/identities"] {
        let rows = part(&report, list);
        assert!(rows.len() > 20, "{list}: {rows:?}");
        assert!(
            rows.iter().all(|row| row["unaccounted"] == 0),
            "{list}: {rows:?}"
        );
    }
    // Each field of a load is told, with as many rows as were read back.
    let matched = part(&report, "run/match");
    let of_lead: Vec<&Value> = matched
        .iter()
        .filter(|row| row["load"] == "account")
        .collect();
    assert!(of_lead.len() > 10, "{matched:?}");
    assert!(
        matched
            .iter()
            .all(|row| row["different"] == 0 && row["same"] == row["compared"])
    );
}

#[test]
fn a_long_text_stays_readable_and_a_file_goes_when_it_is_not_needed_any_more() {
    let project = Project::small();
    let long = format!("{} the end", "word ".repeat(100));
    let segments = |description: &str| {
        let text = format!("id,name,description,criteria\n5,VIP,{description},\n");
        project.write("export/segments.csv", &text);
        project.transload(&["stage"]).ended(0);
        document(&project, &["audit"]);
    };
    segments(&long);
    let csv = project.path("documents/scope/segments-criteria.csv");
    for form in ["html", "md", "json"] {
        let text = project.read(&format!("documents/scope/segments.{form}"));
        assert!(text.contains(&long), "{form}: {text}");
    }
    assert!(fs::read_to_string(&csv).unwrap().contains(&long));
    assert!(
        project
            .read("documents/scope/segments.html")
            .contains("segments-criteria.csv")
    );
    segments("short");
    assert!(!csv.exists());
    assert!(
        !project
            .read("documents/scope/segments.html")
            .contains("segments-criteria.csv")
    );
}

#[test]
fn a_scope_lists_what_nobody_decided_what_is_risky_and_which_owners_have_no_user() {
    let project = Project::small();
    project.edit(
        "config/stage_matrix.csv",
        "Sales,Done,won,Closed Won,100,\n",
        "",
    );
    // A person without an address, with a call and a message.
    project.append(
        "export/people.csv",
        "7,,,Gus Gray,lead,10,Lyon,1,f,7002,2026-01-01T00:00:00Z\n",
    );
    project.write(
        "export/activities.csv",
        "id,name,activity_type,user_id,assigned_to,created_at\n1,Call,1,7,7003,2026-02-01T08:00:00Z\n",
    );
    // One rule that can be read as a sentence, and one that cannot.
    project.write(
        "export/segments.csv",
        "id,name,criteria\n\
         5,VIP,\"{\"\"operator\"\":\"\"and\"\",\"\"conditions\"\":[{\"\"attribute\"\":\"\"tags\"\",\"\"lookup\"\":\"\"contains\"\",\
         \"\"value\"\":\"\"vip\"\"},{\"\"attribute\"\":\"\"seen_at\"\",\"\"lookup\"\":\"\"in_last_days\"\",\"\"value\"\":30}]}\"\n\
         6,Odd,\"{\"\"operator\"\":\"\"or\"\",\"\"conditions\"\":[{\"\"event\"\":\"\"opened\"\",\"\"count\"\":{\"\"gte\"\":1}}]}\"\n",
    );
    project.write(
        "export/segment_members.csv",
        "segment_id,person_id\n5,7\n5,1\n",
    );
    project.transload(&["stage"]).ended(0);
    let scope = document(&project, &["audit"]);
    let open = part(&scope, "scope/open_decisions");
    let stage = one(&open, "file", "stage_matrix");
    assert_eq!(
        (
            &stage["value"],
            &stage["rows"],
            &stage["without a decision"]
        ),
        (
            &json!("pipeline: Sales, stage: Done, status: won"),
            &json!(1),
            &json!("they are held")
        )
    );
    let parts = scope["parts"].as_array().unwrap();
    let text = parts.iter().find(|part| part["title"] == "Open decisions");
    let text = text.unwrap()["text"].as_str().unwrap();
    assert!(text.contains("Not checked: owners"), "{text}");
    let risks = part(&scope, "scope/risks");
    let decision = "decisions are open in config/stage_matrix.csv";
    assert_eq!(one(&risks, "risk", decision)["rows"], 1);
    assert_eq!(
        one(&risks, "risk", "people without e-mail and phone")["rows"],
        1
    );
    let passive = part(&scope, "scope/passive");
    let passive = one(&passive, "kind", "passive: neither e-mail nor phone");
    assert_eq!(
        (
            &passive["their tasks"],
            &passive["their memberships"],
            &passive["their messages"]
        ),
        (&json!(1), &json!(1), &json!(0))
    );
    let billing = part(&scope, "scope/billing");
    let nothing = one(&billing, "what makes billable", "nothing: not billable");
    assert_eq!(nothing["people"], 1);
    let segments: Value =
        serde_json::from_str(&project.read("documents/scope/segments.json")).unwrap();
    let segments = part(&segments, "segments/criteria");
    assert_eq!(
        one(&segments, "name", "VIP")["criteria"],
        "tags contains vip and seen_at in last days 30"
    );
    let odd = one(&segments, "name", "Odd")["criteria"].as_str().unwrap();
    assert!(odd.starts_with("{\"operator\":\"or\""), "{odd}");
    let owners = || {
        let text = project.read("documents/scope/owners.json");
        part(&serde_json::from_str(&text).unwrap(), "owners/queue")
    };
    let before = owners();
    assert_eq!(
        one(&before, "owner", "7001")["has a user"],
        "not known: the org was not met"
    );

    // Once the org was met, with an owner of an activity alone whom it does not know.
    project.transload(&["plan", "--format", "json"]);
    let scope = document(&project, &["audit"]);
    let owners = owners();
    assert_eq!(one(&owners, "owner", "7001")["has a user"], "yes");
    let unknown = one(&owners, "owner", "7003");
    assert_eq!(
        (
            &unknown["has a user"],
            &unknown["activities"],
            &unknown["records"]
        ),
        (&json!("no: records wait"), &json!(1), &json!(1))
    );
    let risks = part(&scope, "scope/risks");
    let risk = "records of owners without a user of the org";
    assert_eq!(one(&risks, "risk", risk)["rows"], 1);
    let open = part(&scope, "scope/open_decisions");
    assert!(open.iter().any(|row| row["file"] == "owners"), "{open:?}");
}

#[test]
fn the_projects_page_is_written_before_all_decisions_are_taken() {
    let project = Project::small();
    project.write("export/attributes.jsonl", "");
    let head =
        "source,source_field,target_object,target_field,type,status,confirmed_by,confirmed_at\n";
    let row = "people,score,Lead,Score__c,Number(18;0),proposed,,\n";
    project.write("config/field_map.csv", &format!("{head}{row}"));
    project.transload(&["stage"]).ended(0);
    let written = project.transload(&["docs", "site"]).ended(0);
    assert!(
        written
            .stderr
            .contains("not known: which fields come from where: 1 mistake"),
        "{}",
        written.stderr
    );
    let page = project.read("documents/project/index.html");
    assert!(page.contains("Not known: 1 mistake(s)"), "{page}");
    for said in [
        "<dd>small</dd>",
        "<dd>Europe/Warsaw</dd>",
        "<dt>Organisation</dt>",
    ] {
        assert!(page.contains(said), "{said}");
    }
    let scope = document(&project, &["audit"]);
    let open = part(&scope, "scope/open_decisions");
    let attribute = one(&open, "value", "source: people, source field: score");
    assert_eq!(
        (&attribute["file"], &attribute["rows"]),
        (&json!("field_map"), &json!(5))
    );
}

#[test]
fn an_estimate_without_the_org_says_what_the_rows_ask_for() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[destination.simulator]\nkind = \"simulator\"\nseed = \"org\"\n",
        "[destination.far]\nkind = \"salesforce\"\nlogin_url = \"http://127.0.0.1:1\"\nauth = \"client_credentials\"\n",
    );
    // Nothing is staged either: there is nothing to say.
    let refused = project.transload(&["estimate", "--no-stage"]).ended(3);
    assert!(
        refused.error().contains("cannot use the destination far"),
        "{}",
        refused.stderr
    );
    project.transload(&["stage"]).ended(0);
    let estimate = document(&project, &["estimate", "--no-stage"]);
    assert!(
        estimate["facts"]
            .to_string()
            .contains("nothing was asked of the org"),
        "{}",
        estimate["facts"]
    );
    let rows = part(&estimate, "estimate/unasked");
    assert_eq!(one(&rows, "object", "people")["rows"], 6);
    let limits = part(&estimate, "estimate/public_limits");
    let batches = one(&limits, "limit of an org", "Bulk batches in 24 hours");
    assert_eq!(batches["allowed at least"], 15_000);
    assert!(ask_again(&project, &estimate) > 4);
}
