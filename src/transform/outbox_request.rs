//! What an outbox is made from.
//!
//! In: nothing. Out: the request that `outbox`, `parts` and `keys` read, and what is wrong with a query that does not meet it.
//! Never: a row.

use arrow::error::ArrowError;

use super::TransformError;
use super::base::GoneFields;
use super::unreadable::Unreadable;
use crate::encode::ValuePolicy;
use crate::engine::Session;
use crate::mapping::EditPolicies;
use crate::project::{ProjectError, QueryFile};
use crate::rows::{Columns, Dead};
use crate::staging::{Manifest, Staging};

/// What an outbox is made from.
pub struct OutboxRequest<'a> {
    /// Where it goes.
    pub staging: &'a Staging,
    /// Sees every table the query reads, and `ledger.<load>` if there is one.
    pub session: &'a Session,
    /// The load query.
    pub file: &'a QueryFile,
    /// Its columns.
    pub columns: &'a Columns,
    /// The load's ledger so far.
    pub ledger: Option<&'a Manifest>,
    /// The load's outbox of last time.
    pub last: Option<&'a Manifest>,
    /// Fields whose columns the export no longer has.
    pub gone: &'a GoneFields,
    /// Rows with cells that could not be read.
    pub unreadable: Option<&'a Unreadable>,
    /// What the destination's fields hold.
    pub policy: &'a ValuePolicy,
    /// Most rows in one part.
    pub part_rows: usize,
    /// Records on which nothing is hung.
    pub dead: &'a Dead,
    /// Sent columns that name other records.
    pub references: &'a [String],
    /// Whether rows that landed are left alone, whatever their values are now.
    pub only_failed: bool,
    /// What a person decided, about records that somebody deleted in the org among others.
    pub decided: &'a EditPolicies,
}

/// The query's columns are not what the outbox takes.
pub(super) fn misfit(file: &QueryFile, source: ArrowError) -> TransformError {
    TransformError::Project(ProjectError::Values {
        path: file.path.clone(),
        hint: "cast the column to the type its field needs".to_owned(),
        source: source.into(),
    })
}
