//! What a plan is asked for, and what it says. Plain data: whoever shows a plan, checks it or estimates by it needs no more.

use serde::Serialize;

use super::span::Span;
use super::why::TableWhy;
use crate::config::Sample;
use crate::project::Selection;

/// What a plan is asked for.
#[derive(Clone, Debug, Default)]
pub struct PlanRequest {
    /// Destination, by its name in `migration.toml`; by default the only one, or `default_target`.
    pub target: Option<String>,
    /// Whether the tables staged last are used instead of the export.
    pub no_stage: bool,
    /// Whether only what failed, was never tried or was held would be sent.
    pub only_failed: bool,
    /// Whether tables are made anew that follow from what is as it was.
    pub fresh: bool,
    /// The loads that take part.
    pub selection: Selection,
}

/// What a run would do.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport {
    /// Destination.
    pub target: String,
    /// The organisation, by its id.
    pub organisation: String,
    /// Steps in the order in which they run.
    pub order: Vec<StepReport>,
    /// Loads in the order of their phases.
    pub loads: Vec<LoadPlan>,
    /// The people that would take part, if not all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Loads that nobody selected: neither planned nor lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_selected: Vec<String>,
    /// Stages that would be new in the org, with the deals that go there.
    pub new_stages: Vec<Count>,
    /// What would be deployed first, in words; empty for nothing.
    pub changes: String,
    /// What keeps a run from going through, a line each.
    pub findings: Vec<String>,
    /// What a person should know and what keeps nothing back, a line each.
    pub notes: Vec<String>,
    /// Whether it is a real org, so that a person has to agree before anything is sent.
    pub needs_consent: bool,
    /// Calls besides those of the loads: to look at the org before the first one.
    pub further_calls: u64,
    /// The org's limits beside what is needed.
    pub limits: Vec<LimitReport>,
    /// Seconds of the whole run.
    pub seconds: Span,
    /// Staged tables and models: which stand, and what made the others anew.
    pub why: Vec<TableWhy>,
    /// The run by which they are measured; none where the span is that of public rates.
    pub measured: Option<String>,
}

/// One step of the order.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// `ask org`, `prepare` or `load`.
    pub step: &'static str,
    /// Its file, without folder and ending.
    pub name: String,
    /// Tables that it reads.
    pub reads: Vec<String>,
}

/// What one load would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LoadPlan {
    /// Object.
    pub object: String,
    /// Load.
    pub load: String,
    /// Rows that belong in Salesforce.
    pub outbox: u64,
    /// Rows to create.
    pub insert: u64,
    /// Rows to create, or to update if their key is there.
    pub upsert: u64,
    /// Rows to change.
    pub update: u64,
    /// Leads to convert, which nothing undoes.
    pub convert: u64,
    /// Rows that stay.
    pub unchanged: u64,
    /// Rows kept back.
    pub held: u64,
    /// Why rows do not move: fate and reason.
    pub reasons: Vec<Count>,
    /// Fields that updates would change, with how many rows.
    pub changes: Vec<Count>,
    /// Records of earlier runs whose rows the source no longer has.
    pub gone: u64,
    /// What the run would do about them, as far as nobody has a stake in them.
    pub gone_course: Option<String>,
    /// Those of them that the run would flag or delete.
    pub gone_done: u64,
    /// Rows outside `[scope]`.
    pub out_of_scope: u64,
    /// Rows of passive people.
    pub passive: u64,
    /// Rows left behind by decision.
    pub ignored: u64,
    /// Rows to look at.
    pub flagged: u64,
    /// Fields that source and org both changed, which wait for a decision.
    pub conflicts: u64,
    /// Bulk jobs.
    pub jobs: u64,
    /// Bulk batches.
    pub batches: u64,
    /// Calls.
    pub api_calls: u64,
    /// Seconds of its phase; none for a load without rows to send.
    pub seconds: Option<Span>,
    /// Data storage in kilobytes.
    pub data_storage_kb: u64,
    /// File storage in kilobytes.
    pub file_storage_kb: u64,
}

impl LoadPlan {
    /// Rows of the grain that have a fate.
    pub(super) fn accounted(&self) -> u64 {
        self.outbox + self.held + self.out_of_scope + self.passive + self.ignored
    }

    /// Rows to send.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.insert + self.upsert + self.update + self.convert
    }
}

/// What is needed of one of the org's limits.
#[derive(Clone, Debug, Serialize)]
pub struct LimitReport {
    /// The limit's name.
    pub limit: String,
    /// What is needed.
    pub needed: u64,
    /// What is left today.
    pub remaining: i64,
}

/// A number with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// What is counted.
    pub name: String,
    /// How often.
    pub rows: u64,
}
