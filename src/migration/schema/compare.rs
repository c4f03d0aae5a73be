//! What the org lacks for the loads, and what the data has against its fields.
//!
//! In: the staged tables, the org. Out: a [`Compared`] for people. Never: a change to the org.

use super::super::connection::Connection;
use super::super::context::Context;
use super::super::kept::Written;
use super::super::preflight::{self, Preflight};
use super::super::project::Project;
use super::super::stage::{note_staging, stage_all};
use super::prepare::{Inspection, Prepared, prepare};
use crate::error::Error;
use crate::progress::Progress;
use crate::project::Selection;

/// A comparison of the org with what the loads send.
pub struct SchemaComparison {
    /// The plan, and rows that a field would not take.
    pub prepared: Prepared,
    /// What would get in the way of rows.
    pub preflight: Preflight,
}

impl SchemaComparison {
    /// Whether a run could not go through as things are.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        !self.prepared.plan.conflicts.is_empty()
            || self.preflight.open().next().is_some()
            || self
                .prepared
                .findings
                .iter()
                .any(|finding| finding.done == "fails")
    }
}

/// Stages, plans the loads and compares them with the org.
pub(crate) async fn compare(
    project: &Project,
    connection: &Connection,
    no_stage: bool,
    progress: &dyn Progress,
) -> Result<SchemaComparison, Error> {
    if !no_stage {
        let staged = stage_all(project, progress).await?;
        note_staging(&staged, progress);
    }
    progress.step("reading users, limits and fields of the org");
    let mut context = Context::resolve(project, connection, progress).await?;
    context.resolved.select(&Selection::default())?;
    context.tell();
    let preflight = preflight::inspect(&context).await?;
    let mut written = Written::open(&connection.staging).await?;
    let prepared = prepare(&context, Inspection::Whole, &mut written).await;
    let settled = written.settle(&connection.staging).await;
    let prepared = prepared?;
    settled?;
    Ok(SchemaComparison {
        prepared,
        preflight,
    })
}
