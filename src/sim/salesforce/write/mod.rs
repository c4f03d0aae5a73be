//! The engine: changes rows, for REST, Bulk API, composite calls and seed files alike.
//!
//! In: an operation, columns and cells as text ([`super::change`]), planned by a [`Writer`]. Out: one outcome per row, with
//! the real error texts. Values are brought to the canonical form of their type first ([`prepare`]), references are checked
//! ([`reference`]), records are held against other writers if the org plays locks ([`locking`]), rules look ([`check`]),
//! then a chunk is written under its table's lock ([`chunk`]), and what follows from it is carried out ([`apply`]). Never
//! half a row.
//!
//! ```text
//! write ──▶ rules, cascade ──▶ org ──▶ model, schema, store
//!   effects ◀── (data) ──┘
//! ```

mod apply;
mod check;
mod chunk;
mod defaults;
mod locking;
mod prepare;
mod reference;
mod writer;

pub(crate) use apply::{apply, undo};
pub(crate) use writer::{Scope, Writer};
