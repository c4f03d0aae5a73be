//! What is done about records whose rows the source no longer has: flagged, deleted, or only listed.
//!
//! In: `recon.gone_<load>` of every load, once all phases have passed their gates. Out: `outbox.gone_<load>` sent like any outbox,
//! `recon.gone_<load>` with what became of each record and why, lines for the end of the run. Never: a deletion on the ground
//! of an export that is not whole, of more records than `max_delete_share` allows, or of what somebody has a stake in.
//!
//! Links (header `link`) go last load first, after the rows they moved to have come, so nothing is ever without either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::Field;
use chrono::{DateTime, SecondsFormat, Utc};

use super::candidates::{Course, candidates, edited};
use super::comparison::read_back_request;
use super::completeness::Completeness;
use super::context::{Context, Reads};
use super::gone::GoneRows;
use super::phase::Phases;
use crate::config::OptionValue;
use crate::error::Error;
use crate::load::{Event, Journal, LoadRequest, load_phase};
use crate::project::{Operation, QueryFile, QueryKind};
use crate::reconcile::{PRE_IMAGE, asked_by, counts, found_form, look_up};
use crate::rollback::{KEPT, Stakes, Treatment, Vanished, VanishedLoad};
use crate::rows::{DELETED_AT, GONE, KEY_APART, RunStatus, key_text, ledger_schema, sent_columns};
use crate::salesforce::ObjectDescribe;
use crate::staging::Manifest;
use crate::transform::write_table;

/// What is read of a record besides the fields that are sent.
const READ: [&str; 5] = [
    "CreatedById",
    "CreatedDate",
    "ContentDocumentId",
    "IsDirect",
    "IsLatest",
];

/// Objects whose records have companions in the org that nothing else names: they are listed, never deleted.
const WITH_COMPANIONS: [&str; 1] = ["EmailMessage"];

/// A load with records to flag or delete.
struct Due<'a> {
    file: &'a QueryFile,
    describe: &'a ObjectDescribe,
    course: Course,
    /// SQL for their keys.
    candidates: String,
    /// How many they are.
    count: u64,
    /// Records of the load that are there.
    records: u64,
}

impl Due<'_> {
    fn percent(&self) -> f64 {
        percent(self.count, self.records)
    }
}

/// The share of a load's records that are gone.
#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
pub(super) fn percent(gone: u64, records: u64) -> f64 {
    gone as f64 * 100.0 / records.max(1) as f64
}

/// What is done about the records of a load; none if they are only listed.
pub(super) fn course(context: &Context<'_>, file: &QueryFile) -> Result<Option<Course>, Error> {
    if matches!(file.operation, Some(Operation::Update | Operation::Convert)) {
        return Ok(None);
    }
    if !file.link.is_empty() {
        return Ok(Some(Course::Link));
    }
    let option = context.project.config.options.get("on_source_delete");
    let wanted = match option {
        Some(OptionValue::Text(wanted)) => wanted.as_str(),
        _ => "flag",
    };
    let columns = context.resolved.columns(file)?;
    let has_flag = columns.sent.iter().any(|field| field.name() == DELETED_AT);
    let has_companions = WITH_COMPANIONS.contains(&file.object());
    Ok(match wanted {
        "flag" if has_flag => Some(Course::Flag),
        "recycle" if !has_companions => Some(Course::Recycle),
        _ => None,
    })
}

