//! `sobjects/X/updated` and `sobjects/X/deleted`: ids of what changed in a span of time (`guide/salesforce.md` §4).
//!
//! In: an object, `start` and `end`. Out: ids, oldest row first, and up to when the answer is complete. The span is of
//! `SystemModstamp`; it reaches back 30 days for changes and 15 for deletions.

use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::store::Row;
use super::super::view::instant;
use super::call::{Call, json as answer, object_named};

/// Ids of one answer.
const MOST: usize = 600_000;
/// Days that changes, and that deletions, are known for.
const CHANGES: i64 = 30;
const DELETIONS: i64 = 15;

/// A span of time, begin and end included.
struct Span {
    start: i64,
    end: i64,
}

/// `GET /sobjects/X/updated/?start=…&end=…`.
pub(super) fn updated(call: &Call, object: &str) -> Result<Response, ApiError> {
    let span = span(call, CHANGES)?;
    let ids = changed(call, object, &span, |row| !row.deleted())?;
    let ids: Vec<String> = ids.into_iter().map(|(id, _)| id).collect();
    let body = json!({"ids": ids, "latestDateCovered": covered(span.end)});
    Ok(answer(StatusCode::OK, &body))
}

/// `GET /sobjects/X/deleted/?start=…&end=…`.
pub(super) fn deleted(call: &Call, object: &str) -> Result<Response, ApiError> {
    let span = span(call, DELETIONS)?;
    let ids = changed(call, object, &span, Row::deleted)?;
    let rows: Vec<Value> = ids
        .into_iter()
        .map(|(id, at)| json!({"id": id, "deletedDate": covered(at)}))
        .collect();
    let earliest = (Utc::now() - TimeDelta::days(DELETIONS)).timestamp_millis();
    let body = json!({
        "deletedRecords": rows,
        "earliestDateAvailable": covered(earliest),
        "latestDateCovered": covered(span.end),
    });
    Ok(answer(StatusCode::OK, &body))
}

fn changed(
    call: &Call,
    object: &str,
    span: &Span,
    wanted: impl Fn(&Row) -> bool,
) -> Result<Vec<(String, i64)>, ApiError> {
    let model = call.app.org.model();
    let number = object_named(call, &model, object)?;
    let rows = model.at(number).1.read();
    let mut found = Vec::new();
    for position in 0..rows.len() {
        let row = rows.get(position).filter(|row| wanted(row));
        let Some(at) = row.map(|row| row.head().modified) else {
            continue;
        };
        if (span.start..=span.end).contains(&at) {
            found.push((model.id(number, position).to_string(), at));
        }
    }
    if found.len() > MOST {
        let message = format!("the span holds more than {MOST} ids");
        return Err(ApiError::bad("EXCEEDED_ID_LIMIT", message));
    }
    Ok(found)
}

fn span(call: &Call, days: i64) -> Result<Span, ApiError> {
    let wrong = |message: String| ApiError::bad("INVALID_REPLICATION_DATE", message);
    let moment = |name: &str| {
        let text = call.parameter(name).unwrap_or_default();
        // A `+` of the offset that was not escaped has become a space.
        DateTime::parse_from_rfc3339(&text.replace(' ', "+"))
            .map(|at| at.timestamp_millis())
            .map_err(|_| {
                wrong(format!(
                    "{name} has to be an ISO 8601 instant, not {text:?}"
                ))
            })
    };
    let (start, end) = (moment("start")?, moment("end")?);
    let now = Utc::now().timestamp_millis();
    if start >= end {
        return Err(wrong("startDate has to be before endDate".to_owned()));
    }
    if start < now - TimeDelta::days(days).num_milliseconds() {
        return Err(wrong(format!("startDate is more than {days} days ago")));
    }
    Ok(Span {
        start,
        end: end.min(now),
    })
}

/// `2026-02-01T10:00:00.000+0000`, as these two answers write it.
fn covered(millis: i64) -> String {
    instant(millis).replace('Z', "+0000")
}
