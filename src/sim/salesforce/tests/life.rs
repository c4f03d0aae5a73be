//! What users do to records while a client is at work.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::{Org, answer};

const MAPPING: [(&str, &str); 2] = [
    (
        "package.xml",
        "<Package><types><members>LeadConvertSettings</members><name>LeadConvertSettings</name></types></Package>",
    ),
    (
        "LeadConvertSettings/LeadConvertSettings.LeadConvertSetting",
        "<LeadConvertSettings><allowOwnerChange>true</allowOwnerChange><objectMapping><inputObject>Lead</inputObject>\
         <mappingFields><inputField>Key__c</inputField><outputField>Key__c</outputField></mappingFields>\
         <outputObject>Contact</outputObject></objectMapping></LeadConvertSettings>",
    ),
];

/// Sends a control request; status and body.
async fn control(org: &Org, path: &str, body: Value) -> (u16, Value) {
    org.send(Method::POST, &format!("/control/{path}"), body)
        .await
}

/// The row and its deletion, whether or not it is in the recycle bin.
async fn any(org: &Org, soql: &str) -> Vec<Value> {
    let request = org.request(Method::GET, "queryAll").query(&[("q", soql)]);
    let (status, body) = answer(request.send().await.unwrap()).await;
    assert_eq!(status, 200, "{body}");
    body["records"].as_array().unwrap().clone()
}

