//! Orgs with a setting that is off elsewhere, and the limits of what fits.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::{SalesforceSimOptions, Setting};
use super::support::Org;

async fn org(settings: &[Setting]) -> Org {
    Org::with(SalesforceSimOptions {
        with: settings.iter().copied().collect::<BTreeSet<_>>(),
        ..SalesforceSimOptions::default()
    })
    .await
}

#[tokio::test]
async fn codes_and_names_of_countries_say_the_same_or_are_refused() {
    let org = org(&[Setting::StateAndCountryPicklists]).await;
    let id = org
        .create("Account", json!({"Name": "A", "BillingCountryCode": "FR"}))
        .await;
    assert_eq!(org.row("Account", &id).await["BillingCountry"], "France");
    let id = org
        .create(
            "Lead",
            json!({"LastName": "L", "Company": "C", "Country": "united states", "State": "Texas"}),
        )
        .await;
    let lead = org.row("Lead", &id).await;
    assert_eq!(
        (&lead["CountryCode"], &lead["StateCode"]),
        (&json!("US"), &json!("TX"))
    );
    for (row, said) in [
        (
            json!({"LastName": "A", "MailingCountry": "Atlantis"}),
            "problem with this country",
        ),
        (
            json!({"LastName": "A", "MailingCountryCode": "FR", "MailingCountry": "Poland"}),
            "problem with this country",
        ),
        (
            json!({"LastName": "A", "MailingState": "Texas"}),
            "must be specified before",
        ),
        (
            json!({"LastName": "A", "MailingCountryCode": "PL", "MailingState": "Mazowieckie"}),
            "problem with this state",
        ),
    ] {
        let (code, message) = org.refused("Contact", row.clone()).await;
        assert_eq!(code, "FIELD_INTEGRITY_EXCEPTION", "{row}");
        assert!(message.contains(said), "{row}: {message}");
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_describe_says_which_states_a_country_has() {
    let org = org(&[Setting::StateAndCountryPicklists]).await;
    let describe = org.get("sobjects/Lead/describe").await;
    let field = |name: &str| {
        let fields = describe["fields"].as_array().unwrap();
        let found = fields.iter().find(|field| field["name"] == name);
        found.unwrap().clone()
    };
    let (countries, states) = (field("CountryCode"), field("StateCode"));
    assert_eq!(states["controllerName"], "CountryCode");
    assert_eq!(states["dependentPicklist"], true);
    assert_eq!(countries["picklistValues"][0]["validFor"], Value::Null);
    let countries = countries["picklistValues"].as_array().unwrap();
    let position = |code: &str| countries.iter().position(|value| value["value"] == code);
    for (label, country) in [("Washington", "US"), ("Western Australia", "AU")] {
        let states = states["picklistValues"].as_array().unwrap();
        let state = states.iter().find(|value| value["label"] == label).unwrap();
        assert_eq!(state["value"], "WA");
        let bits = STANDARD
            .decode(state["validFor"].as_str().unwrap())
            .unwrap();
        let set: Vec<usize> = (0..bits.len() * 8)
            .filter(|at| bits[at / 8] & (0x80 >> (at % 8)) != 0)
            .collect();
        assert_eq!(set, [position(country).unwrap()], "{label}");
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn persons_and_shared_activities_are_told_by_describe() {
    let org = org(&[Setting::PersonAccounts, Setting::SharedActivities]).await;
    for (object, field) in [
        ("Account", "IsPersonAccount"),
        ("Contact", "IsPersonAccount"),
        ("Task", "WhoCount"),
        ("Event", "WhatCount"),
    ] {
        let describe = org.get(&format!("sobjects/{object}/describe")).await;
        let fields = describe["fields"].as_array().unwrap();
        let field = fields.iter().find(|one| one["name"] == field).unwrap();
        assert_eq!(field["createable"], false, "{object}");
    }
    let id = org.create("Account", json!({"Name": "A"})).await;
    assert_eq!(org.row("Account", &id).await["IsPersonAccount"], false);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_into_storage_is_refused_and_what_is_there_can_change() {
    let org = Org::with(SalesforceSimOptions {
        data_storage_mb: 1,
        ..SalesforceSimOptions::default()
    })
    .await;
    let rows: String = (0..520)
        .map(|number| format!("Account {number}\n"))
        .collect();
    let done = org
        .ingest("Account", "insert", &format!("Name\n{rows}"))
        .await;
    assert_eq!((done.successful.len() - 1, done.failed.len() - 1), (512, 8));
    let refused = format!("{:?}", done.failed[1]);
    assert!(refused.contains("STORAGE_LIMIT_EXCEEDED"), "{refused}");
    let some = &org.query("select Id from Account limit 1").await[0]["Id"];
    let (status, _) = org
        .change(
            "Account",
            some.as_str().unwrap(),
            json!({"Name": "Changed"}),
        )
        .await;
    assert_eq!(status, 204);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_probability_is_from_nought_to_a_hundred() {
    let org = Org::new().await;
    let deal = |probability: i32| json!({"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-01-01", "Probability": probability});
    org.create("Opportunity", deal(100)).await;
    for probability in [-1, 101] {
        let (code, _) = org.refused("Opportunity", deal(probability)).await;
        assert_eq!(code, "NUMBER_OUTSIDE_VALID_RANGE");
    }
    org.simulator.shutdown().await.unwrap();
}

/// Values of a picklist and whether they can be chosen.
async fn stages(org: &Org) -> Vec<(String, bool)> {
    let describe = org.get("sobjects/Opportunity/describe").await;
    let fields = describe["fields"].as_array().unwrap();
    let field = fields
        .iter()
        .find(|field| field["name"] == "StageName")
        .unwrap();
    let values: &Vec<Value> = field["picklistValues"].as_array().unwrap();
    let value = |value: &Value| {
        (
            value["value"].as_str().unwrap().to_owned(),
            value["active"] == true,
        )
    };
    values.iter().map(value).collect()
}

#[tokio::test]
async fn stages_of_a_deployment_are_told_by_describe_now_and_after_a_restart() {
    let org = Org::new().await;
    let set = "<StandardValueSet><standardValue><fullName>Fresh</fullName><label>Fresh</label><default>false</default>\
         <closed>false</closed><won>false</won><forecastCategory>Pipeline</forecastCategory><probability>33</probability>\
         </standardValue></StandardValueSet>";
    let manifest = "<Package><types><members>OpportunityStage</members><name>StandardValueSet</name></types></Package>";
    let files = [
        ("package.xml", manifest),
        ("standardValueSets/OpportunityStage.standardValueSet", set),
    ];
    let result = org.deploy(&files, false).await;
    assert_eq!(result["status"], "Succeeded", "{result}");
    let chosen = |stages: &[(String, bool)]| -> Vec<String> {
        let active = stages.iter().filter(|(_, active)| *active);
        active.map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(chosen(&stages(&org).await), ["Fresh"]);
    let org = org.restarted(SalesforceSimOptions::default()).await;
    assert_eq!(chosen(&stages(&org).await), ["Fresh"]);
    org.simulator.shutdown().await.unwrap();
}
