//! Every row of the table of coercions: which values mean the same on both sides, and which do not.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, ListBuilder,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::Field;
use chrono::DateTime;

use crate::reconcile::coercion::{TargetField, normal_forms, readable};
use crate::reconcile::found_form;
use crate::rows::bench::{Bench, described, numbers, texts};

/// Whether each value sent is the same as the one found.
async fn same(kind: &str, scale: i64, sent: ArrayRef, found: &[&str]) -> Vec<bool> {
    let bench = Bench::new();
    let rows: Vec<i64> = (0..).take(found.len()).collect();
    let field = Field::new("Value", sent.data_type().clone(), true);
    let row = |rows: &[i64]| ("row", numbers(rows));
    bench
        .table("outbox.test", vec![row(&rows), ("Value", sent)])
        .await;
    bench
        .table("org.test", vec![row(&rows), ("Value", texts(found))])
        .await;
    let target = TargetField {
        kind: kind.to_owned(),
        scale,
    };
    let (sent, found) = normal_forms(&field, &target);
    let sql = format!(
        "select {sent} is not distinct from {found} from outbox.test as o \
         inner join org.test as r on r.row = o.row order by o.row"
    );
    let lines = bench.lines(&sql).await;
    lines.iter().map(|line| line == "true").collect()
}

#[tokio::test]
async fn text_is_trimmed_and_its_line_ends_are_one_letter() {
    let sent = texts(&[
        "  Acme\u{a0}",
        "a\r\nb",
        "Acme",
        "a b",
        "Acme",
        "\u{3000}x\t",
    ]);
    let found = ["Acme", "a\nb", "acme", "a  b", "-", "x"];
    assert_eq!(
        same("string", 0, sent, &found).await,
        [true, true, false, false, false, true]
    );
}

#[tokio::test]
async fn e_mail_addresses_and_picklist_values_are_the_same_in_any_case() {
    for kind in ["email", "picklist", "combobox"] {
        let sent = texts(&["Ann@Example.COM ", "Hot", "Hot"]);
        let found = ["ann@example.com", "hot", "Warm"];
        assert_eq!(
            same(kind, 0, sent, &found).await,
            [true, true, false],
            "{kind}"
        );
    }
}

#[tokio::test]
async fn numbers_are_rounded_to_the_scale_of_their_field() {
    let sent: ArrayRef = Arc::new(Float64Array::from(vec![12.344, 12.346, 0.0, 1e6]));
    let found = ["12.34", "12.34", "0", "1000000.0"];
    assert_eq!(
        same("double", 2, sent, &found).await,
        [true, false, true, true]
    );
    // As decimals: half a unit goes up, whatever its binary form is, and what the org shows as 1.0E7 is that number.
    let sent: ArrayRef = Arc::new(Float64Array::from(vec![
        2.675, 1.005, -0.125, 1e7, 1e17, 0.000_04,
    ]));
    let found = ["2.68", "1.01", "-0.13", "1.0E7", "1.0E17", "0.0"];
    assert_eq!(same("double", 2, sent, &found).await, [true; 6]);
    let whole = same("int", 0, numbers(&[12, 12, 13]), &["12.0", "12", "12"]).await;
    assert_eq!(whole, [true, true, false]);
}

#[tokio::test]
async fn decimals_are_compared_as_the_numbers_they_are() {
    let sent = Decimal128Array::from(vec![1250, 1251])
        .with_precision_and_scale(10, 2)
        .unwrap();
    let found = ["12.5", "12.5"];
    assert_eq!(
        same("currency", 2, Arc::new(sent), &found).await,
        [true, false]
    );
}

#[tokio::test]
async fn a_number_that_was_sent_to_a_text_field_is_its_text() {
    for kind in ["string", "textarea", "phone", "url", "email", "picklist"] {
        let found = ["7", "7.0"];
        assert_eq!(
            same(kind, 0, numbers(&[7, 7]), &found).await,
            [true, false],
            "{kind}"
        );
    }
}

