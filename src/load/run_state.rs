//! What a journal's entries come to: a run, its phases and their jobs.
//!
//! In: the entries of one run, in order. Out: one state that recovery, rollback and `transload status` read. Never: I/O.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::settle::Flight;
use super::{Event, RunRecord, Took};
use crate::config::Sample;
use crate::rows::RunStatus;
use crate::staging::DataFile;

/// A run, as far as its journal goes.
#[derive(Clone, Debug, Default)]
pub struct RunState {
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// Destination's name in `migration.toml`.
    pub target: String,
    /// Version of the program.
    pub version: String,
    /// Id of the user who loads.
    pub user: Option<String>,
    /// The runs that a rollback takes back.
    pub undoes: Vec<String>,
    /// The people that take part, if not all of them.
    pub sample: Option<Sample>,
    /// In the order in which they began; a load has a second one where the source no longer has rows of it.
    pub phases: Vec<PhaseState>,
    /// When and how it ended; none if it did not.
    pub finished: Option<(DateTime<Utc>, RunStatus)>,
}

/// One phase of a run.
#[derive(Clone, Debug, Default)]
pub struct PhaseState {
    /// The load.
    pub load: String,
    /// Salesforce object.
    pub object: String,
    /// Table with the rows to send, `outbox.<load>` if not named.
    pub table: Option<String>,
    /// Its version.
    pub outbox: u64,
    /// Key columns.
    pub key: Vec<String>,
    /// Parts to send, those that were cut out of others included.
    pub parts: usize,
    /// Rows to send.
    pub rows: u64,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When the ledger had every answer; none if it has not.
    pub loaded: Option<DateTime<Utc>>,
    /// Parts that were cut out of others.
    pub again: Vec<DataFile>,
    /// By part and attempt.
    pub jobs: BTreeMap<(String, u32), JobRecord>,
    /// Its counts, whether the gate let the next phase begin, and why not; none before it was reconciled.
    pub report: Option<(serde_json::Value, bool, Vec<String>)>,
    /// Records that wait, since more than may go are no longer in the source.
    pub gone_waiting: u64,
    /// How long its steps took, where the journal says so.
    pub took: Option<Took>,
}

/// One attempt at a part: a job, or requests over REST.
#[derive(Clone, Debug, Default)]
pub struct JobRecord {
    /// What was meant to be done.
    pub intent: Option<Intent>,
    /// The server's id; none if its answer was not written down.
    pub job: Option<String>,
    /// Answers of requests over REST so far.
    pub(super) answered: Vec<DataFile>,
    /// The request that was not answered.
    pub(super) flight: Option<Flight>,
    /// The answers of all rows, once they are there.
    pub done: Option<Vec<DataFile>>,
    /// Whether the part is sent anew because the job cannot be read.
    pub abandoned: bool,
}

/// A job that was about to be created.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Salesforce object.
    pub object: String,
    /// Bulk operation.
    pub operation: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl JobRecord {
    /// Files with the answers that are there.
    #[must_use]
    pub fn answers(&self) -> &[DataFile] {
        self.done.as_deref().unwrap_or(&self.answered)
    }
}

impl RunState {
    /// The state behind the last entry.
    #[must_use]
    pub fn of(record: &RunRecord) -> Self {
        let mut state = Self::default();
        record.events.iter().for_each(|event| state.take(event));
        state
    }

    /// Whether it may have sent anything.
    #[must_use]
    pub fn has_sent(&self) -> bool {
        let mut jobs = self.phases.iter().flat_map(|phase| phase.jobs.values());
        jobs.any(|job| job.intent.is_some())
    }

    /// The last phase of each load.
    pub(super) fn last_phases(self) -> BTreeMap<String, PhaseState> {
        let phases = self.phases.into_iter();
        phases.map(|phase| (phase.load.clone(), phase)).collect()
    }

    /// The phase of a load that is at work.
    fn phase(&mut self, load: &str) -> &mut PhaseState {
        let found = self.phases.iter().rposition(|phase| phase.load == load);
        let index = found.unwrap_or_else(|| {
            self.phases.push(PhaseState {
                load: load.to_owned(),
                ..PhaseState::default()
            });
            self.phases.len() - 1
        });
        &mut self.phases[index]
    }

    fn job(&mut self, load: &str, part: &str, attempt: u32) -> &mut JobRecord {
        let jobs = &mut self.phase(load).jobs;
        jobs.entry((part.to_owned(), attempt)).or_default()
    }

