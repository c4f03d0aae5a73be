//! Bulk API 2.0 ingest: the ten calls (`guide/salesforce.md` §1.1–§1.5).
//!
//! In: job definitions, uploads as streams, state changes. Out: JobInfo and result CSVs as streams. An upload goes to the
//! state folder block by block; results are made while they are sent.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::bulk::{IngestJob, ResultKind, ResultStream, Spec, State, Task};
use super::super::change::Operation;
use super::super::error::ApiError;
use super::super::lock::lock;
use super::blocks::{BlockSource, csv};
use super::call::{Call, json as answer};

/// Raw bytes of an upload: 150 MB in base64 (§1.8).
const UPLOAD_LIMIT: u64 = 112_500_000;
/// Characters of a CSV within a create request (§1.3).
const INLINE_LIMIT: usize = 100_000;
/// Bytes gathered before they are written to disk.
const BLOCK: usize = 1 << 20;
/// Jobs on a page of the list.
const PAGE: usize = 1_000;

/// `POST /jobs/ingest`, plain or multipart.
pub(super) async fn create(mut call: Call) -> Result<Response, ApiError> {
    let multipart = call
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("multipart/form-data"));
    if multipart {
        return create_with_data(call).await;
    }
    let spec: Spec = call.json().await.map_err(as_job_error)?;
    let job = new_job(&call, spec)?;
    Ok(answer(
        StatusCode::OK,
        &job.described(&job.status(), call.app.org.user_id(job.user), true),
    ))
}

fn as_job_error(error: ApiError) -> ApiError {
    ApiError {
        code: "INVALIDJOB".to_owned(),
        ..error
    }
}

async fn create_with_data(mut call: Call) -> Result<Response, ApiError> {
    let invalid = |message: &str| ApiError::bad("INVALIDJOB", message);
    let mut request = Request::new(call.take_body());
    *request.headers_mut() = call.headers.clone();
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| invalid("not a multipart request"))?;
    let (mut spec, mut content) = (None, None);
    while let Some(part) = parts
        .next_field()
        .await
        .map_err(|_| invalid("broken multipart request"))?
    {
        let name = part.name().unwrap_or_default().to_owned();
        let bytes = part
            .bytes()
            .await
            .map_err(|_| invalid("broken multipart request"))?;
        match name.as_str() {
            "job" => {
                spec = Some(
                    serde_json::from_slice::<Spec>(&bytes)
                        .map_err(|error| invalid(&error.to_string()))?,
                )
            }
            "content" => content = Some(bytes),
            _ => {}
        }
    }
    let (Some(spec), Some(content)) = (spec, content) else {
        return Err(invalid(
            "a multipart request needs the parts 'job' and 'content'",
        ));
    };
    if String::from_utf8_lossy(&content).chars().count() > INLINE_LIMIT {
        return Err(invalid(&format!(
            "the content of a multipart request has at most {INLINE_LIMIT} characters"
        )));
    }
    let job = new_job(&call, spec)?;
    crate::private::write(&job.file("csv"), &content)?;
    let status =
        job.change(|status| (status.state, status.uploaded) = (State::UploadComplete, true))?;
    call.app
        .workers
        .push(&call.app.org, Task::Ingest(Arc::clone(&job)));
    Ok(answer(
        StatusCode::OK,
        &job.described(&status, call.app.org.user_id(job.user), true),
    ))
}