#[tokio::test]
async fn converted_lead_becomes_three_records_and_is_closed_to_changes() {
    let org = Org::new().await;
    org.keyed(&["Lead", "Contact"]).await;
    let deployed = org.deploy(&MAPPING, false).await;
    assert_eq!(deployed["status"], "Succeeded", "{deployed}");
    let row = json!({"LastName": "L", "FirstName": "F", "Company": "C", "City": "Gdynia", "Email": "a@b.co", "Key__c": "k1"});
    let lead = org.create("Lead", row).await;
    let task = org
        .create("Task", json!({"Subject": "T", "WhoId": lead}))
        .await;
    let campaign = org.create("Campaign", json!({"Name": "P"})).await;
    let member = json!({"CampaignId": campaign, "LeadId": lead});
    let member = org.create("CampaignMember", member).await;

    let (status, made) = control(&org, "convert_lead", json!({"id": lead})).await;
    assert_eq!(status, 200, "{made}");
    let converted = org.row("Lead", &lead).await;
    assert_eq!(converted["IsConverted"], true);
    assert_eq!(converted["Status"], "Closed - Converted");
    for (field, kind) in [
        ("ConvertedAccountId", "account"),
        ("ConvertedContactId", "contact"),
        ("ConvertedOpportunityId", "opportunity"),
    ] {
        assert_eq!(converted[field], made[kind]);
    }
    assert!(converted["ConvertedDate"].is_string());
    let of = |kind: &str| made[kind].as_str().unwrap().to_owned();
    let account = org.row("Account", &of("account")).await;
    assert_eq!(
        (&account["Name"], &account["BillingCity"]),
        (&json!("C"), &json!("Gdynia"))
    );
    let contact = org.row("Contact", &of("contact")).await;
    assert_eq!(
        (&contact["Name"], &contact["Email"], &contact["Key__c"]),
        (&json!("F L"), &json!("a@b.co"), &json!("k1"))
    );
    assert_eq!(contact["AccountId"], made["account"]);
    let opportunity = org.row("Opportunity", &of("opportunity")).await;
    assert_eq!(
        (&opportunity["Name"], &opportunity["StageName"]),
        (&json!("C-"), &json!("Prospecting"))
    );
    let task = org.row("Task", &task).await;
    assert_eq!(
        (&task["WhoId"], &task["WhatId"]),
        (&made["contact"], &made["opportunity"])
    );
    let member = org.row("CampaignMember", &member).await;
    assert_eq!(
        (&member["LeadId"], &member["ContactId"]),
        (&json!(lead), &made["contact"])
    );

    let refusal = json!([{"errorCode": "CANNOT_UPDATE_CONVERTED_LEAD", "message": "cannot reference converted lead"}]);
    let again = org.change("Lead", &lead, json!({"City": "Sopot"})).await;
    assert_eq!(again, (400, refusal.clone()));
    let twice = control(&org, "convert_lead", json!({"id": lead})).await;
    assert_eq!(twice, (400, refusal));
    let job = org
        .upsert("Lead", "Key__c", "Key__c,City\nk1,Sopot\n")
        .await;
    let text = "CANNOT_UPDATE_CONVERTED_LEAD:cannot reference converted lead:--";
    assert!(job.failed[1].contains(text), "{:?}", job.failed);
    let (code, _) = org
        .refused("Task", json!({"Subject": "T", "WhoId": lead}))
        .await;
    assert_eq!(code, "CANNOT_UPDATE_CONVERTED_LEAD");
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn lead_is_converted_into_what_is_there_and_leaves_nothing_when_it_cannot_be() {
    let org = Org::new().await;
    org.keyed(&["Lead", "Contact"]).await;
    org.deploy(&MAPPING, false).await;
    let account = org
        .create("Account", json!({"Name": "A", "Phone": "1"}))
        .await;
    let taken = json!({"LastName": "X", "Key__c": "taken"});
    org.create("Contact", taken).await;
    let row =
        json!({"LastName": "L", "Company": "C", "Phone": "2", "Website": "w", "Key__c": "taken"});
    let lead = org.create("Lead", row).await;
    let (status, error) = control(&org, "convert_lead", json!({"id": lead})).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("DUPLICATE_VALUE"))
    );
    assert_eq!(org.count("Account").await, 1);
    assert_eq!(org.row("Lead", &lead).await["IsConverted"], false);
    let (_, error) = control(&org, "convert_lead", json!({"id": lead, "status": "Nope"})).await;
    assert_eq!(error[0]["errorCode"], "INVALID_STATUS");

    org.change("Lead", &lead, json!({"Key__c": "free"})).await;
    let wanted = json!({"id": lead, "account": account, "opportunity": false});
    let (status, made) = control(&org, "convert_lead", wanted).await;
    assert_eq!((status, &made["opportunity"]), (200, &Value::Null));
    let account = org.row("Account", &account).await;
    assert_eq!(
        (&account["Name"], &account["Phone"], &account["Website"]),
        (&json!("A"), &json!("1"), &json!("w"))
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn merged_records_leave_their_children_to_the_master() {
    let org = Org::new().await;
    let master = org.create("Account", json!({"Name": "master"})).await;
    let loser = org.create("Account", json!({"Name": "loser"})).await;
    let contact = json!({"LastName": "C", "AccountId": loser});
    let contact = org.create("Contact", contact).await;
    let task = org
        .create("Task", json!({"Subject": "T", "WhatId": loser}))
        .await;
    org.control("merge", json!({"master": master, "losers": [loser]}))
        .await;
    assert_eq!(org.row("Contact", &contact).await["AccountId"], master);
    assert_eq!(org.row("Task", &task).await["WhatId"], master);
    assert_eq!(org.count("Account").await, 1);
    let gone = "select Id, IsDeleted, MasterRecordId from Account where IsDeleted = true";
    let gone = any(&org, gone).await;
    assert_eq!(
        (&gone[0]["Id"], &gone[0]["MasterRecordId"]),
        (&json!(loser), &json!(master))
    );
    let (status, error) = org.change("Account", &loser, json!({"Site": "S"})).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (404, &json!("ENTITY_IS_DELETED"))
    );
    let child = json!({"LastName": "D", "AccountId": loser});
    let (code, message) = org.refused("Contact", child).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn only_records_of_one_object_are_merged() {
    let org = Org::new().await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let contact = org.create("Contact", json!({"LastName": "C"})).await;
    let campaign = org.create("Campaign", json!({"Name": "P"})).await;
    for (master, loser) in [
        (&account, &contact),
        (&account, &account),
        (&campaign, &campaign),
    ] {
        let wanted = json!({"master": master, "losers": [loser]});
        let (status, error) = control(&org, "merge", wanted).await;
        assert_eq!(
            (status, &error[0]["errorCode"]),
            (400, &json!("MERGE_FAILED"))
        );
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn deleted_record_comes_back_with_what_went_with_it() {
    let org = Org::new().await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let contact = json!({"LastName": "C", "AccountId": account});
    let contact = org.create("Contact", contact).await;
    let earlier = json!({"LastName": "E", "AccountId": account});
    org.create("Contact", earlier).await;
    org.control("delete", json!({"id": account})).await;
    let (status, error) = control(&org, "delete", json!({"id": account})).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (404, &json!("ENTITY_IS_DELETED"))
    );
    assert_eq!(org.count("Contact").await, 0);
    let job = org
        .ingest(
            "Contact",
            "update",
            &format!("Id,Title\n{contact},Dr\n{account},Dr\n"),
        )
        .await;
    assert!(
        job.failed
            .iter()
            .any(|line| line.contains("ENTITY_IS_DELETED:entity is deleted:--"))
    );
    let (_, back) = control(&org, "undelete", json!({"id": account})).await;
    // The account, two contacts and their two relations to it.
    assert_eq!(back["records"], 5);
    assert_eq!(org.row("Contact", &contact).await["AccountId"], account);
    assert_eq!(org.count("AccountContactRelation").await, 2);
    let (status, _) = control(&org, "undelete", json!({"id": account})).await;
    assert_eq!(status, 400);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn hard_delete_needs_its_permission_and_leaves_no_row_behind() {
    let org = Org::with(SalesforceSimOptions {
        hard_delete: false,
        ..SalesforceSimOptions::default()
    })
    .await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let spec = json!({"object": "Account", "operation": "hardDelete"});
    let (status, error) = org.send(Method::POST, "jobs/ingest", spec).await;
    assert_eq!(
        (status, &error[0]["errorCode"]),
        (400, &json!("FEATURENOTENABLED"))
    );
    let org = org.restarted(SalesforceSimOptions::default()).await;
    let csv = format!("Id\n{account}\n");
    let wide = format!("Id,Name\n{account},A\n");
    let job = org.ingest("Account", "hardDelete", &wide).await;
    assert_eq!(
        job.info["errorMessage"],
        "InvalidBatch : The 'hardDelete' batch must contain only 'Id'"
    );
    let job = org.ingest("Account", "hardDelete", &csv).await;
    assert_eq!(job.successful.len(), 2);
    assert!(any(&org, "select Id from Account").await.is_empty());
    let job = org.ingest("Account", "hardDelete", &csv).await;
    assert!(job.failed[1].contains("INVALID_CROSS_REFERENCE_KEY:"));
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn second_delete_in_one_job_finds_the_row_deleted() {
    let org = Org::new().await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let csv = format!("Id\n{account}\n{account}\n");
    let job = org.ingest("Account", "delete", &csv).await;
    assert_eq!((job.successful.len(), job.failed.len()), (2, 2));
    let text = format!("\"{account}\",\"ENTITY_IS_DELETED:entity is deleted:--\"");
    assert!(job.failed[1].starts_with(&text), "{:?}", job.failed);
    let deleted = any(&org, "select Id, IsDeleted from Account").await;
    assert_eq!(deleted[0]["IsDeleted"], true);
    org.simulator.shutdown().await.unwrap();
}
