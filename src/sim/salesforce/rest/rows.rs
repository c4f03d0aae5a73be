//! Single rows: create, read, update, upsert by key, delete (`guide/salesforce.md` §4).

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::super::change::value::canonical;
use super::super::change::{Operation, Outcome, api_error};
use super::super::error::ApiError;
use super::super::ids::RecordId;
use super::super::soql::{attributes, json_value};
use super::super::store::Matches;
use super::call::{Call, json as answer, object_named};
use super::writing::Target;
use super::{files, records};

/// `POST /sobjects/X`.
pub(super) async fn create(mut call: Call, object: &str) -> Result<Response, ApiError> {
    let multipart = call
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("multipart/form-data"));
    let record: Map<String, Value> = if multipart {
        files::received(&mut call, object).await?
    } else {
        call.json().await?
    };
    let target = Target::new(&call, object, Operation::Insert)?;
    let written = records::write(&target, &[record])?;
    match written
        .first()
        .map(|written| (&written.outcome, written.save_result()))
    {
        Some((Outcome::Done { .. }, result)) => Ok(answer(StatusCode::CREATED, &result)),
        Some((Outcome::Failed { error, .. }, _)) => Err(api_error(error)),
        None => Err(ApiError::not_found()),
    }
}

/// `PATCH /sobjects/X/<id>`.
pub(super) async fn update(mut call: Call, object: &str, id: &str) -> Result<Response, ApiError> {
    let mut record: Map<String, Value> = call.json().await?;
    if record.keys().any(|key| key.eq_ignore_ascii_case("Id")) {
        let message = "The Id field should not be specified in the sobject data.";
        return Err(ApiError::bad("INVALID_FIELD", message));
    }
    record.insert("Id".to_owned(), json!(id));
    let written = records::write(&Target::new(&call, object, Operation::Update)?, &[record])?;
    match written.first().map(|written| &written.outcome) {
        Some(Outcome::Done { .. }) => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(Outcome::Failed { error, .. }) => Err(api_error(error)),
        None => Err(ApiError::not_found()),
    }
}

