//! How many records wait for a word, of those whose rows the source no longer has: a run that may not let so many go leaves all as
//! they are.
//!
//! In: the records that are gone, by load; settings. Out: `gone_waiting` in the reports and the journal. Never: a record that stays
//! for another reason.

use super::completeness::Completeness;
use super::gone::GoneRows;
use super::phase::Phases;
use super::vanishing::Vanishing;
use crate::error::Error;
use crate::load::Event;
use crate::project::QueryKind;

impl Phases<'_> {
    /// Counts what the run would have flagged or deleted.
    pub(super) async fn note_waiting(&mut self, gone: &[(String, GoneRows)]) -> Result<(), Error> {
        let completeness = Completeness::of(self.context.project)?;
        let vanishing = Vanishing::of(self.context).await?;
        for (load, rows) in gone {
            let file = self.context.resolved.queries.find(QueryKind::Load, load);
            let Some(file) = file else {
                continue;
            };
            let Ok(due) = vanishing.due(file, *rows, &completeness).await? else {
                continue;
            };
            let mut reports = self.reports.iter_mut();
            if let Some(report) = reports.find(|report| report.load == *load) {
                report.gone_waiting = due.count;
            }
            self.journal
                .record(&Event::GoneHeld {
                    load: load.clone(),
                    records: due.count,
                })
                .await?;
        }
        Ok(())
    }
}
