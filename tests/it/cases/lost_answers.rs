//! Requests whose answer was lost, or was none: nothing is lost, nothing is doubled, and the run goes on where it may.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::Project;

const SETS: &str = "/services/data/*/composite/sobjects";
const JOBS: &str = "/services/data/*/jobs/ingest";

/// Four notes of one title, two of them alike in all but their person.
const NOTES: &str = "{\"id\":1,\"title\":\"Visit\",\"content\":\"first\",\"user_id\":1}\n\
                     {\"id\":2,\"title\":\"Visit\",\"content\":\"second < third & more\",\"user_id\":2}\n\
                     {\"id\":3,\"title\":\"Visit\",\"content\":\"alike\",\"user_id\":3}\n\
                     {\"id\":4,\"title\":\"Visit\",\"content\":\"alike\",\"user_id\":4}\n";

fn project(notes: &str) -> (Project, Org) {
    project_over(notes, SalesforceSimOptions::default())
}

fn project_over(notes: &str, options: SalesforceSimOptions) -> (Project, Org) {
    let project = Project::small();
    project.write("export/notes.jsonl", notes);
    let org = project.serve_org(options);
    project.load_into(&org, "");
    (project, org)
}

/// Notes by the person that they hang on.
fn notes(org: &Org) -> BTreeMap<String, String> {
    let mut notes = BTreeMap::new();
    for object in ["Lead", "Contact"] {
        for (person, id) in org.map(object, "usercom_id__c", "Id") {
            let links = org.rows(&format!(
                "SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{id}'"
            ));
            for link in links {
                notes.insert(link["ContentDocumentId"].clone(), person.clone());
            }
        }
    }
    notes
}

#[track_caller]
fn assert_each_note_is_there_once(project: &Project, org: &Org) {
    assert_eq!(org.rows("SELECT Id FROM ContentNote").len(), 4);
    let ids = project.set("select l.id from ledger.content_note as l");
    let there: BTreeSet<String> = org
        .rows("SELECT Id FROM ContentNote")
        .into_iter()
        .map(|row| row["Id"].clone())
        .collect();
    assert_eq!(ids, there);
    // The texts are where they belong, whichever of two alike is whose.
    let notes = notes(org);
    let persons =
        project.table("select cast(l._key as varchar), l.id from ledger.content_note as l");
    for row in &persons {
        assert_eq!(format!("note:{}", notes[&row[1]]), row[0], "{persons:?}");
    }
    assert_eq!(notes.len(), 4);
}

#[test]
#[ignore = "long: several migrations"]
fn notes_of_one_title_whose_answer_was_lost_are_found_by_their_content() {
    let (project, org) = project(NOTES);
    // Lost, then lost again, with a note of the loader's own that merely has the same title.
    org.insert(
        "ContentNote",
        json!({"Title": "Visit", "Content": "PHA+c29tZXRoaW5nIGVsc2U8L3A+"}),
    );
    org.fault(json!([
        {"method": "POST", "path": SETS, "drop": "before"},
        {"method": "POST", "path": SETS, "drop": "after"},
    ]));
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.number("content_note", "created"), 4);
    assert_eq!(run.number("content_note", "differences"), 0);
    let foreign = org.rows("SELECT Id FROM ContentNote").len();
    assert_eq!(foreign, 5);
    let other = "select l.id from ledger.content_note as l";
    let ours = project.set(other);
    let all = org.rows("SELECT Id FROM ContentNote");
    let foreign = all.iter().find(|row| !ours.contains(&row["Id"])).unwrap();
    org.delete("ContentDocument", &foreign["Id"]);
    assert_each_note_is_there_once(&project, &org);
    // One of ours once more: reconciliation shows it.
    org.insert(
        "ContentNote",
        json!({"Title": "Visit", "Content": "YWxpa2U="}),
    );
    let found = project
        .transload(&["reconcile", "--format", "json"])
        .ended(1);
    assert_eq!(found.number("content_note", "differences"), 1);
    assert_eq!(found.total("differences"), 1);
}

