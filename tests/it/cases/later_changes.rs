//! Messages, notes and files that the source changes after they were sent.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::json;
use transload_sim::salesforce::SalesforceSimOptions;

use crate::kills::{is_about, killed_at_every_entry, scene};
use crate::org::Org;
use crate::rehearsal::Project;

const FLAGS: &str = "select f.load, f.key from recon.flagged as f where f.flag = 'changed_since_it_was_sent' order by f.load, f.key";

fn message(project: &Project, text: &str) {
    let said = |id: u32, text: &str| {
        json!({"id": id, "content": text, "timestamp": format!("2026-03-01T10:0{}:00Z", id - 70), "source": "chat",
            "user": {"id": 4, "key": "k4", "name": "Eva East"}})
    };
    let messages = [said(70, text), said(71, "Anybody there?")];
    let conversation = json!({"id": 60, "user_id": 4, "active": false, "messages": messages});
    project.write("export/conversations.jsonl", &format!("{conversation}\n"));
}

#[test]
#[ignore = "long: several migrations"]
fn a_comment_follows_its_message_unless_somebody_edited_it() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "\n[options]\n",
        "\n[options]\nchat_strategy = \"case_comments\"\n",
    );
    message(&project, "Good day");
    project.carry().ended(0);
    let bodies = || {
        let rows = project
            .org()
            .rows("SELECT Id, CommentBody FROM CaseComment ORDER BY CommentBody");
        let rows = rows.into_iter();
        rows.map(|row| (row["Id"].clone(), row["CommentBody"].clone()))
            .collect::<Vec<_>>()
    };
    let first = bodies();
    assert_eq!(first.len(), 2, "{first:?}");
    message(&project, "Good evening");
    let run = project.carry().ended(0);
    assert_eq!(run.number("chat_comment", "updated"), 1, "{}", run.stdout);
    assert_eq!(run.total("differences"), 0);
    let second = bodies();
    assert_eq!(second.len(), 2, "{second:?}");
    assert!(second[0].1.ends_with("Good evening"), "{second:?}");
    assert_eq!(second[0].0, first[0].0, "it is the same comment");

    // Ann corrects the comment; the message changes once more.
    let edit = json!({"object": "CaseComment", "id": second[0].0, "fields": {"CommentBody": "Good evening!"},
        "user": "ann@acme.example.crm"});
    project.org().control(Method::POST, "rows", Some(edit));
    message(&project, "Good night");
    let run = project.carry().ended(1);
    assert_eq!(run.total("sent"), 0);
    let asked =
        "select c.object, c.field, c.theirs from recon.conflicts as c where c.state = 'ask'";
    assert_eq!(
        project.table(asked),
        [["CaseComment", "CommentBody", "Good evening!"]]
    );
    assert!(bodies().iter().any(|(_, body)| body == "Good evening!"));
}

fn note(project: &Project, title: &str, text: &str) {
    let head = "id,title,content,user_id,created_at\n";
    let row = format!("80,{title},{text},4,2026-03-01T10:00:00Z\n");
    project.write("export/notes.csv", &format!("{head}{row}"));
}

/// What the one note says.
fn said(org: &Org) -> [String; 3] {
    let rows = org.rows("SELECT Id, Title, TextPreview FROM ContentNote");
    assert_eq!(rows.len(), 1, "{rows:?}");
    ["Id", "Title", "TextPreview"].map(|name| rows[0][name].clone())
}

/// Object, field and the org's value of what waits for a person.
fn asked(project: &Project) -> Vec<Vec<String>> {
    project
        .table("select c.object, c.field, c.theirs from recon.conflicts as c where c.state = 'ask'")
}

