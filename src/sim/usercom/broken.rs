//! Answers that go wrong on the way.
//!
//! In: a fault and the answer that would have been given. Out: the broken answer. A connection is reset by failing the
//! body under the server's hands.

use std::io;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::json;

use super::error::html;
use super::faults::{Fault, Reset};

/// Bytes that arrive before a connection is reset in the middle.
const BEFORE_RESET: usize = 40;
/// How long it takes until they have left.
const FLUSHED: Duration = Duration::from_millis(20);

/// Waits if the fault says so; the answer if it stands in place of the right one.
pub(super) async fn instead(fault: &Fault) -> Option<Response> {
    if fault.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    if fault.reset == Some(Reset::Before) {
        return Some(Response::new(cut(Bytes::new())));
    }
    let status = fault
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = if fault.proxy {
        let mut page = html(status.unwrap_or(StatusCode::BAD_GATEWAY));
        *page.status_mut() = status.unwrap_or(StatusCode::OK);
        page
    } else {
        let status = status?;
        match &fault.body {
            Some(body) => (status, body.clone()).into_response(),
            None => {
                let reason = status.canonical_reason().unwrap_or("Error");
                (status, axum::Json(json!({"detail": reason}))).into_response()
            }
        }
    };
    for (name, value) in &fault.headers {
        let name = HeaderName::try_from(name.as_str());
        let value = HeaderValue::try_from(value.as_str());
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().insert(name, value);
        }
    }
    Some(response)
}

/// Breaks an answer on its way.
pub(super) async fn on_the_way(fault: &Fault, response: Response) -> Response {
    if fault.reset.is_none() && fault.truncate.is_none() {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return Response::from_parts(head, Body::empty());
    };
    head.headers.remove(header::CONTENT_LENGTH);
    let body = match (fault.reset, fault.truncate) {
        (Some(_), _) => {
            head.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            cut(bytes.slice(..BEFORE_RESET.min(bytes.len() / 2)))
        }
        (None, keep) => Body::from(bytes.slice(..keep.unwrap_or(0).min(bytes.len()))),
    };
    Response::from_parts(head, body)
}

/// A body that fails after these bytes.
fn cut(bytes: Bytes) -> Body {
    if bytes.is_empty() {
        return Body::from_stream(stream::once(async { Err::<Bytes, _>(reset()) }));
    }
    let then = async {
        // The server holds small pieces back until it waits for the next one.
        tokio::time::sleep(FLUSHED).await;
        Err(reset())
    };
    Body::from_stream(stream::once(async { Ok(bytes) }).chain(stream::once(then)))
}

fn reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "reset on purpose")
}
