//! What stops a conversation with User.com, told so that a person knows what to do.
//!
//! Fields are facts: method, path without its query, status. Never: a body, a token, a value of a record.

use std::sync::Arc;

/// The environment variable that holds the token.
pub const TOKEN_VARIABLE: &str = "USERCOM_API_TOKEN";

/// A request that got no usable answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The token is not accepted.
    #[error("{host} refused the API token (status 401)")]
    Unauthorized {
        /// The account.
        host: String,
    },
    /// The token may not read this.
    #[error("{host} does not let this API token use {path} (status 403)")]
    Forbidden {
        /// The account.
        host: String,
        /// Path without query.
        path: String,
    },
    /// There is nothing at this path, or not for this method.
    #[error("{path} is not there (status {status})")]
    NotFound {
        /// Path without query.
        path: String,
        /// 404, 405 or 410.
        status: u16,
    },
    /// Another refusal, or one that did not go away.
    #[error("{method} {path} failed with status {status} after {attempts} attempt(s)")]
    Status {
        /// HTTP method.
        method: &'static str,
        /// Path without query.
        path: String,
        /// HTTP status.
        status: u16,
        /// How often it was tried.
        attempts: u32,
    },
    /// No answer.
    #[error("{method} {path}: no answer from {host} after {attempts} attempt(s)")]
    Unreachable {
        /// HTTP method.
        method: &'static str,
        /// Path without query.
        path: String,
        /// The account.
        host: String,
        /// How often it was tried.
        attempts: u32,
        /// The transport's error.
        source: Arc<reqwest::Error>,
    },
    /// Something else than the API answered.
    #[error("{path} was answered with a web page instead of JSON (status {status})")]
    NotJson {
        /// Path without query.
        path: String,
        /// HTTP status.
        status: u16,
    },
    /// The answer did not end where every answer of the API has ended.
    #[error("the answer to {path} is longer than {} MiB", limit >> 20)]
    TooLong {
        /// Path without query.
        path: String,
        /// Bytes that are read at most.
        limit: usize,
    },
    /// JSON of a shape that this endpoint does not have.
    #[error("the answer to {path} has no {expected}")]
    Shape {
        /// Path without query.
        path: String,
        /// What was looked for.
        expected: &'static str,
    },
    /// The address leads elsewhere.
    #[error("{path} redirects to {target} (status {status})")]
    Redirected {
        /// Path without query.
        path: String,
        /// Host, or path on the same host.
        target: String,
        /// HTTP status.
        status: u16,
    },
    /// `next` leads to a page that was read already.
    #[error("the list {path} goes in a circle: page {page} leads to one that was read before")]
    RepeatedCursor {
        /// Path without query.
        path: String,
        /// Number of the page, from 1.
        page: u64,
    },
    /// The connection could not be set up at all.
    #[error("cannot set up https")]
    Build {
        /// The transport's error.
        source: Arc<reqwest::Error>,
    },
}

impl ApiError {
    /// The same after that many attempts.
    pub(super) fn after(mut self, made: u32) -> Self {
        if let Self::Status { attempts, .. } | Self::Unreachable { attempts, .. } = &mut self {
            *attempts = made;
        }
        self
    }

    /// Whether settings or the token are to blame, not the network.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized { .. }
                | Self::Forbidden { .. }
                | Self::NotJson { .. }
                | Self::Redirected { .. }
        )
    }

    /// Whether the endpoint is not offered to this account or key.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Forbidden { .. } | Self::NotFound { .. })
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unauthorized { host } => format!(
                "set {TOKEN_VARIABLE} to the public REST key of this account, 64 characters; {}",
                where_keys_are(host)
            ),
            Self::Forbidden { host, .. } => format!(
                "use a key in {TOKEN_VARIABLE} that may read it ({}), or name the object under leave_out of [source.api]",
                where_keys_are(host)
            ),
            Self::NotJson { .. } => {
                "a proxy or a login page stands between this machine and User.com, or the sub-domain in [source.api] url \
                 is not the account's: open the url in a browser, and look at HTTPS_PROXY"
                    .to_owned()
            }
            Self::Redirected { .. } => {
                "write the address that it redirects to as [source.api] url in migration.toml, without a path"
                    .to_owned()
            }
            Self::Unreachable { .. } | Self::Status { .. } | Self::Shape { .. } => {
                "run `transload extract` again: it goes on where it stopped".to_owned()
            }
            Self::TooLong { .. } => {
                "a page of a list is far shorter: does something else than User.com answer at the url of [source.api]? leave_out \
                 does without the object"
                    .to_owned()
            }
            Self::RepeatedCursor { .. } => {
                "run `transload extract` again; if it comes back, `transload extract --probe` writes down how the \
                 account pages, and leave_out of [source.api] does without the object"
                    .to_owned()
            }
            Self::NotFound { .. } => {
                "endpoints of [source.api] names another path, leave_out does without the object".to_owned()
            }
            Self::Build { .. } => return None,
        })
    }
}

fn where_keys_are(host: &str) -> String {
    format!(
        "keys are made at https://{host}/api/<application key>/credentials/, and the application key is shown under \
         Settings > Setup & integrations"
    )
}
