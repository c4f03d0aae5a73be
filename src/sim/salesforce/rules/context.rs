//! Who writes what, as rules are told.
//!
//! In: the plan of a write. Out: [`WriteContext`], to be looked at; rules change nothing by it.

use super::super::change::{Column, Operation};
use super::super::model::Model;
use super::super::org::Org;

/// Who writes what, in which snapshot of the org.
#[derive(Clone, Copy)]
pub(crate) struct WriteContext<'a> {
    /// To be looked at.
    pub(crate) org: &'a Org,
    pub(crate) model: &'a Model,
    pub(crate) object: usize,
    pub(crate) operation: Operation,
    pub(crate) columns: &'a [Column],
    pub(crate) user: u32,
    /// The org itself writes.
    pub(crate) trusted: bool,
}

impl WriteContext<'_> {
    /// Whether a column sets the field.
    pub(super) fn sets(&self, name: &str) -> bool {
        let at = self.model.schema.object(self.object).position(name);
        self.columns.iter().any(|column| match column {
            Column::Id => false,
            Column::Field(field) | Column::Parent { field, .. } => Some(*field) == at,
        })
    }
}
