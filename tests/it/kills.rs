//! Killed again and again at random moments, a migration of every object ends as if nothing had happened.
//!
//! `TRANSLOAD_KILLS` says how often (default 4, `TRANSLOAD_KILLS=200 cargo test --test it kills` for the whole), and
//! `TRANSLOAD_SEED` from which seed; both are in the message of a failure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::further;
use crate::org::Org;
use crate::rehearsal::{Project, Run};

/// Kills of one project before it may finish.
const KILLS_IN_A_ROW: usize = 8;

/// What makes a record of an object unique, in words that do not depend on ids.
const RECORDS: [(&str, &str); 22] = [
    ("Account", "usercom_id__c"),
    ("Lead", "usercom_id__c"),
    ("Contact", "usercom_id__c, Account.usercom_id__c"),
    ("Opportunity", "usercom_id__c, Amount, StageName"),
    ("OpportunityLineItem", "usercom_id__c, TotalPrice"),
    ("Task", "usercom_id__c, Subject"),
    ("Event", "usercom_id__c, StartDateTime"),
    ("EventRelation", "Event.usercom_id__c, Relation.Name"),
    ("Topic", "Name"),
    ("TopicAssignment", "Topic.Name, Entity.Name"),
    ("Campaign", "usercom_id__c"),
    ("CampaignMember", "usercom_id__c, Status"),
    (
        "OpportunityContactRole",
        "Opportunity.usercom_id__c, Contact.usercom_id__c",
    ),
    ("ContentVersion", "usercom_id__c, ContentSize"),
    ("ContentNote", "Title"),
    ("subscription__c", "usercom_id__c, company__c"),
    ("usercom_stage_change__c", "usercom_id__c, usercom_stage__c"),
    ("Case", "usercom_id__c, Subject"),
    ("CaseComment", "CommentBody"),
    ("EmailMessage", "usercom_id__c, Subject, Status"),
    ("EmailMessageRelation", "RelationType, RelationAddress"),
    (
        "OpportunityTeamMember",
        "Opportunity.usercom_id__c, User.Email",
    ),
];

/// The project with every object, chats as cases and e-mails as messages among them.
fn everything() -> Project {
    let project = further::project();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nchat_strategy = \"case_comments\"\nemail_strategy = \"email_messages\"\n",
    );
    project
}

/// How many records there are of each object and description. Ids of other records are left out.
fn records(org: &Org) -> BTreeMap<String, usize> {
    let mut records = BTreeMap::new();
    for (object, fields) in RECORDS {
        for mut row in org.rows(&format!("SELECT {fields} FROM {object}")) {
            row.retain(|_, value| !(value.len() == 18 && value.chars().all(char::is_alphanumeric)));
            *records.entry(format!("{object} {row:?}")).or_default() += 1;
        }
    }
    records
}

fn serve(project: &Project) -> Org {
    let org = project.serve_org(SalesforceSimOptions {
        max_job_delay: Duration::from_millis(40),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "part_rows = 3\nconcurrent_jobs = 3\n");
    org
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told how long it may take"
)]
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
#[ignore = "long: several migrations"]
fn a_promotion_that_is_killed_at_any_entry_of_its_journal_converts_once() {
    // The two riskiest by default: a call that may be under way, and one whose answer is not in the ledger yet.
    let all = [
        "sending",
        "answered",
        "intent",
        "done",
        "phase_loaded",
        "phase_reported",
        "phase_started",
    ];
    let points = usize::try_from(number("TRANSLOAD_KILLS", 2))
        .unwrap()
        .min(all.len());
    for event in &all[..points] {
        let project = Project::small();
        project.edit(
            "migration.toml",
            "[options]\n",
            "[options]\non_promotion = \"convert\"\n",
        );
        let org = project.serve_org(SalesforceSimOptions::default());
        project.load_into(&org, "");
        project.run_with(&["--yes"]).ended(0);
        for person in ["Lee Lane,lead", "Sue Stone,subscriber"] {
            let (name, _) = person.split_once(',').unwrap();
            project.edit("export/people.csv", person, &format!("{name},customer"));
        }
        let mut run = project.start(&["--yes"]);
        let reached = run.until(|| project.journalled(event, "lead_conversion") > 0);
        assert!(reached, "{event}");
        run.signal("KILL");
        let killed = run.wait().code.is_none();
        let run = project.run_with(&["--yes"]).ended(0);
        let context = format!("killed at {event} ({killed}): {}", run.stderr);
        for (key, name) in [("1", "Lane"), ("2", "Stone")] {
            let lead = org.row("Lead", key, "IsConverted, ConvertedContactId");
            assert_eq!(lead["IsConverted"], "true", "{context}");
            let contact = org.row("Contact", key, "Id")["Id"].clone();
            assert_eq!(contact, lead["ConvertedContactId"], "{context}");
            let soql = format!("SELECT Id FROM Contact WHERE LastName = '{name}'");
            assert_eq!(org.rows(&soql).len(), 1, "{context}");
        }
        assert_eq!(project.run().ended(0).total("sent"), 0, "{context}");
    }
}

