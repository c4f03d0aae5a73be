//! `metadata/deployRequest` (`guide/salesforce.md` §5.1).
//!
//! In: a multipart body with a JSON part of any name and a zip. Out: DeployResult, asynchronous.

use std::sync::Arc;

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::bulk::Task;
use super::super::deploy::{DeployOptions, Deployment};
use super::super::error::ApiError;
use super::call::{Call, json as answer};

/// Bytes of a zip (§5.1: 39 MB).
const ZIP_LIMIT: usize = 39 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    deploy_options: DeployOptions,
}

/// `POST /metadata/deployRequest`.
pub(super) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let invalid = |message: &str| ApiError::bad("INVALID_MULTIPART_REQUEST", message);
    let mut request = Request::new(call.take_body());
    *request.headers_mut() = call.headers.clone();
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| invalid("not a multipart request"))?;
    let (mut options, mut zip) = (None, None);
    while let Some(mut part) = parts
        .next_field()
        .await
        .map_err(|_| invalid("broken multipart request"))?
    {
        let kind = part.content_type().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = part
            .chunk()
            .await
            .map_err(|_| invalid("broken multipart request"))?
        {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > ZIP_LIMIT {
                return Err(ApiError::bad(
                    "EXCEEDED_MAX_SIZE_REQUEST",
                    "Maximum size of request reached",
                ));
            }
        }
        if kind.contains("zip") || bytes.starts_with(b"PK") {
            zip = Some(bytes);
        } else {
            let body: Body =
                serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))?;
            options = Some(body.deploy_options);
        }
    }
    let (Some(options), Some(zip)) = (options, zip) else {
        return Err(invalid("a deploy request needs a JSON part and a zip part"));
    };
    let org = &call.app.org;
    let id = org.new_id(*b"0Af");
    let deployment = Arc::new(Deployment::new(
        id,
        org.user_id(call.user),
        options,
        zip,
        org.deployments.trial(),
    ));
    let body = told(&call, &deployment, deployment.accepted());
    org.deployments.keep(&deployment);
    call.app.workers.push(org, Task::Deploy(deployment));
    Ok(answer(StatusCode::CREATED, &body))
}

fn told(call: &Call, deployment: &Deployment, result: Value) -> Value {
    let root = format!(
        "{}/services/data/v{}/metadata/deployRequest",
        call.app.org.base_url(),
        call.version
    );
    json!({
        "id": deployment.id.to_string(),
        "url": format!("{root}/{}?includeDetails=true", deployment.id),
        "deployResult": result,
    })
}

/// `GET /metadata/deployRequest/<id>`.
pub(super) fn get(call: &Call, id: &str) -> Result<Response, ApiError> {
    let deployment = call
        .app
        .org
        .deployments
        .find(id)
        .ok_or_else(ApiError::not_found)?;
    let details = call
        .parameter("includeDetails")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let (result, go_on) = deployment.look(details);
    if go_on {
        carry_on(call, &deployment);
    }
    Ok(answer(StatusCode::OK, &told(call, &deployment, result)))
}

/// `PATCH /metadata/deployRequest/<id>`.
pub(super) fn cancel(call: &Call, id: &str) -> Result<Response, ApiError> {
    let deployment = call
        .app
        .org
        .deployments
        .find(id)
        .ok_or_else(ApiError::not_found)?;
    match deployment.cancel() {
        None => {
            return Err(ApiError::bad(
                "INVALID_ID_FIELD",
                "the deployment has already completed",
            ));
        }
        Some(true) => carry_on(call, &deployment),
        Some(false) => {}
    }
    let result = json!({"status": "Canceling"});
    Ok(answer(
        StatusCode::ACCEPTED,
        &told(call, &deployment, result),
    ))
}

/// Lets a deployment that was held go on.
fn carry_on(call: &Call, deployment: &Arc<Deployment>) {
    let task = Task::Deploy(Arc::clone(deployment));
    call.app.workers.push(&call.app.org, task);
}
