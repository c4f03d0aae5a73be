//! Records that the source no longer has, before anything is done about them: how many are meant, and which stay because somebody has
//! a stake in them. The same for a run and for a plan.
//!
//! In: `recon.gone_<load>` of every load, ledgers, outboxes, the org. Out: what is due, and what was decided about each record. Never: a
//! change to the org, or a table published.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::Field;
use chrono::{DateTime, SecondsFormat, Utc};

use super::candidates::{Course, candidates, edited, moved};
use super::comparison::read_back_request;
use super::completeness::Completeness;
use super::context::{Context, Reads};
use super::gone::GoneRows;
use crate::config::OptionValue;
use crate::engine::Session;
use crate::error::Error;
use crate::load::{Event, Journal};
use crate::project::{Operation, QueryFile};
use crate::reconcile::{counts, look_up};
use crate::rollback::{Stakes, Treatment, Vanished, VanishedLoad};
use crate::rows::{DELETED_AT, asked_by, key_text, ledger_schema, sent_columns};
use crate::salesforce::ObjectDescribe;
use crate::staging::Snapshot;

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
pub(super) struct Due<'a> {
    pub(super) file: &'a QueryFile,
    pub(super) describe: &'a ObjectDescribe,
    pub(super) course: Course,
    /// SQL for their keys.
    pub(super) candidates: String,
    /// How many they are.
    pub(super) count: u64,
    /// Those of them in whose place the same record got another one: it moved, and nothing was lost.
    pub(super) moved: u64,
    /// Records of the load that are there.
    pub(super) records: u64,
}

impl Due<'_> {
    /// The share of the load's records that is lost.
    pub(super) fn percent(&self) -> f64 {
        percent(self.count - self.moved, self.records)
    }
}

/// The share of a load's records that are gone.
#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn percent(gone: u64, records: u64) -> f64 {
    gone as f64 * 100.0 / records.max(1) as f64
}

/// What is done about the records of a load; none if they are only listed.
fn course(context: &Context<'_>, file: &QueryFile) -> Result<Option<Course>, Error> {
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

impl Context<'_> {
    /// Who has loaded into this org, and since when.
    pub(super) async fn loaders(&self) -> Result<Loaders, Error> {
        let staging = self.staging();
        let client = &self.connection.client;
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
}

/// The tables by which it is decided.
pub(super) struct Vanishing<'a> {
    context: &'a Context<'a>,
    snapshot: Snapshot,
    session: Session,
}

impl<'a> Vanishing<'a> {
    /// After a run: the tables that there are.
    pub(super) async fn of(context: &'a Context<'a>) -> Result<Self, Error> {
        let snapshot = context.staging().snapshot().await?;
        Self::over(context, snapshot).await
    }

    /// Before one: the tables as they would be.
    pub(super) async fn over(context: &'a Context<'a>, snapshot: Snapshot) -> Result<Self, Error> {
        let session = context.session_over(&snapshot, Reads::Tables).await?;
        Ok(Self {
            context,
            snapshot,
            session,
        })
    }

    /// What is to be done about the records of a load that are gone; else why they stay, if that is worth a word.
    pub(super) async fn due<'f>(
        &self,
        file: &'f QueryFile,
        rows: GoneRows,
        completeness: &Completeness,
    ) -> Result<Result<Due<'f>, Option<String>>, Error>
    where
        'a: 'f,
    {
        let (context, load) = (self.context, &file.name);
        let describe = context.describes.get(file.object());
        let (Some(course), Some(describe)) = (course(context, file)?, describe) else {
            return Ok(Err(None));
        };
        if course == Course::Flag && rows.all == rows.flagged {
            return Ok(Err(None));
        }
        let tables = (&self.snapshot, &self.session);
        if let Some(doubt) = completeness.doubt(context, file, tables).await? {
            return Ok(Err(Some(doubt)));
        }
        let candidates = candidates(file, course, &self.snapshot, context.resolved.loads());
        let sql = format!(
            "select 'due' as name, count(*) as n from ({candidates}) as c \
             union all select 'all' as name, count(*) as n from ledger.{load} as l where l.id is not null and l.live = 'live'"
        );
        let found = counts(&self.session, load, &sql).await?;
        let count = |name: &str| found.get(name).copied().unwrap_or_default();
        if count("due") == 0 {
            let why = "what they connect is no longer sent either";
            return Ok(Err(Some(why.to_owned())));
        }
        let moved = match moved(file, &candidates, &self.snapshot) {
            Some(sql) => counts(&self.session, load, &sql).await?,
            None => BTreeMap::new(),
        };
        Ok(Ok(Due {
            file,
            describe,
            course,
            candidates,
            count: count("due"),
            moved: moved.values().copied().max().unwrap_or_default(),
            records: count("all"),
        }))
    }

    /// Looks for what hangs on records that would be deleted and stays itself.
    pub(super) async fn stakes(&self, due: &[Due<'_>], loaders: &Loaders) -> Result<Stakes, Error> {
        let mut stakes = Stakes::default();
        let recycled = due.iter().filter(|load| load.course == Course::Recycle);
        let recycled: Vec<&Due<'_>> = recycled.collect();
        if recycled.is_empty() {
            return Ok(stakes);
        }
        let context = self.context;
        context
            .progress
            .step("looking for records that others attached");
        let (snapshot, session) = (&self.snapshot, &self.session);
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
            .of_others(client, &described, since, session, &ledgers)
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
                    stakes.of_ours(session, &sql, &what).await?;
                }
            }
        }
        Ok(stakes)
    }

    /// Decides about each record of one load; nothing is published.
    pub(super) async fn decide(
        &self,
        load: &Due<'_>,
        loaders: &Loaders,
        stakes: &mut Stakes,
    ) -> Result<Vanished, Error> {
        let context = self.context;
        let (staging, name) = (context.staging(), &load.file.name);
        context
            .progress
            .step(&format!("looking at {name} that the source no longer has"));
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
        let now = look_up(&request, &self.session, &sql).await?;
        let mut snapshot = self.snapshot.clone();
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
        .await;
        staging.remove(&now).await;
        Ok(vanished?)
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
