//! Time as a client sees it: the one seam through which tests replace waiting.

use std::{
    fmt,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

/// Tells the time and sleeps. Production uses [`SystemClock`]; a test may advance time by itself.
pub trait Clock: fmt::Debug + Send + Sync {
    /// A monotonic instant, for durations.
    fn now(&self) -> Instant;
    /// The time of day, for `Retry-After` dates and token lifetimes.
    fn utc(&self) -> DateTime<Utc>;
    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock and tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn utc(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A clock that never waits: each sleep is noted and moves time on.

    use std::sync::Mutex;

    use super::*;

    #[derive(Debug)]
    pub(crate) struct ManualClock {
        start: Instant,
        slept: Mutex<Vec<Duration>>,
    }

    impl ManualClock {
        pub(crate) fn new() -> Self {
            Self {
                start: Instant::now(),
                slept: Mutex::default(),
            }
        }

        /// Every sleep so far, in order.
        pub(crate) fn slept(&self) -> Vec<Duration> {
            self.slept.lock().unwrap().clone()
        }

        fn passed(&self) -> Duration {
            self.slept.lock().unwrap().iter().sum()
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> Instant {
            self.start + self.passed()
        }

        fn utc(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(1_700_000_000, 0).unwrap() + self.passed()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            self.slept.lock().unwrap().push(duration);
            Box::pin(tokio::task::yield_now())
        }
    }
}
