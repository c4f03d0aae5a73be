//! The `mapped.*` views, generated from the staged schemas, the confirmed map and `[scope]`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{Expr, visit_expressions};

use super::field_map::{FILE as FIELD_MAP, none_of};
use super::{FieldMap, MapRow, MappingError, SAMPLE, sample_queries};
use crate::config::Config;
use crate::engine::View;
use crate::finding::Finding;
use crate::staging::Snapshot;

/// Name of the struct column with the customer's own fields, each called `Object.Field`. A load that reads two source
/// tables may bring a second one, whose name ends in it.
pub const CUSTOM: &str = "custom";

/// Field metadata that marks a staged column as an attribute of the customer's own.
const ATTRIBUTE: &str = "usercom.attribute";

/// Texts that queries compare whatever their case; each gets a twin, `<name>_key`.
const COMPARED: [&str; 13] = [
    "activity_type",
    "assigned_to_email",
    "author_type",
    "company_name",
    "country",
    "direction",
    "domain",
    "email",
    "lifecycle_stage",
    "name",
    "priority",
    "region",
    "response",
];

/// Fields of custom objects are mapped by the queries that are generated for them, not by the field map.
fn is_custom_object(table: &str) -> bool {
    table.starts_with("co_")
}

fn is_attribute(field: &Field) -> bool {
    field.metadata().contains_key(ATTRIBUTE)
}

/// Attributes of the export, table and column, that the map does not mention.
pub fn unmentioned<'a>(
    map: &FieldMap,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let mapped = snapshot
        .schema("usercom")
        .filter(|table| !is_custom_object(&table.table));
    let attributes = mapped.flat_map(|table| {
        let fields = table.schema.fields().iter();
        fields
            .filter(|field| is_attribute(field))
            .map(|field| (table.table.as_str(), field.name().as_str()))
    });
    attributes.filter(|(source, field)| !map.mentions(source, field))
}

/// The same as findings.
pub fn unmapped(map: &FieldMap, snapshot: &Snapshot) -> Vec<Finding> {
    let finding = |(source, field): (&str, &str)| {
        let problem = "has no row, though the export has it: say where it goes and as which type, or status ignored";
        Finding::new(FIELD_MAP, problem).value(format!("{source}.{field}"))
    };
    unmentioned(map, snapshot).map(finding).collect()
}

/// One view per staged table, `mapped.<table>`.
///
/// # Errors
/// [`MappingError::Decisions`] with what nobody decided, [`MappingError::Type`].
pub fn mapped_views(
    config: &Config,
    map: &FieldMap,
    snapshot: &Snapshot,
) -> Result<Vec<View>, MappingError> {
    if !map.is_partial {
        let mut findings = map.unconfirmed();
        findings.extend(unmapped(map, snapshot));
        findings.extend(stale(map, snapshot));
        none_of(findings)?;
    }
    let mut views = Vec::new();
    let sampled: BTreeSet<String> = match config.sample {
        Some(_) => sample_queries(snapshot)
            .into_iter()
            .map(|query| query.table)
            .collect(),
        None => BTreeSet::new(),
    };
    for table in snapshot.schema("usercom") {
        let mut columns = Vec::new();
        for field in table.schema.fields() {
            if is_attribute(field) && !is_custom_object(&table.table) {
                continue;
            }
            let name = field.name();
            columns.push(format!("t.\"{name}\""));
            if let DataType::Timestamp(_, _) = field.data_type() {
                columns.push(format!(
                    "{} as \"{}\"",
                    business_day(&format!("t.\"{name}\""), config.business_timezone.name()),
                    day_name(name)
                ));
            }
        }
        columns.extend(twins(&table.schema));
        let rule = config.scope.get(&table.table);
        let apart = rule.filter(|rule| has_subquery(rule));
        let scope = match (rule, apart) {
            (None, _) => "true".to_owned(),
            (Some(rule), None) => format!("coalesce(({rule}), false)"),
            // The engine takes a query inside a rule only where rows are chosen.
            (Some(_), Some(_)) => "(scoped.id is not null)".to_owned(),
        };
        let join = apart.and_then(|_| scope_rule(config, &table.table));
        let join = join.map(|(_, sql)| format!(" left join ({sql}) as scoped on scoped.id = t.id"));
        let sampled =
            sampled.contains(&table.table) && snapshot.get(SAMPLE, &table.table).is_some();
        columns.extend(in_scope(&scope, sampled));
        let sampled = match sampled {
            true => format!(
                " left join (select s.id as _sampled from {SAMPLE}.{0} as s) as sample on sample._sampled = t.id",
                table.table
            ),
            false => String::new(),
        };
        let mut children = Vec::new();
        for row in map.confirmed().filter(|row| row.source == table.table) {
            let Ok(field) = table.schema.field_with_name(&row.source_field) else {
                continue;
            };
            let value = match cast(field, &row.field_type, config.business_timezone.name()) {
                Some(value) => value,
                None if map.is_partial => "cast(null as varchar)".to_owned(),
                None => return Err(misfit(row, field)),
            };
            let value = match field.data_type() {
                DataType::List(_) => value,
                _ if is_text_type(&row.field_type) => {
                    let values = map.values();
                    values.applied(&row.target_object, &row.target_field, value)
                }
                _ => value,
            };
            children.push(format!("'{}', {value}", row.child().replace('\'', "''")));
        }
        // An empty struct cannot be written to Parquet.
        children.push("'_', cast(null as boolean)".to_owned());
        columns.push(format!("named_struct({}) as {CUSTOM}", children.join(", ")));
        views.push(View {
            schema: "mapped".to_owned(),
            name: table.table.clone(),
            sql: format!(
                "select {} from usercom.{} as t{}{sampled}",
                columns.join(", "),
                table.table,
                join.unwrap_or_default()
            ),
        });
    }
    Ok(views)
}

