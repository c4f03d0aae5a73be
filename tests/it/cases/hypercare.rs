//! The days after: what people do in the org is listed, and costs what they did.

use reqwest::Method;
use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::rehearsal::Project;

/// `reconcile --since last`, and what it says of people.
fn look(project: &Project, code: i32) -> Value {
    let arguments = ["reconcile", "--since", "last", "--format", "json"];
    let run = project.transload(&arguments).ended(code);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    report["people"].clone()
}

fn people(number: u32) -> String {
    let mut rows = "id,email,phone_number,name,lifecycle_stage,company_id,updated_at\n".to_owned();
    for id in 1..=number {
        rows += &format!(
            "{id},p{id}@globex.example,+48 {id},Per Son{id},customer,10,2026-01-01T00:00:00Z\n"
        );
    }
    rows
}

#[test]
#[ignore = "long: several migrations"]
fn people_who_work_in_the_org_are_seen_with_what_they_did() {
    let project = Project::small();
    project.write("export/people.csv", &people(30));
    project.carry().ended(0);
    let nothing = json!({"changed": 0, "lost": 0, "made": 0, "possible_duplicates": 0, "storms": 0, "list": null});
    assert_eq!(look(&project, 0), nothing);

    let org = project.org();
    let ids = org.map("Contact", "usercom_id__c", "Id");
    let by_ann = |edit: Value| {
        let mut edit = edit;
        edit["user"] = json!("ann@acme.example.crm");
        org.control(Method::POST, "rows", Some(edit))
    };
    by_ann(json!({"object": "Contact", "id": ids["1"], "fields": {"Phone": "+48 999"}}));
    org.control(Method::POST, "delete", Some(json!({"id": ids["2"]})));
    by_ann(
        json!({"object": "Contact", "fields": {"LastName": "Twin", "Email": "P3@Globex.example"}}),
    );
    by_ann(json!({"object": "Contact", "fields": {"LastName": "New", "Email": "new@new.example"}}));
    by_ann(
        json!({"object": "Account", "fields": {"Name": "Globex too", "Website": "https://www.globex.example/pl"}}),
    );
    drop(org);
    let mut seen = look(&project, 1);
    let list = seen["list"].take();
    assert_eq!(
        seen,
        json!({"changed": 1, "lost": 1, "made": 3, "possible_duplicates": 2, "storms": 0, "list": null})
    );
    let file = project.report("hypercare.csv");
    assert!(list.as_str().unwrap().ends_with("/hypercare.csv"), "{list}");
    for told in [
        format!("changed,contact,1,{},Phone,", ids["1"]).as_str(),
        "deleted,contact,2,",
        "same e-mail,contact,3,",
        "same domain,account,10,",
    ] {
        assert!(file.contains(told), "{told}: {file}");
    }
    let twins = "select b.object, b.name, b.like_load, b.like_key from recon.beside as b where b.why is not null order by 1, 2";
    assert_eq!(
        project.table(twins),
        [
            ["Account", "Globex too", "account", "10"],
            ["Contact", "Twin", "contact", "3"]
        ]
    );

    // Somebody's flow goes over everything.
    let org = project.org();
    for key in 5..=30 {
        let edit = json!({
            "object": "Contact", "id": ids[&key.to_string()], "fields": {"Phone": "0"}, "user": "ben@acme.example.crm",
        });
        org.control(Method::POST, "rows", Some(edit));
    }
    drop(org);
    let seen = look(&project, 1);
    assert_eq!((&seen["changed"], &seen["storms"]), (&json!(27), &json!(1)));
    // What is in no bin any more is not there either.
    let org = project.org();
    org.control(Method::POST, "delete", Some(json!({"id": ids["3"]})));
    org.control(Method::POST, "purge", Some(json!({"id": ids["3"]})));
    drop(org);
    assert_eq!(look(&project, 1)["lost"], json!(2));
    let became = "select l.key, l.became from recon.lost as l order by l.key";
    assert_eq!(
        project.table(became),
        [["2", "deleted"], ["3", "not_found"]]
    );
    let storm = project.table("select s.load, s.records, s.percent from recon.storms as s");
    assert_eq!(storm, [["contact", "26", "86"]]);
}

