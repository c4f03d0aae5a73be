//! `ledger.reconciliations`: what each reconciliation found, kept over all of them, for dashboards and for the evidence of a cutover.
//!
//! In: a report. Out: the table with more rows. It only grows. Never: a row of what was not looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::context::Context;
use super::reconcile_report::ReconcileReport;
use crate::error::Error;
use crate::reconcile::reconciliations;

/// Name of the table.
const TABLE: &str = "reconciliations";

/// One thing that was looked at.
struct Row<'a> {
    what: &'static str,
    name: &'a str,
    object: Option<&'a str>,
    landed: Option<u64>,
    read_back: Option<u64>,
    findings: u64,
    changed_by_org: Option<u64>,
}

impl<'a> Row<'a> {
    fn of(what: &'static str, name: &'a str, findings: u64) -> Self {
        Self {
            what,
            name,
            object: None,
            landed: None,
            read_back: None,
            findings,
            changed_by_org: None,
        }
    }
}

/// Everything that a reconciliation looked at; all without findings if it ended well.
fn rows(report: &ReconcileReport) -> Vec<Row<'_>> {
    let loads = report.loads.iter().map(|load| Row {
        object: Some(&load.object),
        landed: Some(load.landed),
        read_back: Some(load.read_back),
        changed_by_org: Some(load.changed_by_org),
        ..Row::of("load", &load.load, load.differences)
    });
    let queries = report.queries.iter();
    let queries = queries.map(|(name, found)| Row::of("query", name, *found));
    let sample = report.sample.iter();
    let sample = sample.map(|sheet| Row::of("sample", "sample", sheet.odd() as u64));
    let people = report.hypercare.iter().flat_map(|seen| {
        [
            Row::of("duplicates", "duplicates", seen.duplicates),
            Row::of("storms", "storms", seen.storms),
        ]
    });
    loads.chain(queries).chain(sample).chain(people).collect()
}

/// Adds what a reconciliation found.
pub(super) async fn keep_reconciliation(
    context: &Context<'_>,
    report: &ReconcileReport,
) -> Result<(), Error> {
    let rows = rows(report);
    let at = context.connection.client.server_time().timestamp_micros();
    let reads = match context.whole {
        true => "all",
        false => "changes",
    };
    let count = |count: fn(&Row<'_>) -> Option<u64>| -> ArrayRef {
        let counts = rows.iter().map(count);
        let counts = counts.map(|count| i64::try_from(count?).ok());
        Arc::new(counts.collect::<Int64Array>())
    };
    let text = |text: fn(&Row<'_>) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(text).collect::<StringArray>())
    };
    let times = TimestampMicrosecondArray::from_value(at, rows.len()).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(times),
        Arc::new(StringArray::from(vec![reads; rows.len()])),
        text(|row| Some(row.what.to_owned())),
        text(|row| Some(row.name.to_owned())),
        text(|row| row.object.map(str::to_owned)),
        count(|row| row.landed),
        count(|row| row.read_back),
        count(|row| Some(row.findings)),
        count(|row| row.changed_by_org),
    ];
    let batch = RecordBatch::try_new(reconciliations(), columns);
    let batch = batch.map_err(|error| Error::Defect {
        what: format!("ledger.{TABLE} is no table: {error}"),
    })?;
    let staging = context.staging();
    let mut writer = staging
        .create("ledger", TABLE, reconciliations(), &[])
        .await?;
    writer.write(&batch).await?;
    let mut kept = writer.finish(BTreeMap::new()).await?;
    let snapshot = staging.snapshot().await?;
    if let Some(before) = snapshot.get("ledger", TABLE) {
        kept.files.splice(0..0, before.files.iter().cloned());
        kept.rows += before.rows;
    }
    staging.publish(kept).await?;
    Ok(())
}