/// An org that takes `CreatedDate` fills in its own where a note of the export has none, so that the field tells nothing.
#[test]
#[ignore = "long: several migrations"]
fn notes_without_a_time_are_found_where_the_org_gives_them_one() {
    let options = || SalesforceSimOptions {
        audit_fields: true,
        ..SalesforceSimOptions::default()
    };
    let some_timed = NOTES.replacen(
        "\"user_id\":2",
        "\"user_id\":2,\"created_at\":\"2025-02-03T04:05:06Z\"",
        1,
    );
    for notes in [NOTES, &some_timed] {
        let (project, org) = project_over(notes, options());
        org.fault(json!([{"method": "POST", "path": SETS, "drop": "after"}]));
        let run = project.run_with(&["--yes"]).ended(0);
        assert_eq!(run.number("content_note", "created"), 4);
        assert_each_note_is_there_once(&project, &org);
        assert_eq!(project.run().ended(0).total("sent"), 0);
    }
    let (project, org) = project_over(NOTES, options());
    org.fault(json!({"method": "POST", "path": SETS, "answer_delay_ms": 3000}));
    let mut run = project.start(&["--yes"]);
    let reached = run.until(|| org.rows("SELECT Id FROM ContentNote").len() == 4);
    run.signal("KILL");
    assert!(reached && run.wait().code.is_none());
    assert_eq!(project.run().ended(0).number("content_note", "created"), 0);
    assert_each_note_is_there_once(&project, &org);
}

#[test]
#[ignore = "long: several migrations"]
fn notes_of_one_title_survive_a_kill_before_and_behind_the_server() {
    for fault in [json!({"delay_ms": 3000}), json!({"answer_delay_ms": 3000})] {
        let (project, org) = project(NOTES);
        let mut stated = fault.clone();
        stated["method"] = "POST".into();
        stated["path"] = SETS.into();
        org.fault(stated);
        let mut run = project.start(&["--yes"]);
        let behind = fault.get("answer_delay_ms").is_some();
        let reached = run.until(|| {
            project.journalled("sending", "content_note") > 0
                && (!behind || org.rows("SELECT Id FROM ContentNote").len() == 4)
        });
        run.signal("KILL");
        let killed = run.wait();
        assert!(reached && killed.code.is_none(), "{killed:?}");
        let run = project.run().ended(0);
        let created = run.number("content_note", "created");
        assert_eq!(created, if behind { 0 } else { 4 });
        assert_each_note_is_there_once(&project, &org);
        assert_eq!(project.run().ended(0).total("sent"), 0);
    }
}

#[test]
#[ignore = "long: several migrations"]
fn passing_faults_do_not_end_a_run() {
    let (project, org) = project(NOTES);
    let page = "<html><body>sign in</body></html>";
    let html = |method: &str, path: &str| json!({"method": method, "path": path, "status": 200, "body": page});
    let results = format!("{JOBS}/*/successfulResults");
    let batches = format!("{JOBS}/*/batches");
    org.fault(json!([
        html("PUT", &batches),
        {"method": "POST", "path": JOBS, "skip": 1, "drop": "after"},
        html("POST", JOBS),
        {"path": results, "truncate": 70},
        html("GET", &results),
        {"method": "GET", "path": results, "status": 200, "body": ""},
        {"method": "GET", "path": "/services/data/*/query", "skip": 3, "status": 401, "times": 2},
        {"method": "GET", "path": "/services/data/*/query", "status": 200, "body": ""},
        html("GET", "/services/data/*/sobjects/Lead/describe"),
        html("GET", "/services/data/*/jobs/query/*/results"),
        html("POST", SETS),
    ]));
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("failed") + run.total("unprocessed"), 0);
    assert_eq!(run.total("differences"), 0);
    assert_eq!(org.keys("Account").len(), 3);
    assert_each_note_is_there_once(&project, &org);
    assert_eq!(org.open_jobs(), 0);
    assert_eq!(project.run().ended(0).total("sent"), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_job_whose_results_are_never_usable_is_settled_by_its_keys() {
    let project = Project::small();
    let org = project.serve_org(SalesforceSimOptions {
        max_job_delay: Duration::ZERO,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    let results = format!("{JOBS}/*/successfulResults");
    org.fault(json!({"method": "GET", "path": results, "status": 200,
        "headers": {"content-type": "text/csv"}, "body": "\"sf__Id\",\"sf__Created\"\n", "times": 12}));
    project.run_with(&["--yes"]).ended(3);
    assert_eq!(org.keys("Account").len(), 3);
    let run = project.run().ended(0);
    assert_eq!(run.number("account", "created"), 0);
    assert_eq!(org.keys("Account").len(), 3);
    assert_eq!(org.keys("Contact").len(), 3);
}
