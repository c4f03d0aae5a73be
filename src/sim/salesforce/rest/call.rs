//! One authenticated request, taken apart.
//!
//! In: the HTTP request. Out: [`Call`] with user, version, path, query and body, or 401. Bodies are read on demand and
//! bounded; uploads are streamed by their own resource.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::bulk::Workers;
use super::super::error::ApiError;
use super::super::model::Model;
use super::super::org::Org;

/// Bytes of a JSON body or of a deployment (39 MB zip and its envelope).
const BODY_LIMIT: usize = 64 << 20;

/// What every request can reach.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) org: Arc<Org>,
    pub(crate) workers: Arc<Workers>,
}

/// A request of a logged-in user.
pub(crate) struct Call {
    pub(crate) app: App,
    pub(crate) method: Method,
    /// Decoded parts of the path.
    pub(crate) path: Vec<String>,
    pub(crate) query: HashMap<String, String>,
    pub(crate) headers: HeaderMap,
    body: Mutex<Body>,
    /// Position of the user's row.
    pub(crate) user: u32,
    /// As in the path, without `v`.
    pub(crate) version: String,
}

impl Call {
    /// Checks the session of a request.
    pub(super) fn new(app: App, path: Vec<String>, request: Request) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let token = bearer(&parts.headers).unwrap_or_default();
        let user = app.org.sessions.user(token).ok_or_else(|| {
            ApiError::new(
                StatusCode::UNAUTHORIZED,
                "INVALID_SESSION_ID",
                "Session expired or invalid",
            )
        })?;
        let version = path
            .get(2)
            .map(|part| part.trim_start_matches(['v', 'V']).to_owned())
            .unwrap_or_default();
        let query = pairs(parts.uri.query().unwrap_or_default());
        Ok(Self {
            app,
            method: parts.method,
            path,
            query,
            headers: parts.headers,
            body: Mutex::new(body),
            user,
            version,
        })
    }

    /// A request within this one, which takes neither a session nor an API call of its own.
    pub(crate) fn within(&self, path: Vec<String>, request: Request) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            app: self.app.clone(),
            method: parts.method,
            path,
            query: pairs(parts.uri.query().unwrap_or_default()),
            headers: parts.headers,
            body: Mutex::new(body),
            user: self.user,
            version: self.version.clone(),
        }
    }

    /// A query parameter, whatever its case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, once.
    pub(crate) fn take_body(&mut self) -> Body {
        std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// The whole body.
    pub(crate) async fn bytes(&mut self) -> Result<Bytes, ApiError> {
        read(self.take_body()).await
    }

    /// The body as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::bad("JSON_PARSER_ERROR", error.to_string()))
    }
}

/// Reads a body within the limit.
pub(super) async fn read(body: Body) -> Result<Bytes, ApiError> {
    axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|_| {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "REQUEST_TOO_LARGE",
            "The request is larger than allowed",
        )
    })
}

/// The token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth"))
        .then(|| token.trim())
}

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (
            status,
            [("content-type", "application/json;charset=UTF-8")],
            bytes,
        )
            .into_response(),
        Err(error) => ApiError::internal(&error).into_response(),
    }
}

/// `a=b&c=d`, percent-decoded.
pub(super) fn pairs(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decoded(&key.replace('+', " ")),
                decoded(&value.replace('+', " ")),
            )
        })
        .collect()
}

/// Percent-decodes a text.
pub(super) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                out.push(byte);
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The number of an object that the user sees, or 404 as the real service says it.
pub(super) fn object_named(call: &Call, model: &Model, name: &str) -> Result<usize, ApiError> {
    let access = call.app.org.access(call.user);
    let found = model.schema.position(name);
    found
        .filter(|&at| access.verbs(at, model.schema.object(at)).is_some())
        .ok_or_else(ApiError::not_found)
}
