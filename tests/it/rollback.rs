//! A run taken back: the org is what it was, apart from what somebody has a stake in.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::further;
use crate::org::Org;
use crate::rehearsal::{Project, Run};

/// Objects whose records are compared before and after.
const OBJECTS: [&str; 30] = [
    "Account",
    "AccountContactRelation",
    "AccountTeamMember",
    "Campaign",
    "CampaignMember",
    "CampaignMemberStatus",
    "Case",
    "CaseComment",
    "Contact",
    "ContentDocument",
    "ContentNote",
    "ContentVersion",
    "EmailMessage",
    "Event",
    "EventRelation",
    "Lead",
    "ObjectTerritory2Association",
    "Opportunity",
    "OpportunityContactRole",
    "OpportunityLineItem",
    "OpportunityTeamMember",
    "Pricebook2",
    "PricebookEntry",
    "Product2",
    "Task",
    "Topic",
    "TopicAssignment",
    "UserTerritory2Association",
    "User",
    "Territory2",
];

type Records = BTreeMap<String, BTreeMap<String, String>>;

/// Every record of these objects by object and id, with all fields but those that say when it was touched; fields that a
/// migration adds to the object are left out where they are empty.
fn records(org: &Org) -> Records {
    let mut records = Records::new();
    for object in OBJECTS {
        let names: Vec<String> = org
            .field_names(object)
            .into_iter()
            .filter(|name| !name.starts_with("LastModified") && name != "SystemModstamp")
            .filter(|name| !(name.starts_with("Last") && name.ends_with("Date")))
            .collect();
        for mut row in org.rows(&format!("SELECT {} FROM {object}", names.join(", "))) {
            let id = row["Id"].clone();
            row.retain(|name, value| {
                !(name.ends_with("__c") && (value == "∅" || value == "false"))
            });
            records.insert(format!("{object} {id}"), row);
        }
    }
    records
}

fn rollback(project: &Project, more: &[&str]) -> Run {
    let mut arguments = vec!["rollback", "--format", "json"];
    arguments.extend(more);
    project.transload(&arguments)
}

fn of<'a>(run: &'a Run, load: &str) -> &'a Value {
    let objects = run.summary["objects"].as_array().unwrap();
    let found = objects.iter().find(|object| object["load"] == load);
    found.unwrap_or_else(|| panic!("no {load} in {}", run.stdout))
}

fn served(project: &Project) -> Org {
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    org
}

/// An edit by a colleague of the loader.
fn edit(org: &Org, object: &str, id: Option<&str>, fields: Value) -> Value {
    let mut body = json!({"object": object, "fields": fields, "user": "ann@acme.example.crm"});
    if let Some(id) = id {
        body["id"] = id.into();
    }
    org.control(Method::POST, "rows", Some(body))
}

fn spared(project: &Project, load: &str) -> Vec<Vec<String>> {
    project.table(&format!(
        "select s.key, s.reason, s.detail from recon.spared_{load} as s order by s.key"
    ))
}

