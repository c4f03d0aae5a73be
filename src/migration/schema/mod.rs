//! The destination's fields, stages and permissions, the same way for `schema`, `plan` and `run`.

mod compare;
mod prepare;
mod profile;
mod record;
mod removal;

pub use compare::SchemaComparison;
pub(crate) use compare::compare;
pub use prepare::{Consent, Prepared};
pub(crate) use prepare::{Inspection, check, deploy, prepare};
pub use profile::DataFinding;
pub(crate) use removal::remove;
