//! What a process takes: seconds, processor seconds, memory.
//!
//! In: a command. Out: what it printed and what it took, of the kernel's own books in `/proc`. Never: a number of a
//! process that failed.

use std::borrow::BorrowMut;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Parts of a second in which the kernel tells processor time (`USER_HZ`, the same on every Linux machine).
const TICKS: f64 = 100.0;

/// How long to wait between two looks at a process: the resident memory is gone from the books once it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// What a process took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// From its start to its end, on the clock.
    pub(super) seconds: f64,
    /// Of all its threads and of the processes that it waited for, user and system; none where nobody counts them.
    pub(super) processor: Option<f64>,
    /// Peak of its resident memory in megabytes.
    pub(super) peak_mb: u64,
}

impl Taken {
    /// Both, one after the other.
    pub(super) fn then(self, next: Self) -> Self {
        Self {
            seconds: self.seconds + next.seconds,
            processor: self.processor.zip(next.processor).map(|(a, b)| a + b),
            peak_mb: self.peak_mb.max(next.peak_mb),
        }
    }
}

/// Runs a process that may not fail: what it took, and its stdout.
pub(super) fn run(command: impl BorrowMut<Command>) -> (Taken, String) {
    run_from(command, "")
}

/// The same, counted from the first line on stderr that begins with `mark`.
pub(super) fn run_from(command: impl BorrowMut<Command>, mark: &'static str) -> (Taken, String) {
    attempt(command, mark).unwrap_or_else(|why| panic!("{why}"))
}

/// The same of a process that may fail: why it did.
pub(super) fn attempt(
    mut command: impl BorrowMut<Command>,
    mark: &'static str,
) -> Result<(Taken, String), String> {
    let start = Instant::now();
    let command = command.borrow_mut();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let id = child.id();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let log = std::thread::spawn(move || {
        let mut begun = mark.is_empty().then_some((start, 0.0));
        for line in stderr.lines().map_while(Result::ok) {
            if begun.is_none() && line.starts_with(mark) {
                begun = Some((
                    Instant::now(),
                    Books::of(id).map_or(0.0, |books| books.seconds),
                ));
            }
            #[expect(clippy::print_stderr, reason = "the process's own log")]
            {
                eprintln!("{line}");
            }
        }
        begun.unwrap_or((start, 0.0))
    });
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    let mut peak_mb = 0;
    // It is waited for after it has ended only: until then the kernel keeps the books of all its threads.
    let processor = loop {
        peak_mb = peak_mb.max(resident_peak_mb(id));
        match Books::of(id) {
            Some(books) if books.ended => break Some(books.seconds),
            None if child.try_wait().unwrap().is_some() => break None,
            _ => std::thread::sleep(LOOK),
        }
    };
    let end = Instant::now();
    let status = child.wait().unwrap();
    let (begun, before) = log.join().unwrap();
    let text = reader.join().unwrap();
    if !status.success() {
        return Err(format!("{status}: {text}"));
    }
    let taken = Taken {
        seconds: (end - begun).as_secs_f64(),
        processor: processor.map(|all| all - before),
        peak_mb,
    };
    Ok((taken, text))
}

/// What the kernel has counted of a process.
struct Books {
    ended: bool,
    seconds: f64,
}

impl Books {
    fn of(process: u32) -> Option<Self> {
        let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name, in brackets, may hold anything. Then: state, and from the twelfth on the ticks of the process (user, system) and
        // of the processes that it waited for.
        let (_, told) = text.rsplit_once(')')?;
        let told: Vec<&str> = told.split_whitespace().collect();
        let ticks: f64 = told
            .get(11..15)?
            .iter()
            .filter_map(|ticks| ticks.parse::<f64>().ok())
            .sum();
        Some(Self {
            ended: told[0] == "Z",
            seconds: ticks / TICKS,
        })
    }
}

fn resident_peak_mb(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
