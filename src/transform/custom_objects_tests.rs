//! Claims about generated queries: they parse, lookups are declared, circles are cut, names fit.

use arrow::datatypes::{DataType, Field as ArrowField, Schema};

use super::super::custom_object::Constraint;
use super::*;
use crate::project::{QueryFile, QueryKind};

const KEYS: MetadataKeys = MetadataKeys {
    attribute: "usercom.attribute",
    value_type: "usercom.value_type",
    target: "usercom.target",
};

fn object(table: &str, fields: &[(&str, DataType, &str, Option<&str>)]) -> CustomObject {
    let fields: Vec<ArrowField> = fields
        .iter()
        .map(|(name, data_type, value_type, target)| {
            let mut metadata = std::collections::HashMap::from([
                (KEYS.attribute.to_owned(), (*name).to_owned()),
                (KEYS.value_type.to_owned(), (*value_type).to_owned()),
            ]);
            if let Some(target) = target {
                metadata.insert(KEYS.target.to_owned(), (*target).to_owned());
            }
            ArrowField::new(*name, data_type.clone(), true).with_metadata(metadata)
        })
        .collect();
    CustomObject {
        table: table.to_owned(),
        label: None,
        plural: None,
        schema: Schema::new(fields),
        constraints: BTreeMap::new(),
    }
}

fn parse(generated: &Generated, stem: &str) -> QueryFile {
    let sql = &generated.loads[stem];
    QueryFile::parse(&format!("queries/load/{stem}.sql"), QueryKind::Load, sql)
        .unwrap_or_else(|error| panic!("{error}\n{sql}"))
}

#[test]
fn lookups_are_declared_and_order_follows_from_references() {
    let generated = generate(
        &[object(
            "co_subscription",
            &[
                ("customer", DataType::Int64, "reference", Some("people")),
                ("company", DataType::Int64, "reference", Some("companies")),
                ("plan", DataType::Utf8, "fixed", None),
                ("active", DataType::Boolean, "boolean", None),
            ],
        )],
        KEYS,
    );
    let file = parse(&generated, "co_subscription");
    assert_eq!(file.object(), "subscription__c");
    assert_eq!(
        file.label,
        Some(("Subscription".to_owned(), "Subscriptions".to_owned()))
    );
    let fields: Vec<String> = file
        .fields
        .iter()
        .map(|field| format!("{} {}", field.name, field.field_type))
        .collect();
    assert_eq!(
        fields,
        [
            "customer_contact__c Lookup(Contact)",
            "customer_lead__c Lookup(Lead)",
            "company__c Lookup(Account)",
            "plan__c Picklist",
            "active__c Picklist",
        ]
    );
    assert!(file.references.contains("prepare.company_link"));
    assert!(generated.notes.is_empty());
}

#[test]
fn a_circle_and_a_self_reference_take_a_second_pass() {
    let reference = |name, target| (name, DataType::Int64, "reference", Some(target));
    let generated = generate(
        &[
            object("co_subscription", &[reference("last_invoice", "invoice")]),
            object(
                "co_invoice",
                &[
                    reference("subscription", "subscription"),
                    reference("payer", "companies"),
                ],
            ),
            object("co_asset", &[reference("parent_asset", "asset")]),
        ],
        KEYS,
    );
    let stems: Vec<&str> = generated.loads.keys().map(String::as_str).collect();
    assert_eq!(
        stems,
        [
            "co_asset",
            "co_asset_links",
            "co_invoice",
            "co_invoice_links",
            "co_subscription",
            "co_subscription_links"
        ]
    );
    let first = parse(&generated, "co_invoice");
    assert!(!first.references.contains("prepare.co_subscription_link"));
    assert!(first.references.contains("prepare.company_link"));
    let second = parse(&generated, "co_invoice_links");
    assert!(second.references.contains("prepare.co_subscription_link"));
    assert_eq!(second.operation, Some(crate::project::Operation::Update));
}

#[test]
fn an_unknown_type_holds_its_rows_and_says_so() {
    let generated = generate(
        &[object(
            "co_visit",
            &[("place", DataType::Int64, "reference", Some("venue"))],
        )],
        KEYS,
    );
    let file = parse(&generated, "co_visit");
    assert!(file.sql.contains("'reference_to_unknown_type'"));
    assert!(
        generated.notes[0].contains("references venue"),
        "{:?}",
        generated.notes
    );
}

#[test]
fn names_fit_salesforce_and_collisions_are_told() {
    let long = "a_very_long_name_that_goes_on_and_on_without_an_end";
    let generated = generate(
        &[object(
            "co_2nd__order_",
            &[
                (long, DataType::Utf8, "string", None),
                ("größe", DataType::Utf8, "string", None),
                ("gr_e", DataType::Utf8, "string", None),
            ],
        )],
        KEYS,
    );
    let file = parse(&generated, "co_2nd__order_");
    assert_eq!(file.object(), "x2nd_order__c");
    assert!(
        file.sql
            .contains("as a_very_long_name_that_goes_on_and_on_wit__c")
    );
    assert!(file.sql.contains("as gr_e__c") && file.sql.contains("as gr_e_2__c"));
    assert_eq!(generated.notes.len(), 4, "{:?}", generated.notes);
}

#[test]
fn what_definitions_ask_of_values_becomes_rules() {
    let mut asked = object(
        "co_ticket",
        &[
            ("topic", DataType::Utf8, "string", None),
            ("kind", DataType::Utf8, "fixed", None),
            ("customer", DataType::Int64, "reference", Some("people")),
        ],
    );
    let constraint = |required, choices: &[&str]| Constraint {
        required,
        choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
    };
    asked.constraints = BTreeMap::from([
        ("topic".to_owned(), constraint(true, &[])),
        (
            "kind".to_owned(),
            constraint(false, &["bug", "a \"big\" wish"]),
        ),
        ("customer".to_owned(), constraint(true, &[])),
    ]);
    let file = parse(&generate(&[asked], KEYS), "co_ticket");
    let rules: Vec<(&str, &str)> = file
        .rules
        .iter()
        .map(|rule| (rule.name.as_str(), rule.formula.as_str()))
        .collect();
    assert_eq!(
        rules,
        [
            ("topic_required", "ISBLANK(topic__c)"),
            (
                "kind_choices",
                r#"NOT(OR(ISBLANK(TEXT(kind__c)), ISPICKVAL(kind__c, "bug"), ISPICKVAL(kind__c, "a \"big\" wish")))"#
            ),
            (
                "customer_required",
                "AND(ISBLANK(customer_contact__c), ISBLANK(customer_lead__c))"
            ),
        ]
    );
}
