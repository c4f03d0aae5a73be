//! The server of the page.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rand::Rng;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::document::{Files, ReviewTargets, document};
use crate::error::Error;
use crate::mapping::{
    Action, DecisionFile, FIELD_MAP, Facts, KnownFields, MappingError, ProposedRows, Signature,
    StagedTypes, UserHistory, VALUE_MAP, decide_fields, decide_values, save_decisions,
};

/// What the page may load: its own script and style, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a review is made of.
#[derive(Debug)]
pub struct Review {
    /// The project's folder.
    pub folder: PathBuf,
    /// The project's name, for the history.
    pub project: String,
    /// Who confirms, until the page says otherwise; may be empty.
    pub by: String,
    /// What the staged columns hold.
    pub staged: StagedTypes,
    /// The org's fields that are offered.
    pub targets: ReviewTargets,
    /// All fields that there are.
    pub fields: KnownFields,
    /// Where confirmations are remembered; none = nowhere.
    pub history: Option<PathBuf>,
}

struct Served {
    review: Review,
    token: String,
    address: SocketAddr,
    /// One decision after the other: each reads the files, changes them and writes them.
    writing: Mutex<()>,
}

/// Serves a review on a socket until `shutdown` is ready; `started` hears the page's address first.
///
/// # Errors
/// The socket cannot be served.
pub async fn serve(
    review: Review,
    listener: TcpListener,
    started: impl FnOnce(&str),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let failed = |source: std::io::Error| Error::File {
        action: "serve",
        path: "the review page".to_owned(),
        source,
    };
    let address = listener.local_addr().map_err(failed)?;
    let mut random = [0_u8; 24];
    rand::rng().fill_bytes(&mut random);
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    started(&format!("http://{address}/{token}/"));
    let served = Arc::new(Served {
        review,
        token,
        address,
        writing: Mutex::new(()),
    });
    let router = router(&served);
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown)
        .into_future()
        .await
        .map_err(failed)
}

fn router(served: &Arc<Served>) -> Router {
    Router::new()
        .route(
            "/{token}/",
            get(|| async { page("text/html", include_str!("page.html")) }),
        )
        .route(
            "/{token}/page.js",
            get(|| async { page("text/javascript", include_str!("page.js")) }),
        )
        .route(
            "/{token}/page.css",
            get(|| async { page("text/css", include_str!("page.css")) }),
        )
        .route("/{token}/map", get(map))
        .route("/{token}/decide", post(decide))
        .fallback(|| async { told(StatusCode::NOT_FOUND, "there is no such page") })
        .layer(middleware::from_fn_with_state(Arc::clone(served), guard))
        .with_state(Arc::clone(served))
}

fn page(kind: &str, text: &'static str) -> Response {
    (
        [(header::CONTENT_TYPE, format!("{kind}; charset=utf-8"))],
        text,
    )
        .into_response()
}

fn told(status: StatusCode, error: &str) -> Response {
    (status, axum::Json(serde_json::json!({ "error": error }))).into_response()
}

