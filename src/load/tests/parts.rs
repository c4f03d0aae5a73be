//! Parts on their way: what is sent of a row, how its answer finds it, and how often it is sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use futures::TryStreamExt;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::support::{context, part};
use crate::load::answers::Answer;
use crate::load::known::{comparable, literal};
use crate::load::part::PartContext;
use crate::load::retry::Again;
use crate::load::{LoadError, LoadRequest, PhaseCounts, load_phase};
use crate::progress::Progress;
use crate::project::{QueryFile, QueryKind};
use crate::rows::bench::{Bench, Org, described, texts};
use crate::rows::{RowOperation, columns_of};
use crate::salesforce::Operation;
use crate::staging::{DataFile, Manifest};

/// The field that rows of these tests are named by.
const NUMBER: &str = "AccountNumber";

async fn csv(context: &PartContext, part: &DataFile, operation: Operation) -> String {
    let chunks: Vec<_> = context.csv(part, operation).try_collect().await.unwrap();
    String::from_utf8(chunks.concat()).unwrap()
}

#[tokio::test]
async fn a_new_row_is_sent_with_its_values_a_known_one_with_its_id_and_a_deletion_with_nothing_else()
 {
    let bench = Bench::new();
    let org = bench.org().await;
    let context = context(&bench, &org, NUMBER).await;
    let rows = [("a1", "Acme, Inc.", "001A00000000001AAA")];
    let part = part(&context, RowOperation::Update, &rows).await;
    assert_eq!(
        csv(&context, &part, Operation::Insert).await,
        "AccountNumber,Name\na1,\"Acme, Inc.\"\n"
    );
    assert_eq!(
        csv(&context, &part, Operation::Update).await,
        "Id,AccountNumber,Name\n001A00000000001AAA,a1,\"Acme, Inc.\"\n"
    );
    for operation in [Operation::Delete, Operation::HardDelete] {
        assert_eq!(
            csv(&context, &part, operation).await,
            "Id\n001A00000000001AAA\n"
        );
    }
}

#[tokio::test]
async fn the_same_part_can_be_read_again_from_its_first_row() {
    let bench = Bench::new();
    let org = bench.org().await;
    let context = context(&bench, &org, NUMBER).await;
    let part = part(&context, RowOperation::Insert, &[("a1", "Acme", "-")]).await;
    let first = csv(&context, &part, Operation::Insert).await;
    assert_eq!(csv(&context, &part, Operation::Insert).await, first);
}

#[tokio::test]
async fn fields_that_cannot_be_changed_are_left_out_of_updates() {
    let bench = Bench::new();
    let org = bench.org().await;
    let mut context = context(&bench, &org, NUMBER).await;
    context.sent.push("CreatedDate".to_owned());
    let mut describe = described("Account", &[(NUMBER, "string"), ("Name", "string")]);
    describe.fields[1].updateable = false;
    context.describe = Arc::new(describe);
    assert_eq!(context.sent_with(false), [NUMBER, "Name", "CreatedDate"]);
    assert_eq!(context.sent_with(true), [NUMBER]);
}

/// Numbers of rows in the files for another attempt.
async fn cut_again(attempt: u32, rows: usize, part_rows: usize) -> Vec<u64> {
    let bench = Bench::new();
    let org = bench.org().await;
    let context = context(&bench, &org, NUMBER).await;
    let names: Vec<String> = (0..rows).map(|row| format!("a{row}")).collect();
    let all: Vec<(&str, &str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), "Acme", "-"))
        .collect();
    let again = Again {
        part: part(&context, RowOperation::Insert, &all).await,
        operation: RowOperation::Insert,
        rows: (0..u32::try_from(rows).unwrap()).collect(),
        unprocessed: 0,
    };
    let parts = context
        .cut_again(&[again], attempt, part_rows)
        .await
        .unwrap();
    parts.iter().map(|(part, _)| part.rows).collect()
}

