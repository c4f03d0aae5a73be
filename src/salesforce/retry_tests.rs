//! Claims about the retry policy, on a clock that does not wait.

use std::{cell::Cell, convert::Infallible};

use rand::TryRng;

use super::{super::clock::testing::ManualClock, *};

#[tokio::test]
async fn an_overloaded_server_is_asked_again_until_it_answers() {
    let (retry, clock) = policy(HIGHEST);
    let calls = Cell::new(0);
    let result = retry
        .run(post(Safety::Once), || {
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
        .run(post(Safety::Read), || {
            let after = Duration::from_secs(asked.replace(7));
            async move {
                let mut failure = failed(FailureKind::Status, Some(429));
                failure.retry_after = Some(after);
                Err::<(), _>(Stop::Failed(failure))
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
    let Error::Request(failure) = &error else {
        panic!("{error}")
    };
    assert_eq!(failure.attempts, 8);
    assert!(failure.exhausted);
    assert_eq!(error.class(), super::super::ErrorClass::Transient);
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
        config,
        Arc::<ManualClock>::clone(&clock),
        Box::new(Fixed(HIGHEST)),
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
    ] {
        let (retry, clock) = policy(LOWEST);
        let error = always(&retry, Safety::Once, kind, status).await;
        assert!(error.is_ambiguous(), "{kind:?} {status:?}");
        assert!(clock.slept().is_empty());
    }
}

#[tokio::test]
async fn a_repeatable_write_refused_after_a_break_is_ambiguous() {
    let (retry, _) = policy(LOWEST);
    let calls = Cell::new(0);
    let error = retry
        .run(post(Safety::Repeatable), || {
            let first = calls.replace(1) == 0;
            async move {
                Err::<(), _>(Stop::Failed(if first {
                    failed(FailureKind::Interrupted, None)
                } else {
                    failed(FailureKind::Status, Some(400))
                }))
            }
        })
        .await
        .unwrap_err();
    assert!(error.is_ambiguous());
    assert_eq!(error.status(), Some(400));
}

#[tokio::test]
async fn refusals_are_final() {
    for code in [400, 403, 404, 409] {
        let (retry, clock) = policy(LOWEST);
        let error = always(&retry, Safety::Read, FailureKind::Status, Some(code)).await;
        assert_eq!(error.status(), Some(code));
        assert!(!error.is_ambiguous());
        assert!(clock.slept().is_empty());
    }
}

#[test]
fn jitter_stays_between_half_and_all_of_the_delay() {
    let delay = |word, attempt| policy(word).0.delay(attempt, None);
    assert_eq!(delay(LOWEST, 1), ms(250));
    assert_eq!(delay(HIGHEST, 1), ms(500));
    assert_eq!(delay(HIGHEST, 3), ms(2_000));
    assert_eq!(delay(HIGHEST, 60), ms(30_000));
}

#[test]
fn retry_after_reads_seconds_and_dates() {
    let now = DateTime::parse_from_rfc3339("2026-03-01T10:00:00Z")
        .unwrap()
        .with_timezone(&Utc);
    let parse = |text| parse_retry_after(text, now);
    assert_eq!(parse("17"), Some(ms(17_000)));
    assert_eq!(parse("Sun, 01 Mar 2026 10:00:30 GMT"), Some(ms(30_000)));
    assert_eq!(parse("Sun, 01 Mar 2026 09:00:00 GMT"), Some(ms(0)));
    assert_eq!(parse("soon"), None);
}

const LOWEST: u64 = 0;
const HIGHEST: u64 = u64::MAX;

/// A source of randomness that always says the same.
struct Fixed(u64);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::try_from(self.0 >> 32).unwrap())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.fill(u8::try_from(self.0 & 0xff).unwrap());
        Ok(())
    }
}

fn policy(word: u64) -> (Retry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let retry = Retry::new(
        RetryConfig::default(),
        Arc::<ManualClock>::clone(&clock),
        Box::new(Fixed(word)),
    );
    (retry, clock)
}

async fn always(retry: &Retry, safety: Safety, kind: FailureKind, code: Option<u16>) -> Error {
    retry
        .run(post(safety), || async move {
            Err::<(), _>(Stop::Failed(failed(kind, code)))
        })
        .await
        .unwrap_err()
}

fn post(safety: Safety) -> Operation<'static> {
    Operation {
        method: "POST",
        path: "/x",
        safety,
    }
}

fn status(code: u16) -> Stop {
    Stop::Failed(failed(FailureKind::Status, Some(code)))
}

fn failed(kind: FailureKind, status: Option<u16>) -> Failure {
    Failure {
        kind,
        status,
        code: None,
        message: None,
        retry_after: None,
        source: None,
    }
}

fn ms(value: u64) -> Duration {
    Duration::from_millis(value)
}
