//! Claims about logging in: each flow sends what Salesforce asks for and shows its credentials nowhere.

use std::error::Error as _;

use base64::{Engine, prelude::BASE64_STANDARD};

use super::{
    super::{
        Auth, ErrorClass, Settings,
        jwt::tests::{PRIVATE_KEY, verified},
        mock_org::MockOrg,
        net::mock_server::say,
    },
    *,
};

#[tokio::test]
async fn client_credentials_travel_in_the_header_and_name_the_organization() {
    let server = MockOrg::start().await;
    let client = server.client().await;
    let request = &server.received("POST /services/oauth2/token")[0];
    let basic = format!("Basic {}", BASE64_STANDARD.encode("app:hunter2"));
    assert_eq!(request.header("authorization"), basic);
    assert_eq!(request.body, "grant_type=client_credentials");
    assert_eq!(client.identity().organization_id, "00Dxx0000000001AAA");
    assert_eq!(client.identity().user_id, "005xx0000000001AAA");
}

#[tokio::test]
async fn the_jwt_flow_sends_a_signed_assertion_for_the_user() {
    let server = MockOrg::start().await;
    let settings = with_auth(
        &server,
        Auth::Jwt {
            client_id: "consumer".into(),
            username: "loader@example.com".into(),
            private_key: Secret::new(PRIVATE_KEY),
        },
    );
    server.connect(settings).await.unwrap();
    let body = &server.received("POST /services/oauth2/token")[0].body;
    let form: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).collect();
    assert_eq!(form[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let origin = server.url.origin().ascii_serialization();
    let claims = verified(&form[1].1);
    assert_eq!(claims["aud"], origin);
    assert_eq!(claims["iss"], "consumer");
    assert_eq!(claims["sub"], "loader@example.com");
    assert_eq!(claims["exp"], 1_700_000_180);
}

#[tokio::test]
async fn a_rotated_refresh_token_is_used_for_the_next_login() {
    let server = MockOrg::start_without_login().await;
    let answer = |token: &str| {
        let base = server.url.as_str();
        say(
            200,
            format!(
                r#"{{"access_token":"{token}","refresh_token":"second","instance_url":"{base}",
                    "id":"{base}id/00Dxx/005yy"}}"#
            ),
        )
    };
    server.on(
        "POST /services/oauth2/token",
        &[answer("t0")],
        Some(answer("t1")),
    );
    server.on("GET /services/data/v66.0/limits", &[], Some(say(200, "{}")));
    let settings = with_auth(
        &server,
        Auth::RefreshToken {
            client_id: "consumer".into(),
            client_secret: None,
            refresh_token: Secret::new("first"),
        },
    );
    let client = server.connect(settings).await.unwrap();
    server.accept_only("t1");
    client.limits().await.unwrap();
    let logins = server.received("POST /services/oauth2/token");
    assert!(logins[0].body.contains("refresh_token=first"));
    assert!(logins[1].body.contains("refresh_token=second"));
}

#[tokio::test]
async fn the_user_info_names_the_organization_where_the_token_does_not() {
    let server = MockOrg::start_without_login().await;
    let base = server.url.as_str();
    let token = format!(r#"{{"access_token":"t0","instance_url":"{base}"}}"#);
    server.on("POST /services/oauth2/token", &[], Some(say(200, token)));
    let info = r#"{"organization_id":"00Dxx","user_id":"005yy"}"#;
    server.on("GET /services/oauth2/userinfo", &[], Some(say(200, info)));
    let client = server.connect(server.settings()).await.unwrap();
    assert_eq!(client.identity().user_id, "005yy");
}

#[tokio::test]
async fn wrong_credentials_are_a_credentials_error_without_the_credentials() {
    let server = MockOrg::start_without_login().await;
    let refusal = r#"{"error":"invalid_client","error_description":"invalid client credentials"}"#;
    server.on("POST /services/oauth2/token", &[], Some(say(400, refusal)));
    let error = server.connect(server.settings()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Credentials);
    assert!(error.hint().unwrap().contains("consumer key"));
    let cause = error.source().unwrap().to_string();
    assert_eq!(
        cause,
        "POST /services/oauth2/token was refused with status 400 \
         (invalid_client: invalid client credentials)"
    );
    let shown = format!("{error} {error:?} {:?}", server.settings());
    assert!(!shown.contains("hunter2"));
    assert_eq!(server.received("POST").len(), 1);
}

#[tokio::test]
async fn a_login_is_retried_while_the_server_is_busy() {
    let server = MockOrg::start().await;
    server.on(
        "POST /services/oauth2/token",
        &[say(503, "")],
        Some(server.token("t0")),
    );
    server.client().await;
    assert_eq!(server.received("POST").len(), 2);
}

#[tokio::test]
async fn an_instance_without_https_is_refused() {
    let server = MockOrg::start_without_login().await;
    let token = r#"{"access_token":"t0","instance_url":"http://acme.my.salesforce.com"}"#;
    server.on("POST /services/oauth2/token", &[], Some(say(200, token)));
    let error = server.connect(server.settings()).await.unwrap_err();
    assert!(matches!(error, Error::InsecureUrl { .. }));
}

fn with_auth(server: &MockOrg, auth: Auth) -> Settings {
    Settings::new(server.url.clone(), auth)
}
