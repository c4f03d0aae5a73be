//! One account's API, spoken to politely.
//!
//! In: paths. Out: [`Answer`]s. Every request waits for its turn, is repeated while that can help, and goes to the
//! account's own origin. Reading is all that is done, apart from asking for an export file, so that everything may be
//! repeated.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, Response};
use tokio::sync::Semaphore;
use url::Url;

use super::ApiError;
use super::pace::Pace;
use super::page::Page;
use crate::salesforce::net::{
    self, Backoff, Effect, FailedAttempt, FailureKind, RequestInfo, Retry, RetryConfig, Safety,
    Secret, SystemClock, is_loopback,
};
use crate::usercom::json_text;

/// Under which everything is.
pub const BASE_PATH: &str = "/api/public/";

/// Bytes of the longest answer that is read: a page of a hundred rows has some hundred kilobytes.
const LONGEST_ANSWER: usize = 64 << 20;

const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// Which shape of answers is asked for (`guide/usercom.md` §1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Without the header.
    One,
    /// With it.
    Two,
}

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// The account: scheme and host.
    pub url: Url,
    /// The public REST key.
    pub token: Secret,
    /// Most requests a second.
    pub requests_per_second: f64,
    /// Most requests under way at once.
    pub concurrency: usize,
    /// Bounds of repeating.
    pub retry: RetryConfig,
    /// Longest that one request may take.
    pub time_limit: Duration,
}

