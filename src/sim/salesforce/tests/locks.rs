//! Rows that two write at one time.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::support::Org;

/// A row takes a minute: what a batch holds it holds until its job is aborted.
fn slow(lock_wait: Duration) -> SalesforceSimOptions {
    SalesforceSimOptions {
        locks: true,
        batch_time: Duration::from_secs(60 * 10_000),
        lock_wait,
        ..SalesforceSimOptions::default()
    }
}

const SHORT: Duration = Duration::from_millis(20);

async fn begin(org: &Org, object: &str, operation: &str, csv: &str) -> String {
    let spec = json!({"object": object, "operation": operation});
    let path = org.submit(spec, csv.to_owned()).await;
    let rows = csv.lines().count() - 1;
    while org.get(&path).await["numberRecordsProcessed"] != json!(rows) {
        tokio::task::yield_now().await;
    }
    path
}

async fn abort(org: &Org, path: &str) {
    let (status, _) = org
        .send(Method::PATCH, path, json!({"state": "Aborted"}))
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn later_batch_loses_the_rows_whose_parent_is_held_and_no_others() {
    let org = Org::with(slow(SHORT)).await;
    let held = org.create("Account", json!({"Name": "held"})).await;
    let free = org.create("Account", json!({"Name": "free"})).await;
    let contacts = format!("LastName,AccountId\nA,{held}\n");
    let first = begin(&org, "Contact", "insert", &contacts).await;
    let deals = format!(
        "Name,StageName,CloseDate,AccountId\nA,Prospecting,2026-01-31,{held}\nB,Prospecting,2026-01-31,{free}\n"
    );
    let second = begin(&org, "Opportunity", "insert", &deals).await;
    abort(&org, &second).await;
    let job = org.finish(&second).await;
    assert_eq!(job.successful.len(), 2, "{:?}", job.successful);
    assert_eq!(job.failed.len(), 2);
    let text = format!(
        "\"UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: {held}:--\""
    );
    assert!(job.failed[1].contains(&text), "{:?}", job.failed);
    let statistics = org.get("/control/statistics").await;
    assert_eq!(statistics["lock_failures"], json!({"Opportunity": 1}));
    abort(&org, &first).await;
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn five_jobs_run_side_by_side() {
    let org = Org::with(slow(SHORT)).await;
    let mut paths = Vec::new();
    for n in 0..5 {
        paths.push(begin(&org, "Account", "insert", &format!("Name\nA{n}\n")).await);
    }
    for path in &paths {
        abort(&org, path).await;
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn request_waits_for_a_held_row_and_then_gives_up() {
    let org = Org::with(slow(SHORT)).await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let task = |subject: &str| json!({"Subject": subject, "WhatId": account});
    let csv = format!("Id,Site\n{account},here\n");
    let job = begin(&org, "Account", "update", &csv).await;
    let (code, message) = org.refused("Task", task("too early")).await;
    assert_eq!(code, "UNABLE_TO_LOCK_ROW");
    assert!(message.ends_with(&account), "{message}");
    let (status, _) = org
        .change("Account", &account, json!({"Site": "there"}))
        .await;
    assert_eq!(status, 400);
    abort(&org, &job).await;
    org.finish(&job).await;
    // Let go of a moment after the job says that it has ended.
    let options = SalesforceSimOptions {
        locks: true,
        ..SalesforceSimOptions::default()
    };
    let org = org.restarted(options).await;
    org.create("Task", task("in time")).await;
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn request_goes_on_when_the_row_is_free() {
    let org = Org::with(slow(Duration::from_secs(600))).await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let csv = format!("LastName,AccountId\nC,{account}\n");
    let job = begin(&org, "Contact", "insert", &csv).await;
    let waiting = org.create("Contact", json!({"LastName": "D", "AccountId": account}));
    let (made, ()) = tokio::join!(waiting, abort(&org, &job));
    assert!(made.starts_with("003"));
    let statistics = org.get("/control/statistics").await;
    assert_eq!(statistics["lock_failures"], json!({}));
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn upserted_and_deleted_rows_hold_themselves_and_what_they_go_with() {
    let org = Org::with(slow(SHORT)).await;
    org.keyed(&["Contact"]).await;
    let account = org.create("Account", json!({"Name": "A"})).await;
    let row = json!({"LastName": "C", "AccountId": account, "Key__c": "k"});
    let contact = org.create("Contact", row).await;
    let spec = json!({"object": "Contact", "operation": "upsert", "externalIdFieldName": "Key__c"});
    let path = org.submit(spec, "Key__c,Title\nk,Dr\n").await;
    while org.get(&path).await["numberRecordsProcessed"] != 1 {
        tokio::task::yield_now().await;
    }
    let (status, error) = org
        .send(
            Method::DELETE,
            &format!("sobjects/Contact/{contact}"),
            Value::Null,
        )
        .await;
    assert_eq!(status, 400);
    let message = error[0]["message"].as_str().unwrap();
    assert!(message.contains("or 2 records: "), "{message}");
    assert!(message.contains(&account) && message.contains(&contact));
    abort(&org, &path).await;
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn owners_and_products_are_held_by_nobody() {
    let org = Org::with(slow(SHORT)).await;
    let product = org.create("Product2", json!({"Name": "P"})).await;
    let users = org.query("select Id from User").await;
    let owner = users[0]["Id"].as_str().unwrap();
    let csv = format!("Subject,WhatId,OwnerId\nA,{product},{owner}\n");
    let job = begin(&org, "Task", "insert", &csv).await;
    let row = json!({"Subject": "B", "WhatId": product, "OwnerId": owner});
    org.create("Task", row).await;
    abort(&org, &job).await;
    org.simulator.shutdown().await.unwrap();
}
