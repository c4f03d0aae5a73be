//! The control endpoint: not part of Salesforce, for tests and rehearsals.
//!
//! | request | does |
//! |---|---|
//! | `POST /control/expire` | ends all sessions |
//! | `POST /control/faults` | adds a [`Fault`] or a list of them |
//! | `GET /control/faults` · `DELETE /control/faults` | faults still due · none any more |
//! | `POST /control/jobs` · `GET` · `DELETE` | the same for [`JobFault`]s, which strike Bulk jobs |
//! | `POST /control/expire_jobs` | forgets all finished jobs with their results, as after 7 days |
//! | `GET /control/statistics` · `DELETE /control/statistics` | requests by path, calls, batches, lock failures by object, rows that queries gave out, rows there are · back to nothing |
//! | `POST /control/rows` | `{"object", "id", "fields": {…}, "user": username}`: a user's edit, with all rules; a new row without `id` |
//! | `POST /control/automations` · `GET` · `DELETE` | an [`Automation`] or a list of them, active at once · active ones · none any more |
//! | `POST /control/convert_lead` | `{"id", "status", "account", "contact", "opportunity": bool, "user": username}`; all but `id` may be left out |
//! | `POST /control/merge` | `{"master", "losers": […], "user": username}` of Account, Contact, Lead or Case |
//! | `POST /control/delete` · `undelete` | `{"id"}`: into the recycle bin with its children · back |
//! | `POST /control/purge` | `{"id"}`: what is in the recycle bin leaves it for good |
//! | `POST /control/deployments` | a [`Trial`] for the next deployment: `{"fail": true}`, `{"polls": 3}` |
//! | `GET /control/lead_convert` | the mapping of converted leads, null if none was deployed |
//! | `POST /control/settings` | `{"token_lifetime_seconds", "token_requests"}` for sessions opened from now on |
//!
//! Rows of objects that the API only reads (rules, flows, triggers, …) are written past field rights; the answer to a new
//! row is its id. It wants a token that this org gave out, at a login or for control alone (`sessions`), a name of this machine as
//! `Host` and no page behind it (`from_here`). Faults never strike it, and it is not counted.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::from_here::is_from_here;

use super::super::change::{Batch, Cell, Column, Operation, Outcome, api_error};
use super::super::deploy::Trial;
use super::super::edit::{Automation, Edit};
use super::super::error::ApiError;
use super::super::faults::Fault;
use super::super::ids::RecordId;
use super::super::job_faults::JobFault;
use super::super::life;
use super::super::org::Org;
use super::super::scenario;
use super::super::store::Matches;
use super::super::write::{Scope, Writer};
use super::call::{App, json as answer, read};
use super::writing::{apply_patiently, patient};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OneRecord {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    token_lifetime_seconds: Option<u64>,
    #[serde(default)]
    token_requests: Option<u64>,
}