#[test]
#[ignore = "long: several migrations"]
fn a_note_follows_its_text_unless_somebody_rewrote_it() {
    let project = Project::small();
    note(&project, "Call", "She called");
    project.carry().ended(0);
    let [id, ..] = said(&project.org());
    note(&project, "Call", "She called twice");
    let run = project.carry().ended(0);
    assert_eq!(run.number("content_note", "updated"), 1, "{}", run.stderr);
    assert_eq!(run.total("differences"), 0);
    let now = said(&project.org());
    assert_eq!(
        now,
        [&*id, "Call", "She called twice"],
        "it is the same note"
    );
    assert_eq!(project.carry().ended(0).total("sent"), 0);

    // Somebody rewrites it; the source gives it another title, and then another text, too.
    let html = STANDARD.encode("<p>She wrote</p>");
    project
        .org()
        .change("ContentNote", &id, json!({"Content": html}));
    note(&project, "First call", "She called twice");
    project.carry().ended(0);
    assert_eq!(said(&project.org()), [&*id, "First call", "She wrote"]);
    note(&project, "First call", "She called thrice");
    let run = project.carry().ended(1);
    assert_eq!(run.total("sent"), 0, "{}", run.stderr);
    assert_eq!(said(&project.org()), [&*id, "First call", "She wrote"]);
    let waits = asked(&project);
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert_eq!(waits[0][..2], ["ContentNote", "Content"]);

    // A person decides for the source.
    let decided = format!(
        "object,key,field,ours,theirs,decision\nContentNote,note:80,Content,She called thrice,{},source\n",
        waits[0][2]
    );
    project.write("config/decisions.csv", &decided);
    project.carry().ended(0);
    assert_eq!(
        said(&project.org()),
        [&*id, "First call", "She called thrice"]
    );
}

/// Versions of the one document: number, title, size, our key.
fn versions(org: &Org) -> Vec<[String; 4]> {
    let rows = org.rows(
        "SELECT ContentDocumentId, VersionNumber, Title, ContentSize, usercom_id__c FROM ContentVersion \
         ORDER BY VersionNumber",
    );
    let documents: BTreeSet<&String> = rows.iter().map(|row| &row["ContentDocumentId"]).collect();
    assert_eq!(documents.len(), 1, "{rows:?}");
    let names = ["VersionNumber", "Title", "ContentSize", "usercom_id__c"];
    rows.iter()
        .map(|row| names.map(|name| row[name].clone()))
        .collect()
}

fn file(project: &Project, title: &str, content: &str) {
    let head = "id,name,path,user_id,created_at\n";
    let row = format!("90,{title},blobs/a.txt,4,2026-03-01T10:00:00Z\n");
    project.write("export/files.csv", &format!("{head}{row}"));
    project.write("export/blobs/a.txt", content);
}

#[test]
#[ignore = "long: several migrations"]
fn a_changed_file_is_a_new_version_of_its_document() {
    let project = Project::small();
    file(&project, "Plan.txt", "one");
    project.carry().ended(0);
    let links = |org: &Org| {
        let document = org.row("ContentVersion", "file:90", "ContentDocumentId");
        let document = &document["ContentDocumentId"];
        let soql =
            format!("SELECT Id FROM ContentDocumentLink WHERE ContentDocumentId = '{document}'");
        org.rows(&soql).len()
    };
    let linked = links(&project.org());
    assert!(linked > 1, "{linked}");

    // Other bytes, and just as many of them; a title of its own comes along later.
    file(&project, "Plan.txt", "two");
    let run = project.carry().ended(0);
    assert_eq!(
        run.number("content_version", "updated"),
        1,
        "{}",
        run.stderr
    );
    assert_eq!(run.total("differences"), 0, "{}", run.stderr);
    let first = ["1", "Plan.txt", "3", "∅"];
    let second = ["2", "Plan.txt", "3", "file:90"];
    assert_eq!(versions(&project.org()), [first, second]);
    assert_eq!(project.carry().ended(0).total("sent"), 0);
    assert_eq!(links(&project.org()), linked);
    project.transload(&["reconcile"]).ended(0);
    file(&project, "Map.txt", "two");
    project.carry().ended(0);
    let renamed = ["2", "Map.txt", "3", "file:90"];
    assert_eq!(versions(&project.org()), [first, renamed]);

    // Somebody uploads a version: told while only they changed it, asked once the source has another one.
    let document = project
        .org()
        .row("ContentVersion", "file:90", "ContentDocumentId");
    let theirs = json!({"ContentDocumentId": document["ContentDocumentId"], "PathOnClient": "Map.txt",
        "VersionData": STANDARD.encode("theirs")});
    project.org().insert("ContentVersion", theirs);
    project.carry().ended(0);
    let told = "select c.key, c.field, c.found from recon.changed_by_org_content_version as c";
    assert_eq!(
        project.table(told),
        [["file:90", "VersionData", "a later version"]]
    );
    file(&project, "Map.txt", "three");
    let run = project.carry().ended(1);
    assert_eq!(run.total("sent"), 0, "{}", run.stderr);
    assert_eq!(
        asked(&project),
        [["ContentVersion", "VersionData", "a later version"]]
    );
    assert_eq!(versions(&project.org()).len(), 3);
}

