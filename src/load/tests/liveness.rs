//! Records that are gone, and those that came back, as the org tells it.

use arrow::array::{Array, ArrayRef, TimestampMicrosecondArray};
use arrow::datatypes::DataType;
use chrono::Utc;
use serde_json::json;

use crate::load::LedgerRefresh;
use crate::rows::bench::{Bench, Org, columns, texts};
use crate::rows::{Dead, Liveness, Outcome, identity, ledger_schema};
use crate::salesforce::ObjectDescribe;

const NUMBER: &str = "AccountNumber";

/// A ledger of two accounts that are in the org.
struct Loaded {
    bench: Bench,
    org: Org,
    describe: ObjectDescribe,
    ids: Vec<String>,
}

impl Loaded {
    async fn new() -> Self {
        let bench = Bench::new();
        let org = bench.org().await;
        let accounts = ["a", "b"].map(|number| json!({"Name": "Acme", NUMBER: number}));
        let loaded = Self {
            ids: org.create("Account", &accounts).await,
            describe: org.client.describe("Account").await.unwrap(),
            bench,
            org,
        };
        loaded.ledger("account", &[Liveness::Live; 2]).await;
        loaded
    }

    async fn ledger(&self, load: &str, live: &[Liveness; 2]) {
        let schema = ledger_schema(&columns(&[(NUMBER, DataType::Utf8)], &[NUMBER]));
        let ids: Vec<&str> = self.ids.iter().map(String::as_str).collect();
        let now = vec![Utc::now().timestamp_micros(); 2];
        let columns = schema.fields().iter().map(|field| {
            let cells: ArrayRef = match field.name().as_str() {
                NUMBER => texts(&["a", "b"]),
                "id" => texts(&ids),
                "live" => texts(&live.map(Liveness::word)),
                "outcome" => texts(&[Outcome::Created.word(); 2]),
                "at" => std::sync::Arc::new(
                    TimestampMicrosecondArray::from(now.clone()).with_timezone("UTC"),
                ),
                _ => arrow::array::new_null_array(field.data_type(), 2),
            };
            assert_eq!(cells.len(), 2);
            (field.name().as_str(), cells)
        });
        let columns: Vec<(&str, ArrayRef)> = columns.collect();
        self.bench.table(&format!("ledger.{load}"), columns).await;
    }

    fn refresh<'a>(&'a self, key: &'a [String]) -> LedgerRefresh<'a> {
        LedgerRefresh {
            staging: &self.bench.staging,
            engine: &self.bench.engine,
            client: &self.org.client,
            load: "account",
            key,
            describe: &self.describe,
        }
    }

    /// The object as an org shows it that lacks these fields.
    fn describe_without(&self, fields: &[&str]) -> ObjectDescribe {
        let mut describe = self.describe.clone();
        describe
            .fields
            .retain(|field| !fields.contains(&field.name.as_str()));
        describe
    }

    async fn dead(&self) -> Dead {
        self.refresh(&[NUMBER.to_owned()])
            .refresh()
            .await
            .unwrap()
            .dead
    }

    /// Key, liveness and outcome of each row.
    async fn rows(&self) -> Vec<String> {
        let sql =
            "select l.\"AccountNumber\", l.live, l.outcome from ledger.account as l order by 1";
        self.bench.lines(sql).await
    }
}

#[tokio::test]
async fn records_that_are_there_are_left_as_they_are() {
    let loaded = Loaded::new().await;
    let before = loaded.bench.snapshot().await;
    assert!(loaded.dead().await.is_empty());
    let after = loaded.bench.snapshot().await;
    let version =
        |snapshot: &crate::staging::Snapshot| snapshot.get("ledger", "account").unwrap().version;
    assert_eq!(version(&before), version(&after), "nothing is written");
}

#[tokio::test]
async fn a_record_that_somebody_deleted_is_dead_and_keeps_its_outcome() {
    let loaded = Loaded::new().await;
    loaded.org.delete(&[loaded.ids[0].as_str()]).await;
    let expected = Dead::from([(identity(&loaded.ids[0]).unwrap(), Liveness::Deleted)]);
    assert_eq!(loaded.dead().await, expected);
    assert_eq!(loaded.rows().await, ["a deleted created", "b live created"]);
    assert_eq!(loaded.dead().await, expected, "a second look says the same");
}

#[tokio::test]
async fn a_record_without_our_key_that_somebody_deleted_is_dead() {
    let loaded = Loaded::new().await;
    loaded.org.delete(&[loaded.ids[0].as_str()]).await;
    // The object has no such field: its records are known by what they say, or by ids of others.
    let hidden = loaded.describe_without(&[NUMBER]);
    // Some objects tell of no deletion: there those are asked for that should be there.
    let silent = loaded.describe_without(&[NUMBER, "IsDeleted"]);
    let key = [NUMBER.to_owned()];
    let expected = Dead::from([(identity(&loaded.ids[0]).unwrap(), Liveness::Deleted)]);
    for describe in [hidden, silent] {
        loaded.ledger("account", &[Liveness::Live; 2]).await;
        let refresh = LedgerRefresh {
            describe: &describe,
            ..loaded.refresh(&key)
        };
        assert_eq!(refresh.refresh().await.unwrap().dead, expected);
        assert_eq!(loaded.rows().await, ["a deleted created", "b live created"]);
        let again = refresh.refresh().await.unwrap();
        assert_eq!(again.dead, expected, "a second look says the same");
    }
}

#[tokio::test]
async fn a_record_that_is_there_after_all_is_live_again() {
    let loaded = Loaded::new().await;
    loaded
        .ledger("account", &[Liveness::Deleted, Liveness::Merged])
        .await;
    assert!(loaded.dead().await.is_empty());
    assert_eq!(loaded.rows().await, ["a live created", "b live created"]);
}

#[tokio::test]
async fn a_record_that_read_back_missed_and_the_org_forgot_is_deleted() {
    let loaded = Loaded::new().await;
    // Purged: the org does not say that it was deleted. The other one was only missed.
    let ids = ["001000000000999AAA".to_owned(), loaded.ids[1].clone()];
    let loaded = Loaded {
        ids: ids.to_vec(),
        ..loaded
    };
    loaded.ledger("account", &[Liveness::Live; 2]).await;
    let differences = vec![
        ("key", texts(&["a", "b"])),
        ("kind", texts(&["missing"; 2])),
    ];
    loaded
        .bench
        .table("recon.differences_account", differences)
        .await;
    let dead = loaded.dead().await;
    assert_eq!(dead.values().collect::<Vec<_>>(), [&Liveness::Deleted]);
    assert_eq!(loaded.rows().await, ["a deleted created", "b live created"]);
}

#[tokio::test]
async fn records_that_none_of_their_makers_knows_any_more_are_forgotten() {
    let loaded = Loaded::new().await;
    let maker = vec![("id", texts(&[loaded.ids[1].as_str()]))];
    loaded.bench.table("ledger.maker", maker).await;
    let key = [NUMBER.to_owned()];
    loaded.refresh(&key).forget(&[], &[]).await.unwrap();
    assert_eq!(loaded.rows().await[0], "a live created", "without a maker");
    loaded
        .refresh(&key)
        .forget(&["maker".to_owned()], &[])
        .await
        .unwrap();
    assert_eq!(loaded.rows().await, ["a undone created", "b live created"]);
    let ids = "select l.id is null from ledger.account as l order by l.\"AccountNumber\"";
    assert_eq!(loaded.bench.lines(ids).await, ["true", "false"]);
}
