//! What the destination must have for the loads, and what its fields hold.
//!
//! In: the loads' columns, the field map, headers, the org's describes. Out: [`Wanted`] for the comparison with the org, and
//! each object's [`ValuePolicy`]. Never: a change to the org.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Field};

use super::columns;
use super::context::Context;
use super::resolved::ResolvedProject;
use crate::config::OptionValue;
use crate::encode::{FieldLimit, Policy, RAW_VALUES, ValuePolicy};
use crate::engine::Session;
use crate::error::Error;
use crate::mapping::{MapRow, MappingError};
use crate::project::{DeclaredField, DeclaredRule, QueryFile};
use crate::rows::Columns;
use crate::salesforce::{FieldDescribe, ObjectDescribe};
use crate::schema::{
    self, FieldType, ReadFieldTypeError, ValidationRule, Wanted, WantedField, WantedObject,
    WantedStage,
};
use crate::staging::Snapshot;
use crate::usercom::layout::ATTRIBUTE_METADATA;

const STAGES: &str = include_str!("../../queries/internal/wanted_stages.sql");
const POLICIES: &str = include_str!("../../queries/internal/value_policies.sql");

/// The fields and objects that the loads need, for the comparison with the org. Lists get the choices that the attribute
/// declares and those that occur in the data.
pub(crate) async fn wanted(context: &Context<'_>) -> Result<Wanted, Error> {
    let (project, staging, resolved) = (context.project, context.staging(), &context.resolved);
    let snapshot = staging.snapshot().await?;
    let session = project.engine.session(staging, &snapshot)?;
    let mut fields: BTreeMap<(String, String), WantedField> = BTreeMap::new();
    let mut objects: BTreeSet<WantedObject> = BTreeSet::new();
    for file in resolved.loads() {
        let columns = resolved.columns(file)?;
        let object = file.object().to_owned();
        if let Some((label, plural)) = &file.label {
            objects.insert(WantedObject {
                name: object.clone(),
                label: label.clone(),
                plural: plural.clone(),
                rules: file.rules.iter().map(rule).collect(),
            });
        }
        for field in &columns.sent {
            let declared = declared(resolved, file, field.name())?;
            let key = (object.clone(), field.name().clone());
            if fields.contains_key(&key) {
                continue;
            }
            let choices = match &declared.choices {
                Some(Choices::Attribute(row)) => {
                    attribute_choices(&session, &snapshot, resolved, row).await?
                }
                Some(Choices::Column(column)) => {
                    // Models that give the choices need not have run yet.
                    let (table, column) = column.rsplit_once('.').unwrap_or(("", column));
                    let tables = BTreeSet::from([table.to_owned()]);
                    let session = columns::whole(project, staging, resolved, &tables).await?;
                    column_choices(&session, file, table, column).await?
                }
                None => Vec::new(),
            };
            fields.insert(
                key,
                WantedField {
                    choices,
                    ..wanted_field(file, columns, field, declared)
                },
            );
        }
        if columns.keeps_raw() {
            let key = (object.clone(), RAW_VALUES.to_owned());
            fields.entry(key).or_insert_with(|| WantedField {
                object: object.clone(),
                name: RAW_VALUES.to_owned(),
                data_type: DataType::Utf8,
                is_key: false,
                // As long as there is: it keeps whole what other fields cut.
                declared: Some(FieldType::LongTextArea { length: 131_072 }),
                refers_to: None,
                label: Some("User.com raw values".to_owned()),
                choices: Vec::new(),
                max_chars: None,
                whole_digits: None,
                decimals: None,
            });
        }
    }
    Ok(Wanted {
        fields: fields.into_values().collect(),
        objects: objects.into_iter().collect(),
        stages: stages(&session, &snapshot).await?,
        record_types: matches!(
            project.config.options.get("record_types"),
            Some(OptionValue::Bool(true))
        ),
    })
}

