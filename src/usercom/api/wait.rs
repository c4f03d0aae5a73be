//! How long to wait before a request is made again, and how often.
//!
//! In: what the server asked for, and its own clock. Out: a duration. Never: this machine's time of day, which may be
//! wrong by hours: a date is compared with the date of the same answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::RngExt;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Bounds of repeating.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// Delay before the second attempt; doubles from there.
    pub first_delay: Duration,
    /// Longest computed delay.
    pub max_delay: Duration,
    /// Longest delay that a server may ask for.
    pub max_retry_after: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 10,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(300),
        }
    }
}

impl Patience {
    /// Delay after attempt number `attempt`, between half and all of the doubled one, so that requests side by side do not
    /// come back together.
    pub(super) fn delay(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let full = self.first_delay.saturating_mul(doubled).min(self.max_delay);
        full.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    /// The pause that the server asked for, capped.
    pub(super) fn asked(&self, headers: &HeaderMap) -> Option<Duration> {
        let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
        Some(retry_after(value, date(headers))?.min(self.max_retry_after))
    }
}

/// The server's time of day.
pub(super) fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let value = headers.get(DATE)?.to_str().ok()?;
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some(date.with_timezone(&Utc))
}

/// Reads seconds or an HTTP date; a date needs the server's own.
fn retry_after(value: &str, server: Option<DateTime<Utc>>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    let wait = date.with_timezone(&Utc) - server?;
    Some(wait.to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_dates_by_the_servers_clock() {
        let server = DateTime::parse_from_rfc2822("Tue, 03 Mar 1998 10:00:00 GMT")
            .unwrap()
            .with_timezone(&Utc);
        let wait = |value| retry_after(value, Some(server));
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait(" 0.5 "), Some(Duration::from_millis(500)));
        // Years before this machine's time, and still right.
        assert_eq!(
            wait("Tue, 03 Mar 1998 10:00:09 GMT"),
            Some(Duration::from_secs(9))
        );
        assert_eq!(wait("Tue, 03 Mar 1998 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("Tue, 03 Mar 1998 10:00:09 GMT", None), None);
        assert_eq!(wait("-3"), None);
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn delays_double_up_to_the_cap_and_are_spread() {
        let patience = Patience::default();
        for (attempt, full) in [(1, 500), (2, 1_000), (4, 4_000), (20, 30_000)] {
            let full = Duration::from_millis(full);
            let delays: Vec<Duration> = (0..50).map(|_| patience.delay(attempt)).collect();
            assert!(
                delays
                    .iter()
                    .all(|delay| *delay <= full && *delay >= full / 2)
            );
            assert!(delays.iter().any(|delay| delay != &delays[0]));
        }
    }
}
