//! Claims of the staging area as a whole.

use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{DataType, Field};

use super::*;

fn batch(values: Vec<i64>) -> RecordBatch {
    let column: ArrayRef = Arc::new(Int64Array::from(values));
    RecordBatch::try_from_iter([("id", column)]).unwrap()
}

pub(super) async fn publish(staging: &Staging, values: Vec<i64>) -> Manifest {
    let batch = batch(values);
    let mut writer = staging
        .create("usercom", "people", batch.schema(), &["id"])
        .await
        .unwrap();
    writer.write(&batch).await.unwrap();
    writer.publish(BTreeMap::new()).await.unwrap()
}

#[tokio::test]
async fn a_table_is_its_newest_version_and_the_one_before_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
    let first = publish(&staging, vec![1]).await;
    let second = publish(&staging, vec![1, 2]).await;
    let third = publish(&staging, vec![1, 2, 3]).await;
    let snapshot = staging.snapshot().await.unwrap();
    let current = snapshot.get("usercom", "people").unwrap();
    assert_eq!((current.version, current.rows), (3, 3));
    assert_eq!(third.files, current.files);
    let exists = |manifest: &Manifest| folder.path().join(&manifest.files[0].path).exists();
    assert!(!exists(&first));
    assert!(exists(&second));
}

#[tokio::test]
async fn what_the_only_writer_publishes_is_in_its_next_snapshot_without_being_read() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().to_str().unwrap();
    let staging = Staging::open(location).unwrap().with_org("00D1");
    let lease = staging.lease("run").await.unwrap();
    let rows = async || {
        let snapshot = staging.snapshot().await.unwrap();
        snapshot.get("usercom", "people").map(|table| table.rows)
    };
    assert_eq!(rows().await, None);
    publish(&staging, vec![1]).await;
    assert_eq!(rows().await, Some(1));
    let before = staging.snapshot().await.unwrap();
    publish(&staging, vec![1, 2]).await;
    let second = folder
        .path()
        .join("manifests/usercom/people/0000000002.json");
    std::fs::remove_file(second).unwrap();
    assert_eq!(rows().await, Some(2));
    assert_eq!(before.get("usercom", "people").unwrap().rows, 1);
    // Others may have published since: what is there is looked up again.
    lease.release().await.unwrap();
    assert_eq!(rows().await, Some(1));
}

#[tokio::test]
async fn an_unpublished_version_is_invisible_and_swept() {
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
    let published = publish(&staging, vec![1]).await;
    let batch = batch(vec![1, 2]);
    let mut writer = staging
        .create("usercom", "people", batch.schema(), &["id"])
        .await
        .unwrap();
    writer.write(&batch).await.unwrap();
    let unpublished = writer.finish(BTreeMap::new()).await.unwrap();
    let snapshot = staging.snapshot().await.unwrap();
    assert_eq!(
        snapshot.get("usercom", "people").unwrap().files,
        published.files
    );
    assert_eq!(
        staging
            .sweep_leftovers(Duration::from_secs(3600))
            .await
            .unwrap(),
        0
    );
    assert_eq!(staging.sweep_leftovers(Duration::ZERO).await.unwrap(), 1);
    assert!(
        staging
            .read(&staging.absolute(&unpublished.files[0].path))
            .await
            .is_err()
    );
    assert!(
        staging
            .read(&staging.absolute(&published.files[0].path))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_moved_area_keeps_its_tables_and_a_lost_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let before = folder.path().join("before");
    let staging = Staging::open(before.to_str().unwrap()).unwrap();
    let published = publish(&staging, vec![1, 2]).await;
    let after = folder.path().join("after");
    std::fs::rename(&before, &after).unwrap();
    let staging = Staging::open(after.to_str().unwrap()).unwrap();
    let snapshot = staging.snapshot().await.unwrap();
    assert_eq!(snapshot.get("usercom", "people").unwrap().rows, 2);
    std::fs::remove_file(after.join(&published.files[0].path)).unwrap();
    // The next command opens the area anew.
    let staging = Staging::open(after.to_str().unwrap()).unwrap();
    let error = staging.snapshot().await.unwrap_err();
    assert!(matches!(error, StagingError::MissingFile { .. }), "{error}");
}

#[tokio::test]
async fn tables_of_organisations_are_apart_and_shared_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
    publish(&staging, vec![1]).await;
    let sandbox = staging.with_org("00Dsandbox");
    let batch = batch(vec![7]);
    let mut writer = sandbox
        .create("ledger", "account", batch.schema(), &[])
        .await
        .unwrap();
    writer.write(&batch).await.unwrap();
    writer.publish(BTreeMap::new()).await.unwrap();
    assert!(
        sandbox
            .snapshot()
            .await
            .unwrap()
            .get("ledger", "account")
            .is_some()
    );
    let production = staging.with_org("00Dproduction").snapshot().await.unwrap();
    assert!(production.get("ledger", "account").is_none());
    assert!(production.get("usercom", "people").is_some());
}

