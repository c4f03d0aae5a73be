//! One attempt that failed, as this client sees it, and what is told when the retry policy gives up on it.

use std::{future::Future, sync::Arc, time::Duration};

use super::{
    Error, FailureKind, RequestFailure, Result,
    net::{Effect, FailedAttempt, GaveUp, RequestInfo, Retry},
};

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

impl Stop {
    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Fatal(_) => None,
        }
    }
}

impl FailedAttempt for Stop {
    fn effect(&self) -> Effect {
        self.failure().map_or(Effect::Final, |failure| {
            Effect::of(failure.kind, failure.status)
        })
    }

    fn retry_after(&self) -> Option<Duration> {
        self.failure()?.retry_after
    }

    fn reason(&self) -> String {
        match self {
            Self::Failed(Failure {
                kind: FailureKind::Status,
                status: Some(status),
                ..
            }) => format!("status {status}"),
            Self::Failed(failure) => format!("{:?}", failure.kind).to_lowercase(),
            Self::Fatal(error) => error.to_string(),
        }
    }

    fn code(&self) -> Option<&str> {
        self.failure()?.code.as_deref()
    }
}

/// Runs `attempt` under the retry policy and tells what it gave up on.
pub(super) async fn run<T, A, Fut>(
    retry: &Retry,
    request: RequestInfo<'_>,
    mut attempt: A,
) -> Result<T>
where
    A: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Stop>>,
{
    retry
        .run(request, |_| attempt())
        .await
        .map_err(|gave_up| told(request, gave_up))
}

fn told(request: RequestInfo<'_>, gave_up: GaveUp<Stop>) -> Error {
    let failure = match gave_up.failure {
        Stop::Fatal(error) => return error,
        Stop::Failed(failure) => failure,
    };
    Error::Request(Box::new(RequestFailure {
        method: request.method.to_owned(),
        path: request.path.to_owned(),
        kind: failure.kind,
        status: failure.status,
        code: failure.code,
        message: failure.message,
        attempts: gave_up.attempts,
        elapsed: gave_up.elapsed,
        ambiguous: gave_up.ambiguous,
        exhausted: gave_up.exhausted,
        source: failure.source,
    }))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            ErrorClass,
            net::{Backoff, ManualClock, RetryConfig, Safety},
        },
        *,
    };

    #[tokio::test]
    async fn giving_up_tells_everything_about_the_last_attempt() {
        let clock = Arc::new(ManualClock::new());
        let retry = Retry::new(
            Backoff::new(RetryConfig::default()),
            Arc::<ManualClock>::clone(&clock),
        );
        let request = RequestInfo {
            method: "POST",
            path: "/x",
            safety: Safety::Read,
            routine: false,
        };
        let error = run(&retry, request, || async {
            Err::<(), _>(Stop::Failed(Failure {
                kind: FailureKind::Connect,
                status: None,
                code: None,
                message: None,
                retry_after: None,
                source: None,
            }))
        })
        .await
        .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Transient);
        let Error::Request(failure) = &error else {
            panic!("{error}")
        };
        assert_eq!((failure.attempts, failure.exhausted), (8, true));
        assert_eq!(
            (failure.method.as_str(), failure.path.as_str()),
            ("POST", "/x")
        );
        assert_eq!(failure.elapsed, clock.slept().iter().sum());
    }
}
