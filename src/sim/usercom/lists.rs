//! Lists, single records, and the lists that belong to a record (`guide/usercom.md` §2).
//!
//! In: a [`Call`] and what its path names. Out: pages of rows in the shape of the asked version.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::account::{Account, Filtered};
use super::call::{Call, answer};
use super::cell::moment;
use super::churn;
use super::error::{Refusal, UsercomSimError};
use super::lock::lock;
use super::objects::Object;
use super::record::{Record, raw};
use super::shape::{member, shown, user};

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// A page of all rows of an object.
pub(super) fn all(call: &Call, object: Object) -> Result<Response, Refusal> {
    let page = call.page()?;
    let account = &call.account;
    let filter = match object {
        Object::People => updated_filter(call)?,
        _ => None,
    };
    let (total, rows) = match filter {
        Some(filter) => filtered(account, filter, page.from, page.size)?,
        None => {
            let table = account.table(object);
            let places = table.page(page.from, page.size);
            let rows: Result<Vec<Record>, UsercomSimError> =
                places.into_iter().map(|place| table.read(place)).collect();
            (table.len(), rows?)
        }
    };
    let response = call.enveloped(&page, total, results(call, object, rows)?)?;
    churn::after_page(account, object)?;
    Ok(response)
}

fn results(call: &Call, object: Object, rows: Vec<Record>) -> Result<super::record::Raw, Refusal> {
    let rows: Result<Vec<Record>, UsercomSimError> = rows
        .into_iter()
        .map(|row| shown(&call.account, object, row, call.version))
        .collect();
    Ok(raw(&rows?))
}

/// One record.
pub(super) fn one(call: &Call, object: Object, id: i64) -> Result<Response, Refusal> {
    if object == Object::Conversations {
        return conversation(call, id);
    }
    let row = call
        .account
        .row(object, id)?
        .ok_or_else(Refusal::not_found)?;
    Ok(answer(&shown(&call.account, object, row, call.version)?))
}

/// `GET /users/search/`.
pub(super) fn search(call: &Call) -> Result<Response, Refusal> {
    let invalid = |name: &str, reason: &str| {
        let body = json!({name: [reason]});
        Err(Refusal::Json(StatusCode::BAD_REQUEST, body))
    };
    match call.parameter("search").as_deref() {
        Some("updated_at") => {}
        Some(other) => {
            return invalid("search", &format!("\"{other}\" is not a valid choice."));
        }
        None => return invalid("search", "This field is required."),
    }
    let second = |name: &str| call.parameter(name).map(|text| text.parse::<i64>());
    let (min, max) = (second("min"), second("max"));
    let (Ok(min), Ok(max)) = (
        min.unwrap_or(Ok(0)),
        max.unwrap_or(Ok(i64::MAX / SECOND - 1)),
    ) else {
        return invalid("min", "A valid integer is required.");
    };
    // Both ends are meant to be inside.
    let last = max
        .saturating_add(1)
        .saturating_mul(SECOND)
        .saturating_sub(1);
    let page = call.page()?;
    let (total, rows) = filtered(
        &call.account,
        (min.saturating_mul(SECOND), last),
        page.from,
        page.size,
    )?;
    let response = call.enveloped(&page, total, results(call, Object::People, rows)?)?;
    churn::after_page(&call.account, Object::People)?;
    Ok(response)
}

/// `updated_at__gte` and its like, as the first and last microsecond that pass.
fn updated_filter(call: &Call) -> Result<Option<(i64, i64)>, Refusal> {
    let (mut first, mut last, mut any) = (i64::MIN, i64::MAX, false);
    for (name, value) in call.parameters() {
        let Some(lookup) = name.strip_prefix("updated_at__") else {
            continue;
        };
        let seconds = value
            .parse::<i64>()
            .ok()
            .map(|seconds| seconds.saturating_mul(SECOND));
        let Some(bound) = seconds.or_else(|| moment(&value)) else {
            let body = json!({"updated_at": ["Enter a valid date/time."]});
            return Err(Refusal::Json(StatusCode::BAD_REQUEST, body));
        };
        match lookup {
            "gte" => first = first.max(bound),
            "gt" => first = first.max(bound.saturating_add(1)),
            "lte" => last = last.min(bound),
            "lt" => last = last.min(bound.saturating_sub(1)),
            // Filters that nobody knows are passed over.
            _ => continue,
        }
        any = true;
    }
    Ok(any.then_some((first, last)))
}

fn filtered(
    account: &Account,
    filter: (i64, i64),
    from: usize,
    size: usize,
) -> Result<(usize, Vec<Record>), UsercomSimError> {
    let table = account.table(Object::People);
    let mut last = lock(&account.filtered);
    let changes = table.changes();
    let known = last
        .as_ref()
        .is_some_and(|known| known.filter == filter && known.changes == changes);
    if !known {
        let passes = |place: &u32| (filter.0..=filter.1).contains(&table.updated(*place));
        let places = table.all().into_iter().filter(passes).collect();
        *last = Some(Filtered {
            filter,
            changes,
            places,
        });
    }
    let places = last
        .as_ref()
        .map_or(&[][..], |known| known.places.as_slice());
    let page = places.iter().skip(from).take(size);
    let rows: Result<Vec<Record>, UsercomSimError> = page.map(|place| table.read(*place)).collect();
    Ok((places.len(), rows?))
}

/// A page of the rows that belong to a record of `owner`.
pub(super) fn belonging(
    call: &Call,
    owner: Object,
    id: i64,
    object: Object,
) -> Result<Response, Refusal> {
    let account = &call.account;
    if account.table(owner).find(id).is_none() {
        return Err(Refusal::not_found());
    }
    let page = call.page()?;
    let (total, rows) = part(account, object, id, page.from, page.size)?;
    let shown: Result<Vec<Record>, UsercomSimError> = rows
        .into_iter()
        .map(|row| match object {
            Object::SegmentMembers => member(account, &row, call.version),
            _ => shown(account, object, row, call.version),
        })
        .collect();
    call.enveloped(&page, total, raw(&shown?))
}

/// A conversation with a page of its messages, in an envelope whose results are an object.
fn conversation(call: &Call, id: i64) -> Result<Response, Refusal> {
    let account = &call.account;
    let mut row = account
        .row(Object::Conversations, id)?
        .ok_or_else(Refusal::not_found)?;
    let page = call.page()?;
    let (total, messages) = part(account, Object::Messages, id, page.from, page.size)?;
    user(account, &mut row)?;
    let messages: Result<Vec<Record>, UsercomSimError> = messages
        .into_iter()
        .map(|message| shown(account, Object::Messages, message, call.version))
        .collect();
    row.set("messages", raw(&messages?));
    call.enveloped(&page, total, raw(&row))
}

fn part(
    account: &Account,
    object: Object,
    parent: i64,
    from: usize,
    size: usize,
) -> Result<(usize, Vec<Record>), UsercomSimError> {
    let table = account.table(object);
    let places = table.of(parent);
    let page = places.iter().skip(from).take(size);
    let rows: Result<Vec<Record>, UsercomSimError> = page.map(|place| table.read(*place)).collect();
    Ok((places.len(), rows?))
}
