//! What stops a simulated account, and what a request is answered when it is refused.
//!
//! In: failures of the export folder, the state folder or the socket ([`UsercomSimError`]); requests that the API
//! refuses ([`Refusal`]). Never: contents of rows.

use std::io;
use std::path::PathBuf;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why an account could not be served.
#[derive(Debug, thiserror::Error)]
pub enum UsercomSimError {
    /// The export folder or a file of it cannot be read.
    #[error("cannot read the export {path}")]
    ReadExport {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder has no file of any object.
    #[error("no file in {path} is one of an object that the API serves")]
    NothingToServe {
        /// The folder.
        path: PathBuf,
    },
    /// The state folder cannot be written or read back.
    #[error("cannot use the state file {path}")]
    State {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The fault file cannot be read.
    #[error("cannot read the fault file {path}")]
    ReadScenario {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The fault file is not a list of faults.
    #[error("the fault file {path} is not a list of faults")]
    Scenario {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// No socket to listen on.
    #[error("cannot listen on a local port")]
    Listen(#[source] io::Error),
    /// The server stopped by itself.
    #[error("the simulator's server failed")]
    Serve(#[source] io::Error),
    /// A thread of the simulator could not be started, or ended without a result.
    #[error("a thread of the simulator could not be started or ended early")]
    Thread,
}

impl UsercomSimError {
    /// Whether whoever started it gave something unusable.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::ReadExport { .. }
                | Self::NothingToServe { .. }
                | Self::ReadScenario { .. }
                | Self::Scenario { .. }
        )
    }

    /// What to do about it, where that is not plain.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NothingToServe { .. } => Some(
                "files are named after their object: people.csv, companies-1.jsonl.gz, deals/part-1.csv, …"
                    .to_owned(),
            ),
            Self::Scenario { .. } => Some(
                "a fault file is a JSON list of what POST /control/faults takes: {\"path\": \"/api/public/users/\", \
                 \"status\": 503, \"times\": 2}, …"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// An answer other than the one that was asked for.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A JSON body.
    Json(StatusCode, Value),
    /// A page for people, as a web server makes it.
    Html(StatusCode),
    /// To the same path with a slash at its end.
    Slash(String),
    /// Too many requests, and what `Retry-After` says.
    Throttled(String, Option<String>),
}

impl Refusal {
    /// A status and its reason.
    pub(super) fn detail(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::Json(status, json!({"detail": detail.into()}))
    }

    /// There is no such row or page.
    pub(super) fn not_found() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Not found.")
    }

    /// The simulator's own failure, such as a state file that vanished.
    pub(super) fn internal(error: &UsercomSimError) -> Self {
        tracing::error!(%error, "request of the simulated account failed");
        Self::Html(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<UsercomSimError> for Refusal {
    fn from(error: UsercomSimError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Json(status, body) => (status, axum::Json(body)).into_response(),
            Self::Html(status) => html(status),
            Self::Slash(path) => {
                (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, path)]).into_response()
            }
            Self::Throttled(detail, retry_after) => {
                let retry_after = retry_after.map(|value| [(header::RETRY_AFTER, value)]);
                let body = axum::Json(json!({"detail": detail}));
                (StatusCode::TOO_MANY_REQUESTS, retry_after, body).into_response()
            }
        }
    }
}

/// A page for people.
pub(super) fn html(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let body = format!(
        "<!doctype html>\n<html lang=\"en\"><head><title>{reason}</title></head><body><h1>{reason}</h1></body></html>\n"
    );
    (
        status,
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        body,
    )
        .into_response()
}
