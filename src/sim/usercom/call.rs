//! One request as the endpoints see it, and the answers they give.
//!
//! In: the head of a request. Out: its version, its page, its parameters. Never: its key, which was checked before.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded::parse;

use super::account::Account;
use super::error::Refusal;
use super::paging::Page;
use super::record::{Raw, Record};
use super::shape::Version;

/// A request.
pub(super) struct Call {
    pub(super) account: Arc<Account>,
    pub(super) version: Version,
    /// `http://host` of the address that was asked for, which links repeat.
    pub(super) origin: String,
    pub(super) path: String,
    pub(super) query: String,
}

impl Call {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = parse(self.query.as_bytes());
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// All parameters.
    pub(super) fn parameters(&self) -> Vec<(String, String)> {
        parse(self.query.as_bytes()).into_owned().collect()
    }

    /// The page that is asked for.
    pub(super) fn page(&self) -> Result<Page, Refusal> {
        let base = format!("{}{}", self.origin, self.path);
        let size = self.account.now().page_size;
        Page::of(&base, &self.query, size)
    }

    /// A page's envelope as an answer.
    pub(super) fn enveloped(
        &self,
        page: &Page,
        total: usize,
        results: Raw,
    ) -> Result<Response, Refusal> {
        let envelope = page.envelope(total, results, &self.account.now())?;
        Ok(answer(&envelope))
    }
}

/// A record as an answer.
pub(super) fn answer(record: &Record) -> Response {
    (
        StatusCode::OK,
        [(header::CONTENT_TYPE, "application/json")],
        record.line(),
    )
        .into_response()
}
