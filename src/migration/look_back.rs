//! The second half of a phase: its rows were sent; they are read back, compared, counted, and judged.
//!
//! In: a phase that was sent. Out: its tables, its report, whether its gate is shut. While it is looked back at, the next one that sends
//! something is sent, so that the org takes and answers at the same time. Never: a step that reads what the phase leaves, touches the same
//! object, or has rows of the same source, before it was looked back at; models or outboxes made meanwhile, which would share its memory.

use std::time::{Duration, Instant};

use super::comparison;
use super::context::Reads;
use super::gone;
use super::grain::{self, Books};
use super::phase::Phases;
use super::phase_report::Found;
use super::spellings;
use super::standing::Before;
use crate::engine::Session;
use crate::error::Error;
use crate::load::PhaseCounts;
use crate::project::{QueryFile, QueryKind, Step};
use crate::reconcile::{PhaseReport, Verdict, count_phase, judge};
use crate::rows::for_load;
use crate::staging::{Manifest, Snapshot};

/// Fields that the org's automation may set.
const AUTOMATIC_FIELDS: &str = include_str!("../../queries/internal/automatic_fields.sql");

/// A phase that was sent.
pub(crate) struct Sent<'a> {
    pub file: &'a QueryFile,
    pub outbox: Manifest,
    pub counts: PhaseCounts,
    /// What it began with.
    pub before: Option<Before>,
    /// How long preparing and sending took.
    pub took: [Duration; 2],
}

/// What was found.
pub(super) struct LookedBack {
    report: PhaseReport,
    found: Found,
    verdict: Verdict,
    /// Lines for the end of the run.
    notes: Vec<String>,
    /// How long reading back and comparing took, and all of it.
    took: [Duration; 2],
}