#[tokio::test]
async fn jobs_are_a_tenth_as_large_at_each_attempt() {
    assert_eq!(cut_again(2, 250, 1000).await, [100, 100, 50]);
    assert_eq!(cut_again(3, 25, 1000).await, [10, 10, 5]);
    assert_eq!(
        cut_again(6, 3, 1000).await,
        [1, 1, 1],
        "never less than a row"
    );
}

#[tokio::test]
async fn more_parts_than_hiccups_make_are_not_sent_again() {
    assert_eq!(cut_again(4, 200, 1000).await.len(), 200);
    assert!(cut_again(4, 201, 1000).await.is_empty());
}

#[tokio::test]
async fn only_the_rows_that_may_land_are_sent_again() {
    let bench = Bench::new();
    let org = bench.org().await;
    let context = context(&bench, &org, NUMBER).await;
    let rows = [("a0", "A", "-"), ("a1", "B", "-"), ("a2", "C", "-")];
    let again = Again {
        part: part(&context, RowOperation::Insert, &rows).await,
        operation: RowOperation::Insert,
        rows: vec![0, 2],
        unprocessed: 0,
    };
    let parts = context.cut_again(&[again], 2, 1000).await.unwrap();
    let (part, operation) = &parts[0];
    assert_eq!(*operation, RowOperation::Insert);
    assert_eq!(
        csv(&context, part, Operation::Insert).await,
        "AccountNumber,Name\na0,A\na2,C\n"
    );
}

#[tokio::test]
async fn records_are_found_by_key_and_two_with_the_same_key_are_nobodys() {
    let bench = Bench::new();
    let org = bench.org().await;
    let context = context(&bench, &org, NUMBER).await;
    let ids = org
        .create(
            "Account",
            &[
                json!({"Name": "One", NUMBER: "O'Brien"}),
                json!({"Name": "Two", NUMBER: "twin"}),
                json!({"Name": "Three", NUMBER: "twin"}),
            ],
        )
        .await;
    let keys = vec![(NUMBER.to_owned(), texts(&["o'brien", "twin", "nobody"]))];
    let found = context.find(&keys, &[0, 1, 2], "").await.unwrap();
    assert_eq!(found, BTreeMap::from([(0, ids[0].clone())]));
    let narrowed = context
        .find(&keys, &[0], " AND Name = 'Two'")
        .await
        .unwrap();
    assert!(narrowed.is_empty());
}

#[tokio::test]
async fn a_row_whose_key_is_taken_counts_as_landed() {
    let bench = Bench::new();
    let org = bench.org().await;
    let context = context(&bench, &org, NUMBER).await;
    let ids = org
        .create("Account", &[json!({"Name": "One", NUMBER: "a1"})])
        .await;
    let operation = RowOperation::Insert;
    let part = part(
        &context,
        operation,
        &[("a1", "One", "-"), ("a2", "Two", "-")],
    )
    .await;
    let rows = context.part_rows(&part, operation).await.unwrap();
    let refused = |code: &str| {
        Some(Answer::Failed {
            code: code.to_owned(),
            error: String::new(),
        })
    };
    let mut answers = [refused("DUPLICATE_VALUE"), refused("DUPLICATE_VALUE")];
    context.find_duplicates(&rows, &mut answers).await.unwrap();
    let found = Answer::Found { id: ids[0].clone() };
    assert_eq!(answers, [Some(found), refused("DUPLICATE_VALUE")]);
}

