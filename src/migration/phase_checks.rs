//! What the project's own queries say of a run: checks before a load is sent, reconcile queries after the last one.
//!
//! In: the tables of the run. Out: whether the run is held, and lines and sheets with the rows that were found. Never: a query whose
//! tables are not there yet, or one that was asked already.

use super::checks;
use super::context::Reads;
use super::phase::Phases;
use super::sheet::{Sheet, keep_sheet};
use crate::error::Error;
use crate::project::{ProjectError, QueryFile, QueryKind};
use crate::staging::Snapshot;
use crate::transform::write_model;

/// Rows of a failed check that are shown on the terminal.
const SHOWN: usize = 10;

impl Phases<'_> {
    /// Runs every check whose tables exist by now. True if one found rows: the run is held.
    pub(super) async fn run_checks(&mut self) -> Result<bool, Error> {
        let waiting: Vec<&QueryFile> = self
            .context
            .resolved
            .queries
            .kind(QueryKind::Check)
            .filter(|check| !self.checked.contains(&check.path))
            .collect();
        if waiting.is_empty() {
            return Ok(false);
        }
        let reads = waiting
            .iter()
            .flat_map(|check| check.references.iter().cloned())
            .collect();
        let (snapshot, session) = self.context.session(Reads::Only(&reads)).await?;
        let known = session.table_names();
        let mut held = false;
        for check in waiting {
            if self.cannot_be_asked(check, &snapshot) {
                self.checked.insert(check.path.clone());
                continue;
            }
            let Some(found) = checks::rows(&session, &known, check).await? else {
                continue;
            };
            self.checked.insert(check.path.clone());
            if found.rows > 0 {
                held |= !check.warns;
                self.report_check(check, &found.batches, found.rows).await?;
            }
        }
        Ok(held)
    }

    /// Whether a query needs a load that is not selected and was never loaded; says so.
    fn cannot_be_asked(&mut self, file: &QueryFile, snapshot: &Snapshot) -> bool {
        let never = self.context.resolved.never_loaded(file, snapshot);
        if let Some(load) = never {
            self.notes.push(format!(
                "{} was not asked: {load} was never loaded and is not selected",
                file.path
            ));
        }
        never.is_some()
    }

    async fn report_check(
        &mut self,
        check: &QueryFile,
        batches: &[arrow::array::RecordBatch],
        rows: usize,
    ) -> Result<(), Error> {
        let wrong = |error| {
            Error::Project(ProjectError::Columns {
                path: check.path.clone(),
                reason: format!("it returns a column that CSV cannot hold: {error}"),
                hint: "cast it to a text in the check".to_owned(),
            })
        };
        let (staging, run) = (self.context.staging(), self.journal.run());
        let Sheet { place, csv } = keep_sheet(staging, run, &check.name, batches, wrong).await?;
        let word = match check.warns {
            true => {
                self.warnings.insert(check.name.clone(), rows as u64);
                "warning"
            }
            false => "held",
        };
        let mut text = format!(
            "{word}: {} found {rows} row(s), all of them in {place}",
            check.name
        );
        if !check.warns {
            self.stopped_by.push(text.clone());
        }
        for line in String::from_utf8_lossy(&csv).lines().take(SHOWN + 1) {
            text.push_str(&format!("\n  {line}"));
        }
        if let Some(hint) = &check.hint {
            text.push_str(&format!("\n\nhint: {hint}"));
        }
        self.notes.push(text);
        Ok(())
    }

    /// Runs the project's reconcile queries. True if one found rows.
    pub(super) async fn run_reconcile_queries(&mut self) -> Result<bool, Error> {
        let mut found = false;
        for file in self.context.resolved.queries.kind(QueryKind::Reconcile) {
            self.progress.step(&format!("reconciling {}", file.name));
            let reads = Reads::Only(&file.references);
            let (snapshot, session) = self.context.session(reads).await?;
            if self.cannot_be_asked(file, &snapshot) {
                continue;
            }
            let staging = self.context.staging();
            let manifest = write_model(staging, &session, "recon", file).await?;
            if manifest.rows > 0 {
                found = true;
                let found = format!(
                    "gate: {} found {} row(s); see `transload query \"select * from recon.{}\"`",
                    file.path, manifest.rows, file.name
                );
                self.stopped_by.push(found.clone());
                self.notes.push(found);
            }
            staging.publish(manifest).await?;
        }
        Ok(found)
    }
}