fn new_job(call: &Call, spec: Spec) -> Result<Arc<IngestJob>, ApiError> {
    let org = &call.app.org;
    let model = org.model();
    let unsupported = || {
        ApiError::bad(
            "INVALIDENTITY",
            format!("Entity '{}' is not supported by the Bulk API.", spec.object),
        )
    };
    let number = model
        .schema
        .position(&spec.object)
        .ok_or_else(unsupported)?;
    let object = model.schema.object(number);
    let access = org.access(call.user);
    let verbs = access.verbs(number, object).ok_or_else(unsupported)?;
    let operation = spec.operation().ok_or_else(|| {
        ApiError::bad(
            "INVALIDOPERATION",
            format!("the operation '{}' is not known", spec.operation),
        )
    })?;
    let allowed = match operation {
        Operation::Insert => verbs.create,
        Operation::Update => verbs.update,
        Operation::Upsert => verbs.create && verbs.update,
        Operation::Delete | Operation::HardDelete => verbs.delete,
    };
    if !object.verbs.bulk || !allowed {
        return Err(unsupported());
    }
    if operation == Operation::HardDelete && !org.options.hard_delete {
        let message = "hardDelete operation requires special user profile permission, please contact your system administrator";
        return Err(ApiError::bad("FEATURENOTENABLED", message));
    }
    match (operation, spec.external_id_field_name.as_deref()) {
        (Operation::Upsert, None) => {
            return Err(ApiError::bad(
                "INVALIDJOB",
                "externalIdFieldName is required for upsert",
            ));
        }
        (Operation::Upsert, Some(name)) => {
            let found = object
                .find(name)
                .filter(|(at, _)| access.visible(number, *at));
            if !found.is_some_and(|(_, field)| field.is_key()) {
                let message = format!(
                    "Field name provided, {name} does not match an External ID, Salesforce Id, or indexed field for {}",
                    object.name
                );
                return Err(ApiError::bad("INVALIDJOB", message));
            }
        }
        _ => {}
    }
    if spec
        .content_type
        .as_deref()
        .is_some_and(|kind| !kind.eq_ignore_ascii_case("CSV"))
    {
        return Err(ApiError::bad("INVALIDJOB", "contentType must be CSV"));
    }
    let fate = org.job_faults.strike(&object.name, &spec.operation);
    if fate.quota {
        return Err(ApiError::bad(
            "EXCEEDEDQUOTA",
            "ApiBatchItems Limit exceeded.",
        ));
    }
    let spec = Spec {
        object: object.name.clone(),
        ..spec
    };
    let id = org.new_id(*b"750");
    Ok(org
        .ingest
        .create(id, spec, call.user, &call.version, fate)?)
}

fn job(call: &Call, id: &str) -> Result<Arc<IngestJob>, ApiError> {
    call.app.org.ingest.find(id).ok_or_else(ApiError::not_found)
}

/// `PUT /jobs/ingest/<id>/batches`.
pub(super) async fn upload(mut call: Call, id: &str) -> Result<Response, ApiError> {
    let job = job(&call, id)?;
    let part = format!("part-{}", call.app.org.new_id(*b"000"));
    let uploading = Uploading::begin(&job, job.file(&part))?;
    receive(&uploading.part, call.take_body()).await?;
    std::fs::rename(&uploading.part, job.file("csv"))?;
    job.change(|status| status.uploaded = true)?;
    drop(uploading);
    Ok(StatusCode::CREATED.into_response())
}

/// Marks a job while its upload is under way; dropped with the request, also when the client goes away.
///
/// Each upload has a file of its own until it is whole, so that one that broke off cannot write into its successor.
struct Uploading<'a> {
    job: &'a IngestJob,
    part: PathBuf,
}

impl<'a> Uploading<'a> {
    /// What a second upload and one after closing are answered is not documented; both are refused.
    fn begin(job: &'a IngestJob, part: PathBuf) -> Result<Self, ApiError> {
        let mut status = lock(&job.status);
        if status.state != State::Open || status.uploaded || status.uploading {
            return Err(ApiError::bad(
                "INVALIDJOBSTATE",
                "Invalid job state for upload",
            ));
        }
        status.uploading = true;
        Ok(Self { job, part })
    }
}

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        lock(&self.job.status).uploading = false;
        if let Err(error) = std::fs::remove_file(&self.part)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a broken upload could not be removed");
        }
    }
}

async fn receive(part: &Path, body: Body) -> Result<(), ApiError> {
    let mut file = crate::private::create(part)?;
    let mut body = body.into_data_stream();
    let (mut block, mut total) = (Vec::with_capacity(BLOCK), 0u64);
    while let Some(bytes) = body.next().await {
        let bytes =
            bytes.map_err(|_| ApiError::bad("CLIENTINPUTERROR", "the upload was cut short"))?;
        total += bytes.len() as u64;
        if total > UPLOAD_LIMIT {
            let message = "The uploaded data exceeds the limit of 150 MB (base64)";
            return Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "REQUEST_TOO_LARGE",
                message,
            ));
        }
        block.extend_from_slice(&bytes);
        if block.len() >= BLOCK {
            (file, block) = written(file, block).await?;
        }
    }
    written(file, block).await.map(|_| ())
}

async fn written(
    mut file: std::fs::File,
    mut block: Vec<u8>,
) -> Result<(std::fs::File, Vec<u8>), ApiError> {
    let work = move || {
        file.write_all(&block)?;
        block.clear();
        Ok::<_, std::io::Error>((file, block))
    };
    Ok(tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ApiError::internal(&error))??)
}

#[derive(Deserialize)]
struct Change {
    state: String,
}

