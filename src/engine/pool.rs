//! The memory that the operators of all running plans share.
//!
//! In: what operators ask for. Out: leave to take it, or not. Those that can spill have equal shares of three quarters at most; the
//! last quarter is kept for those that cannot, above all for merges of sorts, which ask when the rows of other sorts are in memory
//! already. A first batch may be larger than a share. (In DataFusion's fair pool the first sorts may fill all of it, and the next
//! cannot begin.) As there, whoever took its share before others came keeps it until it spills, so that shares may pass the whole
//! meanwhile. Never: memory taken from somebody.

use std::fmt::{self, Display, Formatter};
use std::sync::{Mutex, MutexGuard, PoisonError};

use datafusion::common::resources_datafusion_err;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// The part of a pool, one of so many, that is kept for those that cannot spill.
pub(super) const KEPT: usize = 4;

/// The pool.
#[derive(Debug)]
pub(super) struct Pool {
    bytes: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Operators that can spill.
    spillers: usize,
    /// Bytes of those.
    spillable: usize,
    /// Bytes of the others.
    fixed: usize,
}

impl Pool {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            bytes,
            taken: Mutex::default(),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryPool for Pool {
    fn name(&self) -> &'static str {
        "shared"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.taken().spillers += usize::from(consumer.can_spill());
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        let mut taken = self.taken();
        taken.spillers = taken
            .spillers
            .saturating_sub(usize::from(consumer.can_spill()));
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut taken = self.taken();
        match reservation.consumer().can_spill() {
            true => taken.spillable += additional,
            false => taken.fixed += additional,
        }
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut taken = self.taken();
        match reservation.consumer().can_spill() {
            true => taken.spillable = taken.spillable.saturating_sub(shrink),
            false => taken.fixed = taken.fixed.saturating_sub(shrink),
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut taken = self.taken();
        let can_spill = reservation.consumer().can_spill();
        // Whoever has nothing cannot spill either: its first batch has to fit somewhere.
        let (has, may) = if can_spill && reservation.size() > 0 {
            let most = self.bytes - self.bytes / KEPT;
            let left = self.bytes.saturating_sub(taken.fixed).min(most);
            (reservation.size(), left / taken.spillers.max(1))
        } else {
            (taken.fixed + taken.spillable, self.bytes)
        };
        if has + additional > may {
            return Err(resources_datafusion_err!(
                "{} asks for {additional} bytes more and may have {} of {}; {} operators that can spill hold {}, others {}",
                reservation.consumer().name(),
                may.saturating_sub(has),
                self.bytes,
                taken.spillers,
                taken.spillable,
                taken.fixed
            ));
        }
        match can_spill {
            true => taken.spillable += additional,
            false => taken.fixed += additional,
        }
        Ok(())
    }

    fn reserved(&self) -> usize {
        let taken = self.taken();
        taken.spillable + taken.fixed
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes)
    }
}

impl Display for Pool {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn whoever_cannot_spill_finds_room_when_all_others_have_taken_what_they_may() {
        let pool: Arc<dyn MemoryPool> = Arc::new(Pool::new(100));
        let consumer = |can_spill| MemoryConsumer::new("one").with_can_spill(can_spill);
        let one = consumer(true).register(&pool);
        one.try_grow(75).unwrap();
        assert!(one.try_grow(1).is_err());
        let merge = consumer(false).register(&pool);
        merge.try_grow(25).unwrap();
        assert!(merge.try_grow(1).is_err());
        let other = consumer(true).register(&pool);
        assert!(other.try_grow(1).is_err());
        drop(one);
        other.try_grow(1).unwrap();
        // Alone again, beside what the merge holds.
        assert!(other.try_grow(75).is_err());
        other.try_grow(74).unwrap();
        assert_eq!(pool.reserved(), 100);
        drop((merge, other));
        let (first, second) = (
            consumer(true).register(&pool),
            consumer(true).register(&pool),
        );
        first.try_grow(37).unwrap();
        assert!(first.try_grow(1).is_err());
        // More than its share, since it has nothing that it could spill.
        second.try_grow(60).unwrap();
        drop((first, second));
        assert_eq!(pool.reserved(), 0);
    }
}
