//! What is done about records whose rows the source no longer has: flagged, deleted, or only listed.
//!
//! In: `recon.gone_<load>` of every load, once all phases have passed their gates. Out: `outbox.gone_<load>` sent like any outbox,
//! `recon.gone_<load>` with what became of each record and why, lines for the end of the run. Never: a deletion on the ground
//! of an export that is not whole, of more records than `max_delete_share` allows, or of what somebody has a stake in.
//!
//! Links (header `link`) go last load first, after the rows they moved to have come, so nothing is ever without either.

use std::sync::Arc;

use super::candidates::Course;
use super::completeness::Completeness;
use super::context::Reads;
use super::gone::GoneRows;
use super::phase::Phases;
use super::vanishing::{Due, Vanishing};
use crate::error::Error;
use crate::load::{Event, LoadRequest, load_phase};
use crate::project::QueryKind;
use crate::reconcile::found_form;
use crate::rollback::{KEPT, Vanished};
use crate::rows::{DELETED_AT, GONE, KEY_APART, RunStatus, key_text};
use crate::staging::Manifest;
use crate::transform::write_table;

/// Why records stay where so many are gone that somebody has to say that they are meant.
const TOO_MANY: &str = "more_than_max_delete_share";

impl Phases<'_> {
    /// Says which records the source no longer has where nothing is done about them.
    pub(super) fn list_gone(&mut self, gone: &[(String, GoneRows)]) -> RunStatus {
        for (load, rows) in gone {
            self.note_stays(load, *rows, None);
        }
        RunStatus::Ok
    }

    fn note_stays(&mut self, load: &str, rows: GoneRows, why: Option<&str>) {
        let why = why.map_or_else(String::new, |why| format!(" ({why})"));
        let flagged = match rows.flagged {
            0 => String::new(),
            flagged => format!(", {flagged} of them flagged before"),
        };
        self.notes.push(format!(
            "{load}: {} record(s) are no longer in the source and stay in the org{flagged}{why}; see `transload query \"select * from recon.gone_{load}\"`",
            rows.all
        ));
    }

    /// Flags or deletes the records of `gone`, as far as that is wanted and safe. [`RunStatus::Held`] if people have to say first that
    /// so many are meant.
    pub(super) async fn settle_gone(
        &mut self,
        gone: &[(String, GoneRows)],
    ) -> Result<RunStatus, Error> {
        if gone.is_empty() {
            return Ok(RunStatus::Ok);
        }
        let context = self.context;
        let completeness = Completeness::of(context.project)?;
        let vanishing = Vanishing::of(context).await?;
        let mut due = Vec::new();
        for (load, rows) in gone.iter().rev() {
            let Some(file) = context.resolved.queries.find(QueryKind::Load, load) else {
                continue;
            };
            match vanishing.due(file, *rows, &completeness).await? {
                Ok(load) => due.push(load),
                Err(why) => self.note_stays(load, *rows, why.as_deref()),
            }
        }
        if self.are_too_many(&due) {
            for load in &due {
                self.note_waiting(load).await?;
            }
            return Ok(RunStatus::Held);
        }
        if due.is_empty() {
            return Ok(RunStatus::Ok);
        }
        let loaders = context.loaders().await?;
        let mut stakes = vanishing.stakes(&due, &loaders).await?;
        for load in &due {
            let decided = Box::pin(vanishing.decide(load, &loaders, &mut stakes)).await?;
            let mut done = (0, 0);
            if let Some(outbox) = decided.outbox.clone() {
                done = Box::pin(self.send_gone(load, outbox)).await?;
            }
            self.tell_gone(load, &decided, done).await?;
            context.staging().remove(&decided.kept).await;
        }
        Ok(RunStatus::Ok)
    }

    /// Whether a load has lost more records than may go without a question; says so.
    fn are_too_many(&mut self, due: &[Due<'_>]) -> bool {
        let most = self.context.project.config.gates.max_delete_share;
        let beyond: Vec<&Due<'_>> = due.iter().filter(|load| load.percent() > most).collect();
        let Some(needed) = beyond.iter().map(|load| load.percent()).reduce(f64::max) else {
            return false;
        };
        for load in due {
            self.notes.push(format!(
                "{}: {} of {} record(s) are no longer in the source ({:.1} %); see `transload query \"select * from recon.gone_{}\"`",
                load.file.name, load.count, load.records, load.percent(), load.file.name
            ));
        }
        let needed = (needed * 10.0).ceil() / 10.0;
        self.notes.push(format!(
            "held: no record was flagged or deleted, since more than max_delete_share = {most} % of a load's records are no longer in the \
             source\n\nhint: look whether the export is whole; if they were deleted in User.com, set max_delete_share = {needed} under \
             [gates] and run again"
        ));
        true
    }

    /// Says of a load whose records stay because they are too many: in `recon.gone_<load>` why, in report and journal how many wait.
    async fn note_waiting(&mut self, load: &Due<'_>) -> Result<(), Error> {
        let (staging, name) = (self.context.staging(), &load.file.name);
        let (_, session) = self.context.session(Reads::Tables).await?;
        let table = format!("{GONE}{name}");
        let sql =
            format!("select g.key, g.id, g.what, '{TOO_MANY}' as why from recon.{table} as g");
        let what = "why the records that the source no longer has stay";
        let told = write_table(staging, &session, ("recon", &table), what, &sql, &[]).await?;
        staging.publish(told).await?;
        let report = self.reports.iter_mut().find(|report| report.load == *name);
        if let Some(report) = report {
            report.gone_waiting = load.count;
        }
        self.journal
            .record(&Event::GoneHeld {
                load: name.clone(),
                records: load.count,
            })
            .await?;
        Ok(())
    }

    /// Sends what was decided; how many records were flagged or deleted, and how many were refused.
    async fn send_gone(&mut self, load: &Due<'_>, outbox: Manifest) -> Result<(u64, u64), Error> {
        let context = self.context;
        let outbox = context.staging().publish(outbox).await?;
        if load.course == Course::Flag {
            self.keep_flags(load, DELETED_AT, &outbox).await?;
        }
        let counts = load_phase(&LoadRequest {
            staging: context.staging(),
            engine: &context.project.engine,
            client: &context.connection.client,
            journal: self.journal,
            file: load.file,
            columns: context.resolved.columns(load.file)?,
            outbox: &outbox,
            describe: load.describe,
            blobs: None,
            concurrent_jobs: context.connection.destination.concurrent_jobs,
            part_rows: context.connection.destination.part_rows,
            reserve_percent: context.connection.destination.reserve_percent,
            // Whatever cannot go must not keep the rest.
            max_failed_percent: 100.0,
            hard_delete: false,
            stop: self.stop,
            progress: Arc::clone(self.progress),
        })
        .await?;
        Ok((counts.updated, counts.failed + counts.unprocessed))
    }

    /// Keeps that the flagged records had no flag before, so that a rollback takes it off.
    async fn keep_flags(
        &self,
        load: &Due<'_>,
        field: &str,
        outbox: &Manifest,
    ) -> Result<(), Error> {
        let context = self.context;
        let (staging, name) = (context.staging(), &load.file.name);
        let snapshot = staging.snapshot().await?;
        let session = context.project.engine.session(staging, &snapshot)?;
        let columns = context.resolved.columns(load.file)?;
        let sent = columns.sent.iter().find(|sent| sent.name() == field);
        let wrote = found_form(load.describe, sent, field)
            .replace(&format!("r.\"{field}\""), &format!("u.\"{field}\""));
        let keys = load.file.key.iter();
        let keys: Vec<String> = keys
            .map(|key| format!("u.\"{KEY_APART}{key}\" as \"{key}\""))
            .collect();
        let sql = format!(
            "select '{run}' as run_id, {keys}, u._id as id, '{field}' as field, cast(null as varchar) as before, \
             cast({wrote} as varchar) as wrote, cast(null as varchar) as why from {outbox} as u",
            run = self.journal.run(),
            keys = keys.join(", "),
            outbox = outbox.name(),
        );
        super::changes::add(staging, &snapshot, &session, name, &sql).await
    }

    /// Writes `recon.gone_<load>` anew, with what became of each record, and says it.
    async fn tell_gone(
        &mut self,
        load: &Due<'_>,
        vanished: &Vanished,
        (done, refused): (u64, u64),
    ) -> Result<(), Error> {
        let context = self.context;
        let (staging, name) = (context.staging(), &load.file.name);
        let (mut snapshot, _) = context.session(Reads::Tables).await?;
        snapshot.insert(vanished.kept.clone());
        let session = context.project.engine.session(staging, &snapshot)?;
        let key = key_text("l", &load.file.key);
        let run = self.journal.run();
        let sql = format!(
            "select g.key, g.id, \
             case when l.outcome = 'deleted' then 'deleted' when l.operation = 'flag' and l.outcome = 'updated' then 'flagged' \
             else 'stays' end as what, \
             case when k.key is not null then concat_ws(' ', k.reason, k.detail) \
             when l.run_id = '{run}' and l.outcome in ('failed', 'unprocessed') then l.error_code \
             when c.key is null and g.what = 'stays' then 'what_it_connects_is_not_sent' end as why \
             from recon.{GONE}{name} as g inner join ledger.{name} as l on {key} = g.key \
             left join ({candidates}) as c on c.key = g.key left join recon.{KEPT}{name} as k on k.key = g.key",
            candidates = load.candidates,
        );
        let table = format!("{GONE}{name}");
        let what = "what became of the records that the source no longer has";
        let told = write_table(staging, &session, ("recon", &table), what, &sql, &[]).await?;
        staging.publish(told).await?;
        let verb = match load.course {
            Course::Flag => "flagged",
            Course::Link | Course::Recycle => "deleted",
        };
        let stay = load.count - vanished.done;
        let mut line = format!(
            "{name}: {} record(s) are no longer in the source: {done} {verb}",
            load.count
        );
        if stay > 0 {
            line.push_str(&format!(", {stay} stay, each with the reason"));
        }
        if refused > 0 {
            line.push_str(&format!(", {refused} were refused by the org"));
        }
        line.push_str(&format!(
            "; see `transload query \"select * from recon.gone_{name}\"`"
        ));
        self.notes.push(line);
        let report = self.reports.iter_mut().find(|report| report.load == *name);
        if let Some(report) = report {
            match load.course {
                Course::Flag => report.gone_flagged = done,
                Course::Link | Course::Recycle => report.gone_deleted = done,
            }
        }
        Ok(())
    }
}
