//! What a plan can say of a run that has not taken place: books, keys, gates, what is held and why, what is different from the last
//! run.
//!
//! In: the tables of a [`DryRun`]. Out: more about each load, and findings, a line each. Never: a request to the org, or a finding
//! that the run itself would not make.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, BinaryArray, RecordBatch};
use serde::Serialize;

use super::candidates::Course;
use super::completeness::Completeness;
use super::context::Context;
use super::deletions::{course, percent};
use super::dry_run::DryRun;
use super::gone::{self, GoneRows};
use super::grain;
use super::phase::REASONS;
use super::plan::LoadPlan;
use crate::engine::Session;
use crate::error::Error;
use crate::project::QueryFile;
use crate::reconcile::{PhaseReport, counts, held_reasons, held_too_many, undecided};
use crate::rows::{CLEAR, GONE, SAME, for_load, is_set, key_text, sent_columns};
use crate::staging::Manifest;

/// Records of a load that are there.
const RECORDS: &str = include_str!("../../queries/internal/records.sql");

/// A number with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// What is counted.
    pub name: String,
    /// How often.
    pub rows: u64,
}

/// Most first.
fn sorted(counts: BTreeMap<String, u64>) -> Vec<Count> {
    let counts = counts.into_iter();
    let mut counts: Vec<Count> = counts.map(|(name, rows)| Count { name, rows }).collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.rows));
    counts
}

/// A dry run that is looked at.
pub(super) struct Rehearsal<'a> {
    pub context: &'a Context<'a>,
    /// Over the tables of the dry run, with every view.
    pub session: &'a Session,
    pub dry_run: &'a DryRun,
}

