//! What load, reconcile and rollback share about rows: columns, key, operation, the schemas of outbox and ledger, and
//! the identity of records.
//!
//! In: parsed query files and schemas. Out: words and shapes that every step uses in the same way. Never: a row read,
//! written or sent.

mod columns;
mod identity;
mod key;
mod ledger;
mod operation;
mod outbox;

pub use columns::{AUDIT_FIELDS, Columns, FILE, columns_of};
pub(crate) use columns::{FALLBACKS, FATE, FATE_PARTS, UNTIL_KNOWN};
pub use identity::{Dead, Identity, identity};
pub use key::{key_text, key_texts, on};
pub use ledger::ledger_schema;
pub use operation::RowOperation;
pub use outbox::{KEY_APART, outbox_schema, sent_columns};
