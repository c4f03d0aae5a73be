//! Answers: one per row, found by key or id, and stored as what they mean.

use super::support::{context, part};
use crate::load::answers::{Answer, Origin, PartCounts, count, refused};
use crate::rows::RowOperation;
use crate::rows::bench::Bench;

const ID: &str = "001A00000000001AAA";

fn landed(created: bool) -> Option<Answer> {
    Some(Answer::Landed {
        id: ID.to_owned(),
        created,
    })
}

fn found() -> Option<Answer> {
    Some(Answer::Found { id: ID.to_owned() })
}

fn failed(code: &str) -> Option<Answer> {
    Some(refused(RowOperation::Update, code, "no", ID))
}

#[test]
fn rows_are_counted_by_what_became_of_them() {
    let answers = [
        landed(true),
        landed(false),
        found(),
        failed("STRING_TOO_LONG"),
        None,
        None,
    ];
    let expected = PartCounts {
        created: 1,
        updated: 2,
        failed: 1,
        unprocessed: 2,
    };
    assert_eq!(count(&answers), expected);
}

#[test]
fn what_is_deleted_already_counts_as_deleted_and_as_failed_otherwise() {
    let gone = "ENTITY_IS_DELETED";
    let deleted = refused(RowOperation::Delete, gone, "entity is deleted", ID);
    assert_eq!(Some(deleted), landed(false));
    for operation in [RowOperation::Update, RowOperation::Restore] {
        let answer = refused(operation, gone, "entity is deleted", ID);
        assert!(matches!(answer, Answer::Failed { code, .. } if code == gone));
    }
    let answer = refused(RowOperation::Delete, "INSUFFICIENT_ACCESS", "no", ID);
    assert!(matches!(answer, Answer::Failed { .. }));
}

/// Id, liveness, outcome, code and operation of one answer after it was stored.
async fn stored(operation: RowOperation, answer: Option<Answer>) -> String {
    let bench = Bench::new();
    let org = bench.org().await;
    let context = context(&bench, &org, "AccountNumber").await;
    let part = part(&context, operation, &[("a1", "Acme", ID)]).await;
    let rows = context.part_rows(&part, operation).await.unwrap();
    let origin = Origin {
        operation,
        attempt: 3,
        job: "750",
        unprocessed: Some("the job was aborted"),
    };
    let files = context.store(&rows, 0, &[answer], &origin).await.unwrap();
    let key = [context.key[0].clone()];
    let schema = std::sync::Arc::clone(&context.schema);
    crate::load::write_ledger(
        &bench.staging,
        &bench.engine,
        "account",
        &key,
        schema,
        files,
    )
    .await
    .unwrap();
    let sql = "select a.\"AccountNumber\", a.id, a.live, a.fingerprint, a.outcome, a.error_code, a.error, \
               a.operation, a.attempt, a.run_id from ledger.attempts_account as a";
    bench.lines(sql).await.remove(0)
}

#[tokio::test]
async fn a_created_row_has_its_id_and_its_values() {
    let line = stored(RowOperation::Insert, landed(true)).await;
    assert_eq!(line, format!("a1 {ID} live 7 created - - insert 3 r1"));
}

#[tokio::test]
async fn a_row_whose_record_was_found_has_no_values_so_that_they_are_sent_next_time() {
    let line = stored(RowOperation::Insert, found()).await;
    assert_eq!(line, format!("a1 {ID} live - updated - - insert 3 r1"));
}

#[tokio::test]
async fn a_refused_row_has_its_reason_and_no_id() {
    let line = stored(RowOperation::Update, failed("STRING_TOO_LONG")).await;
    assert_eq!(line, "a1 - - - failed STRING_TOO_LONG no update 3 r1");
}

#[tokio::test]
async fn a_row_that_was_never_tried_says_why() {
    let line = stored(RowOperation::Upsert, None).await;
    let expected = "a1 - - - unprocessed UNPROCESSED the job was aborted upsert 3 r1";
    assert_eq!(line, expected);
}

#[tokio::test]
async fn what_a_rollback_did_has_outcomes_of_its_own() {
    let deleted = stored(RowOperation::Delete, landed(false)).await;
    assert!(
        deleted.starts_with(&format!("a1 {ID} undone - deleted")),
        "{deleted}"
    );
    let released = stored(RowOperation::Release, landed(false)).await;
    assert!(
        released.starts_with(&format!("a1 {ID} undone - released")),
        "{released}"
    );
    let restored = stored(RowOperation::Restore, landed(false)).await;
    assert!(
        restored.starts_with(&format!("a1 {ID} live - restored")),
        "{restored}"
    );
}

#[tokio::test]
async fn new_rows_are_found_by_key_and_known_ones_by_either_form_of_their_id() {
    let bench = Bench::new();
    let org = bench.org().await;
    let context = context(&bench, &org, "AccountNumber").await;
    let rows = [("a1", "Acme", ID), ("a2", "Globex", "001A00000000002AAA")];
    let new = part(&context, RowOperation::Upsert, &rows).await;
    let new = context.part_rows(&new, RowOperation::Upsert).await.unwrap();
    assert_eq!(
        (new.find("a2"), new.find("A2"), new.find(ID)),
        (Some(1), None, None)
    );
    let known = part(&context, RowOperation::Update, &rows).await;
    let known = context
        .part_rows(&known, RowOperation::Update)
        .await
        .unwrap();
    assert_eq!(known.find("001A00000000002"), Some(1));
    assert_eq!(known.find("001A00000000002AAA"), Some(1));
    assert_eq!(known.find("a2"), None);
}
