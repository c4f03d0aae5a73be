//! What the journals say about runs, phases, jobs and gates.
//!
//! In: the journals of every organisation in a staging area. Out: [`RunOverview`]s. Never: a connection to the destination, or
//! anything written.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;

use crate::config::Sample;
use crate::error::Error;
use crate::load::{Event, Journal, PhaseState, RunRecord, RunState, Took};
use crate::report::{RunSummary, number};
use crate::rows::RunStatus;
use crate::staging::Staging;

/// An organisation that the staging area knows, with the last run against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Organisation id.
    pub id: String,
    /// Id of the last run, which tells when it began.
    pub last_run: Option<String>,
    /// The destination's name in that run.
    pub target: Option<String>,
}

/// All organisations of a staging area that has none in view.
///
/// # Errors
/// The staging area cannot be read.
pub async fn organisations(staging: &Staging) -> Result<Vec<Organisation>, Error> {
    let root = staging.org_path(&["orgs"]);
    let mut ids: BTreeSet<String> = BTreeSet::new();
    for path in staging.list(&root).await? {
        let parts: Vec<_> = path.prefix_match(&root).into_iter().flatten().collect();
        match parts.as_slice() {
            // A file beside the folders of the organisations is none of ours.
            [] | [_] => staging.ignore(&path),
            [id, ..] => drop(ids.insert(id.as_ref().to_owned())),
        }
    }
    let mut organisations = Vec::with_capacity(ids.len());
    for id in ids {
        let last_run = Journal::last_run(&staging.with_org(&id)).await?;
        let target = match &last_run {
            Some(run) => target_of(&staging.with_org(&id), run).await?,
            None => None,
        };
        organisations.push(Organisation {
            id,
            last_run,
            target,
        });
    }
    Ok(organisations)
}

async fn target_of(staging: &Staging, run: &str) -> Result<Option<String>, Error> {
    let event = Journal::first(staging, run).await?;
    Ok(match event {
        Event::RunStarted { target, .. } => Some(target),
        _ => None,
    })
}

/// All runs against `target`, or against any destination, oldest first.
///
/// # Errors
/// The staging area cannot be read, or a journal was touched.
pub async fn runs(staging: &Staging, target: Option<&str>) -> Result<Vec<RunOverview>, Error> {
    let mut runs = Vec::new();
    for organisation in organisations(staging).await? {
        for record in Journal::runs(&staging.with_org(&organisation.id)).await? {
            runs.push(RunOverview::of(&record, &organisation.id));
        }
    }
    runs.retain(|run| target.is_none_or(|name| run.target == name));
    let undone: BTreeSet<String> = runs
        .iter()
        .filter(|run| run.ended.is_some_and(RunStatus::is_complete))
        .flat_map(|run| run.undoes.iter().cloned())
        .collect();
    for run in runs.iter_mut().filter(|run| undone.contains(&run.run)) {
        run.status = "taken back".to_owned();
    }
    runs.sort_by(|left, right| left.run.cmp(&right.run));
    Ok(runs)
}

/// The summary that a run left; none of a run that broke off or is older than summaries.
///
/// # Errors
/// The staging area cannot be read.
pub async fn summary(staging: &Staging, run: &RunOverview) -> Result<Option<RunSummary>, Error> {
    let staging = staging.with_org(&run.organisation);
    let path = staging.org_path(&["reports", &run.run, "summary.json"]);
    let reports = staging
        .list(&staging.org_path(&["reports", &run.run]))
        .await?;
    if !reports.contains(&path) {
        return Ok(None);
    }
    let text = staging.read(&path).await?;
    Ok(serde_json::from_slice(&text).ok())
}

/// One run, as its journal tells it.
#[derive(Clone, Debug, Serialize)]
pub struct RunOverview {
    /// Its id.
    pub run: String,
    /// The destination's name.
    pub target: String,
    /// The org.
    pub organisation: String,
    /// The program that ran it.
    pub version: String,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// When it ended; none if it did not.
    pub finished: Option<DateTime<Utc>>,
    /// How it ended; none if it did not.
    #[serde(skip)]
    pub ended: Option<RunStatus>,
    /// `unfinished`: still running, or interrupted.
    pub status: String,
    /// The runs that a rollback takes back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undoes: Vec<String>,
    /// The people that took part, if not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Its phases in order.
    pub phases: Vec<PhaseOverview>,
    /// Jobs whose end nobody saw.
    pub open_jobs: Vec<OpenJob>,
}

