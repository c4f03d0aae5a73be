//! Reconciliation: what was sent against what is in the org, and whether the books balance.
//!
//! In: an outbox, its ledger and the destination. Out: `org.<load>` (rows read back), `recon.differences_<load>`,
//! `ledger.before_<load>` (values that an update replaced), and a [`PhaseReport`] whose numbers are all counted in SQL over published tables. Never: a number taken from a
//! counter in memory, or a difference that Salesforce's documented coercions explain.
//!
//! ```text
//! outbox ─┐
//! ledger ─┼─ SQL ─▶ missing, changed, extra ─▶ recon.differences ─┐
//! org    ─┘                                                       ├─▶ PhaseReport ─▶ gate
//! outbox, fates, flags, ledger ─ SQL ─▶ counts ───────────────────┘
//! ```

mod absent;
mod accepted;
mod accounting;
mod before;
mod body;
mod changes;
mod coercion;
mod compared;
mod conflict;
mod diff;
mod edits;
mod error;
mod fetch;
mod found_rows;
mod gate;
mod left_out;
mod names;
mod now;
mod pre_image;
mod put_back;
mod readback;
mod request;
mod sample;
mod settled_rows;
mod source;
mod strays;
#[cfg(test)]
mod tests;
mod three_way;
mod undecided;
mod verify;
mod views;

pub use absent::keep_absent;
pub use accounting::{PhaseReport, SourceReport, count_phase, count_sources, counts};
pub use before::{before_update, look_up};
pub use body::is_body;
pub use changes::is_as_read;
pub use coercion::found_form;
pub use diff::write_differences;
pub use error::ReconcileError;
pub use gate::{Verdict, held_too_many, judge};
pub use names::{CHANGED_BY_ORG, CONFLICTS, LEFT_TO_ORG};
pub use now::{Now, NowRequest, look_now};
pub use pre_image::{PRE_IMAGE, keep_pre_images};
pub use put_back::put_back;
pub use readback::{catch_up, read_back};
pub use request::{DiffRequest, EditsRequest, ReadBack, ThreeWay};
pub use sample::{Drawn, SAMPLE_HEAD, SampleRequest, SampleRow, draw, sample};
pub use source::{SourceRequest, SourceRows, source_rows};
pub use strays::strays;
pub use three_way::{nothing_left, settle};
pub use undecided::{Held, TOO_MANY_GONE, Undecided, held_reasons, undecided};
pub use verify::still_there;
pub use views::{CHANGE, empty_tables, empty_tables_of, families, reconciliations, union_views};
