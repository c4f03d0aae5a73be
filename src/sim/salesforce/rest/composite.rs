//! Composite: several requests in one call, later ones referring to earlier ones (`guide/salesforce.md` §4).
//!
//! In: subrequests with `@{ref.field}` in URLs and bodies. Out: their answers in order. Each is carried out like a request
//! of its own, but the whole takes one API call. `allOrNone` stops at the first failure; it does not take back what was
//! done before it, which the simulator cannot do across objects.

use std::collections::HashMap;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::call::{Call, decoded, json as answer};

/// Subrequests in a call.
const MOST: usize = 25;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Composite {
    #[serde(default)]
    all_or_none: bool,
    composite_request: Vec<Subrequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subrequest {
    method: String,
    url: String,
    reference_id: String,
    #[serde(default)]
    body: Value,
}

/// `POST /composite`.
pub(super) async fn run(mut call: Call) -> Result<Response, ApiError> {
    let composite: Composite = call.json().await?;
    if composite.composite_request.len() > MOST {
        return Err(ApiError::bad(
            "LIMIT_EXCEEDED",
            format!("a composite request has at most {MOST} subrequests"),
        ));
    }
    let mut known: HashMap<String, Value> = HashMap::new();
    let mut answers = Vec::new();
    let mut halted = false;
    for subrequest in composite.composite_request {
        if halted {
            let body = json!([{"errorCode": "PROCESSING_HALTED", "message": "The transaction was rolled back since another operation in the same transaction failed."}]);
            answers.push(told(
                &subrequest.reference_id,
                StatusCode::BAD_REQUEST,
                body,
            ));
            continue;
        }
        let url = resolved(&subrequest.url, &known);
        let body = resolve(subrequest.body, &known);
        let (status, body) = carry_out(&call, &subrequest.method, &url, &body).await?;
        halted = composite.all_or_none && !status.is_success();
        known.insert(subrequest.reference_id.clone(), body.clone());
        answers.push(told(&subrequest.reference_id, status, body));
    }
    Ok(answer(
        StatusCode::OK,
        &json!({"compositeResponse": answers}),
    ))
}

fn told(reference: &str, status: StatusCode, body: Value) -> Value {
    json!({"body": body, "httpHeaders": {}, "httpStatusCode": status.as_u16(), "referenceId": reference})
}

async fn carry_out(
    call: &Call,
    method: &str,
    url: &str,
    body: &Value,
) -> Result<(StatusCode, Value), ApiError> {
    let content = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    let request = Request::builder()
        .method(method)
        .uri(url.replace(' ', "%20"))
        .header("content-type", "application/json")
        .body(content)
        .map_err(|_| ApiError::bad("INVALID_INPUT", format!("not a request: {method} {url}")))?;
    let path: Vec<String> = request
        .uri()
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .map(decoded)
        .collect();
    let nested = path
        .get(3)
        .is_some_and(|part| part.eq_ignore_ascii_case("composite"))
        && path.len() == 4;
    let within = path.get(1).is_some_and(|part| part == "data") && path.len() > 3;
    if nested || !within {
        return Err(ApiError::bad(
            "INVALID_INPUT",
            format!("not allowed in a composite request: {url}"),
        ));
    }
    let response = Box::pin(super::resource::resource(call.within(path, request))).await;
    let response = response.unwrap_or_else(IntoResponse::into_response);
    let status = response.status();
    let bytes = super::call::read(response.into_body()).await?;
    Ok((
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    ))
}

fn resolve(value: Value, known: &HashMap<String, Value>) -> Value {
    match value {
        Value::String(text) => Value::String(resolved(&text, known)),
        Value::Array(list) => list
            .into_iter()
            .map(|value| resolve(value, known))
            .collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, resolve(value, known)))
            .collect(),
        other => other,
    }
}

/// Replaces `@{ref.path[0].field}`.
fn resolved(text: &str, known: &HashMap<String, Value>) -> String {
    let Some((before, rest)) = text.split_once("@{") else {
        return text.to_owned();
    };
    let Some((expression, after)) = rest.split_once('}') else {
        return text.to_owned();
    };
    let mut parts = expression
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty());
    let mut value = parts.next().and_then(|reference| known.get(reference));
    for part in parts {
        value = value.and_then(|value| match part.parse::<usize>() {
            Ok(at) if value.is_array() => value.get(at),
            _ => value.get(part),
        });
    }
    let value = match value {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    format!("{before}{value}{}", resolved(after, known))
}
