//! sObject Collections: up to 200 records in one call (`guide/salesforce.md` §4).
//!
//! In: records, possibly of several types. Out: one result per record, in their order. With `allOrNone`, one refusal
//! takes back everything.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::change::{Operation, Outcome, RowError};
use super::super::error::ApiError;
use super::super::ids::RecordId;
use super::super::soql::json_value;
use super::super::write::undo;
use super::call::{Call, json as answer, object_named};
use super::records;
use super::writing::{Target, Written};

/// Records in a call.
const MOST: usize = 200;
/// Runs of records of one type in a call.
const MOST_CHUNKS: usize = 10;

#[derive(Deserialize)]
struct Records {
    #[serde(default, rename = "allOrNone")]
    all_or_none: bool,
    records: Vec<Map<String, Value>>,
}

/// `POST`, `PATCH`, `DELETE` of `/composite/sobjects`.
pub(super) async fn handle(mut call: Call) -> Result<Response, ApiError> {
    let operation = match call.method {
        Method::POST => Operation::Insert,
        Method::PATCH => Operation::Update,
        Method::DELETE => return delete(&call),
        _ => return Err(ApiError::method(&call.method)),
    };
    let body: Records = call.json().await?;
    let written = write(&call, operation, None, &body.records)?;
    results(written, body.all_or_none)
}

/// `PATCH /composite/sobjects/X/<field>`.
pub(super) async fn upsert(
    mut call: Call,
    object: &str,
    field: &str,
) -> Result<Response, ApiError> {
    let body: Records = call.json().await?;
    Target::new(&call, object, Operation::Upsert)?.keyed(field)?;
    let written = write(
        &call,
        Operation::Upsert,
        Some((object, field)),
        &body.records,
    )?;
    results(written, body.all_or_none)
}

fn too_many(count: usize) -> Result<(), ApiError> {
    if count > MOST {
        let message = format!("The number of records, {count}, exceeds the limit of {MOST}");
        return Err(ApiError::bad("LIMIT_EXCEEDED", message));
    }
    Ok(())
}

fn write(
    call: &Call,
    operation: Operation,
    upsert: Option<(&str, &str)>,
    records: &[Map<String, Value>],
) -> Result<Vec<Written>, ApiError> {
    too_many(records.len())?;
    let kind = |record: &Map<String, Value>| {
        let stated = record
            .get("attributes")
            .and_then(|attributes| attributes["type"].as_str());
        stated
            .or(upsert.map(|(object, _)| object))
            .map(str::to_owned)
    };
    let mut written = Vec::new();
    let (mut at, mut chunks) = (0, 0);
    while at < records.len() {
        let name = kind(&records[at]);
        let count = records[at..]
            .iter()
            .take_while(|record| kind(record) == name)
            .count();
        chunks += 1;
        if chunks > MOST_CHUNKS {
            let message =
                format!("Too many chunks of records of one type, the limit is {MOST_CHUNKS}");
            return Err(ApiError::bad("LIMIT_EXCEEDED", message));
        }
        let Some(name) = name else {
            let error = RowError::new(
                "INVALID_TYPE",
                "Records must state their type in attributes",
            );
            written.extend((0..count).map(|_| Written::refused(error.clone())));
            at += count;
            continue;
        };
        match Target::new(call, &name, operation) {
            Ok(target) => {
                let target = match upsert {
                    Some((_, field)) => target.keyed(field)?,
                    None => target,
                };
                written.extend(records::write(&target, &records[at..at + count])?);
            }
            Err(_) => {
                let error = RowError::new(
                    "INVALID_TYPE",
                    format!("sObject type '{name}' is not supported."),
                );
                written.extend((0..count).map(|_| Written::refused(error.clone())));
            }
        }
        at += count;
    }
    Ok(written)
}

fn delete(call: &Call) -> Result<Response, ApiError> {
    let ids: Vec<&str> = call
        .parameter("ids")
        .unwrap_or_default()
        .split(',')
        .filter(|id| !id.is_empty())
        .collect();
    too_many(ids.len())?;
    let all_or_none = call
        .parameter("allOrNone")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let model = call.app.org.model();
    let mut written = Vec::new();
    for id in ids {
        let object = RecordId::parse(id).and_then(|id| model.schema.by_prefix(id.prefix()));
        let Some(object) = object else {
            written.push(Written::refused(RowError::new(
                "MALFORMED_ID",
                format!("malformed id {id}"),
            )));
            continue;
        };
        let target = Target::new(call, &model.schema.object(object).name, Operation::Delete)?;
        written.extend(records::write(
            &target,
            &[Map::from_iter([("Id".to_owned(), json!(id))])],
        )?);
    }
    results(written, all_or_none)
}

fn results(mut written: Vec<Written>, all_or_none: bool) -> Result<Response, ApiError> {
    let failed = written
        .iter()
        .any(|one| matches!(one.outcome, Outcome::Failed { .. }));
    if failed && all_or_none {
        roll_back(&mut written)?;
    }
    let results: Vec<Value> = written.iter().map(Written::save_result).collect();
    Ok(answer(StatusCode::OK, &results))
}

/// Takes back what was written; the rows say so.
pub(super) fn roll_back(written: &mut [Written]) -> Result<(), ApiError> {
    for one in written.iter_mut().rev() {
        if let (Outcome::Done { .. }, Some(writer)) = (&one.outcome, &one.writer) {
            undo(writer, std::slice::from_ref(&one.outcome))?;
            let message = "Record rolled back because not all records were valid and the request was using AllOrNone header";
            let error = RowError::new("ALL_OR_NONE_OPERATION_ROLLED_BACK", message);
            one.outcome = Outcome::Failed {
                position: None,
                error,
            };
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct Wanted {
    ids: Vec<String>,
    fields: Vec<String>,
}

/// `POST /composite/sobjects/X`: many rows by id, null where there is none.
pub(super) async fn retrieve(mut call: Call, object: &str) -> Result<Response, ApiError> {
    let wanted: Wanted = call.json().await?;
    let view = call.app.org.view();
    let access = call.app.org.access(call.user);
    let number = object_named(&call, &view.model, object)?;
    let definition = view.model.schema.object(number);
    let mut fields = Vec::new();
    for name in &wanted.fields {
        let found = definition
            .find(name)
            .filter(|(at, _)| access.visible(number, *at));
        let unknown = || {
            let message = format!(
                "No such column '{name}' on sobject of type {}",
                definition.name
            );
            ApiError::bad("INVALID_FIELD", message)
        };
        fields.push(found.ok_or_else(unknown)?);
    }
    let rows = wanted.ids.iter().map(|id| {
        let id = RecordId::parse(id)?;
        let position = view.model.position(number, id)?;
        let row = view.model.row(id).filter(|row| !row.deleted())?;
        let mut record = Map::new();
        record.insert(
            "attributes".to_owned(),
            super::super::soql::attributes(definition, &call.version, id),
        );
        record.insert("Id".to_owned(), json!(id.to_string()));
        for (at, field) in &fields {
            record.insert(
                field.name.clone(),
                json_value(&view, number, position, &row, *at),
            );
        }
        Some(Value::Object(record))
    });
    let rows: Vec<Option<Value>> = rows.collect();
    Ok(answer(StatusCode::OK, &rows))
}