#[test]
#[ignore = "long: several migrations"]
fn what_an_edit_of_a_note_was_is_told_run_after_run() {
    let project = Project::small();
    note(&project, "Call", "She called");
    project.carry().ended(0);
    let [id, ..] = said(&project.org());
    let html = STANDARD.encode("<p>She wrote</p>");
    let org = project.org();
    org.change("ContentNote", &id, json!({"Content": html}));
    let by_ann = json!({"object": "ContentNote", "id": id, "fields": {"Title": "Call"}, "user": "ann@acme.example.crm"});
    org.control(Method::POST, "rows", Some(by_ann));
    drop(org);
    let told = || {
        project.table(
            "select c.key, c.field, c.sent = c.found as is_same from recon.changed_by_org_content_note as c",
        )
    };
    for _ in 0..2 {
        project.carry().ended(0);
        assert_eq!(told(), [["note:80", "Content", "false"]]);
    }
    project.transload(&["reconcile"]).ended(0);
    assert_eq!(told(), [["note:80", "Content", "false"]]);
    assert_eq!(said(&project.org())[2], "She wrote");
}

#[test]
#[ignore = "long: several migrations"]
fn a_plan_counts_the_requests_and_the_storage_of_new_versions() {
    let project = Project::small();
    file(&project, "Plan.txt", "one");
    note(&project, "Call", "She called");
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    project.run_with(&["--yes"]).ended(0);
    let planned = |load: &str, name: &str| {
        let plan = project.transload(&["plan", "--format", "json"]).ended(0);
        let loads = plan.summary["loads"].as_array().unwrap();
        let found = loads.iter().find(|entry| entry["load"] == load).unwrap();
        found[name].as_u64().unwrap()
    };
    // The file goes by itself: a look at the version before, its key taken from it, the upload; then the record read before and
    // after, and the allowance.
    file(&project, "Plan.txt", &"two".repeat(1_000));
    note(&project, "Call", &"twice ".repeat(500));
    assert_eq!(planned("content_version", "api_calls"), 3 + 1 + 1 + 1);
    assert_eq!(planned("content_version", "file_storage_kb"), 3);
    assert_eq!(planned("content_note", "file_storage_kb"), 3);
    project.run_with(&["--yes"]).ended(0);
    file(&project, "Map.txt", &"two".repeat(1_000));
    note(&project, "Second call", &"twice ".repeat(500));
    assert_eq!(planned("content_version", "api_calls"), 1 + 1 + 1 + 1);
    assert_eq!(planned("content_version", "file_storage_kb"), 0);
    assert_eq!(planned("content_note", "file_storage_kb"), 0);
}

/// Loads one file and one note, changes both, kills the run that carries the change while the org has it and the answer is under way,
/// and runs again.
fn killed_while_the_answer_is_under_way(path: &str, method: &str, landed: impl Fn(&Org) -> bool) {
    let project = Project::small();
    file(&project, "Plan.txt", "one");
    note(&project, "Call", "She called");
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    project.run_with(&["--yes"]).ended(0);
    file(&project, "Plan.txt", "two");
    note(&project, "Call", "She called twice");
    org.fault(json!({"method": method, "path": path, "answer_delay_ms": 60_000}));
    let mut run = project.start(&["--yes"]);
    let reached = run.until(|| landed(&org));
    run.signal("KILL");
    assert!(reached && run.wait().code.is_none());
    org.clear_faults();
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("differences"), 0, "{}", run.stderr);
    let old = ["1", "Plan.txt", "3", "∅"].map(str::to_owned);
    let new = ["2", "Plan.txt", "3", "file:90"].map(str::to_owned);
    let notes = |row: &[String; 4]| row[1] == "Call";
    let rows = all_versions(&org);
    let files: Vec<_> = rows.iter().filter(|row| !notes(row)).cloned().collect();
    assert_eq!(files, [old, new], "{}", run.stderr);
    assert_eq!(rows.iter().filter(|row| notes(row)).count(), 2, "{rows:?}");
    assert_eq!(said(&org)[2], "She called twice");
    assert_eq!(project.run_with(&["--yes"]).ended(0).total("sent"), 0);
}

