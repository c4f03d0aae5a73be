//! How far a command is: bars on a terminal, plain lines anywhere else, always on stderr.
//!
//! In: steps by name, and rows as staging and loading count them. Out: rows, rate and time left. Never: data, colour
//! (so `NO_COLOR` holds of itself), or more than one line every few seconds per table where lines stay.
//!
//! ```text
//! step "…"      terminal: a spinner, gone when the next thing begins     elsewhere: a line
//! done "…"      a line that stays, in the place of the step              a line
//! rows          a bar, and one line that stays when it is full           a line now and then, and one at the end
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use crate::migration::span;
use crate::progress::Progress;
use crate::report::plain;

/// Between two lines about one table where lines stay.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// A step that took longer leaves a line on a terminal, too.
const LONG_STEP: Duration = Duration::from_secs(2);

/// A rate over less time says nothing.
const WORTH_A_RATE: Duration = Duration::from_secs(1);

/// Between two movements of a spinner.
const TICK: Duration = Duration::from_millis(120);

/// Shows progress; one per command.
pub(crate) struct TerminalProgress {
    display: Display,
    state: Mutex<State>,
}

enum Display {
    Quiet,
    Lines,
    Bars(MultiProgress),
}

#[derive(Default)]
struct State {
    step: Option<Step>,
    meters: BTreeMap<String, Meter>,
    bars: BTreeMap<String, ProgressBar>,
}

struct Step {
    text: String,
    started: Instant,
    spinner: Option<ProgressBar>,
}

impl TerminalProgress {
    /// Shows progress on stderr, or none at all if `quiet`.
    pub(crate) fn new(quiet: bool) -> Arc<Self> {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let display = match (quiet, bars.is_hidden()) {
            (true, _) => Display::Quiet,
            (false, true) => Display::Lines,
            (false, false) => Display::Bars(bars),
        };
        Arc::new(Self {
            display,
            state: Mutex::default(),
        })
    }

    /// Something begins that may take a while. It ends when the next step begins.
    pub(crate) fn step(&self, text: &str) {
        output::log(text);
        let mut state = self.lock();
        self.end_step(&mut state);
        self.end_open_ended(&mut state);
        let spinner = match &self.display {
            Display::Quiet => None,
            Display::Lines => {
                output::show(text);
                None
            }
            Display::Bars(bars) => {
                let spinner = bars.add(ProgressBar::new_spinner());
                spinner.set_style(style("{spinner} {msg} {elapsed}"));
                spinner.set_message(plain(text, false));
                spinner.enable_steady_tick(TICK);
                Some(spinner)
            }
        };
        state.step = Some(Step {
            text: text.to_owned(),
            started: Instant::now(),
            spinner,
        });
    }

    /// The step is over, and `text` says what came of it. Also right for a message of any kind while bars are shown.
    pub(crate) fn done(&self, text: &str) {
        let mut state = self.lock();
        if let Some(step) = state.step.take() {
            step.clear();
        }
        self.print(text);
    }

    /// Everything is over: takes the bars away, so that tables and errors can be printed.
    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        self.end_step(&mut state);
        let names: Vec<String> = state.meters.keys().cloned().collect();
        for name in names {
            self.end_meter(&mut state, &name);
        }
        state.meters.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked while holding it left nothing half done that matters to a display.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self, line: &str) {
        output::log(line);
        match &self.display {
            Display::Quiet => {}
            Display::Lines => output::show(line),
            Display::Bars(bars) => {
                // Nobody can be told that stderr is gone.
                let _ = bars.println(plain(line, true));
            }
        }
    }

    fn end_step(&self, state: &mut State) {
        let Some(step) = state.step.take() else {
            return;
        };
        step.clear();
        let took = step.started.elapsed();
        if matches!(self.display, Display::Bars(_)) && took >= LONG_STEP {
            self.print(&format!("{} ({})", step.text, seconds(took)));
        }
    }

    /// Bars that count without knowing to where end when something else begins.
    fn end_open_ended(&self, state: &mut State) {
        let names: Vec<String> = state
            .meters
            .iter()
            .filter(|(_, meter)| meter.ended || meter.length == 0)
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            self.end_meter(state, &name);
            state.meters.remove(&name);
        }
    }

    fn end_meter(&self, state: &mut State, name: &str) {
        if let Some(bar) = state.bars.remove(name) {
            bar.finish_and_clear();
        }
        if let Some(meter) = state.meters.get_mut(name)
            && !meter.ended
        {
            meter.ended = true;
            if meter.rows > 0 {
                let line = meter.last_line(name, Instant::now());
                self.print(&line);
            }
        }
    }

    fn begin_meter(&self, state: &mut State, name: &str, length: u64) {
        self.end_step(state);
        if let Some(bar) = state.bars.remove(name) {
            bar.finish_and_clear();
        }
        state
            .meters
            .insert(name.to_owned(), Meter::new(length, Instant::now()));
        if let Display::Bars(bars) = &self.display {
            let bar = if length == 0 {
                let bar = ProgressBar::new_spinner();
                bar.set_style(style("{prefix:<16} {spinner} {msg}"));
                bar
            } else {
                let bar = ProgressBar::new(length);
                bar.set_style(style("{prefix:<16} {wide_bar} {percent:>3} % {msg}"));
                bar
            };
            let bar = bars.add(bar);
            bar.set_prefix(name.to_owned());
            state.bars.insert(name.to_owned(), bar);
        }
    }

    fn show(&self, state: &mut State, name: &str, rows: u64, position: u64) {
        let now = Instant::now();
        let Some(meter) = state.meters.get_mut(name) else {
            return;
        };
        meter.advance(rows, position, now);
        match (&self.display, state.bars.get(name)) {
            (Display::Bars(_), Some(bar)) => {
                bar.set_position(meter.position);
                bar.set_message(meter.text(now));
            }
            (Display::Lines, _) => {
                if let Some(line) = meter.line(name, now) {
                    output::show(&line);
                }
            }
            _ => {}
        }
    }
}

