//! The sample: the same records for everybody with the same seed, and each field beside its source.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;

use crate::project::{Lineage, QueryFile, QueryKind};
use crate::reconcile::{Drawn, SampleRequest, SampleRow, SourceRows, draw, sample};
use crate::rows::bench::{Bench, columns, described, numbers, texts};

const KEY: &str = "usercom_id__c";

/// A ledger of rows with this liveness and id, numbered from `first`.
async fn ledger(bench: &Bench, load: &str, first: i64, rows: usize, id: &str, live: &str) {
    let keys: Vec<i64> = (first..).take(rows).collect();
    let columns = vec![
        (KEY, numbers(&keys)),
        ("id", texts(&vec![id; rows])),
        ("live", texts(&vec![live; rows])),
    ];
    bench.table(&format!("ledger.{load}"), columns).await;
}

fn load(name: &str) -> (String, Vec<String>) {
    (name.to_owned(), vec![KEY.to_owned()])
}

/// Load and key of each record drawn.
async fn drawn(bench: &Bench, loads: &[&str], count: usize, seed: u64) -> Vec<String> {
    let loads: Vec<_> = loads.iter().map(|name| load(name)).collect();
    let session = bench.session().await;
    let drawn = draw(&session, &loads, count, seed).await.unwrap();
    let name = |drawn: &Drawn| format!("{} {}", drawn.load, drawn.key.join("|"));
    drawn.iter().map(name).collect()
}

#[tokio::test]
async fn a_seed_draws_the_same_records_each_time() {
    let bench = Bench::new();
    ledger(&bench, "lead", 1, 200, "00Q1", "live").await;
    let first = drawn(&bench, &["lead"], 5, 1).await;
    assert_eq!(first.len(), 5);
    assert_eq!(drawn(&bench, &["lead"], 5, 1).await, first);
    assert_ne!(drawn(&bench, &["lead"], 5, 2).await, first);
}

#[tokio::test]
async fn a_record_is_drawn_by_its_key_wherever_it_lies() {
    let bench = Bench::new();
    ledger(&bench, "lead", 1, 200, "00Q1", "live").await;
    let whole = drawn(&bench, &["lead"], 5, 1).await;
    // The same keys, and some more in front of them.
    ledger(&bench, "lead", -3, 204, "00Q1", "live").await;
    let more = drawn(&bench, &["lead"], 5, 1).await;
    let old = more.iter().filter(|name| whole.contains(name)).count();
    assert!((1..=5).contains(&old), "{more:?}");
    let strangers = more.iter().filter(|name| !whole.contains(name));
    let new = |name: &&String| name.rsplit(' ').next().unwrap().parse::<i64>().unwrap() < 1;
    assert!(strangers.into_iter().all(|name| new(&name)), "{more:?}");
}

#[tokio::test]
async fn a_larger_sample_has_the_smaller_one_in_it() {
    let bench = Bench::new();
    ledger(&bench, "lead", 1, 100, "00Q1", "live").await;
    let few: BTreeSet<String> = drawn(&bench, &["lead"], 3, 7).await.into_iter().collect();
    let many: BTreeSet<String> = drawn(&bench, &["lead"], 30, 7).await.into_iter().collect();
    assert!(few.is_subset(&many));
}

#[tokio::test]
async fn only_live_records_are_drawn() {
    let bench = Bench::new();
    ledger(&bench, "dead", 1, 5, "00Q1", "deleted").await;
    ledger(&bench, "failed", 1, 5, "-", "live").await;
    ledger(&bench, "lead", 1, 2, "00Q1", "live").await;
    let found = drawn(&bench, &["dead", "failed", "lead"], 50, 1).await;
    assert_eq!(found, ["lead 1", "lead 2"], "all there are, and no more");
}

#[tokio::test]
async fn each_load_has_the_chance_of_its_size() {
    let bench = Bench::new();
    ledger(&bench, "lead", 1, 900, "00Q1", "live").await;
    ledger(&bench, "contact", 1, 100, "0031", "live").await;
    let found = drawn(&bench, &["lead", "contact"], 200, 1).await;
    let contacts = found
        .iter()
        .filter(|name| name.starts_with("contact"))
        .count();
    assert!(
        (5..=45).contains(&contacts),
        "{contacts} of 200 where 20 are due"
    );
}

/// The fields of the first record of a load whose name in the org is `name`.
async fn fields(name: &str) -> Vec<SampleRow> {
    let bench = Bench::new();
    ledger(&bench, "lead", 1, 1, "00Q1", "live").await;
    let outbox = vec![
        (KEY, numbers(&[1])),
        ("Company", texts(&["Acme "])),
        ("Phone", texts(&["-"])),
    ];
    bench.table("outbox.lead", outbox).await;
    let org = vec![
        ("_id", texts(&["00Q1"])),
        (KEY, numbers(&[1])),
        ("Company", texts(&[name])),
        ("Phone", texts(&["555"])),
    ];
    bench.table("org.lead", org).await;
    let cells = [("id", "1"), ("company", "acme")].map(|(name, text)| (name.into(), text.into()));
    let source = SourceRows::of(vec![("people".into(), BTreeMap::from(cells))]);
    let sql = "-- grain: one row per person\n-- object: Lead\n-- operation: upsert\n-- key: usercom_id__c\n-- source: usercom.people\n\
               select p.id as usercom_id__c from usercom.people as p";
    let file = QueryFile::parse("queries/load/lead.sql", QueryKind::Load, sql).unwrap();
    let sent = [
        (KEY, DataType::Int64),
        ("Company", DataType::Utf8),
        ("Phone", DataType::Utf8),
        ("Hidden", DataType::Utf8),
    ];
    let session = bench.session().await;
    let company = Lineage {
        values: BTreeSet::from(["usercom.people.company".to_owned()]),
        ..Lineage::default()
    };
    let request = SampleRequest {
        session: &session,
        file: &file,
        columns: &columns(&sent, &[KEY]),
        describe: &described(
            "Lead",
            &[(KEY, "double"), ("Company", "string"), ("Phone", "phone")],
        ),
        lineage: &BTreeMap::from([("Company".to_owned(), company)]),
        usual: &BTreeMap::new(),
        mapped: &BTreeSet::new(),
    };
    let drawn = draw(&session, &[load("lead")], 1, 1).await.unwrap();
    sample(&request, &drawn[0], Some(&source)).await.unwrap()
}

#[tokio::test]
async fn a_field_stands_beside_its_source_and_its_value_in_the_org() {
    let rows = fields("Acme").await;
    let company = rows.iter().find(|row| row[4] == "Company").unwrap();
    assert_eq!(
        company.each_ref().map(String::as_str),
        [
            "lead",
            "Lead",
            "1",
            "00Q1",
            "Company",
            "people.company",
            "people.company=acme",
            "Acme ",
            "Acme",
            "yes",
            "converted",
            "",
            ""
        ]
    );
}

#[tokio::test]
async fn a_sampled_field_with_another_value_is_not_the_same_and_one_that_was_not_sent_is() {
    let rows = fields("Globex").await;
    let same = |field: &str| rows.iter().find(|row| row[4] == field).unwrap()[9].clone();
    assert_eq!(
        (same("Company"), same("Phone"), same(KEY)),
        ("no".into(), "yes".into(), "yes".into())
    );
    assert!(
        rows.iter().all(|row| row[4] != "Hidden"),
        "the org has no such field"
    );
}
