//! The days after: what people do in the org is listed, and costs what they did.

use reqwest::Method;
use serde_json::{Value, json};

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
        "changed,contact,1,,Phone,",
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
    let storm = project.table("select s.load, s.records, s.percent from recon.storms as s");
    assert_eq!(storm, [["contact", "26", "86"]]);
}