impl Phases<'_> {
    /// Whether a step has to wait until what was sent last was looked back at.
    pub(super) fn waits_for_look_back(&self, step: Step<'_>) -> bool {
        let Some(Sent { file: sent, .. }) = &self.sent else {
            return false;
        };
        let file = step.file();
        let waits = match step {
            // SOQL names the object, or a relation that begins like it.
            Step::Org(_) => self.reads(file, sent) || file.sql.contains(sent.object()),
            Step::Prepare(_) => self.reads(file, sent),
            Step::Load(_) => {
                let checks = self.context.resolved.queries.kind(QueryKind::Check);
                let mut checks = checks.filter(|check| !self.checked.contains(&check.path));
                self.reads(file, sent)
                    || is_kin(file, sent)
                    || checks.any(|check| self.reads(check, sent))
            }
        };
        tracing::debug!(
            step = file.path,
            sent = sent.name,
            waits,
            "a step behind a phase that was sent"
        );
        waits
    }

    /// Whether a query reads what the phase of a load leaves, or a table over all loads.
    fn reads(&self, file: &QueryFile, sent: &QueryFile) -> bool {
        let queries = &self.context.resolved.queries;
        let is_load = |table: &str| queries.find(QueryKind::Load, table).is_some();
        file.references.iter().any(|name| {
            let (schema, table) = name.split_once('.').unwrap_or_default();
            match schema {
                "recon" => true,
                "ledger" | "known" => table == sent.name || !is_load(table),
                "org" | "outbox" => table == sent.name,
                _ => false,
            }
        })
    }

    /// Looks back at what was sent last, if it still has to be. True if its gate is shut.
    pub(super) async fn look_back(&mut self) -> Result<bool, Error> {
        let sent = self.sent.take();
        let looked = Box::pin(self.looked_back(sent.as_ref())).await?;
        self.tell(sent, looked).await
    }

    /// Reads a phase back, compares, counts and judges it.
    pub(super) async fn looked_back(
        &self,
        sent: Option<&Sent<'_>>,
    ) -> Result<Option<LookedBack>, Error> {
        let Some(Sent {
            file,
            outbox,
            counts,
            ..
        }) = sent
        else {
            return Ok(None);
        };
        let started = Instant::now();
        gone::keep_edits(self.context, file).await?;
        self.compare(file, outbox).await?;
        let read = started.elapsed();
        let (snapshot, session) = self.context.session(Reads::Tables).await?;
        let report = count_phase(
            &session,
            &snapshot,
            file.object(),
            &file.name,
            &file.key,
            self.journal.run(),
        )
        .await?;
        let books = self
            .books(file, &session, &snapshot, report.accounted())
            .await?;
        let verdict = self.verdict(file, &snapshot, &report, counts, books.as_ref());
        let verdict = verdict.await?;
        let found = self.found(&session, &report, file, books.as_ref()).await?;
        let mut notes: Vec<String> = Vec::new();
        if report.changed_by_org > 0 {
            notes.push(format!(
                "{}: {} value(s) were changed in the org and stay as they are there; see `transload query \"select * from recon.changed_by_org_{}\"`",
                file.name, report.changed_by_org, file.name
            ));
        }
        let columns = self.context.resolved.columns(file)?;
        let spellings = spellings::without_code(&session, file, columns, &report).await?;
        notes.extend(spellings);
        notes.extend(self.automation(file, &session, &report).await?);
        notes.extend(self.keep_failed(file, &session, outbox, &report).await?);
        Ok(Some(LookedBack {
            report,
            found,
            verdict,
            notes,
            took: [read, started.elapsed()],
        }))
    }

    /// Reports what was found. True if the gate is shut.
    pub(super) async fn tell(
        &mut self,
        sent: Option<Sent<'_>>,
        looked: Option<LookedBack>,
    ) -> Result<bool, Error> {
        let (Some(sent), Some(looked)) = (sent, looked) else {
            return Ok(false);
        };
        let LookedBack {
            report,
            found,
            verdict,
            notes,
            took: [read, took],
        } = looked;
        self.reading += read;
        self.notes.extend(notes.iter().cloned());
        self.report(report.clone());
        let [prepare, send] = sent.took;
        self.note_end(&report, &found, &verdict, [prepare, send, took])
            .await?;
        let passed = verdict.passed();
        if let Some(before) = sent.before.filter(|_| passed) {
            self.keep_standing(sent.file, before, (report, found, notes))
                .await?;
        }
        let reasons = verdict.reasons.iter();
        self.notes
            .extend(reasons.map(|reason| format!("gate: {reason}")));
        Ok(!passed)
    }

    /// Whether the next phase may begin, and why not.
    async fn verdict(
        &self,
        file: &QueryFile,
        snapshot: &Snapshot,
        report: &PhaseReport,
        counts: &PhaseCounts,
        books: Option<&Books>,
    ) -> Result<Verdict, Error> {
        let mut verdict = judge(report, &self.context.project.config.gates);
        if counts.canary_stopped {
            verdict.reasons.push(format!(
                "{}: too many of the first rows failed, so the other parts were not sent",
                file.name
            ));
        }
        if let Some(code) = &counts.setup {
            verdict.reasons.push(format!(
                "{}: the org's set-up refuses rows ({code}), so the parts behind them were not sent: {}",
                file.name,
                crate::load::remedy(code)
            ));
        }
        if let Some(books) = books {
            verdict.reasons.extend(books.unbalanced());
            if books.rows.max(books.accounted()) > 0 {
                let strangers = grain::strangers(self.context, snapshot, file).await?;
                verdict.reasons.extend(strangers.reasons(&books.source));
            }
        }
        Ok(verdict)
    }

    /// Fields that have another value right after they were written, in several records and by nobody else: a flow of the
    /// org may set them, which a person can say.
    async fn automation(
        &self,
        file: &QueryFile,
        session: &Session,
        report: &PhaseReport,
    ) -> Result<Vec<String>, Error> {
        if report.differences == 0 {
            return Ok(Vec::new());
        }
        let sql = for_load(AUTOMATIC_FIELDS, &file.name);
        let fields = crate::reconcile::counts(session, "fields of automation", &sql).await?;
        let told = fields.into_iter().map(|(field, records)| {
            format!(
                "{}: {field} of {records} records has another value right after it was written; if the org's automation sets it, add \
                 `{},{field},automation` to config/field_policy.csv",
                file.name,
                file.object()
            )
        });
        Ok(told.collect())
    }

    /// Reads the org back and compares.
    async fn compare(&self, file: &QueryFile, outbox: &Manifest) -> Result<(), Error> {
        let Some(describe) = self.context.describes.get(file.object()) else {
            return Ok(());
        };
        let step = format!("reading {} back", file.object());
        self.progress.step(&step);
        let name = format!("{} back", file.name);
        let request = comparison::after_sending(self.context, file, describe, outbox.rows)?;
        let heard = |rows| self.progress.rows(&name, rows, 0);
        comparison::compare(self.context, &request, heard).await?;
        Ok(())
    }
}

/// Whether two loads touch the same records, or account for rows of the same source.
fn is_kin(file: &QueryFile, other: &QueryFile) -> bool {
    let source = |file: &'_ QueryFile| file.source.as_ref()?.table.clone();
    let one = source(file);
    file.object() == other.object() || (one.is_some() && one == source(other))
}