/// Confirmed rows whose type cannot hold what their columns have.
pub fn misfits<'a>(
    config: &'a Config,
    map: &'a FieldMap,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = MappingError> + 'a {
    map.confirmed().filter_map(|row| {
        let table = snapshot.get("usercom", &row.source)?;
        let field = table.schema.field_with_name(&row.source_field).ok()?;
        let is_misfit = cast(field, &row.field_type, config.business_timezone.name()).is_none();
        is_misfit.then(|| misfit(row, field))
    })
}

fn misfit(row: &MapRow, field: &Field) -> MappingError {
    MappingError::Type {
        line: row.line,
        field: format!("{}.{}", row.source, row.source_field),
        source_type: type_word(field.data_type()),
        target_type: row.field_type.clone(),
    }
}

/// The rule of `[scope]` for a table as a query of its own: what errors call it, and the rows that it leaves in.
#[must_use]
pub fn scope_rule(config: &Config, table: &str) -> Option<(String, String)> {
    let rule = config.scope.get(table)?;
    Some((
        format!("{RULE}{table}{OF_SCOPE}"),
        format!("select t.id from usercom.{table} as t where ({rule})"),
    ))
}

/// What errors call a rule of `[scope]`, around its table.
const RULE: &str = "the rule for ";
const OF_SCOPE: &str = " under [scope] in migration.toml";

/// The table whose rule errors call so.
#[must_use]
pub fn scope_table(query: &str) -> Option<&str> {
    query.strip_prefix(RULE)?.strip_suffix(OF_SCOPE)
}

/// Whether a row is in scope, and if not, whether `[scope]` or the sample leaves it out.
fn in_scope(rule: &str, sampled: bool) -> [String; 2] {
    let reason = match (rule, sampled) {
        ("true", false) => "cast(null as varchar)",
        ("true", true) => "case when sample._sampled is null then 'sample' end",
        (_, false) => &format!("case when not {rule} then 'scope' end"),
        (_, true) => &format!(
            "case when not {rule} then 'scope' when sample._sampled is null then 'sample' end"
        ),
    };
    let within = match sampled {
        true => format!("{rule} and sample._sampled is not null"),
        false => rule.to_owned(),
    };
    [
        format!("{within} as in_scope"),
        format!("{reason} as scope_reason"),
    ]
}

/// Whether a rule asks other rows.
fn has_subquery(rule: &str) -> bool {
    let Ok(statements) = DFParser::parse_sql(&format!("select {rule}")) else {
        return false;
    };
    let mut found = false;
    for statement in &statements {
        if let Statement::Statement(statement) = statement {
            let _: ControlFlow<()> = visit_expressions(statement.as_ref(), |expr: &Expr| {
                found |= matches!(
                    expr,
                    Expr::InSubquery { .. } | Expr::Subquery(_) | Expr::Exists { .. }
                );
                ControlFlow::Continue(())
            });
        }
    }
    found
}

