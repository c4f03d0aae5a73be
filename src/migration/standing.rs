//! A phase that stands: an earlier run found nothing to do for a load, and neither what its rows follow from nor its records in the org
//! are other ones since. It is reported again, and its outbox, its comparison and its books are not made anew.
//!
//! In: what the rows of a load follow from, the tables that its phase left, the org's counts. Out: `standing/<load>.json`, and the
//! phase's report. Never: a phase that sent something or whose gate was shut, or of which the org cannot say that nothing changed; a
//! record sent or read.
//!
//! What may be other when the phase would run again is of three kinds: the tables that its query reads and the settings, as they were
//! before it; its own tables, as it left them; and the org, which is asked each time. The first two are its [`Basis`]. Where people
//! edited records, a phase tells edits by what it left before: it stands once it has left what it found.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::comparison::read_back_request;
use super::context::Reads;
use super::load_basis::{load_basis, own};
use super::outbox::OutboxFor;
use super::phase::Phases;
use super::phase_report::Found;
use crate::error::Error;
use crate::project::QueryFile;
use crate::reconcile::{PhaseReport, Verdict, is_as_read};
use crate::staging::{Basis, Snapshot};

/// The folder of what stands, beside the reports of an org.
const FOLDER: &str = "standing";

/// What a phase begins with.
pub(super) struct Before {
    /// What the rows follow from, and what they are judged by.
    inputs: Basis,
    /// What the phase left the last time.
    own: Basis,
}

/// What an earlier run found, with nothing left to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// What it followed from, and what it left.
    basis: Basis,
    /// The run.
    run: String,
    report: PhaseReport,
    found: Found,
    /// Lines for the end of a run.
    notes: Vec<String>,
}

/// Whether nothing was sent and nothing is left to send.
fn is_quiet(report: &PhaseReport) -> bool {
    report.unchanged == report.outbox
}

/// Whether every record was in the org as it was sent.
fn is_plain(report: &PhaseReport) -> bool {
    report.read_back == report.outbox
        && report.differences + report.changed_by_org + report.conflicts == 0
}

impl Phases<'_> {
    /// What the phase of a load begins with; none where nobody knows.
    pub(super) async fn before(&self, file: &QueryFile) -> Result<Option<Before>, Error> {
        let context = self.context;
        let (snapshot, session) = context.session(Reads::Only(&file.references)).await?;
        let wanted = OutboxFor {
            file,
            snapshot: &snapshot,
            session: &session,
            describe: context.describes.get(file.object()),
            dead: self.liveness.dead(),
            only_failed: self.only_failed,
        };
        let basis = load_basis(context, &wanted).await?;
        Ok(basis.map(|inputs| Before {
            inputs,
            own: own(&snapshot, &file.name),
        }))
    }

    /// What an earlier run found, if the phase stands.
    pub(super) async fn standing(
        &self,
        file: &QueryFile,
        before: Option<&Before>,
    ) -> Result<Option<Standing>, Error> {
        let describe = self.context.describes.get(file.object());
        let looks = self.context.whole || self.context.project.engine.is_fresh();
        let (Some(before), Some(describe), false) = (before, describe, looks) else {
            return Ok(None);
        };
        let staging = self.context.staging();
        let path = staging.org_path(&[FOLDER, &format!("{}.json", file.name)]);
        let kept = match staging.read(&path).await {
            Ok(kept) => kept,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // What another version of the program wrote may have another form.
        let Ok(standing) = serde_json::from_slice::<Standing>(&kept) else {
            return Ok(None);
        };
        let mut basis = before.inputs.clone();
        basis.extend(before.own.clone());
        let changed = standing.basis.differences(&basis);
        if !changed.is_empty() {
            tracing::debug!(load = file.name, ?changed, "the phase does not stand");
            return Ok(None);
        }
        let (snapshot, rows) = (staging.snapshot().await?, standing.report.outbox);
        let request = read_back_request(self.context, file, describe, rows)?;
        let stands = is_as_read(&request, &snapshot).await?;
        tracing::debug!(load = file.name, stands, "the org was asked for changes");
        Ok(stands.then_some(standing))
    }

    /// Reports a phase that stands.
    pub(super) async fn stand(
        &mut self,
        file: &QueryFile,
        standing: Standing,
        took: Duration,
    ) -> Result<(), Error> {
        let snapshot = self.context.staging().snapshot().await?;
        // All its rows are unchanged: the journal has a phase that sent nothing.
        if let Some(outbox) = snapshot.get("outbox", &file.name) {
            self.send(file, self.describe(file)?, outbox, self.stop)
                .await?;
        }
        let Standing {
            report,
            found,
            notes,
            run,
            ..
        } = standing;
        self.progress
            .step(&format!("{} stands as run {run} left it", file.name));
        self.notes.extend(notes);
        self.report(report.clone());
        let verdict = Verdict {
            reasons: Vec::new(),
        };
        let took = [took, Duration::ZERO, Duration::ZERO];
        self.note_end(&report, &found, &verdict, took).await?;
        self.stood.insert(file.name.clone());
        Ok(())
    }

    /// Keeps what a phase found whose gate held, where the next one would find the same.
    pub(super) async fn keep_standing(
        &self,
        file: &QueryFile,
        before: Before,
        (report, found, notes): (PhaseReport, Found, Vec<String>),
    ) -> Result<(), Error> {
        let staging = self.context.staging();
        let left = own(&staging.snapshot().await?, &file.name);
        if !is_quiet(&report) || !(is_plain(&report) || left == before.own) {
            return Ok(());
        }
        let mut basis = before.inputs;
        basis.extend(left);
        let standing = Standing {
            basis,
            run: self.journal.run().to_owned(),
            report,
            found,
            notes,
        };
        let path = staging.org_path(&[FOLDER, &format!("{}.json", file.name)]);
        let kept = serde_json::to_vec(&standing).map_err(|error| Error::Defect {
            what: format!("what stands of {} is no JSON: {error}", file.name),
        })?;
        staging.write_document(&path, kept.into()).await?;
        Ok(())
    }

    /// Whether a load stands and its ledger has no row but those of its outbox, so that none can have lost its row in the source.
    pub(super) fn has_nothing_gone(&self, load: &str, snapshot: &Snapshot) -> bool {
        let rows = |schema: &str| snapshot.get(schema, load).map(|table| table.rows);
        self.stood.contains(load) && rows("ledger") == rows("outbox")
    }

    /// A line for the end of the run.
    pub(super) fn tell_what_stands(&mut self) {
        let (stand, all) = (self.stood.len(), self.reports.len());
        if stand > 0 {
            self.notes.push(format!(
                "{stand} of {all} loads stand as they were: neither what their rows follow from nor their records in the org changed \
                 (--fresh looks at all of them again)"
            ));
        }
    }
}
