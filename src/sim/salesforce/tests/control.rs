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

#[tokio::test]
async fn control_wants_a_token_that_the_org_gave_out_or_the_one_of_its_start() {
    let org = Org::new().await;
    let send = async |token: Option<&str>| {
        let url = format!("{}/control/faults", org.simulator.url());
        let request = org.http.get(url);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(send(None).await, 401);
    assert_eq!(send(Some("00D000000000001!AQ0")).await, 401);
    assert_eq!(send(Some(org.simulator.control_token())).await, 200);
    org.control("expire", json!({})).await;
    assert_eq!(send(Some(&org.token)).await, 200, "an expired one, too");
    // It is of no use elsewhere.
    let limits = org.http.get(org.url("limits"));
    let limits = limits.bearer_auth(org.simulator.control_token());
    assert_eq!(limits.send().await.unwrap().status(), 401);
    org.simulator.shutdown().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn files_of_the_state_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let org = Org::new().await;
    org.send(Method::POST, "sobjects/Account", json!({"Name": "A"}))
        .await;
    let mut folders = vec![org.folder.path().join("state")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            files += 1;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
        }
    }
    assert!(files > 3);
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_opens_it_in_a_browser_of_this_machine_sees_what_it_holds_and_no_record() {
    let org = Org::new().await;
    org.create("Account", json!({"Name": "Acme"})).await;
    let url = format!("{}/", org.simulator.url());
    let page = |site: &'static str| {
        let request = org.http.get(&url).header("sec-fetch-site", site);
        async move {
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    let (status, text) = page("none").await;
    assert_eq!(status, 200);
    assert!(
        text.contains("<h1>A simulated Salesforce org</h1>"),
        "{text}"
    );
    assert!(text.contains("<td>Account</td><td>1</td>"), "{text}");
    assert!(!text.contains("Acme"), "{text}");
    let (status, text) = page("cross-site").await;
    assert_eq!((status, text.contains("Account")), (403, false));
    org.simulator.shutdown().await.unwrap();
}
