//! The books: each row counts once, by what became of it in this run.

use std::collections::BTreeMap;

use crate::reconcile::{PhaseReport, count_phase, count_sources};
use crate::rows::bench::{Bench, numbers, texts};

const KEY: &str = "usercom_id__c";

/// A load whose rows have these operations, and these outcomes in these runs.
async fn books(operations: &[&str], ledger: &[(i64, &str, &str)]) -> Bench {
    let bench = Bench::new();
    let keys: Vec<i64> = (1..).take(operations.len()).collect();
    let outbox = vec![(KEY, numbers(&keys)), ("_operation", texts(operations))];
    bench.table("outbox.lead", outbox).await;
    let keys: Vec<i64> = ledger.iter().map(|row| row.0).collect();
    let outcomes: Vec<&str> = ledger.iter().map(|row| row.1).collect();
    let runs: Vec<&str> = ledger.iter().map(|row| row.2).collect();
    let ids: Vec<String> = keys.iter().map(|key| format!("00Q{key}")).collect();
    let ids = ids
        .iter()
        .zip(&outcomes)
        .map(|(id, outcome)| match *outcome {
            "failed" | "unprocessed" => "-",
            _ => id.as_str(),
        });
    let rows = vec![
        (KEY, numbers(&keys)),
        ("id", texts(&ids.collect::<Vec<_>>())),
        ("outcome", texts(&outcomes)),
        ("run_id", texts(&runs)),
    ];
    bench.table("ledger.lead", rows).await;
    bench
}

async fn report(bench: &Bench) -> PhaseReport {
    let (session, snapshot) = (bench.session().await, bench.snapshot().await);
    count_phase(&session, &snapshot, "Lead", "lead", &[KEY.to_owned()], "r2")
        .await
        .unwrap()
}

#[tokio::test]
async fn every_row_of_the_outbox_has_one_outcome() {
    let operations = [
        "upsert",
        "upsert",
        "update",
        "unchanged",
        "insert",
        "insert",
    ];
    let ledger = [
        (1, "created", "r2"),
        (2, "updated", "r2"),
        (3, "failed", "r2"),
        (4, "created", "r1"),
        (5, "unprocessed", "r2"),
        (6, "created", "r2"),
    ];
    let report = report(&books(&operations, &ledger).await).await;
    let counted = [
        report.outbox,
        report.sent,
        report.created,
        report.updated,
        report.unchanged,
        report.failed,
        report.unprocessed,
    ];
    assert_eq!(counted, [6, 5, 2, 1, 1, 1, 1]);
    assert!(report.outbox_balances());
}

#[tokio::test]
async fn a_row_that_the_ledger_has_twice_does_not_balance() {
    let ledger = [
        (1, "created", "r2"),
        (1, "updated", "r2"),
        (2, "created", "r2"),
    ];
    let report = report(&books(&["insert", "insert"], &ledger).await).await;
    assert_eq!((report.outbox, report.created, report.updated), (2, 2, 1));
    assert!(!report.outbox_balances());
}

#[tokio::test]
async fn what_an_earlier_run_did_is_not_counted_as_this_ones() {
    let report = report(&books(&["update"], &[(1, "created", "r1")]).await).await;
    assert_eq!((report.created, report.unprocessed), (0, 1));
}

#[tokio::test]
async fn a_row_that_the_ledger_does_not_know_was_never_processed() {
    let ledger = [(2, "created", "r2")];
    let report = report(&books(&["insert", "insert"], &ledger).await).await;
    assert_eq!((report.created, report.unprocessed), (1, 1));
    assert!(report.outbox_balances());
}

#[tokio::test]
async fn an_outcome_that_is_none_of_a_loads_counts_as_unprocessed() {
    let report = report(&books(&["insert"], &[(1, "deleted", "r2")]).await).await;
    assert_eq!(report.unprocessed, 1);
    assert!(report.outbox_balances());
}

#[tokio::test]
async fn rows_that_do_not_move_are_counted_by_their_fate() {
    let bench = books(&["insert"], &[(1, "created", "r2")]).await;
    let fates = [
        "held",
        "held",
        "out_of_scope",
        "passive",
        "ignored",
        "ignored",
        "ignored",
    ];
    bench
        .table("recon.fates_lead", vec![("fate", texts(&fates))])
        .await;
    let report = report(&bench).await;
    let counted = [
        report.held,
        report.out_of_scope,
        report.passive,
        report.ignored,
    ];
    assert_eq!(counted, [2, 1, 1, 3]);
    assert_eq!(report.accounted(), 8);
}

#[tokio::test]
async fn a_row_with_two_flags_is_flagged_once() {
    let bench = books(&["insert"], &[(1, "created", "r2")]).await;
    let keys = || vec![("key", texts(&["1", "1", "2"]))];
    bench.table("recon.flags_lead", keys()).await;
    bench.table("recon.altered_lead", keys()).await;
    let report = report(&bench).await;
    assert_eq!((report.flagged, report.altered), (2, 2));
    assert_eq!(report.accounted(), 1, "a flag is no fate");
}

#[tokio::test]
async fn only_records_of_this_load_that_landed_count_as_read_back() {
    let ledger = [(1, "created", "r2"), (2, "failed", "r2")];
    let bench = books(&["insert", "insert"], &ledger).await;
    // One of another load, and one that did not land by our hand.
    bench
        .table("org.lead", vec![(KEY, numbers(&[1, 2, 9]))])
        .await;
    assert_eq!(report(&bench).await.read_back, 1);
}

#[tokio::test]
async fn differences_are_as_many_as_their_table_has_rows() {
    let bench = books(&["insert"], &[(1, "created", "r2")]).await;
    assert_eq!(report(&bench).await.differences, 0);
    bench
        .table(
            "recon.differences_lead",
            vec![("key", texts(&["1", "1", "2"]))],
        )
        .await;
    assert_eq!(report(&bench).await.differences, 3);
}

#[tokio::test]
async fn a_load_without_tables_has_empty_books() {
    let report = report(&Bench::new()).await;
    let empty = PhaseReport {
        object: "Lead".to_owned(),
        load: "lead".to_owned(),
        ..PhaseReport::default()
    };
    assert_eq!(report, empty);
}

#[tokio::test]
async fn source_tables_are_counted_as_staging_found_them() {
    let bench = Bench::new();
    let counts = |source: u64, rejected: u64| {
        let counts = [("source_rows", source), ("rejected_rows", rejected)];
        let counts = counts.map(|(name, rows)| (name.to_owned(), rows));
        BTreeMap::from(counts)
    };
    for (table, counts) in [("people", counts(5, 2)), ("derived", counts(0, 0))] {
        let manifest = bench
            .table(
                &format!("usercom.{table}"),
                vec![("id", numbers(&[1, 2, 3]))],
            )
            .await;
        let manifest = crate::staging::Manifest { counts, ..manifest };
        bench.staging.publish(manifest).await.unwrap();
    }
    let sources = count_sources(&bench.snapshot().await);
    let [people] = sources.as_slice() else {
        panic!("{sources:?}");
    };
    assert_eq!(
        (
            people.table.as_str(),
            people.source,
            people.staged,
            people.rejected
        ),
        ("people", 5, 3, 2)
    );
}