/// As [`versions`], of every document.
fn all_versions(org: &Org) -> Vec<[String; 4]> {
    let soql = "SELECT VersionNumber, Title, ContentSize, usercom_id__c FROM ContentVersion ORDER BY Title, VersionNumber";
    let names = ["VersionNumber", "Title", "ContentSize", "usercom_id__c"];
    let rows = org.rows(soql).into_iter();
    rows.map(|row| names.map(|name| row[name].clone()))
        .collect()
}

#[test]
#[ignore = "long: several migrations"]
fn a_new_version_whose_answer_was_lost_with_the_run_is_there_once() {
    let path = "/services/data/*/sobjects/ContentVersion";
    killed_while_the_answer_is_under_way(path, "POST", |org| {
        all_versions(org)
            .iter()
            .any(|row| row[0] == "2" && row[1] == "Plan.txt")
    });
}

#[test]
#[ignore = "long: several migrations"]
fn a_file_that_gave_up_its_key_when_the_run_ended_gets_its_new_version() {
    let path = "/services/data/*/composite/sobjects";
    killed_while_the_answer_is_under_way(path, "PATCH", |org| {
        all_versions(org)
            .iter()
            .any(|row| row[1] == "Plan.txt" && row[3] == "∅")
    });
}

#[test]
#[ignore = "long: several migrations"]
fn a_text_whose_answer_was_lost_with_the_run_is_no_edit_of_the_org() {
    let path = "/services/data/*/composite/sobjects";
    killed_while_the_answer_is_under_way(path, "PATCH", |org| said(org)[2] == "She called twice");
}

