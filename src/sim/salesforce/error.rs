//! What stops a simulator, and what a request is answered when it fails.
//!
//! In: failures of the state folder, the seed files, the certificate or the socket ([`SimError`]); requests that the API
//! refuses ([`ApiError`], always a JSON array, `guide/salesforce.md` §3.4). Row errors are data, not these.

use std::io;
use std::path::PathBuf;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a simulator could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The state folder cannot be made, read or written.
    #[error("cannot use the state file {path}")]
    State {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The state folder holds something this version does not understand.
    #[error("the state file {path} cannot be understood")]
    Decode {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// Another process serves the same org.
    #[error("another process serves the org in {state}")]
    InUse {
        /// The state folder.
        state: PathBuf,
    },
    /// A seed file cannot be read.
    #[error("cannot read the seed file {path}")]
    ReadSeed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: csv::Error,
    },
    /// A seed file names an object or a column that the org does not have.
    #[error("seed file {path}: the org has no {name}")]
    SeedName {
        /// The file.
        path: PathBuf,
        /// The object or column.
        name: String,
    },
    /// The org refused a seed row.
    #[error("seed file {path}, row {row}: {code} on {fields}")]
    SeedRow {
        /// The file.
        path: PathBuf,
        /// Row number, the header being 1.
        row: u64,
        /// Status code of the refusal.
        code: String,
        /// Fields it is about.
        fields: String,
    },
    /// The scenario file cannot be read.
    #[error("cannot read the fault file {path}")]
    ReadScenario {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The scenario file, or an entry of it, is not what it should be.
    #[error("fault file {path}, {entry}")]
    Scenario {
        /// The file.
        path: PathBuf,
        /// The entry, such as `jobs[2]`.
        entry: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The certificate cannot be made.
    #[error("cannot make a certificate")]
    Certificate(#[source] rcgen::Error),
    /// The certificate cannot be used.
    #[error("cannot set up https")]
    Tls(#[source] rustls::Error),
    /// The port is taken, or only for others.
    #[error("port {port} cannot be used")]
    Port {
        /// Its number.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No socket to listen on.
    #[error("cannot listen on a local port")]
    Listen(#[source] io::Error),
    /// The server stopped by itself.
    #[error("the simulator's server failed")]
    Serve(#[source] io::Error),
    /// The thread of an in-process simulator ended without a result.
    #[error("the simulator's thread ended early")]
    Thread,
}

impl SimError {
    /// Whether another setting helps.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self, Self::Port { .. })
    }

    /// What to do about it, where that is not plain.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Decode { path, .. } => Some(format!(
                "move the folder of {} away to start a new org",
                path.display()
            )),
            Self::Port { .. } => Some("choose another --port, or 0 for a free one".to_owned()),
            Self::InUse { .. } => Some(
                "a command that uses the embedded simulator is at work, or `transload sim salesforce`: wait for it to end".to_owned(),
            ),
            Self::ReadSeed { source, .. } if matches!(source.kind(), csv::ErrorKind::Utf8 { .. }) => {
                Some("the file is in another encoding, such as UTF-16: save it as CSV UTF-8".to_owned())
            }
            Self::SeedName { .. } => {
                Some("seed files are named <Object>.csv and have API names as columns".to_owned())
            }
            Self::Scenario { .. } => Some(
                "a fault file is {\"requests\": […], \"jobs\": […]} with entries as /control/faults and \
                 /control/jobs take them"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}

/// A refused request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<String>,
}

impl ApiError {
    /// An error with any status.
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            fields: Vec::new(),
        }
    }

    /// 400.
    pub(crate) fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404 with the usual text.
    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "The requested resource does not exist",
        )
    }

    /// 405.
    pub(crate) fn method(method: &axum::http::Method) -> Self {
        let message =
            format!("HTTP Method '{method}' not allowed. Allowed are those of the reference");
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            message,
        )
    }

    /// A failure of the simulator itself, such as a full disk.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "simulator request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "UNKNOWN_EXCEPTION",
            "An unexpected error occurred",
        )
    }
}

impl From<io::Error> for ApiError {
    fn from(error: io::Error) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({"message": self.message, "errorCode": self.code});
        if !self.fields.is_empty() {
            error["fields"] = json!(self.fields);
        }
        (self.status, axum::Json(json!([error]))).into_response()
    }
}
