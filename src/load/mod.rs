//! Sending: outbox parts → Bulk API 2.0 jobs → ledger.
//!
//! In: a published outbox, a connected client. Out: `ledger.<load>` (last known id per key, apart from the latest
//! outcome), `ledger.attempts_<load>` (everything that was ever answered), journal entries, and `org.*` snapshots.
//! Never: a row matched to a result by anything but its key columns, or a job that the journal does not know.
//!
//! ```text
//! part ─▶ intent ─▶ create ─▶ created ─▶ upload ─▶ close ─▶ wait ─▶ results ─▶ attempts file ─▶ done
//!   ▲      journal            journal                                  │                 journal
//!   └── again: a smaller part of the rows that may land next time ◀────┘
//! ```

mod answers;
mod blobs;
mod conversion;
mod error;
mod gone;
mod job;
mod journal;
mod known;
mod ledger;
mod liveness;
mod outcome;
mod part;
mod part_csv;
mod phase;
mod recover;
mod rest;
mod retry;
mod run_state;
mod settle;
mod snapshot;
#[cfg(test)]
mod tests;
mod undelete;
mod version;

pub use blobs::{BlobStream, Blobs};
pub use error::{LoadError, PartError};
pub use journal::{Event, Journal, RunOutline, RunRecord, RunStart, Took};
pub use ledger::{FOLLOWED, attempts_with, move_keys, write_ledger};
pub use liveness::{LedgerRefresh, Refreshed, sent_since};
pub use outcome::{OutcomeClass, classify, remedies, remedy};
pub use phase::{LoadRequest, PhaseCounts, load_phase};
pub use recover::recover;
pub use rest::{FILE_LIMITS, rest_requests};
pub use run_state::{Intent, JobRecord, PhaseState, RunState};
pub use snapshot::{ORG_TABLES, User, org_table, org_users, snapshot_org, snapshot_query};
