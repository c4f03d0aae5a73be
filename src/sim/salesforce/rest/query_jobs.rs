//! Bulk API 2.0 query (`guide/salesforce.md` §2).
//!
//! In: a query. Out: JobInfo, and result sets with their locators in headers. Results must be read with the version the
//! job was made with, else 409.

use std::fs::File;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::bulk::{QueryJob, QuerySpec, State, Task};
use super::super::error::ApiError;
use super::super::soql::{Plan, parse};
use super::blocks::{BlockSource, FilePart, csv};
use super::call::{Call, json as answer};

/// Result URLs in one answer of `resultPages`.
const PAGES: usize = 5;
/// Jobs on a page of the list.
const LISTED: usize = 1_000;

/// `POST /jobs/query`.
pub(super) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let spec: QuerySpec = call.json().await?;
    let all = match spec.operation.as_str() {
        "query" => false,
        "queryAll" => true,
        other => {
            return Err(ApiError::bad(
                "INVALIDOPERATION",
                format!("the operation '{other}' is not known"),
            ));
        }
    };
    let org = &call.app.org;
    let plan = Plan::new(
        org.view(),
        &org.access(call.user),
        &parse(&spec.query)?,
        all,
    )?;
    plan.check_bulk()?;
    let model = org.model();
    let object = &model.schema.object(plan.object).name;
    let job = org
        .queries
        .create(org.new_id(*b"750"), spec, object, call.user, &call.version)?;
    let created = job.described(org.user_id(call.user), true);
    call.app.workers.push(org, Task::Query(Arc::clone(&job)));
    Ok(answer(StatusCode::OK, &created))
}

fn job(call: &Call, id: &str) -> Result<Arc<QueryJob>, ApiError> {
    call.app
        .org
        .queries
        .find(id)
        .ok_or_else(ApiError::not_found)
}

/// `GET /jobs/query/<id>`.
pub(super) fn get(call: &Call, id: &str) -> Result<Response, ApiError> {
    let job = job(call, id)?;
    Ok(answer(
        StatusCode::OK,
        &job.described(call.app.org.user_id(job.user), false),
    ))
}

#[derive(Deserialize)]
struct Change {
    state: String,
}

/// `PATCH /jobs/query/<id>`.
pub(super) async fn change(mut call: Call, id: &str) -> Result<Response, ApiError> {
    let job = job(&call, id)?;
    let wanted: Change = call.json().await?;
    if wanted.state != "Aborted" {
        return Err(ApiError::bad(
            "INVALIDJOBSTATE",
            format!("Invalid job state: {}", wanted.state),
        ));
    }
    let mut over = false;
    job.change(|status| {
        over = status.state.terminal();
        if !over {
            status.state = State::Aborted;
        }
    })?;
    if over {
        return Err(ApiError::bad(
            "INVALIDJOBSTATE",
            "Aborting already Completed Job not allowed",
        ));
    }
    Ok(answer(
        StatusCode::OK,
        &job.described(call.app.org.user_id(job.user), true),
    ))
}

/// `DELETE /jobs/query/<id>`.
pub(super) fn delete(call: &Call, id: &str) -> Result<Response, ApiError> {
    let job = job(call, id)?;
    if !job.status().state.terminal() {
        let message = "Error encountered when deleting the job because the job is not terminated";
        return Err(ApiError::bad("API_ERROR", message));
    }
    call.app.org.queries.remove(&job)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /jobs/query`.
pub(super) fn list(call: &Call) -> Response {
    let jobs = call.app.org.queries.all();
    let start: usize = call
        .parameter("queryLocator")
        .and_then(|at| at.rsplit('-').next()?.parse().ok())
        .unwrap_or(0);
    let end = (start + LISTED).min(jobs.len());
    let page = jobs.get(start..end).unwrap_or_default();
    let records: Vec<Value> = page
        .iter()
        .map(|job| job.described(call.app.org.user_id(job.user), false))
        .collect();
    let done = end >= jobs.len();
    let next = (!done).then(|| {
        let cursor = call.app.org.new_id(*b"01g");
        // The guide's own sample points to `ingest` here (§2); the working path is given instead.
        format!(
            "/services/data/v{}/jobs/query?queryLocator={cursor}-{end}",
            call.version
        )
    });
    answer(
        StatusCode::OK,
        &json!({"done": done, "records": records, "nextRecordsUrl": next}),
    )
}

fn finished(call: &Call, id: &str) -> Result<Arc<QueryJob>, ApiError> {
    let job = job(call, id)?;
    if job.version != call.version {
        let message = "Results must be read with the API version the job was created with";
        return Err(ApiError::new(StatusCode::CONFLICT, "CONFLICT", message));
    }
    if job.status().state != State::JobComplete {
        return Err(ApiError::bad(
            "INVALIDJOBSTATE",
            "Job is not in a state in which results can be read",
        ));
    }
    Ok(job)
}

/// `GET /jobs/query/<id>/results`.
pub(super) async fn results(call: &Call, id: &str) -> Result<Response, ApiError> {
    let job = finished(call, id)?;
    let locator = call.parameter("locator").map(str::to_owned);
    let most = match call.parameter("maxRecords") {
        Some(text) => Some(
            text.parse::<u64>()
                .map_err(|_| ApiError::bad("INVALIDJOB", "maxRecords is no number"))?,
        ),
        None => None,
    };
    let reading = Arc::clone(&job);
    let find = move || {
        let first = reading.slice(None, Some(1))?;
        Ok::<_, std::io::Error>((
            reading.slice(locator.as_deref(), most)?,
            first.map_or(0, |slice| slice.start),
        ))
    };
    let (slice, header) = tokio::task::spawn_blocking(find)
        .await
        .map_err(|error| ApiError::internal(&error))??;
    let slice = slice.ok_or_else(|| ApiError::bad("INVALIDLOCATOR", "invalid query locator"))?;
    call.app.org.statistics.gave(slice.rows);
    let part = FilePart {
        file: File::open(job.results())?,
        spans: vec![(0, header), (slice.start, slice.end)],
    };
    let mut response = csv(call, BlockSource::File(part));
    let locator = slice.next.unwrap_or_else(|| "null".to_owned());
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&locator) {
        headers.insert("Sforce-Locator", value);
    }
    headers.insert("Sforce-NumberOfRecords", HeaderValue::from(slice.rows));
    Ok(response)
}

/// `GET /jobs/query/<id>/resultPages`.
pub(super) fn pages(call: &Call, id: &str) -> Result<Response, ApiError> {
    let job = finished(call, id)?;
    let root = format!("/services/data/v{}/jobs/query/{}", call.version, job.id);
    let mut locator = call.parameter("locator").map(str::to_owned);
    let mut urls = Vec::new();
    let mut done = false;
    while urls.len() < PAGES && !done {
        let suffix = locator
            .as_ref()
            .map(|locator| format!("?locator={locator}"))
            .unwrap_or_default();
        urls.push(json!({"resultUrl": format!("{root}/results{suffix}")}));
        let slice = job.slice(locator.as_deref(), None)?;
        let slice =
            slice.ok_or_else(|| ApiError::bad("INVALIDLOCATOR", "invalid query locator"))?;
        done = slice.next.is_none();
        locator = slice.next;
    }
    let next = locator.map(|locator| format!("{root}/resultPages?locator={locator}"));
    Ok(answer(
        StatusCode::OK,
        &json!({"resultPages": urls, "nextRecordsUrl": next, "done": done}),
    ))
}