/// The columns in one form for all queries: texts as they are compared, and the keys by which owners are found.
fn twins(schema: &Schema) -> Vec<String> {
    let has = |name: &str| schema.field_with_name(name).is_ok();
    let is_text = |name: &&str| {
        let field = schema.field_with_name(name);
        field.is_ok_and(|field| *field.data_type() == DataType::Utf8)
    };
    let texts = COMPARED.iter().copied().filter(is_text);
    let mut twins: Vec<(String, String)> = texts
        .map(|name| (format!("{name}_key"), as_compared(name)))
        .collect();
    for (twin, role, nobody) in [
        ("owner_key", "assigned_to", ", ''"),
        ("created_by_key", "created_by", ""),
    ] {
        let (id, email) = (format!("{role}_id"), format!("{role}_email"));
        let id = has(&id).then(|| format!("cast(t.\"{id}\" as varchar)"));
        let email = has(&email).then(|| as_compared(&email));
        let known: Vec<String> = id.into_iter().chain(email).collect();
        if !known.is_empty() {
            twins.push((
                twin.to_owned(),
                format!("coalesce({}{nobody})", known.join(", ")),
            ));
        }
    }
    if has("currency") {
        twins.push((
            "currency_code".to_owned(),
            "nullif(upper(trim(t.\"currency\")), '')".to_owned(),
        ));
    }
    // An attribute of the customer's own keeps its name.
    twins.retain(|(twin, _)| !has(twin));
    twins
        .into_iter()
        .map(|(twin, value)| format!("{value} as {twin}"))
        .collect()
}

/// Without case and blanks around it; null where nothing is left.
fn as_compared(name: &str) -> String {
    format!("nullif(lower(trim(t.\"{name}\")), '')")
}

/// Confirmed rows whose columns hold something else than when they were confirmed, or are there no more. A table that this
/// export lacks as a whole says nothing about its columns.
pub fn stale(map: &FieldMap, snapshot: &Snapshot) -> impl Iterator<Item = Finding> {
    map.confirmed().filter_map(|row| {
        let table = snapshot.get("usercom", &row.source)?;
        let field = table.schema.field_with_name(&row.source_field).ok();
        let is = field.map(|field| type_word(field.data_type()));
        let was = row.source_type.as_str();
        if was.is_empty() || is == Some(was) {
            return None;
        }
        let (now, otherwise) = match is {
            Some(is) => (
                format!("holds {is} now"),
                "as it is now, or change its type first",
            ),
            None => (
                "the export has no such column now".to_owned(),
                "without the column: what was sent stays as it is",
            ),
        };
        let column = format!("{}.{}", row.source, row.source_field);
        let problem = format!(
            "{column} → {}.{} is stale: it held {was} when it was confirmed, and {now}; `transload map confirm --row {column} \
             --by NAME` confirms it {otherwise}",
            row.target_object, row.target_field,
        );
        Some(Finding::new(FIELD_MAP, problem).line(row.line))
    })
}

/// What a staged column holds, in a word that people read.
#[must_use]
pub fn type_word(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::Int64 => "integer",
        DataType::Float64 => "decimal",
        DataType::Date32 => "date",
        DataType::Timestamp(_, _) => "datetime",
        DataType::List(_) => "list",
        _ => "text",
    }
}

/// Whether a column that holds this, in the word for it, can become values of a Salesforce type.
pub(super) fn can_become(word: &str, target: &str) -> bool {
    let list = DataType::new_list(DataType::Utf8, true);
    let instant = DataType::Timestamp(TimeUnit::Microsecond, None);
    let simple = [
        DataType::Boolean,
        DataType::Int64,
        DataType::Float64,
        DataType::Date32,
        DataType::Utf8,
    ];
    let mut types = simple.into_iter().chain([list, instant]);
    let held = types.find(|data_type| type_word(data_type) == word);
    held.is_none_or(|held| cast(&Field::new("c", held, true), target, "UTC").is_some())
}

/// `won_at` → `won_on`, `last_seen` → `last_seen_on`.
fn day_name(name: &str) -> String {
    format!("{}_on", name.strip_suffix("_at").unwrap_or(name))
}

fn business_day(value: &str, zone: &str) -> String {
    format!("cast(arrow_cast({value}, 'Timestamp(Microsecond, Some(\"{zone}\"))') as date)")
}

