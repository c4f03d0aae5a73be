//! Differences: what is missing, what has another value, what nobody knows; and what is not a difference.

use std::collections::BTreeSet;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::reconcile::{DiffRequest, EditsRequest, write_differences};
use crate::rows::bench::{Bench, columns, described, numbers, texts};

const KEY: &str = "usercom_id__c";

/// A load into Lead whose three rows landed as they were sent.
struct Load {
    bench: Bench,
    rows: u64,
    key: &'static str,
    siblings: Vec<(String, Vec<String>)>,
    leads: Vec<(String, Vec<String>)>,
    later: BTreeSet<String>,
}

impl Load {
    async fn landed() -> Self {
        let load = Self {
            bench: Bench::new(),
            rows: 3,
            key: KEY,
            siblings: Vec::new(),
            leads: Vec::new(),
            later: BTreeSet::new(),
        };
        load.sent(&["Acme", "Globex", "-"]).await;
        load.ledger(&[11, 12, 13]).await;
        load.org(&[1, 2, 3], &["Acme", "Globex", "Whatever"]).await;
        load
    }

    async fn sent(&self, names: &[&str]) {
        let rows = vec![
            (self.key, numbers(&[1, 2, 3])),
            ("Name", texts(names)),
            ("Phone", texts(&["1", "2", "3"])),
            ("_fingerprint", numbers(&[11, 12, 13])),
        ];
        self.bench.table("outbox.lead", rows).await;
    }

    /// The ledger, with the fingerprints of the values that landed last.
    async fn ledger(&self, fingerprints: &[i64]) {
        self.ledger_with(numbers(fingerprints), &["00Q1", "00Q2", "00Q3"])
            .await;
    }

    async fn ledger_with(&self, fingerprints: ArrayRef, ids: &[&str]) {
        let rows = vec![
            (self.key, numbers(&[1, 2, 3])),
            ("id", texts(ids)),
            ("live", texts(&["live"; 3])),
            ("fingerprint", fingerprints),
        ];
        self.bench.table("ledger.lead", rows).await;
    }

    /// The rows read back; each has the phone it was sent with.
    async fn org(&self, keys: &[i64], names: &[&str]) {
        let cells = |prefix: &str| {
            keys.iter()
                .map(|key| format!("{prefix}{key}"))
                .collect::<Vec<_>>()
        };
        let (ids, phones) = (cells("00Q"), cells(""));
        let all = |cells: &[String]| texts(&cells.iter().map(String::as_str).collect::<Vec<_>>());
        let rows = vec![
            ("_id", all(&ids)),
            (self.key, numbers(keys)),
            ("Name", texts(names)),
            ("Phone", all(&phones)),
        ];
        self.bench.table("org.lead", rows).await;
    }

    /// Another load's ledger.
    async fn other(&self, load: &str, keys: &[i64], live: &str) -> (String, Vec<String>) {
        let rows = vec![
            (KEY, numbers(keys)),
            ("id", texts(&vec!["00Q9"; keys.len()])),
            ("live", texts(&vec![live; keys.len()])),
        ];
        self.bench.table(&format!("ledger.{load}"), rows).await;
        (load.to_owned(), vec![KEY.to_owned()])
    }

    async fn differences(&self) -> Vec<String> {
        self.compared(None).await
    }

    async fn compared(&self, edits: Option<EditsRequest<'_>>) -> Vec<String> {
        let session = self.bench.session().await;
        let sent = [
            (self.key, DataType::Int64),
            ("Name", DataType::Utf8),
            ("Phone", DataType::Utf8),
            ("Hidden", DataType::Utf8),
        ];
        let fields = [(self.key, "double"), ("Name", "string"), ("Phone", "phone")];
        write_differences(&DiffRequest {
            staging: &self.bench.staging,
            session: &session,
            load: "lead",
            rows: self.rows,
            columns: &columns(&sent, &[self.key]),
            describe: &described("Lead", &fields),
            siblings: &self.siblings,
            leads: &self.leads,
            later: &self.later,
            strays: &[],
            edits,
        })
        .await
        .unwrap();
        let sql = "select d.key, d.kind, d.field, d.sent, d.found from recon.differences_lead as d \
                   order by d.key, d.kind, d.field";
        self.bench.lines(sql).await
    }
}

