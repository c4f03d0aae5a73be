//! What the org and the source each have in their own way: stages, currencies, owners, automation.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use transload_sim::salesforce::{SalesforceSimOptions, Setting};

use crate::org::Org;
use crate::rehearsal::Project;

/// Pipelines, currencies and owners that an org does not have as the source has them.
fn uneven() -> Project {
    let project = Project::small();
    let destination = "kind = \"simulator\"\n";
    let several = "kind = \"simulator\"\nmulti_currency = true\n";
    project.edit("migration.toml", destination, several);
    project.edit(
        "migration.toml",
        "default_owner = \"ops@acme.example\"\n",
        "",
    );
    project.write("config/rates.csv", "currency,rate\nCHF,4.5\nEUR,4\n");
    project.write(
        "config/stage_matrix.csv",
        "pipeline,stage,status,stage_name,probability,note\nSales,Open,in progress,Third,,\n\
         Sales,Done,won,Signed,,\nSales,Talks,in progress,Second,45,\nSales,Idea,in progress,First,,\n",
    );
    project.write(
        "export/pipelines.jsonl",
        "{\"id\":1,\"name\":\"Sales\",\"stages\":[{\"id\":11,\"name\":\"Open\",\"position\":3,\"probability\":66.5},\
         {\"id\":12,\"name\":\"Done\",\"position\":4,\"probability\":95},{\"id\":13,\"name\":\"Idea\",\"position\":1,\
         \"probability\":33.4},{\"id\":14,\"name\":\"Talks\",\"position\":2,\"probability\":50}]}\n",
    );
    project.append(
        "export/deals.csv",
        "60,Swiss,100,CHF,1,11,in progress,10,5,7001,2026-05-01,\n",
    );
    project.write(
        "export/deal_products.csv",
        "id,deal_id,position,name,quantity,price,currency\n900,50,1,Setup,1,100.50,\n\
         901,60,1,Training,1,100,chf\n902,51,1,Licence,2,250,EUR\n",
    );
    project.write(
        "export/custom_objects.jsonl",
        "{\"id\":1,\"name\":\"ticket\",\"fields\":[{\"name\":\"topic\",\"type\":\"string\",\"required\":true},\
         {\"name\":\"kind\",\"type\":\"fixed\",\"choices\":[\"bug\",\"a (\\\"big\\\") wish\"]}]}\n",
    );
    project.write(
        "export/co_ticket.csv",
        "id,name,topic,kind,assigned_to\n1,First,a,bug,7001\n2,Second,,other,9001\n3,Third,b,bug,\n",
    );
    project
}

