//! What users do to records besides writing them: converting leads, merging duplicates, deleting and undeleting.
//!
//! In: ids, from the control endpoint or, for conversions, from SOAP. Out: rows written by the org itself, past field
//! rights, in the name of the running user.

mod convert;
mod merge;
mod record;
mod recycle;

pub(crate) use convert::{Conversion, convert};
pub(crate) use merge::merge;
pub(crate) use recycle::{delete, purge, undeletable, undelete};
