//! Leads that became contacts, by us or by sales, and records that were merged: what they became is followed.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::Project;

const HEAD: &str = "id,email,phone_number,name,lifecycle_stage,company_id,city\n";

/// People; Lee is a lead of Globex until he is said to be something else.
fn people(project: &Project, lee: &str, phone: &str) {
    project.write(
        "export/people.csv",
        &format!(
            "{HEAD}1,lee@globex.example,{phone},Lee Lane,{lee},10,Paris\n\
             2,sue@initech.example,+48 602,Sue Stone,subscriber,11,Austin\n\
             4,eva@initech.example,+48 604,Eva East,customer,11,Austin\n"
        ),
    );
}

/// An activity of Lee.
fn call(project: &Project, id: u32) {
    let head = "id,name,activity_type,user_id,due_date\n";
    if id == 1 {
        project.write("export/activities.csv", head);
    }
    project.append(
        "export/activities.csv",
        &format!("{id},Call,1,1,2026-03-01T10:00:00Z\n"),
    );
}

fn loaded(options: &str) -> Project {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[options]\n",
        &format!("[options]\n{options}"),
    );
    people(&project, "lead", "+48 601");
    call(&project, 1);
    project.carry().ended(0);
    project
}

fn reasons(project: &Project, load: &str) -> Vec<Vec<String>> {
    project.table(&format!(
        "select f.key, f.reason from recon.fates_{load} as f where f.fate = 'held' order by f.key"
    ))
}

fn lead(org: &Org) -> BTreeMap<String, String> {
    org.row(
        "Lead",
        "1",
        "Id, IsConverted, ConvertedContactId, ConvertedAccountId, Status",
    )
}

/// Who each task is about, by our key.
fn tasks(org: &Org) -> BTreeMap<String, String> {
    org.map("Task", "usercom_id__c", "WhoId")
}

