//! What can go wrong between this process and Salesforce, as facts without secrets or record values.
//! Rows that Salesforce refuses are data, not errors; see [`RowResult`](super::RowResult).

use std::{fmt, io, sync::Arc, time::Duration};

use thiserror::Error as ThisError;

use super::{PrivateKeyFault, net::FailureKind};

/// The result of talking to Salesforce.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An operation of the client that failed. Cheap to clone, so that callers waiting for one login share its failure.
#[derive(Debug, Clone, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// A URL would carry credentials unencrypted.
    #[error("{scheme} to {host} refused, because only https and loopback http are allowed")]
    InsecureUrl {
        /// Scheme of the URL.
        scheme: String,
        /// Host and port.
        host: String,
    },
    /// A login named an instance that is not Salesforce's: the token stays here.
    #[error(
        "the login at {host} names {instance} as the organisation's host, which is not Salesforce's"
    )]
    ForeignInstance {
        /// Host and port of the login.
        host: String,
        /// Host and port that it names.
        instance: String,
    },
    /// The client-credentials flow was pointed at a shared login host.
    #[error("client credentials cannot log in at {host}")]
    MyDomainRequired {
        /// Host and port.
        host: String,
    },
    /// The API version does not look like `66.0`.
    #[error("`{given}` is not an API version")]
    ReadApiVersion {
        /// The text as configured.
        given: String,
    },
    /// The HTTP client could not be built.
    #[error("could not set up the http client")]
    BuildHttpClient {
        /// Cause.
        source: Arc<reqwest::Error>,
    },
    /// The private key of the JWT flow is not an RSA key in PEM form.
    #[error("the private key for the JWT login is not a usable RSA key in PEM form")]
    ReadPrivateKey {
        /// Cause; never quotes the key.
        source: PrivateKeyFault,
    },
    /// No access token was obtained.
    #[error("login at {host} failed")]
    Login {
        /// Host and port of the token endpoint.
        host: String,
        /// The request that failed.
        source: Box<RequestFailure>,
    },
    /// A new login led to another organisation than the first.
    #[error("login at {host} now leads to organisation {found} instead of {expected}")]
    OrganizationChanged {
        /// Host and port of the token endpoint.
        host: String,
        /// Organisation id of the first login.
        expected: String,
        /// Organisation id of this login.
        found: String,
    },
    /// A request failed for good.
    #[error(transparent)]
    Request(#[from] Box<RequestFailure>),
    /// A request could not be put together.
    #[error("could not build the request {request}")]
    BuildRequest {
        /// Method and path.
        request: String,
    },
    /// An answer arrived in a shape that the API does not have.
    #[error("the answer to {request} is not {expected}")]
    DecodeAnswer {
        /// Method and path.
        request: String,
        /// What was expected.
        expected: &'static str,
        /// Whether the request may have taken effect.
        ambiguous: bool,
    },
    /// A response body broke off while it was read. Reading it again from the start is safe.
    #[error("the answer to {request} broke off after {received} bytes")]
    ReadBody {
        /// Method and path.
        request: String,
        /// Bytes that had arrived.
        received: u64,
        /// Cause; none when the idle limit passed.
        source: Option<Arc<reqwest::Error>>,
    },
    /// The caller's own stream failed while it was uploaded.
    #[error("could not produce the data for {request}")]
    ReadUpload {
        /// Method and path.
        request: String,
        /// The caller's error.
        source: Arc<io::Error>,
    },
    /// A CSV body is not well formed.
    #[error("row {row} of a result file is not valid CSV")]
    ParseCsv {
        /// Number of the data row, from 1; 0 is the header.
        row: u64,
        /// Cause.
        source: Arc<csv::Error>,
    },
    /// A CSV body ends inside a quoted value, or a record is longer than any Salesforce can send.
    #[error("a result file breaks off inside a row, {bytes} bytes after line {after}")]
    UnfinishedCsvRow {
        /// Lines read before it, roughly: a value may hold line ends.
        after: u64,
        /// Length of what was read of it.
        bytes: usize,
    },
    /// A CSV row has more or fewer values than the header.
    #[error("row {row} of a result file has {found} values, the header has {expected}")]
    RaggedCsvRow {
        /// Number of the data row, from 1.
        row: u64,
        /// Columns of the header.
        expected: usize,
        /// Values of the row.
        found: usize,
    },
    /// A list of pages came back to a page it had shown before.
    #[error("{request} leads back to a page that was read before")]
    PageLoop {
        /// Method and path.
        request: String,
    },
    /// A job or deployment was not finished in time. It goes on in Salesforce.
    #[error("{what} {id} was still {state} after {} s", elapsed.as_secs())]
    WaitDeadline {
        /// Kind of work: `job` or `deployment`.
        what: &'static str,
        /// Its id.
        id: String,
        /// Its last known state.
        state: String,
        /// How long was waited.
        elapsed: Duration,
    },
    /// The pages of a query have fewer rows than it found. Asking again is safe.
    #[error("the answer to {request} has {found} of {expected} rows")]
    MissingRows {
        /// Method and path.
        request: String,
        /// Rows that the query found.
        expected: u64,
        /// Rows that came.
        found: u64,
    },
    /// A content is longer than what was asked for.
    #[error("the content that {request} answers with has more than {most} bytes")]
    TooLarge {
        /// Method and path.
        request: String,
        /// Bytes at most.
        most: usize,
    },
    /// More rows than one request may carry.
    #[error("{given} rows in one request, at most {max} are allowed")]
    TooManyRows {
        /// Rows given.
        given: usize,
        /// Rows allowed.
        max: usize,
    },
}

