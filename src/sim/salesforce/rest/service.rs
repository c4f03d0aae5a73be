//! Any request: counted, struck by a fault or not, and given to the place it is for.
//!
//! In: a request as it comes. Out: its answer, with the usage of the daily allocation. What is under `/control` is no
//! part of the service and not counted, nor is the page for people at `/`.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::super::error::ApiError;
use super::call::{App, Call, decoded};
use super::{auth, control, fault, page, resource, soap, versions};

/// Answers a request, or lets a fault strike it.
pub(super) async fn serve(State(app): State<App>, request: Request) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let split: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(decoded)
        .collect();
    if split.first().is_some_and(|part| part == "control") {
        return control::handle(&app, &split[1..], request)
            .await
            .unwrap_or_else(IntoResponse::into_response);
    }
    if split.is_empty() && method == Method::GET {
        return page::show(&app, request.headers());
    }
    app.org.statistics.request(method.as_str(), &path);
    let fault = app.org.faults.strike(method.as_str(), &path);
    let Some(fault) = fault else {
        return answer(app, split, request).await;
    };
    fault::strike(&fault, &app.clone(), request, |request| {
        answer(app, split, request)
    })
    .await
}

/// Carries a request out.
async fn answer(app: App, path: Vec<String>, request: Request) -> Response {
    let org = std::sync::Arc::clone(&app.org);
    let lower: Vec<String> = path.iter().map(|part| part.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let result = match lower.as_slice() {
        ["services", "data"] => Ok(versions::list()),
        ["services", "oauth2", "token"] => auth::token(&app, request).await,
        ["services", "soap", "u", ..] => soap::partner(&app, request).await,
        ["services", "soap", "m", ..] => soap::read_metadata(&app, request).await,
        ["services", "data", version, ..] if versions::known(version) => {
            data(app, path, request).await
        }
        ["services", "oauth2", "userinfo"] => match Call::new(app, path, request) {
            Ok(call) => auth::userinfo(&call),
            Err(error) => Err(error),
        },
        ["services", "oauth2", "revoke"] => auth::revoke(&app, request).await,
        ["id", _, _] => match Call::new(app, path, request) {
            Ok(call) => auth::identity(&call),
            Err(error) => Err(error),
        },
        _ => Err(ApiError::not_found()),
    };
    let mut response = result.unwrap_or_else(IntoResponse::into_response);
    let usage = format!(
        "api-usage={}/{}",
        org.statistics.calls(),
        org.options.daily_api_requests
    );
    if let Ok(usage) = HeaderValue::from_str(&usage) {
        response.headers_mut().insert("Sforce-Limit-Info", usage);
    }
    response
}

async fn data(app: App, path: Vec<String>, request: Request) -> Result<Response, ApiError> {
    let call = Call::new(app, path, request)?;
    if !call
        .app
        .org
        .statistics
        .take_call(call.app.org.options.daily_api_requests)
    {
        let message = "TotalRequests Limit exceeded.";
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "REQUEST_LIMIT_EXCEEDED",
            message,
        ));
    }
    resource::resource(call).await
}
