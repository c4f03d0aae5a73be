//! `ledger.runs`: one row per run and load, kept over all runs, for dashboards and for the evidence of a cutover.
//!
//! In: the journals of the organisation in view. Out: a new version of the table with the runs that it lacked, those that
//! broke off included once a later run has found out. It never reads the journal of a run that it has already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::status::RunOverview;
use crate::engine::Engine;
use crate::error::Error;
use crate::load::{Journal, Took};
use crate::staging::Staging;

/// Name of the table.
const TABLE: &str = "runs";

/// Counts of a load, as the summary of a run names them.
const COUNTS: [&str; 15] = [
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
];

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
    /// How many people were drawn for it, and by which seed; none if all of them took part.
    sample: Option<u32>,
    seed: Option<u32>,
    /// Whether the gate of the load held; none if the load was not reported.
    passed: Option<bool>,
    /// Seconds until the rows were written, sent, and compared; none where an earlier version did not measure.
    prepare_seconds: Option<f64>,
    send_seconds: Option<f64>,
    check_seconds: Option<f64>,
    #[serde(flatten)]
    counts: BTreeMap<&'static str, Option<u64>>,
}

/// Brings the table up to date.
pub(crate) async fn keep_runs(engine: &Engine, staging: &Staging) -> Result<(), Error> {
    let snapshot = staging.snapshot().await?;
    let mut kept: Vec<RecordBatch> = Vec::new();
    let mut known = BTreeSet::new();
    // A table of an earlier version has other columns and is made anew from the journals.
    let stands = snapshot.get("ledger", TABLE);
    if stands.is_some_and(|table| same_columns(&table.schema)) {
        let session = engine.session(staging, &snapshot)?;
        let all = format!("select {} from ledger.{TABLE}", columns());
        kept = session.collect("the log of runs", &all).await?;
        for batch in &kept {
            let runs = batch.column(0).as_string::<i32>();
            known.extend(runs.iter().flatten().map(str::to_owned));
        }
    }
    let mut more = Vec::new();
    for outline in Journal::outlines(staging).await? {
        if known.contains(&outline.run) {
            continue;
        }
        let record = outline.read(staging).await?;
        let overview = RunOverview::of(&record, staging.org().unwrap_or_default());
        if overview.finished.is_some() {
            more.push(overview);
        }
    }
    if more.is_empty() {
        return Ok(());
    }
    let schema = schema();
    kept.push(batch(&more, &schema)?);
    let mut writer = staging.create("ledger", TABLE, schema, &[]).await?;
    for batch in &kept {
        writer.write(batch).await?;
    }
    writer.publish(BTreeMap::new()).await?;
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
    let seconds = |milliseconds: u64| Duration::from_millis(milliseconds).as_secs_f64();
    let row = |load, object, passed, report: Option<&Value>, took: Option<Took>| Row {
        run: &run.run,
        target: &run.target,
        kind: match run.undoes.is_empty() {
            true => "run",
            false => "rollback",
        },
        status: &run.status,
        started: run.started,
        finished: run.finished,
        load,
        object,
        sample: run.sample.map(|sample| sample.people),
        seed: run.sample.map(|sample| sample.seed),
        passed,
        prepare_seconds: took.map(|took| seconds(took.prepare)),
        send_seconds: took.map(|took| seconds(took.send)),
        check_seconds: took.map(|took| seconds(took.check)),
        counts: COUNTS
            .iter()
            .map(|&name| (name, report.and_then(|report| report[name].as_u64())))
            .collect(),
    };
    if run.phases.is_empty() {
        return vec![row(None, None, None, None, None)];
    }
    run.phases
        .iter()
        .map(|phase| {
            let object = phase
                .report
                .as_ref()
                .and_then(|report| report["object"].as_str())
                .unwrap_or(&phase.object);
            row(
                Some(phase.load.as_str()),
                Some(object),
                phase.passed,
                phase.report.as_ref(),
                phase.took,
            )
        })
        .collect()
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new("run", DataType::Utf8, false),
        text("target"),
        text("kind"),
        text("status"),
        Field::new("started", instant.clone(), true),
        Field::new("finished", instant, true),
        text("load"),
        text("object"),
        Field::new("sample", DataType::Int64, true),
        Field::new("seed", DataType::Int64, true),
        Field::new("passed", DataType::Boolean, true),
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
