//! Bulk exports: `POST /exports/` and the file it makes (`guide/usercom.md` §6).
//!
//! In: a type, for sections a segment. Out: the name of a CSV file, and some time later the file: cells as exports write
//! them (`t`/`f`, `{a,b}`), columns named as in v2. Never: a file that is not whole.

use std::io::{self, BufWriter};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;

use super::account::Account;
use super::call::Call;
use super::cell::{CellKind, moment};
use super::error::{Refusal, UsercomSimError};
use super::lock::lock;
use super::objects::Object;
use super::options::ExportPlace;
use super::record::Record;
use super::shape::csv_cell;

/// What is asked for.
#[derive(Deserialize)]
struct Wanted {
    #[serde(rename = "type")]
    kind: Option<String>,
    segment: Option<i64>,
    date_from: Option<String>,
    date_to: Option<String>,
    event_id: Option<i64>,
    deal_id: Option<i64>,
}

/// What a file will hold.
struct Content {
    object: Option<Object>,
    segment: Option<i64>,
    /// Microseconds, both inside.
    days: Option<(i64, i64)>,
    event_id: Option<i64>,
    deal_id: Option<i64>,
}

/// `POST /exports/`.
pub(super) fn create(call: &Call, body: &[u8]) -> Result<Response, Refusal> {
    let refuse =
        |name: &str, reason: &str| Refusal::Json(StatusCode::BAD_REQUEST, json!({name: [reason]}));
    let wanted: Wanted = serde_json::from_slice(body).map_err(|error| {
        Refusal::detail(
            StatusCode::BAD_REQUEST,
            format!("JSON parse error - {error}"),
        )
    })?;
    let Some(kind) = wanted.kind else {
        return Err(refuse("type", "This field is required."));
    };
    let (object, section) = match kind.as_str() {
        "people" => (Some(Object::People), true),
        "products" => (Some(Object::Products), true),
        "deals" => (Some(Object::Deals), true),
        "companies" => (Some(Object::Companies), true),
        "activities" => (Some(Object::Activities), true),
        "email_delivery_logs" => (Some(Object::Emails), false),
        "sms_delivery_logs" => (Some(Object::Sms), false),
        "events" => (Some(Object::UserEvents), false),
        "deals_stage_changes" => (Some(Object::StageChanges), false),
        "email_clicks" | "people_timelines" => (None, false),
        other => {
            return Err(refuse(
                "type",
                &format!("\"{other}\" is not a valid choice."),
            ));
        }
    };
    let account = &call.account;
    if section {
        let Some(segment) = wanted.segment else {
            return Err(refuse("segment", "This field is required."));
        };
        // Segments of other sections than people are in no export file: any will do.
        if object == Some(Object::People) && account.table(Object::Segments).find(segment).is_none()
        {
            let reason = format!("Invalid pk \"{segment}\" - object does not exist.");
            return Err(refuse("segment", &reason));
        }
    }
    if object == Some(Object::UserEvents) && wanted.event_id.is_none() {
        return Err(refuse("event_id", "This field is required."));
    }
    let day = |text: Option<String>, missing: i64| text.map_or(Some(missing), |text| moment(&text));
    let (Some(from), Some(to)) = (
        day(wanted.date_from.clone(), i64::MIN),
        day(wanted.date_to.clone(), i64::MAX),
    ) else {
        return Err(refuse(
            "date_from",
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ));
    };
    let limited = wanted.date_from.is_some() || wanted.date_to.is_some();
    let content = Content {
        object,
        segment: wanted.segment.filter(|_| object == Some(Object::People)),
        days: (limited && !section).then_some((from, to.saturating_add(24 * 3_600_000_000 - 1))),
        event_id: wanted.event_id,
        deal_id: wanted.deal_id,
    };
    let name = format!("{}.csv", uuid(account));
    start(account, &name, content)?;
    let mut answer = json!({"filename": name});
    if account.now().export_place == ExportPlace::Url {
        answer["url"] = Value::String(format!("{}/storage/{name}", call.origin));
    }
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

fn start(account: &Arc<Account>, name: &str, content: Content) -> Result<(), UsercomSimError> {
    lock(&account.exports.files).insert(name.to_owned(), None);
    let delay = Duration::from_millis(account.now().export_delay_ms);
    let ready = Instant::now() + delay;
    let (account, name) = (Arc::clone(account), name.to_owned());
    let writer = move || match write(&account, &name, &content) {
        Ok(()) => {
            lock(&account.exports.files).insert(name, Some(ready));
        }
        Err(error) => tracing::error!(%error, "file of a bulk export"),
    };
    let thread = std::thread::Builder::new().name("usercom-export".to_owned());
    thread
        .spawn(writer)
        .map(drop)
        .map_err(|_| UsercomSimError::Thread)
}

fn write(account: &Account, name: &str, content: &Content) -> Result<(), UsercomSimError> {
    let path = account.exports.path(name);
    let state = |source: io::Error| UsercomSimError::State {
        path: path.clone(),
        source,
    };
    let file = crate::private::create(&path).map_err(state)?;
    let mut out = csv::Writer::from_writer(BufWriter::new(file));
    let Some(object) = content.object else {
        out.write_record(["id"])
            .map_err(|error| state(error.into()))?;
        return out.flush().map_err(state);
    };
    let columns = columns(account, object);
    let names = columns.iter().map(|(name, _)| name.as_str());
    out.write_record(names)
        .map_err(|error| state(error.into()))?;
    let places = match content.segment {
        Some(segment) => members(account, segment)?,
        None => account.table(object).all(),
    };
    for place in places {
        let row = account.table(object).read(place)?;
        if content.has(object, &row) {
            let cells = columns.iter().map(|(name, kind)| {
                row.get(name)
                    .map_or_else(String::new, |value| csv_cell(value, *kind))
            });
            out.write_record(cells)
                .map_err(|error| state(error.into()))?;
        }
    }
    out.flush().map_err(state)
}

impl Content {
    fn has(&self, object: Object, row: &Record) -> bool {
        let in_days = self.days.is_none_or(|(from, to)| {
            let columns = ["sent_at", "timestamp", "entered_at", "created_at"];
            let instant = columns
                .iter()
                .find_map(|column| row.text(column))
                .and_then(|text| moment(&text));
            instant.is_some_and(|instant| (from..=to).contains(&instant))
        });
        let in_deal = self
            .deal_id
            .is_none_or(|deal| row.id("deal_id") == Some(deal));
        let of_event = self
            .event_id
            .is_none_or(|event| row.id("event_id") == Some(event));
        in_days
            && (object != Object::StageChanges || in_deal)
            && (object != Object::UserEvents || of_event)
    }
}

fn members(account: &Account, segment: i64) -> Result<Vec<u32>, UsercomSimError> {
    let rows = account.rows_of(Object::SegmentMembers, segment)?;
    let people = account.table(Object::People);
    Ok(rows
        .iter()
        .filter_map(|row| people.find(row.id("user_id")?))
        .collect())
}

/// Declared columns, attributes, then what nothing declares.
fn columns(account: &Account, object: Object) -> Vec<(String, CellKind)> {
    let fields = object.fields().iter();
    let declared = fields.map(|field| (field.name.to_owned(), field.kind));
    let attributes = account.definitions.all(object).iter();
    let attributes = attributes.map(|known| (known.name_std.clone(), known.kind));
    let rest = account.undeclared.get(&object).into_iter().flatten();
    let rest = rest.map(|name| (name.clone(), CellKind::Text));
    declared.chain(attributes).chain(rest).collect()
}

/// A file that is ready; 404 until then.
pub(super) async fn file(account: &Account, name: &str) -> Result<Response, Refusal> {
    let ready = lock(&account.exports.files).get(name).copied().flatten();
    if ready.is_none_or(|ready| Instant::now() < ready) {
        return Err(Refusal::Html(StatusCode::NOT_FOUND));
    }
    let path = account.exports.path(name);
    let opened = tokio::fs::File::open(&path).await;
    let file = opened.map_err(|source| UsercomSimError::State { path, source })?;
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

/// A name that no other file has.
fn uuid(account: &Account) -> String {
    let now = account.clock().timestamp_nanos_opt().unwrap_or_default();
    let files = lock(&account.exports.files).len();
    let hash = xxhash_rust::xxh3::xxh3_128(format!("{now}/{files}").as_bytes());
    let hex = format!("{hash:032x}");
    format!(
        "{}-{}-4{}-a{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}