/// The fields alone, as they are declared: without choices, and without anything that the data says.
pub(crate) fn declared_fields(resolved: &ResolvedProject) -> Result<Vec<WantedField>, Error> {
    let mut fields = Vec::new();
    for file in resolved.loads() {
        let columns = resolved.columns(file)?;
        for field in &columns.sent {
            let declared = declared(resolved, file, field.name())?;
            fields.push(wanted_field(file, columns, field, declared));
        }
    }
    Ok(fields)
}

fn wanted_field(
    file: &QueryFile,
    columns: &Columns,
    field: &Field,
    declared: Declared<'_>,
) -> WantedField {
    WantedField {
        object: file.object().to_owned(),
        name: field.name().clone(),
        data_type: field.data_type().clone(),
        is_key: columns.key.len() == 1 && columns.key.contains(field.name()),
        declared: declared.field_type,
        refers_to: declared.refers_to,
        label: declared.label,
        choices: Vec::new(),
        max_chars: None,
        whole_digits: None,
        decimals: None,
    }
}

/// The rows of the stage matrix in the order of the source's pipelines and stages, what is over behind what is open.
async fn stages(session: &Session, snapshot: &Snapshot) -> Result<Vec<WantedStage>, Error> {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Float64Type;
    let matrix = snapshot.get("config", "stage_matrix");
    if matrix.is_none_or(|matrix| matrix.rows == 0) {
        return Ok(Vec::new());
    }
    let mut stages = Vec::new();
    for batch in session.collect("config.stage_matrix", STAGES).await? {
        let text = |column: usize, row: usize| {
            let column = batch.column(column).as_string::<i32>();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let percent = |column: usize, row: usize| {
            let column = batch.column(column).as_primitive::<Float64Type>();
            let value = column.is_valid(row).then(|| column.value(row))?;
            Some(value.clamp(0.0, 100.0).round() as u8)
        };
        for row in 0..batch.num_rows() {
            stages.push(WantedStage {
                pipeline: text(0, row).unwrap_or_default(),
                status: text(1, row).unwrap_or_default(),
                stage: text(2, row).unwrap_or_default(),
                forecast: text(3, row),
                probability: percent(4, row),
                weight: percent(5, row),
            });
        }
    }
    Ok(stages)
}

fn rule(declared: &DeclaredRule) -> ValidationRule {
    ValidationRule {
        name: declared.name.clone(),
        formula: declared.formula.clone(),
        message: declared.message.clone(),
    }
}

/// Where the choices of a list stand.
enum Choices<'a> {
    /// In a mapped attribute's definition and values.
    Attribute(&'a MapRow),
    /// In a column, `schema.table.column`.
    Column(&'a str),
}

/// What a person says about a column.
#[derive(Default)]
struct Declared<'a> {
    field_type: Option<FieldType>,
    label: Option<String>,
    refers_to: Option<String>,
    choices: Option<Choices<'a>>,
}

fn is_list(field_type: FieldType) -> bool {
    matches!(
        field_type,
        FieldType::Picklist | FieldType::MultiselectPicklist
    )
}

/// What is said about a column: by the query's header, else by the field map.
fn declared<'a>(
    resolved: &'a ResolvedProject,
    file: &'a QueryFile,
    field: &str,
) -> Result<Declared<'a>, Error> {
    match file.fields.iter().find(|other| other.name == field) {
        Some(header) => from_header(file, header),
        None => from_map(resolved, file.object(), field),
    }
}

/// What `config/field_map.csv` says about a column.
fn from_map<'a>(
    resolved: &'a ResolvedProject,
    object: &str,
    field: &str,
) -> Result<Declared<'a>, Error> {
    let Some(row) = resolved
        .map
        .confirmed()
        .find(|row| row.is_for(object) && row.target_field.eq_ignore_ascii_case(field))
    else {
        return Ok(Declared::default());
    };
    let field_type: FieldType = row
        .field_type
        .parse()
        .map_err(|source: ReadFieldTypeError| schema::Error::ReadType {
            place: format!("config/field_map.csv line {}", row.line),
            hint: source.hint(),
            source,
        })?;
    Ok(Declared {
        field_type: Some(field_type),
        label: Some(row.label.clone()).filter(|label| !label.is_empty()),
        refers_to: None,
        choices: is_list(field_type).then_some(Choices::Attribute(row)),
    })
}