/// Lets only requests of the page itself through, and tells browsers to keep to it.
async fn guard(State(served): State<Arc<Served>>, request: Request, next: Next) -> Response {
    let mut response = match refused(&served, &request) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refused(served: &Served, request: &Request) -> Option<Response> {
    let hosts = [
        served.address.to_string(),
        format!("localhost:{}", served.address.port()),
    ];
    let text = |headers: &HeaderMap, name| {
        let value = headers.get(name)?;
        Some(value.to_str().unwrap_or_default().to_ascii_lowercase())
    };
    // A name that leads here by DNS is another host.
    let host = text(request.headers(), header::HOST);
    if !host.is_some_and(|host| hosts.contains(&host)) {
        return Some(told(
            StatusCode::MISDIRECTED_REQUEST,
            "this host is not served",
        ));
    }
    let origin = text(request.headers(), header::ORIGIN);
    let is_own = origin
        .as_deref()
        .map(|origin| hosts.iter().any(|host| origin == format!("http://{host}")));
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if is_own == Some(false) || (is_own.is_none() && !reads) {
        return Some(told(
            StatusCode::FORBIDDEN,
            "requests of other pages are not answered",
        ));
    }
    let token = request.uri().path().split('/').nth(1).unwrap_or_default();
    if !same(token.as_bytes(), served.token.as_bytes()) {
        return Some(told(StatusCode::NOT_FOUND, "there is no such page"));
    }
    None
}

/// Compares in a time that does not tell how much is right.
fn same(left: &[u8], right: &[u8]) -> bool {
    let differs = left
        .iter()
        .zip(right)
        .fold(0, |differs, (left, right)| differs | (left ^ right));
    left.len() == right.len() && differs == 0
}

async fn map(State(served): State<Arc<Served>>, Path(_token): Path<String>) -> Response {
    let _one = served.writing.lock().await;
    match open(&served.review) {
        Ok(files) => shown(&served.review, &files, &served.review.by, Vec::new()),
        Err(error) => failure(&error),
    }
}

fn open(review: &Review) -> Result<Files, MappingError> {
    Ok(Files {
        fields: DecisionFile::open(&review.folder, FIELD_MAP)?,
        values: DecisionFile::open(&review.folder, VALUE_MAP)?,
        proposals: ProposedRows::of(&review.folder)?,
    })
}

fn shown(review: &Review, files: &Files, by: &str, refused: Vec<String>) -> Response {
    let document = document(files, &review.staged, &review.targets, by, refused);
    axum::Json(document).into_response()
}

fn failure(error: &MappingError) -> Response {
    let (status, text) = reason(error);
    told(status, &text)
}

/// How a failure is answered.
fn reason(error: &MappingError) -> (StatusCode, String) {
    let status = match error {
        MappingError::Changed { .. } => StatusCode::CONFLICT,
        MappingError::Decisions { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    (status, format!("{error}{}", cause.unwrap_or_default()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    by: String,
    version: Vec<String>,
    #[serde(default)]
    fields: Vec<Decision>,
    #[serde(default)]
    values: Vec<Decision>,
    /// Of the other decision files, by their places in what the page has shown.
    #[serde(default)]
    decisions: BTreeMap<usize, Vec<Decision>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    row: usize,
    action: Word,
    #[serde(default)]
    target: String,
    #[serde(default, rename = "type")]
    field_type: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Confirm,
    Change,
    Ignore,
    Reopen,
}

impl Decision {
    fn action(&self) -> Action {
        match self.action {
            Word::Confirm => Action::Confirm,
            Word::Ignore => Action::Ignore,
            Word::Reopen => Action::Reopen,
            Word::Change => Action::Change {
                target: self.target.clone(),
                field_type: self.field_type.clone(),
            },
        }
    }
}

async fn decide(
    State(served): State<Arc<Served>>,
    Path(_token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // What a form of another page could send is no JSON.
    let kind = headers.get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
        return told(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "decisions are sent as JSON",
        );
    }
    let decided: Decided = match serde_json::from_slice(&body) {
        Ok(decided) => decided,
        Err(error) => return told(StatusCode::BAD_REQUEST, &format!("no decisions: {error}")),
    };
    let _one = served.writing.lock().await;
    let review = &served.review;
    match apply(review, &decided) {
        Ok((files, refused)) => shown(review, &files, &decided.by, refused),
        Err((status, text)) => told(status, &text),
    }
}

/// Decides, and says what could not be decided so.
fn apply(review: &Review, decided: &Decided) -> Result<(Files, Vec<String>), (StatusCode, String)> {
    let bad = |text: &str| (StatusCode::BAD_REQUEST, text.to_owned());
    let by = decided.by.trim();
    if by.is_empty() {
        return Err(bad("nobody is named who confirms"));
    }
    let mut files = open(review).map_err(|error| reason(&error))?;
    // Rows are named by their places in what the page has shown.
    if files.version() != decided.version {
        let others = files.proposals.iter().map(|rows| rows.file.shown());
        let shown = [files.fields.shown(), files.values.shown()];
        let path: Vec<&str> = shown.into_iter().chain(others).collect();
        return Err(reason(&MappingError::Changed {
            path: path.join(" or "),
        }));
    }
    let are_there =
        |decisions: &[Decision], rows: usize| decisions.iter().all(|decision| decision.row < rows);
    let of_others = decided.decisions.iter().all(|(file, decisions)| {
        let rows = files.proposals.get(*file).map(|rows| rows.file.len());
        rows.is_some_and(|rows| are_there(decisions, rows))
    });
    if !are_there(&decided.fields, files.fields.len())
        || !are_there(&decided.values, files.values.len())
        || !of_others
    {
        return Err(bad("there is no such row"));
    }
    let signature = Signature {
        by: by.to_owned(),
        at: chrono::Utc::now().date_naive().to_string(),
        project: review.project.clone(),
    };
    let history = review.history.as_deref().map(UserHistory::open);
    let mut history = history.transpose().map_err(|error| reason(&error))?;
    let actions = |decisions: &[Decision]| -> Vec<(usize, Action)> {
        let one = |decision: &Decision| (decision.row, decision.action());
        decisions.iter().map(one).collect()
    };
    let mut refused = decide_fields(
        &mut files.fields,
        &actions(&decided.fields),
        &signature,
        Facts {
            staged: &review.staged,
            fields: &review.fields,
        },
        history.as_mut(),
    );
    refused.extend(decide_values(
        &mut files.values,
        &actions(&decided.values),
        &signature,
    ));
    let mut decided_files = BTreeSet::new();
    for (file, decisions) in &decided.decisions {
        let told = files.proposals[*file].decide(&actions(decisions), &signature);
        if told.len() < decisions.len() {
            decided_files.insert(*file);
        }
        refused.extend(told);
    }
    let others = files.proposals.iter_mut().enumerate();
    let others = others.filter(|(file, _)| decided_files.contains(file));
    let others = others.map(|(_, rows)| &mut rows.file).collect();
    save_decisions(
        &mut files.fields,
        &mut files.values,
        others,
        history.as_ref(),
    )
    .map_err(|error| reason(&error))?;
    Ok((files, refused))
}