impl Step {
    fn clear(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}

impl Progress for TerminalProgress {
    fn step(&self, text: &str) {
        Self::step(self, text);
    }

    fn done(&self, text: &str) {
        Self::done(self, text);
    }

    fn disclose(&self, text: &str) {
        match &self.display {
            Display::Quiet | Display::Lines => output::tell(text),
            Display::Bars(bars) => bars.suspend(|| output::tell(text)),
        }
    }

    fn begin(&self, table: &str, bytes: u64) {
        if bytes > 0 {
            self.begin_meter(&mut self.lock(), table, bytes);
        }
    }

    fn advance(&self, table: &str, rows: u64, bytes: u64) {
        self.show(&mut self.lock(), table, rows, bytes);
    }

    fn end(&self, table: &str, rows: u64) {
        let mut state = self.lock();
        if let Some(meter) = state.meters.get_mut(table) {
            meter.rows = rows;
            meter.position = meter.length;
        }
        self.end_meter(&mut state, table);
        state.meters.remove(table);
    }

    fn rows(&self, load: &str, done: u64, total: u64) {
        let mut state = self.lock();
        let begins = match state.meters.get(load) {
            Some(meter) => done == 0 && (meter.ended || meter.length != total),
            None => done > 0 || total > 0,
        };
        if begins {
            self.begin_meter(&mut state, load, total);
        }
        let Some(meter) = state.meters.get(load) else {
            return;
        };
        if meter.ended {
            return;
        }
        // Several jobs report at once; a count may arrive after a later one.
        let done = done.max(meter.rows);
        self.show(&mut state, load, done, done);
        if total > 0 && done >= total {
            self.end_meter(&mut state, load);
        }
    }
}

/// What is known about one table on its way, and how to say it. Holds no clock: the caller says what time it is.
#[derive(Debug)]
struct Meter {
    started: Instant,
    said: Instant,
    rows: u64,
    /// Of `length`, in its unit: bytes of files, or rows.
    position: u64,
    /// 0: unknown.
    length: u64,
    ended: bool,
}

impl Meter {
    fn new(length: u64, now: Instant) -> Self {
        Self {
            started: now,
            said: now,
            rows: 0,
            position: 0,
            length,
            ended: false,
        }
    }

    fn advance(&mut self, rows: u64, position: u64, now: Instant) {
        if rows < self.rows {
            // A second pass over the same rows; the rate is that of the pass.
            self.started = now;
        }
        self.rows = rows;
        self.position = if self.length == 0 {
            position
        } else {
            position.min(self.length)
        };
    }

    fn rate(&self, now: Instant) -> Option<u64> {
        let milliseconds = now.duration_since(self.started).as_millis();
        (milliseconds > 0).then(|| {
            let rate = u128::from(self.rows) * 1000 / milliseconds;
            u64::try_from(rate).unwrap_or(u64::MAX)
        })
    }

