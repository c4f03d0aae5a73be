//! The run's summary: the JSON document of `guide/design.md` §8, and the same as Markdown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Effort, number};
use crate::config::Sample;
use crate::reconcile::{PhaseReport, SourceReport, Undecided};
use crate::rows::RunStatus;

/// A run in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Run id.
    pub run: String,
    /// How it ended.
    pub status: RunStatus,
    /// The people that took part, if not all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Loads that nobody selected: neither loaded nor lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_selected: Vec<String>,
    /// Files of which so much could not be read that nothing was sent.
    #[serde(default)]
    pub objections: Vec<String>,
    /// Rows that are held until somebody decides something.
    #[serde(default)]
    pub undecided: Vec<Undecided>,
    /// Rows, fields and records that wait for a decision, each once.
    #[serde(default)]
    pub waiting: u64,
    /// What of checks, queries, books and columns shut the gate or holds the run.
    #[serde(default)]
    pub stopped_by: Vec<String>,
    /// Why rows are held, with how many are; a row of several reasons counts for each of them.
    #[serde(default)]
    pub held: BTreeMap<String, u64>,
    /// Rows that checks of severity `warn` found.
    #[serde(default)]
    pub warnings: BTreeMap<String, u64>,
    /// Per source table.
    pub sources: Vec<SourceReport>,
    /// Per load, in the order of the phases.
    pub objects: Vec<PhaseReport>,
    /// What it took.
    pub effort: Effort,
}

/// Heads of [`RunSummary::source_rows`].
pub const SOURCE_HEAD: [&str; 5] = [
    "source",
    "source rows",
    "staged",
    "rejected",
    "rejected cells",
];

/// Heads of [`RunSummary::fate_rows`].
pub const FATE_HEAD: [&str; 9] = [
    "load",
    "object",
    "rows",
    "outbox",
    "held",
    "out of scope",
    "passive",
    "ignored",
    "flagged",
];

/// Heads of [`RunSummary::outcome_rows`].
pub const OUTCOME_HEAD: [&str; 11] = [
    "load",
    "object",
    "outbox",
    "created",
    "updated",
    "unchanged",
    "failed",
    "unprocessed",
    "sent",
    "read back",
    "differences",
];

/// A line of a table: its names, then its numbers.
pub type TableRow = (Vec<String>, Vec<u64>);

impl RunSummary {
    /// One row per source table: source rows = staged + rejected.
    #[must_use]
    pub fn source_rows(&self) -> Vec<TableRow> {
        self.sources
            .iter()
            .map(|source| {
                let numbers = vec![
                    source.source,
                    source.staged,
                    source.rejected,
                    source.rejected_cells,
                ];
                (vec![source.table.clone()], numbers)
            })
            .collect()
    }

    /// One row per load: rows = outbox + held + out of scope + passive + ignored.
    #[must_use]
    pub fn fate_rows(&self) -> Vec<TableRow> {
        self.rows(|phase| {
            vec![
                phase.accounted(),
                phase.outbox,
                phase.held,
                phase.out_of_scope,
                phase.passive,
                phase.ignored,
                phase.flagged,
            ]
        })
    }

    /// One row per load: outbox = created + updated + unchanged + failed + unprocessed.
    #[must_use]
    pub fn outcome_rows(&self) -> Vec<TableRow> {
        self.rows(|phase| {
            vec![
                phase.outbox,
                phase.created,
                phase.updated,
                phase.unchanged,
                phase.failed,
                phase.unprocessed,
                phase.sent,
                phase.read_back,
                phase.differences,
            ]
        })
    }

    fn rows(&self, numbers: fn(&PhaseReport) -> Vec<u64>) -> Vec<TableRow> {
        // Loads without a row would hide the others.
        self.objects
            .iter()
            .filter(|phase| phase.accounted() > 0)
            .map(|phase| {
                (
                    vec![phase.load.clone(), phase.object.clone()],
                    numbers(phase),
                )
            })
            .collect()
    }

