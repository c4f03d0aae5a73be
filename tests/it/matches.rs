//! Records that the org had before the first run: proposed, decided by a person, never doubled, never merged in silence.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::{Project, Run};

const HEAD: &str = "object,usercom_id,salesforce_id,decision\n";

/// The small project and an org that knows some of its people and companies. Of the companies Globex is there once and
/// Initech twice; Lee and Fay are there as the lead and the contact they are not, Moe as the contact he will be.
const SEED: [(&str, &str); 3] = [
    (
        "org/Account.csv",
        "Name,Website,Phone,AnnualRevenue\n\
         Globex Worldwide,https://www.Globex.example/about?x=1,555-0001,1000000\n\
         Initech East,initech.example,,\nInitech West,http://INITECH.example:8080,,\nUmbrella,umbrella.example,,\n",
    ),
    (
        "org/Contact.csv",
        "FirstName,LastName,Email,Title\n\
         Moe,Marsh,MOE@globex.example,Buyer\nFay,Frost,fay@nowhere.example,Owner\nRay,Root,ray@umbrella.example,\n",
    ),
    (
        "org/Lead.csv",
        "FirstName,LastName,Company,Email,Phone,HasOptedOutOfEmail\n\
         Lee,Lane,Globex,Lee@Globex.example,555-0002,true\nCas,Cole,Globex,cas@globex.example,,\n",
    ),
];

fn project() -> Project {
    let project = Project::small();
    for (path, text) in SEED {
        project.write(path, text);
    }
    project
}

fn decide(project: &Project, lines: &[String]) {
    project.write(
        "config/matches.csv",
        &format!("{HEAD}{}\n", lines.join("\n")),
    );
}

/// Id of the one record of the org with this value.
fn id(org: &Org, object: &str, field: &str, value: &str) -> String {
    let soql = format!("SELECT Id FROM {object} WHERE {field} = '{value}'");
    let mut rows = org.rows(&soql);
    assert_eq!(rows.len(), 1, "{soql}");
    rows.remove(0).remove("Id").unwrap()
}

fn count(org: &Org, object: &str) -> usize {
    org.rows(&format!("SELECT Id FROM {object}")).len()
}

/// Held rows of a load by key: reason and parent.
fn held(project: &Project, load: &str) -> BTreeMap<String, (String, String)> {
    let sql = format!(
        "select f.key, f.reason, f.parent from recon.fates_{load} as f where f.fate = 'held'"
    );
    let rows = project.table(&sql).into_iter();
    rows.map(|row| (row[0].clone(), (row[1].clone(), row[2].clone())))
        .collect()
}

fn entry(reason: &str, parent: &str) -> (String, String) {
    (reason.to_owned(), parent.to_owned())
}

/// A run that ends well, but for rows that wait for a decision, and one after it that has nothing to do.
fn settled(project: &Project) -> Run {
    let run = project.run();
    let waiting = run.summary["undecided"].as_array().unwrap().len();
    let code = i32::from(waiting > 0);
    let run = run.ended(code);
    let again = project.run().ended(code);
    assert_eq!(again.total("sent"), 0, "{}", again.stdout);
    assert_eq!(run.total("failed") + run.total("differences"), 0);
    run
}

