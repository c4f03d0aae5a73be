//! What users do to records besides writing them: converting leads, merging duplicates, deleting and undeleting.
//!
//! In: ids, from the control endpoint. Out: rows written by the org itself, past field rights, in the name of the
//! running user. None of it is part of the API that is simulated: it happens while a client is at work.

mod convert;
mod merge;
mod record;
mod recycle;

pub(crate) use convert::convert;
pub(crate) use merge::merge;
pub(crate) use recycle::{delete, undelete};