#[tokio::test]
async fn what_landed_as_it_was_sent_does_not_differ() {
    assert!(Load::landed().await.differences().await.is_empty());
}

#[tokio::test]
async fn parts_in_the_order_of_their_keys_are_compared_apart_and_nothing_is_missed() {
    let load = Load::landed().await;
    let part = |keys: &[i64], names: &[&str]| {
        vec![
            (KEY, numbers(keys)),
            ("Name", texts(names)),
            ("Phone", texts(&["1", "3", "2"][..keys.len()])),
            (
                "_fingerprint",
                numbers(&keys.iter().map(|key| key + 10).collect::<Vec<_>>()),
            ),
        ]
    };
    let (first, last) = (part(&[1, 3], &["Acme", "New"]), part(&[2], &["Old"]));
    let parts = vec![("unchanged", first), ("update", last)];
    let mut outbox = load.bench.parts("outbox.lead", parts).await;
    let whole = load.differences().await;
    assert_eq!(
        whole,
        [
            "2 changed Name Old Globex",
            "2 changed Phone 1 2",
            "3 changed Name New Whatever"
        ]
    );
    outbox.files[0].sorted_by.push(KEY.to_owned());
    let rows: Vec<u64> = outbox.by_order().iter().map(|part| part.rows).collect();
    assert_eq!(rows, [2, 1]);
    load.bench.staging.publish(outbox).await.unwrap();
    assert_eq!(load.differences().await, whole);
    // Afterwards the session sees the outbox as a whole again.
    let session = load.bench.session().await;
    let count = session
        .collect("q", "select count(*) from outbox.lead")
        .await
        .unwrap();
    assert_eq!(count[0].column(0).as_ref(), numbers(&[3]).as_ref());
}

#[tokio::test]
async fn a_row_that_is_not_in_the_org_is_missing() {
    let load = Load::landed().await;
    load.org(&[1, 3], &["Acme", "-"]).await;
    assert_eq!(load.differences().await, ["2 missing - - -"]);
}

#[tokio::test]
async fn each_field_with_another_value_is_named_with_both() {
    let load = Load::landed().await;
    load.org(&[1, 2, 3], &["Acme", "Initech", "-"]).await;
    assert_eq!(load.differences().await, ["2 changed Name Globex Initech"]);
    load.org(&[1, 2, 3], &["Acme", "-", "-"]).await;
    assert_eq!(load.differences().await, ["2 changed Name Globex -"]);
}

#[tokio::test]
async fn what_was_not_sent_says_nothing_about_the_value_in_the_org() {
    let load = Load::landed().await;
    load.sent(&["Acme", "", "-"]).await;
    load.org(&[1, 2, 3], &["Acme", "Globex", "Initech"]).await;
    assert!(load.differences().await.is_empty());
}

#[tokio::test]
async fn a_row_whose_last_values_did_not_land_is_not_compared() {
    let load = Load::landed().await;
    load.ledger(&[11, 99, 13]).await;
    load.org(&[1, 2, 3], &["Acme", "Initech", "-"]).await;
    assert!(load.differences().await.is_empty());
}

#[tokio::test]
async fn a_row_that_was_found_under_its_key_is_compared_though_nothing_was_written() {
    let load = Load::landed().await;
    let unknown = crate::rows::bench::nulls(&DataType::Int64, 3);
    load.ledger_with(unknown, &["00Q1", "00Q2", "00Q3"]).await;
    load.org(&[1, 2, 3], &["Acme", "Initech", "-"]).await;
    assert_eq!(load.differences().await, ["2 changed Name Globex Initech"]);
}

#[tokio::test]
async fn a_row_that_never_landed_is_not_missing() {
    let load = Load::landed().await;
    load.ledger_with(numbers(&[11, 12, 13]), &["00Q1", "-", "00Q3"])
        .await;
    load.org(&[1, 3], &["Acme", "-"]).await;
    assert!(load.differences().await.is_empty());
}

#[tokio::test]
async fn a_column_that_a_later_load_sets_is_that_loads_to_compare() {
    let mut load = Load::landed().await;
    load.org(&[1, 2, 3], &["Acme", "Initech", "-"]).await;
    load.later.insert("Name".to_owned());
    assert!(load.differences().await.is_empty());
}

