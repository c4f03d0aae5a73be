//! How far a run is: which phase of how many, and the time left of the whole.
//!
//! In: the loads that take part, the rows of the tables that feed them, a clock. Out: a line per phase. The time left is the time so
//! far by the rows that are done; before a twentieth of them is, nothing is guessed.

use std::time::{Duration, Instant};

use crate::project::{Grain, QueryFile, Step};
use crate::staging::Snapshot;

/// What a phase costs beside its rows, in rows: looking at the org, a report.
const OVERHEAD: u64 = 200;

/// The part of the whole after which a time is guessed: one of so many.
const WORTH_A_GUESS: u64 = 20;

/// The phases of a run.
#[derive(Debug)]
pub(super) struct Way {
    started: Instant,
    weights: Vec<u64>,
    passed: usize,
}

impl Way {
    /// A way along these steps.
    pub(super) fn along(steps: &[Step<'_>], snapshot: &Snapshot) -> Self {
        let loads = steps.iter().filter(|step| matches!(step, Step::Load(_)));
        Self {
            started: Instant::now(),
            weights: loads.map(|load| weight(load.file(), snapshot)).collect(),
            passed: 0,
        }
    }

    /// The line of the phase that begins now.
    pub(super) fn next(&mut self, load: &str, now: Instant) -> String {
        let left = self.left(now.duration_since(self.started));
        self.passed += 1;
        let line = format!("phase {} of {}: {load}", self.passed, self.weights.len());
        match left {
            Some(left) => format!("{line}, about {} left", span(left)),
            None => line,
        }
    }

    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let done: u64 = self.weights[..self.passed].iter().sum();
        let all: u64 = self.weights.iter().sum();
        if done.saturating_mul(WORTH_A_GUESS) < all || done == 0 {
            return None;
        }
        let rest = u128::from(all - done);
        let left = elapsed.as_millis() * rest / u128::from(done);
        Some(Duration::from_millis(
            u64::try_from(left).unwrap_or(u64::MAX),
        ))
    }
}

fn weight(load: &QueryFile, snapshot: &Snapshot) -> u64 {
    let staged = load.source.as_ref().and_then(Grain::staged);
    let table = staged.and_then(|table| snapshot.get("usercom", table));
    OVERHEAD + table.map_or(0, |table| table.rows)
}

/// `8 s`, `2 min 5 s`, `3 h 20 min`: a guess needs no more.
#[must_use]
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_rows_left() {
        let start = Instant::now();
        let mut way = Way {
            started: start,
            weights: vec![10, 90, 200, 100],
            passed: 0,
        };
        let at = |seconds| start + Duration::from_secs(seconds);
        let told = [
            way.next("account", at(0)),
            way.next("lead", at(3)),
            way.next("contact", at(10)),
            way.next("task", at(30)),
        ];
        assert_eq!(
            told,
            [
                "phase 1 of 4: account",
                "phase 2 of 4: lead",
                "phase 3 of 4: contact, about 30 s left",
                "phase 4 of 4: task, about 10 s left",
            ]
        );
    }

    #[test]
    fn spans_are_round() {
        assert_eq!(span(Duration::from_secs(8)), "8 s");
        assert_eq!(span(Duration::from_secs(125)), "2 min 5 s");
        assert_eq!(span(Duration::from_secs(12_000)), "3 h 20 min");
    }
}