/// Answers a control request; `path` is what follows `control`.
pub(super) async fn handle(
    app: &App,
    path: &[String],
    request: Request,
) -> Result<Response, ApiError> {
    if !is_from_here(request.headers()) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "CONTROL_REFUSED",
            "control is for programs of this machine: no Origin, and a loopback Host",
        ));
    }
    let given = request.headers().get(header::AUTHORIZATION);
    let given = given.and_then(|given| given.to_str().ok());
    let token = given.and_then(|given| given.strip_prefix("Bearer "));
    if !token.is_some_and(|token| app.org.sessions.may_control(token.trim())) {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "INVALID_SESSION_ID",
            "control wants `Authorization: Bearer …` with a session's token, or with the one in control.token of the state folder",
        ));
    }
    let method = request.method().clone();
    let body = read(request.into_body()).await?;
    let invalid = |error: serde_json::Error| ApiError::bad("JSON_PARSER_ERROR", error.to_string());
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let org = &app.org;
    match (path.as_slice(), &method) {
        (["expire"], &Method::POST) => org.sessions.expire_all(),
        (["faults"], &Method::POST) => {
            let faults: Vec<Fault> = list(&body)?;
            faults.into_iter().for_each(|fault| org.faults.add(fault));
        }
        (["faults"], &Method::GET) => return Ok(answer(StatusCode::OK, &org.faults.due())),
        (["faults"], &Method::DELETE) => org.faults.clear(),
        (["jobs"], &Method::POST) => org.job_faults.add(list::<JobFault>(&body)?),
        (["jobs"], &Method::GET) => return Ok(answer(StatusCode::OK, &org.job_faults.due())),
        (["jobs"], &Method::DELETE) => org.job_faults.clear(),
        (["expire_jobs"], &Method::POST) => {
            let (ingest, query) = (org.ingest.expire()?, org.queries.expire()?);
            return Ok(answer(
                StatusCode::OK,
                &json!({"ingest": ingest, "query": query}),
            ));
        }
        (["statistics"], &Method::GET) => return Ok(answer(StatusCode::OK, &statistics(app))),
        (["statistics"], &Method::DELETE) => org.statistics.reset(),
        (["settings"], &Method::POST) => {
            let settings: Settings = serde_json::from_slice(&body).map_err(invalid)?;
            let lifetime = settings.token_lifetime_seconds.map(Duration::from_secs);
            org.sessions
                .set(lifetime, settings.token_requests.map(Some));
        }
        (["rows"], &Method::POST) => {
            let made = edit(app, &serde_json::from_slice(&body).map_err(invalid)?)?;
            if let Some(id) = made {
                return Ok(answer(StatusCode::OK, &json!({"id": id})));
            }
        }
        (["automations"], &Method::POST) => org.automations.add(automations(app, &body)?),
        (["automations"], &Method::GET) => {
            return Ok(answer(StatusCode::OK, org.automations.all().as_ref()));
        }
        (["automations"], &Method::DELETE) => org.automations.clear(),
        (["deployments"], &Method::POST) => {
            let trial: Trial = serde_json::from_slice(&body).map_err(invalid)?;
            org.deployments.plan(trial);
        }
        (["convert_lead"], &Method::POST) => {
            let (user, wanted) = in_name_of(org, &body)?;
            let made = life::convert(org, user, &wanted)?;
            return Ok(answer(StatusCode::OK, &made));
        }
        (["merge"], &Method::POST) => {
            let (user, wanted) = in_name_of(org, &body)?;
            life::merge(org, user, &wanted)?;
        }
        (["delete"], &Method::POST) => {
            let one: OneRecord = serde_json::from_slice(&body).map_err(invalid)?;
            life::delete(org, &one.id)?;
        }
        (["purge"], &Method::POST) => {
            let one: OneRecord = serde_json::from_slice(&body).map_err(invalid)?;
            life::purge(org, &one.id)?;
        }
        (["undelete"], &Method::POST) => {
            let one: OneRecord = serde_json::from_slice(&body).map_err(invalid)?;
            let back = life::undelete(org, &one.id)?;
            return Ok(answer(StatusCode::OK, &json!({"records": back})));
        }
        (["lead_convert"], &Method::GET) => {
            return Ok(answer(StatusCode::OK, &org.model().lead_convert));
        }
        _ => return Err(ApiError::not_found()),
    }
    Ok(answer(StatusCode::OK, &json!({})))
}

/// One entry or a list of them; what is wrong with which.
fn list<T: DeserializeOwned>(body: &[u8]) -> Result<Vec<T>, ApiError> {
    let wrong = |text: String| ApiError::bad("JSON_PARSER_ERROR", text);
    let body: Value = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    let entries = match body {
        Value::Array(list) => list,
        one => vec![one],
    };
    scenario::entries(entries).map_err(|(at, error)| wrong(format!("entry {at}: {error}")))
}

fn statistics(app: &App) -> Value {
    let model = app.org.model();
    let rows = model.schema.objects().iter().zip(&model.tables);
    let rows = rows.filter(|(object, _)| !object.gone);
    let rows: Map<String, Value> = rows
        .map(|(object, table)| (object.name.clone(), json!(table.read().live())))
        .collect();
    json!({
        "requests": app.org.statistics.requests(),
        "api_calls": app.org.statistics.calls(),
        "bulk_batches": app.org.statistics.batches(),
        "lock_failures": app.org.statistics.lock_failures(),
        "rows_read": app.org.statistics.rows_read(),
        "rows": rows,
    })
}

