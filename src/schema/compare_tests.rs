//! Claims about the plan: what is created, what is left alone, what does not fit.

use arrow::datatypes::DataType;

use super::*;
use crate::salesforce::PicklistValue;

#[test]
fn missing_custom_fields_are_created_and_present_ones_left_alone() {
    let objects = account(vec![
        custom("score__c", "double"),
        standard("Name", "string"),
    ]);
    let wanted = [
        column("Name", DataType::Utf8),
        column("Score__c", DataType::Int64),
        column("usercom_id__c", DataType::Utf8),
    ];
    let plan = compare(&wanted, &[], &objects).unwrap();
    assert_eq!(plan.create[0].field.to_string(), "Account.usercom_id__c");
    assert_eq!(plan.create.len(), 1);
    assert_eq!(plan.unchanged.len(), 2);
    assert!(plan.conflicts.is_empty());
    let permitted: Vec<_> = plan.permitted.iter().map(ToString::to_string).collect();
    assert_eq!(permitted, ["Account.Score__c", "Account.usercom_id__c"]);
}

#[test]
fn what_was_created_fits_when_it_is_compared_again() {
    let mut key = column("id__c", DataType::Int64);
    key.is_key = true;
    let mut empty_list = column("list__c", DataType::Utf8);
    empty_list.declared = Some(FieldType::Picklist);
    let wanted = [key, empty_list, column("on__c", DataType::Boolean)];
    let plan = compare(&wanted, &[], &account(Vec::new())).unwrap();
    let described = plan.create.iter().map(|field| FieldDescribe {
        unique: field.is_key,
        external_id: field.is_key,
        ..custom(&field.field.name, field.field_type.describe_name())
    });
    let again = compare(&wanted, &[], &account(described.collect())).unwrap();
    assert!(again.is_empty());
    assert_eq!(again.conflicts, []);
    assert_eq!(again.unchanged.len(), 3);
}

#[test]
fn a_standard_field_that_is_absent_is_a_conflict_with_the_nearest_name() {
    let objects = account(vec![standard("Website", "url")]);
    let plan = compare(&[column("WebSite1", DataType::Utf8)], &[], &objects).unwrap();
    let conflict = &plan.conflicts[0];
    assert_eq!(
        conflict.to_string(),
        "Account has no field WebSite1, or field-level security hides it"
    );
    assert!(conflict.remedy().starts_with("did you mean Website?"));
}

#[test]
fn types_that_cannot_take_the_values_are_conflicts() {
    let objects = account(vec![
        custom("flag__c", "string"),
        custom("day__c", "datetime"),
        custom("mail__c", "string"),
        standard("Amount", "currency"),
    ]);
    let mut mail = column("mail__c", DataType::Utf8);
    mail.declared = Some(FieldType::Email);
    let wanted = [
        column("flag__c", DataType::Boolean),
        column("day__c", DataType::Date32),
        column("Amount", DataType::Decimal128(18, 2)),
        mail,
    ];
    let plan = compare(&wanted, &[], &objects).unwrap();
    let texts: Vec<_> = plan.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "Account.day__c is of type datetime, Date is needed",
            "Account.flag__c is of type string, Checkbox is needed",
            "Account.mail__c is of type string, Email is needed",
        ]
    );
}

#[test]
fn a_numeric_key_fits_a_numeric_external_id() {
    let mut key = column("id__c", DataType::Int64);
    key.is_key = true;
    let mut found = custom("id__c", "double");
    let plan = compare(
        std::slice::from_ref(&key),
        &[],
        &account(vec![found.clone()]),
    )
    .unwrap();
    assert!(matches!(plan.conflicts[..], [Conflict::NotAKey { .. }]));
    found.external_id = true;
    found.unique = true;
    let plan = compare(&[key], &[], &account(vec![found])).unwrap();
    assert_eq!(plan.unchanged.len(), 1);
}

#[test]
fn fields_that_are_too_short_or_lack_values_or_are_read_only_are_conflicts() {
    let mut short = custom("note__c", "string");
    short.length = 80;
    let mut restricted = custom("color__c", "picklist");
    restricted.restricted_picklist = true;
    restricted.picklist_values = vec![value("Red", true), value("Blue", false)];
    let mut formula = custom("sum__c", "double");
    formula.calculated = true;
    let objects = account(vec![short, restricted, formula]);
    let mut note = column("note__c", DataType::Utf8);
    note.max_chars = Some(81);
    let mut color = column("color__c", DataType::Utf8);
    color.choices = vec!["red".into(), "Blue".into()];
    let wanted = [note, color, column("sum__c", DataType::Float64)];
    let plan = compare(&wanted, &[], &objects).unwrap();
    let texts: Vec<_> = plan.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "Account.color__c is restricted and lacks 1 of the values",
            "Account.note__c holds 80 characters, 81 are needed",
            "Account.sum__c cannot be written",
        ]
    );
    let error = plan.ensure_deployable().unwrap_err();
    assert!(error.to_string().ends_with("(and 2 more)"));
}