/// What the header `-- field:` says about a column.
fn from_header<'a>(file: &QueryFile, field: &'a DeclaredField) -> Result<Declared<'a>, Error> {
    let lookup = field
        .field_type
        .strip_prefix("Lookup(")
        .and_then(|rest| rest.strip_suffix(')'));
    if let Some(object) = lookup {
        return Ok(Declared {
            field_type: Some(FieldType::Lookup),
            label: None,
            refers_to: Some(object.to_owned()),
            choices: None,
        });
    }
    let field_type: FieldType =
        field
            .field_type
            .parse()
            .map_err(|source: ReadFieldTypeError| schema::Error::ReadType {
                place: format!("{} line {}", file.path, field.line),
                hint: format!("{}; or Lookup(Object)", source.hint()),
                source,
            })?;
    Ok(Declared {
        field_type: Some(field_type),
        label: None,
        refers_to: None,
        choices: field.choices.as_deref().map(Choices::Column),
    })
}

/// The different values of a column, items of lists each for itself.
async fn column_choices(
    session: &Session,
    file: &QueryFile,
    table: &str,
    column: &str,
) -> Result<Vec<String>, Error> {
    use arrow::array::AsArray;
    let named = format!("t.\"{column}\"");
    let plan = session
        .plan(&file.path, &format!("select {named} from {table} as t"))
        .await?;
    let value = match plan.schema().field(0).data_type() {
        DataType::List(_) => format!("unnest({named})"),
        _ => format!("cast({named} as varchar)"),
    };
    let sql = format!(
        "select v.value from (select {value} as value from {table} as t) as v where btrim(v.value) <> '' \
         group by v.value order by v.value limit {MAX_CHOICES}"
    );
    let batches = session.collect(&file.path, &sql).await?;
    Ok(batches
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten())
        .map(|value| value.trim().replace(';', ","))
        .collect())
}

/// Most choices asked for: one more than the platform's cap, so that passing it shows (`guide/rules.md` 21).
const MAX_CHOICES: usize = 1_001;

