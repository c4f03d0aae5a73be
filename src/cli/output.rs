//! What a person sees: errors with hints, tables, the log.
//!
//! In: texts, with names and values of others in them. Out: the same without anything that steers a terminal. Never: a log of a
//! library beyond its warnings, since those hold requests and values.

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use tracing::Level;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config;
use crate::error::Error;
pub(super) use crate::report::number;
use crate::report::{fitted, plain};
use crate::staging::{create_private_file, private_folder};

/// How much is told on stderr.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct Verbosity {
    /// Tell more on stderr: -v what is done, -vv every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Tell nothing on stderr but errors
    #[arg(short, long, global = true)]
    quiet: bool,
}

/// Whether only errors are told.
static QUIET: AtomicBool = AtomicBool::new(false);

/// The log file of this command, once it has one.
static LOG: OnceLock<Mutex<File>> = OnceLock::new();

/// Sends the log to stderr, as much of it as `TRANSLOAD_LOG` or `-v` asks for (default: warnings), and to the file of the command,
/// in which everything from `info` on is kept.
pub(super) fn start_log(verbosity: Verbosity) {
    QUIET.store(verbosity.quiet, Ordering::Relaxed);
    let asked = match verbosity.verbose {
        0 => config::log_filter().unwrap_or_else(|| "warn".to_owned()),
        1 => "warn,transload=info".to_owned(),
        _ => "warn,transload=debug".to_owned(),
    };
    let filter = |text: &str| EnvFilter::try_new(text).unwrap_or_else(|_| EnvFilter::new("warn"));
    let ours = || filter_fn(|metadata| is_logged(metadata.target(), *metadata.level()));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && !config::no_color())
        .with_target(false)
        .with_filter(ours())
        .with_filter(filter(&asked));
    let kept = tracing_subscriber::fmt::layer()
        .with_writer(|| LogFile)
        .with_ansi(false)
        .with_target(false)
        .with_filter(ours())
        .with_filter(filter(&format!("info,{asked}")));
    tracing_subscriber::registry().with(lines).with(kept).init();
}

/// The log file, or nothing where there is none.
struct LogFile;

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(file) = LOG.get() {
            file.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Log files that are kept.
const LOGS: usize = 100;

/// Keeps what this command tells in a file of its own in `folder`; the oldest of many go. A file that cannot be made is no reason
/// for the command to fail.
pub(super) fn keep_log(folder: &Path, command: &str) {
    let made = private_folder(folder).and_then(|()| {
        let now = chrono::Utc::now().format("%Y%m%dT%H%M%S%.3fZ");
        create_private_file(&folder.join(format!("{now}-{command}.log")))
    });
    match made {
        Ok(file) => drop(LOG.set(Mutex::new(file))),
        Err(error) => tracing::warn!(%error, "there is no log file of this command"),
    }
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
        .collect();
    files.sort();
    let old = files.len().saturating_sub(LOGS);
    for path in &files[..old] {
        // Another command may have removed it.
        let _ = std::fs::remove_file(path);
    }
}

/// A line for the log file alone, with the time.
pub(super) fn log(line: &str) {
    if LOG.get().is_some() {
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        // Nobody can be told that the disk is full; the command itself will meet it.
        let _ = writeln!(LogFile, "{now} {}", plain(line, true));
    }
}

/// Whether only errors are told.
pub(super) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
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
    log(text.trim_end());
    tell(text.trim_end());
}

/// Letters in a line where nobody says how wide the terminal is.
pub(super) const WIDTH: usize = 80;

/// A table as wide as the terminal; columns after the first `left` ones are right-aligned.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>, left: usize) -> String {
    fitted(header, rows, left, width())
}

/// Letters in a line of the terminal that results go to; none if they go elsewhere and nobody set `COLUMNS`.
pub(super) fn terminal_width() -> Option<usize> {
    let terminal = console::Term::stdout();
    let seen = terminal
        .is_term()
        .then(|| terminal.size_checked())
        .flatten();
    config::columns().or(seen.map(|(_, columns)| usize::from(columns)))
}

/// Letters in a line.
pub(super) fn width() -> usize {
    terminal_width().unwrap_or(WIDTH).max(WIDTH / 2)
}

/// A text from this column on, its lines ended at words; what does not fit goes on two columns further in.
pub(super) fn wrapped(indent: usize, text: &str) -> String {
    let mut lines = String::new();
    let mut line = " ".repeat(indent);
    let mut begun = false;
    // A word that no line holds is cut.
    let longest = WIDTH - indent - 2;
    let words = text.split_whitespace().flat_map(|word| {
        let letters: Vec<char> = word.chars().collect();
        let parts = letters.chunks(longest);
        parts
            .map(|part| part.iter().collect::<String>())
            .collect::<Vec<_>>()
    });
    for word in words {
        let width = line.chars().count() + word.chars().count() + usize::from(begun);
        if begun && width > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = " ".repeat(indent + 2);
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(&word);
        begun = true;
    }
    if begun {
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

/// A line for people, on stderr and in the log file.
pub(super) fn note(line: &str) {
    log(line);
    show(line);
}

/// A line for people, on stderr alone.
pub(super) fn show(line: &str) {
    if !is_quiet() {
        tell(line);
    }
}

/// The same whatever is asked not to be shown.
pub(super) fn tell(line: &str) {
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

    #[test]
    fn lines_end_at_words_and_fit_whatever_the_words_are() {
        let text = format!("one {} two", "x".repeat(200));
        let lines = wrapped(4, &text);
        assert!(
            lines.lines().all(|line| line.chars().count() <= WIDTH),
            "{lines}"
        );
        assert!(lines.starts_with("    one\n      xxx"), "{lines}");
        assert_eq!(lines.matches('x').count(), 200);
        assert_eq!(wrapped(2, "a  b"), "  a b\n");
    }
}