#[test]
fn a_visible_field_that_may_not_be_written_is_permitted_by_deploying() {
    let mut found = custom("note__c", "string");
    found.createable = false;
    found.updateable = false;
    let plan = compare(
        &[column("note__c", DataType::Utf8)],
        &[],
        &account(vec![found]),
    )
    .unwrap();
    assert_eq!(plan.grant.len(), 1);
    assert!(!plan.is_empty());
}

#[test]
fn a_required_field_is_never_named_in_the_permission_set() {
    let mut found = custom("must__c", "string");
    found.nillable = false;
    let plan = compare(
        &[column("must__c", DataType::Utf8)],
        &[],
        &account(vec![found]),
    )
    .unwrap();
    assert!(plan.permitted.is_empty());
}

#[test]
fn task_and_event_share_one_field_and_have_a_permission_each() {
    let objects = BTreeMap::from([
        ("Task".to_owned(), ObjectDescribe::default()),
        ("Event".to_owned(), ObjectDescribe::default()),
    ]);
    let wanted = ["Task", "Event"].map(|object| WantedField {
        object: object.into(),
        ..column("channel__c", DataType::Utf8)
    });
    let plan = compare(&wanted, &[], &objects).unwrap();
    assert_eq!(plan.create.len(), 1);
    assert_eq!(plan.create[0].field.to_string(), "Activity.channel__c");
    let permitted: Vec<_> = plan.permitted.iter().map(ToString::to_string).collect();
    assert_eq!(permitted, ["Event.channel__c", "Task.channel__c"]);
}

#[test]
fn two_queries_that_want_one_field_get_the_roomier_one_or_an_error() {
    let mut long = column("note__c", DataType::Utf8);
    long.max_chars = Some(9_000);
    let wanted = [column("Note__c", DataType::Utf8), long];
    let plan = compare(&wanted, &[], &account(Vec::new())).unwrap();
    assert_eq!(plan.create[0].field_type.to_string(), "LongTextArea(32768)");
    let wanted = [
        column("x__c", DataType::Utf8),
        column("x__c", DataType::Boolean),
    ];
    let error = compare(&wanted, &[], &account(Vec::new())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Account.x__c is wanted both as Text(255) and as Checkbox"
    );
}

#[test]
fn relationship_columns_need_their_relationship() {
    let mut owner = standard("OwnerId", "reference");
    owner.relationship_name = Some("Owner".into());
    let objects = account(vec![owner]);
    let wanted = [
        column("Owner.Email", DataType::Utf8),
        column("Parent.Ext__c", DataType::Utf8),
    ];
    let plan = compare(&wanted, &[], &objects).unwrap();
    assert_eq!(plan.unchanged.len(), 1);
    assert!(matches!(plan.conflicts[..], [Conflict::Missing { .. }]));
}

#[test]
fn the_plan_reads_like_a_list_of_changes() {
    let objects = account(vec![
        custom("flag__c", "string"),
        standard("Name", "string"),
    ]);
    let mut key = column("usercom_id__c", DataType::Utf8);
    key.is_key = true;
    let wanted = [
        key,
        column("flag__c", DataType::Boolean),
        column("Name", DataType::Utf8),
        column("big__c", DataType::Decimal128(38, 0)),
    ];
    let plan = compare(&wanted, &[], &objects).unwrap();
    insta::assert_snapshot!(plan, @r#"
    to create: 2
      + Account.big__c Number(18,0)
      + Account.usercom_id__c Text(64), external id, unique
    conflicts: 1
      ! Account.flag__c is of type string, Checkbox is needed
          choose another field in config/field_map.csv, or change the type in Setup
    notices: 1
      i Account.big__c has more digits than Salesforce holds: created as Number(18,0)
    unchanged: 1
    "#);
}

fn account(fields: Vec<FieldDescribe>) -> BTreeMap<String, ObjectDescribe> {
    let object = ObjectDescribe {
        name: "Account".into(),
        fields,
        ..ObjectDescribe::default()
    };
    BTreeMap::from([("Account".to_owned(), object)])
}

fn standard(name: &str, field_type: &str) -> FieldDescribe {
    FieldDescribe {
        name: name.into(),
        field_type: field_type.into(),
        createable: true,
        updateable: true,
        nillable: true,
        ..FieldDescribe::default()
    }
}

fn custom(name: &str, field_type: &str) -> FieldDescribe {
    FieldDescribe {
        custom: true,
        ..standard(name, field_type)
    }
}

fn value(value: &str, active: bool) -> PicklistValue {
    PicklistValue {
        value: value.into(),
        active,
        ..PicklistValue::default()
    }
}

fn column(name: &str, data_type: DataType) -> WantedField {
    WantedField {
        object: "Account".into(),
        name: name.into(),
        data_type,
        is_key: false,
        declared: None,
        label: None,
        choices: Vec::new(),
        refers_to: None,
        max_chars: None,
    }
}
