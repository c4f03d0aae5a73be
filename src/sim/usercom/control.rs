//! The control endpoint: no part of User.com, for tests and rehearsals.
//!
//! | request | does |
//! |---|---|
//! | `POST /control/faults` | adds a fault or a list of them (see `faults`) |
//! | `GET /control/faults` · `DELETE` | faults still due · none any more |
//! | `GET /control/stats` · `DELETE` | requests by path and status, pages answered twice, the busiest second · back to nothing |
//! | `POST /control/rows` | a change or a list of them: `{"object", "action": "insert"·"delete"·"touch"·"move", "id", "fields": {…}}`; answers the ids |
//! | `GET /control/rows?object=NAME` | ids of its rows in the order of the list, and of those that were deleted |
//! | `GET /control/unreachable` | by object, ids of rows whose record does not exist: no endpoint shows them |
//! | `POST /control/settings` | any of `token`, `page_size`, `rate` (null: none), `retry_after`, `date_skew`, `bugs`, `without`, `forbidden`, `churn`, `churn_kinds`, `export_delay_ms`, `export_place`, `fault_percent` |
//!
//! It wants the account's key, the one it has or the one it started with, a name of this machine as `Host` and no page behind it
//! (`from_here`). Faults never strike it, and it is not counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use url::form_urlencoded::parse;

use crate::from_here::is_from_here;

use super::account::Account;
use super::changes::{Change, apply};
use super::error::Refusal;
use super::objects::{ALL, Object};
use super::options::{Bug, ChangeKind, ExportPlace, RetryAfter};

/// Longest body that is read.
const LONGEST: usize = 64 << 20;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    token: Option<String>,
    page_size: Option<usize>,
    #[serde(deserialize_with = "given")]
    rate: Option<Option<u32>>,
    retry_after: Option<RetryAfter>,
    date_skew: Option<i64>,
    bugs: Option<BTreeSet<Bug>>,
    without: Option<BTreeMap<String, u16>>,
    forbidden: Option<BTreeSet<String>>,
    #[serde(deserialize_with = "given")]
    churn: Option<Option<u64>>,
    churn_kinds: Option<Vec<ChangeKind>>,
    export_delay_ms: Option<u64>,
    export_place: Option<ExportPlace>,
    fault_percent: Option<f64>,
}

/// Null is a value, unlike what is left out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(input).map(Some)
}

/// Answers a control request; `path` is what follows `/control/`.
pub(super) async fn handle(account: &Arc<Account>, path: &str, request: Request) -> Response {
    if !is_from_here(request.headers()) {
        let refusal = "control is for programs of this machine: no Origin, and a loopback Host";
        return Refusal::detail(StatusCode::FORBIDDEN, refusal).into_response();
    }
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|given| given.to_str().ok());
    let key = given.and_then(|given| given.strip_prefix("Token "));
    if !key.is_some_and(|key| account.may_control(key.trim())) {
        let refusal = "control wants `Authorization: Token …` with the account's key";
        return Refusal::detail(StatusCode::UNAUTHORIZED, refusal).into_response();
    }
    let method = request.method().clone();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let Ok(body) = to_bytes(request.into_body(), LONGEST).await else {
        return Refusal::detail(StatusCode::BAD_REQUEST, "the body cannot be read").into_response();
    };
    let (account, path) = (Arc::clone(account), path.to_owned());
    let answered =
        tokio::task::spawn_blocking(move || act(&account, &path, &method, &query, &body));
    match answered.await {
        Ok(Ok(value)) => axum::Json(value).into_response(),
        Ok(Err(refusal)) => refusal.into_response(),
        Err(_) => Refusal::Html(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}

fn act(
    account: &Account,
    path: &str,
    method: &Method,
    query: &str,
    body: &[u8],
) -> Result<Value, Refusal> {
    match (path, method) {
        ("faults", &Method::POST) => account.faults.add(list(body)?),
        ("faults", &Method::GET) => return Ok(json!(account.faults.due())),
        ("faults", &Method::DELETE) => account.faults.clear(),
        ("stats", &Method::GET) => return Ok(account.stats.shown()),
        ("stats", &Method::DELETE) => account.stats.reset(),
        ("rows", &Method::POST) => return change(account, list(body)?),
        ("rows", &Method::GET) => return rows(account, query),
        ("unreachable", &Method::GET) => return Ok(unreachable(account)),
        ("settings", &Method::POST) => {
            set(
                account,
                serde_json::from_slice(body).map_err(|error| invalid(&error))?,
            );
        }
        _ => return Err(Refusal::not_found()),
    }
    Ok(json!({}))
}

fn list<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, Refusal> {
    if body.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice(body).map_err(|error| invalid(&error));
    }
    let one = serde_json::from_slice(body).map_err(|error| invalid(&error))?;
    Ok(vec![one])
}

fn invalid(error: &serde_json::Error) -> Refusal {
    Refusal::detail(StatusCode::BAD_REQUEST, error.to_string())
}

fn change(account: &Account, changes: Vec<Change>) -> Result<Value, Refusal> {
    let mut ids = Vec::with_capacity(changes.len());
    for (change, at) in changes.into_iter().zip(0..) {
        let Some(id) = apply(account, change)? else {
            let detail = format!("change {at}: no such object or row, or one that exists already");
            return Err(Refusal::detail(StatusCode::BAD_REQUEST, detail));
        };
        ids.push(id);
    }
    Ok(json!({"ids": ids}))
}

fn rows(account: &Account, query: &str) -> Result<Value, Refusal> {
    let mut parameters = parse(query.as_bytes());
    let object = parameters
        .find(|(name, _)| name == "object")
        .and_then(|(_, name)| Object::of(&name));
    let object = object.ok_or_else(Refusal::not_found)?;
    let table = account.table(object);
    let ids: Vec<i64> = table
        .all()
        .into_iter()
        .map(|place| table.id(place))
        .collect();
    Ok(json!({"count": ids.len(), "ids": ids, "deleted": table.gone()}))
}

fn unreachable(account: &Account) -> Value {
    let mut out = serde_json::Map::new();
    for object in ALL {
        let Some((_, owner)) = object.parent().filter(|_| object.is_child()) else {
            continue;
        };
        let (table, owners) = (account.table(object), account.table(owner));
        let lost = table
            .parents()
            .filter(|parent| owners.find(*parent).is_none());
        let ids: Vec<i64> = lost
            .flat_map(|parent| table.of(parent))
            .map(|place| table.id(place))
            .collect();
        out.insert(object.name().to_owned(), json!(ids));
    }
    Value::Object(out)
}

fn set(account: &Account, settings: Settings) {
    if let Some(percent) = settings.fault_percent {
        account.faults.set_percent(percent);
    }
    let mut now = account.change();
    let now = &mut *now;
    replace(&mut now.token, settings.token);
    replace(&mut now.page_size, settings.page_size);
    replace(&mut now.rate, settings.rate);
    replace(&mut now.retry_after, settings.retry_after);
    replace(&mut now.date_skew, settings.date_skew);
    replace(&mut now.bugs, settings.bugs);
    replace(&mut now.without, settings.without);
    replace(&mut now.forbidden, settings.forbidden);
    replace(&mut now.churn, settings.churn);
    replace(&mut now.churn_kinds, settings.churn_kinds);
    replace(&mut now.export_delay_ms, settings.export_delay_ms);
    replace(&mut now.export_place, settings.export_place);
}

fn replace<T>(old: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *old = new;
    }
}