impl ClientSettings {
    /// Settings with the usual bounds.
    #[must_use]
    pub fn new(url: Url, token: Secret) -> Self {
        Self {
            url,
            token,
            requests_per_second: 4.0,
            concurrency: 4,
            // Nobody knows the limit of an account: long pauses are to be expected, and attempts alone decide.
            retry: RetryConfig {
                max_attempts: 10,
                max_elapsed: Duration::from_secs(3_600),
                max_retry_after: Duration::from_secs(300),
                ..RetryConfig::default()
            },
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
    settings: ClientSettings,
    pace: Pace,
    retry: Retry,
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

/// A request as it is described before it is sent.
#[derive(Clone, Copy)]
struct Call<'a> {
    method: &'static str,
    /// Below [`BASE_PATH`], or from the root.
    target: &'a str,
    version: Version,
    /// JSON.
    body: Option<&'a str>,
}

impl<'a> Call<'a> {
    fn get(target: &'a str) -> Self {
        Self {
            method: "GET",
            target,
            version: Version::Two,
            body: None,
        }
    }
}

/// An attempt without a usable answer.
struct Refusal {
    error: ApiError,
    effect: Effect,
    /// The pause that the server asked for.
    pause: Option<Duration>,
}

impl From<ApiError> for Refusal {
    /// One that stays.
    fn from(error: ApiError) -> Self {
        Self {
            error,
            effect: Effect::Final,
            pause: None,
        }
    }
}

impl FailedAttempt for Refusal {
    fn effect(&self) -> Effect {
        self.effect
    }

    fn retry_after(&self) -> Option<Duration> {
        self.pause
    }

    fn reason(&self) -> String {
        match &self.error {
            ApiError::Status { status, .. } => format!("status {status}"),
            ApiError::Unreachable { .. } => "no answer".to_owned(),
            _ => "broken answer".to_owned(),
        }
    }
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ApiError::Build`].
    pub fn new(settings: ClientSettings) -> Result<Self, ApiError> {
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
                retry: Retry::new(Backoff::new(settings.retry), Arc::new(SystemClock)),
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
        net::host(&self.inner.settings.url)
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
        self.answer(Call {
            version,
            ..Call::get(target)
        })
        .await
    }

    /// Asks for something with a JSON body.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, target: &str, body: &str) -> Result<Answer, ApiError> {
        self.answer(Call {
            method: "POST",
            target,
            version: Version::Two,
            body: Some(body),
        })
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
                self.send(&target).await
            }
            Err(_) => self.send(place).await,
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
        let response = response.map_err(|error| self.unreachable("GET", &path, error))?;
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
        let request = self.request(url, Call::get(target));
        self.inner.requests.fetch_add(1, Ordering::Relaxed);
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable("GET", &path, error))?;
        Ok((response.status().as_u16(), response.headers().clone()))
    }

    /// The answer, complete and in JSON.
    async fn answer(&self, call: Call<'_>) -> Result<Answer, ApiError> {
        let _slot = self.inner.slots.acquire().await;
        self.repeat(call, |attempt| async move {
            let response = self.attempt(call, attempt).await?;
            let path = self.address(call.target).path().to_owned();
            let date = net::server_date(response.headers());
            let status = response.status().as_u16();
            let error = match text_of(response).await {
                Ok(None) => {
                    let limit = LONGEST_ANSWER;
                    return Err(ApiError::TooLong { path, limit }.into());
                }
                Ok(Some(body)) if json_text::is_valid(&body) => {
                    return Ok(Answer { body, date, path });
                }
                Ok(Some(body)) if is_web_page(&body) => {
                    return Err(ApiError::NotJson { path, status }.into());
                }
                // Cut off on the way, as it seems.
                Ok(Some(_)) => ApiError::Shape {
                    path,
                    expected: "complete JSON",
                },
                Err(error) => self.unreachable(call.method, &path, error),
            };
            Err(Refusal {
                error,
                effect: Effect::Unclear,
                pause: None,
            })
        })
        .await
    }

    /// Reads `target`; the body is left to the caller.
    async fn send(&self, target: &str) -> Result<Response, ApiError> {
        let call = Call::get(target);
        self.repeat(call, |attempt| self.attempt(call, attempt))
            .await
    }

    /// Runs attempts until there is a success, or a refusal that stays.
    async fn repeat<T, A, F>(&self, call: Call<'_>, attempt: A) -> Result<T, ApiError>
    where
        A: FnMut(u32) -> F,
        F: Future<Output = Result<T, Refusal>>,
    {
        let address = self.address(call.target);
        let request = RequestInfo {
            method: call.method,
            path: address.path(),
            safety: Safety::Read,
            routine: true,
        };
        let outcome = self.inner.retry.run(request, attempt).await;
        outcome.map_err(|gave_up| gave_up.failure.error.after(gave_up.attempts))
    }

    async fn attempt(&self, call: Call<'_>, attempt: u32) -> Result<Response, Refusal> {
        let inner = &*self.inner;
        inner.pace.turn().await;
        let url = self.address(call.target);
        let path = url.path().to_owned();
        let request = self.request(url, call);
        inner.requests.fetch_add(1, Ordering::Relaxed);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_builder() => {
                let source = Arc::new(error.without_url());
                return Err(ApiError::Build { source }.into());
            }
            Err(error) => {
                return Err(Refusal {
                    effect: Effect::of(FailureKind::of_transport(&error), None),
                    error: self.unreachable(call.method, &path, error),
                    pause: None,
                });
            }
        };
        let status = response.status().as_u16();
        match status {
            200..=299 => {
                inner.pace.went_well();
                return Ok(response);
            }
            300..=399 => return Err(self.redirected(&response, path, status).into()),
            401 => return Err(ApiError::Unauthorized { host: self.host() }.into()),
            403 => return Err(self.forbidden(response, path).await.into()),
            404 | 405 | 410 => return Err(ApiError::NotFound { path, status }.into()),
            _ => {}
        }
        let mut pause = net::retry_after(response.headers());
        if status == 429 {
            inner.refused.fetch_add(1, Ordering::Relaxed);
            // Everybody waits, not this request alone.
            let wait = inner.retry.backoff().delay(attempt, pause);
            inner.pace.too_many(wait);
            pause = Some(wait);
        }
        Err(Refusal {
            error: ApiError::Status {
                method: call.method,
                path,
                status,
                attempts: attempt,
            },
            effect: Effect::of(FailureKind::Status, Some(status)),
            pause,
        })
    }

    fn request(&self, url: Url, call: Call<'_>) -> reqwest::RequestBuilder {
        let settings = &self.inner.settings;
        let method = match call.body {
            Some(_) => Method::POST,
            None => Method::GET,
        };
        let accept = match call.version {
            Version::One => "*/*",
            Version::Two => "*/*; version=2",
        };
        let mut request = self
            .inner
            .http
            .request(method, url)
            .header(
                AUTHORIZATION,
                format!("Token {}", settings.token.expose().trim()),
            )
            .header(ACCEPT, accept);
        if is_loopback(&settings.url) {
            // Compression only costs time where no network is in between.
            request = request.header(ACCEPT_ENCODING, "identity");
        }
        match call.body {
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

    fn unreachable(&self, method: &'static str, path: &str, error: reqwest::Error) -> ApiError {
        ApiError::Unreachable {
            method,
            path: path.to_owned(),
            host: self.host(),
            attempts: 1,
            // The query may hold somebody's address.
            source: Arc::new(error.without_url()),
        }
    }

    /// A refusal of the API, or one of something in between, which speaks HTML.
    async fn forbidden(&self, response: Response, path: String) -> ApiError {
        let text = text_of(response).await.ok().flatten().unwrap_or_default();
        if is_web_page(&text) {
            return ApiError::NotJson { path, status: 403 };
        }
        ApiError::Forbidden {
            host: self.host(),
            path,
        }
    }

    fn redirected(&self, response: &Response, path: String, status: u16) -> ApiError {
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
            status,
        }
    }
}

/// The whole text of an answer; none if it is longer than any that the API gives.
async fn text_of(mut response: Response) -> Result<Option<String>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > LONGEST_ANSWER {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(String::from_utf8(bytes).unwrap_or_else(|error| {
        String::from_utf8_lossy(error.as_bytes()).into_owned()
    })))
}

fn is_web_page(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
