//! Several people whose records people made one Contact: one of them has it, and nothing of the others is lost or written over it.

use reqwest::Method;
use serde_json::json;

use crate::org::Org;
use crate::rehearsal::{Project, Run};

const HEAD: &str = "id,email,phone_number,name,lifecycle_stage,company_id,city,unsubscribed\n";

/// Lee, Sue and Eva with their stages, and a call of each.
fn people(project: &Project, stages: [&str; 3], phone: &str) {
    let [lee, sue, eva] = stages;
    project.write(
        "export/people.csv",
        &format!(
            "{HEAD}1,lee@globex.example,{phone},Lee Lane,{lee},10,Paris,f\n\
             2,sue@initech.example,{phone},Sue Stone,{sue},11,Austin,f\n\
             4,eva@initech.example,+48 604,Eva East,{eva},11,Austin,f\n"
        ),
    );
    let calls = [1, 2, 4].map(|id| format!("{id},Call,1,{id},2026-03-01T10:00:00Z\n"));
    project.write(
        "export/activities.csv",
        &format!("id,name,activity_type,user_id,due_date\n{}", calls.concat()),
    );
}

fn loaded(options: &str) -> Project {
    let project = Project::small();
    let options = format!("[options]\n{options}");
    project.edit("migration.toml", "[options]\n", &options);
    people(&project, ["lead", "lead", "customer"], "+48 601");
    project.carry().ended(0);
    project
}

fn id(org: &Org, object: &str, key: &str) -> String {
    org.row(object, key, "Id")["Id"].clone()
}

/// Sales converts a Lead into a Contact, or into a new one; which it became.
fn convert(org: &Org, key: &str, contact: Option<&str>) -> String {
    let lead = id(org, "Lead", key);
    let account = id(org, "Account", "11");
    let mut asked = json!({"id": lead, "account": account, "opportunity": false});
    if let Some(contact) = contact {
        asked["contact"] = json!(contact);
    }
    org.control(Method::POST, "convert_lead", Some(asked));
    org.row("Lead", key, "ConvertedContactId")["ConvertedContactId"].clone()
}

fn held(project: &Project) -> Vec<Vec<String>> {
    project.table(
        "select f.key, f.reason, f.parent from recon.fates_contact as f where f.fate = 'held' order by f.key",
    )
}

fn tasks_hang_on(project: &Project, expected: [&str; 3]) {
    let who = project.org().map("Task", "usercom_id__c", "WhoId");
    let found = ["activity:1", "activity:2", "activity:4"].map(|key| who[key].as_str());
    assert_eq!(found, expected);
}

