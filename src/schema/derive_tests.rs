//! Claims about the field that a column becomes.

use std::sync::Arc;

use arrow::datatypes::{Field, TimeUnit};

use super::*;

#[test]
fn every_column_type_has_its_field_type() {
    let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    for (data_type, expected) in [
        (DataType::Utf8, "Text(255)"),
        (dictionary, "Text(255)"),
        (DataType::Int64, "Number(18,0)"),
        (DataType::Float64, "Number(18,6)"),
        (DataType::Decimal128(12, 2), "Number(12,2)"),
        (DataType::Boolean, "Checkbox"),
        (DataType::Date32, "Date"),
        (
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            "DateTime",
        ),
    ] {
        let (field, notices) = derive(&column(data_type)).unwrap();
        assert_eq!(field.field_type.to_string(), expected);
        assert!(notices.is_empty());
    }
    let mut tags = column(list);
    tags.choices = vec!["a".into()];
    let (field, _) = derive(&tags).unwrap();
    assert_eq!(field.field_type, FieldType::MultiselectPicklist);
}

#[test]
fn digits_that_salesforce_lacks_are_cut_after_the_point_and_said() {
    for (precision, scale, expected) in [(38, 10, "Number(18,0)"), (20, 4, "Number(18,2)")] {
        let (field, notices) = derive(&column(DataType::Decimal128(precision, scale))).unwrap();
        assert_eq!(field.field_type.to_string(), expected);
        assert!(matches!(notices[..], [Notice::DigitsCut { .. }]));
    }
}

#[test]
fn long_values_need_a_long_field() {
    let with = |max_chars| {
        let mut column = column(DataType::Utf8);
        column.max_chars = Some(max_chars);
        derive(&column).unwrap().0.field_type.to_string()
    };
    assert_eq!(with(204), "Text(255)");
    assert_eq!(with(205), "LongTextArea(32768)");
    assert_eq!(with(40_000), "LongTextArea(80000)");
    assert_eq!(with(usize::MAX), "LongTextArea(131072)");
}

#[test]
fn a_number_has_the_digits_of_the_data_and_some_more() {
    let with = |whole, decimals| {
        let mut column = column(DataType::Float64);
        (column.whole_digits, column.decimals) = (whole, decimals);
        derive(&column).unwrap().0.field_type.to_string()
    };
    assert_eq!(with(None, None), "Number(18,6)");
    assert_eq!(with(Some(3), Some(2)), "Number(18,4)");
    assert_eq!(with(Some(16), Some(5)), "Number(18,2)");
    assert_eq!(with(Some(30), Some(2)), "Number(18,0)");
}

#[test]
fn a_key_is_short_text_unless_its_values_are_long() {
    let mut key = column(DataType::Int64);
    key.is_key = true;
    let (field, _) = derive(&key).unwrap();
    assert_eq!(
        field.to_string(),
        "Account.X__c Text(64), external id, unique"
    );
    key.max_chars = Some(90);
    assert_eq!(derive(&key).unwrap().0.field_type.to_string(), "Text(255)");
}

#[test]
fn a_key_cannot_be_a_checkbox() {
    let mut key = column(DataType::Boolean);
    key.is_key = true;
    key.declared = Some(FieldType::Checkbox);
    let error = derive(&key).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Account.X__c is a key and cannot be Checkbox"
    );
}

#[test]
fn choices_are_cleaned_and_every_loss_is_said() {
    let mut column = column(DataType::Utf8);
    column.declared = Some(FieldType::MultiselectPicklist);
    column.choices = ["Red", "red ", "", "a;b", "B\u{1}C"]
        .map(str::to_owned)
        .to_vec();
    let (field, notices) = derive(&column).unwrap();
    assert_eq!(field.choices, ["Red", "a,b", "B C"]);
    let name = FieldName::new("Account", "X__c");
    let expected = [
        Notice::ChoicesDropped {
            field: name.clone(),
            count: 2,
        },
        Notice::SemicolonReplaced {
            field: name,
            count: 1,
        },
    ];
    assert_eq!(notices, expected);
}

#[test]
fn a_list_without_choices_stays_a_list() {
    for declared in [FieldType::Picklist, FieldType::MultiselectPicklist] {
        let mut column = column(DataType::Utf8);
        column.declared = Some(declared);
        let (field, notices) = derive(&column).unwrap();
        assert_eq!((field.field_type, field.choices.len()), (declared, 1));
        assert!(notices.is_empty());
    }
}

#[test]
fn a_list_with_too_many_choices_becomes_text() {
    for (declared, count, expected) in [
        (FieldType::Picklist, 1_001, "Text(255)"),
        (FieldType::MultiselectPicklist, 501, "LongTextArea(32768)"),
    ] {
        let mut column = column(DataType::Utf8);
        column.declared = Some(declared);
        column.choices = (0..count).map(|n| n.to_string()).collect();
        let (field, notices) = derive(&column).unwrap();
        assert_eq!(field.field_type.to_string(), expected);
        assert!(field.choices.is_empty());
        assert!(matches!(notices[..], [Notice::ListBecameText { .. }]));
    }
}

#[test]
fn fields_of_activities_are_defined_on_activity() {
    let mut column = column(DataType::Utf8);
    column.object = "Task".into();
    column.label = Some("  What was said in the very long conversation of that day ".into());
    let (field, _) = derive(&column).unwrap();
    assert_eq!(field.field.to_string(), "Activity.X__c");
    assert_eq!(field.label, "What was said in the very long conversat");
}

#[test]
fn a_column_that_no_field_can_hold_is_refused() {
    let error = derive(&column(DataType::Binary)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Account.X__c cannot be created from a column of type Binary"
    );
    assert!(error.hint().is_some());
}

fn column(data_type: DataType) -> WantedField {
    WantedField {
        object: "Account".into(),
        name: "X__c".into(),
        data_type,
        is_key: false,
        declared: None,
        label: None,
        choices: Vec::new(),
        refers_to: None,
        max_chars: None,
        whole_digits: None,
        decimals: None,
    }
}
