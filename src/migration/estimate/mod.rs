//! How long a run will take, and what it will ask of the org, before anything moves (`guide/scope.md` P12).
//!
//! In: a plan, and the phases of earlier runs against this org, or else against another one of the project, such as a sandbox. Out:
//! seconds for each load as low, likely and high, tables `estimate.*` for the document, and after a run the same beside what
//! it took. Without a measured run it says so and gives the span that is public. Never: a row sent.

mod pace;
mod tables;

use std::collections::BTreeMap;

use serde::Serialize;

use self::pace::{Line, Step};
pub(super) use self::tables::publish;
use super::plan_report::PlanReport;
use super::span::Span;
use crate::error::Error;
use crate::load::{Journal, PhaseState, RunState};
use crate::project::{Api, Queries, QueryKind};
use crate::staging::Staging;

/// Rows that Salesforce takes in a second over Bulk API 2.0, usually and at best (`guide/salesforce.md` §1.8).
const PUBLIC_ROWS_A_SECOND: (f64, f64) = (810.0, 5_500.0);

/// Seconds of a request where none was measured: between a quarter of it and the whole.
const REQUEST_SECONDS: f64 = 1.0;

/// Runs whose phases make the lines.
const RUNS: usize = 5;

/// What is to be expected.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// Destination.
    pub target: String,
    /// The run that was measured last and where; none if nothing was.
    pub measured: Option<String>,
    /// Seconds of a whole run, without staging the export; nothing is likely where nothing was measured.
    pub seconds: Span,
    /// The share of it that is not in phases: users and limits of the org, models, checks.
    pub around: Span,
    /// Loads with rows to send, in their order.
    pub loads: Vec<LoadEstimate>,
    /// What the run needs of the org's daily limits, and for how many days.
    pub limits: Vec<LimitEstimate>,
}

/// One load.
#[derive(Clone, Debug, Serialize)]
pub struct LoadEstimate {
    /// Load.
    pub load: String,
    /// Object.
    pub object: String,
    /// Rows to send.
    pub rows: u64,
    /// Bulk jobs.
    pub jobs: u64,
    /// Bulk batches.
    pub batches: u64,
    /// Calls.
    pub calls: u64,
    /// Data and file storage in kilobytes.
    pub storage_kb: u64,
    /// Seconds of its phase.
    pub seconds: Span,
    /// What it rests on: rows that were measured of it; none of other loads; nothing at all.
    pub measured_rows: Option<u64>,
}

/// One of the org's daily limits.
#[derive(Clone, Debug, Serialize)]
pub struct LimitEstimate {
    /// Its name.
    pub limit: String,
    /// What the run needs.
    pub needed: u64,
    /// What is left today.
    pub remaining: i64,
    /// Whether that is enough.
    pub fits_today: bool,
}

/// Phases that were measured.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// The newest run with measured phases.
    pub(super) last: Option<String>,
    /// The newest phase of each load, behind all others.
    phases: Vec<PhaseState>,
    /// Milliseconds of the newest run outside its phases.
    around: f64,
}

impl Measured {
    /// The last runs of an org.
    pub(super) async fn read(staging: &Staging) -> Result<Self, Error> {
        let mut runs = Self::default();
        for outline in Journal::outlines(staging).await?.iter().rev().take(RUNS) {
            let state = RunState::of(&outline.read(staging).await?);
            let measured = state.phases.iter().filter(|phase| phase.took.is_some());
            let measured: Vec<PhaseState> =
                measured.filter(|phase| phase.rows > 0).cloned().collect();
            if measured.is_empty() || !state.undoes.is_empty() {
                continue;
            }
            if runs.last.is_none() {
                runs.last = Some(outline.run.clone());
                runs.around = around(&state);
            }
            runs.phases.extend(measured);
        }
        Ok(runs)
    }

    /// The newest phase of a load.
    fn of(&self, load: &str) -> Option<&PhaseState> {
        self.phases.iter().find(|phase| phase.load == load)
    }
}

/// Milliseconds of a run that are in none of its phases.
fn around(state: &RunState) -> f64 {
    let Some(((finished, _), started)) = state.finished.zip(state.started) else {
        return 0.0;
    };
    let took = state.phases.iter().filter_map(|phase| phase.took);
    let took: u64 = took.map(|took| took.prepare + took.send + took.check).sum();
    let whole = u64::try_from((finished - started).num_milliseconds()).unwrap_or(0);
    float(whole.saturating_sub(took))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rows and milliseconds are far below 2^52"
)]
fn float(number: u64) -> f64 {
    number as f64
}