impl Rehearsal<'_> {
    /// Says of each load what is held and why, and what is different from the last run.
    pub(super) async fn describe(&self, loads: &mut [LoadPlan]) -> Result<(), Error> {
        // Before the first run the ledger has no record but those of the outbox.
        let loaded = self.context.staging().snapshot().await?;
        let completeness = Completeness::of(self.context.project)?;
        for file in self.context.resolved.loads() {
            let outbox = self.dry_run.outboxes.get(&file.name);
            let load = loads.iter_mut().find(|load| load.load == file.name);
            let (Some(outbox), Some(load)) = (outbox, load) else {
                continue;
            };
            if load.accounted() > load.outbox {
                let reasons = for_load(REASONS, &file.name);
                load.reasons = sorted(counts(self.session, &file.path, &reasons).await?);
            }
            if load.update > 0 {
                load.changes = sorted(self.changes(file, outbox).await?);
            }
            if loaded.get("ledger", &file.name).is_some() {
                let gone = self.gone(file).await?;
                load.gone = gone.all;
                if gone.all > 0 {
                    load.gone_course = Some(self.gone_course(file, gone, &completeness).await?);
                }
            }
        }
        Ok(())
    }

    /// Fields that updates would send or empty, with how many rows.
    async fn changes(
        &self,
        file: &QueryFile,
        outbox: &Manifest,
    ) -> Result<BTreeMap<String, u64>, Error> {
        let fields = sent_columns(&outbox.schema);
        let columns: Vec<String> = fields.iter().map(|name| format!("o.\"{name}\"")).collect();
        let sql = format!(
            "select {}, o.{SAME}, o.{CLEAR} from outbox.{} as o where o._operation = 'update'",
            columns.join(", "),
            file.name
        );
        let mut changes = BTreeMap::new();
        let mut stream = self.session.stream(&file.path, &sql, &[]).await?;
        while let Some(batch) = stream.next_batch().await? {
            for (place, name) in fields.iter().enumerate() {
                if file.key.contains(name) {
                    continue;
                }
                let rows = (0..batch.num_rows()).filter(|&row| sends(&batch, place, row));
                let rows = rows.count() as u64;
                if rows > 0 {
                    *changes.entry(name.clone()).or_default() += rows;
                }
            }
        }
        Ok(changes)
    }

    /// Records of ours whose rows the source no longer has.
    async fn gone(&self, file: &QueryFile) -> Result<GoneRows, Error> {
        let load = &file.name;
        let snapshot = &self.dry_run.snapshot;
        if snapshot.get("recon", &format!("fates_{load}")).is_none() {
            return Ok(GoneRows::default());
        }
        // What a plan has of the ledger does not say what was done last; the list of the last run does.
        let flagged = match snapshot.get("recon", &format!("{GONE}{load}")) {
            Some(_) => {
                format!("select g.key from recon.{GONE}{load} as g where g.what = 'flagged'")
            }
            None => "select cast(null as varchar) as key where false".to_owned(),
        };
        let sql = format!(
            "select case when g.key is null then 'gone' else 'flagged' end as name, count(*) as n \
             from (select {} as key from {}) as a left join ({flagged}) as g on g.key = a.key \
             group by case when g.key is null then 'gone' else 'flagged' end",
            key_text("l", &file.key),
            gone::absent(self.context, file, snapshot)
        );
        let found = counts(self.session, &file.path, &sql).await?;
        Ok(GoneRows {
            all: found.values().sum(),
            flagged: found.get("flagged").copied().unwrap_or_default(),
        })
    }

    /// What the run would do about them. It looks at each record before it touches one, and may spare it.
    async fn gone_course(
        &self,
        file: &QueryFile,
        gone: GoneRows,
        completeness: &Completeness,
    ) -> Result<String, Error> {
        let context = self.context;
        let Some(course) = course(context, file)? else {
            return Ok("they stay, and are listed".to_owned());
        };
        let due = match course {
            Course::Flag => gone.all - gone.flagged,
            Course::Link | Course::Recycle => gone.all,
        };
        if due == 0 {
            return Ok("they were flagged before".to_owned());
        }
        let tables = (&self.dry_run.snapshot, self.session);
        if let Some(doubt) = completeness.doubt(context, file, tables).await? {
            return Ok(format!("they stay: {doubt}"));
        }
        let sql = for_load(RECORDS, &file.name);
        let records: u64 = counts(self.session, &file.path, &sql).await?.values().sum();
        let most = context.project.config.gates.max_delete_share;
        let percent = percent(due, records);
        let held = match percent > most {
            true => format!(
                "; but the run would stop and ask first: they are {percent:.1} % of {records}, and max_delete_share is {most} %"
            ),
            false => String::new(),
        };
        let before = match gone.all - due {
            0 => String::new(),
            flagged => format!(" ({flagged} of them were before)"),
        };
        Ok(format!("they would be {}{before}{held}", course.word()))
    }

    /// How many deals go to each of these stages.
    pub(super) async fn deals_in(
        &self,
        stages: impl Iterator<Item = &str>,
    ) -> Result<Vec<Count>, Error> {
        let mut deals: BTreeMap<String, u64> = stages.map(|name| (name.to_owned(), 0)).collect();
        for file in self.context.resolved.loads() {
            let outbox = self.dry_run.outboxes.get(&file.name);
            let has_stage = |outbox: &&Manifest| outbox.schema.field_with_name("StageName").is_ok();
            if deals.is_empty()
                || outbox
                    .filter(has_stage)
                    .is_none_or(|outbox| outbox.rows == 0)
            {
                continue;
            }
            let sql = format!(
                "select o.\"StageName\" as name, count(*) as n from outbox.{} as o group by o.\"StageName\"",
                file.name
            );
            for (stage, rows) in counts(self.session, &file.path, &sql).await? {
                if let Some(deals) = deals.get_mut(&stage) {
                    *deals += rows;
                }
            }
        }
        Ok(sorted(deals))
    }

    /// What books, keys and gates have against it.
    pub(super) async fn judge(&self, loads: &[LoadPlan]) -> Result<Vec<String>, Error> {
        let mut findings = Vec::new();
        let accounted = |name: &str| {
            let load = loads.iter().find(|load| load.load == name);
            load.map(LoadPlan::accounted)
        };
        let snapshot = &self.dry_run.snapshot;
        let mut judged = Vec::new();
        for file in self.context.resolved.loads() {
            if file.source.is_none() || judged.contains(&&file.source) {
                continue;
            }
            judged.push(&file.source);
            let session = self.session;
            let books = grain::expected(self.context, session, snapshot, file, accounted).await?;
            let Some(books) = books else {
                continue;
            };
            findings.extend(books.unbalanced());
            if books.rows.max(books.accounted()) > 0 {
                let strangers = grain::strangers(self.context, snapshot, file).await?;
                findings.extend(strangers.reason(&books.source));
            }
        }
        let reports: Vec<PhaseReport> = loads.iter().map(report).collect();
        let gates = &self.context.project.config.gates;
        findings.extend(
            reports
                .iter()
                .filter_map(|report| held_too_many(report, gates)),
        );
        let held = held_reasons(self.session, &reports).await?;
        let waiting = undecided(&held, &reports);
        findings.extend(waiting.iter().map(|waiting| {
            format!(
                "{} row(s) would be held for a decision: {}, decided in {}",
                waiting.rows, waiting.reason, waiting.decide_in
            )
        }));
        Ok(findings)
    }
}

/// The counts of a phase as far as they are known before it.
fn report(load: &LoadPlan) -> PhaseReport {
    PhaseReport {
        object: load.object.clone(),
        load: load.load.clone(),
        outbox: load.outbox,
        held: load.held,
        ..PhaseReport::default()
    }
}

/// Whether a row of an outbox sends or empties the field at this place.
fn sends(batch: &RecordBatch, place: usize, row: usize) -> bool {
    let is_in = |name: &str| {
        let bits: Option<&BinaryArray> = batch
            .column_by_name(name)
            .and_then(|column| column.as_binary_opt::<i32>());
        bits.is_some_and(|bits| bits.is_valid(row) && is_set(bits.value(row), place))
    };
    match batch.column(place).is_null(row) {
        true => is_in(CLEAR),
        false => !is_in(SAME),
    }
}
