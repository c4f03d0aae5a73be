//! The ledger: the last known record of a key, apart from what happened to its row last.

use super::support::{Attempt, fold, ledger};
use crate::rows::bench::Bench;
use crate::rows::{Liveness, Outcome};

const A: &str = "00QA00000000001AAA";
const B: &str = "00QA00000000002AAA";

#[tokio::test]
async fn there_is_one_row_per_key_with_its_last_answer() {
    let bench = Bench::new();
    let attempts = [
        Attempt::landed(1, A, Outcome::Created, 1),
        Attempt::refused(2, Outcome::Failed, 1),
        Attempt::landed(2, B, Outcome::Created, 2),
    ];
    fold(&bench, &attempts).await;
    let expected = [format!("1 {A} live created"), format!("2 {B} live created")];
    assert_eq!(ledger(&bench).await, expected);
}

#[tokio::test]
async fn a_failed_update_never_hides_an_id() {
    let bench = Bench::new();
    fold(&bench, &[Attempt::landed(1, A, Outcome::Created, 1)]).await;
    for outcome in Outcome::NOT_LANDED {
        fold(&bench, &[Attempt::refused(1, outcome, 2)]).await;
        let expected = format!("1 {A} live {}", outcome.word());
        assert_eq!(ledger(&bench).await, [expected]);
    }
}

#[tokio::test]
async fn what_failed_and_was_then_written_has_landed() {
    let bench = Bench::new();
    fold(&bench, &[Attempt::refused(1, Outcome::Failed, 1)]).await;
    assert_eq!(ledger(&bench).await, ["1 - - failed"]);
    fold(&bench, &[Attempt::landed(1, A, Outcome::Updated, 2)]).await;
    assert_eq!(ledger(&bench).await, [format!("1 {A} live updated")]);
}

#[tokio::test]
async fn answers_count_by_their_time_not_by_their_place_in_a_file() {
    let bench = Bench::new();
    let attempts = [
        Attempt::refused(1, Outcome::Failed, 9),
        Attempt::landed(1, A, Outcome::Created, 3),
    ];
    fold(&bench, &attempts).await;
    assert_eq!(ledger(&bench).await, [format!("1 {A} live failed")]);
}

#[tokio::test]
async fn a_record_that_was_merged_or_deleted_keeps_its_id_and_its_outcome() {
    for live in [Liveness::Merged, Liveness::Deleted, Liveness::Converted] {
        let bench = Bench::new();
        fold(&bench, &[Attempt::landed(1, A, Outcome::Updated, 1)]).await;
        fold(&bench, &[Attempt::seen(1, A, live, 2)]).await;
        let expected = format!("1 {A} {} updated", live.word());
        assert_eq!(ledger(&bench).await, [expected]);
    }
}

#[tokio::test]
async fn what_was_undone_has_no_id_no_values_and_its_outcome() {
    let bench = Bench::new();
    fold(&bench, &[Attempt::landed(1, A, Outcome::Created, 1)]).await;
    let undone = Attempt {
        live: Some(Liveness::Undone),
        ..Attempt::landed(1, A, Outcome::Deleted, 2)
    };
    fold(&bench, &[undone]).await;
    assert_eq!(ledger(&bench).await, ["1 - undone deleted"]);
    let values = "select l.fingerprint, l.written from ledger.lead as l";
    assert_eq!(bench.lines(values).await, ["- -"]);
}

#[tokio::test]
async fn what_was_undone_and_is_loaded_again_has_its_new_id() {
    let bench = Bench::new();
    let undone = Attempt {
        live: Some(Liveness::Undone),
        ..Attempt::landed(1, A, Outcome::Deleted, 1)
    };
    fold(&bench, &[undone]).await;
    fold(&bench, &[Attempt::refused(1, Outcome::Failed, 2)]).await;
    assert_eq!(ledger(&bench).await, ["1 - - failed"]);
    fold(&bench, &[Attempt::landed(1, B, Outcome::Created, 3)]).await;
    assert_eq!(ledger(&bench).await, [format!("1 {B} live created")]);
}

#[tokio::test]
async fn the_values_in_the_ledger_are_those_that_landed_last() {
    let bench = Bench::new();
    let attempts = [
        Attempt::landed(1, A, Outcome::Created, 5),
        Attempt::refused(1, Outcome::Failed, 6),
    ];
    fold(&bench, &attempts).await;
    let values = "select l.fingerprint from ledger.lead as l";
    assert_eq!(bench.lines(values).await, ["5"]);
}

#[tokio::test]
async fn every_attempt_ever_made_is_kept() {
    let bench = Bench::new();
    fold(&bench, &[Attempt::refused(1, Outcome::Failed, 1)]).await;
    fold(&bench, &[Attempt::landed(1, A, Outcome::Created, 2)]).await;
    fold(&bench, &[]).await;
    let all = "select a.outcome from ledger.attempts_lead as a order by a.at";
    assert_eq!(bench.lines(all).await, ["failed", "created"]);
    assert_eq!(ledger(&bench).await.len(), 1);
}

#[tokio::test]
async fn attempts_that_are_folded_twice_are_kept_once() {
    let bench = Bench::new();
    fold(&bench, &[Attempt::landed(1, A, Outcome::Created, 1)]).await;
    let snapshot = bench.snapshot().await;
    let files = snapshot.get("ledger", "attempts_lead").unwrap();
    super::support::fold_files(&bench, files.files.clone()).await;
    let all = "select count(*) from ledger.attempts_lead as a";
    assert_eq!(bench.lines(all).await, ["1"]);
    assert_eq!(ledger(&bench).await, [format!("1 {A} live created")]);
}

#[tokio::test]
async fn a_load_without_an_answer_has_an_empty_ledger() {
    let bench = Bench::new();
    fold(&bench, &[]).await;
    assert!(ledger(&bench).await.is_empty());
}
