//! Fields of rows that are sent either way, with other values.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type, Schema};
use serde::Serialize;

use super::sides::{Sides, VERSIONS};
use crate::engine::{Session, View};
use crate::error::Error;
use crate::project::QueryFile;
use crate::rows::{key_text, same_key, sent_columns};

/// Examples per field.
const EXAMPLES: usize = 20;

/// A field that has other values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldDiff {
    /// The load.
    pub load: String,
    /// The field.
    pub field: String,
    /// Whether it is sent in both versions, only `before`, or only `now`.
    pub sent: &'static str,
    /// Rows with another value; of a field of one version those that have a value.
    pub rows: u64,
    /// Some of them.
    pub examples: Vec<ValueExample>,
}

/// A value that is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ValueExample {
    /// The row's key.
    pub key: String,
    /// The value before.
    pub before: Option<String>,
    /// The value now.
    pub now: Option<String>,
}

/// Compares the fields of all loads of the group, and adds `diff.altered`: the keys of rows with another value.
pub(super) async fn compare(sides: &Sides<'_>, session: &Session) -> Result<Vec<FieldDiff>, Error> {
    let mut found = Vec::new();
    let mut altered = Vec::new();
    for (file, before, now) in sides.both() {
        let [was, is] = [before, now].map(|table| sent_columns(&table.schema));
        let names: BTreeSet<&String> = was.iter().chain(&is).collect();
        let names = names.into_iter().filter(|name| !file.key.contains(name));
        let fields: Vec<Compared> = names
            .map(|name| Compared {
                name: name.clone(),
                before: value("b", name, &before.schema),
                now: value("n", name, &now.schema),
            })
            .collect();
        if fields.is_empty() {
            continue;
        }
        let counted = count(session, file, &fields).await?;
        let changed: Vec<(&Compared, u64)> = fields
            .iter()
            .zip(counted)
            .filter(|(_, rows)| *rows > 0)
            .collect();
        if changed.is_empty() {
            continue;
        }
        let any: Vec<String> = changed.iter().map(|(field, _)| field.differs()).collect();
        altered.push(format!(
            "select {} as key {} where {}",
            key_text("n", &file.key),
            both(file),
            any.join(" or ")
        ));
        for (field, rows) in changed {
            found.push(FieldDiff {
                load: file.name.clone(),
                field: field.name.clone(),
                sent: field.sent(),
                rows,
                examples: examples(session, file, field).await?,
            });
        }
    }
    found.sort_by_key(|field| std::cmp::Reverse(field.rows));
    let none = "select cast(null as varchar) as key where false".to_owned();
    let view = View {
        schema: "diff".to_owned(),
        name: "altered".to_owned(),
        sql: match altered.is_empty() {
            true => none,
            false => altered.join(" union all "),
        },
    };
    session.add_view(&view).await?;
    Ok(found)
}

/// A field of an outbox as texts of both versions; none where a version does not send it.
struct Compared {
    name: String,
    before: Option<String>,
    now: Option<String>,
}

impl Compared {
    fn sent(&self) -> &'static str {
        match (&self.before, &self.now) {
            (Some(_), None) => "before",
            (None, Some(_)) => "now",
            _ => "both",
        }
    }

    fn differs(&self) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
        match (&self.before, &self.now) {
            (Some(value), None) | (None, Some(value)) => format!("({value} is not null)"),
            _ => format!(
                "({} is distinct from {})",
                text(&self.before),
                text(&self.now)
            ),
        }
    }
}

/// SQL for a column as a text.
fn value(alias: &str, name: &str, schema: &Schema) -> Option<String> {
    let field = schema.field_with_name(name).ok()?;
    Some(match field.data_type() {
        DataType::List(_) => format!("array_to_string({alias}.\"{name}\", ';')"),
        _ => format!("cast({alias}.\"{name}\" as varchar)"),
    })
}

/// Rows that both versions send: what stands behind `select`.
fn both(file: &QueryFile) -> String {
    format!(
        "from {}.outbox_{load} as b inner join {}.outbox_{load} as n on {}",
        VERSIONS[0],
        VERSIONS[1],
        same_key("b", "n", &file.key),
        load = file.name,
    )
}

async fn count(
    session: &Session,
    file: &QueryFile,
    fields: &[Compared],
) -> Result<Vec<u64>, Error> {
    let counts: Vec<String> = fields
        .iter()
        .enumerate()
        .map(|(place, field)| format!("count(*) filter (where {}) as c{place}", field.differs()))
        .collect();
    let sql = format!("select {} {}", counts.join(", "), both(file));
    let mut counted = vec![0; fields.len()];
    for batch in session.collect("fields that differ", &sql).await? {
        for (place, count) in counted.iter_mut().enumerate() {
            let column = batch.column(place).as_primitive::<Int64Type>();
            *count += column
                .iter()
                .flatten()
                .filter_map(|rows| u64::try_from(rows).ok())
                .sum::<u64>();
        }
    }
    Ok(counted)
}

async fn examples(
    session: &Session,
    file: &QueryFile,
    field: &Compared,
) -> Result<Vec<ValueExample>, Error> {
    let text = |value: &Option<String>| match value {
        Some(value) => value.clone(),
        None => "cast(null as varchar)".to_owned(),
    };
    let sql = format!(
        "select {key} as key, {} as was, {} as present {} where {} order by key limit {EXAMPLES}",
        text(&field.before),
        text(&field.now),
        both(file),
        field.differs(),
        key = key_text("n", &file.key),
    );
    let mut examples = Vec::new();
    for batch in session.collect("values that differ", &sql).await? {
        let texts: Vec<_> = (0..3)
            .map(|at| arrow::compute::cast(batch.column(at), &DataType::Utf8))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::Defect {
                what: format!("values of {} cannot be shown: {error}", field.name),
            })?;
        let cell = |at: usize, row: usize| {
            let cells = texts[at].as_string::<i32>();
            cells.is_valid(row).then(|| cells.value(row).to_owned())
        };
        for row in 0..batch.num_rows() {
            examples.push(ValueExample {
                key: cell(0, row).unwrap_or_default(),
                before: cell(1, row),
                now: cell(2, row),
            });
        }
    }
    Ok(examples)
}
