//! The one retry policy. In comes an operation that can be repeated and what repeating would mean; out comes
//! its result, or the failure after which no further attempt is allowed.
//!
//! | failure | read | repeatable write | once-only write |
//! |---|---|---|---|
//! | no connection, 420, 429, 503 | retry | retry | retry: nothing happened |
//! | timeout, broken connection, 500, 502, 504 | retry | retry | give up, *ambiguous* |
//! | 403 `REQUEST_LIMIT_EXCEEDED`, every other status | give up | give up | give up |
//!
//! A `Retry-After` replaces the computed delay, up to a cap. Attempts and total time are bounded. Each
//! retry is logged once. Nothing outside this file repeats a request because it failed.

use std::{fmt, future::Future, sync::Arc, sync::Mutex, time::Duration};

use chrono::{DateTime, Utc};
use rand::{Rng, RngExt};

use super::{Error, FailureKind, RequestFailure, Result, clock::Clock};

/// Bounds of the policy.
#[derive(Debug, Clone, Copy)]
pub struct RetryConfig {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// No attempt starts later than this after the first.
    pub max_elapsed: Duration,
    /// Delay before the second attempt; doubles from there.
    pub first_delay: Duration,
    /// Longest computed delay.
    pub max_delay: Duration,
    /// Longest delay that a `Retry-After` may ask for.
    pub max_retry_after: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_attempts: 8,
            max_elapsed: Duration::from_secs(300),
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(120),
        }
    }
}

/// What a second execution of a request would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safety {
    /// Nothing: it only reads.
    Read,
    /// The same again: the second execution leaves the same state.
    Repeatable,
    /// Harm: it would create a second thing.
    Once,
}

/// Names a request in logs and errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) safety: Safety,
}

/// One attempt that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) retry_after: Option<Duration>,
    pub(super) source: Option<Arc<reqwest::Error>>,
}

/// Why an attempt ended without a result.
#[derive(Debug)]
pub(super) enum Stop {
    /// The policy decides.
    Failed(Failure),
    /// No other attempt can help.
    Fatal(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

impl Failure {
    /// The request certainly had no effect, and a later attempt may succeed.
    fn is_harmless(&self) -> bool {
        match self.kind {
            FailureKind::Connect => true,
            FailureKind::Status => matches!(self.status, Some(420 | 429 | 503)),
            FailureKind::Timeout | FailureKind::Interrupted | FailureKind::Build => false,
        }
    }

    /// Nobody knows whether the request had an effect.
    fn is_unclear(&self) -> bool {
        match self.kind {
            FailureKind::Timeout | FailureKind::Interrupted => true,
            FailureKind::Status => matches!(self.status, Some(500 | 502 | 504)),
            FailureKind::Connect | FailureKind::Build => false,
        }
    }

    fn reason(&self) -> String {
        match (self.kind, self.status) {
            (FailureKind::Status, Some(status)) => format!("status {status}"),
            (kind, _) => format!("{kind:?}").to_lowercase(),
        }
    }
}

/// Applies the policy.
pub(super) struct Retry {
    config: RetryConfig,
    clock: Arc<dyn Clock>,
    /// Source of jitter; only locked while a number is drawn.
    rng: Mutex<Box<dyn Rng + Send>>,
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Retry {
    pub(super) fn new(
        config: RetryConfig,
        clock: Arc<dyn Clock>,
        rng: Box<dyn Rng + Send>,
    ) -> Self {
        Self {
            config,
            clock,
            rng: Mutex::new(rng),
        }
    }

    /// Runs `attempt` until it succeeds or the policy says stop.
    pub(super) async fn run<T, F, Fut>(&self, operation: Operation<'_>, mut attempt: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Stop>>,
    {
        let start = self.clock.now();
        let mut attempts = 0;
        let mut unclear_before = false;
        loop {
            attempts += 1;
            let failure = match attempt().await {
                Ok(value) => return Ok(value),
                Err(Stop::Fatal(error)) => return Err(error),
                Err(Stop::Failed(failure)) => failure,
            };
            let elapsed = self.clock.now().duration_since(start);
            let unclear = failure.is_unclear();
            let may_retry = failure.is_harmless() || (unclear && operation.safety != Safety::Once);
            let delay = self.delay(attempts, failure.retry_after);
            let in_bounds =
                attempts < self.config.max_attempts && elapsed + delay <= self.config.max_elapsed;
            if may_retry && in_bounds {
                tracing::warn!(
                    method = operation.method,
                    path = operation.path,
                    attempt = attempts,
                    reason = failure.reason(),
                    code = failure.code,
                    delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                    "request failed, trying again"
                );
                unclear_before |= unclear;
                self.clock.sleep(delay).await;
                continue;
            }
            return Err(Error::Request(Box::new(RequestFailure {
                method: operation.method.to_owned(),
                path: operation.path.to_owned(),
                kind: failure.kind,
                status: failure.status,
                code: failure.code,
                message: failure.message,
                attempts,
                elapsed,
                ambiguous: operation.safety != Safety::Read && (unclear || unclear_before),
                exhausted: may_retry,
                source: failure.source,
            })));
        }
    }

    /// Waits before rows are sent for the `attempt`-th time, longer each time.
    pub(super) async fn pause(&self, attempt: u32) {
        let delay = self.delay(attempt.saturating_sub(1), None);
        self.clock.sleep(delay).await;
    }

    /// Delay before the attempt that follows attempt number `attempts`.
    fn delay(&self, attempts: u32, retry_after: Option<Duration>) -> Duration {
        if let Some(asked) = retry_after {
            return asked.min(self.config.max_retry_after);
        }
        let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let full = self
            .config
            .first_delay
            .saturating_mul(doubled)
            .min(self.config.max_delay);
        // Between half and all of it, so that parallel jobs do not come back at the same moment.
        let share = match self.rng.lock() {
            Ok(mut rng) => rng.random_range(0.5..=1.0),
            Err(_) => 1.0,
        };
        full.mul_f64(share)
    }
}

/// Reads a `Retry-After` header: seconds, or an HTTP date.
pub(super) fn parse_retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    let wait = date.with_timezone(&Utc) - now;
    Some(wait.to_std().unwrap_or_default())
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
