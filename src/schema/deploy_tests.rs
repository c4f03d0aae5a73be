//! Claims about carrying out a plan, against an organisation that is played by a script of answers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::Request, response::IntoResponse};
use tokio::task::JoinSet;
use url::Url;

use super::*;
use crate::{
    salesforce::{Auth, Secret, Settings},
    schema::{Conflict, CustomField},
};

#[tokio::test]
async fn a_plan_is_deployed_assigned_and_looked_at() {
    let org = Org::start(&[
        ("POST /services/data/v66.0/metadata", r#"{"id":"0Af1"}"#),
        ("GET /services/data/v66.0/metadata", RUNNING),
        ("GET /services/data/v66.0/metadata", SUCCEEDED),
        (
            "GET /services/data/v66.0/query?q=SELECT+Id+FROM+PermissionSet+",
            SET,
        ),
        (
            "GET /services/data/v66.0/query?q=SELECT+Id+FROM+PermissionSetA",
            NONE,
        ),
        (
            "POST /services/data/v66.0/sobjects/PermissionSetA",
            r#"{"id":"0Pa1","success":true}"#,
        ),
        ("GET /services/data/v66.0/sobjects/Account", VISIBLE),
    ])
    .await;
    let mut seen = Vec::new();
    let report = apply(
        &org.client().await,
        &plan(),
        WaitOptions::default(),
        |look| {
            seen.push(look.status.clone());
        },
    )
    .await
    .unwrap();
    assert_eq!(seen, ["InProgress", "Succeeded"]);
    let expected = DeployReport {
        deployment: Some("0Af1".into()),
        created: 1,
        assigned: true,
    };
    assert_eq!(report, expected);
    org.assert_all_asked();
}

#[tokio::test]
async fn a_permission_set_that_is_assigned_is_not_assigned_again() {
    let org = Org::start(&[
        ("POST /services/data/v66.0/metadata", r#"{"id":"0Af1"}"#),
        ("GET /services/data/v66.0/metadata", SUCCEEDED),
        (
            "GET /services/data/v66.0/query?q=SELECT+Id+FROM+PermissionSet+",
            SET,
        ),
        (
            "GET /services/data/v66.0/query?q=SELECT+Id+FROM+PermissionSetA",
            SET,
        ),
        ("GET /services/data/v66.0/sobjects/Account", VISIBLE),
    ])
    .await;
    let report = apply(&org.client().await, &plan(), WaitOptions::default(), |_| {}).await;
    assert!(!report.unwrap().assigned);
}

#[tokio::test]
async fn an_empty_plan_asks_for_nothing() {
    let org = Org::start(&[]).await;
    let client = org.client().await;
    let before = client.usage().requests;
    let report = apply(
        &client,
        &SchemaPlan::default(),
        WaitOptions::default(),
        |_| {},
    )
    .await;
    assert_eq!(report.unwrap(), DeployReport::default());
    assert_eq!(client.usage().requests, before);
}

#[tokio::test]
async fn a_plan_with_conflicts_is_refused_before_anything_is_sent() {
    let org = Org::start(&[]).await;
    let mut plan = plan();
    plan.conflicts.push(Conflict::ReadOnly {
        field: FieldName::new("Account", "sum__c"),
    });
    let error = apply(&org.client().await, &plan, WaitOptions::default(), |_| {})
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "Account.sum__c cannot be written");
}

#[tokio::test]
async fn a_refused_package_names_file_component_and_problem() {
    let failed = r#"{"id":"0Af1","deployResult":{"status":"Failed","done":true,"success":false,
        "details":{"componentFailures":[{"fullName":"Account.id__c","lineNumber":4,
        "fileName":"objects/Account.object","problem":"You cannot deploy to a required field: Account.id__c"}]}}}"#;
    let org = Org::start(&[
        ("POST /services/data/v66.0/metadata", r#"{"id":"0Af1"}"#),
        ("GET /services/data/v66.0/metadata", failed),
    ])
    .await;
    let error = apply(&org.client().await, &plan(), WaitOptions::default(), |_| {})
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "deployment 0Af1 ended as Failed\n  objects/Account.object:4: Account.id__c: \
         You cannot deploy to a required field: Account.id__c"
    );
    assert!(error.hint().unwrap().contains("make it optional"));
}

