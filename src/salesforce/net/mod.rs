//! The network toolbox that both API clients share: what a failed request calls for, how long to wait, what may be shown.
//!
//! In: attempts as closures, answers' headers, credentials, addresses. Out: a result, or the failure after which no
//! further attempt is allowed; durations; text without credentials. Never: a word about Salesforce or User.com, a request
//! of its own, anything on disk.
//!
//! ```text
//! Client ──attempt──▶ Retry ──▶ Backoff (jitter) │ Retry-After (capped) ──▶ Clock::sleep ──▶ attempt …
//! ```

mod address;
mod backoff;
mod clock;
mod failure;
#[cfg(test)]
pub(crate) mod mock_server;
mod retry;
mod retry_after;
mod secret;

pub use address::{host, is_loopback};
pub use backoff::{Backoff, RetryConfig};
#[cfg(test)]
pub(crate) use clock::testing::ManualClock;
pub use clock::{Clock, SystemClock};
pub use failure::{Effect, FailureKind};
pub use retry::{FailedAttempt, GaveUp, RequestInfo, Retry, Safety};
pub use retry_after::{retry_after, server_date};
pub use secret::Secret;
