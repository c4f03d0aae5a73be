//! What a person sees: errors with hints, tables, the log.

use std::io::{IsTerminal, Write};

use crate::config;
use crate::error::Error;
pub(super) use crate::report::{number, table};

/// Sends the log to stderr, as much of it as `TRANSLOAD_LOG` asks for (default: warnings).
pub(super) fn start_log() {
    let filter = config::log_filter().unwrap_or_else(|| "warn".to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !config::no_color())
        .with_target(false)
        .init();
}

/// Prints an error, its causes and its hint.
pub(super) fn error(error: &Error) {
    let mut text = format!("error: {error}\n");
    let mut shown = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        let cause_line = cause_text.lines().next().unwrap_or_default();
        if !cause_line.is_empty() && !shown.contains(cause_line) {
            text.push_str(&format!("  caused by: {cause_line}\n"));
            shown.push_str(cause_line);
        }
        source = cause.source();
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\nhint: {hint}\n"));
    }
    note(text.trim_end());
}

/// A line for people, on stderr.
pub(super) fn note(line: &str) {
    // Nobody can be told that stderr is gone.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Data, on stdout.
///
/// # Errors
/// [`Error::File`]; a broken pipe among them, see [`is_broken_pipe`].
pub(super) fn data(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|source| Error::File {
            action: "write",
            path: "stdout".to_owned(),
            source,
        })
}

/// Whether the reader of stdout went away, which is not an error.
pub(super) fn is_broken_pipe(error: &Error) -> bool {
    matches!(error, Error::File { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
}
