//! Which cell feeds which column.

use super::*;
use crate::usercom::object;

fn csv(headers: &[&str]) -> FileKeys {
    FileKeys {
        top: headers.iter().map(|&header| header.to_owned()).collect(),
        delimiter: b',',
        ..FileKeys::default()
    }
}

fn json(top: &[&str], listed: &[&str]) -> FileKeys {
    FileKeys {
        listed: listed.iter().map(|&key| key.to_owned()).collect(),
        json: true,
        ..csv(top)
    }
}

fn attribute(id: i64, name: &str, value_type: &str, content_type: &str) -> AttributeDefinition {
    AttributeDefinition {
        id,
        name: name.to_owned(),
        name_std: normalise(name),
        value_type: value_type.to_owned(),
        content_type: content_type.to_owned(),
        ..AttributeDefinition::default()
    }
}

fn lay(object_name: &str, definitions: &[AttributeDefinition], files: &[FileKeys]) -> Layout {
    let files: Vec<_> = files
        .iter()
        .map(|keys| ("x.csv".to_owned(), keys.clone()))
        .collect();
    Layout::new(
        object(object_name).unwrap(),
        definitions,
        &files,
        &BTreeMap::new(),
    )
    .unwrap()
}

/// Headers that feed a column of the first file, best first.
fn feeds(layout: &Layout, keys: &FileKeys, column: &str) -> Vec<String> {
    let index = layout.schema.index_of(column).unwrap();
    let all: Vec<&String> = keys.top.iter().chain(&keys.listed).collect();
    layout.files[0].sources[index]
        .iter()
        .map(|source| all[source.input].clone())
        .collect()
}

#[test]
fn names_of_the_ui_and_of_both_api_versions_find_their_columns() {
    for (object, header, column) in [
        ("people", "Phone Number", "phone_number"),
        ("people", "E-mail", "email"),
        ("people", "key", "user_key"),
        ("people", "User ID", "custom_id"),
        ("people", "Enable notifications", "notifications"),
        ("people", "Google+", "google_url"),
        ("people", "Assigned to", "assigned_to_email"),
        ("companies", "approx_employees", "size"),
        ("companies", "employees", "employee_ids"),
        ("companies", "Website", "domain"),
        ("companies", "company_id", "custom_id"),
        ("deals", "person", "person_id"),
        ("deals", "user_id", "person_id"),
        ("deals", "stage", "stage_name"),
        ("deals", "deal_id", "custom_id"),
        ("stages", "weight", "probability"),
        ("deals", "team members", "team_ids"),
        ("activities", "Due date", "due_at"),
        ("activities", "client_id", "person_id"),
        ("events", "start_date_time", "start_at"),
        ("conversations", "messages", "message_count"),
        ("messages", "chat", "conversation_id"),
        ("messages", "user", "author_name"),
        ("emails", "recipient", "to_email"),
        ("sms", "phone", "phone_number"),
        ("segments", "conditions", "criteria"),
        ("products", "SKU", "code"),
        ("deal_products", "total price", "value"),
        ("notes", "text", "content"),
        ("files", "Filename", "name"),
        ("stage_changes", "stage", "stage_id"),
        ("custom_objects", "plural", "plural_label"),
        ("custom_object_fields", "value_type", "type"),
    ] {
        let keys = csv(&["id", header]);
        let layout = lay(object, &[], std::slice::from_ref(&keys));
        assert_eq!(feeds(&layout, &keys, column), [header], "{object}.{header}");
    }
}

#[test]
fn user_id_is_the_clients_id_unless_the_file_has_custom_id() {
    let v1 = csv(&["id", "user_id"]);
    let layout = lay("people", &[], std::slice::from_ref(&v1));
    assert_eq!(feeds(&layout, &v1, "custom_id"), ["user_id"]);
    let v2 = csv(&["user_id", "custom_id"]);
    let layout = lay("people", &[], std::slice::from_ref(&v2));
    assert_eq!(feeds(&layout, &v2, "custom_id"), ["custom_id"]);
    assert_eq!(feeds(&layout, &v2, "id"), ["user_id"]);
}

#[test]
fn a_reference_feeds_its_id_and_its_text() {
    let keys = json(&["id", "companies", "company"], &[]);
    let layout = lay("people", &[], std::slice::from_ref(&keys));
    assert_eq!(
        feeds(&layout, &keys, "company_id"),
        ["company", "companies"]
    );
    assert_eq!(
        feeds(&layout, &keys, "company_name"),
        ["company", "companies"]
    );
    assert_eq!(feeds(&layout, &keys, "company_ids"), ["companies"]);
}

#[test]
fn unknown_columns_become_attributes_typed_by_their_definitions() {
    let definitions = [
        attribute(1, "Lead Score 2", "integer", "clientuser"),
        attribute(2, "Źródło", "fixed", "user"),
        attribute(3, "★", "boolean", "clientuser"),
        attribute(4, "Founded", "date", "company"),
    ];
    let keys = csv(&["id", "lead score 2", "ŹRÓDŁO", "★", "Shoe Size", "", ""]);
    let layout = lay("people", &definitions, std::slice::from_ref(&keys));
    let kind = |name: &str| {
        layout
            .columns
            .iter()
            .find(|column| column.name == name)
            .map(|column| column.kind)
    };
    assert_eq!(kind("lead_score_2"), Some(ColumnKind::Integer));
    assert_eq!(kind("zrodlo"), Some(ColumnKind::Choice));
    let star = format!("attribute_{}", super::super::header::digest("★"));
    assert_eq!(kind(&star), Some(ColumnKind::Boolean));
    assert_eq!(kind("shoe_size"), Some(ColumnKind::Text));
    assert_eq!(kind("unnamed_6"), Some(ColumnKind::Text));
    assert_eq!(kind("unnamed_7"), Some(ColumnKind::Text));
    assert_eq!(kind("founded"), None);
    let field = layout.schema.field_with_name("zrodlo").unwrap();
    assert_eq!(field.metadata()[ATTRIBUTE_METADATA], "Źródło");
    assert_eq!(layout.renamed, []);
}

