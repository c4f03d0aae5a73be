//! The connection: settings in, answers out. Holds the session, sends every request through the retry
//! policy, and logs in again when a token has expired, once for all requests that notice it together.
//! It knows HTTP and OAuth, not what the requests mean.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::Stream;
use reqwest::{Request, Response, header};
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex as AsyncMutex, RwLock};
use url::Url;

use super::{
    Error, Identity, Result, Secret, Settings, Usage,
    auth::TokenAnswer,
    body::{Chunks, Watch, lock, read_all},
    call::{self, Answer, Body, Call},
    failure::{self, Failure, Stop},
    login::Login,
    net::{self, Backoff, Clock, Retry, RetryConfig, SystemClock, is_loopback},
    settings::require_ours,
    usage::Meter,
};

/// A connection to one organisation. Every request goes through the retry policy and renews an expired session;
/// dropping its future stops it at the next await, which leaves a write in an unknown state. Clones share the session, the pool and the count of requests.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    settings: Settings,
    clock: Arc<dyn Clock>,
    retry: Retry,
    identity: Identity,
    session: RwLock<Arc<Session>>,
    renewal: Renewal,
    meter: Meter,
}

/// What a login gave. Replaced as a whole, never changed.
struct Session {
    token: Secret,
    instance: Url,
    /// Counts the logins; a request that fails names the one it used.
    generation: u64,
    /// Whether any request was answered under it: then a 401 means that it expired, not that it never was good.
    accepted: AtomicBool,
}

/// Keeps logins single file.
#[derive(Default)]
struct Renewal {
    /// Held during a login. Holds the error of the last login, for those who waited for it.
    turn: AsyncMutex<Option<Error>>,
    /// Logins tried so far; read before and after waiting for the turn.
    tried: AtomicU64,
    /// The newest refresh token, where the server rotates it.
    rotated: Mutex<Option<Secret>>,
}

/// The first login gives up early: somebody who mistyped a host is waiting.
const FIRST_LOGIN: Duration = Duration::from_secs(15);

/// Sessions that one call may see expire. Each time it waits for its turn at a login, so more is bad luck beyond belief.
const MOST_RENEWALS: u32 = 5;

/// Sessions that one call may see refused that were never good.
const UNPROVEN_RENEWALS: u32 = 3;

