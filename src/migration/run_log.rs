//! `ledger.runs`: one row per run and load, kept over all runs, for dashboards and for the evidence of a cutover.
//!
//! In: the journals of the organisation in view, and the answers of phases that were not reported. Out: a new version of the table with
//! the runs that it lacked, those that broke off included once a later run has found out; for questions the same with runs that have not
//! come to their end. It never reads the journal of a run that it has already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::status::{PhaseOverview, RunOverview};
use crate::engine::{Engine, Session};
use crate::error::Error;
use crate::load::{Journal, RunRecord, Took};
use crate::reconcile::counts;
use crate::rows::{Outcome, key_columns};
use crate::staging::{Snapshot, Staging};

/// Name of the table.
const TABLE: &str = "runs";

/// Counts of a load, as the summary of a run names them.
const COUNTS: [&str; 18] = [
    "outbox",
    "held",
    "out_of_scope",
    "passive",
    "ignored",
    "flagged",
    "altered",
    "created",
    "updated",
    "unchanged",
    "failed",
    "unprocessed",
    "sent",
    "read_back",
    "differences",
    "source_rows",
    "conflicts",
    GONE_WAITING,
];

/// The count that no report has, since it is known at the end of the run.
const GONE_WAITING: &str = "gone_waiting";

/// Count in the table's manifest of the runs that it has.
const RUNS: &str = "runs";

/// One row: a run and one of its loads, none if it came to none.
#[derive(Serialize)]
struct Row<'a> {
    run: &'a str,
    target: &'a str,
    /// `run` or `rollback`.
    kind: &'static str,
    status: &'a str,
    started: Option<DateTime<Utc>>,
    finished: Option<DateTime<Utc>>,
    load: Option<&'a str>,
    object: Option<&'a str>,
    /// The source that the load takes its rows from, as its header has it.
    source: Option<&'a str>,
    /// How many people were drawn for it, and by which seed; none if all of them took part.
    sample: Option<u32>,
    seed: Option<u32>,
    /// Whether the gate of the load held; none if the load was not reported.
    passed: Option<bool>,
    /// When the work on its rows began, and when it was reported.
    began: Option<DateTime<Utc>>,
    ended: Option<DateTime<Utc>>,
    /// Seconds until the rows were written, sent, and compared; none where an earlier version did not measure.
    prepare_seconds: Option<f64>,
    send_seconds: Option<f64>,
    check_seconds: Option<f64>,
    #[serde(flatten)]
    counts: BTreeMap<&'static str, Option<u64>>,
}

/// The published table, and the runs that it lacks.
pub(super) struct Lacking {
    /// Rows of the table.
    kept: Vec<RecordBatch>,
    /// How many runs they are of.
    known: u64,
    /// The journals of the others.
    pub(super) records: Vec<RunRecord>,
}

impl Lacking {
    /// None if the table has every run that there is.
    pub(super) async fn find(
        engine: &Engine,
        staging: &Staging,
        snapshot: &Snapshot,
    ) -> Result<Option<Self>, Error> {
        // A table of an earlier version has other columns and is made anew from the journals.
        let stands = snapshot.get("ledger", TABLE);
        let stands = stands.filter(|table| same_columns(&table.schema));
        let outlines = Journal::outlines(staging).await?;
        if stands.map_or(0, |table| table.count(RUNS)) == outlines.len() as u64 {
            return Ok(None);
        }
        let mut kept = Vec::new();
        let mut known = BTreeSet::new();
        if stands.is_some() {
            let session = engine.session(staging, snapshot)?;
            let all = format!("select {} from ledger.{TABLE}", columns());
            kept = session.collect("the log of runs", &all).await?;
            for batch in &kept {
                let runs = batch.column(0).as_string::<i32>();
                known.extend(runs.iter().flatten().map(str::to_owned));
            }
        }
        let mut records = Vec::new();
        for outline in outlines {
            if !known.contains(&outline.run) {
                records.push(outline.read(staging).await?);
            }
        }
        let known = known.len() as u64;
        Ok((!records.is_empty()).then_some(Self {
            kept,
            known,
            records,
        }))
    }

    /// All rows, those of the runs that it lacks included.
    async fn rows(self, session: &Session, snapshot: &Snapshot) -> Result<Vec<RecordBatch>, Error> {
        let mut runs = Vec::new();
        for record in &self.records {
            let mut run = RunOverview::of(record, "");
            // What a rollback did is in no such count.
            let is_run = run.undoes.is_empty();
            for phase in run
                .phases
                .iter_mut()
                .filter(|phase| is_run && phase.report.is_none())
            {
                phase.report = Some(answered(session, snapshot, &record.run, phase).await?);
            }
            runs.push(run);
        }
        let mut rows = self.kept;
        rows.push(batch(&runs, &schema())?);
        Ok(rows)
    }

    /// Puts the whole log into a session over these tables.
    pub(super) async fn show(self, session: &Session, snapshot: &Snapshot) -> Result<(), Error> {
        let rows = self.rows(session, snapshot).await?;
        Ok(session.add_rows("ledger", TABLE, schema(), rows)?)
    }
}

