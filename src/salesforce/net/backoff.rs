//! How long to wait before the next attempt: what the server asked for, or a doubling delay with jitter.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand::{Rng, RngExt, rngs::ChaCha8Rng};

/// Bounds of the retry policy.
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

/// Computes delays.
pub struct Backoff {
    pub(super) config: RetryConfig,
    /// Source of jitter; only locked while a number is drawn.
    rng: Mutex<Box<dyn Rng + Send>>,
}

impl fmt::Debug for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backoff")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Backoff {
    /// Delays within `config`, spread by a random source of its own.
    #[must_use]
    pub fn new(config: RetryConfig) -> Self {
        Self::with_rng(config, Box::new(rand::make_rng::<ChaCha8Rng>()))
    }

    /// As [`new`](Self::new), spread by `rng`.
    #[must_use]
    pub fn with_rng(config: RetryConfig, rng: Box<dyn Rng + Send>) -> Self {
        Self {
            config,
            rng: Mutex::new(rng),
        }
    }

    /// Delay before the attempt that follows attempt number `attempts`. What the server asked for beats the computed
    /// delay, up to the cap.
    #[must_use]
    pub fn delay(&self, attempts: u32, retry_after: Option<Duration>) -> Duration {
        if let Some(asked) = retry_after {
            return self.capped(asked);
        }
        let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
        let full = self
            .config
            .first_delay
            .saturating_mul(doubled)
            .min(self.config.max_delay);
        // Between half and all of it, so that requests side by side do not come back at the same moment.
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        full.mul_f64(rng.random_range(0.5..=1.0))
    }

    /// A server's wish for a pause, as far as it is granted.
    #[must_use]
    pub fn capped(&self, asked: Duration) -> Duration {
        asked.min(self.config.max_retry_after)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::convert::Infallible;

    use rand::TryRng;

    use super::*;

    pub(crate) const LOWEST: u64 = 0;
    pub(crate) const HIGHEST: u64 = u64::MAX;

    /// A source of randomness that always says the same.
    pub(crate) struct Fixed(pub(crate) u64);

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

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[test]
    fn jitter_stays_between_half_and_all_of_the_delay() {
        let delay = |word, attempt| {
            Backoff::with_rng(RetryConfig::default(), Box::new(Fixed(word))).delay(attempt, None)
        };
        assert_eq!(delay(LOWEST, 1), ms(250));
        assert_eq!(delay(HIGHEST, 1), ms(500));
        assert_eq!(delay(HIGHEST, 3), ms(2_000));
        assert_eq!(delay(HIGHEST, 60), ms(30_000));
    }

    #[test]
    fn delays_double_up_to_the_cap_and_are_spread() {
        let backoff = Backoff::new(RetryConfig::default());
        for (attempt, full) in [(1, 500), (2, 1_000), (4, 4_000), (20, 30_000)] {
            let full = ms(full);
            let delays: Vec<Duration> = (0..50).map(|_| backoff.delay(attempt, None)).collect();
            assert!(
                delays
                    .iter()
                    .all(|delay| *delay <= full && *delay >= full / 2)
            );
            assert!(delays.iter().any(|delay| delay != &delays[0]));
        }
    }
}
