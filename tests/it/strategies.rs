//! Each choice that a project may make otherwise than the default, through the whole job.

use std::collections::BTreeSet;

use transload_sim::salesforce::{Feature, SalesforceSimOptions};

use crate::further;
use crate::rehearsal::{Project, Run};

/// The project with every object, with other options.
fn choosing(options: &str) -> Project {
    let project = further::project();
    let before = "default_owner = \"ops@acme.example\"\n";
    project.edit("migration.toml", before, &format!("{before}{options}\n"));
    project
}

/// Every gate holds, and a second run sends nothing.
#[track_caller]
fn assert_settled(first: &Run, again: &Run) {
    for run in [first, again] {
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.total("failed") + run.total("differences"), 0);
    }
    assert_eq!(again.total("sent"), 0, "{}", again.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn picklists_static_lists_case_comments_and_balancing_lines() {
    let project = choosing(
        "tag_strategy = \"picklist\"\nsegment_strategy = \"static_list\"\nchat_strategy = \"case_comments\"\n\
         line_item_mismatch = \"balancing_line\"\npeople_on_deals = \"lead\"\ncompany_links = \"none\"\nteams = false",
    );
    let (run, again) = (project.run(), project.run());
    assert_settled(&run, &again);
    let loads = run.loads();
    // What goes another way is in no book of its own; what an option leaves out is ignored.
    for left_out in ["topic", "campaign", "chat_task"] {
        assert!(!loads.contains(&left_out), "{left_out}");
    }
    for ignored in ["account_contact_relation", "opportunity_team_member"] {
        assert!(run.number(ignored, "ignored") > 0, "{ignored}");
        assert_eq!(run.number(ignored, "outbox"), 0, "{ignored}");
    }
    let org = project.org();
    let cas = org.row("Contact", "3", "usercom_tags__c, usercom_segments__c");
    let tags: BTreeSet<&str> = cas["usercom_tags__c"].split(';').collect();
    assert_eq!(tags.len(), 2);
    // A semicolon separates values, so that one inside a value was replaced.
    assert!(tags.contains("partner,gold"), "{tags:?}");
    let segments: BTreeSet<&str> = cas["usercom_segments__c"].split(';').collect();
    assert_eq!(segments, BTreeSet::from(["Hot leads", "Newsletter"]));
    // One case per conversation, its comments in the order of time, direction and channel in the text.
    let case = org.row("Case", "conversation:301", "ContactId");
    let soql = format!(
        "SELECT Id, CommentBody FROM CaseComment WHERE ParentId = '{}'",
        case["Id"]
    );
    let mut comments = org.rows(&soql);
    comments.sort_by(|left, right| left["Id"].cmp(&right["Id"]));
    let bodies: Vec<&str> = comments
        .iter()
        .map(|row| row["CommentBody"].as_str())
        .collect();
    assert_eq!(bodies.len(), 3);
    assert!(
        bodies[0].starts_with("2026-01-05 10:00:00 UTC, chat, inbound, Cas Cole:"),
        "{bodies:?}"
    );
    assert!(
        bodies[1].contains("How can I help?") && bodies[2].contains("Price please"),
        "{bodies:?}"
    );
    // The lines of deal 51 make 400 of 2,000 PLN; the rest is a line of its own, and the amount stays.
    let renewal = org.row("Opportunity", "51", "Amount");
    assert_eq!(renewal["Amount"].trim_end_matches(".0"), "500");
    let balance = org.row("OpportunityLineItem", "balance:51", "TotalPrice");
    assert_eq!(balance["TotalPrice"].trim_end_matches(".0"), "400");
    // Moe stays a Lead although he has a deal, which says so.
    assert!(org.keys("Lead").contains("5"));
    let pilot = org.row("Opportunity", "50", "usercom_leads__c");
    assert!(pilot["usercom_leads__c"].contains("person 5"), "{pilot:?}");
}

#[test]
#[ignore = "long: several migrations"]
fn email_messages_get_their_relation_before_their_final_status_and_dates_are_kept() {
    let project = choosing(
        "chat_strategy = \"email_messages\"\nemail_strategy = \"email_messages\"\naudit_fields = \"require\"",
    );
    let org = project.serve_org(SalesforceSimOptions {
        audit_fields: true,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    let (run, again) = (project.run_with(&["--yes"]), project.run());
    assert_settled(&run, &again);
    let sent = org.row(
        "EmailMessage",
        "email:401",
        "Status, Incoming, MessageDate, ActivityId, CreatedDate",
    );
    assert_eq!(sent["Status"], "3");
    assert!(
        sent["CreatedDate"].starts_with("2026-01-07T10:00:00"),
        "{sent:?}"
    );
    let relations = org.rows(&format!(
        "SELECT RelationId, RelationType FROM EmailMessageRelation WHERE EmailMessageId = '{}'",
        sent["Id"]
    ));
    assert_eq!(relations.len(), 1);
    assert_eq!(relations[0]["RelationType"], "ToAddress");
    assert_eq!(
        relations[0]["RelationId"],
        org.row("Contact", "3", "Id")["Id"]
    );
    let received = org.row("EmailMessage", "message:3001", "Status, Incoming");
    assert_eq!(
        (&*received["Status"], &*received["Incoming"]),
        ("1", "true")
    );
    // The task that Salesforce makes for a message is on record for a rollback.
    let read_back = project
        .table("select count(m.\"ActivityId\"), count(*) from org.email_message_status as m");
    assert_eq!(read_back, [["6", "6"]]);
    let call = org.row("Task", "activity:101", "CreatedDate, CreatedById");
    assert!(
        call["CreatedDate"].starts_with("2026-02-01T08:00:00"),
        "{call:?}"
    );
    let ben = org.rows("SELECT Id FROM User WHERE LastName = 'Birch'");
    assert_eq!(call["CreatedById"], ben[0]["Id"]);
}

#[test]
#[ignore = "long: several migrations"]
fn what_an_org_lacks_is_named_with_the_option_that_does_without() {
    let project = further::project();
    std::fs::remove_file(project.path("org/Territory2.csv")).unwrap();
    let org = project.serve_org(SalesforceSimOptions {
        without: Feature::ALL.into(),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    let run = project.run_with(&["--yes"]).ended(2);
    for advice in [
        "TopicAssignment (4 row(s)",
        "set tag_strategy = \"picklist\"",
        "set company_links = \"none\"",
        "set teams = false",
        "set notes = false",
    ] {
        assert!(run.error().contains(advice), "{advice}: {}", run.error());
    }
    assert!(
        org.rows("SELECT Id FROM Account").is_empty(),
        "rows were sent"
    );
    let before = "default_owner = \"ops@acme.example\"\n";
    let options =
        "tag_strategy = \"picklist\"\ncompany_links = \"none\"\nteams = false\nnotes = false\n";
    project.edit("migration.toml", before, &format!("{before}{options}"));
    project.write("config/territories.csv", "company_id,territory\n");
    project.write("config/user_territories.csv", "user_email,territory\n");
    let (run, again) = (project.run_with(&["--yes"]), project.run());
    assert_settled(&run, &again);
}

#[test]
#[ignore = "long: several migrations"]
fn audit_fields_that_are_required_and_not_allowed_stop_the_run_before_any_row() {
    let project = choosing("audit_fields = \"require\"");
    let run = project.run().ended(2);
    assert!(
        run.error()
            .contains("does not let this user set CreatedDate on"),
        "{}",
        run.error()
    );
    assert!(
        run.error().contains("audit_fields = \"if_allowed\""),
        "{}",
        run.error()
    );
    assert!(project.org().rows("SELECT Id FROM Account").is_empty());
}

#[test]
#[ignore = "long: several migrations"]
fn an_org_with_several_currencies_gets_them_unconverted() {
    let project = further::project();
    let org = project.serve_org(SalesforceSimOptions {
        multi_currency: true,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    let (run, again) = (project.run_with(&["--yes"]), project.run());
    assert_settled(&run, &again);
    let renewal = org.row("Opportunity", "51", "Amount, CurrencyIsoCode");
    assert_eq!(renewal["CurrencyIsoCode"], "PLN");
    assert_eq!(renewal["Amount"].trim_end_matches(".0"), "2000");
}