    /// What was new in this run, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let sum = |count: fn(&PhaseReport) -> u64| -> u64 { self.objects.iter().map(count).sum() };
        let created = sum(|phase| phase.created);
        let updated = sum(|phase| phase.updated);
        let unchanged = sum(|phase| phase.unchanged);
        let failed = sum(|phase| phase.failed) + sum(|phase| phase.unprocessed);
        let broke_off = match self.status {
            RunStatus::Stopped => "Stopped by a person; the next run goes on from there. So far: ",
            RunStatus::Failed => "Broke off; the next run goes on from there. So far: ",
            _ => "",
        };
        let sample = self.sample.map(|sample| {
            format!(
                "A sample of {} people (seed {}); a run without --sample brings the others. ",
                number(u64::from(sample.people)),
                sample.seed
            )
        });
        let mut text = if !broke_off.is_empty() {
            format!(
                "{broke_off}{created} records created, {updated} changed in the phases that came to their end."
            )
        } else if created + updated + failed + unchanged == 0 {
            "Nothing was sent.".to_owned()
        } else if created + updated + failed == 0 {
            format!(
                "Nothing was created or changed: all {unchanged} rows are in the org as last sent."
            )
        } else {
            format!(
                "{created} records created, {updated} changed, {unchanged} unchanged and not sent again."
            )
        };
        text.insert_str(0, &sample.unwrap_or_default());
        if failed > 0 {
            text.push_str(&format!(" {failed} rows did not land."));
        }
        if self.waiting > 0 {
            let waiting = number(self.waiting);
            text.push_str(&format!(" {waiting} rows or fields wait for a decision."));
        }
        text
    }

    /// What did not come through whole, a line each: rows that are held, rejects, flags, warnings. None for what there is nothing of.
    #[must_use]
    pub fn kept_back(&self) -> Vec<String> {
        let sum = |count: fn(&PhaseReport) -> u64| -> u64 { self.objects.iter().map(count).sum() };
        let rejected: u64 = self.sources.iter().map(|source| source.rejected).sum();
        let cells: u64 = self
            .sources
            .iter()
            .map(|source| source.rejected_cells)
            .sum();
        let held = sum(|phase| phase.held);
        let flagged = sum(|phase| phase.flagged);
        let mut lines = Vec::new();
        if held > 0 {
            let why = listed(&self.held);
            lines.push(format!(
                "{} row(s) are held: {why}; see recon.held",
                number(held)
            ));
        }
        if rejected + cells > 0 {
            lines.push(format!(
                "{} row(s) and {} cell(s) of the export were rejected; see rejects.*",
                number(rejected),
                number(cells)
            ));
        }
        if flagged > 0 {
            lines.push(format!(
                "{} row(s) are flagged; see recon.flagged",
                number(flagged)
            ));
        }
        if !self.warnings.is_empty() {
            lines.push(format!("checks warn of rows: {}", listed(&self.warnings)));
        }
        lines
    }

    /// Why it came no further or is not over, where it is not the gate of a phase, a line each.
    #[must_use]
    pub fn stopped_by(&self) -> Vec<String> {
        let unread = self.objections.iter();
        let unread = unread.map(|objection| format!("nothing was sent: {objection}"));
        let waiting = self.undecided.iter().map(Undecided::sentence);
        unread
            .chain(self.stopped_by.iter().cloned())
            .chain(waiting)
            .collect()
    }

    /// What was not selected, in one sentence.
    #[must_use]
    pub fn selection(&self) -> String {
        format!(
            "Not selected, so neither loaded nor lost: {}.",
            self.not_selected.join(", ")
        )
    }

    /// The summary as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Run {}\n\nStatus: **{}**. {}\n\n## Sources\n\n",
            self.run,
            self.status.word(),
            self.sentence()
        );
        text.push_str(&markdown_table(&SOURCE_HEAD, cells(self.source_rows())));
        if !self.not_selected.is_empty() {
            text.push_str(&format!("\n{}\n", self.selection()));
        }
        for objection in &self.objections {
            text.push_str(&format!("\nNothing was sent: {objection}\n"));
        }
        for line in self.kept_back() {
            text.push_str(&format!("\n{line}\n"));
        }
        for waiting in &self.undecided {
            text.push_str(&format!("\n{}\n", waiting.sentence()));
        }
        text.push_str("\n## What became of the rows\n\n");
        text.push_str(&markdown_table(&FATE_HEAD, cells(self.fate_rows())));
        text.push_str("\n## What Salesforce did with the outbox\n\n");
        text.push_str(&markdown_table(&OUTCOME_HEAD, cells(self.outcome_rows())));
        text.push_str("\n## What it took\n\n");
        for sentence in self.effort.sentences() {
            text.push_str(&format!("- {sentence}\n"));
        }
        text
    }
}

/// Names with their numbers, most first.
fn listed(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<(&String, &u64)> = counts.iter().collect();
    counts.sort_by_key(|(_, rows)| std::cmp::Reverse(**rows));
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(name, rows)| format!("{name} {}", number(*rows)))
        .collect();
    counts.join(", ")
}

fn cells(rows: Vec<TableRow>) -> impl Iterator<Item = Vec<String>> {
    rows.into_iter().map(|(mut names, numbers)| {
        names.extend(numbers.iter().map(u64::to_string));
        names
    })
}

/// A Markdown table.
pub(super) fn markdown_table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| super::markdown(cell)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}
