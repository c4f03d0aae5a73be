//! Logins and sessions.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::Options;
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
    let org = Org::with(Options {
        jwt_public_key: Some(key),
        ..Options::default()
    })
    .await;
    let claims = json!({"iss": "transload", "sub": "admin@example.com", "aud": "https://test.salesforce.com", "exp": 4_000_000_000u64});
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let signing = jsonwebtoken::EncodingKey::from_rsa_pem(PRIVATE_KEY.as_bytes()).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    let signed = jsonwebtoken::encode(&header, &claims, &signing).unwrap();
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
    let org = Org::with(Options {
        token_requests: Some(2),
        ..Options::default()
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
    let org = Org::with(Options {
        daily_api_requests: 1,
        ..Options::default()
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
    let simulator = super::super::Simulator::start(Options {
        state: state.clone(),
        tls: true,
        ..Options::default()
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

/// A key pair made for this test only.
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQChZH0vbam/evq9
vmQugMdHqSrfHlFSnSDoOQ6ahfdt/xneGedg7P9Q7aiQiWP+prDIEQ5X93AgTlqU
iNnWSx769fypsoLAigdcQGESn0XELLWNmfJN33s9v4oXw3Mxg2KPhVgFq/qCvJ0+
jDtS/li0CfBU5c9YXSg35AbThnYirCgENPWXd/STOO2nj018+mcksbXH9sQ4dpHA
QwdF6a1rfCMvXi4FWwCx9DWHZk/AeqfDv8wAQuUzzqOFOhXpu+f6QWPwtT6KWWyh
b/YGAZNzjNBSDSAZQ+qUFdbsDVxvF1+m0GpXxRt7EmPEgGBgn/aUMoNBP9178bJU
rjNFG72rAgMBAAECggEADqJUgZTxg+XMT6EwZ1ERAMvzkbinihSqU7Q8wUEtfuFX
QJ7brpu+yOFL3BNBKGmH9RQq10od9if0qaxBCF/WZs4gQ2jm1zuM0E4cHzqm8lNV
gQn5ARunCqHQDTiRPOeba8UdBqKh+/HLVk0T4gIjG+wcyS3vX6VOzMaV4d863gjW
SdfP0f1loFEiE2qv+YyPuZKTyjme3YOFf5SZxtycoXYah51R51x0P7t7wpzDeBAw
elDl9hELNLNT8Pu67Qnf7P3U/bDiRaNGHBoCB4rT5f7uY+yfQGzFh/Eosz2Fn1+U
FHvBzKtYGkCWd8b92gxlJgEnEAau1zDJXAj1JesxBQKBgQDXQOHa3xNQXV0s6+xk
ESDW9qWAIco4jJUffVI4A6hGZGN7ESnW837GkbVH/SoBkHAGG6XD9wI+JOvEgZL5
sLqGaG4yp6gUDqHDYGcWwh6D0tJrDOBm3LliH2Vvq77UcTPNGRlIMonynyZnaqEu
EpW7KcIU4iuYWcrmU9OlfHcpHQKBgQC/8YXo3UKEeR2rTHraP0LQ8bOqYa5yrfQO
YJM5uz/ECIICDwD9EaEjhdE56nPf3lWcDlsy4VbTqA3QuFIjywgwcXYOLLBf0JUD
ufQqsfuY7gqoWeq9Xr7KVjO/I0L4ZAWV9EXuBbvZElg2qj0KJyvu7rOs5MQPznFM
/beAMo+PZwKBgBQnRv4vFKfZlfe2vxM/Z0u5HBW7FCvnPa8NFL2Z2g99JrNHEBvI
AH6m9cofsecjltl7jTGj1tnqqwhi+VfXbB9Zd7fWaq42EH8yb3R6CFFfU8QiGICI
+fJt7hlegydw0eDKEMvpr3C/5eCY4y5lHw+/ASTjaCGDhrO59X7xAFchAoGAcVCC
v6Cv/kkKTPCPrnyeU3/9k16rgCRV6o71G6YB1Rc4uUJmUQCxYqlDha91zPoTDFgl
WvpRKg8SaOAIDf10zjSNf3y+ezJGZrbHANWmNPiC7jR3MmjWtdkCH5sPlFhoO8jD
5+sWpOYBkfQaqP3LH/lntXAwlyxHEy7NwC8ZNY0CgYBzNv0+8RfpT6FIfR4ryl3R
jqOJ1UzTV3r3MK5rGNJEIcDeeeYfE1MqeRY1Yihmf45pb05CJVw5u+gTXby3Q67n
Dv0x9+PmmUuNWi2AHSAP1MBCNK7OR8Eg/Lxz53kbscJxPI8sfYuNWDpOHOJioAK4
6JuOXpzgO1PJMh7YMQ3uSQ==
-----END PRIVATE KEY-----
";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoWR9L22pv3r6vb5kLoDH
R6kq3x5RUp0g6DkOmoX3bf8Z3hnnYOz/UO2okIlj/qawyBEOV/dwIE5alIjZ1kse
+vX8qbKCwIoHXEBhEp9FxCy1jZnyTd97Pb+KF8NzMYNij4VYBav6grydPow7Uv5Y
tAnwVOXPWF0oN+QG04Z2IqwoBDT1l3f0kzjtp49NfPpnJLG1x/bEOHaRwEMHRemt
a3wjL14uBVsAsfQ1h2ZPwHqnw7/MAELlM86jhToV6bvn+kFj8LU+illsoW/2BgGT
c4zQUg0gGUPqlBXW7A1cbxdfptBqV8UbexJjxIBgYJ/2lDKDQT/de/GyVK4zRRu9
qwIDAQAB
-----END PUBLIC KEY-----
";