/// A request that failed for good, with what is known about it.
#[derive(Debug, Clone)]
pub struct RequestFailure {
    /// HTTP method.
    pub method: String,
    /// Path without its query string.
    pub path: String,
    /// How far the last attempt got.
    pub kind: FailureKind,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// `errorCode` of the last answer, or `error` of a token endpoint.
    pub code: Option<String>,
    /// Message of the last answer, record values masked.
    pub message: Option<String>,
    /// Attempts made.
    pub attempts: u32,
    /// Time from the first attempt to the end of the last.
    pub elapsed: Duration,
    /// Whether the request may have taken effect although it failed.
    pub ambiguous: bool,
    /// Whether the last failure was worth another try, but the limits were reached.
    pub exhausted: bool,
    /// Error of the transport.
    pub source: Option<Arc<reqwest::Error>>,
}

impl fmt::Display for RequestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.method, self.path)?;
        match (self.kind, self.status) {
            (FailureKind::Connect, _) => f.write_str("could not connect")?,
            (FailureKind::Timeout, _) => f.write_str("timed out")?,
            (FailureKind::Interrupted, _) => f.write_str("was interrupted")?,
            (FailureKind::Malformed, _) => {
                f.write_str("was answered in a form that the API does not have")?;
            }
            (FailureKind::Build, _) => f.write_str("could not be built")?,
            (FailureKind::Status, Some(status)) => write!(f, "was refused with status {status}")?,
            (FailureKind::Status, None) => f.write_str("was refused")?,
        }
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => write!(f, " ({code}: {message})")?,
            (Some(text), None) | (None, Some(text)) => write!(f, " ({text})")?,
            (None, None) => {}
        }
        if self.attempts > 1 {
            let seconds = self.elapsed.as_secs_f64();
            write!(f, " after {} attempts in {seconds:.1} s", self.attempts)?;
        }
        if self.ambiguous {
            f.write_str("; it may have taken effect")?;
        }
        Ok(())
    }
}

impl std::error::Error for RequestFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// What kind of answer an error calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The login or its rights to log in at all.
    Credentials,
    /// Permission, quota, licence or configuration: a person has to change something.
    Setup,
    /// The network or the server failed for longer than the retry policy allows: run again later.
    Transient,
    /// A request may have taken effect: read the server's state before trying again.
    Ambiguous,
    /// Salesforce understood the request and said no.
    Refused,
    /// The answer does not follow the API as this client knows it.
    Protocol,
    /// The caller's own data could not be read.
    Upload,
}