#[test]
fn values_are_compared_as_salesforce_does() {
    let fields = [
        ("AccountId", "reference"),
        ("Amount", "currency"),
        ("At", "datetime"),
        ("Name", "string"),
    ];
    let describe = described("Case", &fields);
    let same = |field: &str, left: &str, right: &str| {
        comparable(&describe, field, left) == comparable(&describe, field, right)
    };
    assert!(same("AccountId", "001A00000000001", "001A00000000001AAA"));
    assert!(!same("AccountId", "001A00000000001", "001a00000000001"));
    assert!(same("Amount", "12", "12.0"));
    assert!(!same("Amount", "12", "12.5"));
    assert!(same(
        "At",
        "2026-03-01T10:00:00.123Z",
        "2026-03-01T10:00:00.000+0000"
    ));
    assert!(!same("At", "2026-03-01T10:00:00Z", "2026-03-01T10:00:01Z"));
    assert!(same("Name", " Acme", "ACME"));
    assert!(!same("Name", "Acme", "Acme Inc"));
}

#[test]
fn values_in_a_query_are_quoted_unless_they_are_numbers() {
    let describe = described("Case", &[("Amount", "double"), ("Name", "string")]);
    assert_eq!(literal(&describe, "Amount", "12.5"), "12.5");
    assert_eq!(
        literal(&describe, "Name", "O'Neil \\ co"),
        "'O\\'Neil \\\\ co'"
    );
    assert_eq!(literal(&describe, "Unknown", "1"), "'1'");
}

/// Notes what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<(u64, u64)>>);

impl Progress for Told {
    fn rows(&self, _load: &str, done: u64, total: u64) {
        self.0.lock().unwrap().push((done, total));
    }
}

/// A load into Account with an outbox of these parts.
struct Load<'a> {
    bench: &'a Bench,
    org: &'a Org,
    outbox: Manifest,
    max_failed_percent: f64,
    reserve_percent: u8,
    stop: CancellationToken,
}

impl<'a> Load<'a> {
    async fn of(bench: &'a Bench, org: &'a Org, parts: &[&[(&str, &str, &str)]]) -> Self {
        let context = context(bench, org, NUMBER).await;
        let mut outbox: Option<Manifest> = None;
        for rows in parts {
            let file = part(&context, RowOperation::Insert, rows).await;
            let schema = Arc::clone(&context.outbox);
            match &mut outbox {
                Some(outbox) => {
                    outbox.rows += file.rows;
                    outbox.files.push(file);
                }
                None => {
                    let writer = bench.staging.create("outbox", "account", schema, &[]);
                    let whole = writer.await.unwrap().finish(BTreeMap::new()).await;
                    outbox = Some(Manifest {
                        rows: file.rows,
                        files: vec![file],
                        ..whole.unwrap()
                    });
                }
            }
        }
        Self {
            outbox: bench.staging.publish(outbox.unwrap()).await.unwrap(),
            bench,
            org,
            max_failed_percent: 0.5,
            reserve_percent: 0,
            stop: CancellationToken::new(),
        }
    }

    async fn run(&self) -> Result<PhaseCounts, LoadError> {
        let sql = "-- grain: one row per company\n-- object: Account\n-- operation: insert\n-- key: AccountNumber\n\
                   select c.name as \"AccountNumber\", c.name as \"Name\" from usercom.companies as c";
        let file = QueryFile::parse("queries/load/account.sql", QueryKind::Load, sql).unwrap();
        let context = context(self.bench, self.org, NUMBER).await;
        load_phase(&LoadRequest {
            staging: &self.bench.staging,
            engine: &self.bench.engine,
            client: &self.org.client,
            journal: &context.journal,
            file: &file,
            columns: &columns_of(&self.outbox, &file.key),
            outbox: &self.outbox,
            describe: &context.describe,
            blobs: None,
            concurrent_jobs: 2,
            part_rows: 100,
            reserve_percent: self.reserve_percent,
            max_failed_percent: self.max_failed_percent,
            hard_delete: false,
            stop: &self.stop,
            progress: Arc::new(Told::default()),
        })
        .await
    }

    async fn ledger(&self) -> Vec<String> {
        let sql = "select l.\"AccountNumber\", l.outcome, l.error_code from ledger.account as l \
                   order by l.\"AccountNumber\"";
        self.bench.lines(sql).await
    }
}

