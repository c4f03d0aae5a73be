//! What is read of an org: rows with our key, values before they are replaced, records that should be gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, RecordBatch};
use arrow::datatypes::DataType;
use serde_json::json;

use crate::project::{QueryFile, QueryKind};
use crate::reconcile::{ReadBack, before_update, keep_pre_images, read_back, still_there};
use crate::rows::bench::{Bench, Org, columns, numbers, texts};
use crate::rows::{Columns, RowOperation, outbox_schema};
use crate::salesforce::ObjectDescribe;
use crate::staging::Manifest;

const NUMBER: &str = "AccountNumber";

/// A load into Account, named by its number.
struct Load {
    bench: Bench,
    org: Org,
    file: QueryFile,
    describe: ObjectDescribe,
    columns: Columns,
}

/// A row of its outbox: number, name (`-` for none), id, and the bits of the fields that are cleared.
type Row<'a> = (&'a str, &'a str, &'a str, u8);

/// The bits of the name and of the site.
const NAME: u8 = 2;
const SITE: u8 = 4;

impl Load {
    async fn new() -> Self {
        let bench = Bench::new();
        let org = bench.org().await;
        let sql = "-- grain: one row per company\n-- object: Account\n-- operation: upsert\n-- key: AccountNumber\n\
                   select c.name as \"AccountNumber\", c.name as \"Name\" from usercom.companies as c";
        Self {
            file: QueryFile::parse("queries/load/account.sql", QueryKind::Load, sql).unwrap(),
            describe: org.client.describe("Account").await.unwrap(),
            columns: columns(
                &[
                    (NUMBER, DataType::Utf8),
                    ("Name", DataType::Utf8),
                    ("Site", DataType::Utf8),
                ],
                &[NUMBER],
            ),
            bench,
            org,
        }
    }

