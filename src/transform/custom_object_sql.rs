//! The SQL of the customer's custom objects: the load of each, its second pass, and the models over them.
//!
//! In: an object with its fields and what they refer to. Out: the text of a query. Never: what is decided about names and
//! circles, which `custom_objects.rs` does.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;

use super::custom_object::{CustomObject, Field, MAX_NAME, Target};
use crate::schema::free_name;

/// Column with the id of records whose id is text; tables whose ids are all numbers lack it.
const TEXT_ID: &str = "text_id";

/// Longest formula of a validation rule.
const MAX_FORMULA: usize = 3900;

/// Longest record name.
const NAME_CHARS: usize = 80;

/// Who owns the records, so that owners without a user are found before anything is sent.
pub(super) fn owners_query(objects: &[CustomObject]) -> Option<String> {
    let selects: Vec<String> = objects
        .iter()
        .map(|CustomObject { table, .. }| {
            format!(
                "select\n    '{table}' as named_by,\n    custom_object.owner_key,\n    \
                 custom_object.assigned_to_id as owner_id,\n    \
                 custom_object.assigned_to_email_key as owner_email\nfrom mapped.{table} as custom_object\n"
            )
        })
        .collect();
    let head = "-- grain: one row per record of a custom object: its owner\n";
    (!selects.is_empty()).then(|| format!("{head}{}", selects.join("union all\n")))
}

/// What a query is put together from.
#[derive(Default)]
struct Parts {
    headers: Vec<String>,
    columns: Vec<String>,
    joins: Vec<String>,
    /// Condition of rows that do not move, and their fate.
    fates: Vec<(String, String)>,
    /// Alias of what each reference leads to, where it says why there is no record.
    linked: Vec<String>,
}

/// A fate with its reason and parent, each as SQL has it.
fn fate(fate: &str, reason: &str, parent: &str) -> String {
    format!(
        "named_struct(\n                'fate', '{fate}',\n                'reason', {reason},\n                \
         'parent', {parent}\n            )"
    )
}

/// The first of these fates whose condition holds.
fn case(fates: &[(String, String)]) -> String {
    let branches: String = fates
        .iter()
        .map(|(when, fate)| format!("\n        when {when}\n            then {fate}"))
        .collect();
    format!("case{branches}\n    end")
}

impl Parts {
    fn reference(&mut self, field: &Field<'_>, target: &Target, names: &BTreeMap<&str, String>) {
        let Field { column, name, .. } = field;
        let value = format!("custom_object.\"{column}\"");
        let number = self.joins.len() + 1;
        let alias = format!("reference_{number}");
        let mut lookup = |object: &str, field_name: &str, id: &str| {
            self.headers
                .push(format!("-- field: {field_name}__c Lookup({object})"));
            self.columns
                .push(format!("{alias}.{id} as {field_name}__c"));
        };
        let (link, id, what) = match target {
            Target::People => {
                lookup("Contact", &format!("{name}_contact"), "contact_id");
                lookup("Lead", &format!("{name}_lead"), "lead_id");
                ("person_link".to_owned(), "person_id", "person")
            }
            Target::Companies => {
                lookup("Account", name, "account_id");
                ("company_link".to_owned(), "company_id", "company")
            }
            Target::Deals => {
                lookup("Opportunity", name, "opportunity_id");
                ("deal_link".to_owned(), "deal_id", "deal")
            }
            Target::Custom(table) => {
                lookup(&format!("{}__c", names[table.as_str()]), name, "record_id");
                (format!("{table}_link"), "id", table.as_str())
            }
            Target::Unknown(target) => {
                let parent = format!("concat('{target} ', {value})");
                self.fates.push((
                    format!("{value} is not null"),
                    fate("held", "'reference_to_unknown_type'", &parent),
                ));
                return;
            }
        };
        self.joins.push(format!(
            "left join prepare.{link} as {alias}\n    on {alias}.{id} = {value}"
        ));
        self.fates
            .push((format!("{alias}.fate is not null"), format!("{alias}.fate")));
        self.fates.push((
            format!("{value} is not null and {alias}.{id} is null"),
            fate(
                "held",
                &format!("'{what}_missing'"),
                &format!("concat('{what} ', {value})"),
            ),
        ));
        self.linked.push(alias);
    }

    fn value(&mut self, table: &str, field: &Field<'_>) {
        let Field { column, name, .. } = field;
        let value = format!("custom_object.\"{column}\"");
        let (value, field_type) = match (field.data_type, field.value_type) {
            (DataType::Boolean, _) => (
                format!(
                    "case\n        when {value} then 'Yes'\n        when not {value} then 'No'\n    end"
                ),
                Some("Picklist from prepare.yes_no.value".to_owned()),
            ),
            (DataType::List(_), _) => (
                value,
                Some(format!("MultiselectPicklist from usercom.{table}.{column}")),
            ),
            (_, "fixed") => (
                value,
                Some(format!("Picklist from usercom.{table}.{column}")),
            ),
            (_, "json" | "text") => (value, Some("LongTextArea".to_owned())),
            _ => (value, None),
        };
        self.headers
            .extend(field_type.map(|field_type| format!("-- field: {name}__c {field_type}")));
        self.columns.push(format!("{value} as {name}__c"));
    }