#[tokio::test]
async fn a_record_with_our_key_that_no_ledger_knows_is_extra() {
    let load = Load::landed().await;
    load.org(&[1, 2, 3, 4], &["Acme", "Globex", "-", "Who?"])
        .await;
    assert_eq!(load.differences().await, ["4 extra - - 00Q4"]);
}

#[tokio::test]
async fn records_of_other_loads_into_the_same_object_are_not_extra() {
    let mut load = Load::landed().await;
    load.org(
        &[1, 2, 3, 4, 5],
        &["Acme", "Globex", "-", "Theirs", "Nobodys"],
    )
    .await;
    load.siblings = vec![load.other("passive_lead", &[4], "live").await];
    assert_eq!(load.differences().await, ["5 extra - - 00Q5"]);
}

#[tokio::test]
async fn what_a_converted_lead_became_has_its_key_by_right() {
    let mut load = Load::landed().await;
    load.org(&[1, 2, 3, 4], &["Acme", "Globex", "-", "Was a lead"])
        .await;
    load.leads = vec![load.other("other_lead", &[4], "converted").await];
    assert!(load.differences().await.is_empty());
    load.other("other_lead", &[4], "live").await;
    assert_eq!(load.differences().await, ["4 extra - - 00Q4"]);
}

#[tokio::test]
async fn with_a_key_that_is_the_orgs_own_field_other_records_may_be_anybodys() {
    let bench = Bench::new();
    let load = Load {
        bench,
        key: "AnnualRevenue",
        rows: 3,
        siblings: Vec::new(),
        leads: Vec::new(),
        later: BTreeSet::new(),
    };
    load.sent(&["Acme", "Globex", "-"]).await;
    load.ledger(&[11, 12, 13]).await;
    load.org(&[1, 3, 4], &["Acme", "-", "Anybodys"]).await;
    assert_eq!(load.differences().await, ["2 missing - - -"]);
}

#[tokio::test]
async fn an_empty_outbox_is_compared_with_nothing() {
    let mut load = Load::landed().await;
    load.rows = 0;
    load.org(&[4], &["Who?"]).await;
    assert!(load.differences().await.is_empty());
}

#[tokio::test]
async fn an_edit_stays_one_that_our_login_changed_again_without_sending_the_field() {
    let load = Load::landed().await;
    let rows = vec![
        (KEY, numbers(&[1, 2])),
        ("Name", texts(&["Acme", "Globex"])),
        ("Phone", texts(&["1", "2"])),
        ("_fingerprint", numbers(&[11, 12])),
        ("_operation", texts(&["unchanged", "unchanged"])),
    ];
    load.bench.table("outbox.lead", rows).await;
    // Both by us: a conversion fills what is empty.
    let rows = vec![
        ("_id", texts(&["00Q1", "00Q2"])),
        (KEY, numbers(&[1, 2])),
        ("Name", texts(&["Filled", "Filled"])),
        ("Phone", texts(&["1", "2"])),
        ("LastModifiedById", texts(&["005us", "005us"])),
        ("LastModifiedDate", texts(&["2026-01-01", "2026-01-01"])),
    ];
    load.bench.table("org.lead", rows).await;
    // Of the first, somebody had emptied the name.
    let rows = vec![
        ("key", texts(&["1"])),
        ("field", texts(&["Name"])),
        ("sent", texts(&["Acme"])),
        ("found", texts(&["-"])),
        ("changed_by", texts(&["005ann"])),
        ("changed_at", texts(&["2025-12-31"])),
    ];
    load.bench.table("recon.changed_by_org_lead", rows).await;
    let edits = EditsRequest {
        user: "005us",
        modified: true,
        same: false,
        before: [false, true],
        left: false,
        automation: &BTreeSet::new(),
    };
    let found = load.compared(Some(edits)).await;
    assert_eq!(found, ["2 changed Name Globex Filled"]);
    let told = "select c.key, c.field, c.found from recon.changed_by_org_lead as c";
    assert_eq!(load.bench.lines(told).await, ["1 Name Filled"]);
}
