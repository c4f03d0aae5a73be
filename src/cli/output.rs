//! What a person sees: errors with hints, tables, the log.
//!
//! In: texts, with names and values of others in them. Out: the same without anything that steers a terminal. Never: a log of a
//! library beyond its warnings, since those hold requests and values.

use std::io::{IsTerminal, Write};

use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config;
use crate::error::Error;
use crate::report::plain;
pub(super) use crate::report::{number, table};

/// Sends the log to stderr, as much of it as `TRANSLOAD_LOG` asks for (default: warnings).
pub(super) fn start_log() {
    let filter = config::log_filter().unwrap_or_else(|| "warn".to_owned());
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !config::no_color())
        .with_target(false)
        .with_filter(filter_fn(|metadata| {
            is_logged(metadata.target(), *metadata.level())
        }));
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
}

/// Of the libraries nothing but warnings: what they tell beyond is requests, statements and values, with somebody's address.
fn is_logged(target: &str, level: Level) -> bool {
    target.starts_with(env!("CARGO_PKG_NAME")) || level <= Level::WARN
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
    let _ = writeln!(std::io::stderr().lock(), "{}", plain(line, true));
}

/// Data, on stdout.
///
/// # Errors
/// [`Error::File`]; a broken pipe among them, see [`is_broken_pipe`].
pub(super) fn data(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    out.write_all(plain(text, true).as_bytes())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_log_no_values() {
        assert!(is_logged("transload::load", Level::TRACE));
        assert!(is_logged("transload_salesforce::net", Level::DEBUG));
        assert!(is_logged("hyper", Level::WARN));
        for library in ["hyper_util::client", "reqwest::connect", "datafusion", "h2"] {
            assert!(!is_logged(library, Level::INFO), "{library}");
        }
    }
}
