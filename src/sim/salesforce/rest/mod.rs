//! The REST surface: one file per resource, one place that knows all paths.
//!
//! In: any request. Out: its answer. Every request is counted, may be struck by a fault, needs a live session unless it is
//! a login, and takes one API call of the daily allocation. Paths match whatever their case in the fixed parts, with or
//! without a slash at the end (reference/salesforce.md §1.1).

mod auth;
mod call;
mod collections;
mod composite;
mod control;
mod deploy;
mod describe;
mod fault;
mod files;
mod ingest;
mod limits;
mod notes;
mod query;
mod query_jobs;
mod rows;
mod soap;
mod tree;
mod versions;
mod writing;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

pub(crate) use call::{App, Call};

use super::error::ApiError;

/// The service of one org.
pub(crate) fn router(app: App) -> Router {
    Router::new().fallback(serve).with_state(app)
}

async fn serve(State(app): State<App>, request: Request) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let split: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(call::decoded)
        .collect();
    if split.first().is_some_and(|part| part == "control") {
        return control::handle(&app, &split[1..], request)
            .await
            .unwrap_or_else(IntoResponse::into_response);
    }
    app.org.statistics.request(method.as_str(), &path);
    let fault = app.org.faults.strike(method.as_str(), &path);
    let Some(fault) = fault else {
        return answer(app, split, request).await;
    };
    fault::strike(&fault, app, split, request).await
}

/// Carries a request out.
async fn answer(app: App, path: Vec<String>, request: Request) -> Response {
    let org = std::sync::Arc::clone(&app.org);
    let lower: Vec<String> = path.iter().map(|part| part.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let result = match lower.as_slice() {
        ["services", "data"] => Ok(versions::list()),
        ["services", "oauth2", "token"] => auth::token(&app, request).await,
        ["services", "soap", "u", ..] => soap::login(&app, request).await,
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
    resource(call).await
}

/// Carries out a request on a resource of one version.
async fn resource(call: Call) -> Result<Response, ApiError> {
    let parts: Vec<String> = call.path[3..].to_vec();
    let lower: Vec<String> = parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let name = |at: usize| parts[at].clone();
    let method = call.method.clone();
    let no_method = || Err(ApiError::method(&method));
    match (lower.as_slice(), &method) {
        ([], &Method::GET) => Ok(versions::resources(&call)),
        (["limits"], &Method::GET) => Ok(limits::limits(&call)),
        (["limits", "recordcount"], &Method::GET) => Ok(limits::record_count(&call)),
        (["query"], &Method::GET) => query::query(&call, false).await,
        (["queryall"], &Method::GET) => query::query(&call, true).await,
        (["query" | "queryall", _], &Method::GET) => query::page(&call, &name(1)).await,
        (["tooling", "query"], &Method::GET) => query::tooling(&call).await,
        (["tooling", "query", _], &Method::GET) => query::page(&call, &name(2)).await,
        (["sobjects"], &Method::GET) => Ok(describe::global(&call)),
        (["sobjects", _], &Method::GET) => describe::basic(&call, &name(1)),
        (["sobjects", _], &Method::POST) => rows::create(call, &name(1)).await,
        (["sobjects", _, "describe"], &Method::GET) => describe::object(&call, &name(1)),
        (["sobjects", _, _], &Method::GET) => rows::get(&call, &name(1), &name(2)),
        (["sobjects", _, _], &Method::PATCH) => rows::update(call, &name(1), &name(2)).await,
        (["sobjects", _, _], &Method::DELETE) => rows::delete(&call, &name(1), &name(2)).await,
        (["sobjects", _, _, "versiondata" | "content"], &Method::GET) => {
            files::content(&call, &name(1), &name(2), &name(3)).await
        }
        (["sobjects", _, _, _], &Method::GET) => {
            rows::get_by_key(&call, &name(1), &name(2), &name(3))
        }
        (["sobjects", _, _, _], &Method::PATCH) => {
            rows::upsert(call, &name(1), &name(2), &name(3)).await
        }
        (["sobjects", _, _, _], &Method::DELETE) => {
            rows::delete_by_key(&call, &name(1), &name(2), &name(3)).await
        }
        (["composite"], &Method::POST) => composite::run(call).await,
        (["composite", "sobjects"], _) => collections::handle(call).await,
        (["composite", "sobjects", _], &Method::POST) => {
            collections::retrieve(call, &name(2)).await
        }
        (["composite", "sobjects", _, _], &Method::PATCH) => {
            collections::upsert(call, &name(2), &name(3)).await
        }
        (["composite", "tree", _], &Method::POST) => tree::create(call, &name(2)).await,
        (["jobs", "ingest"], &Method::POST) => ingest::create(call).await,
        (["jobs", "ingest"], &Method::GET) => Ok(ingest::list(&call)),
        (["jobs", "ingest", _], &Method::GET) => ingest::get(&call, &name(2)),
        (["jobs", "ingest", _], &Method::PATCH) => ingest::change(call, &name(2)).await,
        (["jobs", "ingest", _], &Method::DELETE) => ingest::delete(&call, &name(2)),
        (["jobs", "ingest", _, "batches"], &Method::PUT) => ingest::upload(call, &name(2)).await,
        (["jobs", "ingest", _, result], &Method::GET) => {
            ingest::results(&call, &name(2), result).await
        }
        (["jobs", "query"], &Method::POST) => query_jobs::create(call).await,
        (["jobs", "query"], &Method::GET) => Ok(query_jobs::list(&call)),
        (["jobs", "query", _], &Method::GET) => query_jobs::get(&call, &name(2)),
        (["jobs", "query", _], &Method::PATCH) => query_jobs::change(call, &name(2)).await,
        (["jobs", "query", _], &Method::DELETE) => query_jobs::delete(&call, &name(2)),
        (["jobs", "query", _, "results"], &Method::GET) => {
            query_jobs::results(&call, &name(2)).await
        }
        (["jobs", "query", _, "resultpages"], &Method::GET) => query_jobs::pages(&call, &name(2)),
        (["metadata", "deployrequest"], &Method::POST) => deploy::create(call).await,
        (["metadata", "deployrequest", _], &Method::GET) => deploy::get(&call, &name(2)),
        (["metadata", "deployrequest", _], &Method::PATCH) => deploy::cancel(&call, &name(2)),
        (
            [
                "limits" | "query" | "queryall" | "sobjects" | "composite" | "jobs" | "metadata"
                | "tooling",
                ..,
            ],
            _,
        ) => no_method(),
        _ => Err(ApiError::not_found()),
    }
}