    fn take(&mut self, event: &Event) {
        match event.clone() {
            Event::RunStarted {
                at,
                target,
                version,
                user,
                undoes,
                sample,
                sources: _,
                rules: _,
            } => {
                self.sample = sample;
                self.started = Some(at);
                (self.target, self.version) = (target, version);
                (self.user, self.undoes) = (user, undoes);
            }
            Event::PhaseStarted {
                load,
                object,
                table,
                outbox,
                key,
                parts,
                rows,
                at,
            } => self.phases.push(PhaseState {
                load,
                object,
                table,
                outbox,
                key,
                parts,
                rows,
                started: at,
                ..PhaseState::default()
            }),
            Event::Intent {
                load,
                part,
                attempt,
                object,
                operation,
                at,
            } => {
                self.job(&load, &part, attempt).intent = Some(Intent {
                    object,
                    operation,
                    at,
                });
            }
            Event::Created {
                load,
                part,
                attempt,
                job,
            } => self.job(&load, &part, attempt).job = Some(job),
            Event::Sending {
                load,
                part,
                attempt,
                first,
                rows,
                since,
            } => {
                self.job(&load, &part, attempt).flight = Some(Flight { first, rows, since });
            }
            Event::Answered {
                load,
                part,
                attempt,
                files,
            } => {
                let job = self.job(&load, &part, attempt);
                job.answered.extend(files);
                job.flight = None;
            }
            Event::Done {
                load,
                part,
                attempt,
                files,
                job: _,
            } => self.job(&load, &part, attempt).done = Some(files),
            Event::Again { load, parts, .. } => {
                let phase = self.phase(&load);
                phase.parts += parts.len();
                phase.again.extend(parts);
            }
            Event::Abandoned {
                load,
                part,
                attempt,
            } => self.job(&load, &part, attempt).abandoned = true,
            Event::PhaseLoaded { load, at } => self.phase(&load).loaded = Some(at),
            Event::PhaseReported {
                load,
                report,
                passed,
                reasons,
                took,
            } => {
                let phase = self.phase(&load);
                phase.report = Some((report, passed, reasons));
                phase.took = took;
            }
            Event::GoneHeld { load, records } => self.phase(&load).gone_waiting = records,
            Event::RunFinished { at, status } => self.finished = Some((at, status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(entries: &[serde_json::Value]) -> RunState {
        let read = |entry: &serde_json::Value| serde_json::from_value(entry.clone()).unwrap();
        RunState::of(&RunRecord {
            run: "r1".to_owned(),
            events: entries.iter().map(read).collect(),
        })
    }

    fn started(load: &str, rows: u64) -> serde_json::Value {
        serde_json::json!({
            "event": "phase_started", "load": load, "object": "Lead", "outbox": 1, "key": ["usercom_id__c"], "parts": 1,
            "rows": rows, "at": "2026-03-01T10:00:00Z"
        })
    }

    fn intent(load: &str, attempt: u32) -> serde_json::Value {
        serde_json::json!({
            "event": "intent", "load": load, "part": "p", "attempt": attempt, "object": "Lead", "operation": "insert",
            "at": "2026-03-01T10:00:01Z"
        })
    }

    #[test]
    fn a_second_phase_of_a_load_takes_the_entries_behind_it() {
        let loaded = serde_json::json!({"event": "phase_loaded", "load": "lead", "at": "2026-03-01T10:00:02Z"});
        let state = state(&[
            started("lead", 3),
            intent("lead", 1),
            loaded,
            started("lead", 1),
            intent("lead", 2),
        ]);
        assert_eq!(state.phases.len(), 2);
        assert!(state.phases[0].loaded.is_some() && state.phases[1].loaded.is_none());
        assert_eq!(state.phases[0].jobs.len(), 1);
        assert!(state.phases[1].jobs.contains_key(&("p".to_owned(), 2)));
        let last = state.last_phases();
        assert_eq!(
            last["lead"].rows, 1,
            "recovery settles the one that is open"
        );
    }

    #[test]
    fn an_answer_ends_the_request_in_flight_and_keeps_what_came_before() {
        let sending = |first: u64| {
            serde_json::json!({
                "event": "sending", "load": "note", "part": "p", "attempt": 1, "first": first, "rows": 2,
                "since": "2026-03-01T10:00:01Z"
            })
        };
        let answered = serde_json::json!({
            "event": "answered", "load": "note", "part": "p", "attempt": 1, "files": []
        });
        let state = state(&[
            started("note", 4),
            intent("note", 1),
            sending(0),
            answered,
            sending(2),
        ]);
        let job = &state.phases[0].jobs[&("p".to_owned(), 1)];
        assert_eq!(job.flight.map(|flight| flight.first), Some(2));
        assert!(state.has_sent());
    }

    #[test]
    fn a_run_without_a_job_has_sent_nothing() {
        let state = state(&[started("lead", 3)]);
        assert!(!state.has_sent());
        assert!(state.finished.is_none());
    }
}
