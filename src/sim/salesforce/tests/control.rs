//! Faults and other help for tests.

use reqwest::Method;
use serde_json::json;

use super::support::{Org, answer};

#[tokio::test]
async fn fault_answers_once_with_its_status_and_headers() {
    let org = Org::new().await;
    let fault = json!({"method": "GET", "path": "/services/data/*/limits", "status": 503, "headers": {"Retry-After": "7"}, "body": "[]"});
    org.control("faults", fault).await;
    let response = org.request(Method::GET, "limits").send().await.unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()["retry-after"].to_str().unwrap()
        ),
        (503, "7")
    );
    assert_eq!(
        org.request(Method::GET, "limits")
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn dropped_connection_may_have_done_its_work() {
    let org = Org::new().await;
    let faults = json!([
        {"method": "POST", "path": "*/sobjects/Account", "drop": "before"},
        {"method": "POST", "path": "*/sobjects/Account", "drop": "after"},
    ]);
    org.control("faults", faults).await;
    for landed in [0, 1] {
        let request = org
            .request(Method::POST, "sobjects/Account")
            .json(&json!({"Name": "A"}));
        assert!(request.send().await.is_err());
        assert_eq!(org.count("Account").await, landed);
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn truncated_answer_fails_while_it_is_read() {
    let org = Org::new().await;
    org.control("faults", json!({"path": "*/sobjects", "truncate": 100}))
        .await;
    let response = org.request(Method::GET, "sobjects").send().await.unwrap();
    assert!(response.bytes().await.is_err());
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn expired_sessions_and_edits_of_users_are_seen() {
    let org = Org::new().await;
    let (_, made) = org
        .send(Method::POST, "sobjects/Account", json!({"Name": "A"}))
        .await;
    let edit = json!({"object": "Account", "id": made["id"], "fields": {"Name": "Edited"}, "user": "integration@example.invalid"});
    org.control("rows", edit).await;
    let row = org
        .query("select Name, LastModifiedBy.Username from Account")
        .await
        .remove(0);
    assert_eq!(
        (&row["Name"], &row["LastModifiedBy"]["Username"]),
        (&json!("Edited"), &json!("integration@example.invalid"))
    );
    org.control("expire", json!({})).await;
    let (status, _) = answer(org.request(Method::GET, "limits").send().await.unwrap()).await;
    assert_eq!(status, 401);
    org.simulator.shutdown().await.unwrap();
}
