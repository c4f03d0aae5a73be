//! What a load will ask of the org: jobs, batches, calls.
//!
//! In: the parts of a planned outbox. Out: a [`Workload`], counted by what the loader and
//! the read-back do. Never: a request.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::new_bodies::{FILE_SIZES, new_bodies};
use crate::engine::Session;
use crate::error::Error;
use crate::load::rest_requests;
use crate::project::{Api, QueryFile};
use crate::reconcile::counts;
use crate::rows::{FILE, RowOperation, asked_by, probe};
use crate::salesforce::net::is_loopback;
use crate::staging::Manifest;

/// Rows in one internal batch of a Bulk job; each job has an empty parent batch besides
/// (`guide/salesforce.md` §1.8).
const BATCH_ROWS: u64 = 10_000;

/// Calls of one Bulk job besides looks at it: create, upload, close, results.
const JOB_CALLS: u64 = 4;

/// Calls of a new version of a file: a look at the one before, our key taken from it, the upload.
const VERSION_CALLS: u64 = 3;

/// Calls of one Bulk query besides looks at it: create, one page, delete.
const QUERY_CALLS: u64 = 3;

/// Ids in one query, and rows on one page of a query over REST.
const IDS: u64 = 200;
const PAGE: u64 = 2_000;

/// Rows up to which pre-images are asked for by ids.
const FEW: u64 = 2_000;

/// What is supposed for the number of looks at a job: rows that it takes in a second, and the seconds that it takes at least.
const ROWS_A_SECOND: u64 = 150;
const JOB_SECONDS: u64 = 10;

/// First and longest pause between two looks at a job, in milliseconds.
const PAUSES: (u64, u64) = (200, 30_000);

/// Looks at work on this machine, where the pauses are short.
const LOCAL_LOOKS: u64 = 3;

/// What one load asks of the org.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Workload {
    /// Bulk jobs.
    pub jobs: u64,
    /// Bulk batches.
    pub batches: u64,
    /// Calls, read-back included.
    pub calls: u64,
}

/// What a load will ask; the session sees its planned outbox.
pub(crate) async fn workload(
    connection: &Connection,
    session: &Session,
    file: &QueryFile,
    outbox: &Manifest,
) -> Result<Workload, Error> {
    let mut work = Workload::default();
    if outbox.rows == 0 {
        return Ok(work);
    }
    let rows_of = |wanted: fn(RowOperation) -> bool| -> u64 {
        let files = outbox.files.iter();
        let fits = |label: &str| RowOperation::parse(label).is_some_and(wanted);
        files
            .filter(|part| part.label.as_deref().is_some_and(fits))
            .map(|part| part.rows)
            .sum()
    };
    let parts: Vec<u64> = outbox
        .files
        .iter()
        .filter(|part| part.rows > 0)
        .filter(|part| part.label.as_deref() != Some(RowOperation::Unchanged.word()))
        .map(|part| part.rows)
        .collect();
    if file.api == Api::Rest {
        work.calls = parts.iter().map(|&rows| rest_requests(rows)).sum();
        if let Some(files) = files(session, file, outbox).await? {
            let replaced = new_bodies(session, file, outbox).await?.rows;
            let changed = outbox.count(RowOperation::Update.word()) - replaced;
            work.calls = files.large
                + rest_requests(files.small).max(files.sets)
                + replaced * VERSION_CALLS
                + rest_requests(changed);
        }
    } else {
        work.jobs = parts.len() as u64;
        work.batches = parts.iter().map(|rows| rows.div_ceil(BATCH_ROWS) + 1).sum();
        let seconds = parts.iter().map(|rows| JOB_SECONDS + rows / ROWS_A_SECOND);
        let seconds: Vec<u64> = seconds.collect();
        let one = seconds
            .iter()
            .map(|&job| JOB_CALLS + looks(connection, job));
        work.calls = one.sum();
    }
    // The allowance is looked at before the first part.
    work.calls += u64::from(!parts.is_empty());
    let updates = rows_of(|it| it == RowOperation::Update);
    let hidden = file.key.iter().any(|key| key.starts_with('_'));
    let query = |rows: u64| match file.api {
        Api::Rest => rows.div_ceil(PAGE).max(1),
        Api::Bulk => QUERY_CALLS + looks(connection, JOB_SECONDS),
    };
    if rows_of(|it| it == RowOperation::Upsert) > 0 || (updates > FEW && !hidden) {
        work.calls += query(outbox.rows);
    } else {
        work.calls += updates.div_ceil(IDS);
    }
    work.calls += match asked_by(file.object()) {
        Some(field) => {
            let sql = format!(
                "select 'n' as name, count(distinct o.\"{field}\") as n from outbox.{} as o",
                file.name
            );
            let parents: u64 = counts(session, "the planned outbox", &sql)
                .await?
                .values()
                .sum();
            parents.div_ceil(IDS)
        }
        None if hidden => {
            let looked_up = !probe(file.object()).is_empty();
            outbox.rows.div_ceil(IDS) + u64::from(looked_up) * outbox.rows.div_ceil(PAGE)
        }
        None => query(outbox.rows),
    };
    Ok(work)
}

/// Files of a load.
struct Files {
    /// Files that go by themselves.
    large: u64,
    small: u64,
    /// Sets that the bytes of the small ones fill.
    sets: u64,
}

async fn files(
    session: &Session,
    file: &QueryFile,
    outbox: &Manifest,
) -> Result<Option<Files>, Error> {
    if outbox.schema.field_with_name(FILE).is_err()
        || !session.table_names().contains("usercom.files")
    {
        return Ok(None);
    }
    let (large, set) = crate::load::FILE_LIMITS;
    let sql = format!(
        "select case when f.size > {large} then 'large' else 'small' end as name, count(*) as n, sum(f.size) as bytes \
         from outbox.{} as o inner join ({FILE_SIZES}) as f on f.stored_path = o.\"{FILE}\" where o._operation in ('insert', 'upsert') group by 1",
        file.name
    );
    let rows = format!("select t.name, t.n from ({sql}) as t");
    let bytes = format!("select t.name, cast(t.bytes as bigint) as n from ({sql}) as t");
    let rows = counts(session, "the planned files", &rows).await?;
    let bytes = counts(session, "the planned files", &bytes).await?;
    let of = |found: &BTreeMap<String, u64>, name: &str| found.get(name).copied().unwrap_or(0);
    Ok(Some(Files {
        large: of(&rows, "large"),
        small: of(&rows, "small"),
        sets: of(&bytes, "small").div_ceil(set),
    }))
}

/// Looks at work of so many seconds; on this machine it takes no time.
fn looks(connection: &Connection, seconds: u64) -> u64 {
    let login = connection.destination.login_url.as_ref();
    if login.is_none_or(is_loopback) {
        return LOCAL_LOOKS;
    }
    let (mut pause, longest) = PAUSES;
    let (mut looks, mut waited) = (1, 0);
    while waited < seconds * 1_000 {
        waited += pause;
        pause = (pause * 3 / 2).min(longest);
        looks += 1;
    }
    looks
}
