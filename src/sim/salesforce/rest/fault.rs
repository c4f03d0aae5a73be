//! Lets a fault strike.
//!
//! In: a fault, the request it is for, and who answers it. Out: the broken answer. A connection is dropped by failing the body of the
//! answer before its first byte: the server then closes the socket.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};

use super::super::faults::{Drop, Fault};
use super::call::{App, bearer};
use super::control::edit;

/// The answer to a request that is struck.
pub(super) async fn strike<F: Future<Output = Response>>(
    fault: &Fault,
    app: &App,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    if fault.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    if let Some(wanted) = &fault.edit
        && let Err(error) = edit(app, wanted)
    {
        return error.into_response();
    }
    if fault.expire {
        app.org
            .sessions
            .close(bearer(request.headers()).unwrap_or_default());
    }
    if fault.drop == Some(Drop::Before) {
        return dropped();
    }
    let response = match fault
        .status
        .and_then(|status| StatusCode::from_u16(status).ok())
    {
        Some(status) => {
            // An answer before the end of an upload would look like a broken connection.
            let mut body = request.into_body().into_data_stream();
            while let Some(Ok(_)) = body.next().await {}
            stated(fault, status)
        }
        None => answer(request).await,
    };
    if fault.answer_delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.answer_delay_ms)).await;
    }
    if fault.drop == Some(Drop::After) {
        return dropped();
    }
    match fault.truncate {
        Some(length) => truncated(response, length),
        None => response,
    }
}

fn stated(fault: &Fault, status: StatusCode) -> Response {
    let mut response = Response::new(Body::from(fault.body.clone()));
    *response.status_mut() = status;
    for (name, value) in &fault.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn reset() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::ConnectionReset, "dropped on purpose")
}

fn dropped() -> Response {
    Response::new(Body::from_stream(stream::once(async {
        Err::<Bytes, _>(reset())
    })))
}

fn truncated(response: Response, length: u64) -> Response {
    let (mut parts, body) = response.into_parts();
    parts.headers.remove("content-length");
    let left = usize::try_from(length).unwrap_or(usize::MAX);
    let cut = body.into_data_stream().scan(left, |left, chunk| {
        let result = match chunk {
            _ if *left == 0 => None,
            Ok(chunk) => {
                let taken = chunk.slice(..chunk.len().min(*left));
                *left -= taken.len();
                Some(Ok(taken))
            }
            Err(_) => None,
        };
        futures::future::ready(result)
    });
    // The pause lets the server send what it has before it finds the connection broken.
    let broken = cut.chain(stream::once(async {
        tokio::task::yield_now().await;
        Err::<Bytes, std::io::Error>(reset())
    }));
    Response::from_parts(parts, Body::from_stream(broken))
}
