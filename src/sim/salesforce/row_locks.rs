//! Records that are held while they are written, so that two who write at one time get into each other's way
//! (`guide/salesforce.md` §1.9).
//!
//! In: who wants which records. Out: they are held, or those that another holds. A batch of a Bulk job keeps what it took
//! until it ends and never waits; a request waits, and lets go when it has written. Never taken unless
//! [`super::SalesforceSimOptions::locks`] is set; which records a row wants is decided where it is written.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::lock::lock;

/// A record: the number of its object and its position.
pub(crate) type Key = (usize, u32);

/// Everything that is held in an org.
#[derive(Debug, Default)]
pub(crate) struct RowLocks {
    held: Mutex<HashMap<Key, u64>>,
    freed: Condvar,
    numbers: AtomicU64,
}

impl RowLocks {
    /// For a batch: keeps all it takes until it is told to let go, or dropped.
    pub(crate) fn batch(self: &Arc<Self>) -> Holder {
        self.holder(Duration::ZERO, true)
    }

    /// For a request: waits up to `patience` and holds for one write.
    pub(crate) fn request(self: &Arc<Self>, patience: Duration) -> Holder {
        self.holder(patience, false)
    }

    fn holder(self: &Arc<Self>, patience: Duration, keeps: bool) -> Holder {
        Holder {
            locks: Arc::clone(self),
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            patience,
            keeps,
            mine: Mutex::default(),
        }
    }
}

/// One batch or one request.
#[derive(Debug)]
pub(crate) struct Holder {
    locks: Arc<RowLocks>,
    number: u64,
    patience: Duration,
    keeps: bool,
    mine: Mutex<Vec<Key>>,
}

impl Holder {
    /// Until when a write that begins now waits.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Takes all of these records, or none of them; the error are those that another holds at the deadline.
    pub(crate) fn take(&self, wanted: &[Key], deadline: Instant) -> Result<(), Vec<Key>> {
        let mut held = lock(&self.locks.held);
        loop {
            let foreign = |key: &&Key| held.get(key).is_some_and(|other| *other != self.number);
            let foreign: Vec<Key> = wanted.iter().filter(foreign).copied().collect();
            if foreign.is_empty() {
                break;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(foreign);
            }
            held = self
                .locks
                .freed
                .wait_timeout(held, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let mut mine = lock(&self.mine);
        for &key in wanted {
            if let Entry::Vacant(free) = held.entry(key) {
                free.insert(self.number);
                mine.push(key);
            }
        }
        Ok(())
    }

    /// A write is done: a request lets go.
    pub(crate) fn written(&self) {
        if !self.keeps {
            self.release();
        }
    }

    /// Lets go of everything.
    pub(crate) fn release(&self) {
        let mine = std::mem::take(&mut *lock(&self.mine));
        if mine.is_empty() {
            return;
        }
        let mut held = lock(&self.locks.held);
        for key in mine {
            held.remove(&key);
        }
        drop(held);
        self.locks.freed.notify_all();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn what_one_batch_holds_another_is_told_at_once() {
        let locks = Arc::new(RowLocks::default());
        let (first, second) = (locks.batch(), locks.batch());
        assert_eq!(first.take(&[(1, 7), (1, 8)], first.deadline()), Ok(()));
        assert_eq!(first.take(&[(1, 7)], first.deadline()), Ok(()));
        assert_eq!(
            second.take(&[(1, 9), (1, 8)], second.deadline()),
            Err(vec![(1, 8)])
        );
        assert_eq!(first.take(&[(1, 9)], first.deadline()), Ok(()));
        first.written();
        assert!(second.take(&[(1, 7)], second.deadline()).is_err());
        first.release();
        assert_eq!(second.take(&[(1, 7)], second.deadline()), Ok(()));
    }

    #[test]
    fn request_waits_and_lets_go_after_its_write() {
        let locks = Arc::new(RowLocks::default());
        let batch = locks.batch();
        assert_eq!(batch.take(&[(1, 7)], batch.deadline()), Ok(()));
        let impatient = locks.request(NOW);
        assert!(impatient.take(&[(1, 7)], impatient.deadline()).is_err());
        let other = Arc::clone(&locks);
        let waiting = std::thread::spawn(move || {
            let request = other.request(Duration::from_secs(60));
            let taken = request.take(&[(1, 7)], request.deadline());
            request.written();
            taken
        });
        drop(batch);
        assert_eq!(waiting.join().unwrap(), Ok(()));
        assert_eq!(impatient.take(&[(1, 7)], impatient.deadline()), Ok(()));
    }
}
