//! A loopback server for tests: a function answers, and everything received is kept. Says nothing of its own about
//! User.com; each test writes down the answers that it is about.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::task::JoinSet;
use url::Url;

use super::{Client, Patience, Settings, Token};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(in crate::usercom) struct Received {
    /// `GET /api/public/users/?cursor=2`.
    pub(in crate::usercom) line: String,
    pub(in crate::usercom) headers: axum::http::HeaderMap,
}

/// A scripted answer.
#[derive(Clone, Debug)]
pub(in crate::usercom) enum Say {
    Reply(u16, Vec<(&'static str, String)>, String),
    /// Drops the connection without an answer.
    Reset,
    /// Promises more than it sends.
    Cut(String),
}

pub(in crate::usercom) fn say(status: u16, body: impl Into<String>) -> Say {
    Say::Reply(status, Vec::new(), body.into())
}

impl Say {
    pub(in crate::usercom) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Reply(_, headers, _) = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

type Script = Box<dyn FnMut(&str) -> Say + Send>;

struct Shared {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
}

/// A running server; stops when dropped.
pub(in crate::usercom) struct MockServer {
    shared: Arc<Shared>,
    pub(in crate::usercom) url: Url,
    _task: JoinSet<()>,
}

impl MockServer {
    /// Starts on a free port. The script gets method, path and query, without the base path.
    pub(in crate::usercom) async fn start(
        script: impl FnMut(&str) -> Say + Send + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            received: Mutex::default(),
        });
        let app = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            shared,
            url,
            _task: task,
        }
    }

    /// Settings that wait as little as possible.
    pub(in crate::usercom) fn settings(&self) -> Settings {
        let mut settings = Settings::new(self.url.clone(), Token::new("hunter2"));
        settings.requests_per_second = 100_000.0;
        settings.patience = Patience {
            attempts: 4,
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(4),
            max_retry_after: Duration::from_secs(2),
        };
        settings
    }

    pub(in crate::usercom) fn client(&self) -> Client {
        Client::new(self.settings()).unwrap()
    }

    /// Requests so far whose line starts with `prefix`, such as `GET users/`.
    pub(in crate::usercom) fn received(&self, prefix: &str) -> Vec<Received> {
        let all = self.shared.received.lock().unwrap();
        all.iter()
            .filter(|request| request.line.starts_with(prefix))
            .cloned()
            .collect()
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri()).replace("/api/public/", "");
    shared.received.lock().unwrap().push(Received {
        line: line.clone(),
        headers: request.headers().clone(),
    });
    let answer = (shared.script.lock().unwrap())(&line);
    match answer {
        Say::Reply(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        }
        // Ends the task of this connection, and with it the connection, without a message on stderr.
        Say::Reset => std::panic::resume_unwind(Box::new("scripted reset")),
        Say::Cut(body) => {
            let start = futures::stream::iter([Ok(bytes::Bytes::from(body))]);
            let end = futures::stream::once(async {
                tokio::task::yield_now().await;
                Err(std::io::Error::other("scripted break"))
            });
            Response::builder()
                .header("content-length", 1_000_000)
                .body(Body::from_stream(futures::StreamExt::chain(start, end)))
                .unwrap()
        }
    }
}
