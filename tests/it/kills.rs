//! Killed again and again at random moments, a migration of every object ends as if nothing had happened.
//!
//! `TRANSLOAD_KILLS` says how often (default 4, `TRANSLOAD_KILLS=200 cargo test --test it kills` for the whole), and
//! `TRANSLOAD_SEED` from which seed; both are in the message of a failure. What a later run does is killed at the entries of its
//! journal, one after the other, here and where it is told what it should come to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::further;
use crate::org::Org;
use crate::rehearsal::{Project, Run, copy};

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

/// Loads a project, and changes it so that its next run has something to do.
pub(crate) fn scene(project: Project, change: impl Fn(&Project)) -> Project {
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    project.run_with(&["--yes"]).ended(0);
    change(&project);
    project
}

/// A copy of a scene, and of its org.
fn copy_of(scene: &Project) -> (Project, Org) {
    let project = Project::empty();
    copy(&scene.path(""), &project.path(""));
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    (project, org)
}

/// Entries about these loads.
pub(crate) fn is_about(loads: &[&'static str]) -> impl FnMut(&Value) -> bool {
    move |entry| loads.iter().any(|load| entry["load"] == *load)
}

/// Kills the next run of a scene at each entry of its journal that is `meant`, each time in a copy of its own, and runs again: the
/// org has to be as `settled` says, and nothing is left to be done. All entries if `TRANSLOAD_KILLS` is as many; by default the two
/// riskiest: a request that may be under way, and one whose answer is not in the ledger yet.
pub(crate) fn killed_at_every_entry(
    scene: &Project,
    mut meant: impl FnMut(&Value) -> bool,
    settled: impl Fn(&Project, &Org, &str),
) {
    let before = scene.journal().len();
    let (project, org) = copy_of(scene);
    project.run_with(&["--yes"]).ended(0);
    settled(&project, &org, "undisturbed");
    let entries = project.journal().split_off(before);
    let mut places: Vec<usize> = (0..entries.len())
        .filter(|&place| meant(&entries[place]))
        .collect();
    assert!(!places.is_empty());
    let most = usize::try_from(number("TRANSLOAD_KILLS", 2)).unwrap();
    if most < places.len() {
        let is_risky = |&place: &usize| {
            let event = entries[place]["event"].as_str().unwrap();
            ["created", "sending", "answered", "done"].contains(&event)
        };
        places.retain(is_risky);
        places.truncate(most);
    }
    let mut killed = 0;
    for &place in &places {
        let (project, org) = copy_of(scene);
        let mut run = project.start(&["--yes"]);
        let reached = run.until(|| project.journal().len() > before + place);
        run.signal("KILL");
        let was_killed = run.wait().code.is_none();
        killed += usize::from(was_killed);
        let entry = &entries[place];
        let at = format!("{place} of {}: {entry}", entries.len());
        assert!(reached, "{at}");
        let run = project.run_with(&["--yes"]);
        let context = format!("killed ({was_killed}) at entry {at}\n{}", run.stderr);
        assert_eq!(run.code, Some(0), "{context}");
        settled(&project, &org, &context);
        let run = project.run_with(&["--yes"]);
        assert_eq!(run.total("sent"), 0, "{context}\n{}", run.stderr);
        assert_eq!(org.open_jobs(), 0, "{context}");
    }
    // The last entries may come when the process is about to end by itself.
    assert!(killed + 2 >= places.len(), "{killed} of {}", places.len());
}

/// The small project in which two leads have become customers.
fn promotion(way: &str) -> Project {
    let project = Project::small();
    let option = format!("[options]\non_promotion = \"{way}\"\n");
    project.edit("migration.toml", "[options]\n", &option);
    let head = "id,name,activity_type,user_id,due_date\n";
    project.write(
        "export/activities.csv",
        &format!("{head}1,Call,1,1,2026-03-01T10:00:00Z\n"),
    );
    scene(project, |project| {
        for person in ["Lee Lane,lead", "Sue Stone,subscriber"] {
            let (name, _) = person.split_once(',').unwrap();
            project.edit("export/people.csv", person, &format!("{name},customer"));
        }
    })
}

/// Whoever was a lead is one contact, and what was about it is about that.
fn assert_promoted(org: &Org, context: &str) {
    for (key, name) in [("1", "Lane"), ("2", "Stone")] {
        org.row("Contact", key, "Id");
        let soql = format!("SELECT Id FROM Contact WHERE LastName = '{name}'");
        assert_eq!(org.rows(&soql).len(), 1, "{context}");
    }
    let lee = org.row("Contact", "1", "Id")["Id"].clone();
    let call = org.row("Task", "activity:1", "WhoId");
    assert_eq!(call["WhoId"], lee, "{context}");
}

#[test]
#[ignore = "long: several migrations"]
fn a_promotion_that_is_killed_at_any_entry_of_its_journal_converts_once() {
    let scene = promotion("convert");
    let meant = is_about(&["lead_conversion", "contact", "task"]);
    killed_at_every_entry(&scene, meant, |_, org, context| {
        assert_promoted(org, context);
        for key in ["1", "2"] {
            let lead = org.row("Lead", key, "IsConverted, ConvertedContactId");
            assert_eq!(lead["IsConverted"], "true", "{context}");
            let contact = org.row("Contact", key, "Id")["Id"].clone();
            assert_eq!(contact, lead["ConvertedContactId"], "{context}");
        }
    });
}

#[test]
#[ignore = "long: several migrations"]
fn a_conversion_that_the_org_made_before_its_answer_came_is_settled_by_the_next_run() {
    let (project, org) = copy_of(&promotion("convert"));
    org.fault(json!({"method": "POST", "path": "/services/Soap/u/*", "answer_delay_ms": 60_000}));
    let is_converted = || org.row("Lead", "1", "IsConverted")["IsConverted"] == "true";
    let mut run = project.start(&["--yes"]);
    let reached = run.until(is_converted);
    run.signal("KILL");
    assert!(reached && run.wait().code.is_none());
    assert_eq!(project.journalled("answered", "lead_conversion"), 0);
    org.clear_faults();
    let run = project.run_with(&["--yes"]).ended(0);
    assert_promoted(&org, &run.stderr);
    assert_eq!(project.run_with(&["--yes"]).ended(0).total("sent"), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_contact_beside_its_lead_is_made_once_wherever_the_run_is_killed() {
    let scene = promotion("create_and_link");
    let meant = is_about(&["contact", "promoted_lead", "task"]);
    killed_at_every_entry(&scene, meant, |_, org, context| {
        assert_promoted(org, context);
        for key in ["1", "2"] {
            let lead = org.row("Lead", key, "IsConverted, usercom_contact__c");
            assert_eq!(lead["IsConverted"], "false", "{context}");
            let contact = org.row("Contact", key, "Id")["Id"].clone();
            assert_eq!(contact, lead["usercom_contact__c"], "{context}");
        }
    });
}

/// Entries of the phases that send what the source no longer has, which are a run's last.
pub(crate) fn is_about_what_is_gone() -> impl FnMut(&Value) -> bool {
    let mut has_begun = false;
    move |entry| {
        let table = entry["table"].as_str().unwrap_or_default();
        has_begun |= entry["event"] == "phase_started" && table.starts_with("gone_");
        has_begun
    }
}

#[test]
#[ignore = "long: several migrations"]
fn a_recycling_that_is_killed_at_any_entry_of_its_journal_deletes_once_and_all() {
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
    let scene = scene(project, |project| {
        project.edit("export/people.csv", customer, "");
        project.edit("export/companies.csv", "12,Hooli,hooli.example,,\n", "");
    });
    killed_at_every_entry(&scene, is_about_what_is_gone(), |project, org, context| {
        for (object, key, left) in [("Contact", "7", 3), ("Account", "12", 2)] {
            let soql = format!("SELECT IsDeleted FROM {object} WHERE usercom_id__c = '{key}'");
            let ever = org.rows_with_deleted(&soql);
            assert_eq!(ever.len(), 1, "{context}");
            assert_eq!(ever[0]["IsDeleted"], "true", "{context}");
            assert_eq!(org.keys(object).len(), left, "{context}");
        }
        // The ledger knows of both, from whichever run learned it.
        let deleted = "select count(*) from ledger.attempts as a where a.outcome = 'deleted'";
        assert_eq!(project.number(deleted), 2, "{context}");
    });
}

#[test]
#[ignore = "long: several migrations"]
#[expect(clippy::print_stderr, reason = "counts aloud over an hour")]
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
        // Seen with `--nocapture`, also when the test is ended by hand.
        eprintln!("{killed} of {kills} kills, nothing lost or doubled");
    }
}
