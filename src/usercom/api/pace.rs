//! The rate of requests: a bucket with one token, filled at a fixed rate, shared by everything that asks.
//!
//! In: wishes to send. Out: the moment when each may. A server that says "too many" stops everybody for as long as it
//! asks, and slows the filling down for a while. Never: a burst, which a limit nobody knows would punish.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Answers in a row after which a slowed-down rate goes up a step.
const CALM: u32 = 50;

/// The slowest that refusals can make it, as a multiple of the wanted interval.
const SLOWEST: u32 = 16;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Pace {
    /// Between two requests, as wanted.
    wanted: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the next request may go.
    next: Instant,
    /// Nobody goes before this.
    pause: Instant,
    interval: Duration,
    calm: u32,
}

impl Pace {
    pub(super) fn new(requests_per_second: f64) -> Self {
        let wanted = Duration::try_from_secs_f64(1.0 / requests_per_second).unwrap_or_default();
        let now = Instant::now();
        Self {
            wanted,
            state: Mutex::new(State {
                next: now,
                pause: now,
                interval: wanted,
                calm: 0,
            }),
        }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self) {
        let mut at = self.take(Instant::now());
        // A pause may have been ordered while this one waited.
        while at > Instant::now() {
            tokio::time::sleep_until(at.into()).await;
            at = at.max(self.lock().pause);
        }
    }

    fn take(&self, now: Instant) -> Instant {
        let mut state = self.lock();
        let at = state.next.max(now).max(state.pause);
        state.next = at + state.interval;
        at
    }

    /// The server had too many requests: nobody goes for `wait`, and then more slowly.
    pub(super) fn too_many(&self, wait: Duration) {
        let mut state = self.lock();
        state.pause = state.pause.max(Instant::now() + wait);
        state.interval = (state.interval * 5 / 4).min(self.wanted * SLOWEST);
        state.calm = 0;
    }

    /// The server answered.
    pub(super) fn went_well(&self) {
        let mut state = self.lock();
        state.calm += 1;
        if state.calm >= CALM {
            state.calm = 0;
            state.interval = (state.interval * 9 / 10).max(self.wanted);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is half done in it when a holder panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(pace: &Pace, now: Instant, count: usize) -> Vec<u128> {
        (0..count)
            .map(|_| pace.take(now).duration_since(now).as_millis())
            .collect()
    }

    #[test]
    fn turns_come_at_the_wanted_rate_without_a_burst() {
        let pace = Pace::new(4.0);
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(turns(&pace, later, 4), [0, 250, 500, 750]);
    }

    #[test]
    fn a_refusal_stops_everybody_and_slows_down_until_it_is_calm() {
        let pace = Pace::new(4.0);
        pace.too_many(Duration::from_secs(20));
        let now = Instant::now();
        let first = turns(&pace, now, 2);
        assert!((19_000..=20_000).contains(&first[0]), "{first:?}");
        assert!((312..=313).contains(&(first[1] - first[0])), "{first:?}");
        for _ in 0..10 * CALM {
            pace.went_well();
        }
        let later = now + Duration::from_secs(60);
        assert_eq!(turns(&pace, later, 2), [0, 250]);
    }

    #[test]
    fn refusals_without_end_leave_a_rate() {
        let pace = Pace::new(4.0);
        for _ in 0..100 {
            pace.too_many(Duration::ZERO);
        }
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(turns(&pace, later, 2), [0, 4_000]);
    }
}
