//! A loopback server for tests: a function answers, and everything received is kept. Says nothing of its own about
//! either API; each test writes down the answers that it is about. The tests of the User.com client compile this file too.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::task::JoinSet;
use url::Url;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

/// A scripted answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
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

pub(crate) fn say(status: u16, body: impl Into<String>) -> Answer {
    Answer::Say {
        status,
        headers: Vec::new(),
        body: body.into(),
    }
}

impl Answer {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Say { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }
}

type Script = Box<dyn FnMut(&str, &HeaderMap) -> Answer + Send>;

struct Shared {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
}

/// A running server; stops when dropped.
pub(crate) struct MockServer {
    shared: Arc<Shared>,
    pub(crate) url: Url,
    _task: JoinSet<()>,
}

impl MockServer {
    /// Starts on a free port. The script gets the line of a request, such as `GET /path?query`, and its headers.
    pub(crate) async fn start(
        script: impl FnMut(&str, &HeaderMap) -> Answer + Send + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Box::new(script)),
            received: Mutex::default(),
        });
        let app = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&shared))
            .layer(axum::extract::DefaultBodyLimit::disable());
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            shared,
            url,
            _task: task,
        }
    }

    /// Requests so far whose line starts with `prefix`.
    pub(crate) fn received(&self, prefix: &str) -> Vec<Received> {
        let all = self.shared.received.lock().unwrap();
        all.iter()
            .filter(|request| request.line.starts_with(prefix))
            .cloned()
            .collect()
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let headers = request.headers().clone();
    let answer = (shared.script.lock().unwrap())(&line, &headers);
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
    shared.received.lock().unwrap().push(Received {
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