fn ended_quietly(run: Run) {
    let run = run.ended(0);
    assert_eq!(
        run.total("sent") + run.total("differences"),
        0,
        "{}",
        run.stdout
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_lead_that_sales_converted_into_another_persons_contact_leaves_that_contact_alone() {
    let project = loaded("");
    let org = project.org();
    let eva = id(&org, "Contact", "4");
    assert_eq!(convert(&org, "2", Some(&eva)), eva);
    drop(org);
    // Sue changes in the source, and it is Eva's record.
    people(&project, ["lead", "lead", "customer"], "+48 777");
    let run = project.carry().ended(0);
    assert_eq!(run.total("differences"), 0, "{}", run.stdout);
    let expected = [["2", "contact_of_another_person", "person 4"]];
    assert_eq!(held(&project), expected);
    let org = project.org();
    let found = org.row("Contact", "4", "Id, LastName, Phone");
    assert_eq!(
        [&found["Id"], &found["LastName"], &found["Phone"]],
        [&eva, "East", "+48 604"]
    );
    let lee = id(&org, "Lead", "1");
    drop(org);
    tasks_hang_on(&project, [&lee, &eva, &eva]);
    ended_quietly(project.carry());
}

#[test]
#[ignore = "long: several migrations"]
fn two_leads_that_sales_converted_into_one_contact_do_not_stop_a_run() {
    let project = loaded("");
    let org = project.org();
    let contact = convert(&org, "1", None);
    convert(&org, "2", Some(&contact));
    drop(org);
    people(&project, ["lead", "lead", "customer"], "+48 777");
    project.carry();
    let expected = [["2", "contact_of_another_person", "person 1"]];
    assert_eq!(held(&project), expected);
    let org = project.org();
    let found = org.row("Contact", "1", "Id, LastName, Phone");
    assert_eq!(
        [&found["Id"], &found["LastName"], &found["Phone"]],
        [&contact, "Lane", "+48 777"]
    );
    let eva = id(&org, "Contact", "4");
    drop(org);
    tasks_hang_on(&project, [&contact, &contact, &eva]);
    let again = project.carry();
    assert_eq!(again.total("sent"), 0, "{}", again.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn what_a_merged_lead_had_follows_to_the_contact_that_the_other_became() {
    let project = loaded("on_promotion = \"convert\"\n");
    let org = project.org();
    let [lee, sue] = ["1", "2"].map(|key| id(&org, "Lead", key));
    let merge = json!({"master": lee, "losers": [sue]});
    org.control(Method::POST, "merge", Some(merge));
    drop(org);
    people(&project, ["customer", "lead", "customer"], "+48 777");
    project.append(
        "export/activities.csv",
        "20,Late,1,2,2026-03-02T10:00:00Z\n",
    );
    // What is planned is what happens, though nobody had looked at the org since.
    let plan = project.transload(&["plan", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let run = project.carry().ended(0);
    for load in ["lead", "contact", "lead_conversion"] {
        let planned = plan["loads"].as_array().unwrap().iter();
        let planned = planned.clone().find(|entry| entry["load"] == load).unwrap();
        let sends = ["insert", "upsert", "update", "convert"];
        let planned: u64 = sends.iter().map(|way| planned[way].as_u64().unwrap()).sum();
        assert_eq!(planned, run.number(load, "sent"), "{load}: {}", run.stdout);
    }
    let org = project.org();
    let contact = id(&org, "Contact", "1");
    let who = org.map("Task", "usercom_id__c", "WhoId");
    assert_eq!(
        [&who["activity:1"], &who["activity:2"], &who["activity:20"]],
        [&contact; 3]
    );
    drop(org);
    // What was converted did not leave the source.
    let gone = project.table("select g.load, g.key from recon.gone as g");
    assert!(gone.is_empty(), "{gone:?}");
    ended_quietly(project.carry());
}

#[test]
#[ignore = "long: several migrations"]
fn what_names_two_people_of_one_contact_hangs_on_it_once() {
    let project = loaded("");
    // Sales made Cas and Eva one; both wear a tag, and a new deal names both.
    project.write(
        "export/people.csv",
        "id,email,name,lifecycle_stage,company_id,tags\n\
         3,cas@globex.example,Cas Cole,customer,10,fan\n4,eva@initech.example,Eva East,customer,11,fan\n",
    );
    project.carry().ended(0);
    let org = project.org();
    let [cas, eva] = ["3", "4"].map(|key| id(&org, "Contact", key));
    let merge = json!({"master": cas, "losers": [eva]});
    org.control(Method::POST, "merge", Some(merge));
    drop(org);
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,user_id,participants,assigned_to,expected_close_date\n\
         51,Later,100,PLN,1,11,in progress,10,4,\"3\",7001,2026-05-01\n",
    );
    let run = project.carry();
    let told = project.table("select d.key, d.kind, d.field from recon.differences as d");
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(
        run.total("failed") + run.total("differences"),
        0,
        "{}",
        run.stdout
    );
    let org = project.org();
    let roles = org.rows("SELECT ContactId, IsPrimary FROM OpportunityContactRole");
    assert_eq!(roles.len(), 1, "{roles:?}");
    let role = [&roles[0]["ContactId"], &roles[0]["IsPrimary"]];
    assert_eq!(role, [&cas, "true"]);
    let topics = format!("SELECT Id FROM TopicAssignment WHERE EntityId = '{cas}'");
    assert_eq!(org.rows(&topics).len(), 1);
    drop(org);
    let folded = "select f.load, f.reason from recon.fates as f where f.reason = 'same_link_as_another' order by f.load";
    assert_eq!(
        project.table(folded),
        [
            ["opportunity_contact_role", "same_link_as_another"],
            ["topic_assignment", "same_link_as_another"]
        ]
    );
    ended_quietly(project.carry());
}

#[test]
#[ignore = "long: several migrations"]
fn an_opt_out_of_a_lead_counts_for_the_contact_beside_it() {
    let project = loaded("on_promotion = \"create_and_link\"\n");
    let org = project.org();
    let lee = id(&org, "Lead", "1");
    org.change("Lead", &lee, json!({"HasOptedOutOfEmail": true}));
    drop(org);
    people(&project, ["customer", "lead", "customer"], "+48 601");
    project.carry().ended(0);
    let opted = project
        .org()
        .map("Contact", "usercom_id__c", "HasOptedOutOfEmail");
    assert_eq!([&opted["1"], &opted["4"]], ["true", "false"]);
    let flagged = "select f.key from recon.flags_contact as f where f.flag = 'opt_out_of_the_lead'";
    assert_eq!(project.table(flagged), [["1"]]);
    ended_quietly(project.carry());
    assert_eq!(
        project
            .org()
            .map("Contact", "usercom_id__c", "HasOptedOutOfEmail")["1"],
        "true"
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_lead_that_was_deleted_is_made_a_contact_once_somebody_says_so() {
    let project = loaded("on_promotion = \"convert\"\n");
    let org = project.org();
    let lee = id(&org, "Lead", "1");
    org.delete("Lead", &lee);
    drop(org);
    people(&project, ["customer", "lead", "customer"], "+48 601");
    project.carry();
    assert_eq!(
        held(&project),
        [["1", "deleted_in_salesforce", &format!("lead {lee}")]]
    );
    let decided = |theirs: &str| {
        let row =
            format!("object,key,field,ours,theirs,decision\nContact,1,*,,{theirs},recreate\n");
        project.write("config/decisions.csv", &row);
        project.carry();
        project.org().keys("Contact").contains("1")
    };
    // What was said of another record is none of this one's.
    assert!(!decided("00Q00000000099ZAAA"));
    assert!(decided(&lee));
}