/// Choices of a list: declared ones first, then those that occur.
async fn attribute_choices(
    session: &Session,
    snapshot: &Snapshot,
    resolved: &ResolvedProject,
    row: &MapRow,
) -> Result<Vec<String>, Error> {
    use arrow::array::AsArray;
    let table = snapshot.get("usercom", &row.source);
    let Some(field) = table.and_then(|table| table.schema.field_with_name(&row.source_field).ok())
    else {
        return Ok(Vec::new());
    };
    let column = format!("t.\"{}\"", row.source_field);
    let values = match field.data_type() {
        DataType::Boolean => return Ok(vec!["Yes".to_owned(), "No".to_owned()]),
        DataType::List(_) => format!(
            "select unnest({column}) as value from usercom.{} as t",
            row.source
        ),
        _ => format!(
            "select cast({column} as varchar) as value from usercom.{} as t",
            row.source
        ),
    };
    let attribute = field
        .metadata()
        .get(ATTRIBUTE_METADATA)
        .map_or("", String::as_str)
        .replace('\'', "''");
    let mut sql = format!(
        "select v.value, 1 as place from ({values}) as v where btrim(v.value) <> '' group by v.value"
    );
    if snapshot.get("usercom", "attributes").is_some() {
        sql = format!(
            "select c.value, min(c.place) as place from (select unnest(a.choices) as value, 0 as place \
             from usercom.attributes as a where a.name = '{attribute}' or a.name_std = '{attribute}' \
             union all {sql}) as c group by c.value"
        );
    }
    let sql =
        format!("select o.value from ({sql}) as o order by o.place, o.value limit {MAX_CHOICES}");
    let name = format!("the choices of {}.{}", row.source, row.source_field);
    let batches = session.collect(&name, &sql).await?;
    let values = resolved.map.values();
    let mut choices: Vec<String> = Vec::new();
    for value in batches
        .iter()
        .flat_map(|batch| batch.column(0).as_string::<i32>().iter().flatten())
    {
        let sent = values.sent(&row.target_object, &row.target_field, value);
        let choice = sent.trim().replace(';', ",");
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    Ok(choices)
}

/// Fields that show text as it is, so that HTML in it becomes plain text (`guide/rules.md` 18).
const PLAIN: [(&str, &str); 4] = [
    ("Task", "Description"),
    ("Event", "Description"),
    ("CaseComment", "CommentBody"),
    ("EmailMessage", "TextBody"),
];

/// Fields that may be empty says the describe, and of which a record needs some: an event has no place without its time.
const NEEDED_WITH_OTHERS: [(&str, &str); 5] = [
    ("Event", "ActivityDate"),
    ("Event", "ActivityDateTime"),
    ("Event", "DurationInMinutes"),
    ("Event", "EndDateTime"),
    ("Event", "StartDateTime"),
];

/// What the fields of one object hold, with the customer's policies.
pub(crate) async fn value_policy(
    session: &Session,
    describe: Option<&ObjectDescribe>,
    object: &str,
) -> Result<ValuePolicy, Error> {
    use arrow::array::{Array, AsArray};
    let mut policies: BTreeMap<String, Policy> = BTreeMap::new();
    for batch in session.collect("config.value_policy", POLICIES).await? {
        let column = |index: usize| batch.column(index).as_string::<i32>().clone();
        let (objects, fields, words) = (column(0), column(1), column(2));
        for row in 0..batch.num_rows() {
            let word = if words.is_valid(row) {
                words.value(row)
            } else {
                ""
            };
            let policy = Policy::parse(word).ok_or_else(|| MappingError::Policy {
                policy: word.to_owned(),
            })?;
            if objects.is_valid(row) && objects.value(row) == object && fields.is_valid(row) {
                policies.insert(fields.value(row).to_owned(), policy);
            }
        }
    }
    let Some(describe) = describe else {
        return Ok(ValuePolicy::default());
    };
    let limits = describe.fields.iter().map(|field| {
        let text = !matches!(
            field.field_type.as_str(),
            "reference" | "id" | "boolean" | "date" | "datetime"
        );
        let limit = FieldLimit {
            plain: PLAIN.contains(&(object, field.name.as_str())),
            chars: (text && field.length > 0).then_some(field.length as usize),
            email: field.field_type == "email",
            whole_digits: whole_digits(field),
            scale: field.scale,
            whole: field.field_type == "int",
            item_chars: (field.field_type == "multipicklist").then_some(MAX_CHOICE),
            required: field.is_required()
                || NEEDED_WITH_OTHERS.contains(&(object, field.name.as_str())),
            allowed: field.restricted_picklist.then(|| {
                let active = field.picklist_values.iter().filter(|value| value.active);
                active.map(|value| value.value.clone()).collect()
            }),
            policy: policies.get(&field.name).copied(),
        };
        (field.name.clone(), limit)
    });
    Ok(ValuePolicy::new(limits.collect()))
}

/// Most characters of one choice.
const MAX_CHOICE: usize = 255;

/// Digits that a field of numbers has before the point: `int` says so itself, the others with those after it.
fn whole_digits(field: &FieldDescribe) -> Option<u32> {
    match field.field_type.as_str() {
        // A 32-bit number where the org says nothing.
        "int" if field.digits == 0 => Some(9),
        "int" => Some(field.digits),
        _ => (field.precision > 0).then(|| field.precision.saturating_sub(field.scale)),
    }
}

/// Fields of an object that name other records.
pub(crate) fn references(describe: Option<&ObjectDescribe>) -> Vec<String> {
    let fields = describe.into_iter().flat_map(|describe| &describe.fields);
    fields
        .filter(|field| field.field_type == "reference")
        .map(|field| field.name.clone())
        .collect()
}