#[test]
#[ignore = "long: several migrations"]
fn what_may_be_in_the_org_waits_and_names_the_records() {
    let project = project();
    let run = settled(&project);
    let org = project.org();
    let globex = id(&org, "Account", "Name", "Globex Worldwide");
    let mut initech = [
        id(&org, "Account", "Name", "Initech East"),
        id(&org, "Account", "Name", "Initech West"),
    ];
    initech.sort();
    assert_eq!(
        held(&project, "account"),
        BTreeMap::from([
            (
                "10".to_owned(),
                entry("may_be_in_the_org", &format!("account {globex}"))
            ),
            (
                "11".to_owned(),
                entry(
                    "ambiguous_match",
                    &format!("account {}, account {}", initech[0], initech[1])
                )
            ),
        ])
    );
    let lee = id(&org, "Lead", "LastName", "Lane");
    let fay = id(&org, "Contact", "LastName", "Frost");
    assert_eq!(
        held(&project, "lead"),
        BTreeMap::from([
            (
                "1".to_owned(),
                entry("may_be_in_the_org", &format!("lead {lee}"))
            ),
            (
                "6".to_owned(),
                entry("is_a_contact_in_the_org", &format!("contact {fay}"))
            ),
        ])
    );
    // What hangs on a company that waits, waits with it, and for its own decision.
    let contacts = held(&project, "contact");
    let cas = id(&org, "Lead", "LastName", "Cole");
    let both = entry(
        "account_missing; is_a_lead_in_the_org",
        &format!("company 10; lead {cas}"),
    );
    assert_eq!(contacts["3"], both);
    assert_eq!(contacts.len(), 3);
    assert_eq!(run.number("account", "created"), 1);
    assert_eq!(
        [
            count(&org, "Account"),
            count(&org, "Lead"),
            count(&org, "Contact")
        ],
        [4 + 1, 2 + 1, 3]
    );
    assert_eq!(
        project.table(
            "select m.object, m.usercom_id, m.basis, m.value, m.rows_of_the_export, m.records_of_the_org, m.name \
             from prepare.match_proposal as m where m.usercom_id = 10"
        ),
        [["Account", "10", "domain", "globex.example", "1", "1", "Globex Worldwide"]]
    );
}

#[test]
#[ignore = "long: several migrations"]
fn confirmed_records_are_updated_by_id_and_others_created() {
    let project = project();
    project.run().ended(1);
    let (globex, moe, lee, fay);
    {
        let org = project.org();
        globex = id(&org, "Account", "Name", "Globex Worldwide");
        moe = id(&org, "Contact", "LastName", "Marsh");
        lee = id(&org, "Lead", "LastName", "Lane");
        fay = id(&org, "Contact", "LastName", "Frost");
    }
    decide(
        &project,
        &[
            // An id as the address bar shows it.
            format!("Account,10,{},same", &globex[..15]),
            "Account,11,,new".to_owned(),
            format!("contact,5,{moe},Same"),
            format!("Lead,1,{lee},same"),
            "Lead,6,,new".to_owned(),
        ],
    );
    let run = settled(&project);
    assert_eq!(run.number("account", "updated"), 1);
    assert_eq!(run.number("account", "created"), 1);
    assert_eq!(run.number("contact", "updated"), 1);
    assert_eq!(run.number("lead", "updated"), 1);
    let org = project.org();
    assert_eq!(
        [
            count(&org, "Account"),
            count(&org, "Lead"),
            count(&org, "Contact")
        ],
        [4 + 2, 2 + 2, 3 + 1]
    );
    let row = org.row("Account", "10", "Name, Phone, AnnualRevenue, BillingCity");
    assert_eq!((&row["Id"], row["Name"].as_str()), (&globex, "Globex"));
    assert_eq!(row["BillingCity"], "Paris");
    assert_eq!(row["Phone"], "555-0001");
    assert_eq!(row["AnnualRevenue"].trim_end_matches(".0"), "1000000");
    let row = org.row("Contact", "5", "AccountId, Title");
    assert_eq!(
        (&row["Id"], &row["AccountId"], row["Title"].as_str()),
        (&moe, &globex, "Buyer")
    );
    // Cas is a lead in the org still: nobody decided.
    let cas = id(&org, "Lead", "Email", "cas@globex.example");
    assert_eq!(
        held(&project, "contact"),
        BTreeMap::from([(
            "3".to_owned(),
            entry("is_a_lead_in_the_org", &format!("lead {cas}"))
        )])
    );
    // The lead had opted out in the org, and not in the export.
    let row = org.row("Lead", "1", "Phone, HasOptedOutOfEmail");
    assert_eq!((&row["Id"], row["Phone"].as_str()), (&lee, "555-0002"));
    assert_eq!(row["HasOptedOutOfEmail"], "true");
    let row = org.row("Lead", "6", "LastName");
    assert_ne!(row["Id"], fay);
    // The deal of Moe is his and his company's.
    let deal = org.row("Opportunity", "50", "AccountId");
    assert_eq!(deal["AccountId"], globex);
}

