//! What is told of fields that both sides changed: who did it, and the values as they are.

use reqwest::Method;
use serde_json::json;

use super::three_way::{CONFLICTS, edit, loaded, people};
use crate::rehearsal::Project;

#[test]
#[ignore = "long: several migrations"]
fn who_changed_a_value_is_remembered_though_others_and_we_changed_the_record_since() {
    let project = loaded();
    let org = project.org();
    edit(&org, "Contact", "4", json!({"Phone": "+48 999"}));
    let user = |alias: &str| {
        let asked = format!("SELECT Id FROM User WHERE Alias = '{alias}'");
        org.rows(&asked)[0]["Id"].clone()
    };
    let ann = user("ann");
    let row = org.row("Contact", "4", "LastModifiedDate");
    let (id, when) = (row["Id"].clone(), row["LastModifiedDate"].clone());
    drop(org);

    // We update another field of the record, before the question and after it.
    let asked = || {
        let sql = "select c.changed_by, substr(c.changed_at, 1, 19) from recon.conflicts as c where c.field = 'Phone'";
        project.table(sql)
    };
    let first = [ann.clone(), when[..19].to_owned()];
    people(&project, "+48 604", "Nice", "Texas");
    project.run().ended(0);
    people(&project, "+48 605", "Nice", "Texas");
    project.run().ended(1);
    assert_eq!(asked(), std::slice::from_ref(&first), "a run before");
    people(&project, "+48 605", "Lyon", "Texas");
    project.run().ended(1);
    assert_eq!(
        asked(),
        std::slice::from_ref(&first),
        "a run that asked already"
    );
    let edits = "select e.changed_by from recon.changed_by_org as e where e.field = 'Phone'";
    assert_eq!(project.table(edits), [[ann.clone()]]);

    // Somebody else changes another field of it.
    let org = project.org();
    let other = json!({"object": "Contact", "id": id, "fields": {"Department": "X"}, "user": "ben@acme.example.crm"});
    org.control(Method::POST, "rows", Some(other));
    drop(org);
    people(&project, "+48 605", "Rome", "Texas");
    project.run().ended(1);
    assert_eq!(asked(), [first], "another field");
    assert_eq!(project.table(edits), [[ann]]);

    // Another value is another finding.
    let org = project.org();
    let again = json!({"object": "Contact", "id": id, "fields": {"Phone": "+48 998"}, "user": "ben@acme.example.crm"});
    org.control(Method::POST, "rows", Some(again));
    let ben = org.rows("SELECT Id FROM User WHERE Alias = 'ben'")[0]["Id"].clone();
    drop(org);
    project.run().ended(1);
    assert_eq!(asked()[0][0], ben);
}

#[test]
#[ignore = "long: several migrations"]
fn values_are_told_as_they_are_and_decided_in_either_form() {
    let project = Project::loaded();
    let org = project.org();
    edit(
        &org,
        "Opportunity",
        "50",
        json!({"StageName": "Qualification"}),
    );
    edit(&org, "Opportunity", "51", json!({"Amount": 2000.5}));
    drop(org);
    project.edit(
        "export/deals.csv",
        "50,Pilot,100.50,PLN,1,11,in progress,10,5,7001,2026-05-01,",
        "50,Pilot,101.50,PLN,1,12,won,10,5,7001,2026-05-01,2026-02-03T10:00:00Z",
    );
    project.edit("export/deals.csv", "51,Renewal,2000,", "51,Renewal,2500,");
    project.run().ended(1);
    let stage = [
        "50",
        "StageName",
        "ask",
        "Prospecting",
        "Closed Won",
        "Qualification",
    ];
    let stage_is = |rows: &[Vec<String>]| rows.iter().any(|row| row == &stage);
    assert!(
        stage_is(&project.table(CONFLICTS)),
        "{:?}",
        project.table(CONFLICTS)
    );
    // It stays so while it waits.
    project.run().ended(1);
    let open = project.table(CONFLICTS);
    assert!(stage_is(&open), "{open:?}");
    let amount = open.iter().find(|row| row[1] == "Amount").unwrap();
    let new = "select c.new from ledger.changes as c where c.key = '50' and c.field = 'usercom_status__c'";
    assert_eq!(project.table(new), [["won"]]);

    // As the list of an earlier version had it, and as it is now.
    for stage in ["closed won,qualification", "Closed Won,Qualification"] {
        let amount = amount[4..].join(",");
        project.write(
            "config/decisions.csv",
            &format!(
                "object,key,field,ours,theirs,decision\nOpportunity,50,StageName,{stage},org\nOpportunity,51,Amount,{amount},org\n"
            ),
        );
        project.run().ended(0);
    }
    let waits = project.table(CONFLICTS);
    assert!(waits.iter().all(|row| row[2] == "org"), "{waits:?}");
}
