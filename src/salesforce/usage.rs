//! How much of the organisation's API allowance was used: every request is counted, and Salesforce's own
//! count is read where it sends one (`Sforce-Limit-Info`, `guide/salesforce.md` §3.4).

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

use super::body::lock;
use super::net::server_date;

/// Requests so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests sent by this client, retries and logins included.
    pub requests: u64,
    /// The organisation's requests of the last 24 hours and its allowance, as last told.
    pub organization: Option<ApiUsage>,
}

/// The organisation's API requests of the last 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiUsage {
    /// Used by all clients together.
    pub used: u64,
    /// Allowed.
    pub max: u64,
}

/// The running count. An allowance of zero stands for "not told yet".
#[derive(Debug, Default)]
pub(super) struct Meter {
    requests: AtomicU64,
    used: AtomicU64,
    max: AtomicU64,
    /// The server's date as last told, and when that was.
    date: Mutex<Option<(DateTime<Utc>, Instant)>>,
}

impl Meter {
    pub(super) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note(&self, headers: &HeaderMap, now: Instant) {
        if let Some(date) = server_date(headers) {
            *lock(&self.date) = Some((date, now));
        }
        let told = headers
            .get("sforce-limit-info")
            .and_then(|value| value.to_str().ok())
            .and_then(parse);
        if let Some(usage) = told {
            self.used.store(usage.used, Ordering::Relaxed);
            self.max.store(usage.max, Ordering::Relaxed);
        }
    }

    /// The server's time of day at `now`, if it ever told it.
    pub(super) fn server_time(&self, now: Instant) -> Option<DateTime<Utc>> {
        let (date, told) = (*lock(&self.date))?;
        Some(date + now.duration_since(told))
    }

    pub(super) fn read(&self) -> Usage {
        let max = self.max.load(Ordering::Relaxed);
        Usage {
            requests: self.requests.load(Ordering::Relaxed),
            organization: (max > 0).then(|| ApiUsage {
                used: self.used.load(Ordering::Relaxed),
                max,
            }),
        }
    }
}

/// Reads `api-usage=18/5000`, which may be followed by the usage per app.
fn parse(value: &str) -> Option<ApiUsage> {
    let pair = value
        .split([';', ','])
        .find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, max) = pair.split_once('/')?;
    Some(ApiUsage {
        used: used.trim().parse().ok()?,
        max: max.trim().parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_header_is_read_with_and_without_app_usage() {
        let expected = Some(ApiUsage {
            used: 18,
            max: 5_000,
        });
        assert_eq!(parse("api-usage=18/5000"), expected);
        let with_app = "api-usage=18/5000; per-app-api-usage=17/250(appName=loader)";
        assert_eq!(parse(with_app), expected);
        assert_eq!(parse("api-usage=many"), None);
    }

    #[test]
    fn nothing_is_claimed_before_salesforce_said_it() {
        let meter = Meter::default();
        meter.count_request();
        let expected = Usage {
            requests: 1,
            organization: None,
        };
        assert_eq!(meter.read(), expected);
    }
}
