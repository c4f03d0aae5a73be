//! Random records side by side, source against org, field by field (`P5`).
//!
//! In: ledgers, outboxes, rows just read back, source rows. Out: rows of a CSV for a person who checks by eye. The draw depends
//! only on the seed and the keys, so that two people look at the same records. Never: a value of an outbox where the source's is
//! asked for.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use arrow::array::{Array, ArrayRef};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::ReconcileError;
use super::coercion::{TargetField, normal_forms, readable};
use super::source::{SourceRows, display};
use crate::engine::Session;
use crate::project::{Lineage, QueryFile};
use crate::rows::{Columns, Liveness, joined_key, key_columns, key_is, key_texts, same_key};
use crate::salesforce::ObjectDescribe;

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
    /// Where they come from in the default query of the same name, if the project has another.
    pub usual: &'a BTreeMap<String, Lineage>,
    /// Fields that the field map feeds: a decision says what they come from.
    pub mapped: &'a BTreeSet<String>,
}

/// Heads of [`SampleRow`]'s CSV.
pub const SAMPLE_HEAD: [&str; 13] = [
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
    "comparison",
    "link",
    "source_link",
];

/// One field of one record; the links are for others to fill in.
pub type SampleRow = [String; 13];

/// A drawn record: load and key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Drawn {
    rank: u64,
    /// The load.
    pub load: String,
    /// The key's literal in SQL, one per key column.
    pub key: Vec<String>,
}

impl Drawn {
    /// The texts of the key, one per key column.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let text = |literal: &String| match literal.strip_prefix('\'') {
            Some(quoted) => quoted.trim_end_matches('\'').replace("''", "'"),
            None => literal.clone(),
        };
        self.key.iter().map(text).collect()
    }
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

/// The fields of one drawn record beside its source rows.
///
/// # Errors
/// [`ReconcileError::Engine`].
pub async fn sample(
    request: &SampleRequest<'_>,
    drawn: &Drawn,
    source: Option<&SourceRows>,
) -> Result<Vec<SampleRow>, ReconcileError> {
    let load = &drawn.load;
    let mut selected = vec!["r._id as _sample_id".to_owned()];
    let mut fields = Vec::new();
    for (index, field) in request.columns.sent.iter().enumerate() {
        let Some(target) = readable(request.describe, field.name()) else {
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
    let cell = |column: String| {
        batch
            .column_by_name(&column)
            .map(|array| display(array, 0))
            .unwrap_or_default()
    };
    let rows = fields.into_iter().map(|(index, field)| {
        let names = source_names(request.lineage.get(&field));
        let found = cell(format!("found_{index}"));
        let landed = cell(format!("same_{index}")) == "true";
        let sent = cell(format!("sent_{index}"));
        let values = match source {
            Some(source) => labelled(source, &names),
            None => missing(request.file),
        };
        let is_free = !request.mapped.contains(&field) && !request.file.key.contains(&field);
        let side = Side {
            sent: &sent,
            found: &found,
            names: &names,
            usual: is_free.then(|| usual(request, &field, source)),
        };
        let comparison = if landed {
            side.against(source)
        } else {
            DIFFERENT
        };
        [
            load.clone(),
            request.file.object().to_owned(),
            joined_key(drawn.texts()),
            cell("_sample_id".to_owned()),
            field,
            names.join("; "),
            values,
            sent,
            found,
            if comparison == DIFFERENT { "no" } else { "yes" }.to_owned(),
            comparison.to_owned(),
            String::new(),
            String::new(),
        ]
    });
    Ok(rows.collect())
}

/// Values of source columns, each with its name.
fn labelled(source: &SourceRows, names: &[&str]) -> String {
    let values: Vec<String> = names
        .iter()
        .flat_map(|name| {
            source
                .values(name)
                .map(move |value| format!("{name}={value}"))
        })
        .collect();
    values.join("; ")
}

/// Why a record has no source row.
fn missing(file: &QueryFile) -> String {
    match &file.source {
        Some(grain) if grain.table.is_none() => "source: none".to_owned(),
        Some(grain) => format!("source: no row of {} found", grain.text),
        None => "source: not declared".to_owned(),
    }
}

const DIFFERENT: &str = "different";

/// Source columns as `table.column`: those of the row, or of the rows that were pooled into it.
fn source_names(lineage: Option<&Lineage>) -> Vec<&str> {
    let own = lineage.into_iter().flat_map(Lineage::all);
    let own: Vec<&str> = own
        .filter_map(|name| name.strip_prefix("usercom."))
        .collect();
    if !own.is_empty() {
        return own;
    }
    let pooled = lineage.into_iter().flat_map(|lineage| &lineage.pooled);
    pooled
        .filter_map(|name| name.strip_prefix("usercom."))
        .collect()
}

/// The columns that a field is expected to come from: those of the default query, else the one of the field's own name.
fn usual<'a>(
    request: &'a SampleRequest<'_>,
    field: &str,
    source: Option<&'a SourceRows>,
) -> Vec<String> {
    let values = request.usual.get(field).map(|lineage| &lineage.values);
    let names = values.into_iter().flatten();
    let names: Vec<String> = names
        .filter_map(|name| name.strip_prefix("usercom."))
        .map(str::to_owned)
        .collect();
    if !names.is_empty() {
        return names;
    }
    let Some((table, cells)) = source.and_then(SourceRows::own) else {
        return names;
    };
    let wanted = bare_name(field);
    let namesakes = cells.keys().filter(|column| bare_name(column) == wanted);
    namesakes
        .map(|column| format!("{table}.{column}"))
        .collect()
}

/// One field of one record, as it was sent and is in the org.
struct Side<'a> {
    sent: &'a str,
    found: &'a str,
    names: &'a [&'a str],
    /// The columns it should come from; none if somebody has decided it.
    usual: Option<Vec<String>>,
}

