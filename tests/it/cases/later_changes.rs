//! Messages, notes and files that the source changes after they were sent.

use reqwest::Method;
use serde_json::json;

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

#[test]
#[ignore = "long: several migrations"]
fn what_is_sent_once_and_never_changed_says_that_the_source_changed_it() {
    let project = Project::small();
    let note = |text: &str| {
        let head = "id,title,content,user_id,created_at\n";
        let row = format!("80,Call,{text},4,2026-03-01T10:00:00Z\n");
        project.write("export/notes.csv", &format!("{head}{row}"));
    };
    note("She called");
    project.carry().ended(0);
    assert!(project.table(FLAGS).is_empty());
    note("She called twice");
    let run = project.carry().ended(0);
    assert_eq!(run.number("content_note", "flagged"), 1, "{}", run.stdout);
    assert_eq!(project.table(FLAGS), [["content_note", "note:80"]]);
    // It is said until it is as it was sent.
    assert_eq!(project.carry().number("content_note", "flagged"), 1);
    note("She called");
    assert_eq!(project.carry().number("content_note", "flagged"), 0);
}
