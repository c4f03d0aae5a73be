//! Random records side by side, source against org, field by field (`P5`).
//!
//! In: ledgers, outboxes and rows just read back. Out: rows of a CSV for a person who checks by eye. The draw depends
//! only on the seed and the keys, so that two people look at the same records.

use std::collections::{BTreeMap, BinaryHeap};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::ReconcileError;
use super::coercion::{TargetField, normal_forms};
use crate::engine::Session;
use crate::project::{Grain, QueryFile};
use crate::rows::{Columns, Liveness, joined_key, key_columns, key_is, key_texts, same_key};
use crate::salesforce::ObjectDescribe;
use crate::transform::Lineage;

/// Fields to put side by side for the records of one load.
pub struct SampleRequest<'a> {
    /// Sees outbox, ledger and rows read back.
    pub session: &'a Session,
    /// The load query.
    pub file: &'a QueryFile,
    /// Its columns.
    pub columns: &'a Columns,
    /// Its object's describe.
    pub describe: &'a ObjectDescribe,
    /// Where each sent column comes from.
    pub lineage: &'a BTreeMap<String, Lineage>,
}

/// Heads of [`SampleRow`]'s CSV.
pub const SAMPLE_HEAD: [&str; 10] = [
    "load",
    "object",
    "key",
    "salesforce_id",
    "field",
    "source_fields",
    "source_values",
    "sent",
    "in_org",
    "same",
];

/// One field of one record.
pub type SampleRow = [String; 10];

/// A drawn record: load and key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drawn {
    rank: u64,
    /// The load.
    pub load: String,
    /// The key's literal in SQL, one per key column.
    pub key: Vec<String>,
}

/// Draws `count` records over all loads, each with the same chance.
///
/// # Errors
/// [`ReconcileError::Engine`].
pub async fn draw(
    session: &Session,
    loads: &[(String, Vec<String>)],
    count: usize,
    seed: u64,
) -> Result<Vec<Drawn>, ReconcileError> {
    let mut best: BinaryHeap<Drawn> = BinaryHeap::new();
    for (load, key) in loads {
        let sql = format!(
            "select {} from ledger.{load} as l where l.id is not null and l.live = '{}'",
            key_columns("l", key),
            Liveness::Live.word()
        );
        let mut stream = session.stream("the sample", &sql, &[]).await?;
        while let Some(batch) = stream.next_batch().await? {
            let texts = key_texts(&batch, key).map_err(|source| ReconcileError::Key {
                load: load.clone(),
                source,
            })?;
            for (row, text) in texts.iter().enumerate() {
                let rank = xxh3_64_with_seed(format!("{load}|{text}").as_bytes(), seed);
                if best.len() >= count && best.peek().is_some_and(|worst| worst.rank <= rank) {
                    continue;
                }
                best.push(Drawn {
                    rank,
                    load: load.clone(),
                    key: batch
                        .columns()
                        .iter()
                        .map(|column| literal(column, row))
                        .collect(),
                });
                if best.len() > count {
                    best.pop();
                }
            }
        }
    }
    let mut drawn = best.into_vec();
    drawn.sort_by(|left, right| (&left.load, &left.key).cmp(&(&right.load, &right.key)));
    Ok(drawn)
}

fn literal(column: &ArrayRef, row: usize) -> String {
    let text = display(column, row);
    if column.data_type().is_numeric() {
        text
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

fn display(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return String::new();
    }
    let options = FormatOptions::default()
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
        .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    ArrayFormatter::try_new(column, &options)
        .map(|formatter| formatter.value(row).to_string())
        .unwrap_or_default()
}

/// The fields of one drawn record.
///
/// # Errors
/// [`ReconcileError::Engine`].
pub async fn sample(
    request: &SampleRequest<'_>,
    drawn: &Drawn,
) -> Result<Vec<SampleRow>, ReconcileError> {
    let load = &drawn.load;
    let mut selected = vec!["r._id as _sample_id".to_owned()];
    let mut fields = Vec::new();
    for (index, field) in request.columns.sent.iter().enumerate() {
        let Some(target) = request.describe.field(field.name()) else {
            continue;
        };
        let target = TargetField::of(target);
        let (sent, found) = normal_forms(field, &target);
        let name = field.name();
        let is_key = request.file.key.contains(name);
        let (found_value, same) = if is_key {
            (
                format!("cast(r.\"{name}\" as varchar)"),
                "r._id is not null".to_owned(),
            )
        } else {
            let same = format!(
                "coalesce(cast({sent} as varchar), '') = '' or {sent} is not distinct from {found}"
            );
            (format!("r.\"{name}\""), same)
        };
        selected.push(format!("o.\"{name}\" as sent_{index}"));
        selected.push(format!("{found_value} as found_{index}"));
        selected.push(format!("({same}) as same_{index}"));
        fields.push((index, name.clone()));
    }
    let sql = format!(
        "select {} from outbox.{load} as o left join org.{load} as r on {} where {}",
        selected.join(", "),
        same_key("r", "o", &request.file.key),
        key_is("o", &request.file.key, &drawn.key)
    );
    let name = format!("the sample of {load}");
    let batches = request.session.collect(&name, &sql).await?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok(Vec::new());
    };
    let source = source_row(request, drawn).await?;
    let cell = |column: String| {
        batch
            .column_by_name(&column)
            .map(|array| display(array, 0))
            .unwrap_or_default()
    };
    let rows = fields.into_iter().map(|(index, field)| {
        let names: Vec<&str> = request
            .lineage
            .get(&field)
            .into_iter()
            .flat_map(Lineage::all)
            .filter_map(|name| name.strip_prefix("usercom."))
            .collect();
        let values: Vec<String> = names
            .iter()
            .filter_map(|name| source.get(*name).map(|value| format!("{name}={value}")))
            .collect();
        [
            load.clone(),
            request.file.object().to_owned(),
            joined_key(&drawn.key).trim_matches('\'').to_owned(),
            cell("_sample_id".to_owned()),
            field,
            names.join("; "),
            values.join("; "),
            cell(format!("sent_{index}")),
            cell(format!("found_{index}")),
            if cell(format!("same_{index}")) == "true" {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
        ]
    });
    Ok(rows.collect())
}

/// The record's own source row, `table.column` → value; empty for a load that names no source.
async fn source_row(
    request: &SampleRequest<'_>,
    drawn: &Drawn,
) -> Result<BTreeMap<String, String>, ReconcileError> {
    let grain = request.file.source.as_ref();
    let (Some(table), [key]) = (grain.and_then(Grain::staged), drawn.key.as_slice()) else {
        return Ok(BTreeMap::new());
    };
    let source = &format!("usercom.{table}");
    let sql =
        format!("select * from {source} as s where cast(s.id as varchar) = cast({key} as varchar)");
    let batches = request.session.collect(source, &sql).await?;
    let Some(batch) = batches
        .iter()
        .find(|batch: &&RecordBatch| batch.num_rows() > 0)
    else {
        return Ok(BTreeMap::new());
    };
    let schema = batch.schema();
    Ok(schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (format!("{table}.{}", field.name()), display(column, 0)))
        .filter(|(_, value)| !value.is_empty())
        .collect())
}
