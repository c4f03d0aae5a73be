//! The table of steps and the table of ratios.
//!
//! In: steps as they end, and which of them do the same work. Out: Markdown lines. Never: a ratio of two programs that wrote
//! different numbers of rows.

use super::measure::Taken;

/// A step as it is compared: the rows that it wrote, and what it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) rows: u64,
    pub(super) taken: Taken,
}

/// Steps measured so far.
#[derive(Default)]
pub(super) struct Report {
    steps: Vec<String>,
    ratios: Vec<String>,
    failed: bool,
}

impl Report {
    /// A step that ended.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate"
    )]
    pub(super) fn add(&mut self, name: &str, rows: u64, taken: Taken) {
        let Taken {
            seconds, peak_mb, ..
        } = taken;
        let rate = (rows as f64 / seconds) as u64;
        let processor = taken
            .processor
            .map_or("–".to_owned(), |processor| format!("{processor:.1}"));
        self.tell(format!(
            "| {name} | {rows} | {seconds:.1} | {processor} | {rate} | {peak_mb} MB |"
        ));
    }

    /// A step that could not be measured, and why.
    pub(super) fn without(&mut self, name: &str, why: &str) {
        self.tell(format!("| {name} | {why} | | | | |"));
    }

    /// A step of ours that failed: the others are still told.
    pub(super) fn fail(&mut self, name: &str) {
        self.failed = true;
        self.without(name, "failed");
    }

    /// Whether no step of ours failed.
    pub(super) fn is_whole(&self) -> bool {
        !self.failed
    }

    /// Our step beside another program's that does the same work, or why that one was not measured.
    pub(super) fn compare(&mut self, name: &str, ours: Step, theirs: Result<Step, &str>) {
        let line = match theirs {
            Err(why) => format!("| {name} | {why} | |"),
            Ok(theirs) if theirs.rows != ours.rows => {
                format!(
                    "| {name} | counts differ: {} / {} | |",
                    ours.rows, theirs.rows
                )
            }
            Ok(theirs) => {
                let ratio = |ours: f64, theirs: f64| format!("{:.2}", ours / theirs);
                let processor = ours.taken.processor.zip(theirs.taken.processor);
                format!(
                    "| {name} | {} | {} |",
                    ratio(ours.taken.seconds, theirs.taken.seconds),
                    processor.map_or("–".to_owned(), |(ours, theirs)| ratio(ours, theirs))
                )
            }
        };
        self.ratios.push(line);
    }

    /// Both tables.
    pub(super) fn print(&self, size: &str) {
        println!("| step ({size} people) | rows | seconds | CPU seconds | rows/s | peak RSS |");
        println!("|---|---:|---:|---:|---:|---:|");
        for line in &self.steps {
            println!("{line}");
        }
        println!("\n| ours / theirs | seconds | CPU seconds |\n|---|---:|---:|");
        for line in &self.ratios {
            println!("{line}");
        }
    }

    #[expect(clippy::print_stderr, reason = "told as soon as it is known")]
    fn tell(&mut self, line: String) {
        eprintln!("{line}");
        self.steps.push(line);
    }
}
