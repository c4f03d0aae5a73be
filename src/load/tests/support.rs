//! Attempts to fold, parts to send.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, SchemaRef};

use crate::load::part::PartContext;
use crate::load::{Journal, write_ledger};
use crate::rows::bench::{Bench, Org, columns, numbers, texts};
use crate::rows::{
    Columns, Liveness, Outcome, RowOperation, ledger_schema, outbox_schema, sent_columns,
};
use crate::salesforce::ObjectDescribe;
use crate::staging::DataFile;

/// The key of loads in these tests.
pub(super) const KEY: &str = "usercom_id__c";

/// An answer, as a file of attempts has it.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) key: i64,
    pub(super) id: Option<&'static str>,
    pub(super) live: Option<Liveness>,
    pub(super) outcome: Option<Outcome>,
    /// Counts up; later answers come after earlier ones.
    pub(super) at: i64,
}

impl Attempt {
    /// A row that landed.
    pub(super) fn landed(key: i64, id: &'static str, outcome: Outcome, at: i64) -> Self {
        Self {
            key,
            id: Some(id),
            live: Some(Liveness::Live),
            outcome: Some(outcome),
            at,
        }
    }

    /// A row that did not.
    pub(super) fn refused(key: i64, outcome: Outcome, at: i64) -> Self {
        Self {
            key,
            id: None,
            live: None,
            outcome: Some(outcome),
            at,
        }
    }

    /// What a look at the org said about a record.
    pub(super) fn seen(key: i64, id: &'static str, live: Liveness, at: i64) -> Self {
        Self {
            key,
            id: Some(id),
            live: Some(live),
            outcome: None,
            at,
        }
    }
}

fn lead() -> Columns {
    columns(&[(KEY, DataType::Int64)], &[KEY])
}

/// Writes a file of attempts of the load `lead`.
async fn write(bench: &Bench, attempts: &[Attempt]) -> Vec<DataFile> {
    let schema = ledger_schema(&lead());
    let count = attempts.len();
    let text =
        |cells: Vec<Option<&'static str>>| -> ArrayRef { Arc::new(StringArray::from(cells)) };
    let of = |cell: fn(&Attempt) -> Option<&'static str>| text(attempts.iter().map(cell).collect());
    let landed = |attempt: &Attempt| attempt.id.is_some();
    let fingerprints = attempts
        .iter()
        .map(|attempt| landed(attempt).then_some(attempt.at));
    let written = attempts
        .iter()
        .map(|attempt| landed(attempt).then_some(&b"\x01"[..]));
    let at = attempts
        .iter()
        .map(|attempt| attempt.at)
        .collect::<Vec<_>>();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(
            attempts
                .iter()
                .map(|attempt| attempt.key)
                .collect::<Int64Array>(),
        ),
        of(|attempt| attempt.id),
        of(|attempt| attempt.live.map(Liveness::word)),
        Arc::new(fingerprints.collect::<Int64Array>()),
        Arc::new(written.collect::<BinaryArray>()),
        text(vec![None; count]),
        of(|attempt| attempt.outcome.map(Outcome::word)),
        text(vec![None; count]),
        text(vec![None; count]),
        text(vec![Some("upsert"); count]),
        text(vec![Some("750"); count]),
        Arc::new(Int64Array::from(vec![1; count])),
        text(vec![Some("r1"); count]),
        Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC")),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let writer = bench.staging.create("ledger", "attempts_lead", schema, &[]);
    let mut writer = writer.await.unwrap();
    writer.write(&batch).await.unwrap();
    writer.finish(BTreeMap::new()).await.unwrap().files
}

/// Folds attempts into the ledger of `lead`, as one phase does.
pub(super) async fn fold(bench: &Bench, attempts: &[Attempt]) {
    let files = match attempts {
        [] => Vec::new(),
        attempts => write(bench, attempts).await,
    };
    fold_files(bench, files).await;
}

pub(super) async fn fold_files(bench: &Bench, files: Vec<DataFile>) {
    let schema = ledger_schema(&lead());
    let key = [KEY.to_owned()];
    write_ledger(&bench.staging, &bench.engine, "lead", &key, schema, files)
        .await
        .unwrap();
}

/// Key, id, liveness and outcome of each row of the ledger.
pub(super) async fn ledger(bench: &Bench) -> Vec<String> {
    let sql = "select l.usercom_id__c, l.id, l.live, l.outcome from ledger.lead as l order by l.usercom_id__c";
    bench.lines(sql).await
}

/// The context that parts of a load into Account are sent with, named by `key`.
pub(super) async fn context(bench: &Bench, org: &Org, key: &str) -> PartContext {
    let columns = columns(&[(key, DataType::Utf8), ("Name", DataType::Utf8)], &[key]);
    let outbox = outbox_schema(&columns);
    let describe: ObjectDescribe = org.client.describe("Account").await.unwrap();
    PartContext {
        staging: bench.staging.clone(),
        client: org.client.clone(),
        journal: Journal::open(&bench.staging, "r1", 0),
        load: "account".to_owned(),
        object: "Account".to_owned(),
        key: vec![key.to_owned()],
        sent: sent_columns(&outbox),
        schema: ledger_schema(&columns),
        outbox,
        describe: Arc::new(describe),
        blobs: None,
        hard_delete: false,
        turn: Arc::default(),
        made: Arc::default(),
    }
}

/// A part of an outbox of [`context`]: key and name of each row, and the id of its record or `-`.
pub(super) async fn part(
    context: &PartContext,
    operation: RowOperation,
    rows: &[(&str, &str, &str)],
) -> DataFile {
    let of = |cell: fn(&(&str, &str, &str)) -> String| {
        let cells: Vec<String> = rows.iter().map(cell).collect();
        texts(&cells.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let schema: SchemaRef = Arc::clone(&context.outbox);
    let mut columns: BTreeMap<&str, ArrayRef> = BTreeMap::from([
        (context.key[0].as_str(), of(|row| row.0.to_owned())),
        ("Name", of(|row| row.1.to_owned())),
        ("_id", of(|row| row.2.to_owned())),
        ("_operation", texts(&vec![operation.word(); rows.len()])),
        ("_fingerprint", numbers(&vec![7; rows.len()])),
        (
            "_written",
            Arc::new(BinaryArray::from(vec![&b"\x03"[..]; rows.len()])),
        ),
    ]);
    let cells = schema.fields().iter().map(|field| {
        let known = columns.remove(field.name().as_str());
        known.unwrap_or_else(|| arrow::array::new_null_array(field.data_type(), rows.len()))
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), cells.collect()).unwrap();
    let writer = context.staging.create("outbox", "account", schema, &[]);
    let mut writer = writer.await.unwrap().labelled(operation.word());
    writer.write(&batch).await.unwrap();
    let mut whole = writer.finish(BTreeMap::new()).await.unwrap();
    whole.files.remove(0)
}
