//! What a phase is reported as: a document under its number, and an entry of the journal.
//!
//! In: the report of a phase, its books, its tables. Out: why rows did not move, what was flagged and what failed; the document, the
//! entry. Never: a number that is counted here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::grain::Books;
use super::phase::Phases;
use crate::engine::Session;
use crate::error::Error;
use crate::load::{Event, Took, remedy};
use crate::project::QueryFile;
use crate::reconcile::{PhaseReport, Verdict, counts};
use crate::report::phase_document;
use crate::rows::for_load;

/// Rows that do not move, by fate and reason.
pub(super) const REASONS: &str = include_str!("../../queries/internal/reasons.sql");

/// What stands behind the numbers of a phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Found {
    /// The source that the load takes its rows from, as its header has it.
    source: Option<String>,
    /// Rows of that source, where they could be counted.
    source_rows: Option<u64>,
    /// Rows that did not move, by reason.
    fates: Vec<(String, u64)>,
    /// Rows by flag.
    flags: Vec<(String, u64)>,
    /// Failed rows by code and remedy.
    errors: Vec<(String, u64)>,
}

impl Phases<'_> {
    /// Finds it in the tables of a phase.
    pub(super) async fn found(
        &self,
        session: &Session,
        report: &PhaseReport,
        file: &QueryFile,
        books: Option<&Books>,
    ) -> Result<Found, Error> {
        let load = &report.load;
        let reasons = async |rows: u64, sql: String| -> Result<Vec<(String, u64)>, Error> {
            if rows == 0 {
                return Ok(Vec::new());
            }
            let found = counts(session, "the report", &sql).await?;
            Ok(found.into_iter().collect())
        };
        let unmoved = report.accounted() - report.outbox;
        let fates = reasons(unmoved, for_load(REASONS, load)).await?;
        let flags = format!(
            "select f.flag as name, count(*) as n from recon.flags_{load} as f group by f.flag"
        );
        let flags = reasons(report.flagged, flags).await?;
        let errors = format!(
            "select l.error_code as name, count(*) as n from ledger.{load} as l where l.run_id = '{}' \
             and l.outcome in ('failed', 'unprocessed') group by l.error_code",
            self.journal.run()
        );
        let errors = reasons(report.failed + report.unprocessed, errors).await?;
        let with_remedy =
            |(code, rows): (String, u64)| (format!("{code}: {}", remedy(&code)), rows);
        Ok(Found {
            source: file.source.as_ref().map(|grain| grain.text.clone()),
            source_rows: books.map(|books| books.rows),
            fates,
            flags,
            errors: errors.into_iter().map(with_remedy).collect(),
        })
    }

    /// Writes the document of a phase, and notes in the journal what came of it and how long preparing, sending
    /// and looking back took.
    pub(super) async fn note_end(
        &self,
        report: &PhaseReport,
        found: &Found,
        verdict: &Verdict,
        took: [Duration; 3],
    ) -> Result<(), Error> {
        let (staging, run) = (self.context.staging(), self.journal.run());
        let load = &report.load;
        let number = self.numbers.get(load).copied().unwrap_or_default();
        let source = found.source.as_deref().zip(found.source_rows);
        let document = phase_document(
            run,
            report,
            source,
            &found.fates,
            &found.flags,
            &found.errors,
            &verdict.reasons,
        );
        let path = staging.org_path(&["reports", run, &format!("{number:02}-{load}.md")]);
        staging
            .write_document(&path, document.into_bytes().into())
            .await?;
        let mut told = serde_json::to_value(report).unwrap_or_default();
        told["source"] = found.source.as_deref().into();
        told["source_rows"] = found.source_rows.into();
        self.journal
            .record(&Event::PhaseReported {
                load: load.clone(),
                report: told,
                passed: verdict.passed(),
                reasons: verdict.reasons.clone(),
                took: Some(Took::new(took)),
            })
            .await?;
        Ok(())
    }
}