#[tokio::test]
async fn a_table_without_rows_still_has_a_file_and_a_schema() {
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
    let writer = staging
        .create("usercom", "deals", batch(vec![]).schema(), &[])
        .await
        .unwrap();
    let manifest = writer.publish(BTreeMap::new()).await.unwrap();
    assert_eq!((manifest.rows, manifest.files.len()), (0, 1));
}

async fn publish_ledger(staging: &Staging, values: Vec<i64>) -> Manifest {
    let batch = batch(values);
    let mut writer = staging
        .create("ledger", "lead", batch.schema(), &["id"])
        .await
        .unwrap();
    writer.write(&batch).await.unwrap();
    writer.publish(BTreeMap::new()).await.unwrap()
}

#[tokio::test]
async fn a_newest_ledger_that_is_gone_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().to_str().unwrap();
    let staging = Staging::open(location).unwrap().with_org("00D1");
    for rows in 1..=3 {
        publish_ledger(&staging, (0..rows).collect()).await;
    }
    let manifests = folder.path().join("orgs/00D1/manifests/ledger/lead");
    std::fs::remove_file(manifests.join("0000000003.json")).unwrap();
    let staging = Staging::open(location).unwrap().with_org("00D1");
    let error = staging.snapshot().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the manifest of ledger.lead, version 3, is gone: the newest that is left is version 2"
    );
    assert!(error.hint().unwrap().contains("backup"));
    std::fs::remove_dir_all(manifests).unwrap();
    let error = staging.snapshot().await.unwrap_err();
    assert!(error.to_string().ends_with("no version is left"), "{error}");
}

#[tokio::test]
async fn files_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
    let published = publish(&staging, vec![1]).await;
    let data = folder.path().join(&published.files[0].path);
    let foreign = [
        folder.path().join("manifests/.DS_Store"),
        folder.path().join("manifests/usercom/people/.DS_Store"),
        folder.path().join("manifests/usercom/people/notes.txt"),
        data.with_file_name(".DS_Store"),
        folder.path().join("lease/.DS_Store"),
    ];
    std::fs::create_dir_all(folder.path().join("lease")).unwrap();
    for path in &foreign {
        std::fs::write(path, "x").unwrap();
    }
    publish(&staging, vec![1, 2]).await;
    publish(&staging, vec![1, 2, 3]).await;
    assert_eq!(staging.sweep_leftovers(Duration::ZERO).await.unwrap(), 0);
    let snapshot = staging.snapshot().await.unwrap();
    assert_eq!(snapshot.get("usercom", "people").unwrap().rows, 3);
    staging.lease("run").await.unwrap().release().await.unwrap();
    assert!(foreign.iter().all(|path| path.exists()));
}

#[tokio::test]
async fn a_file_tells_the_bytes_of_its_texts_as_often_as_they_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
    // Parquet has the repeated text once.
    let same = StringArray::from(vec![Some("zw\u{f3}jka"); 1000]);
    let none = StringArray::from(vec![None::<&str>; 1000]);
    let inner = Arc::new(Field::new("reason", DataType::Utf8, true));
    let inner = StructArray::from(vec![(inner, Arc::new(same.clone()) as ArrayRef)]);
    let ids = Int64Array::from_iter_values(0..1000);
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(ids)),
        ("same", Arc::new(same)),
        ("none", Arc::new(none)),
        ("fate", Arc::new(inner)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = staging
        .create("prepare", "x", batch.schema(), &[])
        .await
        .unwrap();
    for _ in 0..100 {
        writer.write(&batch).await.unwrap();
    }
    let mut table = writer.publish(BTreeMap::new()).await.unwrap();
    let of = |table: &Manifest| ["id", "same", "none", "fate"].map(|name| table.text_bytes(name));
    assert_eq!(of(&table), [None, Some(7), Some(0), Some(7)]);
    assert_eq!(table.files[0].text_bytes["same"], 700_000);
    // A file of which nobody knows.
    let mut other = table.files[0].clone();
    other.text_bytes.clear();
    table.files.push(other);
    assert_eq!(of(&table)[1], None);
}
