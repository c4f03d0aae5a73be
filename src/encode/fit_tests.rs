use arrow::array::{
    Date32Array, Decimal128Array, Float64Array, Int64Array, TimestampMicrosecondArray,
};

use super::*;
use crate::encode::Cells;

/// Cells as they would be sent, and what was done to which original.
fn fitted(
    column: ArrayRef,
    limit: &FieldLimit,
) -> (Vec<String>, Vec<(&'static str, &'static str, String)>) {
    let mut altered = Vec::new();
    let column = fit("F__c", &column, Some(limit), &mut altered).unwrap_or(column);
    let cells = Cells::new("F__c", &column).unwrap();
    let texts = (0..column.len()).map(|row| {
        let mut out = Vec::new();
        cells.write(row, &mut out);
        String::from_utf8(out).unwrap()
    });
    let texts = texts.collect();
    let entries = altered.into_iter();
    (
        texts,
        entries.map(|it| (it.why, it.done, it.original)).collect(),
    )
}

fn digits(whole: u32, scale: u32) -> FieldLimit {
    FieldLimit {
        whole_digits: Some(whole),
        scale,
        ..FieldLimit::default()
    }
}

fn list(items: &[&str]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    builder.append_value(items.iter().copied().map(Some));
    Arc::new(builder.finish())
}

#[test]
fn whole_numbers_keep_to_the_digits_of_their_field() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![
        Some(99_999_999),
        Some(100_000_000),
        Some(-100_000_000),
        Some(i64::MIN),
        None,
    ]));
    let (cells, altered) = fitted(column, &digits(8, 0));
    assert_eq!(cells, ["99999999", "", "", "", ""]);
    assert_eq!(
        altered[0],
        ("out_of_range", "blanked", "100000000".to_owned())
    );
    assert_eq!(altered.len(), 3);
}

#[test]
fn decimals_count_as_they_will_be_rounded() {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![
        99.994,
        99.995,
        f64::INFINITY,
        -100.0,
    ]));
    let (cells, altered) = fitted(column, &digits(2, 2));
    assert_eq!(cells, ["99.994", "", "", ""]);
    assert_eq!(altered.len(), 3);
    let decimals = Decimal128Array::from(vec![99_994, 99_995])
        .with_precision_and_scale(18, 3)
        .unwrap();
    let (cells, altered) = fitted(Arc::new(decimals), &digits(2, 2));
    assert_eq!(cells, ["99.994", ""]);
    assert_eq!(altered, [("out_of_range", "blanked", "99.995".to_owned())]);
}

#[test]
fn fractions_become_whole_where_a_field_takes_whole_numbers_only() {
    let whole = |policy| FieldLimit {
        whole: true,
        policy,
        ..digits(9, 0)
    };
    let column = || -> ArrayRef {
        let values = vec![10.5, 12.0, -0.5, f64::NAN, 1e12, 10.4];
        Arc::new(Float64Array::from(values))
    };
    let (cells, altered) = fitted(column(), &whole(None));
    assert_eq!(cells, ["11", "12", "-1", "", "", "10"]);
    let rounded = |original: &str| ("fraction", "rounded", original.to_owned());
    assert_eq!(
        altered[..3],
        [rounded("10.5"), rounded("-0.5"), rounded("10.4")]
    );
    assert_eq!(altered[3..].len(), 2);
    let (cells, altered) = fitted(column(), &whole(Some(Policy::BlankAndKeepRaw)));
    assert_eq!((cells[0].as_str(), altered[0].1), ("", "blanked"));
    let (_, altered) = fitted(column(), &whole(Some(Policy::Reject)));
    assert_eq!(altered[0].1, "rejected");
    // Fields of numbers with decimals round by themselves.
    let (cells, _) = fitted(column(), &digits(9, 0));
    assert_eq!(cells[0], "10.5");
}

#[test]
fn days_and_instants_are_those_of_salesforce() {
    let day = |year, month, day| {
        Date32Type::from_naive_date(NaiveDate::from_ymd_opt(year, month, day).unwrap())
    };
    let days = vec![
        day(1, 1, 1),
        day(1700, 1, 1),
        day(4000, 12, 31),
        day(9999, 12, 31),
    ];
    let (cells, altered) = fitted(
        Arc::new(Date32Array::from(days.clone())),
        &FieldLimit::default(),
    );
    assert_eq!(cells, ["", "1700-01-01", "4000-12-31", ""]);
    assert_eq!(
        altered[1],
        ("out_of_range", "blanked", "9999-12-31".to_owned())
    );
    let instants: Vec<i64> = days.iter().map(|&day| i64::from(day) * DAY).collect();
    let instants = TimestampMicrosecondArray::from(instants).with_timezone("UTC");
    let (cells, altered) = fitted(Arc::new(instants), &FieldLimit::default());
    assert_eq!(cells[2], "4000-12-31T00:00:00.000Z");
    assert_eq!(
        (cells[0].as_str(), cells[3].as_str(), altered.len()),
        ("", "", 2)
    );
}

#[test]
fn a_required_field_gets_the_nearest_value_and_a_rejected_row_none() {
    let far: ArrayRef = Arc::new(Date32Array::from(vec![i32::MAX / 1000]));
    let required = FieldLimit {
        required: true,
        ..FieldLimit::default()
    };
    let (cells, altered) = fitted(Arc::clone(&far), &required);
    assert_eq!((cells[0].as_str(), altered[0].1), ("4000-12-31", "nearest"));
    let reject = FieldLimit {
        policy: Some(Policy::Reject),
        ..required
    };
    assert_eq!(fitted(far, &reject).1[0].1, "rejected");
}

#[test]
fn items_are_fitted_one_by_one_and_two_that_became_the_same_are_one() {
    let limit = FieldLimit {
        item_chars: Some(5),
        ..FieldLimit::default()
    };
    let (cells, altered) = fitted(
        list(&["a;b", "a,b", "x\u{7}y", "#N/A", "longer", "Sport "]),
        &limit,
    );
    assert_eq!(cells, ["a,b;xy;longe;Sport "]);
    let done: Vec<(&str, &str)> = altered.iter().map(|it| (it.0, it.2.as_str())).collect();
    assert_eq!(
        done,
        [
            ("separator_in_choice", "a;b"),
            ("control_characters", "x\u{7}y"),
            ("literal_na", "#N/A"),
            ("too_long", "longer"),
        ]
    );
}

#[test]
fn a_list_is_cut_at_whole_items() {
    let limit = FieldLimit {
        chars: Some(7),
        ..FieldLimit::default()
    };
    let (cells, altered) = fitted(list(&["abc", "def", "ghi"]), &limit);
    assert_eq!(cells, ["abc;def"]);
    assert_eq!(altered, [("too_long", "cut", "abc;def;ghi".to_owned())]);
}

#[test]
fn what_would_clear_a_field_is_never_sent_as_data() {
    let text: ArrayRef = Arc::new(StringArray::from(vec!["#N/A", " #N/A ", "#N/A!"]));
    let (cells, altered) = fitted(text, &FieldLimit::default());
    assert_eq!(cells, ["", "", "#N/A!"]);
    assert_eq!(altered[0], ("literal_na", "blanked", "#N/A".to_owned()));
    assert_eq!(fitted(list(&["#N/A"]), &FieldLimit::default()).0, [""]);
}

#[test]
fn a_blank_item_is_none() {
    let limit = FieldLimit::default();
    let (texts, entries) = fitted(list(&["b", " "]), &limit);
    assert_eq!((texts, entries), (vec!["b".to_owned()], vec![]));
}