/// One phase of a run.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseOverview {
    /// Load.
    pub load: String,
    /// Object.
    pub object: String,
    /// Rows to send.
    pub rows: u64,
    /// Parts of the outbox.
    pub parts: usize,
    /// Parts with an answer for every row.
    pub done: usize,
    /// Jobs.
    pub jobs: usize,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// When its last answer was there.
    pub loaded_at: Option<DateTime<Utc>>,
    /// Whether the ledger has every answer.
    pub loaded: bool,
    /// Whether the gate let the next phase begin; none before the phase was reconciled.
    pub passed: Option<bool>,
    /// Why it did not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Its counts.
    pub report: Option<serde_json::Value>,
    /// Records whose rows the source no longer has, and that wait for somebody to say that so many are meant.
    #[serde(skip)]
    pub gone_waiting: u64,
    /// How long its steps took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<Took>,
    /// When the work on its rows began, before the first of them was sent.
    #[serde(skip)]
    pub began: Option<DateTime<Utc>>,
    /// When it was compared and reported; none before that.
    #[serde(skip)]
    pub ended: Option<DateTime<Utc>>,
}

/// An intent without an end: its job may exist.
#[derive(Clone, Debug, Serialize)]
pub struct OpenJob {
    /// Load.
    pub load: String,
    /// Object.
    pub object: String,
    /// What the job does.
    pub operation: String,
    /// Part of the outbox.
    pub part: String,
    /// Which attempt.
    pub attempt: u32,
    /// The server's id; none if the answer was not seen.
    pub job: Option<String>,
    /// When it was meant to begin.
    pub since: DateTime<Utc>,
}

impl RunOverview {
    pub(super) fn of(record: &RunRecord, organisation: &str) -> Self {
        let state = RunState::of(record);
        let ended = state.finished.map(|(_, status)| status);
        let mut overview = Self {
            run: record.run.clone(),
            target: state.target,
            organisation: organisation.to_owned(),
            version: state.version,
            started: state.started,
            finished: state.finished.map(|(at, _)| at),
            ended,
            status: ended.map_or("unfinished", RunStatus::word).to_owned(),
            undoes: state.undoes,
            sample: state.sample,
            phases: Vec::new(),
            open_jobs: Vec::new(),
        };
        for phase in state.phases {
            overview.open_jobs.extend(open_jobs(&phase));
            overview.add(phase);
        }
        overview
    }

    /// Adds a phase, or what a second phase of a load did to the first.
    fn add(&mut self, phase: PhaseState) {
        let done = phase.jobs.iter().filter(|(_, job)| job.done.is_some());
        let done: BTreeSet<&str> = done.map(|((part, _), _)| part.as_str()).collect();
        let (report, passed, reasons) = match phase.report {
            Some((report, passed, reasons)) => (Some(report), Some(passed), reasons),
            None => (None, None, Vec::new()),
        };
        let (started, loaded_at) = (known(phase.started), phase.loaded.and_then(known));
        let step = |milliseconds: u64| {
            TimeDelta::milliseconds(i64::try_from(milliseconds).unwrap_or_default())
        };
        let mut added = PhaseOverview {
            began: started.map(|at| at - step(phase.took.map_or(0, |took| took.prepare))),
            ended: phase
                .took
                .and_then(|took| Some(loaded_at? + step(took.check))),
            rows: phase.rows,
            parts: phase.parts,
            done: done.len(),
            jobs: phase.jobs.values().filter(|job| job.job.is_some()).count(),
            started,
            loaded_at,
            loaded: phase.loaded.is_some(),
            load: phase.load,
            object: phase.object,
            passed,
            reasons,
            report,
            gone_waiting: phase.gone_waiting,
            took: phase.took,
        };
        let mut phases = self.phases.iter_mut();
        let Some(first) = phases.find(|known| known.load == added.load) else {
            return self.phases.push(added);
        };
        added.rows += first.rows;
        added.parts += first.parts;
        added.done += first.done;
        added.jobs += first.jobs;
        added.gone_waiting += first.gone_waiting;
        added.began = first.began;
        if added.report.is_none() {
            added.took = first.took;
            added.ended = first.ended;
            added.report = first.report.take();
            added.passed = first.passed;
            added.reasons = std::mem::take(&mut first.reasons);
        }
        *first = added;
    }

    /// As a row of a table.
    #[must_use]
    pub fn row(&self) -> Vec<String> {
        vec![
            self.run.clone(),
            self.target.clone(),
            self.organisation.clone(),
            moment(self.started),
            moment(self.finished),
            match self.undoes.is_empty() {
                true => self.status.clone(),
                false => format!("rollback {}", self.status),
            },
            number(self.open_jobs.len() as u64),
        ]
    }
}

