//! One account's API, spoken to politely.
//!
//! In: paths. Out: [`Answer`]s. Every request waits for its turn, is repeated while that can help, and goes to the
//! account's own origin. Reading is all that is done, apart from asking for an export file, so that everything may be
//! repeated.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, Response, StatusCode};
use tokio::sync::Semaphore;
use url::{Host, Url};

use super::ApiError;
use super::pace::Pace;
use super::page::Page;
use super::wait::{self, Patience};
use crate::usercom::json_text;

/// Under which everything is.
pub const BASE_PATH: &str = "/api/public/";

const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// A token. `Debug` hides it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Wraps a token as it was read from the environment.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(token.trim().to_owned())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Which shape of answers is asked for (`reference/usercom.md` §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Without the header.
    One,
    /// With it.
    Two,
}

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account: scheme and host.
    pub url: Url,
    /// The public REST key.
    pub token: Token,
    /// Most requests a second.
    pub requests_per_second: f64,
    /// Most requests under way at once.
    pub concurrency: usize,
    /// When to give up.
    pub patience: Patience,
    /// Longest that one request may take.
    pub time_limit: Duration,
}

impl Settings {
    /// Settings with the usual bounds.
    #[must_use]
    pub fn new(url: Url, token: Token) -> Self {
        Self {
            url,
            token,
            requests_per_second: 4.0,
            concurrency: 4,
            patience: Patience::default(),
            time_limit: Duration::from_secs(90),
        }
    }
}

/// A client; clones share rate, connections and counts.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    settings: Settings,
    pace: Pace,
    /// Requests under way.
    slots: Semaphore,
    requests: AtomicU64,
    refused: AtomicU64,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.host())
            .finish_non_exhaustive()
    }
}

/// A success.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its text; JSON, unless a file was asked for.
    pub body: String,
    /// The server's time of day.
    pub date: Option<DateTime<Utc>>,
    /// Path without query, for errors.
    pub path: String,
}

impl Answer {
    /// The page of a list; `list` is the key of the rows where `results` is an object.
    ///
    /// # Errors
    /// [`ApiError::Shape`].
    pub fn page(&self, list: &str) -> Result<Page<'_>, ApiError> {
        Page::cut(&self.body, &self.path, list)
    }
}

