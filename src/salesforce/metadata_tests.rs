//! Claims about deployments.

use super::{
    super::{mock_org::MockOrg, net::mock_server::say},
    *,
};

const DEPLOY: &str = "/services/data/v66.0/metadata/deployRequest";

#[tokio::test]
async fn a_package_travels_with_its_options_as_two_parts() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on(
        &format!("POST {DEPLOY}"),
        &[],
        Some(say(201, r#"{"id":"0Af1"}"#)),
    );
    let package = Bytes::from_static(b"PK-zip-bytes");
    let options = DeployOptions {
        check_only: true,
        ..DeployOptions::default()
    };
    let id = client.metadata().deploy(&package, &options).await.unwrap();
    assert_eq!(id, "0Af1");
    let request = &server.received(&format!("POST {DEPLOY}"))[0];
    assert!(
        request
            .header("content-type")
            .starts_with("multipart/form-data; boundary=")
    );
    let body = &request.body;
    assert!(body.contains(r#"name="json""#) && body.contains(r#""checkOnly":true"#));
    assert!(
        body.contains("Content-Type: application/json")
            || body.contains("content-type: application/json")
    );
    assert!(body.contains(r#"name="file""#) && body.contains("PK-zip-bytes"));
    assert!(
        body.to_lowercase()
            .contains("content-type: application/zip")
    );
}

#[tokio::test]
async fn a_deployment_is_followed_to_its_end_with_every_component() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let running = r#"{"id":"0Af1","deployResult":{"status":"InProgress","done":false,
        "numberComponentsTotal":4,"numberComponentsDeployed":1}}"#;
    let failed = r#"{"id":"0Af1","deployResult":{"status":"Failed","done":true,"success":false,
        "numberComponentErrors":1,"details":{"componentFailures":[{"componentType":"CustomField",
        "fullName":"Account.X__c","fileName":"objects/Account.object","lineNumber":4,
        "problem":"Invalid data type","problemType":"Error","success":false}]}}}"#;
    server.on(
        &format!("GET {DEPLOY}/0Af1?includeDetails=true"),
        &[say(200, running)],
        Some(say(200, failed)),
    );
    let mut seen = Vec::new();
    let result = client
        .metadata()
        .wait("0Af1", WaitOptions::default(), |look| {
            seen.push(look.number_components_deployed)
        })
        .await
        .unwrap();
    assert_eq!(seen, [1, 0]);
    assert!(!result.success);
    let failure = &result.details.component_failures[0];
    assert_eq!(failure.full_name, "Account.X__c");
    assert_eq!(failure.problem.as_deref(), Some("Invalid data type"));
}

#[tokio::test]
async fn a_session_that_expires_while_waiting_is_renewed() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    server.on("POST /services/oauth2/token", &[], Some(server.token("t1")));
    server.accept_only("t1");
    let done = r#"{"id":"0Af1","deployResult":{"status":"Succeeded","done":true,"success":true}}"#;
    server.on(&format!("GET {DEPLOY}"), &[], Some(say(200, done)));
    let result = client
        .metadata()
        .wait("0Af1", WaitOptions::default(), |_| {})
        .await;
    assert!(result.unwrap().success);
}

#[test]
fn a_single_failure_without_brackets_is_read() {
    let json = r#"{"componentFailures":{"fullName":"Account.X__c"},"componentSuccesses":null}"#;
    let details: DeployDetails = serde_json::from_str(json).unwrap();
    assert_eq!(details.component_failures[0].full_name, "Account.X__c");
}