#[test]
#[ignore = "long: several migrations"]
fn stages_currencies_and_owners_arrive_though_the_org_has_them_otherwise() {
    let project = uneven();
    // An owner that only a record of a custom object names waits for a user as any other does.
    project.carry().ended(1);
    assert_eq!(
        project.table("select problem, records from prepare.owner where owner_key = '9001'"),
        [["no_email_known", "1"]]
    );
    project.write(
        "config/owners.csv",
        "owner_id,owner_email,user_email,note\n9001,,ann@acme.example,\n",
    );
    project.carry().ended(0);
    let org = project.org_with(SalesforceSimOptions {
        multi_currency: true,
        ..SalesforceSimOptions::default()
    });
    let stages = org.rows(
        "SELECT MasterLabel, DefaultProbability FROM OpportunityStage \
         WHERE MasterLabel IN ('First', 'Second', 'Third', 'Signed') ORDER BY SortOrder",
    );
    let stages: Vec<(&str, f64)> = stages
        .iter()
        .map(|stage| {
            (
                &*stage["MasterLabel"],
                stage["DefaultProbability"].parse().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        stages,
        [
            ("First", 33.0),
            ("Second", 45.0),
            ("Third", 67.0),
            ("Signed", 100.0)
        ]
    );

    let rules = org.tooling("SELECT ValidationName, Active FROM ValidationRule");
    let rules: BTreeSet<(&str, bool)> = rules
        .iter()
        .map(|rule| {
            (
                rule["ValidationName"].as_str().unwrap(),
                rule["Active"] == true,
            )
        })
        .collect();
    let expected = [("kind_choices", false), ("topic_required", false)];
    assert_eq!(rules, expected.into());
    assert_eq!(org.rows("SELECT Id FROM ticket__c").len(), 3);

    let deals = org.map("Opportunity", "Name", "CurrencyIsoCode");
    assert_eq!(
        deals["Swiss"], "PLN",
        "a converted deal is in the project's own currency"
    );
    let amounts = org.map("Opportunity", "Name", "Amount");
    for (deal, amount) in [("Pilot", 100.5), ("Swiss", 450.0), ("Renewal", 2000.0)] {
        assert_eq!(amounts[deal].parse::<f64>().unwrap(), amount, "{deal}");
    }
    assert_eq!(org.rows("SELECT Id FROM OpportunityLineItem").len(), 3);
    assert_eq!(
        project.set("select flag from recon.flags_opportunity_line_item where key = 'line:902'"),
        ["line_currency_converted", "placeholder_product"]
            .map(str::to_owned)
            .into()
    );

    assert_eq!(
        project.table("select key, flag from recon.flags_co_ticket"),
        [["3", "owned_by_the_loader"]]
    );
}

fn findings(project: &Project) -> (Vec<String>, Vec<String>) {
    let run = project.transload(&["schema", "plan", "--format", "json"]);
    let plan: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let found = plan["preflight"].as_array().unwrap().iter();
    let found = found.map(|finding| finding["id"].as_str().unwrap().to_owned());
    let notes = plan["preflight_notes"].as_array().unwrap().iter();
    (
        found.collect(),
        notes
            .map(|note| note.as_str().unwrap().to_owned())
            .collect(),
    )
}

#[test]
fn what_would_meddle_with_rows_is_found_before_any_row_moves() {
    let project = Project::small();
    project.edit("org/User.csv", "Ben,Birch,true", "Ben,Birch,false");
    project.edit(
        "migration.toml",
        "[options]\n",
        "[options]\nchat_strategy = \"case_comments\"\n",
    );
    project.write(
        "export/conversations.jsonl",
        "{\"id\":301,\"user_id\":3,\"agent\":7001,\"messages\":[{\"id\":3001,\"content\":\"Hello\",\
         \"timestamp\":\"2026-01-05T10:00:00Z\",\"user\":{\"id\":3}}]}\n",
    );
    let org = Org::serve(SalesforceSimOptions {
        state: project.path("served"),
        seed: Some(project.path("org")),
        sandbox: true,
        hard_delete: false,
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    for (object, fields) in [
        (
            "AssignmentRule",
            json!({"Name": "Round", "SobjectType": "Lead", "Active": true}),
        ),
        (
            "AssignmentRule",
            json!({"Name": "Old", "SobjectType": "Lead", "Active": false}),
        ),
        (
            "WorkflowRule",
            json!({"Name": "Mail", "TableEnumOrId": "Contact"}),
        ),
        (
            "FlowDefinitionView",
            json!({"ApiName": "Builder", "Label": "Builder", "ProcessType": "Workflow", "IsActive": true,
                "TriggerObjectOrEventId": "Account"}),
        ),
    ] {
        org.control(
            Method::POST,
            "rows",
            Some(json!({"object": object, "fields": fields})),
        );
    }
    let (found, notes) = findings(&project);
    assert_eq!(
        found,
        [
            "right:inactive_owners",
            "process:Account:Builder",
            "workflow_rule:Contact:Mail",
            "assignment_rule:Lead:Round",
        ]
    );
    for said in ["Bulk API Hard Delete", "Shared Activities are off"] {
        assert!(
            notes.iter().any(|note| note.contains(said)),
            "{said}: {notes:#?}"
        );
    }
}

#[test]
#[ignore = "long: several migrations"]
fn countries_become_codes_and_new_accounts_businesses_where_the_org_has_both() {
    let project = Project::small();
    project.write(
        "export/companies.csv",
        "id,name,domain,city,region,country,assigned_to\n10,Globex,globex.example,Paris,Normandie,France,7001\n\
         11,Initech,initech.example,Austin,TEXAS,USA,7002\n12,Hooli,hooli.example,,,Atlantis,\n\
         13,Perth Gold,gold.example,Perth,wa,Australia,7002\n14,Seattle Ink,ink.example,Seattle,wa,United States,7002\n",
    );
    let org = project.serve_org(SalesforceSimOptions {
        with: BTreeSet::from([Setting::StateAndCountryPicklists, Setting::PersonAccounts]),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    let refused = project.run_with(&["--yes"]).ended(1);
    assert!(
        refused.stderr.contains("person_accounts: "),
        "{}",
        refused.stderr
    );
    assert_eq!(org.rows("SELECT Id FROM Account").len(), 0);

    project.write(
        "config/preflight.csv",
        "finding,note\nperson_accounts,business accounts only\n",
    );
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("failed"), 0);
    let codes = org.map("Account", "Name", "BillingCountryCode");
    assert_eq!(
        [&codes["Globex"], &codes["Initech"], &codes["Hooli"]],
        ["FR", "US", "∅"]
    );
    let shown = org.map("Account", "Name", "BillingCountry");
    assert_eq!([&shown["Globex"], &shown["Hooli"]], ["France", "∅"]);
    assert_eq!(
        org.map("Account", "Name", "usercom_country__c")["Hooli"],
        "Atlantis"
    );
    // Two countries have a state of this code; France has none in this org.
    let states = org.map("Account", "Name", "BillingState");
    let kept = org.map("Account", "Name", "usercom_region__c");
    let placed = ["Initech", "Perth Gold", "Seattle Ink", "Globex"]
        .map(|name| (states[name].as_str(), kept[name].as_str()));
    assert_eq!(
        placed,
        [
            ("Texas", "∅"),
            ("Western Australia", "∅"),
            ("Washington", "∅"),
            ("∅", "Normandie")
        ]
    );
    let persons = org.rows("SELECT Id FROM Account WHERE IsPersonAccount = true");
    assert_eq!(persons.len(), 0);
}

#[test]
#[ignore = "long: several migrations"]
fn a_country_that_the_org_does_not_have_stays_a_text_and_a_decision_for_it_is_refused() {
    let project = Project::small();
    project.write(
        "export/companies.csv",
        "id,name,domain,country,assigned_to\n10,Globex,globex.example,Frankreich,7001\n\
         11,Initech,initech.example,Poland,7002\n12,Hooli,hooli.example,Atlantis,\n",
    );
    let org = project.serve_org(SalesforceSimOptions {
        with: BTreeSet::from([Setting::StateAndCountryPicklists]),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    let wrong = "country,code\nFrankreich,FR\nAtlantis,XQ\n";
    project.write("config/countries.csv", wrong);
    let refused = project.run_with(&["--yes"]).ended(2);
    let said = "is no code of a country that the org has";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    assert_eq!(org.rows("SELECT Id FROM Account").len(), 0);

    // A country that the administrator took out of the list: the program's own table has it still.
    project.write("config/countries.csv", "country,code\nFrankreich,FR\n");
    project.write(
        "config/iso_countries.csv",
        "country,code\nPoland,PL\nAtlantis,XQ\n",
    );
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(run.total("failed") + run.total("differences"), 0);
    let codes = org.map("Account", "Name", "BillingCountryCode");
    assert_eq!(
        [&codes["Globex"], &codes["Initech"], &codes["Hooli"]],
        ["FR", "PL", "∅"]
    );
    let texts = org.map("Account", "Name", "usercom_country__c");
    assert_eq!([&texts["Initech"], &texts["Hooli"]], ["∅", "Atlantis"]);
    // Both are told, with what there is to do.
    let flagged = project.set(
        "select f.key from recon.flagged as f where f.load = 'account' and f.flag = 'country_without_code'",
    );
    assert_eq!(flagged, BTreeSet::from(["12".to_owned()]));
    let told = "1 spelling(s) of countries stand for no code and are kept in usercom_country__c alone: Atlantis (1)";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}