#[tokio::test]
async fn instants_are_cut_to_seconds_in_every_year_that_salesforce_takes() {
    let at = |text: &str| {
        let at = DateTime::parse_from_rfc3339(text).unwrap();
        at.timestamp_micros()
    };
    let sent = TimestampMicrosecondArray::from(vec![
        at("2026-03-01T10:00:00.999Z"),
        at("2026-03-01T12:00:00+02:00"),
        at("2026-03-01T10:00:01Z"),
        at("2999-12-31T00:00:00Z"),
        at("1700-01-01T23:59:59.5Z"),
    ])
    .with_timezone("UTC");
    let mut found = ["2026-03-01T10:00:00.000Z"; 5];
    found[3] = "2999-12-31T00:00:00.000+0000";
    found[4] = "1700-01-01T23:59:59.000Z";
    assert_eq!(
        same("datetime", 0, Arc::new(sent), &found).await,
        [true, true, false, true, true]
    );
}

#[tokio::test]
async fn choices_are_a_set_in_any_case_and_order() {
    let mut sent = ListBuilder::new(StringBuilder::new());
    for choices in [
        &["B", "a", "a"][..],
        &["x;y"],
        &["A"],
        &["A", "B"],
        &[" b ", "A b\t"],
    ] {
        for choice in choices {
            sent.values().append_value(choice);
        }
        sent.append(true);
    }
    let found = ["A;b", "X,y", "A;B", "B", "A b;B"];
    assert_eq!(
        same("multipicklist", 0, Arc::new(sent.finish()), &found).await,
        [true, true, false, false, true]
    );
}

#[tokio::test]
async fn record_ids_are_their_first_fifteen_letters_case_and_all() {
    for kind in ["reference", "id"] {
        let sent = texts(&["001A00000000001AAA", "001A00000000001", "001a00000000001"]);
        let found = [
            "001A00000000001",
            "001A00000000001AAA",
            "001A00000000001AAA",
        ];
        assert_eq!(
            same(kind, 0, sent, &found).await,
            [true, true, false],
            "{kind}"
        );
    }
}

#[tokio::test]
async fn booleans_and_dates_are_their_texts() {
    let sent: ArrayRef = Arc::new(BooleanArray::from(vec![true, true, false]));
    let found = ["TRUE", "false", "false"];
    assert_eq!(same("boolean", 0, sent, &found).await, [true, false, true]);
    // Days since 1970.
    let sent: ArrayRef = Arc::new(Date32Array::from(vec![0, 0]));
    let found = ["1970-01-01", "1970-01-02"];
    assert_eq!(same("date", 0, sent, &found).await, [true, false]);
}

#[test]
fn bodies_of_files_and_notes_are_not_read_with_their_row() {
    let version = described(
        "ContentVersion",
        &[("VersionData", "base64"), ("Title", "string")],
    );
    assert!(readable(&version, "VersionData").is_none());
    assert!(readable(&version, "Title").is_some());
    assert!(readable(&version, "Gone").is_none());
    let note = described("ContentNote", &[("Content", "textarea")]);
    assert!(readable(&note, "Content").is_none());
    let other = described("Case", &[("Content", "textarea"), ("Data", "base64")]);
    assert!(readable(&other, "Content").is_some());
    assert!(readable(&other, "Data").is_none());
}

#[test]
fn a_field_that_was_not_sent_is_compared_as_it_was_read() {
    let describe = described("Account", &[("Site", "picklist")]);
    let sent = Field::new("Site", arrow::datatypes::DataType::Utf8, true);
    let plain = "cast(r.\"Site\" as varchar)";
    assert_eq!(found_form(&describe, None, "Site"), plain);
    assert!(found_form(&describe, Some(&sent), "Site").starts_with("lower("));
    let hidden = described("Account", &[]);
    assert_eq!(found_form(&hidden, Some(&sent), "Site"), plain);
}