/// Idle connections kept per host: eight parallel jobs with room for polling.
const POOL_SIZE: usize = 16;

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("login_url", &net::host(&self.inner.settings.login_url))
            .field("identity", &self.inner.identity)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Logs in and finds out which organisation the credentials lead to.
    ///
    /// # Errors
    /// Refuses plain http off loopback; otherwise whatever the login meets.
    pub async fn connect(settings: Settings) -> Result<Self> {
        Self::connect_with_clock(settings, Arc::new(SystemClock)).await
    }

    /// As [`connect`](Self::connect), with a clock that decides what waiting means.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with_clock(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        settings.validate()?;
        let http = build_http(&settings)?;
        let retry = Retry::new(Backoff::new(settings.retry), Arc::clone(&clock));
        let meter = Meter::default();
        let first_login = RetryConfig {
            max_elapsed: settings.retry.max_elapsed.min(FIRST_LOGIN),
            ..settings.retry
        };
        let login = Login {
            http: &http,
            settings: &settings,
            clock: clock.as_ref(),
            retry: &Retry::new(Backoff::new(first_login), Arc::clone(&clock)),
            meter: &meter,
        };
        let answer = login.run(None).await?;
        require_ours(&settings.login_url, &answer.instance_url)?;
        let identity = match answer.identity() {
            Some(identity) => identity,
            None => login.user_info(&answer).await?,
        };
        let rotated = answer.refresh_token.clone().map(Secret::new);
        let session = Session::new(answer, 0);
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                settings,
                clock,
                retry,
                identity,
                session: RwLock::new(Arc::new(session)),
                renewal: Renewal {
                    rotated: Mutex::new(rotated),
                    ..Renewal::default()
                },
                meter,
            }),
        })
    }

    /// Organisation and user of this connection.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// Where a person finds a record.
    pub async fn record_url(&self, id: &str) -> String {
        let session = self.inner.session.read().await;
        format!("{}/{id}", session.instance.as_str().trim_end_matches('/'))
    }

    /// Requests made so far, and the organisation's own count.
    pub fn usage(&self) -> Usage {
        self.inner.meter.read()
    }

    /// What the server's clock says, a second behind at most: its last answer's date and what passed since. This machine's
    /// clock may be wrong by hours.
    pub fn server_time(&self) -> DateTime<Utc> {
        let clock = &self.inner.clock;
        let told = self.inner.meter.server_time(clock.now());
        told.unwrap_or_else(|| clock.utc())
    }

    /// API version in use, such as `66.0`.
    pub fn api_version(&self) -> &str {
        &self.inner.settings.api_version
    }

    /// Whether the organisation runs on this machine, where polling may be quick.
    pub(super) async fn is_local(&self) -> bool {
        is_loopback(&self.session().await.instance)
    }

    /// Waits before rows are sent for the `attempt`-th time, longer each time.
    pub async fn pause(&self, attempt: u32) {
        self.inner.retry.pause(attempt).await;
    }

    pub(super) fn backoff(&self) -> &Backoff {
        self.inner.retry.backoff()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    /// Path of a data resource of this API version.
    pub(super) fn data_path(&self, segments: &[&str]) -> String {
        data_path(self.api_version(), segments)
    }

    /// Sends a call and reads its JSON answer.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        expected: &'static str,
    ) -> Result<T> {
        Ok(self.json_with_headers(call, expected).await?.1)
    }

    /// As [`json`](Self::json), with the headers of the answer. A body that is no JSON is a failed attempt.
    pub(super) async fn json_with_headers<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        expected: &'static str,
    ) -> Result<(header::HeaderMap, T)> {
        let attempts = Attempts::default();
        failure::run(&self.inner.retry, call.info(), || async {
            let answer = self.whole(call, &attempts).await?;
            // Another form of JSON is another version of the API, and no accident.
            if !answer.is_json() {
                return Err(Stop::Failed(call::malformed(answer.status)));
            }
            let value = answer.json(&call.name(), expected)?;
            Ok((answer.headers, value))
        })
        .await
    }

    /// Sends a call and reads its whole answer; a body that breaks off is a failed attempt.
    pub(super) async fn fetch(&self, call: &Call<'_>) -> Result<Answer> {
        let attempts = Attempts::default();
        failure::run(&self.inner.retry, call.info(), || async {
            self.whole(call, &attempts).await
        })
        .await
    }

    /// One attempt with its whole answer.
    async fn whole(&self, call: &Call<'_>, attempts: &Attempts) -> Result<Answer, Stop> {
        let response = self.attempt(call, attempts).await?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let idle = self.inner.settings.timeouts.idle;
        let body = read_all(response, idle).await.map_err(Stop::Failed)?;
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    /// Sends a call and hands out its body as it arrives. A body that breaks off ends the stream with an error.
    pub(super) async fn open(
        &self,
        call: &Call<'_>,
    ) -> Result<(
        header::HeaderMap,
        impl Stream<Item = Result<Bytes>> + Send + use<>,
    )> {
        let attempts = Attempts::default();
        let response = failure::run(&self.inner.retry, call.info(), || {
            self.attempt(call, &attempts)
        })
        .await?;
        let headers = response.headers().clone();
        let idle = self.inner.settings.timeouts.idle;
        Ok((headers, Chunks::stream(response, call.name(), idle)))
    }

    /// One attempt; an expired session is renewed within it.
    async fn attempt(&self, call: &Call<'_>, attempts: &Attempts) -> Result<Response, Stop> {
        let streamed = matches!(call.body, Body::Csv { .. });
        if streamed && attempts.interrupted.swap(false, Ordering::Relaxed) {
            // A server may drop an upload with an expired token before its 401 can be read.
            self.probe(attempts).await?;
        }
        loop {
            let session = self.session().await;
            let sent = self.send(call, &session).await;
            let response = match sent {
                Ok(response) => response,
                Err(stop) => {
                    attempts.interrupted.store(true, Ordering::Relaxed);
                    return Err(stop);
                }
            };
            if response.status().is_success() {
                session.accepted.store(true, Ordering::Relaxed);
                let status = response.status().as_u16();
                if !call.is_kept(status, response.headers()) {
                    return Err(Stop::Failed(call::malformed(status)));
                }
                return Ok(response);
            }
            let failure = self.read_refusal(response).await;
            let message = failure.message.as_deref();
            // SOAP says it with status 500.
            let expired = failure.status == Some(401)
                || failure.code.as_deref() == Some("INVALID_SESSION_ID");
            if expired && attempts.may_renew(&session, message) {
                self.renew(session.generation).await?;
                continue;
            }
            return Err(Stop::Failed(failure));
        }
    }

    /// A small request that finds out whether the session has expired. Other findings are left to the call itself.
    async fn probe(&self, attempts: &Attempts) -> Result<(), Stop> {
        let session = self.session().await;
        let call = Call::get(self.data_path(&["limits"]));
        if let Ok(response) = self.send(&call, &session).await
            && response.status() == 401
            && attempts.may_renew(&session, None)
        {
            self.renew(session.generation).await?;
        }
        Ok(())
    }

    async fn read_refusal(&self, response: Response) -> Failure {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let idle = self.inner.settings.timeouts.idle;
        // The status alone says enough where the rest of the answer is lost.
        let body = read_all(response, idle).await.unwrap_or_default();
        call::refusal(status, &headers, &body)
    }

    async fn session(&self) -> Arc<Session> {
        Arc::clone(&*self.inner.session.read().await)
    }

    /// Sends once. Gives up when no byte moves for the idle limit.
    async fn send(&self, call: &Call<'_>, session: &Session) -> Result<Response, Stop> {
        let watch = Watch::default();
        let request = self.build(call, session, &watch)?;
        self.inner.meter.count_request();
        let idle = self.inner.settings.timeouts.idle;
        let began = std::time::Instant::now();
        let sent = tokio::select! {
            sent = self.inner.http.execute(request) => sent.map_err(call::transport_failure),
            () = watch.stalled(idle) => Err(call::idle_failure()),
        };
        if let Some(source) = watch.take_error() {
            return Err(Stop::Fatal(Error::ReadUpload {
                request: call.name(),
                source: Arc::new(source),
            }));
        }
        let response = sent.map_err(Stop::Failed)?;
        tracing::debug!(
            request = call.name(),
            status = response.status().as_u16(),
            ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        self.inner
            .meter
            .note(response.headers(), self.inner.clock.now());
        Ok(response)
    }

    fn build(&self, call: &Call<'_>, session: &Session, watch: &Watch) -> Result<Request, Stop> {
        let mut url = session
            .instance
            .join(&call.target)
            .map_err(|_| Error::BuildRequest {
                request: call.name(),
            })?;
        // A `nextRecordsUrl` or a job's URL must not lead the token to another host.
        if url.origin() != session.instance.origin() {
            let (path, query) = (url.path().to_owned(), url.query().map(str::to_owned));
            url = session.instance.clone();
            url.set_path(&path);
            url.set_query(query.as_deref());
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut builder = self
            .inner
            .http
            .request(call.method.clone(), url)
            .bearer_auth(session.token.expose())
            .header(header::ACCEPT, call.accept);
        if is_loopback(&session.instance) {
            // Compression only costs time where no network is in between.
            builder = builder.header(header::ACCEPT_ENCODING, "identity");
        }
        for (name, value) in &call.headers {
            builder = builder.header(name, *value);
        }
        builder = match &call.body {
            Body::Empty => builder,
            Body::Json(bytes) => builder
                .header(header::CONTENT_TYPE, "application/json; charset=UTF-8")
                .body(bytes.clone()),
            Body::Csv { length, provider } => {
                let body = reqwest::Body::wrap_stream(watch.follow(provider()));
                let builder = builder.header(header::CONTENT_TYPE, "text/csv");
                match length {
                    Some(length) => builder.header(header::CONTENT_LENGTH, *length).body(body),
                    None => builder.body(body),
                }
            }
            Body::Form(form) => builder.multipart(form()),
            Body::Soap(envelope) => builder
                .header(header::CONTENT_TYPE, "text/xml; charset=UTF-8")
                .header("SOAPAction", "\"\"")
                .body(envelope(session.token.expose())),
        };
        builder
            .build()
            .map_err(|error| Stop::Failed(call::transport_failure(error)))
    }

    /// Replaces the session that a request found expired. Requests that find out together share one login.
    async fn renew(&self, stale: u64) -> Result<()> {
        let renewal = &self.inner.renewal;
        let before = renewal.tried.load(Ordering::Acquire);
        let mut last_error = renewal.turn.lock().await;
        if self.session().await.generation != stale {
            return Ok(());
        }
        if renewal.tried.load(Ordering::Acquire) != before
            && let Some(error) = last_error.as_ref()
        {
            return Err(error.clone());
        }
        let outcome = self.login_again(stale).await;
        renewal.tried.fetch_add(1, Ordering::AcqRel);
        *last_error = outcome.as_ref().err().cloned();
        outcome
    }

    async fn login_again(&self, stale: u64) -> Result<()> {
        let inner = &*self.inner;
        tracing::info!(
            host = net::host(&inner.settings.login_url),
            "session expired, logging in again"
        );
        let login = Login {
            http: &inner.http,
            settings: &inner.settings,
            clock: inner.clock.as_ref(),
            retry: &inner.retry,
            meter: &inner.meter,
        };
        let rotated = lock(&inner.renewal.rotated).clone();
        let answer = login.run(rotated.as_ref()).await?;
        require_ours(&inner.settings.login_url, &answer.instance_url)?;
        if let Some(identity) = answer.identity()
            && !same_id(&identity.organization_id, &inner.identity.organization_id)
        {
            return Err(Error::OrganizationChanged {
                host: net::host(&inner.settings.login_url),
                expected: inner.identity.organization_id.clone(),
                found: identity.organization_id,
            });
        }
        if let Some(token) = &answer.refresh_token {
            *lock(&inner.renewal.rotated) = Some(Secret::new(token.clone()));
        }
        let session = Session::new(answer, stale + 1);
        *inner.session.write().await = Arc::new(session);
        Ok(())
    }
}

impl Session {
    fn new(answer: TokenAnswer, generation: u64) -> Self {
        Self {
            token: Secret::new(answer.access_token),
            instance: answer.instance_url,
            generation,
            accepted: AtomicBool::new(false),
        }
    }
}

/// What one call has been through.
#[derive(Default)]
struct Attempts {
    renewals: AtomicU32,
    interrupted: AtomicBool,
}

impl Attempts {
    /// Whether a new token could help (`guide/salesforce.md` §3.3). A few times in any case, since a 401 may be an accident
    /// too; more often if the session that was refused had been good, since calls side by side may use a new one up before
    /// this call has its turn.
    fn may_renew(&self, refused: &Session, message: Option<&str>) -> bool {
        let hopeless =
            message.is_some_and(|text| text.contains("not valid for use with the REST API"));
        let before = self.renewals.fetch_add(1, Ordering::Relaxed);
        let expired = refused.accepted.load(Ordering::Relaxed);
        let most = if expired {
            MOST_RENEWALS
        } else {
            UNPROVEN_RENEWALS
        };
        !hopeless && before < most
    }
}

/// Path of a data resource of an API version.
pub(super) fn data_path(version: &str, segments: &[&str]) -> String {
    call::join(&format!("/services/data/v{version}"), segments)
}

/// Ids agree in their first 15 characters; the rest is a checksum that not every answer carries.
fn same_id(left: &str, right: &str) -> bool {
    let key = |id: &str| id.chars().take(15).collect::<String>();
    key(left) == key(right)
}

fn build_http(settings: &Settings) -> Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .user_agent(&settings.user_agent)
        .connect_timeout(settings.timeouts.connect)
        .tcp_keepalive(Duration::from_secs(30))
        .pool_max_idle_per_host(POOL_SIZE)
        .pool_idle_timeout(Duration::from_secs(50))
        // A redirect would carry the token along.
        .redirect(reqwest::redirect::Policy::none());
    if is_loopback(&settings.login_url) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|source| Error::BuildHttpClient {
        source: Arc::new(source),
    })
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
