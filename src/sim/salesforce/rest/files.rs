//! The bytes of files: received as multipart or base64, and given out again (`guide/salesforce.md` §4).
//!
//! In: a part of a multipart request, streamed to the state folder, or a base64 value of a JSON record. Out: what stands
//! for it in the row: the name of a stored content. Then the content as a stream.

use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio_util::io::ReaderStream;

use super::super::change::RowError;
use super::super::error::ApiError;
use super::super::ids::RecordId;
use super::call::{Call, object_named};

/// Bytes of a multipart part: 2 GB for content versions.
const PART_LIMIT: u64 = 2 << 30;
/// Bytes that may come as base64 within JSON: 37.5 MB.
const INLINE_LIMIT: usize = 39_321_600;
/// Bytes of the JSON part.
const RECORD_LIMIT: usize = 1 << 20;
/// What a stored content is called within a record; no base64 text starts like this.
const MARK: &str = "\u{0}stored:";

/// The value that stands for a stored content in a record.
pub(super) fn marked(name: &str) -> Value {
    json!(format!("{MARK}{name}"))
}

/// Stores a base64 value, unless it is stored already; returns the name of the content.
pub(super) fn stored(call: &Call, label: &str, value: &Value) -> Result<Option<String>, RowError> {
    let Some(text) = value.as_str().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if let Some(name) = text.strip_prefix(MARK) {
        return Ok(Some(name.to_owned()));
    }
    let bytes = decoded(label, text)?;
    keep(call, &bytes).map(Some)
}

/// Decodes a base64 value.
pub(super) fn decoded(label: &str, text: &str) -> Result<Vec<u8>, RowError> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| {
        let message = format!("{label}: value not of required type: not base64");
        RowError::new("INVALID_TYPE_ON_FIELD_IN_RECORD", message)
    })?;
    if bytes.len() > INLINE_LIMIT {
        let message = "Maximum size of request reached. Maximum size of base64 data is 37.5 MB";
        return Err(RowError::new("EXCEEDED_MAX_SIZE_REQUEST", message));
    }
    Ok(bytes)
}

/// Stores bytes under a new name.
pub(super) fn keep(call: &Call, bytes: &[u8]) -> Result<String, RowError> {
    let org = &call.app.org;
    let written = org.blobs.begin(org.new_id(*b"05T")).and_then(|mut blob| {
        blob.write(bytes)?;
        Ok(blob.name)
    });
    written.map_err(|error| {
        tracing::error!(%error, "a content could not be stored");
        RowError::new("UNKNOWN_EXCEPTION", "An unexpected error occurred")
    })
}

/// Reads a multipart create request: a JSON part of any name, and a part that is named by the field it is for.
pub(super) async fn received(
    call: &mut Call,
    object: &str,
) -> Result<Map<String, Value>, ApiError> {
    let invalid = |message: &str| ApiError::bad("INVALID_MULTIPART_REQUEST", message);
    let mut request = Request::new(call.take_body());
    *request.headers_mut() = call.headers.clone();
    // Files have a limit of their own below.
    axum::extract::DefaultBodyLimit::disable().apply(&mut request);
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| invalid("not a multipart request"))?;
    let (mut record, mut content) = (None, None);
    let broken = |_| invalid("broken multipart request");
    while let Some(mut part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_none() {
            let mut bytes = Vec::new();
            while let Some(chunk) = part.chunk().await.map_err(broken)? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > RECORD_LIMIT {
                    return Err(invalid("the JSON part is too large"));
                }
            }
            let parsed: Map<String, Value> =
                serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))?;
            record = Some(parsed);
            continue;
        }
        let org = &call.app.org;
        let mut blob = org.blobs.begin(org.new_id(*b"05T"))?;
        let mut total = 0u64;
        while let Some(chunk) = part.chunk().await.map_err(broken)? {
            total += chunk.len() as u64;
            if total > PART_LIMIT {
                let message = "Maximum size of request reached. Maximum size of a file is 2 GB";
                return Err(ApiError::bad("EXCEEDED_MAX_SIZE_REQUEST", message));
            }
            let work = move || blob.write(&chunk).map(|()| blob);
            blob = tokio::task::spawn_blocking(work)
                .await
                .map_err(|error| ApiError::internal(&error))??;
        }
        content = Some((name, blob.name));
    }
    let (Some(mut record), Some((name, blob))) = (record, content) else {
        return Err(invalid(
            "a multipart request needs a JSON part and a file part",
        ));
    };
    let model = call.app.org.model();
    let definition = model.schema.object(object_named(call, &model, object)?);
    let field = definition.find(&name);
    if !field.is_some_and(|(_, field)| field.kind == super::super::schema::FieldType::Base64) {
        return Err(invalid(&format!(
            "the part {name} is no binary field of {}",
            definition.name
        )));
    }
    record.insert(name, marked(&blob));
    Ok(record)
}

/// `GET /sobjects/ContentVersion/<id>/VersionData`, `GET /sobjects/ContentNote/<id>/Content`.
pub(super) async fn content(
    call: &Call,
    object: &str,
    id: &str,
    field: &str,
) -> Result<Response, ApiError> {
    let model = call.app.org.model();
    let number = object_named(call, &model, object)?;
    let definition = model.schema.object(number);
    let (field, _) = definition.find(field).ok_or_else(ApiError::not_found)?;
    let row = |id: &str| {
        let id = RecordId::parse(id)?;
        model.row(id).filter(|row| !row.deleted())
    };
    let own = RecordId::parse(id).filter(|id| id.prefix() == definition.prefix);
    own.ok_or_else(ApiError::not_found)?;
    let mut found = row(id).ok_or_else(ApiError::not_found)?;
    let mut at = Some(field);
    if definition.name == "ContentNote" {
        let latest = definition.position("LatestPublishedVersionId");
        let latest = latest.and_then(|at| found.get(at)).and_then(row);
        found = latest.ok_or_else(ApiError::not_found)?;
        at = model
            .table("ContentVersion")
            .and_then(|(object, _)| object.position("VersionData"));
    }
    let name = at
        .and_then(|at| found.get(at))
        .ok_or_else(ApiError::not_found)?;
    let file = tokio::fs::File::open(call.app.org.blobs.path(name)).await?;
    let mut response = Response::new(Body::from_stream(ReaderStream::new(file)));
    *response.status_mut() = StatusCode::OK;
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert("content-type", kind);
    Ok(response)
}
