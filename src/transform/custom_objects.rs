//! Load queries for the customer's custom objects, whose shape only the export knows.
//!
//! In: the schemas of the staged `usercom.co_*` tables and their labels. Out: the text of one load query per object, and of a
//! second one that sets the lookups which go in a circle once all records are there. The texts are written where people
//! can read them, and a file of the same name in the project's `queries/load/` replaces them.
//! Never: a name that Salesforce would refuse; what had to be renamed is said.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Schema};

use crate::schema::free_name;

/// Longest API name without `__c` (`guide/salesforce.md` §5.2).
const MAX_NAME: usize = 40;

/// Column with the id of records whose id is text; tables whose ids are all numbers lack it.
const TEXT_ID: &str = "text_id";

/// The model of the owners of all records, below the folder of queries.
pub const OWNERS: &str = "prepare/owners/custom_object_owner.sql";

/// Longest formula of a validation rule.
const MAX_FORMULA: usize = 3900;

/// Longest record name.
const NAME_CHARS: usize = 80;

/// A custom object of the export.
#[derive(Clone, Debug)]
pub struct CustomObject {
    /// Staged table without its schema, `co_<name>`.
    pub table: String,
    /// Label of one, if the export gives it.
    pub label: Option<String>,
    /// Label of many.
    pub plural: Option<String>,
    /// Schema of the staged table.
    pub schema: Schema,
    /// What the export's definitions ask of values, by the attribute's name in lower case.
    pub constraints: BTreeMap<String, Constraint>,
}

/// What a definition asks of the values of an attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraint {
    /// A value must be there.
    pub required: bool,
    /// The only values there may be; empty: any.
    pub choices: Vec<String>,
}

/// Generated queries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// File stem and text.
    pub files: BTreeMap<String, String>,
    /// Text of the model [`OWNERS`], which says who owns their records; none without objects.
    pub owners: Option<String>,
    /// What a person should know, a line each.
    pub notes: Vec<String>,
}

/// Metadata keys of staged attributes, as staging writes them.
#[derive(Clone, Copy, Debug)]
pub struct MetadataKeys {
    /// The attribute's name.
    pub attribute: &'static str,
    /// Its declared type.
    pub value_type: &'static str,
    /// What a reference points at.
    pub target: &'static str,
}

/// What a reference points at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    People,
    Companies,
    Deals,
    /// A custom object, by its table.
    Custom(String),
    /// A type that the export does not have.
    Unknown(String),
}

/// A field of an object.
struct Field<'a> {
    /// Staged column.
    column: &'a str,
    /// API name without `__c`.
    name: String,
    data_type: &'a DataType,
    value_type: &'a str,
    target: Option<Target>,
    constraint: Option<&'a Constraint>,
}

/// Writes the queries of all objects.
#[must_use]
pub fn generate(objects: &[CustomObject], keys: MetadataKeys) -> Generated {
    let mut generated = Generated::default();
    let mut taken = BTreeSet::new();
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    for object in objects {
        let wanted = object.table.strip_prefix("co_").unwrap_or(&object.table);
        let name = free_name(wanted, MAX_NAME, &mut taken);
        if name != wanted {
            generated.notes.push(format!(
                "custom object {wanted} becomes {name}__c: its name is taken or not one that Salesforce accepts"
            ));
        }
        names.insert(&object.table, name);
    }
    let fields: BTreeMap<&str, Vec<Field<'_>>> = objects
        .iter()
        .map(|object| {
            let fields = fields_of(object, keys, &names, &mut generated.notes);
            (object.table.as_str(), fields)
        })
        .collect();
    for object in objects {
        let table = object.table.as_str();
        let own = &fields[table];
        let (later, now): (Vec<&Field<'_>>, Vec<&Field<'_>>) = own.iter().partition(|field| {
            matches!(&field.target, Some(Target::Custom(other)) if reaches(other, table, &fields))
        });
        let name = &names[table];
        generated.files.insert(
            table.to_owned(),
            load_query(object, name, &now, own, &names, &mut generated.notes),
        );
        if !later.is_empty() {
            generated.files.insert(
                format!("{table}_links"),
                links_query(object, name, &later, &names),
            );
        }
    }
    generated.owners = owners_query(objects);
    generated
}

/// Who owns the records, so that owners without a user are found before anything is sent.
fn owners_query(objects: &[CustomObject]) -> Option<String> {
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

/// Whether references lead from one object to another, over none or more others.
fn reaches(from: &str, to: &str, fields: &BTreeMap<&str, Vec<Field<'_>>>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(table) = open.pop() {
        if table == to {
            return true;
        }
        if !seen.insert(table.clone()) {
            continue;
        }
        for field in fields.get(table.as_str()).into_iter().flatten() {
            if let Some(Target::Custom(next)) = &field.target {
                open.push(next.clone());
            }
        }
    }
    false
}