#[test]
#[ignore = "long: several migrations"]
fn a_lead_that_became_a_customer_is_held_until_somebody_says_how() {
    let project = loaded("");
    people(&project, "customer", "+48 601");
    // Another load has the row now: it did not leave the source.
    let plan = project.transload(&["plan", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let loads = plan["loads"].as_array().unwrap();
    let gone: Vec<&Value> = loads.iter().filter(|load| load["gone"] != 0).collect();
    assert!(gone.is_empty(), "{gone:?}");
    let run = project.carry().ended(1);
    assert_eq!(reasons(&project, "contact"), [["1", "is_a_lead_already"]]);
    assert!(run.stderr.contains("on_promotion"), "{}", run.stderr);
    assert!(!project.org().keys("Contact").contains("1"));
}

#[test]
#[ignore = "long: several migrations"]
fn a_lead_that_became_a_customer_is_converted_and_everything_of_it_follows() {
    let project = loaded("on_promotion = \"convert\"\n");
    people(&project, "customer", "+48 777");
    call(&project, 2);
    // What is planned is what happens: Lee's contact is neither made twice nor changed as somebody else's.
    let plan = project.transload(&["plan", "--format", "json"]).ended(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let planned = |load: &str, what: &str| {
        let loads = plan["loads"].as_array().unwrap();
        let load = loads.iter().find(|entry| entry["load"] == load).unwrap();
        load[what].as_u64().unwrap()
    };
    assert_eq!(planned("lead_conversion", "convert"), 1, "{plan}");
    assert_eq!(
        planned("contact", "insert") + planned("contact", "upsert"),
        0
    );
    assert_eq!(planned("contact", "update"), 1);
    let run = project.carry().ended(0);
    assert_eq!(
        run.number("lead_conversion", "created"),
        1,
        "{}",
        run.stdout
    );
    let org = project.org();
    let account = org.row("Account", "10", "Id")["Id"].clone();
    let lee = lead(&org);
    assert_eq!(lee["IsConverted"], "true");
    assert_eq!(lee["ConvertedAccountId"], account);
    let contact = org.row(
        "Contact",
        "1",
        "Id, AccountId, Phone, LastName, MailingCity",
    );
    assert_eq!(contact["Id"], lee["ConvertedContactId"]);
    assert_eq!(
        [
            &contact["AccountId"],
            &contact["Phone"],
            &contact["LastName"],
            &contact["MailingCity"]
        ],
        [&account, "+48 777", "Lane", "Paris"]
    );
    let who = tasks(&org);
    assert_eq!(who["activity:1"], contact["Id"]);
    assert_eq!(who["activity:2"], contact["Id"]);
    assert_eq!(
        org.rows("SELECT Id FROM Opportunity WHERE usercom_id__c = null")
            .len(),
        0
    );
    drop(org);
    assert!(reasons(&project, "contact").is_empty());
    let open = "select c.key, c.field from recon.conflicts as c where c.state = 'ask'";
    assert!(project.table(open).is_empty());

    // Nothing more to do, and it is a contact from now on.
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 0, "{}", run.stdout);
    people(&project, "lead", "+48 778");
    let run = project.carry().ended(0);
    assert_eq!(run.number("contact", "updated"), 1, "{}", run.stdout);
    let flags = "select f.key from recon.flags_contact as f where f.flag = 'demoted_in_source'";
    assert_eq!(project.table(flags), [["1"]]);
    let org = project.org();
    assert_eq!(org.row("Contact", "1", "Phone")["Phone"], "+48 778");
    assert!(
        org.rows("SELECT Id FROM Lead WHERE usercom_id__c = '1' AND IsConverted = false")
            .is_empty()
    );
}

#[test]
#[ignore = "long: several migrations"]
fn what_the_source_cleared_since_is_cleared_at_the_contact_that_the_lead_became() {
    let project = loaded("on_promotion = \"convert\"\n");
    people(&project, "customer", "");
    let run = project.carry().ended(0);
    let phone = project.org().row("Contact", "1", "Phone")["Phone"].clone();
    assert_eq!(phone, "∅", "{}", run.stderr);
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 0, "{}", run.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn a_column_that_is_gone_clears_nothing_at_the_contact_that_a_lead_became() {
    let project = loaded("on_promotion = \"convert\"\n");
    people(&project, "customer", "+48 601");
    let head = HEAD.replace(",phone_number", "");
    project.edit("export/people.csv", HEAD, &head);
    project.edit(
        "export/people.csv",
        "globex.example,+48 601,",
        "globex.example,",
    );
    project.edit(
        "export/people.csv",
        "initech.example,+48 602,",
        "initech.example,",
    );
    project.edit(
        "export/people.csv",
        "initech.example,+48 604,",
        "initech.example,",
    );
    let run = project.carry();
    let phone = project.org().row("Contact", "1", "Phone")["Phone"].clone();
    assert_eq!(phone, "+48 601", "{}", run.stderr);
}

#[test]
#[ignore = "long: several migrations"]
fn what_a_conversion_leaves_behind_is_linked_to_the_contact_anew() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\non_promotion = \"convert\"\n",
    );
    let people = |lee: &str| {
        project.write(
            "export/people.csv",
            &format!(
                "{}tags\n1,lee@globex.example,,Lee Lane,{lee},10,Paris,{{vip}}\n",
                HEAD.replace('\n', ",")
            ),
        );
    };
    people("lead");
    project.write(
        "export/deals.csv",
        "id,name,value,currency,pipeline,stage,status,company_id,expected_close_date\n",
    );
    project.write("export/tags.csv", "id,name\n1,vip\n");
    project.write(
        "export/files.csv",
        "id,name,path,size,user_id\n801,Terms.txt,blobs/terms.txt,12,1\n",
    );
    project.write("export/blobs/terms.txt", "twelve bytes");
    project.write(
        "export/notes.csv",
        "id,title,content,user_id\n701,Birthday,Cake,1\n",
    );
    project.write(
        "export/custom_objects.jsonl",
        "{\"id\":1,\"name\":\"subscription\",\"label\":\"Subscription\",\"plural_label\":\"Subscriptions\",\"fields\":[\
         {\"name\":\"customer\",\"type\":\"reference\",\"reference_to\":\"people\"}]}\n",
    );
    project.write(
        "export/co_subscription.csv",
        "id,name,customer\n2,Lead plan,1\n",
    );
    project.carry().ended(0);
    let linked = |who: &str| {
        let org = project.org();
        let count = |soql: &str| org.rows(&format!("{soql} = '{who}'")).len();
        [
            count("SELECT Id FROM ContentDocumentLink WHERE LinkedEntityId"),
            count("SELECT Id FROM TopicAssignment WHERE EntityId"),
            count("SELECT Id FROM subscription__c WHERE customer_contact__c"),
            count("SELECT Id FROM subscription__c WHERE customer_lead__c"),
        ]
    };
    let lee = project.org().row("Lead", "1", "Id")["Id"].clone();
    assert_eq!(linked(&lee), [2, 1, 0, 1]);
    people("customer");
    let run = project.carry().ended(0);
    let contact = project.org().row("Contact", "1", "Id")["Id"].clone();
    assert_eq!(linked(&contact), [2, 1, 1, 0], "{}", run.stderr);
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 0, "{}", run.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn a_lead_that_sales_converted_is_followed_and_what_they_wrote_there_stays() {
    let project = loaded("");
    let org = project.org();
    let id = lead(&org)["Id"].clone();
    org.control(
        Method::POST,
        "convert_lead",
        Some(json!({"id": id, "status": "Closed - Converted", "opportunity": false})),
    );
    let contact = lead(&org)["ConvertedContactId"].clone();
    org.change("Contact", &contact, json!({"MailingCity": "Lyon"}));
    drop(org);
    people(&project, "lead", "+48 777");
    call(&project, 2);
    // The account is the one that sales chose: ours is asked for.
    let run = project.carry();
    let org = project.org();
    let found = org.row("Contact", "1", "Id, Phone, MailingCity");
    assert_eq!(found["Id"], contact, "{}", run.stdout);
    assert_eq!(
        (found["Phone"].as_str(), found["MailingCity"].as_str()),
        ("+48 777", "Lyon")
    );
    let who = tasks(&org);
    assert_eq!(
        [&who["activity:1"], &who["activity:2"]],
        [&contact, &contact]
    );
    assert_eq!(org.keys("Lead").len(), 2, "none was made anew");
    drop(org);
    let asked = "select c.key, c.field from recon.conflicts as c where c.state = 'ask'";
    assert_eq!(project.table(asked), [["1", "AccountId"]]);
    assert!(reasons(&project, "lead").is_empty());
    assert!(reasons(&project, "task").is_empty());

    // Now that it is known as a Contact, it is still one because of sales: nothing of it is another one.
    let run = project.carry();
    assert_eq!(run.total("sent"), 0, "{}", run.stdout);
    let demoted = "select f.key from recon.flags_contact as f where f.flag = 'demoted_in_source'";
    assert!(project.table(demoted).is_empty());
}

#[test]
#[ignore = "long: several migrations"]
fn what_sales_chose_while_the_source_lacked_its_person_is_asked_for_when_the_person_is_back() {
    let project = loaded("");
    let org = project.org();
    let id = lead(&org)["Id"].clone();
    org.control(
        Method::POST,
        "convert_lead",
        Some(json!({"id": id, "opportunity": false})),
    );
    drop(org);
    let all = std::fs::read_to_string(project.path("export/people.csv")).unwrap();
    let others = all.lines().filter(|line| !line.starts_with("1,"));
    let others: String = others.map(|line| format!("{line}\n")).collect();
    project.write("export/people.csv", &others);
    project.carry();
    project.write("export/people.csv", &all);
    let run = project.carry();
    let asked = "select c.key, c.field from recon.conflicts as c where c.state = 'ask'";
    assert_eq!(project.table(asked), [["1", "AccountId"]], "{}", run.stderr);
}

#[test]
#[ignore = "long: several migrations"]
fn a_contact_that_sales_made_of_a_lead_and_deleted_is_not_made_anew_unless_that_is_decided() {
    let project = loaded("on_promotion = \"convert\"\n");
    let org = project.org();
    let id = lead(&org)["Id"].clone();
    org.control(
        Method::POST,
        "convert_lead",
        Some(json!({"id": id, "opportunity": false})),
    );
    let contact = lead(&org)["ConvertedContactId"].clone();
    org.control(Method::POST, "delete", Some(json!({"id": contact})));
    drop(org);
    // Whatever the source calls Lee: a Lead that was converted is none any more.
    for stage in ["lead", "customer"] {
        people(&project, stage, "+48 777");
        let run = project.carry();
        assert_eq!(
            reasons(&project, "contact"),
            [["1", "deleted_in_salesforce"]],
            "{stage}: {}",
            run.stderr
        );
        assert!(!project.org().keys("Contact").contains("1"));
    }
    project.write(
        "config/decisions.csv",
        "object,key,field,ours,theirs,decision\nContact,1,*,,,recreate\n",
    );
    let run = project.carry();
    assert_eq!(run.number("contact", "created"), 1, "{}", run.stderr);
    assert_eq!(
        project.org().row("Contact", "1", "Phone")["Phone"],
        "+48 777"
    );
    let run = project.carry();
    assert_eq!(run.total("sent"), 0, "{}", run.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn a_contact_can_be_made_beside_a_lead_that_names_it() {
    let project = loaded(
        "on_promotion = \"create_and_link\"\npromoted_status = \"Closed - Not Converted\"\n",
    );
    people(&project, "customer", "+48 601");
    let run = project.carry().ended(0);
    assert_eq!(run.number("contact", "created"), 1, "{}", run.stdout);
    let org = project.org();
    let lee = org.row("Lead", "1", "IsConverted, Status, usercom_contact__c");
    let contact = org.row("Contact", "1", "Id")["Id"].clone();
    assert_eq!(
        [
            &lee["IsConverted"],
            &lee["Status"],
            &lee["usercom_contact__c"]
        ],
        ["false", "Closed - Not Converted", &contact]
    );
    assert_eq!(tasks(&org)["activity:1"], contact);
    drop(org);
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 0, "{}", run.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn what_was_merged_is_followed_and_nothing_is_made_twice() {
    let project = loaded("");
    let org = project.org();
    let [kept, lost] = ["10", "11"].map(|key| org.row("Account", key, "Id")["Id"].clone());
    org.control(
        Method::POST,
        "merge",
        Some(json!({"master": kept, "losers": [lost]})),
    );
    drop(org);
    project.append(
        "export/deals.csv",
        "60,Late,1,PLN,1,11,in progress,11,4,7001,2026-05-01,\n",
    );
    let run = project.carry().ended(0);
    assert_eq!(run.number("opportunity", "created"), 1, "{}", run.stdout);
    assert_eq!(
        reasons(&project, "account"),
        [["11", "merged_in_salesforce"]]
    );
    assert!(reasons(&project, "opportunity").is_empty());
    let org = project.org();
    assert_eq!(org.row("Opportunity", "60", "AccountId")["AccountId"], kept);
    let eva = org.row("Contact", "4", "Id")["Id"].clone();
    let roles = || {
        org.rows("SELECT OpportunityId, ContactId FROM OpportunityContactRole")
            .len()
    };
    let before = roles();
    // Eva is merged into a contact that is the org's own.
    let other = org.insert("Contact", json!({"LastName": "East", "AccountId": kept}));
    org.control(
        Method::POST,
        "merge",
        Some(json!({"master": other, "losers": [eva]})),
    );
    drop(org);
    project.append(
        "export/deals.csv",
        "61,Later,1,PLN,1,11,in progress,11,4,7001,2026-05-01,\n",
    );
    let run = project.carry().ended(0);
    assert_eq!(
        reasons(&project, "contact"),
        [["4", "merged_in_salesforce"]],
        "{}",
        run.stdout
    );
    let org = project.org();
    let of_61 =
        "SELECT ContactId FROM OpportunityContactRole WHERE Opportunity.usercom_id__c = '61'";
    assert_eq!(org.rows(of_61)[0]["ContactId"], other);
    let roles = org
        .rows("SELECT OpportunityId, ContactId FROM OpportunityContactRole")
        .len();
    assert_eq!(roles, before + 1, "the roles of before are not made twice");
    let ledger = "select l.live, l.successor from ledger.contact as l where l.usercom_id__c = 4";
    drop(org);
    assert_eq!(project.table(ledger), [["merged", &other]]);
}

/// The small project in an org that the test serves, with Lee a customer since.
fn promoted(options: SalesforceSimOptions) -> (Project, Org) {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\non_promotion = \"convert\"\n",
    );
    people(&project, "lead", "+48 601");
    let org = project.serve_org(options);
    project.load_into(&org, "");
    project.run_with(&["--yes"]).ended(0);
    people(&project, "customer", "+48 601");
    (project, org)
}

#[test]
#[ignore = "long: several migrations"]
fn a_conversion_whose_answer_was_lost_is_settled_by_the_lead_itself() {
    let (project, org) = promoted(SalesforceSimOptions::default());
    org.fault(json!([
        {"method": "POST", "path": "/services/Soap/u/*", "drop": "before"},
        {"method": "POST", "path": "/services/Soap/u/*", "drop": "after"},
    ]));
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(
        run.number("lead_conversion", "created"),
        1,
        "{}",
        run.stdout
    );
    let contact = lead(&org)["ConvertedContactId"].clone();
    assert_eq!(org.row("Contact", "1", "Id")["Id"], contact);
    let lanes = org.rows("SELECT Id FROM Contact WHERE LastName = 'Lane'");
    assert_eq!(lanes.len(), 1);
}

#[test]
#[ignore = "long: several migrations"]
fn a_conversion_stays_when_its_run_is_taken_back_and_says_so_beforehand() {
    let (project, org) = promoted(SalesforceSimOptions::default());
    project.run_with(&["--yes"]).ended(0);
    let contact = lead(&org)["ConvertedContactId"].clone();
    let said = "1 lead(s) were converted, which cannot be undone";
    let plan = project.transload(&["rollback", "--dry-run"]).ended(0);
    assert!(plan.stderr.contains(said), "{}", plan.stderr);
    assert!(plan.stderr.contains("--even-converted"), "{}", plan.stderr);
    let back = project.transload(&["rollback", "--yes"]).ended(1);
    assert!(back.stderr.contains(said), "{}", back.stderr);
    let spared =
        "select s.key, s.id, s.reason from recon.spared as s where s.load = 'lead_conversion'";
    assert_eq!(project.table(spared), [["1", &contact, "was_a_lead"]]);
    assert_eq!(org.row("Contact", "1", "Id")["Id"], contact);

    let back = project
        .transload(&["rollback", "--yes", "--even-converted"])
        .ended(0);
    assert!(
        back.stderr.contains("the leads stay converted"),
        "{}",
        back.stderr
    );
    assert!(!org.keys("Contact").contains("1"));
    assert_eq!(lead(&org)["IsConverted"], "true");
    // The person is a customer without a record now: the next run makes one.
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.number("contact", "created"), 1, "{}", run.stdout);
    assert_eq!(run.number("lead_conversion", "sent"), 0, "{}", run.stdout);
}

#[test]
#[ignore = "long: several migrations"]
fn who_may_not_convert_leads_is_told_before_the_first_row() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\non_promotion = \"convert\"\n",
    );
    let org = project.serve_org(SalesforceSimOptions {
        convert_leads: false,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    let run = project.run_with(&["--yes"]).ended(1);
    assert!(run.stderr.contains("right:convert_leads"), "{}", run.stderr);
    assert!(org.rows("SELECT Id FROM Lead").is_empty());
}

#[test]
#[ignore = "long: several migrations"]
fn a_record_that_somebody_deleted_is_made_anew_only_if_a_person_decides_so() {
    let project = loaded("");
    let org = project.org();
    let lost = org.row("Contact", "4", "Id")["Id"].clone();
    org.delete("Contact", &lost);
    drop(org);
    let run = project.carry().ended(0);
    assert_eq!(run.number("contact", "created"), 0, "{}", run.stderr);
    assert_eq!(
        reasons(&project, "contact"),
        [["4", "deleted_in_salesforce"]]
    );
    let head = "object,key,field,ours,theirs,decision\n";
    let decide = |id: &str| {
        project.write(
            "config/decisions.csv",
            &format!("{head}Contact,4,*,,{id},recreate\n"),
        );
    };
    // Of another deletion nothing was said.
    decide("003000000000001AAA");
    assert_eq!(project.carry().ended(0).number("contact", "created"), 0);
    decide(&lost);
    let run = project.carry().ended(0);
    assert_eq!(run.number("contact", "created"), 1, "{}", run.stderr);
    let now = project.org().row("Contact", "4", "Id")["Id"].clone();
    assert_ne!(now, lost);
    let run = project.carry().ended(0);
    assert_eq!(run.total("sent"), 0, "{}", run.stderr);
}
