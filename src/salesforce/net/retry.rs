//! The one retry policy. In comes an operation that can be repeated and what repeating would mean; out comes
//! its result, or the failure after which no further attempt is allowed.
//!
//! | failure | read | repeatable write | once-only write |
//! |---|---|---|---|
//! | no connection, 420, 429, 503 | retry | retry | retry: nothing happened |
//! | timeout, broken connection, 408, every other 5xx, a success that is none | retry | retry | give up, *ambiguous* |
//! | every other status | give up | give up | give up |
//!
//! A `Retry-After` replaces the computed delay, up to a cap. Attempts and total time are bounded. Each
//! retry is logged once. Nothing outside this file repeats a request because it failed.

use std::{future::Future, sync::Arc, time::Duration};

use super::{Backoff, Clock, Effect};

/// What a second execution of a request would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// Nothing: it only reads.
    Read,
    /// The same again: the second execution leaves the same state.
    Repeatable,
    /// Harm: it would create a second thing.
    Once,
}

/// Names a request in logs and says what repeating it means.
#[derive(Debug, Clone, Copy)]
pub struct RequestInfo<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path without its query string.
    pub path: &'a str,
    /// What a second execution does.
    pub safety: Safety,
    /// Whether failures are part of the daily business, so that the log only notes them.
    pub routine: bool,
}

/// Why an attempt ended without a result.
pub trait FailedAttempt {
    /// What it may have done.
    fn effect(&self) -> Effect;
    /// The pause that the server asked for.
    fn retry_after(&self) -> Option<Duration>;
    /// A few words for the log.
    fn reason(&self) -> String;
    /// The server's error code, for the log.
    fn code(&self) -> Option<&str> {
        None
    }
}

/// The last failure, after which no further attempt was allowed.
#[derive(Debug)]
pub struct GaveUp<F> {
    /// The last failure.
    pub failure: F,
    /// Attempts made.
    pub attempts: u32,
    /// Time from the first attempt to the end of the last.
    pub elapsed: Duration,
    /// Whether the request may have taken effect although it failed.
    pub ambiguous: bool,
    /// Whether the last failure was worth another try, but the limits were reached.
    pub exhausted: bool,
}

/// Applies the policy.
#[derive(Debug)]
pub struct Retry {
    backoff: Backoff,
    clock: Arc<dyn Clock>,
}

impl Retry {
    /// A policy that waits by `clock`.
    #[must_use]
    pub fn new(backoff: Backoff, clock: Arc<dyn Clock>) -> Self {
        Self { backoff, clock }
    }

    /// How long it waits.
    #[must_use]
    pub fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// Runs `attempt` until it succeeds or the policy says stop. It is given the number of the attempt, from 1.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub async fn run<T, F, A, Fut>(
        &self,
        request: RequestInfo<'_>,
        mut attempt: A,
    ) -> Result<T, GaveUp<F>>
    where
        F: FailedAttempt,
        A: FnMut(u32) -> Fut,
        Fut: Future<Output = Result<T, F>>,
    {
        let start = self.clock.now();
        let mut attempts = 0;
        let mut unclear_before = false;
        loop {
            attempts += 1;
            let failure = match attempt(attempts).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let elapsed = self.clock.now().duration_since(start);
            let effect = failure.effect();
            let unclear = effect == Effect::Unclear;
            let may_retry =
                effect == Effect::Nothing || (unclear && request.safety != Safety::Once);
            let delay = self.backoff.delay(attempts, failure.retry_after());
            let bounds = self.backoff.config;
            let in_bounds = attempts < bounds.max_attempts && elapsed + delay <= bounds.max_elapsed;
            if !(may_retry && in_bounds) {
                return Err(GaveUp {
                    failure,
                    attempts,
                    elapsed,
                    ambiguous: request.safety != Safety::Read && (unclear || unclear_before),
                    exhausted: may_retry,
                });
            }
            note(request, &failure, attempts, delay);
            unclear_before |= unclear;
            self.clock.sleep(delay).await;
        }
    }

    /// Waits before something is sent for the `attempt`-th time, longer each time.
    pub async fn pause(&self, attempt: u32) {
        let delay = self.backoff.delay(attempt.saturating_sub(1), None);
        self.clock.sleep(delay).await;
    }
}

fn note(request: RequestInfo<'_>, failure: &impl FailedAttempt, attempt: u32, delay: Duration) {
    macro_rules! log {
        ($level:ident) => {
            tracing::$level!(
                method = request.method,
                path = request.path,
                attempt,
                reason = failure.reason(),
                code = failure.code(),
                delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
                "request failed, trying again"
            )
        };
    }
    if request.routine {
        log!(info);
    } else {
        log!(warn);
    }
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