impl PhaseOverview {
    /// As a row of a table.
    #[must_use]
    pub fn row(&self, run: &RunOverview) -> Vec<String> {
        let gate = match self.passed {
            Some(true) => "passed",
            Some(false) => "shut",
            None if self.loaded && !run.undoes.is_empty() => "undone",
            None if self.loaded => "not reconciled",
            None if run.finished.is_none() => "loading",
            None => "not loaded",
        };
        let reported = |name: &str| {
            let value = self
                .report
                .as_ref()
                .and_then(|report| report[name].as_u64());
            value.map(number).unwrap_or_default()
        };
        // Two processes may have written the two times, each by its own clock.
        let between = || {
            let (start, end) = self.started.zip(self.loaded_at)?;
            u64::try_from((end - start).num_milliseconds()).ok()
        };
        let took = self.took.map(|took| took.prepare + took.send + took.check);
        let took = took
            .or_else(between)
            .map(|took| format!("{:.1}", took as f64 / 1000.0));
        vec![
            self.load.clone(),
            self.object.clone(),
            gate.to_owned(),
            number(self.rows),
            number(self.parts as u64),
            number(self.done as u64),
            number(self.jobs as u64),
            reported("held"),
            reported("flagged"),
            reported("failed"),
            took.unwrap_or_default(),
        ]
    }
}

/// Jobs of a phase that may exist and whose end nobody saw.
fn open_jobs(phase: &PhaseState) -> Vec<OpenJob> {
    let open = phase.jobs.iter().filter_map(|((part, attempt), job)| {
        let intent = job.intent.as_ref()?;
        (job.done.is_none() && !job.abandoned).then(|| OpenJob {
            load: phase.load.clone(),
            object: intent.object.clone(),
            operation: intent.operation.clone(),
            part: part.clone(),
            attempt: *attempt,
            job: job.job.clone(),
            since: intent.at,
        })
    });
    open.collect()
}

/// What every document about a run says of it.
pub(super) fn facts(run: &RunOverview) -> Vec<(String, String)> {
    [
        ("Run", &run.run),
        ("Destination", &run.target),
        ("Organisation", &run.organisation),
        ("Status", &run.status),
    ]
    .map(|(name, value)| (name.to_owned(), value.clone()))
    .to_vec()
}

/// Entries of older versions carry no time, which reads as the epoch.
fn known(at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (at != DateTime::UNIX_EPOCH).then_some(at)
}

fn moment(at: Option<DateTime<Utc>>) -> String {
    at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(lines: &[&str]) -> RunRecord {
        RunRecord {
            run: "20260301T100000Z-0001".to_owned(),
            events: lines
                .iter()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        }
    }

    const STARTED: &str = r#"{"event":"run_started","at":"2026-03-01T10:00:00Z","target":"sandbox","version":"0.1.0"}"#;
    const PHASE: &str = r#"{"event":"phase_started","load":"lead","object":"Lead","outbox":1,"key":["k"],"parts":2,"rows":1290,"at":"2026-03-01T10:00:01Z"}"#;
    const INTENT: &str = r#"{"event":"intent","load":"lead","part":"a","attempt":1,"object":"Lead","operation":"insert","at":"2026-03-01T10:00:01Z"}"#;
    const CREATED: &str =
        r#"{"event":"created","load":"lead","part":"a","attempt":1,"job":"750000000000001"}"#;
    const DONE: &str = r#"{"event":"done","load":"lead","part":"a","attempt":1,"job":"750000000000001","files":[]}"#;

    #[test]
    fn a_killed_run_shows_its_open_job() {
        let status = RunOverview::of(&events(&[STARTED, PHASE, INTENT, CREATED]), "00D1");
        assert_eq!(status.status, "unfinished");
        assert_eq!(status.open_jobs.len(), 1);
        assert_eq!(status.open_jobs[0].job.as_deref(), Some("750000000000001"));
        assert_eq!(
            status.phases[0].row(&status),
            [
                "lead", "Lead", "loading", "1,290", "2", "0", "1", "", "", "", ""
            ]
        );
    }

    #[test]
    fn a_part_is_done_once_and_closes_its_job() {
        let status = RunOverview::of(
            &events(&[STARTED, PHASE, INTENT, CREATED, DONE, DONE]),
            "00D1",
        );
        assert!(status.open_jobs.is_empty());
        assert_eq!(status.phases[0].done, 1);
    }

    #[test]
    fn a_shut_gate_is_shown_with_the_reported_numbers() {
        let reported = r#"{"event":"phase_reported","load":"lead","report":{"failed":90,"held":4,"flagged":7},"passed":false}"#;
        let loaded = r#"{"event":"phase_loaded","load":"lead","at":"2026-03-01T10:00:13.300Z"}"#;
        let finished = r#"{"event":"run_finished","at":"2026-03-01T10:05:00Z","status":"gated"}"#;
        let status = RunOverview::of(
            &events(&[
                STARTED, PHASE, INTENT, CREATED, DONE, loaded, reported, finished,
            ]),
            "00D1",
        );
        assert_eq!(
            status.row(),
            [
                "20260301T100000Z-0001",
                "sandbox",
                "00D1",
                "2026-03-01T10:00:00Z",
                "2026-03-01T10:05:00Z",
                "gated",
                "0"
            ]
        );
        assert_eq!(
            status.phases[0].row(&status),
            [
                "lead", "Lead", "shut", "1,290", "2", "1", "1", "4", "7", "90", "12.3"
            ]
        );
    }
}