#[test]
#[ignore = "long: several migrations"]
fn what_became_of_records_is_told_and_costs_what_happened() {
    let project = Project::small();
    let mut companies = project.read("export/companies.csv");
    for company in 1_000..1_600 {
        companies += &format!("{company},Company {company},c{company}.example,Paris,7001\n");
    }
    project.write("export/companies.csv", &companies);
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    project.run_with(&["--yes"]).ended(0);
    let cost = |code: i32| {
        org.control(Method::DELETE, "statistics", None);
        let seen = look(&project, code);
        (seen, org.statistics()["rows_read"].as_u64().unwrap())
    };
    let (_, idle) = cost(0);
    assert!(idle < 300, "{idle} rows");
    let [kept, lost] = ["1000", "1001"].map(|key| org.row("Account", key, "Id")["Id"].clone());
    let merge = json!({"master": kept, "losers": [lost], "user": "ann@acme.example.crm"});
    org.control(Method::POST, "merge", Some(merge));
    let lead = org.row("Lead", "1", "Id")["Id"].clone();
    let converted = json!({"id": lead, "opportunity": false, "user": "ann@acme.example.crm"});
    org.control(Method::POST, "convert_lead", Some(converted));
    let (seen, read) = cost(1);
    assert_eq!(seen["lost"], 2, "{seen}");
    let file = project.report("hypercare.csv");
    for told in ["merged,account,1001,", "converted,lead,1,"] {
        assert!(file.contains(told), "{told}: {file}");
    }
    assert!(
        read < idle + 40,
        "{read} rows, {idle} of them without any change"
    );
}

#[test]
#[ignore = "long: several migrations"]
fn what_a_run_deleted_or_converted_itself_is_nothing_that_people_did() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "\n[options]\n",
        "\n[source]\ncomplete = true\n\n[gates]\nmax_delete_share = 100.0\n\n\
         [options]\non_source_delete = \"recycle\"\non_promotion = \"convert\"\n",
    );
    project.carry().ended(0);
    project.edit("export/companies.csv", "12,Hooli,hooli.example,,\n", "");
    project.edit("export/people.csv", "Lee Lane,lead", "Lee Lane,customer");
    let run = project.carry().ended(0);
    let did = (
        run.total("gone_deleted"),
        run.number("lead_conversion", "created"),
    );
    assert_eq!(did, (1, 1), "{}", run.stderr);
    assert_eq!(look(&project, 0)["lost"], 0);
    let lost = "select l.load, l.key, l.became from recon.lost as l";
    assert!(project.table(lost).is_empty());
}

#[test]
#[ignore = "long: several migrations"]
fn a_record_that_two_loads_know_is_lost_once() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "\n[options]\n",
        "\n[options]\non_promotion = \"create_and_link\"\n",
    );
    project.carry().ended(0);
    project.edit("export/people.csv", "Lee Lane,lead", "Lee Lane,customer");
    let run = project.carry().ended(0);
    assert_eq!(run.number("promoted_lead", "updated"), 1, "{}", run.stderr);
    let org = project.org();
    let lead = org.row("Lead", "1", "Id")["Id"].clone();
    let contact = org.row("Contact", "1", "Id")["Id"].clone();
    let account = org.row("Account", "10", "Id")["Id"].clone();
    let converted = json!({
        "id": lead, "account": account, "contact": contact, "opportunity": false, "user": "ann@acme.example.crm",
    });
    org.control(Method::POST, "convert_lead", Some(converted));
    drop(org);
    let run = project.transload(&["reconcile", "--since", "last", "--format", "json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["people"]["lost"], 1, "{}", run.stderr);
}