/// What one attempt came to.
enum Attempt {
    Done(Response),
    Again {
        wait: Option<Duration>,
        error: ApiError,
    },
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ApiError::Build`].
    pub fn new(settings: Settings) -> Result<Self, ApiError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("transload/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_LIMIT)
            .timeout(settings.time_limit)
            // A redirect would carry the token along.
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback(&settings.url) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|source| ApiError::Build {
            source: Arc::new(source),
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                pace: Pace::new(settings.requests_per_second),
                slots: Semaphore::new(settings.concurrency.max(1)),
                settings,
                requests: AtomicU64::new(0),
                refused: AtomicU64::new(0),
            }),
        })
    }

    /// Host and port of the account.
    #[must_use]
    pub fn host(&self) -> String {
        let url = &self.inner.settings.url;
        match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => "unknown host".to_owned(),
        }
    }

    /// Requests sent so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Relaxed)
    }

    /// Answers so far that said "too many requests".
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.inner.refused.load(Ordering::Relaxed)
    }

    /// Most requests under way at once.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        self.inner.settings.concurrency.max(1)
    }

    /// Most requests a second.
    #[must_use]
    pub fn requests_per_second(&self) -> f64 {
        self.inner.settings.requests_per_second
    }

    /// Reads a path below [`BASE_PATH`], or one that a `next` gave, in the shape of API v2.
    ///
    /// # Errors
    /// [`ApiError`]; for one that may go away only after all attempts.
    pub async fn get(&self, target: &str) -> Result<Answer, ApiError> {
        self.get_as(target, Version::Two).await
    }

    /// The same in the shape that is asked for.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_as(&self, target: &str, version: Version) -> Result<Answer, ApiError> {
        self.answer("GET", target, version, None, true).await
    }

    /// Asks for something with a JSON body.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, target: &str, body: &str) -> Result<Answer, ApiError> {
        self.answer("POST", target, Version::Two, Some(body), true)
            .await
    }

    /// Opens a file; its body is read by the caller. An address on another origin is opened without the token.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn open(&self, place: &str) -> Result<Response, ApiError> {
        let _slot = self.inner.slots.acquire().await;
        let ours = &self.inner.settings.url;
        match Url::parse(place) {
            Ok(url) if url.origin() != ours.origin() => self.open_elsewhere(url).await,
            Ok(url) => {
                let target = match url.query() {
                    Some(query) => format!("{}?{query}", url.path()),
                    None => url.path().to_owned(),
                };
                self.send("GET", &target, Version::Two, None).await
            }
            Err(_) => self.send("GET", place, Version::Two, None).await,
        }
    }

    async fn open_elsewhere(&self, url: Url) -> Result<Response, ApiError> {
        // The address may carry a signature; its path says enough.
        let path = format!("{}{}", url.origin().ascii_serialization(), url.path());
        if url.scheme() != "https" && !is_loopback(&url) {
            return Err(ApiError::NotFound { path, status: 404 });
        }
        self.inner.pace.turn().await;
        self.inner.requests.fetch_add(1, Ordering::Relaxed);
        let response = self.inner.http.get(url).send().await;
        let response = response.map_err(|error| self.unreachable("GET", &path, 1, error))?;
        match response.status().as_u16() {
            200..=299 => Ok(response),
            status => Err(ApiError::NotFound { path, status }),
        }
    }

    /// The status of a path, whatever it is.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`], [`ApiError::Unauthorized`].
    pub async fn status(&self, target: &str) -> Result<u16, ApiError> {
        match self.open(target).await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(ApiError::Forbidden { .. }) => Ok(403),
            Err(
                ApiError::NotFound { status, .. }
                | ApiError::Status { status, .. }
                | ApiError::NotJson { status, .. }
                | ApiError::Redirected { status, .. },
            ) => Ok(status),
            Err(error) => Err(error),
        }
    }

    /// One request outside the rate and without repetition, for finding out where the limit is: status and headers.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`].
    pub async fn try_once(&self, target: &str) -> Result<(u16, HeaderMap), ApiError> {
        let url = self.address(target);
        let path = url.path().to_owned();
        let request = self.request(&Method::GET, url, Version::Two, None);
        self.inner.requests.fetch_add(1, Ordering::Relaxed);
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable("GET", &path, 1, error))?;
        Ok((response.status().as_u16(), response.headers().clone()))
    }

    async fn answer(
        &self,
        method: &'static str,
        target: &str,
        version: Version,
        body: Option<&str>,
        is_json: bool,
    ) -> Result<Answer, ApiError> {
        let _slot = self.inner.slots.acquire().await;
        let path = self.address(target).path().to_owned();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let response = self.send(method, target, version, body).await?;
            let date = wait::date(response.headers());
            let status = response.status().as_u16();
            let error = match response.text().await {
                Ok(text) if !is_json || json_text::is_valid(&text) => {
                    return Ok(Answer {
                        body: text,
                        date,
                        path,
                    });
                }
                Ok(text) if is_web_page(&text) => return Err(ApiError::NotJson { path, status }),
                // Cut off on the way, as it seems.
                Ok(_) => ApiError::Shape {
                    path: path.clone(),
                    expected: "complete JSON",
                },
                Err(error) => self.unreachable(method, &path, attempt, error),
            };
            if attempt >= self.inner.settings.patience.attempts {
                return Err(error);
            }
            let delay = self.inner.settings.patience.delay(attempt);
            note_retry(method, &path, attempt, &error, delay);
            tokio::time::sleep(delay).await;
        }
    }

    /// Sends until there is a success, or a refusal that stays.
    async fn send(
        &self,
        method: &'static str,
        target: &str,
        version: Version,
        body: Option<&str>,
    ) -> Result<Response, ApiError> {
        let patience = self.inner.settings.patience;
        let mut attempt = 0;
        loop {
            attempt += 1;
            self.inner.pace.turn().await;
            let (wait, error) = match self.attempt(method, target, version, body, attempt).await? {
                Attempt::Done(response) => return Ok(response),
                Attempt::Again { wait, error } => (wait, error),
            };
            if attempt >= patience.attempts {
                return Err(error);
            }
            let delay = wait.unwrap_or_else(|| patience.delay(attempt));
            note_retry(method, self.address(target).path(), attempt, &error, delay);
            tokio::time::sleep(delay).await;
        }
    }

    async fn attempt(
        &self,
        method: &'static str,
        target: &str,
        version: Version,
        body: Option<&str>,
        attempt: u32,
    ) -> Result<Attempt, ApiError> {
        let url = self.address(target);
        let path = url.path().to_owned();
        let verb = if method == "POST" {
            Method::POST
        } else {
            Method::GET
        };
        let request = self.request(&verb, url, version, body);
        self.inner.requests.fetch_add(1, Ordering::Relaxed);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_builder() => {
                return Err(ApiError::Build {
                    source: Arc::new(error.without_url()),
                });
            }
            Err(error) => {
                return Ok(Attempt::Again {
                    wait: None,
                    error: self.unreachable(method, &path, attempt, error),
                });
            }
        };
        let status = response.status();
        if status.is_success() {
            self.inner.pace.went_well();
            return Ok(Attempt::Done(response));
        }
        let asked = self.inner.settings.patience.asked(response.headers());
        let failed = ApiError::Status {
            method,
            path: path.clone(),
            status: status.as_u16(),
            attempts: attempt,
        };
        match status.as_u16() {
            429 => {
                self.inner.refused.fetch_add(1, Ordering::Relaxed);
                let wait = asked.unwrap_or_else(|| self.inner.settings.patience.delay(attempt));
                self.inner.pace.too_many(wait);
                Ok(Attempt::Again {
                    wait: Some(wait),
                    error: failed,
                })
            }
            408 | 500..=599 => Ok(Attempt::Again {
                wait: asked,
                error: failed,
            }),
            401 => Err(ApiError::Unauthorized { host: self.host() }),
            403 => Err(self.forbidden(response, path).await),
            404 | 405 | 410 => Err(ApiError::NotFound {
                path,
                status: status.as_u16(),
            }),
            300..=399 => Err(self.redirected(&response, path, status)),
            _ => Err(failed),
        }
    }

    fn request(
        &self,
        method: &Method,
        url: Url,
        version: Version,
        body: Option<&str>,
    ) -> reqwest::RequestBuilder {
        let settings = &self.inner.settings;
        let accept = match version {
            Version::One => "*/*",
            Version::Two => "*/*; version=2",
        };
        let mut request = self
            .inner
            .http
            .request(method.clone(), url)
            .header(AUTHORIZATION, format!("Token {}", settings.token.0))
            .header(ACCEPT, accept);
        if is_loopback(&settings.url) {
            // Compression only costs time where no network is in between.
            request = request.header(ACCEPT_ENCODING, "identity");
        }
        match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_owned()),
            None => request,
        }
    }

    /// The address of a path on the account's own origin, whatever host a `next` named.
    fn address(&self, target: &str) -> Url {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let mut url = self.inner.settings.url.clone();
        if path.starts_with('/') {
            url.set_path(path);
        } else {
            url.set_path(&format!("{BASE_PATH}{path}"));
        }
        url.set_query(query);
        url
    }

    fn unreachable(
        &self,
        method: &'static str,
        path: &str,
        attempts: u32,
        error: reqwest::Error,
    ) -> ApiError {
        ApiError::Unreachable {
            method,
            path: path.to_owned(),
            host: self.host(),
            attempts,
            // The query may hold somebody's address.
            source: Arc::new(error.without_url()),
        }
    }

    /// A refusal of the API, or one of something in between, which speaks HTML.
    async fn forbidden(&self, response: Response, path: String) -> ApiError {
        let text = response.text().await.unwrap_or_default();
        if is_web_page(&text) {
            return ApiError::NotJson { path, status: 403 };
        }
        ApiError::Forbidden {
            host: self.host(),
            path,
        }
    }

    fn redirected(&self, response: &Response, path: String, status: StatusCode) -> ApiError {
        let target = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| self.inner.settings.url.join(value).ok())
            .map_or_else(
                || "nowhere".to_owned(),
                |url| format!("{}{}", url.origin().ascii_serialization(), url.path()),
            );
        ApiError::Redirected {
            path,
            target,
            status: status.as_u16(),
        }
    }
}

fn note_retry(method: &str, path: &str, attempt: u32, error: &ApiError, delay: Duration) {
    let reason = match error {
        ApiError::Status { status, .. } => format!("status {status}"),
        ApiError::Unreachable { .. } => "no answer".to_owned(),
        _ => "broken answer".to_owned(),
    };
    let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        method,
        path,
        attempt,
        reason,
        delay_ms,
        "request failed, trying again"
    );
}

fn is_web_page(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
