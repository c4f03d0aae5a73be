//! Waiting for work that goes on in Salesforce: polls with growing pauses, honours the server's own wish for
//! a pause, tells the caller about every look, and stops at a deadline without touching the work.
//! Dropping the future stops the waiting and nothing else.

use std::{future::Future, time::Duration};

use super::{Client, Error, Result};

/// How often to look, and for how long.
#[derive(Debug, Clone, Copy, Default)]
pub struct WaitOptions {
    /// First pause; default 200 ms, 10 ms for an organisation on this machine.
    pub first_pause: Option<Duration>,
    /// Longest pause; default 30 s, 100 ms for an organisation on this machine.
    pub max_pause: Option<Duration>,
    /// Gives up after this time; default never.
    pub deadline: Option<Duration>,
}

/// One look at the work.
pub(super) struct Look<T> {
    pub(super) value: T,
    pub(super) done: bool,
    /// The server's wish for a pause.
    pub(super) pause: Option<Duration>,
}

/// Names the work in a deadline error.
pub(super) struct Work<'a> {
    pub(super) what: &'static str,
    pub(super) id: &'a str,
}

/// Looks until the work is done.
pub(super) async fn until_done<T, F, Fut, S>(
    client: &Client,
    work: Work<'_>,
    options: WaitOptions,
    mut look: F,
    state: S,
) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Look<T>>>,
    S: Fn(&T) -> String,
{
    let local = client.is_local().await;
    let (first, longest) = if local { (10, 100) } else { (200, 30_000) };
    let mut pause = options.first_pause.unwrap_or(Duration::from_millis(first));
    let longest = options.max_pause.unwrap_or(Duration::from_millis(longest));
    let start = client.clock().now();
    loop {
        let seen = look().await?;
        if seen.done {
            return Ok(seen.value);
        }
        let wish = seen.pause.map(|wish| client.backoff().capped(wish));
        let next = wish.unwrap_or(pause).max(Duration::from_millis(1));
        let elapsed = client.clock().now().duration_since(start);
        if options
            .deadline
            .is_some_and(|deadline| elapsed + next > deadline)
        {
            return Err(Error::WaitDeadline {
                what: work.what,
                id: work.id.to_owned(),
                state: state(&seen.value),
                elapsed,
            });
        }
        client.clock().sleep(next).await;
        pause = pause.mul_f64(1.5).min(longest);
    }
}