#[test]
#[ignore = "long: several migrations"]
fn fallbacks_do_not_replace_what_the_org_knows() {
    let project = Project::small();
    project.append("export/companies.csv", "13,,Acme.example,,\n");
    project.append(
        "export/people.csv",
        "7,kim@acme.example,,,lead,,,,f,,2026-01-01T00:00:00Z\n",
    );
    project.write(
        "org/Account.csv",
        "Name,Website\nAcme Ltd,www.acme.example\n",
    );
    project.write(
        "org/Lead.csv",
        "LastName,Company,Email\nKimball,Acme Holding,kim@acme.example\n",
    );
    project.run().ended(1);
    let (acme, kim, owner);
    {
        let org = project.org();
        acme = id(&org, "Account", "Name", "Acme Ltd");
        kim = id(&org, "Lead", "LastName", "Kimball");
        owner =
            org.rows("SELECT OwnerId FROM Account WHERE Name = 'Acme Ltd'")[0]["OwnerId"].clone();
    }
    decide(
        &project,
        &[
            format!("Account,13,{acme},same"),
            format!("Lead,7,{kim},same"),
        ],
    );
    settled(&project);
    let org = project.org();
    let row = org.row("Account", "13", "Name, OwnerId");
    assert_eq!(
        (row["Name"].as_str(), &row["OwnerId"]),
        ("Acme Ltd", &owner)
    );
    let row = org.row("Lead", "7", "LastName, Company");
    assert_eq!(
        (row["LastName"].as_str(), row["Company"].as_str()),
        ("Kimball", "Acme Holding")
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_decision_that_cannot_be_followed_holds_its_row_and_says_why() {
    let project = project();
    project.append(
        "export/companies.csv",
        "20,Hooli,hooli.example,,\n21,Pied,pied.example,,\n22,Vand,vand.example,,\n23,Wonka,wonka.example,,\n",
    );
    project.run().ended(1);
    let (globex, umbrella, east, lee);
    {
        let org = project.org();
        globex = id(&org, "Account", "Name", "Globex Worldwide");
        umbrella = id(&org, "Account", "Name", "Umbrella");
        east = id(&org, "Account", "Name", "Initech East");
        lee = id(&org, "Lead", "LastName", "Lane");
    }
    // Rows that have landed are out of reach of decisions.
    let landed = held(&project, "account");
    assert!(!landed.contains_key("12") && !landed.contains_key("20"));
    project.append(
        "export/companies.csv",
        "30,A,a.example,,\n31,B,b.example,,\n32,C,c.example,,\n33,D,d.example,,\n34,E,e.example,,\n35,F,f.example,,\n",
    );
    decide(
        &project,
        &[
            format!("Account,20,{globex},same"),
            "Account,30,001000000000000AAA,same".to_owned(),
            format!("Account,32,{umbrella},same"),
            format!("Account,33,{umbrella},same"),
            format!("Account,35,{east},same"),
            "Account,35,,new".to_owned(),
            "Account,10,,".to_owned(),
        ],
    );
    settled(&project);
    let held: BTreeMap<String, String> = held(&project, "account")
        .into_iter()
        .map(|(key, (reason, _))| (key, reason))
        .collect();
    let expected = [
        ("10", "may_be_in_the_org"),
        ("11", "ambiguous_match"),
        ("30", "match_not_found"),
        ("32", "match_named_twice"),
        ("33", "match_named_twice"),
        ("35", "match_decided_twice"),
    ];
    let expected = expected.map(|(key, reason)| (key.to_owned(), reason.to_owned()));
    assert_eq!(held, BTreeMap::from(expected));
    let org = project.org();
    for (object, record) in [
        ("Account", &globex),
        ("Account", &umbrella),
        ("Account", &east),
        ("Lead", &lee),
    ] {
        let rows = org.rows(&format!(
            "SELECT usercom_id__c FROM {object} WHERE Id = '{record}'"
        ));
        assert_eq!(rows[0]["usercom_id__c"], "∅", "{object} was touched");
    }
}

#[test]
#[ignore = "long: several migrations"]
fn a_record_named_for_two_rows_is_named_in_both() {
    let project = project();
    project.run().ended(1);
    let umbrella = id(&project.org(), "Account", "Name", "Umbrella");
    decide(
        &project,
        &[
            format!("Account,10,{umbrella},same"),
            format!("Account,11,{umbrella},same"),
        ],
    );
    settled(&project);
    let twice = entry("match_named_twice", &format!("account {umbrella}"));
    assert_eq!(
        held(&project, "account"),
        BTreeMap::from([("10".to_owned(), twice.clone()), ("11".to_owned(), twice)])
    );
}

#[test]
#[ignore = "long: several migrations"]
fn undecided_rows_are_created_and_flagged_where_the_project_says_so() {
    let project = project();
    project.edit(
        "migration.toml",
        "currency = \"PLN\"\n",
        "currency = \"PLN\"\nundecided_matches = \"create\"\n",
    );
    let run = settled(&project);
    assert_eq!(run.number("account", "created"), 3);
    assert_eq!(run.number("lead", "created"), 3);
    assert_eq!(run.number("contact", "created"), 3);
    let flagged = project.set(
        "select f.key from recon.flags_account as f where f.flag in ('may_be_in_the_org', 'ambiguous_match')",
    );
    assert_eq!(flagged.into_iter().collect::<Vec<_>>(), ["10", "11"]);
}

#[test]
#[ignore = "long: several migrations"]
fn a_row_that_has_landed_no_longer_waits_for_records_like_it() {
    let project = Project::loaded();
    {
        let org = project.org();
        org.insert(
            "Account",
            json!({"Name": "Globex again", "Website": "globex.example"}),
        );
        org.insert(
            "Lead",
            json!({"LastName": "Lane", "Company": "x", "Email": "lee@globex.example"}),
        );
    }
    let quiet = project.run().ended(0);
    assert_eq!(quiet.total("sent") + quiet.total("held"), 0);
    project.edit("export/companies.csv", "Globex", "Globex SA");
    let changed = project.run().ended(0);
    assert_eq!(changed.number("account", "updated"), 1);
    let org = project.org();
    assert_eq!(org.row("Account", "10", "Name")["Name"], "Globex SA");
    assert_eq!(count(&org, "Account"), 4);
}

#[test]
fn a_lead_that_was_converted_is_no_candidate() {
    let project = project();
    let org = project.serve_org(SalesforceSimOptions::default());
    let lee = id(&org, "Lead", "LastName", "Lane");
    org.control(
        reqwest::Method::POST,
        "convert_lead",
        Some(json!({"id": lee, "opportunity": false})),
    );
    project.load_into(&org, "");
    project.run_with(&["--yes"]).ended(1);
    let leads = held(&project, "lead");
    // What it was converted to is one.
    assert_eq!(leads["1"].0, "is_a_contact_in_the_org");
    assert!(!leads["1"].1.contains("lead "), "{leads:?}");
}

#[test]
fn a_plan_knows_the_records_before_our_fields_are_there() {
    let project = project();
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    // Rows that would wait for a decision are findings.
    let plan = |expected: i32| -> Value {
        let plan = project.transload(&["plan", "--format", "json"]);
        assert_eq!(plan.code, Some(expected), "{}", plan.stderr);
        plan.summary
    };
    let load = |plan: &Value, load: &str, column: &str| {
        let loads = plan["loads"].as_array().unwrap();
        let entry = loads.iter().find(|entry| entry["load"] == load).unwrap();
        entry[column].as_u64().unwrap()
    };
    let before = plan(1);
    assert_eq!(load(&before, "account", "held"), 2);
    assert_eq!(load(&before, "contact", "held"), 3);
    let globex = id(&org, "Account", "Name", "Globex Worldwide");
    decide(
        &project,
        &[
            format!("Account,10,{globex},same"),
            "Account,11,,new".to_owned(),
        ],
    );
    let after = plan(1);
    assert_eq!(load(&after, "account", "update"), 1);
    assert_eq!(load(&after, "account", "held"), 0);
    // Cas and Moe have an account now, but are in the org themselves.
    assert_eq!(load(&after, "contact", "held"), 2);
}
