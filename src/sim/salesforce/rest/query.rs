//! `query`, `queryAll`, `tooling/query` and their further pages (`guide/salesforce.md` §4).
//!
//! In: SOQL. Out: records in pages of at most 2,000. Scans run off the async threads.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::soql::{Cursor, Plan, Query, parse};
use super::call::{Call, json as answer};

/// Records on a page, unless `Sforce-Query-Options: batchSize=` says less.
const PAGE: usize = 2_000;
const SMALLEST_PAGE: usize = 200;

/// `GET /query?q=`.
pub(super) async fn query(call: &Call, all: bool) -> Result<Response, ApiError> {
    let (view, access) = (call.app.org.view(), call.app.org.access(call.user));
    let plan = Plan::new(view, &access, &asked(call)?, all)?;
    answered(call, plan).await
}

/// `GET /tooling/query?q=`.
pub(super) async fn tooling(call: &Call) -> Result<Response, ApiError> {
    let (view, access) = (call.app.org.view(), call.app.org.access(call.user));
    let plan = Plan::tooling(view, &access, &asked(call)?)?;
    answered(call, plan).await
}

fn asked(call: &Call) -> Result<Query, ApiError> {
    let text = call
        .parameter("q")
        .ok_or_else(|| ApiError::bad("MALFORMED_QUERY", "unexpected token: '<EOF>'"))?;
    parse(text)
}

async fn answered(call: &Call, plan: Plan) -> Result<Response, ApiError> {
    let page = call
        .header("sforce-query-options")
        .and_then(batch_size)
        .unwrap_or(PAGE);
    let id = call.app.org.new_id(*b"01g").to_string();
    let org = Arc::clone(&call.app.org);
    let version = call.version.clone();
    let work = move || {
        if plan.aggregates() {
            let records = if plan.counts_only() {
                Vec::new()
            } else {
                plan.aggregate()
            };
            let total = if plan.counts_only() {
                count(&plan)
            } else {
                records.len()
            };
            return json!({"totalSize": total, "done": true, "records": records});
        }
        let mut positions = Vec::new();
        plan.scan(|position, _| {
            positions.push(position);
            true
        });
        let cursor = Arc::new(Cursor {
            plan,
            positions,
            page,
        });
        let body = page_of(&cursor, &id, 0, &version);
        if body["done"] == false {
            org.cursors.keep(id, cursor);
        }
        body
    };
    let body = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    let rows = body["records"].as_array().map_or(0, Vec::len);
    call.app.org.statistics.gave(rows as u64);
    Ok(answer(StatusCode::OK, &body))
}

fn count(plan: &Plan) -> usize {
    let mut count = 0;
    plan.scan(|_, _| {
        count += 1;
        true
    });
    count
}

/// `GET /query/<cursor>-<offset>`.
pub(super) async fn page(call: &Call, locator: &str) -> Result<Response, ApiError> {
    let invalid = || ApiError::bad("INVALID_QUERY_LOCATOR", "invalid query locator");
    let (id, offset) = locator.split_once('-').ok_or_else(invalid)?;
    let offset: usize = offset.parse().map_err(|_| invalid())?;
    let cursor = call
        .app
        .org
        .cursors
        .find(id)
        .filter(|cursor| offset <= cursor.positions.len())
        .ok_or_else(invalid)?;
    let (id, version) = (id.to_owned(), call.version.clone());
    let work = move || page_of(&cursor, &id, offset, &version);
    let body = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))?;
    let rows = body["records"].as_array().map_or(0, Vec::len);
    call.app.org.statistics.gave(rows as u64);
    Ok(answer(StatusCode::OK, &body))
}

fn page_of(cursor: &Cursor, id: &str, offset: usize, version: &str) -> Value {
    let end = (offset + cursor.page).min(cursor.positions.len());
    let records: Vec<Value> = cursor.positions[offset..end]
        .iter()
        .filter_map(|&position| {
            let row = cursor.plan.row(position)?;
            Some(cursor.plan.record(version, position, &row))
        })
        .collect();
    let done = end == cursor.positions.len();
    let mut body = json!({"totalSize": cursor.positions.len(), "done": done, "records": records});
    if !done {
        let api = if cursor.plan.tooling { "tooling/" } else { "" };
        let url = format!("/services/data/v{version}/{api}query/{id}-{end}");
        body["nextRecordsUrl"] = json!(url);
    }
    body
}

fn batch_size(header: &str) -> Option<usize> {
    let size: usize = header.split_once("batchSize=")?.1.trim().parse().ok()?;
    Some(size.clamp(SMALLEST_PAGE, PAGE))
}