#[test]
fn names_that_collide_get_a_digest_and_are_reported() {
    let keys = csv(&["id", "Źródło", "zrodlo"]);
    let layout = lay("people", &[], std::slice::from_ref(&keys));
    let column = format!("zrodlo_{}", super::super::header::digest("Źródło"));
    assert_eq!(feeds(&layout, &keys, "zrodlo"), ["zrodlo"]);
    assert_eq!(feeds(&layout, &keys, &column), ["Źródło"]);
    let renamed = Renamed {
        attribute: "Źródło".to_owned(),
        column,
    };
    assert_eq!(layout.renamed, [renamed]);
}

#[test]
fn the_name_of_the_struct_of_custom_fields_is_reserved() {
    let layout = lay("people", &[], &[csv(&["id", "Custom"])]);
    assert_eq!(layout.renamed[0].column, "custom_2");
}

#[test]
fn a_listed_attribute_fills_a_declared_column_unless_a_file_has_that_column() {
    let keys = json(&["id", "status"], &["lifecycle_stage", "status"]);
    let layout = lay("people", &[], std::slice::from_ref(&keys));
    assert_eq!(
        feeds(&layout, &keys, "lifecycle_stage"),
        ["lifecycle_stage"]
    );
    assert_eq!(feeds(&layout, &keys, "status_2"), ["status"]);
    assert_eq!(layout.renamed.len(), 1);
}

#[test]
fn a_declared_attribute_has_its_column_even_without_values() {
    let definitions = [attribute(1, "Plan", "string", "clientuser")];
    let layout = lay("people", &definitions, &[csv(&["id"])]);
    assert!(layout.schema.field_with_name("plan").is_ok());
}

#[test]
fn the_stages_inside_pipelines_are_no_attribute() {
    let keys = json(&["id", "name", "stages"], &[]);
    let layout = lay("pipelines", &[], std::slice::from_ref(&keys));
    assert_eq!(layout.columns.len(), 3);
}

#[test]
fn a_key_with_another_tables_records_feeds_what_counts_them_and_nothing_else() {
    let keys = json(&["id", "messages"], &[]);
    let layout = lay("conversations", &[], std::slice::from_ref(&keys));
    let count = layout.schema.index_of("message_count").unwrap();
    assert_eq!(layout.files[0].sources[count][0].input, 1);
    assert_eq!(layout.files[0].nested.iter().collect::<Vec<_>>(), [&1]);
    let keys = json(&["id", "conversations", "emails"], &[]);
    let layout = lay("people", &[], std::slice::from_ref(&keys));
    assert_eq!(
        layout.columns.len(),
        object("people").unwrap().columns.len()
    );
    assert_eq!(layout.files[0].top.keys().collect::<Vec<_>>(), ["id"]);
    let keys = csv(&["id", "conversations"]);
    let layout = lay("people", &[], std::slice::from_ref(&keys));
    assert_eq!(feeds(&layout, &keys, "conversations"), ["conversations"]);
}

#[test]
fn the_fields_inside_custom_objects_are_no_attributes_of_them() {
    let keys = json(&["id", "name"], &["serial", "contract"]);
    let layout = lay("custom_objects", &[], std::slice::from_ref(&keys));
    assert_eq!(layout.columns.len(), 5);
    assert!(layout.files[0].listed.is_empty());
}

#[test]
fn a_reference_of_a_custom_object_takes_ids_and_says_to_what() {
    let mut contract = attribute(1, "Contract", "reference", "co_asset");
    contract.target = "deals".to_owned();
    let other = attribute(2, "Serial", "string", "co_pet");
    let asset = crate::usercom::custom::custom_object("co_asset".to_owned());
    let files = [("co_asset.csv".to_owned(), csv(&["id", "contract"]))];
    let layout = Layout::new(&asset, &[contract, other], &files, &BTreeMap::new()).unwrap();
    let column = layout.schema.index_of("contract").unwrap();
    assert_eq!(layout.columns[column].kind, ColumnKind::Integer);
    assert_eq!(layout.files[0].sources[column][0].take, Take::Id);
    assert_eq!(
        layout.schema.field(column).metadata()[TARGET_METADATA],
        "deals"
    );
    assert!(layout.schema.index_of("serial").is_err());
}

#[test]
fn a_file_without_ids_or_with_a_name_twice_is_refused() {
    let lay = |headers: &[&str]| {
        let files = [("people.csv".to_owned(), csv(headers))];
        Layout::new(object("people").unwrap(), &[], &files, &BTreeMap::new())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        lay(&["name", "email"]),
        "people.csv has no id column for people"
    );
    assert_eq!(
        lay(&["id", "E-mail", "e mail"]),
        "people.csv has two columns named \"e mail\" (2 and 3)"
    );
}
