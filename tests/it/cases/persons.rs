//! An org with person accounts.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use transload_sim::salesforce::{SalesforceSimOptions, Setting};

use crate::org::Org;
use crate::rehearsal::Project;

/// The small project and an org with person accounts, one of which is Moe, whose address the website is as well.
fn project() -> (Project, Org) {
    let project = Project::small();
    let org = project.serve_org(SalesforceSimOptions {
        with: BTreeSet::from([Setting::PersonAccounts]),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    project.write("config/preflight.csv", "finding\nperson_accounts\n");
    (project, org)
}

fn person(org: &Org, row: Value) -> (String, String) {
    let mut row = row;
    let kind = org.rows("SELECT Id FROM RecordType WHERE DeveloperName = 'PersonAccount'");
    row["RecordTypeId"] = json!(kind[0]["Id"]);
    let id = org.insert("Account", row);
    let soql = format!("SELECT PersonContactId FROM Account WHERE Id = '{id}'");
    let contact = org.rows(&soql)[0]["PersonContactId"].clone();
    (id, contact)
}

#[test]
#[ignore = "long: several migrations"]
fn a_person_account_is_updated_as_the_contact_it_is_and_keeps_itself_as_account() {
    let (project, org) = project();
    let (account, contact) = person(
        &org,
        json!({"FirstName": "Moses", "LastName": "Marsh", "PersonEmail": "MOE@globex.example",
            "Website": "globex.example", "PersonTitle": "Buyer"}),
    );
    let run = project.run_with(&["--yes"]).ended(1);
    assert_eq!(run.total("failed") + run.total("differences"), 0);
    // A company is not proposed to be a person.
    assert_eq!(run.number("account", "created"), 3);
    assert_eq!(
        project.table("select load, key, reason, parent from recon.held where load = 'contact'"),
        [[
            "contact",
            "5",
            "may_be_in_the_org",
            &format!("contact {contact}")
        ]]
    );
    project.write(
        "config/matches.csv",
        &format!("object,usercom_id,salesforce_id,decision\nContact,5,{contact},same\n"),
    );
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.number("contact", "updated"), 1);
    assert_eq!(run.total("failed") + run.total("differences"), 0);
    let row = org.row(
        "Contact",
        "5",
        "AccountId, FirstName, Title, usercom_companies__c",
    );
    assert_eq!((&row["Id"], &row["AccountId"]), (&contact, &account));
    assert_eq!(
        [
            &*row["FirstName"],
            &*row["Title"],
            &*row["usercom_companies__c"]
        ],
        ["Moe", "Buyer", "Globex"]
    );
    let soql = format!("SELECT Name, IsPersonAccount FROM Account WHERE Id = '{account}'");
    assert_eq!(org.rows(&soql)[0]["Name"], "Moe Marsh");
    let flags = project.set("select flag from recon.flags_contact where key = '5'");
    assert!(
        flags.contains("person_account_without_company"),
        "{flags:?}"
    );
    // Deal, role and contact are one person's.
    let soql =
        "SELECT ContactId FROM OpportunityContactRole WHERE Opportunity.usercom_id__c = '50'";
    assert_eq!(org.rows(soql)[0]["ContactId"], contact);

    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("sent"), 0);
    project.edit(
        "export/people.csv",
        ",Moe Marsh,mql,10,Lyon,",
        ",Moe Marsh,mql,11,Nice,",
    );
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.number("contact", "updated"), 1);
    let row = org.row(
        "Contact",
        "5",
        "AccountId, MailingCity, usercom_companies__c",
    );
    assert_eq!(
        [
            &*row["AccountId"],
            &*row["MailingCity"],
            &*row["usercom_companies__c"]
        ],
        [&*account, "Nice", "Initech"]
    );

    let first = project.table("select min(r.run) from ledger.runs as r");
    let undone = project.transload(&["rollback", &first[0][0], "--yes"]);
    assert_eq!(undone.code, Some(0), "{}{}", undone.stdout, undone.stderr);
    let left = org.rows("SELECT FirstName, IsPersonAccount FROM Contact");
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(left[0]["FirstName"], "Moses");
    assert_eq!(org.rows("SELECT Id FROM Account").len(), 1);
}

#[test]
#[ignore = "long: several migrations"]
fn a_lead_that_sales_made_a_person_account_is_updated_as_its_contact() {
    let (project, org) = project();
    project.run_with(&["--yes"]).ended(0);
    let lead = org.row("Lead", "1", "Company");
    org.change("Lead", &lead["Id"], json!({"Company": null}));
    let into = json!({"id": lead["Id"], "opportunity": false});
    let made = org.control(Method::POST, "convert_lead", Some(into));
    project.edit(
        "export/people.csv",
        ",Lee Lane,lead,10,Paris,",
        ",Lee Lane,customer,10,Rome,",
    );
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("failed") + run.total("differences"), 0);
    let row = org.row(
        "Contact",
        "1",
        "AccountId, MailingCity, usercom_companies__c",
    );
    assert_eq!(
        [
            &*row["AccountId"],
            &*row["MailingCity"],
            &*row["usercom_companies__c"]
        ],
        [made["account"].as_str().unwrap(), "Rome", "Globex"]
    );
    assert_eq!(row["Id"], made["contact"].as_str().unwrap());
}

#[test]
#[ignore = "long: several migrations"]
fn what_would_make_one_of_a_person_account_and_a_company_or_a_lead_waits() {
    let (project, org) = project();
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\non_promotion = \"convert\"\n",
    );
    project.run_with(&["--yes"]).ended(0);
    let row = json!({"LastName": "Lane", "PersonEmail": "lee@globex.example"});
    let (account, contact) = person(&org, row);
    project.append("export/companies.csv", "13,Umbrella,umbrella.example,,\n");
    project.edit(
        "export/people.csv",
        ",Lee Lane,lead,",
        ",Lee Lane,customer,",
    );
    project.write(
        "config/matches.csv",
        &format!(
            "object,usercom_id,salesforce_id,decision\nAccount,13,{account},same\nContact,1,{contact},same\n"
        ),
    );
    let run = project.run_with(&["--yes"]).ended(1);
    assert_eq!(run.total("failed") + run.total("differences"), 0);
    let held = project.set("select load || ' ' || key || ' ' || reason from recon.held");
    for row in [
        "account 13 match_is_a_person_account",
        "lead_conversion 1 match_is_a_person_account",
    ] {
        assert!(held.contains(row), "{held:?}");
    }
    assert!(
        run.summary["undecided"]
            .to_string()
            .contains("match_is_a_person_account")
    );
}

#[test]
fn a_user_whose_accounts_are_persons_by_default_is_told_before_any_row_moves() {
    let (project, org) = project();
    let kind = org.rows("SELECT Id FROM RecordType WHERE DeveloperName = 'Business_Account'");
    let edit = json!({"object": "RecordType", "id": kind[0]["Id"], "fields": {"IsActive": false}});
    org.control(Method::POST, "rows", Some(edit));
    let run = project.run_with(&["--yes"]).ended(1);
    assert!(
        run.stderr.contains("person_account_default: "),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("person_accounts: "), "{}", run.stderr);
    assert_eq!(org.rows("SELECT Id FROM Account").len(), 0);
}
