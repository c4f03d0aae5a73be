//! Logins and sessions.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::SalesforceSimOptions;
use super::assertions::{PRIVATE_KEY, PUBLIC_KEY, signed};
use super::support::{Org, answer};

async fn login(org: &Org, form: &[(&str, &str)]) -> (u16, Value) {
    let url = org.url("/services/oauth2/token");
    answer(org.http.post(url).form(form).send().await.unwrap()).await
}

fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2ln", part(&json!({"alg": "RS256"})), part(claims))
}

#[tokio::test]
async fn each_flow_has_its_own_field_set() {
    let org = Org::new().await;
    let client = [("client_id", "transload"), ("client_secret", "simulator")];
    let (status, granted) = login(
        &org,
        &[&client[..], &[("grant_type", "client_credentials")]].concat(),
    )
    .await;
    assert_eq!(status, 200);
    let token = granted["access_token"].as_str().unwrap();
    assert!(
        token.starts_with("00D") && token.find('!') == Some(15),
        "{token}"
    );
    assert_eq!(granted["instance_url"], org.simulator.url());
    assert!(granted.get("expires_in").is_none() && granted.get("refresh_token").is_none());

    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "simulator-refresh-token"),
    ];
    assert_eq!(login(&org, &[&client[..], &refresh].concat()).await.0, 200);

    let claims = json!({"iss": "transload", "sub": "admin@example.com", "aud": "https://login.salesforce.com", "exp": 4_000_000_000u64});
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (status, granted) = login(&org, &[grant, ("assertion", &jwt(&claims))]).await;
    assert_eq!(status, 200, "{granted}");
    assert!(granted.get("issued_at").is_none());
    for (name, value, error) in [
        ("iss", json!("other"), "invalid_client_id"),
        ("aud", json!("https://example.com"), "invalid_grant"),
        ("exp", json!(1_000_000_000), "invalid_grant"),
        ("sub", json!("nobody@example.com"), "invalid_grant"),
    ] {
        let mut wrong = claims.clone();
        wrong[name] = value;
        let (status, refused) = login(&org, &[grant, ("assertion", &jwt(&wrong))]).await;
        assert_eq!((status, &refused["error"]), (400, &json!(error)), "{name}");
    }
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn assertion_must_be_signed_for_the_configured_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("public.pem");
    std::fs::write(&key, PUBLIC_KEY).unwrap();
    let org = Org::with(SalesforceSimOptions {
        jwt_public_key: Some(key),
        ..SalesforceSimOptions::default()
    })
    .await;
    let claims = json!({"iss": "transload", "sub": "admin@example.com", "aud": "https://test.salesforce.com", "exp": 4_000_000_000u64});
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let signed = signed(&claims, PRIVATE_KEY);
    assert_eq!(login(&org, &[grant, ("assertion", &signed)]).await.0, 200);
    assert_eq!(
        login(&org, &[grant, ("assertion", &jwt(&claims))]).await.0,
        400
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn wrong_secret_is_an_invalid_client() {
    let org = Org::new().await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "transload"),
        ("client_secret", "x"),
    ];
    let (status, refused) = login(&org, &form).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_client")));
    assert!(refused["error_description"].is_string());
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn session_ends_after_its_requests_and_says_so() {
    let org = Org::with(SalesforceSimOptions {
        token_requests: Some(2),
        ..SalesforceSimOptions::default()
    })
    .await;
    for status in [200, 200, 401] {
        let response = org.request(Method::GET, "limits").send().await.unwrap();
        assert_eq!(response.status(), status);
    }
    let body = org.get("limits").await;
    assert_eq!(
        body,
        json!([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn used_up_api_calls_answer_403() {
    let org = Org::with(SalesforceSimOptions {
        daily_api_requests: 1,
        ..SalesforceSimOptions::default()
    })
    .await;
    org.get("limits").await;
    let (status, body) = answer(org.request(Method::GET, "limits").send().await.unwrap()).await;
    assert_eq!(
        (status, &body[0]["errorCode"]),
        (403, &json!("REQUEST_LIMIT_EXCEEDED"))
    );
    org.simulator.shutdown().await.unwrap();
}

#[tokio::test]
async fn https_is_served_under_its_own_authority() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().to_owned();
    let simulator = super::super::Simulator::start(SalesforceSimOptions {
        state: state.clone(),
        tls: true,
        ..SalesforceSimOptions::default()
    })
    .await
    .unwrap();
    assert!(simulator.url().starts_with("https://127.0.0.1:"));
    let authority =
        reqwest::Certificate::from_pem(&std::fs::read(state.join("ca.pem")).unwrap()).unwrap();
    let trusting = reqwest::Client::builder()
        .add_root_certificate(authority)
        .build()
        .unwrap();
    let token = super::support::token(&trusting, simulator.url()).await;
    assert!(token.starts_with("00D"));
    let doubting = reqwest::Client::builder().build().unwrap();
    assert!(doubting.get(simulator.url()).send().await.is_err());
    simulator.shutdown().await.unwrap();
}
