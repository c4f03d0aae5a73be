//! What a migration *is*: a project opened, connected to an org, planned, run, compared, taken back.
//!
//! In: settings and requests. Out: reports, and what the steps wrote into the staging area. Never: a word about command lines
//! or terminals; whoever drives a migration hears of it through [`Progress`](crate::progress::Progress) and may stop it by a token.
//!
//! ```text
//! Migration::open ── settings, staging area, engine
//!   │ stage      export ─▶ usercom.*, rejects.*, config.*
//!   │ plan       lease-free, reads the org only ─▶ PlanReport
//!   │ run        lease ▸ connect ▸ recover ▸ stage ▸ resolve ▸ prepare the org
//!   │              └▸ phase by phase: models ▸ outbox ▸ checks ▸ pre-images ▸ jobs ▸ ledger ▸ read-back ▸ report ▸ gate
//!   │ reconcile  reads the org only ─▶ recon.*
//!   └ rollback   lease ▸ connect ▸ recover ▸ review ▸ jobs ▸ verify
//! ```
//!
//! Whoever writes to an org holds the lease of the staging area from before the connection is made until it is closed.

mod arrived;
mod ask;
mod asked;
mod blobs;
mod books;
mod candidates;
mod cases;
mod changes;
mod check;
mod checks;
mod column_fate;
mod columns;
mod comparison;
mod completeness;
mod connection;
mod context;
mod custom_objects;
mod cutover;
mod deletions;
mod diff;
mod documents;
mod dry_run;
mod editors;
mod effort;
mod estimate;
mod exclusions;
mod explain;
mod failed;
mod field_sources;
mod fields;
mod first_error;
mod found;
mod gone;
mod grain;
mod hypercare;
mod instead_of;
mod kept;
mod known;
mod known_fields;
mod liveness;
mod load_basis;
mod look_back;
mod map_check;
mod mapped;
mod mistake;
mod name_check;
mod new_bodies;
mod open;
mod open_decisions;
mod org;
mod outbox;
mod papers;
mod phase;
mod phase_checks;
mod phase_report;
mod plan;
mod plan_report;
mod preflight;
mod project;
mod propose;
mod proposed_decisions;
mod reconcile;
mod reconcile_log;
mod reconcile_report;
mod recover;
mod reference_check;
mod rehearsal;
mod resolve;
mod resolved;
mod rollback;
mod rules;
mod run;
mod run_log;
mod sample;
mod schema;
mod sheet;
mod side_by_side;
mod simulated;
mod small_table;
mod span;
mod spellings;
mod stage;
mod standing;
mod status;
mod storage;
mod trial;
mod unreadable;
mod vanishing;
mod verdicts;
mod way;
mod why;
mod workload;

pub use asked::{Asked, Unavailable};
pub use cases::{
    CASES, CaseError, CaseReport, CaseRequest, RowDifference, RowProblem, TableDifference, cases,
    run_cases,
};
pub use check::{CheckReport, CheckRequest, check};
pub use connection::{Connection, ExpectedOrg};
pub use cutover::CutoverReport;
pub use diff::{
    DiffError, DiffReport, DiffRequest, FieldDiff, Move, MoveExample, Segment, SourceDiff,
    StorageDiff, ValueExample,
};
pub use estimate::{Estimate, LimitEstimate, LoadEstimate};
pub use explain::{
    Child, Decision, Difference, ExplainRequest, LoadStory, RecordNow, Row as ExplainedRow, Story,
    Version,
};
pub use field_sources::FieldSource;
pub use hypercare::Hypercare;
pub use open::{Migration, SchemaDeployed, SchemaPlanned, SchemaRequest};
pub use open_decisions::OpenDecision;
pub use papers::{EstimateRequest, WrittenDocument, WrittenEstimate};
pub use plan::megabytes;
pub use plan_report::{Count, LimitReport, LoadPlan, PlanReport, PlanRequest, StepReport};
pub use preflight::{Finding, Preflight};
pub use propose::{MapFields, ProposeReport, ProposeRequest};
pub use proposed_decisions::ProposedDecision;
pub use reconcile::ReconcileRequest;
pub use reconcile_report::{LoadComparison, ReconcileReport};
pub use rollback::{RollbackLine, RollbackReport, RollbackRequest};
pub use run::{RunReport, RunRequest};
pub use schema::{Consent, DataFinding, Prepared, SchemaComparison};
pub use side_by_side::{Sample, SampleSheet};
pub use span::Span;
pub use stage::Sharded;
pub use status::{OpenJob, Organisation, PhaseOverview, RunOverview, organisations, runs, summary};
pub use verdicts::Verified;
pub use way::span;
pub use why::TableWhy;

pub(crate) use found::of_all as found_tables;
pub(crate) use org::selected_schema;
pub(crate) use run_log::schema as runs_table;