    /// The column that says what becomes of a row, behind `first` what else its references say.
    fn fates(&mut self, first: &[(String, String)]) {
        let fates = first.iter().chain(&self.fates);
        let fates: Vec<String> = fates.map(|fate| case(std::slice::from_ref(fate))).collect();
        self.columns.push(format!(
            "make_array(\n        {}\n    ) as _fate",
            fates.join(",\n        ")
        ));
    }

    fn text(&self, head: &[String], from: &str) -> String {
        let mut lines: Vec<String> = head.to_vec();
        lines.extend(self.headers.iter().cloned());
        lines.push("select".to_owned());
        lines.push(format!("    {}", self.columns.join(",\n    ")));
        lines.push(from.to_owned());
        lines.extend(self.joins.iter().cloned());
        lines.join("\n") + "\n"
    }
}

fn label(object: &CustomObject) -> (String, String) {
    let plain = object.table.strip_prefix("co_").unwrap_or(&object.table);
    let mut letters = plain.replace('_', " ");
    if let Some(first) = letters.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    // A label ends the header line that holds it.
    let clean = |text: &String| text.replace(['/', '\n', '\r'], " ").trim().to_owned();
    let one = object
        .label
        .as_ref()
        .map(clean)
        .filter(|label| !label.is_empty());
    let one = one.unwrap_or(letters);
    let many = object
        .plural
        .as_ref()
        .map(clean)
        .filter(|label| !label.is_empty());
    let many = many.unwrap_or_else(|| format!("{one}s"));
    (one, many)
}