/// What a plan comes to, by the phases that were measured.
pub(super) fn expected(
    plan: &PlanReport,
    runs: &Measured,
    queries: &Queries,
    at_once: usize,
) -> Estimate {
    let api = |load: &str| {
        let file = queries.find(QueryKind::Load, load);
        file.map_or(Api::Bulk, |file| file.api)
    };
    let lines = Lines::of(runs, api);
    let sending = plan.loads.iter().filter(|load| load.sent() > 0);
    let loads: Vec<LoadEstimate> = sending
        .map(|load| {
            let own = runs.of(&load.load);
            let seconds = if runs.phases.is_empty() {
                public(api(&load.load), load.sent(), load.api_calls)
            } else {
                let lanes = load.jobs.clamp(1, at_once.max(1) as u64);
                let ways = (api(&load.load), load.sent(), load.outbox, lanes);
                lines.seconds(ways, own)
            };
            LoadEstimate {
                load: load.load.clone(),
                object: load.object.clone(),
                rows: load.sent(),
                jobs: load.jobs,
                batches: load.batches,
                calls: load.api_calls,
                storage_kb: load.data_storage_kb + load.file_storage_kb,
                seconds,
                measured_rows: own.map(|own| own.rows),
            }
        })
        .collect();
    let around = Span::of(runs.around / 1_000.0);
    let seconds = loads
        .iter()
        .fold(around, |sum, load| sum.plus(load.seconds));
    Estimate {
        target: plan.target.clone(),
        measured: None,
        seconds: match runs.phases.is_empty() {
            true => seconds,
            false => seconds.widened(),
        },
        around,
        loads,
        limits: plan
            .limits
            .iter()
            .map(|limit| LimitEstimate {
                limit: limit.limit.clone(),
                needed: limit.needed,
                remaining: limit.remaining,
                fits_today: i64::try_from(limit.needed).is_ok_and(|it| it <= limit.remaining),
            })
            .collect(),
    }
}

/// What is public: usual and best rates, nothing likely. Every request takes its time besides, which is all that a small load takes.
fn public(api: Api, rows: u64, calls: u64) -> Span {
    let (usual, best) = PUBLIC_ROWS_A_SECOND;
    let asking = float(calls) * REQUEST_SECONDS;
    let rows = match api {
        Api::Bulk => float(rows),
        Api::Rest => 0.0,
    };
    Span {
        low: rows / best + asking / 4.0,
        likely: f64::NAN,
        high: rows / usual + asking,
    }
}

/// One line for each step of a phase and each way to send.
struct Lines {
    prepare: Line,
    check: Line,
    send: BTreeMap<&'static str, Line>,
}

fn word(api: Api) -> &'static str {
    match api {
        Api::Bulk => "bulk",
        Api::Rest => "rest",
    }
}

/// Rows that a phase compared.
fn compared(phase: &PhaseState) -> u64 {
    let outbox = phase.report.as_ref();
    let outbox = outbox.and_then(|(report, ..)| report["outbox"].as_u64());
    outbox.unwrap_or(phase.rows)
}

impl Lines {
    fn of(runs: &Measured, api: impl Fn(&str) -> Api) -> Self {
        let steps = |which: fn(&PhaseState) -> (u64, u64), of: Option<&str>| {
            let phases = runs.phases.iter();
            let phases = phases.filter(|phase| of.is_none_or(|of| word(api(&phase.load)) == of));
            let steps: Vec<Step> = phases.map(|phase| step(which(phase))).collect();
            Line::through(&steps)
        };
        Self {
            prepare: steps(prepare, None),
            check: steps(check, None),
            send: ["bulk", "rest"]
                .map(|way| (way, steps(send, Some(way))))
                .into(),
        }
    }

    /// Seconds of a phase that sends rows over so many jobs at once and compares so many.
    fn seconds(
        &self,
        (api, rows, outbox, lanes): (Api, u64, u64, u64),
        own: Option<&PhaseState>,
    ) -> Span {
        let own = |which: fn(&PhaseState) -> (u64, u64)| own.map(|own| step(which(own)));
        let line = self.send.get(word(api)).copied().unwrap_or_default();
        let one_by_one = line.at(float(rows), own(send));
        let side_by_side = line.at(float(rows.div_ceil(lanes)), own(send));
        // Jobs at once share the org: the high value is that they win nothing.
        let sent = Span {
            high: one_by_one.high,
            ..side_by_side
        };
        let prepared = self.prepare.at(float(outbox), own(prepare));
        let checked = self.check.at(float(outbox), own(check));
        sent.plus(prepared).plus(checked).times(0.001)
    }
}

fn step((rows, milliseconds): (u64, u64)) -> Step {
    Step {
        rows: float(rows),
        milliseconds: float(milliseconds),
    }
}

fn prepare(phase: &PhaseState) -> (u64, u64) {
    (compared(phase), phase.took.map_or(0, |took| took.prepare))
}

fn send(phase: &PhaseState) -> (u64, u64) {
    (phase.rows, phase.took.map_or(0, |took| took.send))
}

fn check(phase: &PhaseState) -> (u64, u64) {
    (compared(phase), phase.took.map_or(0, |took| took.check))
}