fn fields_of<'a>(
    object: &'a CustomObject,
    keys: MetadataKeys,
    names: &BTreeMap<&str, String>,
    notes: &mut Vec<String>,
) -> Vec<Field<'a>> {
    let mut taken: BTreeSet<String> = [
        "usercom_id",
        "usercom_text_id",
        "usercom_created_at",
        "usercom_raw_values",
    ]
    .map(str::to_owned)
    .into();
    let mut fields = Vec::new();
    for field in object.schema.fields() {
        let metadata = field.metadata();
        let Some(attribute) = metadata.get(keys.attribute) else {
            continue;
        };
        let target = metadata
            .get(keys.target)
            .map(|target| target_of(target, names));
        // A person is a Contact or a Lead, each with a lookup of its own.
        let room = MAX_NAME
            - if target == Some(Target::People) {
                "_contact".len()
            } else {
                0
            };
        let name = free_name(field.name(), room, &mut taken);
        if name != *field.name() {
            notes.push(format!(
                "{}.{attribute} becomes {name}__c: its name is taken or not one that Salesforce accepts",
                object.table
            ));
        }
        if let Some(Target::Unknown(target)) = &target {
            notes.push(format!(
                "{}.{attribute} references {target}, which the export does not have: rows that use it are held",
                object.table
            ));
        }
        fields.push(Field {
            column: field.name(),
            name,
            data_type: field.data_type(),
            value_type: metadata.get(keys.value_type).map_or("", String::as_str),
            target,
            constraint: object.constraints.get(&attribute.to_lowercase()),
        });
    }
    fields
}

fn target_of(target: &str, names: &BTreeMap<&str, String>) -> Target {
    let plain: String = target
        .trim()
        .to_lowercase()
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    match plain.as_str() {
        "people" | "person" | "users" | "user" | "contacts" | "contact" | "clientuser" => {
            Target::People
        }
        "companies" | "company" => Target::Companies,
        "deals" | "deal" => Target::Deals,
        other => {
            let table = format!("co_{}", other.strip_prefix("co_").unwrap_or(other));
            if names.contains_key(table.as_str()) {
                Target::Custom(table)
            } else {
                Target::Unknown(other.to_owned())
            }
        }
    }
}

/// What a query is put together from.
#[derive(Default)]
struct Parts {
    headers: Vec<String>,
    columns: Vec<String>,
    joins: Vec<String>,
    /// Condition, reason and parent of rows that are held.
    held: Vec<(String, String, String)>,
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
        let (join, missing, what) = match target {
            Target::People => {
                lookup("Contact", &format!("{name}_contact"), "contact_id");
                lookup("Lead", &format!("{name}_lead"), "lead_id");
                let join = format!(
                    "left join prepare.person_link as {alias}\n    on {alias}.person_id = {value}"
                );
                (join, format!("{alias}.who_id is null"), "person")
            }
            Target::Companies => {
                lookup("Account", name, "id");
                let join = format!(
                    "left join ledger.account as {alias}\n    on {alias}.usercom_id__c = {value}"
                );
                (join, format!("{alias}.id is null"), "company")
            }
            Target::Deals => {
                lookup("Opportunity", name, "id");
                let join = format!(
                    "left join ledger.opportunity as {alias}\n    on {alias}.usercom_id__c = {value}"
                );
                (join, format!("{alias}.id is null"), "deal")
            }
            Target::Custom(table) => {
                lookup(&format!("{}__c", names[table.as_str()]), name, "id");
                let join = format!(
                    "left join ledger.{table} as {alias}\n    on {alias}.usercom_id__c = {value}"
                );
                (join, format!("{alias}.id is null"), table.as_str())
            }
            Target::Unknown(target) => {
                self.held.push((
                    format!("{value} is not null"),
                    "reference_to_unknown_type".to_owned(),
                    format!("concat('{target} ', {value})"),
                ));
                return;
            }
        };
        self.joins.push(join);
        self.held.push((
            format!("{value} is not null and {missing}"),
            format!("{what}_missing"),
            format!("concat('{what} ', {value})"),
        ));
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

    /// The column that says what becomes of a row.
    fn fate(&mut self, scoped: bool) {
        let scope = (
            "not custom_object.in_scope",
            "out_of_scope",
            "scope",
            "null",
        );
        let held = self.held.iter().map(|(when, reason, parent)| {
            (when.as_str(), "held", reason.as_str(), parent.as_str())
        });
        let branches: String = scoped
            .then_some(scope)
            .into_iter()
            .chain(held)
            .map(|(when, fate, reason, parent)| {
                format!(
                    "\n        when {when}\n            then named_struct(\n                'fate', '{fate}',\n                \
                     'reason', '{reason}',\n                'parent', {parent}\n            )"
                )
            })
            .collect();
        if !branches.is_empty() {
            self.columns
                .push(format!("case{branches}\n    end as _fate"));
        }
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

fn load_query(
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
    parts.fate(true);
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
fn links_query(
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
        "loaded.id as _id".to_owned(),
    ]);
    let mut any = Vec::new();
    for field in fields {
        if let Some(target) = &field.target {
            parts.reference(field, target, names);
            any.push(format!("custom_object.\"{}\" is not null", field.column));
        }
    }
    parts.fate(false);
    let mut text = parts.text(
        &head,
        &format!(
            "from usercom.{table} as custom_object\nleft join ledger.{table} as loaded\n    \
             on loaded.usercom_id__c = custom_object.id"
        ),
    );
    text.push_str(&format!("where {}\n", any.join(" or ")));
    text
}

#[cfg(test)]
#[path = "custom_objects_tests.rs"]
mod tests;