#[test]
#[ignore = "long: several migrations"]
fn a_first_run_with_every_object_is_taken_back_to_the_last_record() {
    let project = further::project();
    let org = served(&project);
    let own = org.insert("Account", json!({"Name": "Was here before", "Phone": "1"}));
    org.insert("Contact", json!({"LastName": "Before", "AccountId": own}));
    let before = records(&org);
    let run = project.run_with(&["--yes"]).ended(0);
    assert!(records(&org).len() > before.len() + 50);

    let planned = rollback(&project, &["--dry-run"]).ended(0);
    assert_eq!(of(&planned, "account")["delete"], 3, "{}", planned.stdout);
    assert_eq!(planned.summary["status"], "planned");
    assert_eq!(org.keys("Account").len(), 3, "a plan touches nothing");

    let undone = rollback(&project, &["--yes"]).ended(0);
    assert_eq!(undone.summary["undoes"], json!([run.summary["run"]]));
    assert_eq!(undone.summary["status"], "ok");
    assert_eq!(records(&org), before);
    assert_eq!(
        project.number("select count(*) from ledger.account as l where l.id is not null"),
        0
    );

    let nothing = rollback(&project, &["--yes"]).ended(0);
    assert!(
        nothing.stderr.contains("no run has sent anything"),
        "{}",
        nothing.stderr
    );
    let again = project.run().ended(0);
    assert_eq!(
        again.total("created"),
        run.total("created"),
        "{}",
        again.stdout
    );
    assert_eq!(again.total("differences"), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn chats_and_e_mails_go_with_what_salesforce_made_of_them() {
    let project = further::project();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nchat_strategy = \"case_comments\"\nemail_strategy = \"email_messages\"\n",
    );
    let org = served(&project);
    let before = records(&org);
    project.run_with(&["--yes"]).ended(0);
    assert!(!org.rows("SELECT Id FROM EmailMessage").is_empty());
    assert!(!org.rows("SELECT Id FROM CaseComment").is_empty());
    rollback(&project, &["--yes"]).ended(0);
    assert_eq!(records(&org), before);
}

#[test]
#[ignore = "long: several migrations"]
fn a_second_run_is_taken_back_to_what_the_first_one_left() {
    let (project, org, _) = Project::loaded_into_an_org();
    let before = records(&org);
    // Changed, cleared, set, new.
    project.edit(
        "export/people.csv",
        "Cas Cole,customer,10,Paris",
        "Cass Cole,customer,10,",
    );
    project.edit(
        "export/people.csv",
        "2026-01-01T00:00:00Z",
        "2026-01-02T00:00:00Z",
    );
    project.edit(
        "export/companies.csv",
        "hooli.example,,",
        "hooli.example,Rome,",
    );
    project.append("export/companies.csv", "13,New,new.example,Oslo,7001\n");
    let second = project.run().ended(0);
    assert!(second.total("updated") >= 2, "{}", second.stdout);
    assert_eq!(second.total("created"), 1);
    assert_eq!(
        org.row("Contact", "3", "MailingCity, FirstName")["MailingCity"],
        "∅"
    );

    let undone = rollback(&project, &["--yes"]).ended(0);
    assert_eq!(undone.summary["undoes"], json!([second.summary["run"]]));
    assert_eq!(of(&undone, "contact")["restored"], 1, "{}", undone.stdout);
    assert_eq!(of(&undone, "account")["deleted"], 1, "{}", undone.stdout);
    assert_eq!(records(&org), before);
    // The export still says otherwise, so the next run writes it again.
    let third = project.run().ended(0);
    assert_eq!(third.total("created"), 1, "{}", third.stdout);
    assert_eq!(
        third.total("updated"),
        second.total("updated"),
        "{}",
        third.stdout
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_run_by_its_name_is_taken_back_with_all_later_ones() {
    let project = Project::small();
    let org = served(&project);
    let before = records(&org);
    let first = project.run_with(&["--yes"]).ended(0);
    project.edit(
        "export/companies.csv",
        "hooli.example,,",
        "hooli.example,Rome,",
    );
    project.run().ended(0);
    let name = first.summary["run"].as_str().unwrap();
    let undone = rollback(&project, &[name, "--yes"]).ended(0);
    assert_eq!(undone.summary["undoes"].as_array().unwrap().len(), 2);
    assert_eq!(records(&org), before);
    let unknown = rollback(&project, &["20200101T000000Z-0000", "--yes"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains("there is no run"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn what_somebody_edited_since_is_spared_and_keeps_its_parents() {
    let (project, org, _) = Project::loaded_into_an_org();
    let contact = org.row("Contact", "3", "AccountId");
    edit(
        &org,
        "Contact",
        Some(&contact["Id"]),
        json!({"Title": "Director"}),
    );
    // The loader's own login, by hand: only a field that we wrote gives it away.
    let lead = org.row("Lead", "1", "City");
    org.change("Lead", &lead["Id"], json!({"City": "Nice"}));

    let undone = rollback(&project, &["--yes"]).ended(1);
    assert_eq!(undone.summary["status"], "gated");
    let user = org.rows("SELECT Id FROM User WHERE Username = 'ann@acme.example.crm'");
    assert_eq!(
        spared(&project, "contact"),
        [[
            "3",
            "changed_by_others",
            &format!("by user {}", user[0]["Id"])
        ]]
    );
    assert_eq!(spared(&project, "lead"), [["1", "edited_since", "City"]]);
    assert_eq!(
        spared(&project, "account"),
        [["10", "has_children_that_stay", "Contact that is kept"]]
    );
    assert_eq!(org.keys("Account").len(), 1);
    assert_eq!(org.row("Contact", "3", "Title")["Title"], "Director");
    assert_eq!(org.row("Lead", "1", "City")["City"], "Nice");
    assert!(org.rows("SELECT Id FROM Opportunity").is_empty());

    // Somebody looked at it: now they may go, too.
    let all = rollback(&project, &["--yes", "--even-edited"]);
    assert!(
        all.stderr.contains("no run has sent anything"),
        "{}",
        all.stderr
    );
    let name = undone.summary["undoes"][0].as_str().unwrap();
    rollback(&project, &[name, "--yes", "--even-edited"]).ended(0);
    assert!(org.rows("SELECT Id FROM Account").is_empty());
    assert!(org.rows("SELECT Id FROM Lead").is_empty());
}

#[test]
fn records_that_others_attached_keep_their_parents() {
    let (project, org, _) = Project::loaded_into_an_org();
    let contact = org.row("Contact", "4", "AccountId");
    edit(
        &org,
        "Task",
        None,
        json!({"Subject": "Call back", "WhoId": contact["Id"]}),
    );
    let account = org.row("Account", "12", "Name");
    edit(
        &org,
        "Opportunity",
        None,
        json!({
            "Name": "Upsell", "AccountId": account["Id"], "StageName": "Prospecting", "CloseDate": "2027-01-01",
        }),
    );
    let undone = rollback(&project, &["--yes"]).ended(1);
    assert_eq!(of(&undone, "contact")["spared"], 1, "{}", undone.stdout);
    assert_eq!(
        spared(&project, "contact"),
        [["4", "has_children_that_stay", "Task of others"]]
    );
    assert_eq!(
        spared(&project, "account"),
        [
            ["11", "has_children_that_stay", "Task of others"],
            ["12", "has_children_that_stay", "Opportunity of others"],
        ]
    );
    assert_eq!(org.rows("SELECT Id FROM Task").len(), 1);
    assert_eq!(org.rows("SELECT Id FROM Opportunity").len(), 1);
    assert_eq!(org.keys("Account").len(), 2);
}

#[test]
fn a_field_that_somebody_changed_after_us_keeps_their_value_and_the_others_go_back() {
    let (project, org, _) = Project::loaded_into_an_org();
    project.edit(
        "export/companies.csv",
        "12,Hooli,hooli.example,,",
        "12,Hooli Inc,hooli.example,Rome,",
    );
    project.run().ended(0);
    let account = org.row("Account", "12", "Name");
    edit(
        &org,
        "Account",
        Some(&account["Id"]),
        json!({"BillingCity": "Milan"}),
    );
    let undone = rollback(&project, &["--yes"]).ended(1);
    assert_eq!(of(&undone, "account")["fields"], 1, "{}", undone.stdout);
    assert_eq!(
        spared(&project, "account"),
        [["12", "fields_edited_since", "BillingCity"]]
    );
    let account = org.row("Account", "12", "Name, BillingCity");
    assert_eq!(
        (&*account["Name"], &*account["BillingCity"]),
        ("Hooli", "Milan")
    );
}

#[test]
fn one_object_alone_goes_only_as_far_as_nothing_of_ours_hangs_on_it() {
    let (project, org, _) = Project::loaded_into_an_org();
    let refused = rollback(&project, &[]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("add --yes"), "{}", refused.stderr);
    let undone = rollback(&project, &["--object", "account", "--yes"]).ended(1);
    // Hooli has neither people nor deals.
    assert_eq!(of(&undone, "account")["deleted"], 1, "{}", undone.stdout);
    assert_eq!(of(&undone, "account")["spared"], 2, "{}", undone.stdout);
    assert_eq!(org.keys("Account").len(), 2);
    assert_eq!(org.keys("Contact").len(), 3);
    rollback(&project, &["--object", "Lead", "--yes"]);
    let unknown = rollback(&project, &["--object", "Asset", "--yes"]);
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.stderr.contains("nothing was loaded into Asset"),
        "{}",
        unknown.stderr
    );
}

#[test]
fn records_pass_the_recycle_bin_only_on_request() {
    let (project, org, _) = Project::loaded_into_an_org();
    rollback(&project, &["--object", "Lead", "--yes"]).ended(0);
    rollback(&project, &["--yes", "--hard-delete"]).ended(0);
    let deleted = |object: &str| {
        let query = format!("SELECT Id FROM {object} WHERE IsDeleted = true");
        org.rows_with_deleted(&query).len()
    };
    assert_eq!((deleted("Lead"), deleted("Account")), (3, 0));
}

#[test]
fn what_is_gone_already_is_no_trouble() {
    let (project, org, _) = Project::loaded_into_an_org();
    let contact = org.row("Contact", "3", "Id");
    org.control(Method::POST, "delete", Some(json!({"id": contact["Id"]})));
    let undone = rollback(&project, &["--yes"]).ended(0);
    assert_eq!(of(&undone, "contact")["gone"], 1, "{}", undone.stdout);
    assert!(org.rows("SELECT Id FROM Account").is_empty());
}

#[test]
#[ignore = "long: several migrations"]
fn a_rollback_that_is_killed_goes_on_where_it_was() {
    let project = further::project();
    let org = project.serve_org(SalesforceSimOptions {
        max_job_delay: Duration::from_millis(60),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "part_rows = 3\nconcurrent_jobs = 2\n");
    let before = records(&org);
    project.run_with(&["--yes"]).ended(0);
    let all = org.keys("Contact").len();
    let mut killed = 0;
    for wait in [0, 1] {
        let mut running = project.start_as(&["rollback", "--format", "json", "--yes"]);
        let left = |object: &str| org.rows(&format!("SELECT Id FROM {object}")).len();
        // At another place each time: while Tasks go, and while Contacts do.
        let reached = running.until(|| match wait {
            0 => left("Task") < 5,
            _ => left("Contact") < all,
        });
        if !reached {
            running.wait();
            break;
        }
        running.signal("KILL");
        killed += u32::from(running.wait().code.is_none());
    }
    assert!(killed > 0, "nothing was killed");
    rollback(&project, &["--yes"]).ended(0);
    assert_eq!(records(&org), before);
    assert_eq!(org.open_jobs(), 0);
    assert_eq!(project.run().ended(0).total("differences"), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_run_that_broke_off_goes_with_the_one_that_carried_it_on() {
    let project = Project::small();
    let org = project.serve_org(SalesforceSimOptions {
        max_job_delay: Duration::from_millis(100),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "part_rows = 2\n");
    let before = records(&org);
    let mut running = project.start(&["--yes"]);
    assert!(running.until(|| org.rows("SELECT Id FROM Lead").len() > 1));
    running.signal("KILL");
    running.wait();
    project.run_with(&["--yes"]).ended(0);
    let undone = rollback(&project, &["--yes"]).ended(0);
    assert_eq!(undone.summary["undoes"].as_array().unwrap().len(), 2);
    assert_eq!(records(&org), before);
}

#[test]
#[ignore = "long: several migrations"]
fn a_record_that_was_the_orgs_own_is_given_back_without_our_key() {
    let project = Project::small();
    let org = served(&project);
    let own = org.insert(
        "Account",
        json!({"Name": "Hooli Holding", "Website": "hooli.example", "Phone": "1"}),
    );
    project.write(
        "config/matches.csv",
        &format!("object,usercom_id,salesforce_id,decision\nAccount,12,{own},same\n"),
    );
    let before = records(&org);
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.number("account", "updated"), 1, "{}", run.stdout);
    let account = org.row("Account", "12", "Name, Phone");
    assert_eq!((&*account["Id"], &*account["Name"]), (&*own, "Hooli"));
    rollback(&project, &["--yes"]).ended(0);
    assert_eq!(records(&org), before);
    let again = project.run().ended(0);
    assert_eq!(again.number("account", "updated"), 1, "{}", again.stdout);
}