/// Who loaded so far.
pub(super) struct Loaders {
    pub(super) users: BTreeSet<String>,
    started: DateTime<Utc>,
}

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
        let (snapshot, session) = context.session(Reads::Tables).await?;
        let mut due = Vec::new();
        for (load, rows) in gone.iter().rev() {
            let queries = &context.resolved.queries;
            let Some(file) = queries.find(QueryKind::Load, load) else {
                continue;
            };
            let describe = context.describes.get(file.object());
            let (Some(course), Some(describe)) = (course(context, file)?, describe) else {
                self.note_stays(load, *rows, None);
                continue;
            };
            if course == Course::Flag && rows.all == rows.flagged {
                self.note_stays(load, *rows, None);
                continue;
            }
            let tables = (&snapshot, &session);
            if let Some(doubt) = completeness.doubt(context, file, tables).await? {
                self.note_stays(load, *rows, Some(&doubt));
                continue;
            }
            let candidates = candidates(file, course, &snapshot, context.resolved.loads());
            let sql = format!(
                "select 'due' as name, count(*) as n from ({candidates}) as c \
                 union all select 'all' as name, count(*) as n from ledger.{load} as l where l.id is not null and l.live = 'live'"
            );
            let found = counts(&session, load, &sql).await?;
            let count = |name: &str| found.get(name).copied().unwrap_or_default();
            let (count, records) = (count("due"), count("all"));
            if count == 0 {
                let why = "what they connect is no longer sent either";
                self.note_stays(load, *rows, Some(why));
                continue;
            }
            due.push(Due {
                file,
                describe,
                course,
                candidates,
                count,
                records,
            });
        }
        if self.are_too_many(&due) {
            return Ok(RunStatus::Held);
        }
        if due.is_empty() {
            return Ok(RunStatus::Ok);
        }
        let loaders = self.loaders().await?;
        let mut stakes = Stakes::default();
        self.look_for_stakes(&due, &loaders, &mut stakes).await?;
        for load in &due {
            Box::pin(self.carry_out(load, &loaders, &mut stakes)).await?;
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

    pub(super) async fn loaders(&self) -> Result<Loaders, Error> {
        let staging = self.context.staging();
        let client = &self.context.connection.client;
        let mut loaders = Loaders {
            users: BTreeSet::from([client.identity().user_id.clone()]),
            started: client.server_time(),
        };
        for outline in Journal::outlines(staging).await? {
            if let Event::RunStarted { at, user, .. } = outline.first(staging).await? {
                loaders.started = loaders.started.min(at);
                loaders.users.extend(user);
            }
        }
        Ok(loaders)
    }

    /// Looks for what hangs on records that would be deleted and stays itself.
    async fn look_for_stakes(
        &self,
        due: &[Due<'_>],
        loaders: &Loaders,
        stakes: &mut Stakes,
    ) -> Result<(), Error> {
        let recycled = due.iter().filter(|load| load.course == Course::Recycle);
        let recycled: Vec<&Due<'_>> = recycled.collect();
        if recycled.is_empty() {
            return Ok(());
        }
        let context = self.context;
        self.progress
            .step("looking for records that others attached");
        let (snapshot, session) = context.session(Reads::Tables).await?;
        let described: BTreeMap<String, ObjectDescribe> = recycled
            .iter()
            .map(|load| (load.describe.name.clone(), load.describe.clone()))
            .collect();
        let mut ledgers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in context.resolved.loads() {
            if snapshot.get("ledger", &file.name).is_some() {
                let of_object = ledgers.entry(file.object().to_owned()).or_default();
                of_object.push(file.name.clone());
            }
        }
        let since = (loaders.started, &loaders.users);
        let client = &context.connection.client;
        stakes
            .of_others(client, &described, since, &session, &ledgers)
            .await?;
        // What the source still has of ours.
        for file in context.resolved.loads() {
            let outbox = snapshot.get("outbox", &file.name);
            let describe = context.describes.get(file.object());
            let (Some(outbox), Some(describe)) = (outbox, describe) else {
                continue;
            };
            for field in sent_columns(&outbox.schema) {
                let is_reference = describe
                    .field(&field)
                    .is_some_and(|field| field.field_type == "reference");
                if !is_reference || outbox.rows == 0 {
                    continue;
                }
                for load in &recycled {
                    let sql = format!(
                        "select o.\"{field}\" as parent from outbox.{child} as o inner join ({ids}) as c \
                         on substr(c.id, 1, 15) = substr(o.\"{field}\", 1, 15)",
                        child = file.name,
                        ids = ids_of(load),
                    );
                    let what = format!("{} of this migration", file.object());
                    stakes.of_ours(&session, &sql, &what).await?;
                }
            }
        }
        Ok(())
    }

    /// Flags or deletes the records of one load.
    async fn carry_out(
        &mut self,
        load: &Due<'_>,
        loaders: &Loaders,
        stakes: &mut Stakes,
    ) -> Result<(), Error> {
        let context = self.context;
        let (staging, name) = (context.staging(), &load.file.name);
        self.progress
            .step(&format!("looking at {name} that the source no longer has"));
        let (mut snapshot, session) = context.session(Reads::Tables).await?;
        let mut file = load.file.clone();
        for field in READ {
            if !file.read.iter().any(|read| read == field) {
                file.read.push(field.to_owned());
            }
        }
        let request = read_back_request(context, &file, load.describe, load.count)?;
        let asked = asked_by(&load.describe.name)
            .map_or_else(|| "l.id".to_owned(), |field| format!("l.\"{field}\""));
        let key = key_text("l", &load.file.key);
        let sql = format!(
            "select {asked} as asked, max({key}) as key from ledger.{name} as l inner join ({candidates}) as c on c.key = {key} \
             where l.id is not null group by {asked}",
            candidates = load.candidates,
        );
        let now = look_up(&request, &session, &sql).await?;
        snapshot.insert(now.clone());
        let session = context.project.engine.session(staging, &snapshot)?;
        let columns = context.resolved.columns(load.file)?;
        let at = context.connection.client.server_time();
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let place = sent_columns(&ledger_schema(columns))
            .iter()
            .position(|field| field == DELETED_AT);
        let treatment = match (load.course, place) {
            (Course::Flag, Some(place)) => Treatment::Flag(DELETED_AT, place, &at),
            _ => Treatment::Delete,
        };
        let key_fields: Vec<Field> = columns.key_fields().cloned().collect();
        let vanished = VanishedLoad {
            staging,
            session: &session,
            load: name,
            key: key_fields,
            describe: load.describe,
            now: &now,
            candidates: &load.candidates,
            edited: &edited(name, &snapshot),
            part_rows: context.connection.destination.part_rows,
            user: &context.connection.client.identity().user_id,
            loaders: &loaders.users,
            started: loaders.started,
        }
        .decide(treatment, stakes)
        .await?;
        let mut done = (0, 0);
        if let Some(outbox) = vanished.outbox.clone() {
            done = Box::pin(self.send_gone(load, treatment, outbox)).await?;
        }
        self.tell_gone(load, &vanished, done).await?;
        staging.remove(&now).await;
        staging.remove(&vanished.kept).await;
        Ok(())
    }

    /// Sends what was decided; how many records were flagged or deleted, and how many were refused.
    async fn send_gone(
        &mut self,
        load: &Due<'_>,
        treatment: Treatment<'_>,
        outbox: Manifest,
    ) -> Result<(u64, u64), Error> {
        let context = self.context;
        let outbox = context.staging().publish(outbox).await?;
        if let Treatment::Flag(field, ..) = treatment {
            self.keep_flags(load, field, &outbox).await?;
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
             cast({wrote} as varchar) as wrote from {outbox} as u",
            run = self.journal.run(),
            keys = keys.join(", "),
            outbox = outbox.name(),
        );
        let table = format!("{PRE_IMAGE}{name}");
        let what = "the fields before the flag";
        let mut kept = write_table(staging, &session, ("ledger", &table), what, &sql, &[]).await?;
        if let Some(before) = snapshot.get("ledger", &table) {
            kept.files.splice(0..0, before.files.iter().cloned());
            kept.rows += before.rows;
        }
        staging.publish(kept).await?;
        Ok(())
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

/// SQL for the ids of a load's candidates.
fn ids_of(load: &Due<'_>) -> String {
    format!(
        "select l.id from ledger.{name} as l inner join ({candidates}) as c on c.key = {key} where l.id is not null",
        name = load.file.name,
        candidates = load.candidates,
        key = key_text("l", &load.file.key),
    )
}