/// `PATCH /sobjects/X/<field>/<value>`.
pub(super) async fn upsert(
    mut call: Call,
    object: &str,
    field: &str,
    value: &str,
) -> Result<Response, ApiError> {
    let mut record: Map<String, Value> = call.json().await?;
    if record.keys().any(|key| key.eq_ignore_ascii_case(field)) {
        let message = format!("The {field} field should not be specified in the sobject data.");
        return Err(ApiError::bad("INVALID_FIELD", message));
    }
    let target = Target::new(&call, object, Operation::Upsert)?.keyed(field)?;
    if target.key != 0
        && let Matches::Many(positions) = find(&target, value)?
    {
        return Ok(several(&call, &target, &positions));
    }
    record.insert(field.to_owned(), json!(value));
    let written = records::write(&target, &[record])?;
    match written
        .first()
        .map(|written| (&written.outcome, written.save_result()))
    {
        Some((Outcome::Done { created: true, .. }, result)) => {
            Ok(answer(StatusCode::CREATED, &result))
        }
        // Until v45 an update had no body.
        Some((Outcome::Done { .. }, _))
            if call
                .version
                .parse::<f64>()
                .is_ok_and(|version| version < 46.0) =>
        {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        Some((Outcome::Done { .. }, result)) => Ok(answer(StatusCode::OK, &result)),
        Some((Outcome::Failed { error, .. }, _)) => Err(api_error(error)),
        None => Err(ApiError::not_found()),
    }
}

/// `DELETE /sobjects/X/<id>`.
pub(super) async fn delete(call: &Call, object: &str, id: &str) -> Result<Response, ApiError> {
    let record = Map::from_iter([("Id".to_owned(), json!(id))]);
    let written = records::write(&Target::new(call, object, Operation::Delete)?, &[record])?;
    match written.first().map(|written| &written.outcome) {
        Some(Outcome::Done { .. }) => Ok(StatusCode::NO_CONTENT.into_response()),
        Some(Outcome::Failed { error, .. }) => Err(api_error(error)),
        None => Err(ApiError::not_found()),
    }
}

/// `DELETE /sobjects/X/<field>/<value>`.
pub(super) async fn delete_by_key(
    call: &Call,
    object: &str,
    field: &str,
    value: &str,
) -> Result<Response, ApiError> {
    let target = Target::new(call, object, Operation::Delete)?.keyed(field)?;
    match find(&target, value)? {
        Matches::None => Err(ApiError::not_found()),
        Matches::One(position) => {
            let id = target.model.id(target.object, position).to_string();
            delete(call, object, &id).await
        }
        Matches::Many(positions) => Ok(several(call, &target, &positions)),
    }
}

/// `GET /sobjects/X/<id>?fields=`.
pub(super) fn get(call: &Call, object: &str, id: &str) -> Result<Response, ApiError> {
    let model = call.app.org.model();
    let number = object_named(call, &model, object)?;
    let id = RecordId::parse(id).ok_or_else(ApiError::not_found)?;
    let position = model.position(number, id).ok_or_else(ApiError::not_found)?;
    row(call, number, position)
}

/// `GET /sobjects/X/<field>/<value>`.
pub(super) fn get_by_key(
    call: &Call,
    object: &str,
    field: &str,
    value: &str,
) -> Result<Response, ApiError> {
    let target = Target::new(call, object, Operation::Update)?.keyed(field)?;
    match find(&target, value)? {
        Matches::None => Err(ApiError::not_found()),
        Matches::One(position) => row(call, target.object, position),
        Matches::Many(positions) => Ok(several(call, &target, &positions)),
    }
}

fn find(target: &Target<'_>, value: &str) -> Result<Matches, ApiError> {
    let (object, table) = target.model.at(target.object);
    if target.key == 0 {
        let located = RecordId::parse(value).and_then(|id| target.model.locate(id));
        return Ok(located.map_or(Matches::None, |(_, position)| Matches::One(position)));
    }
    let field = object.field(target.key);
    let mut text = String::new();
    canonical(field, value, &mut text).map_err(|error| api_error(&error))?;
    Ok(table.find(target.key, field.case_sensitive, &text))
}

/// 300: the URLs of the rows that share a key.
fn several(call: &Call, target: &Target<'_>, positions: &[u32]) -> Response {
    let object = target.model.schema.object(target.object);
    let urls: Vec<String> = positions
        .iter()
        .map(|&at| {
            format!(
                "/services/data/v{}/sobjects/{}/{}",
                call.version,
                object.name,
                target.model.id(target.object, at)
            )
        })
        .collect();
    answer(StatusCode::MULTIPLE_CHOICES, &urls)
}

fn row(call: &Call, object: usize, position: u32) -> Result<Response, ApiError> {
    let view = call.app.org.view();
    let access = call.app.org.access(call.user);
    let (definition, table) = view.model.at(object);
    let row = table
        .read()
        .get(position)
        .cloned()
        .filter(|row| !row.deleted())
        .ok_or_else(ApiError::not_found)?;
    let wanted: Option<Vec<&str>> = call
        .parameter("fields")
        .map(|list| list.split(',').map(str::trim).collect());
    if let Some(unknown) = wanted.iter().flatten().find(|name| {
        !definition
            .find(name)
            .is_some_and(|(at, _)| access.visible(object, at))
    }) {
        let message = format!(
            "No such column '{unknown}' on sobject of type {}",
            definition.name
        );
        return Err(ApiError::bad("INVALID_FIELD", message));
    }
    let mut record = Map::new();
    let id = view.model.id(object, position);
    record.insert(
        "attributes".to_owned(),
        attributes(definition, &call.version, id),
    );
    for (at, field) in (0u16..)
        .zip(&definition.fields)
        .filter(|(at, _)| access.visible(object, *at))
    {
        let chosen = wanted.as_ref().is_none_or(|names| {
            names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(&field.name))
        });
        if chosen || field.name == "Id" {
            record.insert(
                field.name.clone(),
                json_value(&view, object, position, &row, at),
            );
        }
    }
    Ok(answer(StatusCode::OK, &record))
}