/// Automations of objects and fields that the org has.
fn automations(app: &App, body: &[u8]) -> Result<Vec<Automation>, ApiError> {
    let automations: Vec<Automation> = list(body)?;
    let model = app.org.model();
    for automation in &automations {
        let object = model.schema.position(&automation.object);
        let object = model.schema.object(object.ok_or_else(ApiError::not_found)?);
        if let Some(name) = automation
            .set
            .keys()
            .find(|name| object.position(name).is_none())
        {
            return Err(no_column(name, &automation.object));
        }
    }
    Ok(automations)
}

fn no_column(name: &str, object: &str) -> ApiError {
    let message = format!("No such column '{name}' on sobject of type {object}");
    ApiError::bad("INVALID_FIELD", message)
}

/// The user of a name; without one that of the org.
fn user_of(org: &Org, name: Option<&str>) -> Result<u32, ApiError> {
    let Some(name) = name else {
        return Ok(org.user);
    };
    let model = org.model();
    let (users, table) = model.table("User").ok_or_else(ApiError::not_found)?;
    let (at, field) = users.find("Username").ok_or_else(ApiError::not_found)?;
    match table.find(at, field.case_sensitive, name) {
        Matches::One(position) => Ok(position),
        _ => Err(ApiError::bad(
            "INVALID_USER",
            format!("there is no user {name}"),
        )),
    }
}

/// What a user does, and the user's number: `"user"` stands beside it.
fn in_name_of<T: DeserializeOwned>(org: &Org, body: &[u8]) -> Result<(u32, T), ApiError> {
    let invalid = |error: serde_json::Error| ApiError::bad("JSON_PARSER_ERROR", error.to_string());
    let mut wanted: Map<String, Value> = serde_json::from_slice(body).map_err(invalid)?;
    let name = wanted.remove("user");
    let user = user_of(org, name.as_ref().and_then(Value::as_str))?;
    let wanted = serde_json::from_value(Value::Object(wanted)).map_err(invalid)?;
    Ok((user, wanted))
}

/// Writes a row; the id of a new one.
pub(super) fn edit(app: &App, edit: &Edit) -> Result<Option<String>, ApiError> {
    let org = &app.org;
    let model = org.model();
    let object = model
        .schema
        .position(&edit.object)
        .ok_or_else(ApiError::not_found)?;
    let definition = Arc::clone(model.schema.object(object));
    let user = user_of(org, edit.user.as_deref())?;
    let (mut columns, mut values) = (Vec::new(), Vec::new());
    if let Some(id) = &edit.id {
        RecordId::parse(id).ok_or_else(ApiError::not_found)?;
        columns.push(Column::Id);
        values.push(Some(id.clone()));
    }
    for (name, value) in &edit.fields {
        let unknown = || no_column(name, &edit.object);
        columns.push(Column::Field(
            definition.position(name).ok_or_else(unknown)?,
        ));
        values.push(match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        });
    }
    let cells: Vec<Cell<'_>> = values
        .iter()
        .map(|value| value.as_deref().map_or(Cell::Null, Cell::Text))
        .collect();
    let (operation, verb) = match edit.id {
        Some(_) => (Operation::Update, definition.verbs.update),
        None => (Operation::Insert, definition.verbs.create),
    };
    let scope = Scope {
        org,
        model,
        access: None,
        user,
        trusted: !verb,
    };
    let writer = Writer::new(scope, object, operation, columns).held_by(patient(org));
    match apply_patiently(&writer, &Batch { cells: &cells })?.first() {
        Some(Outcome::Failed { error, .. }) => Err(api_error(error)),
        Some(Outcome::Done {
            position,
            created: true,
            ..
        }) => Ok(Some(writer.model.id(object, *position).to_string())),
        _ => Ok(None),
    }
}