    fn request(&self) -> ReadBack<'_> {
        ReadBack {
            staging: &self.bench.staging,
            engine: &self.bench.engine,
            client: &self.org.client,
            file: &self.file,
            describe: &self.describe,
            columns: &self.columns,
            outbox_rows: 1,
            whole: false,
            is_after_sending: false,
        }
    }

    async fn ledger(&self, keys: &[&str], ids: &[&str]) {
        let rows = vec![(NUMBER, texts(keys)), ("id", texts(ids))];
        self.bench.table("ledger.account", rows).await;
    }

    /// Publishes an outbox of rows for one operation.
    async fn outbox(&self, table: &str, operation: RowOperation, rows: &[Row<'_>]) -> Manifest {
        let schema = outbox_schema(&self.columns);
        let of = |cell: fn(&Row<'_>) -> String| {
            let cells: Vec<String> = rows.iter().map(cell).collect();
            texts(&cells.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let clear = rows.iter().map(|row| (row.3 > 0).then_some([row.3]));
        let mut known: BTreeMap<&str, ArrayRef> = BTreeMap::from([
            (NUMBER, of(|row| row.0.to_owned())),
            ("Name", of(|row| row.1.to_owned())),
            ("_id", of(|row| row.2.to_owned())),
            ("_operation", texts(&vec![operation.word(); rows.len()])),
            ("_fingerprint", numbers(&vec![7; rows.len()])),
            (
                "_clear",
                Arc::new(clear.collect::<BinaryArray>()) as ArrayRef,
            ),
        ]);
        let cells = schema.fields().iter().map(|field| {
            let known = known.remove(field.name().as_str());
            known.unwrap_or_else(|| arrow::array::new_null_array(field.data_type(), rows.len()))
        });
        let batch = RecordBatch::try_new(Arc::clone(&schema), cells.collect()).unwrap();
        let writer = self.bench.staging.create("outbox", table, schema, &[]);
        let mut writer = writer.await.unwrap().labelled(operation.word());
        writer.write(&batch).await.unwrap();
        writer.publish(BTreeMap::new()).await.unwrap()
    }

    /// What is kept of the values that this outbox will replace.
    async fn kept(&self, outbox: &Manifest, later: &[&str], run: &str) -> Vec<String> {
        let later: BTreeSet<String> = later.iter().map(|&name| name.to_owned()).collect();
        let mut snapshot = self.bench.snapshot().await;
        snapshot.insert(outbox.clone());
        let request = self.request();
        if let Some(now) = before_update(&request, &snapshot).await.unwrap() {
            keep_pre_images(&request, &now, &later, run).await.unwrap();
        }
        let snapshot = self.bench.snapshot().await;
        if snapshot.get("ledger", "before_account").is_none() {
            return Vec::new();
        }
        let sql = "select b.run_id, b.\"AccountNumber\", b.field, b.before, b.wrote \
                   from ledger.before_account as b order by 1, 2, 3";
        self.bench.lines(sql).await
    }
}

#[tokio::test]
async fn every_record_with_a_key_is_read_back_in_the_order_of_keys() {
    let load = Load::new().await;
    let accounts = [
        json!({"Name": "Globex", NUMBER: "b"}),
        json!({"Name": "Nobody's"}),
        json!({"Name": "Acme", NUMBER: "a", "Site": "Warsaw"}),
    ];
    load.org.create("Account", &accounts).await;
    load.ledger(&["a", "b"], &["001A", "001B"]).await;
    let read = read_back(&load.request(), |_| {}).await.unwrap();
    assert_eq!(read.sorted_by, [NUMBER]);
    let sql = "select r.\"AccountNumber\", r.\"Name\", r.\"Site\" from org.account as r";
    let found = load.bench.lines(sql).await;
    let ours: Vec<&str> = found
        .iter()
        .map(String::as_str)
        .filter(|row| row.starts_with("a ") || row.starts_with("b "))
        .collect();
    assert_eq!(ours, ["a Acme Warsaw", "b Globex -"]);
    assert!(found.iter().all(|row| !row.contains("Nobody's")));
}

#[tokio::test]
async fn loads_that_share_an_object_read_only_keys_that_begin_like_theirs() {
    let load = Load::new().await;
    let accounts = [
        json!({"Name": "One", NUMBER: "co_x:1"}),
        json!({"Name": "Two", NUMBER: "coax:2"}),
    ];
    load.org.create("Account", &accounts).await;
    load.ledger(&["co_x:1", "co_x:9"], &["001A", "001B"]).await;
    read_back(&load.request(), |_| {}).await.unwrap();
    let sql = "select r.\"Name\" from org.account as r";
    assert_eq!(load.bench.lines(sql).await, ["One"]);
}

#[tokio::test]
async fn nothing_is_asked_for_an_empty_outbox() {
    let load = Load::new().await;
    let before = load.org.client.usage().requests;
    let request = ReadBack {
        outbox_rows: 0,
        ..load.request()
    };
    let read = read_back(&request, |_| {}).await.unwrap();
    assert_eq!(read.rows, 0);
    assert_eq!(load.org.client.usage().requests, before);
}

#[tokio::test]
async fn only_values_that_will_change_are_kept() {
    let load = Load::new().await;
    let accounts = [
        json!({"Name": "Acme", NUMBER: "a"}),
        json!({"Name": "Globex", NUMBER: "b"}),
    ];
    let ids = load.org.create("Account", &accounts).await;
    let rows = [
        ("a", "Acme Inc", ids[0].as_str(), 0),
        ("b", "Globex", &ids[1], 0),
    ];
    let outbox = load.outbox("account", RowOperation::Update, &rows).await;
    assert_eq!(
        load.kept(&outbox, &[], "r1").await,
        ["r1 a Name Acme Acme Inc"]
    );
}

#[tokio::test]
async fn a_value_that_is_not_sent_is_kept_only_if_it_is_cleared() {
    let load = Load::new().await;
    let accounts = [
        json!({"Name": "Acme", NUMBER: "a"}),
        json!({"Name": "Globex", NUMBER: "b"}),
    ];
    let ids = load.org.create("Account", &accounts).await;
    let rows = [("a", "-", ids[0].as_str(), NAME), ("b", "-", &ids[1], 0)];
    let outbox = load.outbox("account", RowOperation::Update, &rows).await;
    assert_eq!(load.kept(&outbox, &[], "r1").await, ["r1 a Name Acme -"]);
}

#[tokio::test]
async fn clearing_one_field_keeps_no_value_of_another_that_is_not_sent() {
    let load = Load::new().await;
    let account = json!({"Name": "Acme", NUMBER: "a", "Site": "Warsaw"});
    let ids = load.org.create("Account", &[account]).await;
    let rows = [("a", "-", ids[0].as_str(), SITE)];
    let outbox = load.outbox("account", RowOperation::Update, &rows).await;
    let kept = load.kept(&outbox, &[], "r1").await;
    assert_eq!(kept, ["r1 a Site Warsaw -"]);
}

#[tokio::test]
async fn the_key_that_a_record_gets_is_kept_as_what_it_had() {
    let load = Load::new().await;
    let ids = load.org.create("Account", &[json!({"Name": "Acme"})]).await;
    let rows = [("a", "Acme", ids[0].as_str(), 0)];
    let outbox = load.outbox("account", RowOperation::Update, &rows).await;
    assert_eq!(
        load.kept(&outbox, &[], "r1").await,
        ["r1 a AccountNumber - a"]
    );
}

#[tokio::test]
async fn pre_images_only_grow_and_fields_of_later_loads_are_theirs() {
    let load = Load::new().await;
    let ids = load
        .org
        .create("Account", &[json!({"Name": "Acme", NUMBER: "a"})])
        .await;
    let rows = [("a", "Acme Inc", ids[0].as_str(), 0)];
    let outbox = load.outbox("account", RowOperation::Update, &rows).await;
    assert!(load.kept(&outbox, &["Name"], "r1").await.is_empty());
    load.kept(&outbox, &[], "r1").await;
    let both = ["r1 a Name Acme Acme Inc", "r2 a Name Acme Acme Inc"];
    assert_eq!(load.kept(&outbox, &[], "r2").await, both);
}

#[tokio::test]
async fn new_records_have_no_pre_image() {
    let load = Load::new().await;
    let rows = [("a", "Acme", "-", 0)];
    let outbox = load.outbox("account", RowOperation::Insert, &rows).await;
    let before = load.org.client.usage().requests;
    assert!(load.kept(&outbox, &[], "r1").await.is_empty());
    assert_eq!(load.org.client.usage().requests, before, "nothing is asked");
}

#[tokio::test]
async fn a_record_that_should_be_gone_and_is_not_is_counted() {
    let load = Load::new().await;
    let accounts = [
        json!({"Name": "Acme", NUMBER: "a"}),
        json!({"Name": "Globex", NUMBER: "b"}),
    ];
    let ids = load.org.create("Account", &accounts).await;
    let rows = [("a", "-", ids[0].as_str(), 0), ("b", "-", &ids[1], 0)];
    let undo = load
        .outbox("undo_account", RowOperation::Delete, &rows)
        .await;
    assert_eq!(still_there(&load.request(), &undo).await.unwrap(), 2);
    load.org.delete(&[ids[0].as_str()]).await;
    assert_eq!(still_there(&load.request(), &undo).await.unwrap(), 1);
    load.org.delete(&[ids[1].as_str()]).await;
    assert_eq!(still_there(&load.request(), &undo).await.unwrap(), 0);
}

/// What a read-back asked for, in rows, and the names that it came to.
async fn read_again(load: &Load) -> (u64, Vec<String>) {
    let asked = std::sync::atomic::AtomicU64::new(0);
    let count = |rows| asked.store(rows, std::sync::atomic::Ordering::Relaxed);
    read_back(&load.request(), count).await.unwrap();
    let sql = "select r.\"AccountNumber\", r.\"Name\" from org.account as r order by 1";
    (asked.into_inner(), load.bench.lines(sql).await)
}

/// A row of `org.account` as no look at the org would have left it.
async fn forge(load: &Load, change: &str) {
    let snapshot = load.bench.snapshot().await;
    let found = snapshot.get("org", "account").unwrap();
    let sql = format!("select {change} from org.account as r order by r.\"AccountNumber\"");
    let session = load.bench.session().await;
    let schema = Arc::clone(&found.schema);
    let staging = &load.bench.staging;
    let mut writer = staging
        .create("org", "account", schema, &[NUMBER])
        .await
        .unwrap();
    for batch in session.collect("a forged row", &sql).await.unwrap() {
        writer.write(&batch).await.unwrap();
    }
    writer.publish(BTreeMap::new()).await.unwrap();
}

#[tokio::test]
async fn only_what_changed_since_the_last_look_is_read() {
    let load = Load::new().await;
    let accounts =
        ["a", "b", "c", "d"].map(|key| json!({"Name": key, NUMBER: format!("co:{key}")}));
    let ids = load.org.create("Account", &accounts).await;
    load.ledger(&["co:a", "co:z"], &["001A", "001B"]).await;
    assert_eq!(read_again(&load).await.0, 4);
    let before = load.org.client.usage().requests;
    assert_eq!(read_again(&load).await.0, 0, "nothing changed");
    assert_eq!(load.org.client.usage().requests - before, 3);

    // Another second begins.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    load.org.delete(&[ids[0].as_str()]).await;
    load.org
        .create("Account", &[json!({"Name": "e", NUMBER: "co:e"})])
        .await;
    let (asked, names) = read_again(&load).await;
    assert_eq!(asked, 2, "one that is gone and one that is new");
    assert_eq!(names, ["co:b b", "co:c c", "co:d d", "co:e e"]);
    assert_eq!(read_again(&load).await.0, 0);
    let whole = ReadBack {
        whole: true,
        ..load.request()
    };
    assert_eq!(read_back(&whole, |_| {}).await.unwrap().rows, 4);
}

#[tokio::test]
async fn a_change_that_was_committed_late_is_found_by_counting() {
    let load = Load::new().await;
    let accounts = ["a", "b", "c"].map(|key| json!({"Name": key, NUMBER: format!("co:{key}")}));
    load.org.create("Account", &accounts).await;
    load.ledger(&["co:a", "co:z"], &["001A", "001B"]).await;
    let (_, names) = read_again(&load).await;
    // In the last look, one was changed by somebody else before.
    let others = "r.* replace (case when r.\"Name\" = 'b' then '005000000000009' else r.\"LastModifiedById\" end as \"LastModifiedById\", \
                  case when r.\"Name\" = 'b' then 'old' else r.\"Name\" end as \"Name\")";
    forge(&load, others).await;
    let (asked, found) = read_again(&load).await;
    assert_eq!(
        (asked, &found),
        (3, &names),
        "the minutes before are read again"
    );

    // One was not there, older than the minutes before.
    forge(
        &load,
        "r.* replace ('2020-01-01T00:00:00.000Z' as \"SystemModstamp\")",
    )
    .await;
    let (_, found) = read_again(&load).await;
    assert_eq!(found, names);
}
