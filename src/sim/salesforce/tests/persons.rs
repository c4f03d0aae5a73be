//! Person accounts: an account and a contact that are one.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::super::{SalesforceSimOptions, Setting};
use super::support::Org;

async fn org() -> Org {
    Org::with(SalesforceSimOptions {
        with: BTreeSet::from([Setting::PersonAccounts]),
        ..SalesforceSimOptions::default()
    })
    .await
}

/// Id of a record type of Account.
async fn kind(org: &Org, name: &str) -> Value {
    let soql = format!("select Id from RecordType where DeveloperName = '{name}'");
    org.query(&soql).await[0]["Id"].clone()
}

async fn person(org: &Org, row: Value) -> (String, String) {
    let mut row = row;
    row["RecordTypeId"] = kind(org, "PersonAccount").await;
    let id = org.create("Account", row).await;
    let contact = org.row("Account", &id).await["PersonContactId"].clone();
    (id, contact.as_str().unwrap().to_owned())
}

async fn said(org: &Org, object: &str, id: &str, row: Value) -> (String, String) {
    let (status, error) = org.change(object, id, row).await;
    assert_eq!(status, 400, "{error}");
    let text = |key: &str| error[0][key].as_str().unwrap().to_owned();
    (text("errorCode"), text("message"))
}

#[tokio::test]
async fn a_person_has_a_contact_that_is_made_changed_and_deleted_with_it() {
    let org = org().await;
    let row = json!({"FirstName": "Ada", "LastName": "Bond", "PersonEmail": "ada@b.co"});
    let (id, contact) = person(&org, row).await;
    let account = org.row("Account", &id).await;
    assert_eq!(account["Name"], "Ada Bond");
    assert_eq!(account["IsPersonAccount"], true);
    let seen = org.row("Contact", &contact).await;
    assert_eq!(seen["AccountId"], json!(id));
    assert_eq!(
        (&seen["IsPersonAccount"], &seen["Email"]),
        (&json!(true), &json!("ada@b.co"))
    );
    assert_eq!(org.count("AccountContactRelation").await, 0);

    let (status, _) = org
        .change("Account", &id, json!({"LastName": "Byron"}))
        .await;
    assert_eq!(status, 204);
    assert_eq!(org.row("Contact", &contact).await["LastName"], "Byron");
    let (status, _) = org
        .change(
            "Contact",
            &contact,
            json!({"FirstName": "Eda", "Email": "e@b.co"}),
        )
        .await;
    assert_eq!(status, 204);
    let account = org.row("Account", &id).await;
    assert_eq!(
        (&account["Name"], &account["PersonEmail"]),
        (&json!("Eda Byron"), &json!("e@b.co"))
    );

    let path = format!("sobjects/Contact/{contact}");
    let (status, error) = org.send(Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, 400, "{error}");
    assert_eq!(error[0]["errorCode"], "INVALID_PERSON_ACCOUNT_OPERATION");
    let path = format!("sobjects/Account/{id}");
    let (status, _) = org.send(Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(org.count("Contact").await, 0);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_would_mix_a_person_with_a_business_is_refused() {
    let org = org().await;
    let (id, contact) = person(&org, json!({"LastName": "Bond"})).await;
    let business = org.create("Account", json!({"Name": "Acme"})).await;
    assert_eq!(
        org.row("Account", &business).await["RecordTypeId"],
        kind(&org, "Business_Account").await
    );
    let persons = kind(&org, "PersonAccount").await;
    for (row, code) in [
        (
            json!({"Name": "A", "RecordTypeId": persons}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
        ),
        (
            json!({"FirstName": "A", "RecordTypeId": persons}),
            "REQUIRED_FIELD_MISSING",
        ),
        (
            json!({"Name": "A", "PersonEmail": "a@b.co"}),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
        ),
    ] {
        assert_eq!(org.refused("Account", row.clone()).await.0, code, "{row}");
    }
    let (_, message) = said(&org, "Account", &id, json!({"Name": "New"})).await;
    assert_eq!(
        message,
        "Account: bad field names on insert/update call: Name"
    );
    let (_, message) = said(&org, "Contact", &contact, json!({"AccountId": business})).await;
    assert_eq!(
        message,
        "Account: bad field names on insert/update call: AccountId"
    );
    let (code, _) = said(&org, "Account", &business, json!({"RecordTypeId": persons})).await;
    assert_eq!(code, "INVALID_PERSON_ACCOUNT_OPERATION");
    let row = json!({"LastName": "C", "AccountId": id});
    let (code, _) = org.refused("Contact", row).await;
    assert_eq!(code, "INVALID_PERSON_ACCOUNT_OPERATION");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_lead_without_a_company_becomes_a_person() {
    let org = org().await;
    let lead = |row| org.create("Lead", row);
    let alone = lead(json!({"FirstName": "Lee", "LastName": "Lane", "Email": "l@b.co"})).await;
    let business = org.create("Account", json!({"Name": "Acme"})).await;
    let into = json!({"id": alone, "account": business, "opportunity": false});
    let (status, error) = org.send(Method::POST, "/control/convert_lead", into).await;
    assert_eq!(status, 400, "{error}");
    org.control("convert_lead", json!({"id": alone, "opportunity": false}))
        .await;
    let lead = org.row("Lead", &alone).await;
    let account = lead["ConvertedAccountId"].as_str().unwrap();
    let account = org.row("Account", account).await;
    assert_eq!(account["IsPersonAccount"], true);
    assert_eq!(account["Name"], "Lee Lane");
    assert_eq!(account["PersonContactId"], lead["ConvertedContactId"]);
    assert_eq!(account["PersonEmail"], "l@b.co");
    assert_eq!(org.count("Contact").await, 1);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_default_is_a_business_while_that_record_type_is_active() {
    let org = org().await;
    let default = async || -> String {
        let describe = org.get("sobjects/Account/describe").await;
        let types = describe["recordTypeInfos"].as_array().unwrap();
        let mut types = types.iter();
        let found = types.find(|one| one["defaultRecordTypeMapping"] == true);
        found.unwrap()["developerName"].as_str().unwrap().to_owned()
    };
    assert_eq!(default().await, "Business_Account");
    let edit = json!({"object": "RecordType", "id": kind(&org, "Business_Account").await,
        "fields": {"IsActive": false}});
    org.control("rows", edit).await;
    assert_eq!(default().await, "PersonAccount");
    let (code, message) = org.refused("Account", json!({"Name": "Acme"})).await;
    assert_eq!(code, "INVALID_FIELD_FOR_INSERT_UPDATE");
    assert!(
        message.starts_with("Unable to create/update fields: Name"),
        "{message}"
    );
    let org = org.restarted(SalesforceSimOptions {
        with: BTreeSet::from([Setting::PersonAccounts]),
        ..SalesforceSimOptions::default()
    });
    let org = org.await;
    assert_eq!(org.query("select Id from RecordType").await.len(), 2);
    org.simulator.shutdown().await.unwrap();
}