/// Rows of a phase that was not reported, by their last answer so far.
async fn answered(
    session: &Session,
    snapshot: &Snapshot,
    run: &str,
    phase: &PhaseOverview,
) -> Result<Value, Error> {
    let table = format!("attempts_{}", phase.load);
    let found = match snapshot.get("ledger", &table) {
        None => BTreeMap::new(),
        Some(attempts) => {
            let fields = attempts.schema.fields().iter().map(|field| field.name());
            let key: Vec<String> = fields.take_while(|name| *name != "id").cloned().collect();
            let sql = format!(
                "with answers as (select a.outcome, row_number() over (partition by {} order by a.at desc, a.attempt desc) as latest \
                 from ledger.{table} as a where a.run_id = '{run}') \
                 select a.outcome as name, count(*) as n from answers as a where a.latest = 1 group by a.outcome",
                key_columns("a", &key)
            );
            counts(session, "the answers of a phase", &sql).await?
        }
    };
    let of = |outcome: Outcome| found.get(outcome.word()).copied().unwrap_or_default();
    let (created, updated) = (of(Outcome::Created), of(Outcome::Updated));
    let failed = of(Outcome::Failed);
    let landed = created + updated + failed;
    Ok(json!({
        "outbox": phase.rows.max(landed),
        "sent": landed,
        "created": created,
        "updated": updated,
        "unchanged": 0,
        "failed": failed,
        // As in every book: rows that were never tried, or that have no answer.
        "unprocessed": phase.rows.saturating_sub(landed),
    }))
}

/// Brings the table up to date.
pub(crate) async fn keep_runs(engine: &Engine, staging: &Staging) -> Result<(), Error> {
    let snapshot = staging.snapshot().await?;
    let Some(mut lacking) = Lacking::find(engine, staging, &snapshot).await? else {
        return Ok(());
    };
    lacking.records.retain(|record| record.ended().is_some());
    if lacking.records.is_empty() {
        return Ok(());
    }
    let known = lacking.known + lacking.records.len() as u64;
    let session = engine.session(staging, &snapshot)?;
    let rows = lacking.rows(&session, &snapshot).await?;
    let mut writer = staging.create("ledger", TABLE, schema(), &[]).await?;
    for batch in &rows {
        writer.write(batch).await?;
    }
    writer
        .publish(BTreeMap::from([(RUNS.to_owned(), known)]))
        .await?;
    Ok(())
}

fn batch(runs: &[RunOverview], schema: &SchemaRef) -> Result<RecordBatch, Error> {
    let rows: Vec<Row<'_>> = runs.iter().flat_map(rows).collect();
    let defect = |error: arrow::error::ArrowError| Error::Defect {
        what: format!("a row of ledger.{TABLE} does not fit its table: {error}"),
    };
    let mut decoder = arrow::json::ReaderBuilder::new(Arc::clone(schema))
        .with_batch_size(rows.len())
        .build_decoder()
        .map_err(defect)?;
    decoder.serialize(&rows).map_err(defect)?;
    let batch = decoder.flush().map_err(defect)?;
    Ok(batch.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(schema))))
}

fn rows(run: &RunOverview) -> Vec<Row<'_>> {
    match run.phases.as_slice() {
        [] => vec![row(run, None)],
        phases => phases.iter().map(|phase| row(run, Some(phase))).collect(),
    }
}

fn row<'a>(run: &'a RunOverview, phase: Option<&'a PhaseOverview>) -> Row<'a> {
    let report = phase.and_then(|phase| phase.report.as_ref());
    let text = |name: &str| report.and_then(|report| report[name].as_str());
    let step = |which: fn(Took) -> u64| {
        let took = phase.and_then(|phase| phase.took);
        took.map(|took| Duration::from_millis(which(took)).as_secs_f64())
    };
    Row {
        run: &run.run,
        target: &run.target,
        kind: match run.undoes.is_empty() {
            true => "run",
            false => "rollback",
        },
        status: &run.status,
        started: run.started,
        finished: run.finished,
        load: phase.map(|phase| phase.load.as_str()),
        object: text("object").or(phase.map(|phase| phase.object.as_str())),
        source: text("source"),
        sample: run.sample.map(|sample| sample.people),
        seed: run.sample.map(|sample| sample.seed),
        passed: phase.and_then(|phase| phase.passed),
        began: phase.and_then(|phase| phase.began),
        ended: phase.and_then(|phase| phase.ended),
        prepare_seconds: step(|took| took.prepare),
        send_seconds: step(|took| took.send),
        check_seconds: step(|took| took.check),
        counts: COUNTS
            .iter()
            .map(|&name| match name {
                GONE_WAITING => (name, phase.map(|phase| phase.gone_waiting)),
                name => (name, report.and_then(|report| report[name].as_u64())),
            })
            .collect(),
    }
}

pub(crate) fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new("run", DataType::Utf8, false),
        text("target"),
        text("kind"),
        text("status"),
        Field::new("started", instant.clone(), true),
        Field::new("finished", instant.clone(), true),
        text("load"),
        text("object"),
        text("source"),
        Field::new("sample", DataType::Int64, true),
        Field::new("seed", DataType::Int64, true),
        Field::new("passed", DataType::Boolean, true),
        Field::new("began", instant.clone(), true),
        Field::new("ended", instant, true),
    ];
    fields.extend(
        ["prepare_seconds", "send_seconds", "check_seconds"]
            .map(|name| Field::new(name, DataType::Float64, true)),
    );
    fields.extend(COUNTS.map(|name| Field::new(name, DataType::Int64, true)));
    Arc::new(Schema::new(fields))
}

/// Whether a table has the columns of this version.
fn same_columns(stands: &Schema) -> bool {
    let name = |field: &Arc<Field>| field.name().clone();
    stands
        .fields()
        .iter()
        .map(name)
        .eq(schema().fields().iter().map(name))
}

fn columns() -> String {
    let schema = schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    names.join(", ")
}
