//! What a plan can say of a run that has not taken place: books, keys, gates, what is held and why, what is different from the last
//! run.
//!
//! In: the tables of a [`DryRun`]. Out: more about each load, and findings, a line each. Never: a request to the org, or a finding
//! that the run itself would not make.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, BinaryArray, RecordBatch};

use super::candidates::Course;
use super::completeness::Completeness;
use super::context::Context;
use super::dry_run::DryRun;
use super::gone::{self, GoneRows};
use super::grain;
use super::phase_report::REASONS;
use super::plan_report::{Count, LoadPlan};
use super::vanishing::{Due, Vanishing};
use crate::engine::Session;
use crate::error::Error;
use crate::project::{Operation, QueryFile};
use crate::reconcile::{PhaseReport, counts, held_reasons, held_too_many, undecided};
use crate::rollback::KEPT;
use crate::rows::{CLEAR, GONE, SAME, for_load, is_set, key_text, sent_columns};
use crate::staging::{Manifest, Snapshot};
use crate::transform::write_table;

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
        let (mut gone, mut tables) = (Vec::new(), loaded.clone());
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
            tables.insert(outbox.clone());
            if loaded.get("ledger", &file.name).is_some()
                && let Some(table) = self.gone(file).await?
            {
                let rows = gone::counted(self.context, &file.name, table.clone()).await?;
                load.gone = rows.all;
                gone.push((file, rows, table.clone()));
                tables.insert(table);
            }
        }
        let told = self.gone_courses(loads, &gone, tables).await;
        for (_, _, table) in &gone {
            self.context.staging().remove(table).await;
        }
        told
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

    /// `recon.gone_<load>` as the run would write it; none without a row. Not published.
    async fn gone(&self, file: &QueryFile) -> Result<Option<Manifest>, Error> {
        let load = &file.name;
        let snapshot = &self.dry_run.snapshot;
        let is_conversion = file.operation == Some(Operation::Convert);
        if is_conversion || snapshot.get("recon", &format!("fates_{load}")).is_none() {
            return Ok(None);
        }
        // What a plan has of the ledger does not say what was done last; the list of the last run does.
        let name = format!("{GONE}{load}");
        let flagged = match snapshot.get("recon", &name) {
            Some(_) => format!("select g.key from recon.{name} as g where g.what = 'flagged'"),
            None => "select cast(null as varchar) as key where false".to_owned(),
        };
        let sql = format!(
            "select a.key, a.id, case when g.key is null then 'stays' else 'flagged' end as what, cast(null as varchar) as why \
             from (select {key} as key, l.id as id from {absent}) as a left join ({flagged}) as g on g.key = a.key",
            key = key_text("l", &file.key),
            absent = gone::absent(self.context, file, snapshot)
        );
        let staging = self.context.staging();
        let what = "the records that the source no longer has";
        let table = write_table(staging, self.session, ("recon", &name), what, &sql, &[]).await?;
        if table.rows == 0 {
            staging.remove(&table).await;
            return Ok(None);
        }
        Ok(Some(table))
    }

    /// Says what the run would do about them: it decides about each record as the run does, over the tables as they would be.
    async fn gone_courses(
        &self,
        loads: &mut [LoadPlan],
        gone: &[(&QueryFile, GoneRows, Manifest)],
        tables: Snapshot,
    ) -> Result<(), Error> {
        if gone.is_empty() {
            return Ok(());
        }
        let context = self.context;
        let completeness = Completeness::of(context.project)?;
        let vanishing = Vanishing::over(context, tables).await?;
        let mut tell = |load: &str, told: String, done: u64| {
            if let Some(plan) = loads.iter_mut().find(|plan| plan.load == load) {
                (plan.gone_course, plan.gone_done) = (Some(told), done);
            }
        };
        let mut all_due = Vec::new();
        for (file, rows, _) in gone.iter().rev() {
            match vanishing.due(file, *rows, &completeness).await? {
                Ok(due) => all_due.push((due, *rows)),
                Err(Some(why)) => tell(&file.name, format!("they stay: {why}"), 0),
                Err(None) if rows.all == rows.flagged => {
                    tell(&file.name, "they were flagged before".to_owned(), 0);
                }
                Err(None) => tell(&file.name, "they stay, and are listed".to_owned(), 0),
            }
        }
        let most = context.project.config.gates.max_delete_share;
        let too_many: Vec<&str> = all_due
            .iter()
            .filter(|(due, _)| due.percent() > most)
            .map(|(due, _)| due.file.name.as_str())
            .collect();
        if !too_many.is_empty() {
            for (due, rows) in &all_due {
                let why = match due.percent() > most {
                    true => format!(
                        "they are {:.1} % of {}, and max_delete_share is {most} %",
                        due.percent(),
                        due.records
                    ),
                    false => format!("{} has lost more than it may", too_many.join(", ")),
                };
                let told = format!(
                    "they would be {}; but the run would stop and ask first: {why}",
                    done_to(due, *rows)
                );
                tell(&due.file.name, told, 0);
            }
            return Ok(());
        }
        let loaders = context.loaders().await?;
        let (due, rows): (Vec<Due<'_>>, Vec<GoneRows>) = all_due.into_iter().unzip();
        let mut stakes = vanishing.stakes(&due, &loaders).await?;
        for (due, rows) in due.iter().zip(rows) {
            let decided = Box::pin(vanishing.decide(due, &loaders, &mut stakes)).await?;
            let kept = self.kept(&due.file.name, &decided.kept).await;
            for table in decided.outbox.iter().chain([&decided.kept]) {
                context.staging().remove(table).await;
            }
            let mut told = format!("they would be {}", done_to(due, rows));
            let kept: Vec<String> = sorted(kept?)
                .iter()
                .map(|count| format!("{} {}", count.name, count.rows))
                .collect();
            if !kept.is_empty() {
                told.push_str(&format!(
                    ", but {} would stay: {}",
                    due.count - decided.done,
                    kept.join(", ")
                ));
            }
            tell(&due.file.name, told, decided.done);
        }
        Ok(())
    }

    /// How many records stay, by why.
    async fn kept(&self, load: &str, kept: &Manifest) -> Result<BTreeMap<String, u64>, Error> {
        let mut view = Snapshot::default();
        view.insert(kept.clone());
        let context = self.context;
        let session = context.project.engine.session(context.staging(), &view)?;
        let sql = format!(
            "select k.reason as name, count(*) as n from recon.{KEPT}{load} as k group by k.reason"
        );
        Ok(counts(&session, load, &sql).await?)
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

    /// Records that two loads of different sources would both write as their own, as a copy of a query does under another name;
    /// of one source its books tell it.
    async fn doubled(&self) -> Result<Vec<String>, Error> {
        let has_rows = |file: &QueryFile| {
            let outbox = self.dry_run.outboxes.get(&file.name);
            outbox.is_some_and(|outbox| outbox.rows > 0)
        };
        let makes = |file: &&QueryFile| {
            let is_own = file.key.len() == 1 && file.key[0].ends_with("__c");
            let operation = file.operation.unwrap_or(Operation::Upsert);
            is_own && matches!(operation, Operation::Upsert | Operation::Insert) && has_rows(file)
        };
        let loads: Vec<&QueryFile> = self.context.resolved.loads().filter(makes).collect();
        let mut findings = Vec::new();
        for (place, file) in loads.iter().enumerate() {
            let twins = loads[..place]
                .iter()
                .filter(|other| other.object() == file.object() && other.key == file.key)
                .filter(|other| other.source.is_none() || other.source != file.source);
            for other in twins {
                let keys = |load: &QueryFile| {
                    format!(
                        "select cast(o.\"{}\" as varchar) as key from outbox.{} as o",
                        load.key[0], load.name
                    )
                };
                let [left, right] = [keys(other), keys(file)];
                // Keys of loads that share an object mostly begin otherwise, which their ends show.
                let ends = |keys: &str| {
                    format!("select min(k.key) as low, max(k.key) as high from ({keys}) as k")
                };
                let meet = format!(
                    "select 'n' as name, count(*) as n from ({}) as one inner join ({}) as other \
                     on one.low <= other.high and other.low <= one.high",
                    ends(&left),
                    ends(&right)
                );
                if counts(self.session, &file.path, &meet)
                    .await?
                    .values()
                    .sum::<u64>()
                    == 0
                {
                    continue;
                }
                let both = format!(
                    "select min(one.key) as name, count(*) as n from ({left}) as one \
                     inner join ({right}) as other on other.key = one.key having count(*) > 0"
                );
                for (key, rows) in counts(self.session, &file.path, &both).await? {
                    findings.push(format!(
                        "{} and {} would both write {rows} record(s) of {}, such as {key}: if {} is a copy under another name, remove \
                         one of them",
                        other.name,
                        file.name,
                        file.object(),
                        file.path
                    ));
                }
            }
        }
        Ok(findings)
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
                findings.extend(strangers.reasons(&books.source));
            }
        }
        findings.extend(self.doubled().await?);
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

/// What would be done to the records of a load, and to how many of them it was done before or is not done.
fn done_to(due: &Due<'_>, rows: GoneRows) -> String {
    let word = due.course.word();
    match (due.course, rows.all - due.count) {
        (_, 0) => word.to_owned(),
        (Course::Link, rest) => {
            format!("{word}; {rest} of them stay, since what they connect is no longer sent either")
        }
        (_, before) => format!("{word} ({before} of them were before)"),
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
