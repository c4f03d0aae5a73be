//! The words in which changes to rows are spoken of: operations, values, refusals and effects.
//!
//! In: nothing of the org. Out: types that callers, rules and the engine ([`super::write`]) share. None of it reads or
//! writes a row.

mod effect;
mod error;
mod operation;
pub(crate) mod value;

pub(crate) use effect::{Effect, EffectCell, Effects};
pub(crate) use error::{RowError, api_error};
pub(crate) use operation::{Batch, Cell, Column, Operation, Outcome, SentValue};