#[tokio::test]
async fn a_field_that_stays_invisible_is_an_error() {
    let org = Org::start(&[
        ("POST /services/data/v66.0/metadata", r#"{"id":"0Af1"}"#),
        ("GET /services/data/v66.0/metadata", SUCCEEDED),
        (
            "GET /services/data/v66.0/query?q=SELECT+Id+FROM+PermissionSet+",
            SET,
        ),
        (
            "GET /services/data/v66.0/query?q=SELECT+Id+FROM+PermissionSetA",
            SET,
        ),
        (
            "GET /services/data/v66.0/sobjects/Account",
            r#"{"name":"Account","fields":[]}"#,
        ),
    ])
    .await;
    let error = apply(&org.client().await, &plan(), WaitOptions::default(), |_| {})
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Account.id__c still cannot be written after the deployment"
    );
}

#[tokio::test]
async fn an_object_that_the_organization_lacks_is_named() {
    let org = Org::start(&[]).await;
    let wanted = crate::schema::WantedField {
        object: "Acount".into(),
        name: "Name".into(),
        data_type: arrow::datatypes::DataType::Utf8,
        is_key: false,
        declared: None,
        label: None,
        choices: Vec::new(),
        refers_to: None,
        max_chars: None,
        whole_digits: None,
        decimals: None,
    };
    let wanted = crate::schema::Wanted {
        fields: vec![wanted],
        ..Default::default()
    };
    let error = crate::schema::inspect(&org.client().await, &wanted, BTreeSet::new())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the organisation has no object Acount, or hides it from this user"
    );
}

const RUNNING: &str = r#"{"id":"0Af1","deployResult":{"status":"InProgress","done":false}}"#;
const SUCCEEDED: &str =
    r#"{"id":"0Af1","deployResult":{"status":"Succeeded","done":true,"success":true}}"#;
const SET: &str = r#"{"done":true,"records":[{"Id":"0PS1"}]}"#;
const NONE: &str = r#"{"done":true,"records":[]}"#;
const VISIBLE: &str =
    r#"{"name":"Account","fields":[{"name":"id__c","createable":true,"custom":true}]}"#;

fn plan() -> SchemaPlan {
    let field = FieldName::new("Account", "id__c");
    SchemaPlan {
        create: vec![CustomField {
            field: field.clone(),
            label: "Id".into(),
            field_type: "Text(64)".parse().unwrap(),
            is_key: true,
            choices: Vec::new(),
            refers_to: None,
        }],
        permitted: vec![field],
        ..SchemaPlan::default()
    }
}

type Script = Arc<Mutex<VecDeque<(String, String)>>>;

/// An organisation that expects exactly these requests, in this order.
struct Org {
    url: Url,
    script: Script,
    _server: JoinSet<()>,
}

impl Org {
    async fn start(script: &[(&str, &str)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let base = url.as_str();
        let token =
            format!(r#"{{"access_token":"t","instance_url":"{base}","id":"{base}id/00D/005"}}"#);
        let mut expected = VecDeque::from([("POST /services/oauth2/token".to_owned(), token)]);
        let rest = script.iter();
        expected.extend(rest.map(|(line, body)| ((*line).to_owned(), (*body).to_owned())));
        let script: Script = Arc::new(Mutex::new(expected));
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&script));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            script,
            _server: server,
        }
    }

    async fn client(&self) -> Client {
        let auth = Auth::ClientCredentials {
            client_id: "app".into(),
            client_secret: Secret::new("secret"),
        };
        Client::connect(Settings::new(self.url.clone(), auth))
            .await
            .unwrap()
    }

    fn assert_all_asked(&self) {
        assert!(self.script.lock().unwrap().is_empty());
    }
}

async fn answer(
    State(script): State<Script>,
    request: Request<axum::body::Body>,
) -> impl IntoResponse {
    let line = format!("{} {}", request.method(), request.uri());
    let _body: Bytes = axum::body::to_bytes(request.into_body(), usize::MAX)
        .await
        .unwrap();
    let mut script = script.lock().unwrap();
    match script.front() {
        Some((expected, _)) if line.starts_with(expected) => {
            let (_, body) = script.pop_front().unwrap();
            (axum::http::StatusCode::OK, body)
        }
        _ => (
            axum::http::StatusCode::NOT_FOUND,
            format!("[{{\"errorCode\":\"UNEXPECTED {line}\"}}]"),
        ),
    }
}
