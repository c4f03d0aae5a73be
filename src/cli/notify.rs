//! The command of `[notify]`: somebody is told when a run is over.
//!
//! In: how a command ended. Out: the project's command, run by the shell in the project's folder with `TRANSLOAD_COMMAND`,
//! `TRANSLOAD_STATUS`, `TRANSLOAD_RUN`, `TRANSLOAD_MESSAGE` and `TRANSLOAD_REPORTS` in its environment. Never: another end of the run,
//! whatever the command does.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::output;
use crate::config::Config;
use crate::error::Error;

/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a command ended.
pub(super) struct Ending<'a> {
    pub(super) command: &'static str,
    pub(super) status: &'a str,
    pub(super) run: &'a str,
    pub(super) message: String,
    pub(super) reports: &'a str,
}

impl Ending<'_> {
    /// The end of a command that failed.
    pub(super) fn of_error(command: &'static str, error: &Error) -> Self {
        Self {
            command,
            status: match error.class() {
                crate::error::Class::Stopped => "stopped",
                _ => "failed",
            },
            run: "",
            message: error.to_string(),
            reports: "",
        }
    }
}

/// Tells whoever the project wants to be told.
pub(super) async fn notify(config: &Config, ending: &Ending<'_>) {
    let Some(command) = &config.notify else {
        return;
    };
    let child = Command::new("sh")
        .args(["-c", command])
        .current_dir(&config.project)
        .env("TRANSLOAD_COMMAND", ending.command)
        .env("TRANSLOAD_STATUS", ending.status)
        .env("TRANSLOAD_RUN", ending.run)
        .env("TRANSLOAD_MESSAGE", &ending.message)
        .env("TRANSLOAD_REPORTS", ending.reports)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn();
    let told = match child {
        Ok(child) => match ended(child).await {
            Ok(Some(status)) if status.success() => return,
            Ok(Some(status)) => format!("it ended with {status}"),
            Ok(None) => format!("it took more than {} s and was ended", PATIENCE.as_secs()),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    output::note(&format!(
        "the command of [notify] in migration.toml did not work: {told}"
    ));
}

/// How a child ended; none if it had to be ended.
async fn ended(mut child: Child) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