/// How often the journals came to this event of a phase that sends what the source no longer has, for this load.
fn reached_gone(project: &Project, event: &str, load: &str) -> usize {
    let mut is_gone = false;
    let entries = project.journal().into_iter();
    let ours = entries.filter(|entry| entry["load"] == load);
    ours.filter(|entry| {
        if entry["event"] == "phase_started" {
            let table = entry["table"].as_str().unwrap_or_default();
            is_gone = table.starts_with("gone_");
        }
        is_gone && entry["event"] == event
    })
    .count()
}

#[test]
#[ignore = "long: several migrations"]
fn a_recycling_that_is_killed_at_any_entry_of_its_journal_deletes_once_and_all() {
    // The riskiest by default: a job that may be there, and one whose answer is not in the ledger yet.
    let all = [
        ("created", "contact"),
        ("done", "account"),
        ("intent", "contact"),
        ("phase_started", "contact"),
        ("done", "contact"),
        ("phase_loaded", "contact"),
        ("phase_started", "account"),
        ("intent", "account"),
        ("created", "account"),
        ("phase_loaded", "account"),
    ];
    let points = usize::try_from(number("TRANSLOAD_KILLS", 2))
        .unwrap()
        .min(all.len());
    for (event, load) in &all[..points] {
        let project = Project::small();
        project.edit(
            "migration.toml",
            "\n[options]\n",
            "\n[source]\ncomplete = true\n\n[gates]\nmax_delete_share = 100.0\n\n\
             [options]\non_source_delete = \"recycle\"\n",
        );
        // A company with a customer of its own: the child goes first.
        let customer = "7,hal@hooli.example,,Hal Hill,customer,12,Lyon,1,f,,2026-01-01T00:00:00Z\n";
        project.append("export/people.csv", customer);
        let org = project.serve_org(SalesforceSimOptions::default());
        project.load_into(&org, "");
        project.run_with(&["--yes"]).ended(0);
        let kept = org.keys("Contact").len() - 1;
        project.edit("export/people.csv", customer, "");
        project.edit("export/companies.csv", "12,Hooli,hooli.example,,\n", "");
        let mut run = project.start(&["--yes"]);
        let met = run.until(|| reached_gone(&project, event, load) > 0);
        assert!(met, "{event} {load}");
        run.signal("KILL");
        let killed = run.wait().code.is_none();
        let run = project.run_with(&["--yes"]).ended(0);
        let context = format!("killed at {event} of {load} ({killed}): {}", run.stderr);
        for (object, key, left) in [("Contact", "7", kept), ("Account", "12", 2)] {
            let soql = format!("SELECT IsDeleted FROM {object} WHERE usercom_id__c = '{key}'");
            let ever = org.rows_with_deleted(&soql);
            assert_eq!(ever.len(), 1, "{context}");
            assert_eq!(ever[0]["IsDeleted"], "true", "{context}");
            assert_eq!(org.keys(object).len(), left, "{context}");
        }
        // The ledger knows of both, from whichever run learned it, and neither is wanted again.
        let deleted = "select count(*) from ledger.attempts as a where a.outcome = 'deleted'";
        assert_eq!(project.number(deleted), 2, "{context}");
        let run = project.run_with(&["--yes"]).ended(0);
        assert_eq!((run.total("sent"), run.total("gone")), (0, 0), "{context}");
        assert_eq!(org.open_jobs(), 0, "{context}");
    }
}

#[test]
#[ignore = "long: several migrations"]
fn a_run_that_is_killed_at_random_moments_loses_nothing_and_doubles_nothing() {
    let undisturbed = everything();
    let org = serve(&undisturbed);
    let started = Instant::now();
    undisturbed.run_with(&["--yes"]).ended(0);
    let whole = started.elapsed();
    let expected = records(&org);
    assert!(expected.len() > 40, "{expected:#?}");
    for (object, _) in RECORDS {
        let some = expected
            .keys()
            .any(|record| record.starts_with(&format!("{object} ")));
        assert!(some, "no {object} is there to be lost");
    }

    let (kills, first) = (number("TRANSLOAD_KILLS", 4), number("TRANSLOAD_SEED", 1));
    let (mut killed, mut seed) = (0, first);
    while killed < kills {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let project = everything();
        let org = serve(&project);
        for _ in 0..KILLS_IN_A_ROW {
            let mut run = project.start(&["--yes"]);
            let moment = Instant::now() + whole.mul_f64(random.random_range(0.02..1.0));
            if !run.until(|| Instant::now() >= moment) {
                run.wait().ended(0);
                break;
            }
            run.signal("KILL");
            killed += u64::from(run.wait().code.is_none());
        }
        let run: Run = project.run();
        let context = format!("TRANSLOAD_SEED={seed}: {}", run.stderr);
        assert_eq!(run.code, Some(0), "{context}");
        assert_eq!(
            run.total("failed") + run.total("unprocessed") + run.total("differences"),
            0,
            "{context}"
        );
        let found = records(&org);
        for (record, count) in &expected {
            assert_eq!(found.get(record), Some(count), "{record}: {context}");
        }
        assert_eq!(found.len(), expected.len(), "{context}");
        assert_eq!(org.open_jobs(), 0, "{context}");
        assert_eq!(project.run().ended(0).total("sent"), 0, "{context}");
        seed += 1;
    }
}