/// `PATCH /jobs/ingest/<id>`.
pub(super) async fn change(mut call: Call, id: &str) -> Result<Response, ApiError> {
    let job = job(&call, id)?;
    let wanted: Change = call.json().await?;
    let refused = |message: &str| Err(ApiError::bad("INVALIDJOBSTATE", message));
    let (mut before, mut unfinished) = (State::Open, false);
    let status = match wanted.state.as_str() {
        "UploadComplete" => job.change(|status| {
            before = status.state;
            unfinished = status.uploading;
            if before == State::Open && !unfinished {
                status.state = State::UploadComplete;
            }
        })?,
        "Aborted" => job.change(|status| {
            before = status.state;
            if !before.terminal() {
                status.state = State::Aborted;
            }
        })?,
        other => {
            return Err(ApiError::bad(
                "INVALIDJOBSTATE",
                format!("Invalid job state: {other}"),
            ));
        }
    };
    match (wanted.state.as_str(), before) {
        ("UploadComplete", State::Open) if unfinished => {
            return refused("The upload is not complete");
        }
        ("UploadComplete", State::Open) => {
            if !status.uploaded {
                crate::private::write(&job.file("csv"), b"")?;
            }
            call.app
                .workers
                .push(&call.app.org, Task::Ingest(Arc::clone(&job)));
        }
        ("UploadComplete", _) => return refused("Closing already Completed Job not allowed"),
        (_, state) if state.terminal() => {
            return refused("Aborting already Completed Job not allowed");
        }
        _ => {}
    }
    Ok(answer(
        StatusCode::OK,
        &job.summary(&status, call.app.org.user_id(job.user)),
    ))
}

/// `GET /jobs/ingest/<id>`.
pub(super) fn get(call: &Call, id: &str) -> Result<Response, ApiError> {
    let job = job(call, id)?;
    Ok(answer(
        StatusCode::OK,
        &job.described(&job.status(), call.app.org.user_id(job.user), false),
    ))
}

/// `DELETE /jobs/ingest/<id>`.
pub(super) fn delete(call: &Call, id: &str) -> Result<Response, ApiError> {
    let job = job(call, id)?;
    let state = job.status().state;
    if !(state.terminal() || state == State::UploadComplete) {
        let message = "Error encountered when deleting the job because the job is not terminated";
        return Err(ApiError::bad("API_ERROR", message));
    }
    if state == State::UploadComplete {
        job.change(|status| status.state = State::Aborted)?;
    }
    call.app.org.ingest.remove(&job)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /jobs/ingest`.
pub(super) fn list(call: &Call) -> Response {
    let jobs = call.app.org.ingest.all();
    let wanted = call.parameter("jobType");
    let start: usize = call
        .parameter("queryLocator")
        .and_then(|at| at.rsplit('-').next()?.parse().ok())
        .unwrap_or(0);
    let fits = wanted.is_none_or(|kind| kind.eq_ignore_ascii_case("V2Ingest"));
    let jobs: &[Arc<IngestJob>] = if fits { &jobs } else { &[] };
    let end = (start + PAGE).min(jobs.len());
    let page = jobs.get(start..end).unwrap_or_default();
    let records: Vec<Value> = page
        .iter()
        .map(|job| {
            let mut info = job.summary(&job.status(), call.app.org.user_id(job.user));
            info["jobType"] = json!("V2Ingest");
            info["lineEnding"] = json!(job.spec.line_ending);
            info["columnDelimiter"] = json!(job.spec.column_delimiter);
            info
        })
        .collect();
    let done = end >= jobs.len();
    let next = (!done).then(|| {
        let cursor = call.app.org.new_id(*b"01g");
        format!(
            "/services/data/v{}/jobs/ingest?queryLocator={cursor}-{end}",
            call.version
        )
    });
    answer(
        StatusCode::OK,
        &json!({"done": done, "records": records, "nextRecordsUrl": next}),
    )
}

/// `GET /jobs/ingest/<id>/<results>`.
pub(super) async fn results(call: &Call, id: &str, which: &str) -> Result<Response, ApiError> {
    let job = job(call, id)?;
    let kind = match which {
        "successfulresults" => ResultKind::Successful,
        "failedresults" => ResultKind::Failed,
        "unprocessedrecords" => ResultKind::Unprocessed,
        _ => return Err(ApiError::not_found()),
    };
    if !job.status().state.terminal() {
        // Not documented; the results of a running job are refused as most clients expect.
        return Err(ApiError::bad(
            "INVALIDJOBSTATE",
            "Job is not in a state in which results can be read",
        ));
    }
    let model = call.app.org.model();
    let (object, _) = model
        .table(&job.spec.object)
        .ok_or_else(ApiError::not_found)?;
    let kind_of = |name: &str| object.find(name).map(|(_, field)| field.kind);
    let mut stream = ResultStream::open(&job, kind, object.prefix, model.pod, kind_of)?;
    if job.results_late() {
        // What the service answers before results are ready is not documented.
        stream = stream.without_rows();
    }
    Ok(csv(call, BlockSource::Results(Box::new(stream))))
}