#[test]
#[ignore = "long: several migrations"]
fn a_version_that_the_org_refuses_leaves_our_key_with_the_one_before_or_says_that_it_could_not() {
    let project = Project::small();
    file(&project, "Plan.txt", "one");
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    project.run_with(&["--yes"]).ended(0);
    file(&project, "Plan.txt", "two");
    let refused =
        json!([{"errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "no files today"}]);
    let upload = json!({"method": "POST", "path": "/services/data/*/sobjects/ContentVersion", "status": 400,
        "body": refused.to_string()});
    let error = || {
        let sql = "select l.error from ledger.content_version as l where l.outcome = 'failed'";
        project.table(sql).concat().concat()
    };
    let old = |key: &str| ["1", "Plan.txt", "3", key].map(str::to_owned);
    org.fault(upload.clone());
    project.run_with(&["--yes"]).ended(1);
    assert!(error().contains("no files today"), "{}", error());
    assert_eq!(all_versions(&org), [old("file:90")]);

    // The second change of the version before, which gives it its key again, is refused as well: what passes is tried again.
    let give_back = |code: &str| {
        let errors = json!([{"statusCode": code, "message": "not now", "fields": []}]);
        json!({"method": "PATCH", "path": "/services/data/*/composite/sobjects", "skip": 1, "status": 200,
            "body": json!([{"success": false, "errors": errors}]).to_string()})
    };
    org.fault(upload.clone());
    org.fault(give_back("UNABLE_TO_LOCK_ROW"));
    project.run_with(&["--yes"]).ended(0);
    let new = |key: &str| ["2", "Plan.txt", "3", key].map(str::to_owned);
    assert_eq!(all_versions(&org), [old("∅"), new("file:90")]);
    assert_eq!(project.run_with(&["--yes"]).ended(0).total("sent"), 0);

    // What does not pass is told, and a person is asked before anything else becomes of the document.
    file(&project, "Plan.txt", "six");
    org.fault(upload);
    org.fault(give_back("FIELD_CUSTOM_VALIDATION_EXCEPTION"));
    project.run_with(&["--yes"]).ended(1);
    for told in ["no files today", "lost its usercom_id__c", "not now"] {
        assert!(error().contains(told), "{told}: {}", error());
    }
    assert_eq!(all_versions(&org), [old("∅"), new("∅")]);
    org.clear_faults();
    project.run_with(&["--yes"]).ended(1);
    assert_eq!(asked(&project).len(), 1);
    assert_eq!(all_versions(&org).len(), 2);
}

#[test]
#[ignore = "long: several migrations"]
fn a_changed_file_and_a_changed_note_are_there_once_wherever_the_run_is_killed() {
    let project = Project::small();
    file(&project, "Plan.txt", "one");
    note(&project, "Call", "She called");
    let scene = scene(project, |project| {
        file(project, "Map.txt", "two");
        note(project, "Second call", "She called twice");
    });
    let meant = is_about(&["content_note", "content_version", "content_document_link"]);
    killed_at_every_entry(&scene, meant, |project, org, context| {
        let rows = all_versions(org);
        let of = |title: &str| rows.iter().filter(|row| row[1] == title).count();
        assert_eq!(
            [of("Plan.txt"), of("Map.txt")],
            [1, 1],
            "{rows:?}: {context}"
        );
        let ours = ["2", "Map.txt", "3", "file:90"].map(str::to_owned);
        assert!(rows.contains(&ours), "{rows:?}: {context}");
        assert_eq!(rows.len(), 4, "{rows:?}: {context}");
        let [_, title, text] = said(org);
        assert_eq!(
            [&*title, &*text],
            ["Second call", "She called twice"],
            "{context}"
        );
        let edits = "select c.load, c.key, c.field from recon.changed_by_org as c";
        assert!(project.table(edits).is_empty(), "{context}");
    });
}

/// A file and a note that were loaded by one run and changed by another.
fn changed() -> Project {
    let project = Project::small();
    file(&project, "Plan.txt", "one");
    note(&project, "Call", "She called");
    project.run().ended(0);
    file(&project, "Map.txt", "two");
    note(&project, "Second call", "She called twice");
    project.run().ended(0);
    project
}

#[test]
#[ignore = "long: several migrations"]
fn a_rollback_puts_back_titles_and_tells_what_it_cannot_put_back() {
    let project = changed();
    let spared = |load: &str| {
        project.table(&format!(
            "select s.key, s.reason, s.detail from recon.spared_{load} as s"
        ))
    };
    project.transload(&["rollback", "--yes"]).ended(1);
    assert_eq!(
        spared("content_version"),
        [["file:90", "content_stays", "VersionData"]]
    );
    assert_eq!(
        spared("content_note"),
        [["note:80", "content_stays", "Content"]]
    );
    let [_, title, text] = said(&project.org());
    assert_eq!([&*title, &*text], ["Call", "She called twice"]);
    assert_eq!(
        project.org().row("ContentVersion", "file:90", "Title")["Title"],
        "Plan.txt"
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_document_goes_with_the_run_that_made_it_whichever_run_changed_it() {
    let project = changed();
    let first = project.table("select min(a.run_id) from ledger.attempts_content_version as a");
    project
        .transload(&["rollback", &first[0][0], "--yes"])
        .ended(0);
    let versions = project.org().rows("SELECT Id FROM ContentVersion");
    assert!(versions.is_empty(), "{versions:?}");
}

#[test]
#[ignore = "long: several migrations"]
fn what_is_sent_once_and_never_changed_says_that_the_source_changed_it() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "\n[options]\n",
        "\n[options]\nemail_strategy = \"email_messages\"\n",
    );
    let email = |subject: &str| {
        let head = "id,user_id,subject,body,from,to,direction,sent_at\n";
        let row = format!(
            "81,4,{subject},Dear Eva,ann@acme.example,eva@initech.example,outbound,2026-03-01T10:00:00Z\n"
        );
        project.write("export/emails.csv", &format!("{head}{row}"));
    };
    email("Offer");
    project.carry().ended(0);
    assert!(project.table(FLAGS).is_empty());
    email("New offer");
    let run = project.carry().ended(0);
    assert_eq!(run.number("email_message", "flagged"), 1, "{}", run.stdout);
    assert_eq!(project.table(FLAGS), [["email_message", "email:81"]]);
    // It is said until it is as it was sent.
    assert_eq!(project.carry().number("email_message", "flagged"), 1);
    email("Offer");
    assert_eq!(project.carry().number("email_message", "flagged"), 0);
}
