//! The server's wish for a pause, read from the headers of an answer.
//!
//! In: headers. Out: a duration. Never: this machine's time of day, which may be wrong by hours; a date is compared with
//! the date of the same answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// How long the server asks to wait: seconds, or an HTTP date by its own clock. Not capped; [`super::Backoff`] does that.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    parse(value, server_date(headers))
}

/// The server's time of day.
#[must_use]
pub fn server_date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn parse(value: &str, server: Option<DateTime<Utc>>) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let wait = http_date(value)? - server?;
    // A moment that has passed asks for no pause.
    Some(wait.to_std().unwrap_or_default())
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(date.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_dates_by_the_servers_clock() {
        let server = http_date("Tue, 03 Mar 1998 10:00:00 GMT");
        let wait = |value| parse(value, server);
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("17"), Some(Duration::from_secs(17)));
        assert_eq!(wait(" 0.5 "), Some(Duration::from_millis(500)));
        // Years before this machine's time, and still right.
        assert_eq!(
            wait("Tue, 03 Mar 1998 10:00:09 GMT"),
            Some(Duration::from_secs(9))
        );
        assert_eq!(wait("Tue, 03 Mar 1998 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("Tue, 03 Mar 1998 10:00:09 GMT", None), None);
        assert_eq!(wait("-3"), None);
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn a_date_is_compared_with_the_date_of_the_same_answer() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        let date = |text: &'static str| reqwest::header::HeaderValue::from_static(text);
        headers.insert(RETRY_AFTER, date("Sun, 01 Mar 2026 10:00:30 GMT"));
        assert_eq!(retry_after(&headers), None);
        headers.insert(DATE, date("Sun, 01 Mar 2026 10:00:00 GMT"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(30)));
    }
}