/// Error codes that mean a missing right, licence or quota (`guide/salesforce.md` §1.10, §3.4).
const SETUP_CODES: &[&str] = &[
    "REQUEST_LIMIT_EXCEEDED",
    "API_DISABLED_FOR_ORG",
    "API_CURRENTLY_DISABLED",
    "FUNCTIONALITY_NOT_ENABLED",
    "INSUFFICIENT_ACCESS",
    "INSUFFICIENT_ACCESS_OR_READONLY",
    "INVALIDENTITY",
    "EXCEEDEDQUOTA",
    "FEATURENOTENABLED",
    "STORAGE_LIMIT_EXCEEDED",
    "LIMIT_EXCEEDED",
];

impl Error {
    /// The kind of answer this error calls for.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::MyDomainRequired { .. } | Self::ReadPrivateKey { .. } => ErrorClass::Credentials,
            Self::InsecureUrl { .. }
            | Self::ForeignInstance { .. }
            | Self::ReadApiVersion { .. }
            | Self::BuildHttpClient { .. }
            | Self::OrganizationChanged { .. }
            | Self::TooManyRows { .. } => ErrorClass::Setup,
            Self::Login { source, .. } => match source.class() {
                ErrorClass::Refused | ErrorClass::Setup => ErrorClass::Credentials,
                other => other,
            },
            Self::Request(failure) => failure.class(),
            Self::DecodeAnswer {
                ambiguous: true, ..
            } => ErrorClass::Ambiguous,
            Self::ReadBody { .. } | Self::WaitDeadline { .. } | Self::MissingRows { .. } => {
                ErrorClass::Transient
            }
            Self::ReadUpload { .. } => ErrorClass::Upload,
            Self::BuildRequest { .. }
            | Self::DecodeAnswer { .. }
            | Self::ParseCsv { .. }
            | Self::UnfinishedCsvRow { .. }
            | Self::RaggedCsvRow { .. }
            | Self::TooLarge { .. }
            | Self::PageLoop { .. } => ErrorClass::Protocol,
        }
    }

    /// Whether the request may have taken effect. The caller settles it by reading the server's state.
    pub fn is_ambiguous(&self) -> bool {
        self.class() == ErrorClass::Ambiguous
    }

    /// Whether an answer that was read broke off or is none of the API's, so that asking for it again is safe and may help.
    pub fn is_broken_answer(&self) -> bool {
        matches!(
            self,
            Self::DecodeAnswer {
                ambiguous: false,
                ..
            } | Self::ParseCsv { .. }
                | Self::UnfinishedCsvRow { .. }
                | Self::RaggedCsvRow { .. }
        ) || self.class() == ErrorClass::Transient
    }

    /// Whether the thing asked for does not exist (any more).
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether a quota of the organisation is used up.
    pub fn is_quota(&self) -> bool {
        matches!(
            self.code(),
            Some("REQUEST_LIMIT_EXCEEDED" | "ExceededQuota" | "EXCEEDEDQUOTA" | "LIMIT_EXCEEDED")
        )
    }

    /// HTTP status of the last answer.
    pub fn status(&self) -> Option<u16> {
        self.failure().and_then(|failure| failure.status)
    }

    /// Salesforce's error code, such as `INVALIDJOBSTATE`.
    pub fn code(&self) -> Option<&str> {
        self.failure().and_then(|failure| failure.code.as_deref())
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::InsecureUrl { .. } => "use the https:// address of the organisation",
            Self::ForeignInstance { .. } => {
                "is `login_url` right, and does nothing between here and Salesforce change answers? the token was not sent there"
            }
            Self::MyDomainRequired { .. } => {
                "set `login_url` to the organisation's own host, https://<company>.my.salesforce.com"
            }
            Self::ReadApiVersion { .. } => "write it as `66.0`",
            Self::ReadPrivateKey { .. } => {
                "it has to be the key that belongs to the certificate of the connected app, without a passphrase"
            }
            Self::Login { source, .. } => return source.login_hint().map(str::to_owned),
            Self::OrganizationChanged { .. } => {
                "check which organisation the credentials belong to before going on"
            }
            Self::WaitDeadline { .. } => "the work goes on in Salesforce; run again to pick it up",
            Self::ReadBody { .. } => "run again: what was read so far is read again from its start",
            _ => return self.failure()?.hint().map(str::to_owned),
        };
        Some(text.to_owned())
    }

    fn failure(&self) -> Option<&RequestFailure> {
        match self {
            Self::Request(failure)
            | Self::Login {
                source: failure, ..
            } => Some(failure),
            _ => None,
        }
    }
}

