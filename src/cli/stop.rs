//! Ctrl-c: once to stop after what is under way, twice to end at once.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::progress::TerminalProgress;
use crate::error::STOPPED;

/// A token that the first ctrl-c cancels; the second ends the process.
pub(super) fn stop_on_request(progress: &Arc<TerminalProgress>) -> CancellationToken {
    let stop = CancellationToken::new();
    let (token, progress) = (stop.clone(), Arc::clone(progress));
    let mut waiting = tokio::task::JoinSet::new();
    waiting.spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            progress.done("stopping after the jobs in flight; ctrl-c again ends at once");
            token.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            #[expect(
                clippy::exit,
                reason = "the user asked twice; the journal makes this safe"
            )]
            std::process::exit(i32::from(STOPPED));
        }
    });
    waiting.detach_all();
    stop
}