    fn left(&self, now: Instant) -> Option<Duration> {
        if self.position == 0 || self.length == 0 {
            return None;
        }
        let rest = u128::from(self.length.saturating_sub(self.position));
        let elapsed = now.duration_since(self.started).as_millis();
        let left = elapsed * rest / u128::from(self.position);
        Some(Duration::from_millis(
            u64::try_from(left).unwrap_or(u64::MAX),
        ))
    }

    fn text(&self, now: Instant) -> String {
        let mut text = format!("{} rows", output::number(self.rows));
        if let Some(rate) = self.rate(now) {
            text.push_str(&format!(", {} rows/s", output::number(rate)));
        }
        if let Some(left) = self.left(now) {
            text.push_str(&format!(", {} left", span(left)));
        }
        text
    }

    fn line(&mut self, name: &str, now: Instant) -> Option<String> {
        if now.duration_since(self.said) < BETWEEN_LINES {
            return None;
        }
        self.said = now;
        Some(format!("{name}: {}", self.text(now)))
    }

    fn last_line(&self, name: &str, now: Instant) -> String {
        let took = now.duration_since(self.started);
        let mut line = format!("{name}: {} rows", output::number(self.rows));
        if self.position < self.length {
            line.push_str(", not all");
        }
        line.push_str(&format!(" in {}", seconds(took)));
        if let Some(rate) = self.rate(now)
            && took >= WORTH_A_RATE
        {
            line.push_str(&format!(" ({} rows/s)", output::number(rate)));
        }
        line
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// `0.4 s`, `75.0 s`.
fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, milliseconds: u64) -> Instant {
        start + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_line_tells_rows_rate_and_time_left() {
        let start = Instant::now();
        let mut meter = Meter::new(4_000_000, start);
        meter.advance(50_000, 1_000_000, after(start, 5_000));
        assert_eq!(
            meter.line("people", after(start, 5_000)).unwrap(),
            "people: 50,000 rows, 10,000 rows/s, 15 s left"
        );
    }

    #[test]
    fn lines_keep_their_distance() {
        let start = Instant::now();
        let mut meter = Meter::new(100, start);
        let said: Vec<u64> = (0..200)
            .map(|tenth| tenth * 100)
            .filter(|&at| meter.line("people", after(start, at)).is_some())
            .collect();
        assert_eq!(said, [5_000, 10_000, 15_000]);
    }

    #[test]
    fn a_second_pass_starts_its_own_clock() {
        let start = Instant::now();
        let mut meter = Meter::new(1_000, start);
        meter.advance(900, 900, after(start, 9_000));
        meter.advance(100, 100, after(start, 10_000));
        meter.advance(500, 500, after(start, 11_000));
        assert_eq!(
            meter.text(after(start, 11_000)),
            "500 rows, 500 rows/s, 1 s left"
        );
    }

    #[test]
    fn the_end_tells_how_long_it_took_and_whether_it_was_all() {
        let start = Instant::now();
        let mut meter = Meter::new(200, start);
        meter.advance(100, 100, after(start, 2_000));
        assert_eq!(
            meter.last_line("account", after(start, 2_000)),
            "account: 100 rows, not all in 2.0 s (50 rows/s)"
        );
        meter.advance(200, 200, after(start, 4_000));
        assert_eq!(
            meter.last_line("account", after(start, 4_000)),
            "account: 200 rows in 4.0 s (50 rows/s)"
        );
    }

    #[test]
    fn nothing_is_guessed_without_a_length_or_a_first_row() {
        let start = Instant::now();
        let meter = Meter::new(200, start);
        assert_eq!(meter.text(start), "0 rows");
        let mut meter = Meter::new(0, start);
        meter.advance(300, 300, after(start, 1_000));
        assert_eq!(meter.text(after(start, 1_000)), "300 rows, 300 rows/s");
        assert_eq!(
            meter.last_line("account back", after(start, 1_000)),
            "account back: 300 rows in 1.0 s (300 rows/s)"
        );
    }

    #[test]
    fn a_late_report_neither_goes_back_nor_ends_twice() {
        let progress = TerminalProgress::new(true);
        let rows = |done, total| Progress::rows(progress.as_ref(), "lead", done, total);
        rows(0, 100);
        rows(80, 100);
        rows(60, 100);
        assert_eq!(progress.lock().meters["lead"].rows, 80);
        rows(100, 100);
        rows(90, 100);
        assert!(progress.lock().meters["lead"].ended);
        assert_eq!(progress.lock().meters["lead"].rows, 100);
        rows(0, 50);
        assert!(!progress.lock().meters["lead"].ended);
    }
}