impl RequestFailure {
    fn class(&self) -> ErrorClass {
        let setup_code = self.code.as_deref().is_some_and(|code| {
            SETUP_CODES
                .iter()
                .any(|known| known.eq_ignore_ascii_case(code))
        });
        match (self.kind, self.status) {
            _ if self.ambiguous => ErrorClass::Ambiguous,
            (
                FailureKind::Connect
                | FailureKind::Timeout
                | FailureKind::Interrupted
                | FailureKind::Malformed,
                _,
            ) => ErrorClass::Transient,
            (_, Some(401)) => ErrorClass::Credentials,
            _ if setup_code => ErrorClass::Setup,
            (_, Some(403)) => ErrorClass::Setup,
            (_, Some(408 | 420 | 429 | 500..)) => ErrorClass::Transient,
            (FailureKind::Build, _) => ErrorClass::Setup,
            (FailureKind::Status, _) => ErrorClass::Refused,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match (self.class(), self.code.as_deref()) {
            (_, Some("REQUEST_LIMIT_EXCEEDED")) => Some(
                "the organisation's API requests of the last 24 hours are used up; wait, or ask for more in Setup > Company Information",
            ),
            (ErrorClass::Credentials, _) => Some(
                "check the credentials and whether the user may use the API (permission `API Enabled`)",
            ),
            (ErrorClass::Setup, _) => {
                Some("give the integration user the right it lacks, then run again")
            }
            (ErrorClass::Transient, _) if self.kind == FailureKind::Malformed => Some(
                "something between this machine and Salesforce answers in its place, such as a proxy that wants a login: let \
                 the organisation's host through, then run again",
            ),
            (ErrorClass::Transient, _) if self.kind == FailureKind::Connect => {
                Some("check the network and the host name, then run again")
            }
            (ErrorClass::Transient, _) => Some("run again in a few minutes"),
            (ErrorClass::Ambiguous, _) => {
                Some("run again: open work is settled with the server first")
            }
            _ => None,
        }
    }

    fn login_hint(&self) -> Option<&'static str> {
        match self.code.as_deref() {
            Some("invalid_client" | "invalid_client_id") => {
                Some("check the consumer key and secret of the connected app")
            }
            Some("invalid_grant") => Some(
                "check user, key or refresh token, and that the connected app is approved for the user",
            ),
            Some("unsupported_grant_type") => {
                Some("turn this login flow on in the connected app's settings")
            }
            _ => self.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(kind: FailureKind, status: Option<u16>, code: Option<&str>) -> Error {
        Error::Request(Box::new(RequestFailure {
            method: "POST".into(),
            path: "/services/data/v66.0/jobs/ingest".into(),
            kind,
            status,
            code: code.map(str::to_owned),
            message: Some("TotalRequests Limit exceeded.".into()),
            attempts: 3,
            elapsed: Duration::from_millis(2_500),
            ambiguous: false,
            exhausted: false,
            source: None,
        }))
    }

    #[test]
    fn a_failure_says_what_happened_where_and_how_often() {
        let error = failure(
            FailureKind::Status,
            Some(403),
            Some("REQUEST_LIMIT_EXCEEDED"),
        );
        assert_eq!(
            error.to_string(),
            "POST /services/data/v66.0/jobs/ingest was refused with status 403 \
             (REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.) after 3 attempts in 2.5 s"
        );
        assert!(error.is_quota());
        assert!(error.hint().is_some_and(|hint| hint.contains("24 hours")));
    }

    #[test]
    fn each_failure_has_its_class() {
        let status = |status, code| failure(FailureKind::Status, Some(status), code).class();
        assert_eq!(status(401, None), ErrorClass::Credentials);
        assert_eq!(status(403, None), ErrorClass::Setup);
        assert_eq!(status(400, Some("INVALIDENTITY")), ErrorClass::Setup);
        assert_eq!(status(400, Some("ExceededQuota")), ErrorClass::Setup);
        assert_eq!(status(400, Some("INVALIDJOBSTATE")), ErrorClass::Refused);
        assert_eq!(status(503, None), ErrorClass::Transient);
        let interrupted = failure(FailureKind::Interrupted, None, None);
        assert_eq!(interrupted.class(), ErrorClass::Transient);
    }
}
