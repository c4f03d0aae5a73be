//! The account over HTTP: one place that knows all paths.
//!
//! In: any request. Out: its answer. A request is counted, may be struck by a fault, needs the key, takes its share of the
//! rate limit, and may be for an endpoint that the account lacks or the key must not use. What is under `/control` and the page
//! for people at `/` are no part of the service and not counted. Never: a row without the key.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::account::Account;
use super::broken;
use super::call::Call;
use super::control;
use super::error::{Refusal, html};
use super::exports;
use super::faults::Reset;
use super::lists;
use super::objects::Object;
use super::options::{Bug, ExportPlace, RetryAfter};
use super::page;
use super::shape::Version;

/// How HTTP writes dates.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// Longest body that is read.
const LONGEST_BODY: usize = 1 << 20;

/// The service of an account.
pub(super) fn router(account: Arc<Account>) -> Router {
    Router::new().fallback(serve).with_state(account)
}

async fn serve(State(account): State<Arc<Account>>, request: Request) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    if let Some(rest) = path.strip_prefix("/control/") {
        return control::handle(&account, rest.trim_end_matches('/'), request).await;
    }
    if path == "/" && method == Method::GET {
        return page::show(&account, request.headers());
    }
    let address = request
        .uri()
        .path_and_query()
        .map_or_else(|| path.clone(), ToString::to_string);
    account.stats.arrived(Instant::now());
    let fault = account.faults.strike(method.as_str(), &path);
    let mut response = match &fault {
        None => answer(&account, request).await,
        Some(fault) => {
            account.stats.struck(&fault.name());
            match broken::instead(fault).await {
                Some(response) => response,
                None => broken::on_the_way(fault, answer(&account, request).await).await,
            }
        }
    };
    let date = account.clock().format(HTTP_DATE).to_string();
    if let Ok(date) = HeaderValue::try_from(date) {
        response.headers_mut().insert(header::DATE, date);
    }
    let reset_before = fault
        .as_ref()
        .is_some_and(|fault| fault.reset == Some(Reset::Before));
    let whole =
        fault.is_none_or(|fault| fault.reset.is_none() && fault.truncate.is_none() && !fault.proxy);
    let status = if reset_before {
        0
    } else {
        response.status().as_u16()
    };
    account
        .stats
        .answered(method.as_str(), &address, status, whole);
    response
}

async fn answer(account: &Arc<Account>, request: Request) -> Response {
    respond(account, request)
        .await
        .unwrap_or_else(IntoResponse::into_response)
}

async fn respond(account: &Arc<Account>, request: Request) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let place = account.now().export_place;
    match parts.as_slice() {
        ["media", "exports", name] if place == ExportPlace::Media => {
            return exports::file(account, name).await;
        }
        ["storage", name] if place == ExportPlace::Url => {
            return exports::file(account, name).await;
        }
        ["api", "public", ..] => {}
        _ => return Ok(html(StatusCode::NOT_FOUND)),
    }
    authorised(account, &head.headers)?;
    throttled(account)?;
    let parts = parts.get(2..).unwrap_or_default();
    let endpoint = parts
        .first()
        .copied()
        .unwrap_or_default()
        .trim_end_matches("-by-id");
    allowed(account, endpoint)?;
    if let ["exports", name] = parts
        && place == ExportPlace::Api
    {
        return exports::file(account, name).await;
    }
    if !path.ends_with('/') {
        let query = head
            .uri
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        return Err(Refusal::Slash(format!("{path}/{query}")));
    }
    let accept = head
        .headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let version = match account.has(Bug::V1Only) {
        true => Version::V1,
        false => Version::of(accept.unwrap_or_default()),
    };
    let host = head
        .headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok());
    let call = Call {
        account: Arc::clone(account),
        version,
        origin: format!("http://{}", host.unwrap_or("localhost")),
        path: path.clone(),
        query: head.uri.query().unwrap_or_default().to_owned(),
    };
    let route = route(&head.method, parts)?;
    let body = match route {
        Route::CreateExport => to_bytes(body, LONGEST_BODY)
            .await
            .map_err(|_| Refusal::detail(StatusCode::BAD_REQUEST, "the body cannot be read"))?,
        _ => bytes::Bytes::new(),
    };
    // Rows are read from a file.
    let answered = tokio::task::spawn_blocking(move || match route {
        Route::List(object) => lists::all(&call, object),
        Route::Search => lists::search(&call),
        Route::One(object, id) => lists::one(&call, object, id),
        Route::Belonging(owner, id, object) => lists::belonging(&call, owner, id, object),
        Route::CreateExport => exports::create(&call, &body),
    });
    answered
        .await
        .unwrap_or(Err(Refusal::Html(StatusCode::INTERNAL_SERVER_ERROR)))
}