/// Whether a Salesforce type holds text.
fn is_text_type(target: &str) -> bool {
    matches!(
        target.split('(').next().unwrap_or_default().trim(),
        "Text" | "TextArea" | "LongTextArea" | "Html" | "Picklist" | "Email" | "Phone" | "Url"
    )
}

/// The SQL that turns a staged column into the values of a Salesforce type; `None` if it cannot.
fn cast(field: &Field, target: &str, zone: &str) -> Option<String> {
    let value = format!("t.\"{}\"", field.name());
    let kind = target.split('(').next().unwrap_or_default().trim();
    let text = is_text_type(target);
    Some(match (field.data_type(), kind) {
        (DataType::Utf8, _) if text => value,
        (DataType::Boolean, "Checkbox")
        | (DataType::Date32, "Date")
        | (DataType::Timestamp(_, _), "DateTime")
        | (DataType::List(_), "MultiselectPicklist") => value,
        (DataType::Int64 | DataType::Float64, "Number" | "Currency" | "Percent") => value,
        (DataType::Boolean, _) if text => {
            format!("case when {value} then 'Yes' when not {value} then 'No' end")
        }
        (DataType::Timestamp(_, _), "Date") => business_day(&value, zone),
        (DataType::List(_), _) if text => format!("array_to_string({value}, '; ')"),
        (DataType::Utf8, "MultiselectPicklist") => {
            format!("case when {value} is not null then make_array({value}) end")
        }
        (DataType::Int64 | DataType::Date32 | DataType::Timestamp(_, _), _) if text => {
            format!("cast({value} as varchar)")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_asks_other_rows_is_told_from_one_that_does_not() {
        for (rule, expected) in [
            ("country = 'Poland'", false),
            ("country = 'select (1)'", false),
            ("company_id in (1, 2)", false),
            (
                "company_id in (select c.id from usercom.companies as c)",
                true,
            ),
            (
                "score > (select avg(p.score) from usercom.people as p)",
                true,
            ),
            ("country = ", false),
        ] {
            assert_eq!(has_subquery(rule), expected, "{rule}");
        }
    }

    #[test]
    fn what_a_column_can_become_is_known_by_its_word() {
        for (word, target, expected) in [
            ("text", "Text(80)", true),
            ("text", "Date", false),
            ("decimal", "Number(18,2)", true),
            ("decimal", "Text(80)", false),
            ("integer", "Text(80)", true),
            ("datetime", "Date", true),
            ("list", "MultiselectPicklist", true),
            ("list", "Checkbox", false),
        ] {
            assert_eq!(can_become(word, target), expected, "{word} {target}");
        }
    }

    #[test]
    fn a_row_outside_the_scope_is_not_blamed_on_the_sample() {
        for (rule, sampled, within, reason) in [
            ("true", false, "true", "cast(null as varchar)"),
            (
                "true",
                true,
                "true and sample._sampled is not null",
                "case when sample._sampled is null then 'sample' end",
            ),
            ("(r)", false, "(r)", "case when not (r) then 'scope' end"),
            (
                "(r)",
                true,
                "(r) and sample._sampled is not null",
                "case when not (r) then 'scope' when sample._sampled is null then 'sample' end",
            ),
        ] {
            let expected = [
                format!("{within} as in_scope"),
                format!("{reason} as scope_reason"),
            ];
            assert_eq!(in_scope(rule, sampled), expected);
        }
    }

    #[test]
    fn an_owner_has_one_key_and_a_column_of_that_name_stays_what_it_is() {
        let column = |name: &str, data_type| Field::new(name, data_type, true);
        let schema = Schema::new(vec![
            column("assigned_to_id", DataType::Int64),
            column("assigned_to_email", DataType::Utf8),
            column("created_by_id", DataType::Int64),
            column("country", DataType::Utf8),
            column("name", DataType::Utf8),
            column("name_key", DataType::Utf8),
            column("email", DataType::Int64),
        ]);
        let compared = |name: &str| format!("nullif(lower(trim(t.\"{name}\")), '')");
        let email = compared("assigned_to_email");
        assert_eq!(
            twins(&schema),
            [
                format!("{email} as assigned_to_email_key"),
                format!("{} as country_key", compared("country")),
                format!(
                    "coalesce(cast(t.\"assigned_to_id\" as varchar), {email}, '') as owner_key"
                ),
                "coalesce(cast(t.\"created_by_id\" as varchar)) as created_by_key".to_owned(),
            ]
        );
    }
}
