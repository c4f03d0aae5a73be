//! The data against the fields that will hold it.
//!
//! In: a dry_run, whose outboxes hold every value as it would be sent. Out: lengths and digits per column, from which types
//! are derived, and [`DataFinding`]s: rows that a field does not take as they are. Never: a value, which may be personal.

use std::collections::BTreeMap;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use serde::Serialize;

use super::super::context::Context;
use super::super::dry_run::DryRun;
use crate::engine::Session;
use crate::error::Error;
use crate::rows::key_text;
use crate::salesforce::ObjectDescribe;
use crate::schema::WantedField;

/// Rows of a load whose value a field does not take as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataFinding {
    /// Object.
    pub object: String,
    /// Load.
    pub load: String,
    /// Field.
    pub field: String,
    /// `required`, `too_long`, `invalid_email`, `not_in_picklist`, `out_of_range`, …
    pub problem: String,
    /// What will be done: `cut`, `blanked`, `rejected`; `fails` where nothing can be.
    pub done: String,
    /// How many.
    pub rows: u64,
    /// Keys of two of the rows.
    pub samples: String,
}

/// Most digits after the point that are looked for.
const DECIMALS: u32 = 8;

/// Measures the columns of the projected outboxes and writes what it found into `wanted`.
pub(crate) async fn measure(
    context: &Context<'_>,
    dry_run: &DryRun,
    wanted: &mut [WantedField],
) -> Result<(), Error> {
    let session = session(context, dry_run)?;
    for file in context.resolved.loads() {
        let Some(outbox) = dry_run.outboxes.get(&file.name) else {
            continue;
        };
        let mut measured = Vec::new();
        let mut expressions = Vec::new();
        let columns = context.resolved.columns(file)?;
        for field in columns.sent.iter().filter(|_| outbox.rows > 0) {
            let name = format!("o.\"{}\"", field.name());
            let asked = match field.data_type() {
                DataType::Utf8 => vec![format!("max(character_length({name}))")],
                DataType::Float64 => vec![
                    format!("max(character_length(cast(trunc(abs({name})) as varchar))) - 2"),
                    format!(
                        "max(case when {name} = trunc({name}) then 0 else \
                         character_length(split_part(cast(round({name}, {DECIMALS}) as varchar), '.', 2)) end)"
                    ),
                ],
                _ => continue,
            };
            measured.push((field.name().clone(), asked.len()));
            expressions.extend(asked);
        }
        if expressions.is_empty() {
            continue;
        }
        let sql = format!(
            "select {} from outbox.{} as o",
            expressions.join(", "),
            file.name
        );
        let numbers = first_row(&session, &file.path, &sql).await?;
        let mut numbers = numbers.into_iter().map(|text| text.parse::<usize>().ok());
        for (name, count) in measured {
            let found: Vec<Option<usize>> = numbers.by_ref().take(count).collect();
            let fields = wanted
                .iter_mut()
                .filter(|field| field.object == file.object() && field.name == name);
            for field in fields {
                match found.as_slice() {
                    [chars] => field.max_chars = field.max_chars.max(*chars),
                    [whole, decimals] => {
                        field.whole_digits = field.whole_digits.max(*whole);
                        field.decimals = field.decimals.max(*decimals);
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

/// What the projected outboxes had to change, and rows without a value that the org requires.
pub(crate) async fn findings(
    context: &Context<'_>,
    dry_run: &DryRun,
    describes: &BTreeMap<String, ObjectDescribe>,
) -> Result<Vec<DataFinding>, Error> {
    let session = session(context, dry_run)?;
    let mut findings = Vec::new();
    for file in context.resolved.loads() {
        let Some(outbox) = dry_run.outboxes.get(&file.name) else {
            continue;
        };
        let finding =
            |field: &str, problem: &str, done: &str, rows: u64, samples: [&str; 2]| DataFinding {
                object: file.object().to_owned(),
                load: file.name.clone(),
                field: field.to_owned(),
                problem: problem.to_owned(),
                done: done.to_owned(),
                rows,
                samples: if samples[0] == samples[1] {
                    samples[0].to_owned()
                } else {
                    samples.join(", ")
                },
            };
        let altered = format!("altered_{}", file.name);
        if dry_run
            .snapshot
            .get("recon", &altered)
            .is_some_and(|table| table.rows > 0)
        {
            let sql = format!(
                "select a.field, a.why, a.done, count(*), min(a.key), max(a.key) from recon.{altered} as a \
                 group by a.field, a.why, a.done order by a.field, a.why, a.done"
            );
            for row in rows(&session.collect(&file.path, &sql).await?) {
                if let [field, why, done, count, first, last] = row.as_slice() {
                    findings.push(finding(
                        field,
                        why,
                        done,
                        count.parse().unwrap_or(0),
                        [first, last],
                    ));
                }
            }
        }
        let Some(describe) = describes.get(file.object()).filter(|_| outbox.rows > 0) else {
            continue;
        };
        let key = key_text("o", &context.resolved.columns(file)?.key);
        for field in &context.resolved.columns(file)?.sent {
            let required = describe
                .field(field.name())
                .is_some_and(|field| field.is_required());
            if !required {
                continue;
            }
            let sql = format!(
                "select count(*), min({key}), max({key}) from outbox.{} as o where o.\"{}\" is null and o._operation <> 'update'",
                file.name,
                field.name()
            );
            if let [count, first, last] = first_row(&session, &file.path, &sql).await?.as_slice()
                && count != "0"
            {
                let rows = count.parse().unwrap_or(0);
                findings.push(finding(
                    field.name(),
                    "required",
                    "fails",
                    rows,
                    [first, last],
                ));
            }
        }
    }
    Ok(findings)
}

fn session(context: &Context<'_>, dry_run: &DryRun) -> Result<Session, Error> {
    Ok(context
        .project
        .engine
        .session(context.staging(), &dry_run.snapshot)?)
}

async fn first_row(session: &Session, name: &str, sql: &str) -> Result<Vec<String>, Error> {
    let batches = session.collect(name, sql).await?;
    Ok(rows(&batches).into_iter().next().unwrap_or_default())
}

fn rows(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| {
                if column.is_null(row) {
                    return String::new();
                }
                array_value_to_string(column, row).unwrap_or_default()
            });
            rows.push(cells.collect());
        }
    }
    rows
}