#[tokio::test]
async fn every_answer_finds_its_row_in_whatever_order_answers_come() {
    let bench = Bench::new();
    let org = bench.org().await;
    let names: Vec<String> = (0..150).map(|row| format!("a{row:03}")).collect();
    let mut rows: Vec<(&str, &str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), name.as_str(), "-"))
        .collect();
    // One row that Salesforce refuses: it has no name.
    rows[77].1 = "-";
    let load = Load::of(&bench, &org, &[&rows]).await;
    let counts = load.run().await.unwrap();
    assert_eq!((counts.created, counts.failed, counts.jobs), (149, 1, 1));
    let failed = "select l.\"AccountNumber\", l.error_code from ledger.account as l where l.outcome = 'failed'";
    assert_eq!(bench.lines(failed).await, ["a077 REQUIRED_FIELD_MISSING"]);
    // Each id in the ledger is that of the record with the row's key.
    let mut rows = std::pin::pin!(org.client.query("SELECT Id, AccountNumber FROM Account"));
    let mut known: Vec<String> = Vec::new();
    while let Some(row) = rows.try_next().await.unwrap() {
        let cell = |name: &str| crate::salesforce::field_text(&row, name).unwrap_or_default();
        if cell(NUMBER).starts_with('a') {
            known.push(format!("{} {}", cell(NUMBER), cell("Id")));
        }
    }
    known.sort();
    let ids = "select l.\"AccountNumber\", l.id from ledger.account as l where l.id is not null \
               order by l.\"AccountNumber\"";
    assert_eq!(bench.lines(ids).await, known);
}

#[tokio::test]
async fn a_canary_of_which_too_many_fail_keeps_the_other_parts_back() {
    let bench = Bench::new();
    let org = bench.org().await;
    let first = [("a1", "-", "-"), ("a2", "Acme", "-")];
    let second = [("b1", "Globex", "-")];
    let load = Load::of(&bench, &org, &[&first, &second]).await;
    let counts = load.run().await.unwrap();
    assert!(counts.canary_stopped);
    assert_eq!((counts.sent, counts.created, counts.failed), (2, 1, 1));
    let expected = ["a1 failed REQUIRED_FIELD_MISSING", "a2 created -"];
    assert_eq!(load.ledger().await, expected);
}

#[tokio::test]
async fn a_canary_whose_failures_are_allowed_lets_the_other_parts_go() {
    let bench = Bench::new();
    let org = bench.org().await;
    let first = [("a1", "-", "-"), ("a2", "Acme", "-")];
    let second = [("b1", "Globex", "-")];
    let mut load = Load::of(&bench, &org, &[&first, &second]).await;
    load.max_failed_percent = 50.0;
    let counts = load.run().await.unwrap();
    assert!(!counts.canary_stopped);
    assert_eq!((counts.sent, counts.created, counts.failed), (3, 2, 1));
}

#[tokio::test]
async fn an_org_near_its_allowance_gets_nothing() {
    let bench = Bench::new();
    let org = bench.org().await;
    let mut load = Load::of(&bench, &org, &[&[("a1", "Acme", "-")]]).await;
    load.reserve_percent = 100;
    let error = load.run().await.unwrap_err();
    assert!(
        matches!(&error, LoadError::Reserve { load, .. } if load == "account"),
        "{error}"
    );
    assert!(load.ledger().await.is_empty());
}

#[tokio::test]
async fn a_request_to_stop_sends_nothing_more_and_says_how_far_it_came() {
    let bench = Bench::new();
    let org = bench.org().await;
    let load = Load::of(&bench, &org, &[&[("a1", "Acme", "-")]]).await;
    load.stop.cancel();
    let error = load.run().await.unwrap_err();
    let expected = "stopped on request; 0 of 1 part(s) of account are loaded";
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().contains("same command again"));
}
