//! The rate limit: so many requests a second, a second's worth at once.
//!
//! In: the moment of a request. Out: whether it may pass, else how long to wait. Never: sleeps.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::lock::lock;

/// A bucket of tokens that fills up with time.
#[derive(Default)]
pub(super) struct Throttle(Mutex<Option<Bucket>>);

struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Throttle {
    /// Takes a token, or says how long until there is one.
    pub(super) fn take(&self, rate: u32, now: Instant) -> Result<(), Duration> {
        let rate = f64::from(rate.max(1));
        let mut bucket = lock(&self.0);
        let bucket = bucket.get_or_insert(Bucket {
            tokens: rate,
            filled: now,
        });
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate).min(rate);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.tokens) / rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_rate_is_refused_until_time_has_passed() {
        let throttle = Throttle::default();
        let start = Instant::now();
        let passed = (0..5).filter(|_| throttle.take(3, start).is_ok()).count();
        assert_eq!(passed, 3);
        let wait = throttle.take(3, start).unwrap_err();
        assert!(wait > Duration::from_millis(300) && wait < Duration::from_millis(400));
        let later = start + wait + Duration::from_millis(1);
        assert!(throttle.take(3, later).is_ok());
        assert!(throttle.take(3, later).is_err());
    }
}
