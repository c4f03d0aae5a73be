//! What was asked of the org, and what is left of its allocations.
//!
//! In: one call per request and per batch. Out: counts. The 24-hour windows of the real service are not modelled: usage
//! counts from the start of the process, or from the last reset.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ids::RecordId;
use super::lock::lock;

/// Counters of an org.
#[derive(Default)]
pub(crate) struct Statistics {
    requests: Mutex<BTreeMap<String, u64>>,
    lock_failures: Mutex<BTreeMap<String, u64>>,
    calls: AtomicU64,
    batches: AtomicU64,
    read: AtomicU64,
}

impl Statistics {
    /// Counts a request under its method and path, ids replaced.
    pub(crate) fn request(&self, method: &str, path: &str) {
        let parts = path
            .split('/')
            .map(|part| if is_id(part) { "{id}" } else { part });
        let key = format!("{method} {}", parts.collect::<Vec<_>>().join("/"));
        *lock(&self.requests).entry(key).or_default() += 1;
    }

    /// Takes one API call; false if the allocation is used up.
    pub(crate) fn take_call(&self, allocation: u64) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) < allocation
    }

    /// Takes one ingest batch; false if the allocation is used up.
    pub(crate) fn take_batch(&self, allocation: u64) -> bool {
        let taken = self
            .batches
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                (used < allocation).then_some(used + 1)
            });
        taken.is_ok()
    }

    /// Counts a row that another batch or request kept from being written.
    pub(crate) fn lock_failure(&self, object: &str) {
        *lock(&self.lock_failures)
            .entry(object.to_owned())
            .or_default() += 1;
    }

    /// Rows that could not be locked, by their object.
    pub(crate) fn lock_failures(&self) -> BTreeMap<String, u64> {
        lock(&self.lock_failures).clone()
    }

    /// API calls taken.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Counts rows that a query gave out.
    pub(crate) fn gave(&self, rows: u64) {
        self.read.fetch_add(rows, Ordering::Relaxed);
    }

    /// Rows that queries gave out.
    pub(crate) fn rows_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Batches taken.
    pub(crate) fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    /// Requests by method and path.
    pub(crate) fn requests(&self) -> BTreeMap<String, u64> {
        lock(&self.requests).clone()
    }

    /// Sets everything back to nothing.
    pub(crate) fn reset(&self) {
        lock(&self.requests).clear();
        lock(&self.lock_failures).clear();
        self.calls.store(0, Ordering::Relaxed);
        self.batches.store(0, Ordering::Relaxed);
        self.read.store(0, Ordering::Relaxed);
    }
}

fn is_id(part: &str) -> bool {
    part.bytes().any(|c| c.is_ascii_digit()) && RecordId::parse(part).is_some()
}
