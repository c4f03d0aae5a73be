//! What was asked and answered, for tests that prove something about a client.
//!
//! In: each request with its answer. Out: counts by path and status, pages that were answered more than once, and the
//! busiest second. Ids in paths are counted as `:id`. Never: headers, bodies.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lock::lock;

/// Addresses that are named when they were answered twice.
const NAMED: usize = 200;

/// The counts.
#[derive(Default)]
pub(super) struct Stats(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    total: u64,
    by_path: BTreeMap<String, BTreeMap<u16, u64>>,
    /// By hash of the address, because there may be millions.
    answered: HashMap<u64, u32>,
    twice: Vec<String>,
    answered_twice: u64,
    recent: VecDeque<Instant>,
    busiest_second: usize,
    faults: BTreeMap<String, u64>,
}

impl Stats {
    /// Notes the arrival of a request.
    pub(super) fn arrived(&self, now: Instant) {
        let mut counts = lock(&self.0);
        counts.total += 1;
        counts.recent.push_back(now);
        let past =
            |first: &Instant| now.saturating_duration_since(*first) >= Duration::from_secs(1);
        while counts.recent.front().is_some_and(past) {
            counts.recent.pop_front();
        }
        counts.busiest_second = counts.busiest_second.max(counts.recent.len());
    }

    /// Notes an answer; `whole` is one that the client received as it should be.
    pub(super) fn answered(&self, method: &str, address: &str, status: u16, whole: bool) {
        let path = address.split('?').next().unwrap_or_default();
        let mut counts = lock(&self.0);
        *counts
            .by_path
            .entry(template(path))
            .or_default()
            .entry(status)
            .or_default() += 1;
        if method != "GET" || status != 200 || !whole {
            return;
        }
        let hash = xxhash_rust::xxh3::xxh3_64(address.as_bytes());
        let times = counts.answered.entry(hash).or_default();
        *times += 1;
        if *times > 1 {
            counts.answered_twice += 1;
            if counts.twice.len() < NAMED {
                counts.twice.push(address.to_owned());
            }
        }
    }

    /// Notes a fault that struck.
    pub(super) fn struck(&self, fault: &str) {
        *lock(&self.0).faults.entry(fault.to_owned()).or_default() += 1;
    }

    /// Everything so far.
    pub(super) fn shown(&self) -> Value {
        let counts = lock(&self.0);
        json!({
            "requests": counts.total,
            "by_path": counts.by_path,
            "busiest_second": counts.busiest_second,
            "answered_twice": counts.answered_twice,
            "twice": counts.twice,
            "faults": counts.faults,
        })
    }

    /// Back to nothing.
    pub(super) fn reset(&self) {
        *lock(&self.0) = Counts::default();
    }
}

/// A path with `:id` for each part that is a number, and `:file` for a file.
fn template(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            ":id"
        } else if part.ends_with(".csv") {
            ":file"
        } else {
            part
        }
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_answered_twice_is_named_and_a_failed_one_is_not() {
        let stats = Stats::default();
        let start = Instant::now();
        for millis in [0, 400, 900, 1_300] {
            stats.arrived(start + Duration::from_millis(millis));
        }
        let page = "/api/public/segments/31/users/?cursor=a";
        stats.answered("GET", page, 500, true);
        stats.answered("GET", page, 200, false);
        stats.answered("GET", page, 200, true);
        assert_eq!(stats.shown()["answered_twice"], 0);
        stats.answered("GET", page, 200, true);
        let shown = stats.shown();
        assert_eq!(shown["twice"], json!([page]));
        assert_eq!(shown["busiest_second"], 3);
        assert_eq!(
            shown["by_path"]["/api/public/segments/:id/users/"],
            json!({"200": 3, "500": 1})
        );
    }
}
