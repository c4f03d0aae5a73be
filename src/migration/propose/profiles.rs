//! What the customer's own columns hold.
//!
//! In: staged tables. Out: a [`Source`] per attribute, with its profile. Values are looked at up to a number of rows; how many
//! rows have one is counted over all by staging.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field};
use transload_propose::{Kind, Profiler, Source};

use super::attributes;
use crate::error::Error;
use crate::migration::project::Project;
use crate::staging::Snapshot;
use crate::usercom::layout::{ATTRIBUTE_METADATA, VALUE_TYPE_METADATA};

/// Rows of a table that are looked at.
const ROWS: usize = 50_000;

/// What parts the items of a list while they are looked at; no value has it.
const BETWEEN: char = '\u{1f}';

/// Attributes by table.
pub(super) async fn sources(
    project: &Project,
    snapshot: &Snapshot,
) -> Result<BTreeMap<String, Vec<Source>>, Error> {
    let mut tables: BTreeMap<String, Vec<&Field>> = BTreeMap::new();
    for (table, field) in attributes(snapshot) {
        tables.entry(table.to_owned()).or_default().push(field);
    }
    let mut sources = BTreeMap::new();
    for (table, fields) in tables {
        let columns: Vec<String> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| format!("{} as c{at}", as_text(field)))
            .collect();
        let sql = format!(
            "select {} from usercom.\"{table}\" as t limit {ROWS}",
            columns.join(", ")
        );
        let session = project.engine.session(&project.staging, snapshot)?;
        let name = format!("the values of usercom.{table}");
        let mut stream = session.stream(&name, &sql, &[]).await?;
        let mut profilers: Vec<Profiler> = fields.iter().map(|_| Profiler::default()).collect();
        while let Some(batch) = stream.next_batch().await? {
            for (at, profiler) in profilers.iter_mut().enumerate() {
                look(profiler, batch.column(at));
            }
        }
        let made = fields.iter().zip(profilers).map(|(field, profiler)| {
            let mut profile = profiler.finish();
            let book = snapshot.get("usercom", &table);
            if let Some(counted) = book.and_then(|book| {
                let column = book.columns.get(field.name())?;
                Some((book.rows, column.rows_with_value))
            }) && profile.rows < counted.0
            {
                // What was not looked at is like what was; only how much is filled is known.
                let scale = counted.1 as f64 / profile.filled.max(1) as f64;
                for count in [
                    &mut profile.emails,
                    &mut profile.phones,
                    &mut profile.urls,
                    &mut profile.dates,
                    &mut profile.numbers,
                    &mut profile.fractions,
                    &mut profile.booleans,
                ] {
                    *count = (*count as f64 * scale) as u64;
                }
                (profile.rows, profile.filled) = counted;
            }
            Source {
                object: table.clone(),
                name: field.name().clone(),
                label: field
                    .metadata()
                    .get(ATTRIBUTE_METADATA)
                    .cloned()
                    .unwrap_or_default(),
                kind: kind(field),
                profile: Some(profile),
            }
        });
        sources.insert(table.clone(), made.collect());
    }
    Ok(sources)
}

fn look(profiler: &mut Profiler, column: &dyn Array) {
    let Some(texts) = column.as_string_opt::<i32>() else {
        return;
    };
    for text in texts {
        match text {
            // Each item of a list is a value; the row counts once.
            Some(text) if text.contains(BETWEEN) => {
                for item in text.split(BETWEEN) {
                    profiler.push(Some(item));
                }
            }
            text => profiler.push(text),
        }
    }
}

fn as_text(field: &Field) -> String {
    let column = format!("t.\"{}\"", field.name().replace('"', "\"\""));
    match field.data_type() {
        DataType::List(_) => format!("array_to_string({column}, chr(31))"),
        DataType::Utf8 => column,
        _ => format!("cast({column} as varchar)"),
    }
}

fn kind(field: &Field) -> Kind {
    let declared = field.metadata().get(VALUE_TYPE_METADATA);
    match field.data_type() {
        DataType::Boolean => Kind::Boolean,
        DataType::Int64 => Kind::Integer,
        DataType::Float64 => Kind::Float,
        DataType::Date32 => Kind::Date,
        DataType::Timestamp(_, _) => Kind::DateTime,
        DataType::List(_) => Kind::Choices,
        _ if declared.is_some_and(|declared| declared == "fixed") => Kind::Choice,
        _ => Kind::Text,
    }
}