/// What a path asks for.
enum Route {
    List(Object),
    Search,
    One(Object, i64),
    Belonging(Object, i64, Object),
    CreateExport,
}

fn route(method: &Method, parts: &[&str]) -> Result<Route, Refusal> {
    let missing = || Refusal::Html(StatusCode::NOT_FOUND);
    let route = match parts {
        ["exports"] => Route::CreateExport,
        ["users", "search"] => Route::Search,
        [list] => Route::List(listed(list).ok_or_else(missing)?),
        [list, id] => Route::One(listed(list).ok_or_else(missing)?, number(id)?),
        [list, id, inner] => {
            let owner = listed(list).ok_or_else(missing)?;
            let object = match (owner, *inner) {
                (Object::Segments, "users") => Object::SegmentMembers,
                (Object::Deals, "stage-changes") => Object::StageChanges,
                (Object::People, "conversations") => Object::Conversations,
                (Object::People, "events") => Object::UserEvents,
                (Object::People, "emails") => Object::Emails,
                _ => return Err(missing()),
            };
            Route::Belonging(owner, number(id)?, object)
        }
        _ => return Err(missing()),
    };
    let expected = match route {
        Route::CreateExport => Method::POST,
        _ => Method::GET,
    };
    if *method != expected {
        let detail = format!("Method \"{method}\" not allowed.");
        return Err(Refusal::detail(StatusCode::METHOD_NOT_ALLOWED, detail));
    }
    Ok(route)
}

/// The object of a list endpoint.
fn listed(name: &str) -> Option<Object> {
    match name {
        "users" => Some(Object::People),
        "companies" => Some(Object::Companies),
        "deals" => Some(Object::Deals),
        "activities" => Some(Object::Activities),
        "tags" => Some(Object::Tags),
        "lists" => Some(Object::Lists),
        "attributes" => Some(Object::Attributes),
        "segments" => Some(Object::Segments),
        "products" => Some(Object::Products),
        "conversations" => Some(Object::Conversations),
        _ => None,
    }
}

fn number(text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::not_found())
}

fn authorised(account: &Account, headers: &HeaderMap) -> Result<(), Refusal> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let key = given.and_then(|given| given.strip_prefix("Token "));
    match key {
        None => {
            let detail = "Authentication credentials were not provided.";
            Err(Refusal::detail(StatusCode::UNAUTHORIZED, detail))
        }
        Some(key) if key.trim() == account.now().token => Ok(()),
        Some(_) => Err(Refusal::detail(StatusCode::UNAUTHORIZED, "Invalid token.")),
    }
}

fn throttled(account: &Account) -> Result<(), Refusal> {
    let (rate, kind) = {
        let now = account.now();
        (now.rate, now.retry_after)
    };
    let Some(rate) = rate else {
        return Ok(());
    };
    let Err(wait) = account.throttle.take(rate, Instant::now()) else {
        return Ok(());
    };
    let seconds = wait.as_secs() + 1;
    let value = match kind {
        RetryAfter::Seconds => Some(seconds.to_string()),
        RetryAfter::Date => {
            let wait = chrono::Duration::try_seconds(i64::try_from(seconds).unwrap_or(1))
                .unwrap_or_default();
            let then = account.clock().checked_add_signed(wait);
            then.map(|then| then.format(HTTP_DATE).to_string())
        }
        RetryAfter::None => None,
    };
    let detail = format!("Request was throttled. Expected available in {seconds} second(s).");
    Err(Refusal::Throttled(detail, value))
}

fn allowed(account: &Account, endpoint: &str) -> Result<(), Refusal> {
    let now = account.now();
    if let Some(status) = now.without.get(endpoint) {
        let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::NOT_FOUND);
        return Err(match status {
            StatusCode::NOT_FOUND => Refusal::Html(status),
            _ => Refusal::detail(status, status.canonical_reason().unwrap_or("Error")),
        });
    }
    if now.forbidden.contains(endpoint) {
        let detail = "You do not have permission to perform this action.";
        return Err(Refusal::detail(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}
