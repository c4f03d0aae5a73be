//! A loopback server for tests: answers from a script, keeps what it received. Says nothing of its own about
//! Salesforce; each test writes down the answers that it is about.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::task::JoinSet;
use url::Url;

use super::{Auth, Client, Result, Secret, Settings, clock::testing::ManualClock};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) line: String,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// What the server does with a request whose line starts with `when`.
struct Rule {
    when: String,
    answers: VecDeque<Answer>,
    /// Given when `answers` is used up; nothing means 404.
    last: Option<Answer>,
}

/// A scripted answer.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Say {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Reads this many bytes of the body and drops the connection.
    Reset { after: usize },
    /// Answers with part of a body and drops the connection.
    Truncate { body: String },
    /// Never answers.
    Hang,
}

pub(super) fn say(status: u16, body: impl Into<String>) -> Answer {
    Answer::Say {
        status,
        headers: Vec::new(),
        body: body.into(),
    }
}

impl Answer {
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Say { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

#[derive(Default)]
struct Script {
    rules: Mutex<Vec<Rule>>,
    received: Mutex<Vec<Received>>,
    /// The only `Authorization` that data requests may carry.
    token: Mutex<Option<String>>,
}

/// A running server; stops when dropped.
pub(super) struct MockServer {
    script: Arc<Script>,
    pub(super) url: Url,
    pub(super) clock: Arc<ManualClock>,
    _task: JoinSet<()>,
}

impl MockServer {
    /// Starts on a free port, with a token endpoint that always answers.
    pub(super) async fn start() -> Self {
        let server = Self::start_without_login().await;
        server.on("POST /services/oauth2/token", &[], Some(server.token("t0")));
        server
    }

    pub(super) async fn start_without_login() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let script = Arc::new(Script::default());
        let app = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&script))
            .layer(axum::extract::DefaultBodyLimit::disable());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            script,
            url,
            clock: Arc::new(ManualClock::new()),
            _task: task,
        }
    }

    /// A token answer that points back here.
    pub(super) fn token(&self, token: &str) -> Answer {
        say(
            200,
            format!(
                r#"{{"access_token":"{token}","instance_url":"{}","token_type":"Bearer",
                    "id":"{}id/00Dxx0000000001AAA/005xx0000000001AAA"}}"#,
                self.url.as_str().trim_end_matches('/'),
                self.url
            ),
        )
    }

    /// Scripts the answers to requests whose line starts with `when`: the given ones, then `last` for ever.
    pub(super) fn on(&self, when: &str, answers: &[Answer], last: Option<Answer>) {
        let rule = Rule {
            when: when.to_owned(),
            answers: answers.iter().cloned().collect(),
            last,
        };
        // A later rule goes first.
        self.script.rules.lock().unwrap().insert(0, rule);
    }

    pub(super) fn settings(&self) -> Settings {
        let auth = Auth::ClientCredentials {
            client_id: "app".into(),
            client_secret: Secret::new("hunter2"),
        };
        Settings::new(self.url.clone(), auth)
    }

    pub(super) async fn client(&self) -> Client {
        self.connect(self.settings()).await.unwrap()
    }

    /// Connects with the clock that does not wait.
    pub(super) async fn connect(&self, settings: Settings) -> Result<Client> {
        let clock = Arc::<ManualClock>::clone(&self.clock);
        Client::connect_with_clock(settings, clock).await
    }

    /// From now on every data request with another token is answered with 401.
    pub(super) fn accept_only(&self, token: &str) {
        *self.script.token.lock().unwrap() = Some(format!("Bearer {token}"));
    }

    /// Requests whose line starts with `prefix`.
    pub(super) fn received(&self, prefix: &str) -> Vec<Received> {
        let all = self.script.received.lock().unwrap();
        all.iter()
            .filter(|request| request.line.starts_with(prefix))
            .cloned()
            .collect()
    }
}

const EXPIRED: &str =
    r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#;

async fn handle(State(script): State<Arc<Script>>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let headers = request.headers().clone();
    let expired = script.token.lock().unwrap().as_ref().is_some_and(|token| {
        line.contains("/services/data/")
            && headers
                .get("authorization")
                .and_then(|value| value.to_str().ok())
                != Some(token)
    });
    let answer = if expired {
        say(401, EXPIRED)
    } else {
        let mut rules = script.rules.lock().unwrap();
        let rule = rules.iter_mut().find(|rule| line.starts_with(&rule.when));
        rule.and_then(|rule| rule.answers.pop_front().or_else(|| rule.last.clone()))
            .unwrap_or_else(|| {
                say(
                    404,
                    r#"[{"errorCode":"NOT_FOUND","message":"no such rule"}]"#,
                )
            })
    };
    let limit = match &answer {
        Answer::Reset { after } => *after,
        _ => usize::MAX,
    };
    let mut stream = request.into_body().into_data_stream();
    let mut body = Vec::new();
    while body.len() < limit
        && let Some(Ok(chunk)) = stream.next().await
    {
        body.extend_from_slice(&chunk);
    }
    script.received.lock().unwrap().push(Received {
        line,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    match answer {
        Answer::Say {
            status,
            headers,
            body,
        } => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        // Ends the task of this connection, and with it the connection, without a message on stderr.
        Answer::Reset { .. } => std::panic::resume_unwind(Box::new("scripted reset")),
        Answer::Truncate { body } => broken(body),
        Answer::Hang => std::future::pending().await,
    }
}

/// A response whose body promises more than it holds.
fn broken(body: String) -> Response {
    let start = stream::iter([Ok(Bytes::from(body))]);
    let end = stream::once(async {
        // A body that pauses is sent as far as it goes.
        tokio::task::yield_now().await;
        Err(std::io::Error::other("scripted break"))
    });
    Response::builder()
        .header("content-length", 1_000_000)
        .body(Body::from_stream(start.chain(end)))
        .unwrap()
}
