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
    let plan = plan_of(&wanted, &[], &objects).unwrap();
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
    let plan = plan_of(&wanted, &[], &account(Vec::new())).unwrap();
    let described = plan.create.iter().map(|field| FieldDescribe {
        unique: field.is_key,
        external_id: field.is_key,
        ..custom(&field.field.name, field.field_type.describe_name())
    });
    let again = plan_of(&wanted, &[], &account(described.collect())).unwrap();
    assert!(again.is_empty());
    assert_eq!(again.conflicts, []);
    assert_eq!(again.unchanged.len(), 3);
}

#[test]
fn a_standard_field_that_is_absent_is_a_conflict_with_the_nearest_name() {
    let objects = account(vec![standard("Website", "url")]);
    let plan = plan_of(&[column("WebSite1", DataType::Utf8)], &[], &objects).unwrap();
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
    let plan = plan_of(&wanted, &[], &objects).unwrap();
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
    let plan = plan_of(
        std::slice::from_ref(&key),
        &[],
        &account(vec![found.clone()]),
    )
    .unwrap();
    assert!(matches!(plan.conflicts[..], [Conflict::NotAKey { .. }]));
    found.external_id = true;
    found.unique = true;
    let plan = plan_of(&[key], &[], &account(vec![found])).unwrap();
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
    let plan = plan_of(&wanted, &[], &objects).unwrap();
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
    let plan = plan_of(
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
    let plan = plan_of(
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
    let plan = plan_of(&wanted, &[], &objects).unwrap();
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
    let plan = plan_of(&wanted, &[], &account(Vec::new())).unwrap();
    assert_eq!(plan.create[0].field_type.to_string(), "LongTextArea(32768)");
    let wanted = [
        column("x__c", DataType::Utf8),
        column("x__c", DataType::Boolean),
    ];
    let error = plan_of(&wanted, &[], &account(Vec::new())).unwrap_err();
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
    let plan = plan_of(&wanted, &[], &objects).unwrap();
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
    let plan = plan_of(&wanted, &[], &objects).unwrap();
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
        whole_digits: None,
        decimals: None,
    }
}

/// Compares columns and objects with the descriptions of an organisation that has nothing else to say.
fn plan_of(
    fields: &[WantedField],
    custom: &[WantedObject],
    objects: &BTreeMap<String, ObjectDescribe>,
) -> Result<SchemaPlan> {
    compare(&wanted(fields, custom), &org(objects))
}

fn wanted(fields: &[WantedField], custom: &[WantedObject]) -> Wanted {
    Wanted {
        fields: fields.to_vec(),
        objects: custom.to_vec(),
        ..Wanted::default()
    }
}

fn org(objects: &BTreeMap<String, ObjectDescribe>) -> OrgSchema {
    OrgSchema {
        objects: objects.clone(),
        ..OrgSchema::default()
    }
}

#[test]
fn a_field_that_field_level_security_hides_is_permitted_and_not_deployed_again() {
    let objects = account(Vec::new());
    let hidden = FieldName::new("Account", "Budget__c");
    let there = OrgSchema {
        custom_fields: Some(BTreeSet::from([hidden])),
        ..org(&objects)
    };
    let columns = [
        column("budget__c", DataType::Utf8),
        column("new__c", DataType::Utf8),
    ];
    let plan = compare(&wanted(&columns, &[]), &there).unwrap();
    assert_eq!(plan.grant, [FieldName::new("Account", "budget__c")]);
    assert_eq!(plan.create.len(), 1);
    assert_eq!(plan.permitted.len(), 2);
}

#[test]
fn more_fields_than_the_edition_allows_are_a_conflict_and_nearly_as_many_a_notice() {
    let objects = account(Vec::new());
    let there = |has: usize| OrgSchema {
        max_fields: Some(100),
        custom_fields: Some(
            (0..has)
                .map(|number| FieldName::new("Account", format!("own{number}__c")))
                .collect(),
        ),
        ..org(&objects)
    };
    let columns = [
        column("a__c", DataType::Utf8),
        column("b__c", DataType::Utf8),
    ];
    let wanted = wanted(&columns, &[]);
    let plan = |has| compare(&wanted, &there(has)).unwrap();
    assert!(plan(88).notices.is_empty() && plan(88).conflicts.is_empty());
    assert!(matches!(
        plan(89).notices[..],
        [Notice::NearLimit { will_have: 91, .. }]
    ));
    assert!(plan(98).conflicts.is_empty());
    assert!(matches!(
        plan(99).conflicts[..],
        [Conflict::TooManyFields {
            has: 99,
            adds: 2,
            ..
        }]
    ));
}

#[test]
fn a_field_of_ours_is_made_longer_and_anybody_elses_is_a_conflict() {
    let short = FieldDescribe {
        length: 40,
        label: "Plan".to_owned(),
        ..custom("plan__c", "string")
    };
    let objects = account(vec![short]);
    let columns = [WantedField {
        max_chars: Some(60),
        ..column("plan__c", DataType::Utf8)
    }];
    let wanted = wanted(&columns, &[]);
    let theirs = compare(&wanted, &org(&objects)).unwrap();
    assert!(matches!(theirs.conflicts[..], [Conflict::TooShort { .. }]));
    let ours = OrgSchema {
        ours: BTreeSet::from([FieldName::new("Account", "plan__c")]),
        ..org(&objects)
    };
    let plan = compare(&wanted, &ours).unwrap();
    assert_eq!(plan.conflicts, []);
    let change = &plan.change[0];
    assert_eq!(change.field.field_type, FieldType::Text { length: 255 });
    assert_eq!(
        (change.field.label.as_str(), change.was.as_str()),
        ("Plan", "40 characters")
    );
}

#[test]
fn fields_that_lead_and_contact_share_are_handed_on_once() {
    let of = |object: &str, data_type: DataType| WantedField {
        object: object.to_owned(),
        ..column("score__c", data_type)
    };
    let describe = |fields: Vec<FieldDescribe>| ObjectDescribe {
        fields,
        ..ObjectDescribe::default()
    };
    let objects = BTreeMap::from([
        ("Lead".to_owned(), describe(Vec::new())),
        ("Contact".to_owned(), describe(Vec::new())),
    ]);
    let columns = [of("Lead", DataType::Int64), of("Contact", DataType::Int64)];
    let unread = compare(&wanted(&columns, &[]), &org(&objects)).unwrap();
    assert!(matches!(unread.notices[..], [Notice::NotSeen { .. }]));
    let readable = |objects: &BTreeMap<String, ObjectDescribe>, conversion| OrgSchema {
        conversion: Some(conversion),
        ..org(objects)
    };
    let first = readable(&objects, LeadConversion::default());
    let plan = compare(&wanted(&columns, &[]), &first).unwrap();
    let conversion = plan.conversion.unwrap();
    assert_eq!(conversion.added, 1);
    let created = plan.create.iter().map(|field| {
        let field = FieldDescribe {
            precision: 18,
            ..custom("score__c", field.field_type.describe_name())
        };
        describe(vec![field])
    });
    let objects = ["Contact", "Lead"]
        .map(str::to_owned)
        .into_iter()
        .zip(created)
        .collect();
    let again = compare(&wanted(&columns, &[]), &readable(&objects, conversion)).unwrap();
    assert_eq!(again.conversion, None);
    let differing = [of("Lead", DataType::Int64), of("Contact", DataType::Utf8)];
    let plan = compare(&wanted(&differing, &[]), &first).unwrap();
    assert_eq!(plan.conversion, None, "types differ");
}