impl Side<'_> {
    /// How it stands to the source.
    fn against(&self, source: Option<&SourceRows>) -> &'static str {
        let Some(source) = source else {
            return "no source";
        };
        let names = self.names.iter();
        let mut values = names.flat_map(|name| source.values(name)).peekable();
        let has_source = values.peek().is_some();
        let is_equal = values.any(|value| alike(value, self.found));
        if self.comes_from_another(source) {
            DIFFERENT
        } else if self.sent.is_empty() {
            if has_source { "not sent" } else { "empty" }
        } else if is_equal {
            "equal"
        } else if has_source {
            "converted"
        } else {
            "set by the load"
        }
    }

    /// Whether the field has another column's value where the source has one for it.
    fn comes_from_another(&self, source: &SourceRows) -> bool {
        let Some(((table, _), usual)) = source.own().zip(self.usual.as_ref()) else {
            return false;
        };
        let prefix = format!("{table}.");
        let usual = usual.iter().filter(|name| name.starts_with(&prefix));
        let usual: Vec<&String> = usual.collect();
        let mut from = self.names.iter().filter(|name| name.starts_with(&prefix));
        let is_fed = from.clone().next().is_some();
        let is_usual = from.any(|name| usual.iter().any(|other| other == name));
        let mut values = usual.iter().flat_map(|name| source.values(name)).peekable();
        is_fed
            && !is_usual
            && values.peek().is_some()
            && !values.any(|value| alike(value, self.found))
    }
}

/// A name as both sides write it: `FirstName` and `first_name`, `usercom_score__c` and `score`.
fn bare_name(name: &str) -> String {
    let name = name.strip_suffix("__c").unwrap_or(name);
    let name = name.strip_prefix("usercom_").unwrap_or(name);
    let name = ["Billing", "Mailing"]
        .iter()
        .find_map(|kind| name.strip_prefix(kind))
        .unwrap_or(name);
    name.chars()
        .filter(|letter| *letter != '_')
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether two sides write the same value in their own ways.
fn alike(source: &str, org: &str) -> bool {
    let instant = |text: &str| {
        let text = text.trim();
        chrono::DateTime::parse_from_rfc3339(text)
            .or_else(|_| chrono::DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
            .ok()
            .map(|instant| instant.timestamp())
    };
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let choices = |text: &str| -> BTreeSet<String> {
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        let parts = text.split([';', ',']).map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let same_lines = |text: &str| text.replace("\r\n", "\n");
    source.trim() == org.trim()
        || same_lines(source.trim()) == same_lines(org.trim())
        || instant(source).is_some_and(|one| instant(org) == Some(one))
        || number(source).is_some_and(|one| number(org) == Some(one))
        || (source.starts_with('[') && choices(source) == choices(org))
}
