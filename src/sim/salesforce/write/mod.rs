//! Changing rows: the one path for REST, Bulk API, composite calls and seed files.
//!
//! In: an operation, columns and cells as text ([`batch`]). Out: one [`Outcome`] per row, with the real error texts
//! ([`error`]). Values are brought to the canonical form of their type first ([`value`]), references are checked
//! ([`reference`]), records are held against other writers if the org plays locks ([`locking`]), then a chunk is applied
//! under its table's lock ([`apply`]). Never half a row.

mod apply;
mod batch;
mod defaults;
mod draft;
mod error;
mod locking;
mod prepare;
mod reference;
pub(crate) mod value;

pub(crate) use apply::{Outcome, apply, undo};
pub(crate) use batch::{Batch, Cell, Column, Operation, Scope, Writer};
pub(crate) use draft::{Draft, Parent};
pub(crate) use error::RowError;