pub(super) fn load_query(
    object: &CustomObject,
    name: &str,
    fields: &[&Field<'_>],
    all: &[Field<'_>],
    names: &BTreeMap<&str, String>,
    notes: &mut Vec<String>,
) -> String {
    let table = &object.table;
    let (one, many) = label(object);
    let mut head = vec![
        format!("-- grain: one row per {}", one.to_lowercase()),
        format!("-- source: usercom.{table}"),
        format!("-- object: {name}__c"),
        format!("-- label: {one} / {many}"),
        "-- operation: upsert".to_owned(),
        "-- key: usercom_id__c".to_owned(),
    ];
    let mut taken = BTreeSet::new();
    for field in all {
        rules(table, field, &mut taken, &mut head, notes);
    }
    let mut parts = Parts::default();
    let quoted = one.replace('\'', "''");
    let has_text_ids = object.schema.field_with_name(TEXT_ID).is_ok();
    let id = match has_text_ids {
        true => "coalesce(custom_object.text_id, custom_object.id)",
        false => "custom_object.id",
    };
    parts.columns.extend([
        "custom_object.id as usercom_id__c".to_owned(),
        format!(
            "left(\n        coalesce(nullif(trim(custom_object.name), ''), concat('{quoted} ', {id})),\n        \
             {NAME_CHARS}\n    ) as \"Name\""
        ),
        "owner.user_id as \"OwnerId\"".to_owned(),
    ]);
    if has_text_ids {
        parts
            .columns
            .push("custom_object.text_id as usercom_text_id__c".to_owned());
    }
    for field in fields {
        match &field.target {
            Some(target) => parts.reference(field, target, names),
            None => parts.value(table, field),
        }
    }
    parts.columns.extend([
        "custom_object.created_at as usercom_created_at__c".to_owned(),
        "custom_object.created_at as \"CreatedDate\"".to_owned(),
        "cast(null as timestamp) as usercom_deleted_at__c".to_owned(),
    ]);
    let scope = (
        "not custom_object.in_scope".to_owned(),
        fate(
            "out_of_scope",
            "custom_object.scope_reason",
            "cast(null as varchar)",
        ),
    );
    parts.fates(&[scope]);
    parts.joins.push(
        "left join prepare.owner as owner\n    on owner.owner_key = custom_object.owner_key"
            .to_owned(),
    );
    parts.text(&head, &format!("from mapped.{table} as custom_object"))
}

/// The validation rules of a field, a header line each.
fn rules(
    table: &str,
    field: &Field<'_>,
    taken: &mut BTreeSet<String>,
    head: &mut Vec<String>,
    notes: &mut Vec<String>,
) {
    let Some(constraint) = field.constraint else {
        return;
    };
    let Field { column, name, .. } = field;
    let is_list = matches!(field.data_type, DataType::List(_));
    let is_picklist = field.value_type == "fixed" || *field.data_type == DataType::Boolean;
    if constraint.required {
        let empty = match &field.target {
            Some(Target::Unknown(_)) => return,
            Some(Target::People) => {
                format!("AND(ISBLANK({name}_contact__c), ISBLANK({name}_lead__c))")
            }
            Some(_) => format!("ISBLANK({name}__c)"),
            None if is_picklist && !is_list => format!("ISBLANK(TEXT({name}__c))"),
            None => format!("ISBLANK({name}__c)"),
        };
        let rule = free_name(&format!("{name}_required"), MAX_NAME, taken);
        head.push(format!("-- rule: {rule} {empty} | {column} is required"));
    }
    if constraint.choices.is_empty() || !is_picklist || *field.data_type == DataType::Boolean {
        return;
    }
    if is_list {
        notes.push(format!(
            "{table}.{column}: no validation rule keeps people from adding other choices, since formulas cannot compare lists"
        ));
        return;
    }
    let listed: Vec<String> = constraint
        .choices
        .iter()
        .map(|choice| {
            let clean = choice.replace(['\n', '\r'], " ");
            let quoted = clean.replace('\\', "\\\\").replace('"', "\\\"");
            format!("ISPICKVAL({name}__c, \"{quoted}\")")
        })
        .collect();
    let formula = format!("NOT(OR(ISBLANK(TEXT({name}__c)), {}))", listed.join(", "));
    if formula.len() > MAX_FORMULA {
        notes.push(format!(
            "{table}.{column} has more choices than a validation rule can hold: none is made"
        ));
        return;
    }
    let rule = free_name(&format!("{name}_choices"), MAX_NAME, taken);
    head.push(format!(
        "-- rule: {rule} {formula} | {column} is none of its choices"
    ));
}

/// The second pass: lookups to records that may not have been there in the first.
pub(super) fn links_query(
    object: &CustomObject,
    name: &str,
    fields: &[&Field<'_>],
    names: &BTreeMap<&str, String>,
) -> String {
    let table = &object.table;
    let (one, _) = label(object);
    let named: Vec<String> = fields
        .iter()
        .filter(|field| field.target.is_some())
        .map(|field| format!("\"{}\" is not null", field.column))
        .collect();
    let head = [
        format!(
            "-- grain: one row per {} with lookups in a circle",
            one.to_lowercase()
        ),
        format!("-- source: usercom.{table} where {}", named.join(" or ")),
        format!("-- object: {name}__c"),
        "-- operation: update".to_owned(),
        "-- key: usercom_id__c".to_owned(),
    ];
    let mut parts = Parts::default();
    parts.columns.extend([
        "custom_object.id as usercom_id__c".to_owned(),
        "loaded.record_id as _id".to_owned(),
    ]);
    let mut any = Vec::new();
    for field in fields {
        if let Some(target) = &field.target {
            parts.reference(field, target, names);
            any.push(format!("custom_object.\"{}\" is not null", field.column));
        }
    }
    // A record that was not made has nothing to set, whatever it refers to.
    let own = (
        "loaded.fate is not null".to_owned(),
        "loaded.fate".to_owned(),
    );
    parts.fates(&[own]);
    let mut text = parts.text(
        &head,
        &format!(
            "from usercom.{table} as custom_object\nleft join prepare.{table}_link as loaded\n    \
             on loaded.id = custom_object.id"
        ),
    );
    text.push_str(&format!("where {}\n", any.join(" or ")));
    text
}

/// Which record each row became, or why there is none: what it refers to in the first pass may be out of scope.
pub(super) fn link_model(
    object: &CustomObject,
    fields: &[&Field<'_>],
    names: &BTreeMap<&str, String>,
) -> String {
    let table = &object.table;
    let (one, _) = label(object);
    let mut parts = Parts::default();
    for field in fields {
        if let Some(target) = &field.target {
            parts.reference(field, target, names);
        }
    }
    let outside = parts
        .linked
        .iter()
        .map(|alias| format!("loaded.id is null and {alias}.fate['fate'] = 'out_of_scope'"));
    let parent = format!("concat('{table} ', custom_object.id)");
    let reason = format!(
        "case\n                    when custom_object.scope_reason = 'sample' then 'sample'\n                    \
         else '{table}_out_of_scope'\n                end"
    );
    let mut fates: Vec<(String, String)> =
        std::iter::once("loaded.id is null and not custom_object.in_scope".to_owned())
            .chain(outside)
            .map(|when| (when, fate("out_of_scope", &reason, &parent)))
            .collect();
    fates.push((
        "loaded.id is null".to_owned(),
        fate("held", &format!("'{table}_missing'"), &parent),
    ));
    parts.headers.clear();
    parts.columns = vec![
        "custom_object.id".to_owned(),
        "loaded.id as record_id".to_owned(),
        format!("{} as fate", case(&fates)),
    ];
    let head = [
        format!(
            "-- grain: one row per {}: the record it became, or why there is none",
            one.to_lowercase()
        ),
        "-- key: id".to_owned(),
    ];
    parts.text(
        &head,
        &format!(
            "from mapped.{table} as custom_object\nleft join ledger.{table} as loaded\n    \
             on loaded.usercom_id__c = custom_object.id"
        ),
    )
}
