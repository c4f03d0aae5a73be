//! Claims about the retry policy, on a clock that does not wait.

use std::cell::Cell;

use super::{
    super::{
        FailureKind, ManualClock, RetryConfig,
        backoff::tests::{Fixed, HIGHEST, LOWEST},
    },
    *,
};

#[tokio::test]
async fn an_overloaded_server_is_asked_again_until_it_answers() {
    let (retry, clock) = policy(HIGHEST);
    let calls = Cell::new(0);
    let result = retry
        .run(post(Safety::Once), |_| {
            calls.set(calls.get() + 1);
            let answer = if calls.get() < 3 {
                Err(status(503))
            } else {
                Ok(calls.get())
            };
            async move { answer }
        })
        .await;
    assert_eq!(result.unwrap(), 3);
    assert_eq!(clock.slept(), [ms(500), ms(1_000)]);
}

#[tokio::test]
async fn retry_after_beats_the_back_off_and_is_capped() {
    let (retry, clock) = policy(HIGHEST);
    let asked = Cell::new(3_600);
    let result = retry
        .run(post(Safety::Read), |_| {
            let after = Duration::from_secs(asked.replace(7));
            async move {
                let mut failure = failed(FailureKind::Status, Some(429));
                failure.retry_after = Some(after);
                Err::<(), _>(failure)
            }
        })
        .await;
    assert!(result.is_err());
    assert_eq!(clock.slept()[..2], [ms(120_000), ms(7_000)]);
}

#[tokio::test]
async fn attempts_are_bounded() {
    let (retry, clock) = policy(LOWEST);
    let error = always(&retry, Safety::Read, FailureKind::Connect, None).await;
    assert_eq!(clock.slept().len(), 7);
    assert_eq!(error.attempts, 8);
    assert!(error.exhausted);
}

#[tokio::test]
async fn total_time_is_bounded() {
    let clock = Arc::new(ManualClock::new());
    let config = RetryConfig {
        max_attempts: 1_000,
        max_elapsed: Duration::from_secs(60),
        ..RetryConfig::default()
    };
    let retry = Retry::new(
        Backoff::with_rng(config, Box::new(Fixed(HIGHEST))),
        Arc::<ManualClock>::clone(&clock),
    );
    always(&retry, Safety::Read, FailureKind::Status, Some(503)).await;
    // 0.5 + 1 + 2 + 4 + 8 + 16 s; the next 30 s would pass the limit.
    assert_eq!(clock.slept().len(), 6);
}

#[tokio::test]
async fn a_once_only_write_that_breaks_off_is_ambiguous_and_not_repeated() {
    for (kind, status) in [
        (FailureKind::Timeout, None),
        (FailureKind::Interrupted, None),
        (FailureKind::Status, Some(500)),
        (FailureKind::Status, Some(502)),
        (FailureKind::Status, Some(504)),
        (FailureKind::Status, Some(408)),
    ] {
        let (retry, clock) = policy(LOWEST);
        let error = always(&retry, Safety::Once, kind, status).await;
        assert!(error.ambiguous, "{kind:?} {status:?}");
        assert!(clock.slept().is_empty());
    }
}

#[tokio::test]
async fn a_repeatable_write_refused_after_a_break_is_ambiguous() {
    let (retry, _) = policy(LOWEST);
    let calls = Cell::new(0);
    let error = retry
        .run(post(Safety::Repeatable), |_| {
            let first = calls.replace(1) == 0;
            async move {
                Err::<(), _>(if first {
                    failed(FailureKind::Interrupted, None)
                } else {
                    failed(FailureKind::Status, Some(400))
                })
            }
        })
        .await
        .unwrap_err();
    assert!(error.ambiguous);
    assert_eq!(error.failure.status, Some(400));
}

#[tokio::test]
async fn refusals_are_final() {
    for code in [400, 403, 404, 409] {
        let (retry, clock) = policy(LOWEST);
        let error = always(&retry, Safety::Read, FailureKind::Status, Some(code)).await;
        assert_eq!(error.failure.status, Some(code));
        assert!(!error.ambiguous);
        assert!(clock.slept().is_empty());
    }
}

fn policy(word: u64) -> (Retry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let retry = Retry::new(
        Backoff::with_rng(RetryConfig::default(), Box::new(Fixed(word))),
        Arc::<ManualClock>::clone(&clock),
    );
    (retry, clock)
}

async fn always(
    retry: &Retry,
    safety: Safety,
    kind: FailureKind,
    code: Option<u16>,
) -> GaveUp<Failed> {
    retry
        .run(
            post(safety),
            |_| async move { Err::<(), _>(failed(kind, code)) },
        )
        .await
        .unwrap_err()
}

fn post(safety: Safety) -> RequestInfo<'static> {
    RequestInfo {
        method: "POST",
        path: "/x",
        safety,
        routine: false,
    }
}

fn status(code: u16) -> Failed {
    failed(FailureKind::Status, Some(code))
}

/// A failure of which nothing is known but its kind.
#[derive(Debug)]
struct Failed {
    kind: FailureKind,
    status: Option<u16>,
    retry_after: Option<Duration>,
}

impl FailedAttempt for Failed {
    fn effect(&self) -> Effect {
        Effect::of(self.kind, self.status)
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn reason(&self) -> String {
        String::new()
    }
}

fn failed(kind: FailureKind, status: Option<u16>) -> Failed {
    Failed {
        kind,
        status,
        retry_after: None,
    }
}

fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}
