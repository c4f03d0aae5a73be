//! What load, reconcile and rollback share about rows: columns, key, operation, outcome, liveness, the schemas of outbox
//! and ledger, the identity of records, and how a run ended.
//!
//! In: parsed query files and schemas. Out: words and shapes that every step uses in the same way. Never: a row read,
//! written or sent.

mod asked_by;
#[cfg(test)]
pub(crate) mod bench;
mod bits;
mod columns;
mod fixed_sql;
mod identity;
mod key;
mod ledger;
mod liveness;
mod operation;
mod outbox;
mod outcome;
mod probe;
mod run_status;
mod together;

pub use asked_by::asked_by;
pub(crate) use bits::{Bits, is_set, set, unset};
pub use columns::{AUDIT_FIELDS, CONTACT, Columns, FILE, LEAD, STATUS, columns_of};
pub(crate) use columns::{
    BETWEEN_REASONS, FALLBACKS, FATE, FATE_PARTS, HIDDEN, RESERVED, SOURCE, UNTIL_KNOWN, is_custom,
    plain_text, with_plain_texts,
};
pub use fixed_sql::{for_load, with_parts};
pub use identity::{Identity, identity};
pub use key::{KeyError, joined_key, key_columns, key_is, key_text, key_texts, same_key};
pub(crate) use ledger::OUTCOME;
pub use ledger::{ledger_fields, ledger_schema};
pub use liveness::{Dead, Liveness};
pub use operation::RowOperation;
pub use outbox::{
    CANARY_ROWS, CLEAR, DELETED_AT, GONE, KEY_APART, LEFT_OUT, PROJECTED, SAME, TARGET,
    outbox_fields, outbox_schema, sent_columns, stands,
};
pub use outcome::Outcome;
pub use probe::{is_filled_by_org, probe};
pub use run_status::RunStatus;
pub(crate) use together::TOGETHER;
