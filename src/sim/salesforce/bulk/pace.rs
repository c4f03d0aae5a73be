//! How long the batches of a job take.
//!
//! In: batches that begin, rows that were written. Out: the thread waits until the time of so many rows is over, if the
//! org has such a time; what a batch holds is let go when the next one begins or the job ends. An aborted job and an org
//! that stops are not waited for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::org::Org;
use super::super::write::Writer;
use super::job::{IngestJob, State};

/// Rows in a batch (`guide/salesforce.md` §1.8).
const BATCH: f64 = 10_000.0;
/// The least time of a batch.
const LEAST: Duration = Duration::from_millis(1);
/// How often it is looked whether to go on waiting.
const LOOK: Duration = Duration::from_millis(20);

/// The pace of one job.
pub(super) struct Pace<'a> {
    org: &'a Arc<Org>,
    job: &'a IngestJob,
    begun: Instant,
    rows: u32,
}

impl<'a> Pace<'a> {
    pub(super) fn new(org: &'a Arc<Org>, job: &'a IngestJob) -> Self {
        Self {
            org,
            job,
            begun: Instant::now(),
            rows: 0,
        }
    }

    /// A batch begins.
    pub(super) fn batch(&mut self, writer: &Writer) {
        writer.let_go();
        self.begun = Instant::now();
        self.rows = 0;
    }

    /// Rows of the batch were written.
    pub(super) fn rows(&mut self, count: usize) {
        let batch_time = self.org.options.batch_time;
        if batch_time.is_zero() {
            return;
        }
        self.rows += u32::try_from(count).unwrap_or(0);
        let due = self.begun + time(batch_time, self.rows);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            let needless = || {
                self.org.stopping.load(Ordering::Relaxed)
                    || self.job.status().state == State::Aborted
            };
            if left.is_zero() || needless() {
                return;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}

/// The share of a batch's time that so many rows take.
fn time(batch: Duration, rows: u32) -> Duration {
    batch.mul_f64(f64::from(rows) / BATCH).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_take_their_share_of_a_batch_and_never_nothing() {
        let batch = Duration::from_secs(2);
        assert_eq!(time(batch, 10_000), batch);
        assert_eq!(time(batch, 200), Duration::from_millis(40));
        assert_eq!(time(batch, 1), LEAST);
    }
}
