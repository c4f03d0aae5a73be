//! Finding records in the org by what a row was sent with: when Salesforce says that a key is taken, and when a request's
//! answer was lost.
//!
//! In: rows of a part. Out: ids. Never: a guess; a row that two records answer to is not found.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::ArrayRef;
use futures::TryStreamExt;

use super::LoadError;
use super::answers::{Answer, Origin, PartRows};
use super::part::PartContext;
use crate::encode::Cells;
use crate::rows::{RowOperation, is_filled_by_org, joined_key};
use crate::salesforce::{ObjectDescribe, field_text, record_identity};
use crate::staging::DataFile;

/// Values in one query, so that its URL stays short.
const VALUES: usize = 100;

/// Characters of all of them together, as a URL writes them.
const MOST_LIST: usize = 12_000;

/// What says that a record with a row's key is there already.
const TAKEN: &str = "DUPLICATE_VALUE";

/// Rows whose answer says that their key is taken.
pub(super) fn taken(answers: &[Option<Answer>]) -> Vec<usize> {
    let is_taken = |answer: &Option<Answer>| matches!(answer, Some(Answer::Failed { code, .. }) if code == TAKEN);
    (0..answers.len())
        .filter(|&row| is_taken(&answers[row]))
        .collect()
}

impl PartContext {
    /// Rows refused because their key is taken count as landed: the record is ours, its answer was lost, or Salesforce
    /// made it by itself (`guide/rules.md` 24).
    pub(super) async fn find_duplicates(
        &self,
        rows: &PartRows,
        answers: &mut [Option<Answer>],
    ) -> Result<(), LoadError> {
        if rows.by_id() {
            return Ok(());
        }
        let taken = taken(answers);
        let keys: Vec<(String, ArrayRef)> = self
            .key
            .iter()
            .cloned()
            .zip(rows.keys.iter().cloned())
            .collect();
        for (row, id) in self.find(&keys, &taken, "").await? {
            answers[row] = Some(Answer::Found { id });
        }
        Ok(())
    }

    /// After a job whose results have expired or cannot be used: the rows whose record is there under their key (`guide/rules.md` 30). Whether they have
    /// the part's values nobody knows, so the next run writes those. Rows that are updated by id need no such look.
    pub(super) async fn recover_by_key(
        &self,
        part: &DataFile,
        operation: RowOperation,
        attempt: u32,
        job: &str,
        why: &str,
    ) -> Result<Vec<DataFile>, LoadError> {
        if operation.by_id() {
            return Ok(Vec::new());
        }
        let rows = self.part_rows(part, operation).await?;
        let keys: Vec<(String, ArrayRef)> = self
            .key
            .iter()
            .cloned()
            .zip(rows.keys.iter().cloned())
            .collect();
        let all: Vec<usize> = (0..rows.len()).collect();
        let origin = Origin {
            operation,
            attempt,
            job,
            unprocessed: Some(why),
        };
        let mut answers: Vec<Option<Answer>> = vec![None; rows.len()];
        for (row, id) in self.find(&keys, &all, "").await? {
            answers[row] = Some(Answer::Found { id });
        }
        self.store(&rows, 0, &answers, &origin).await
    }

    /// Ids of the records that have the values of `columns` of `rows`; `and` narrows the query. Rows that no record or
    /// more than one answers to, or that share theirs, are left out.
    pub(super) async fn find(
        &self,
        columns: &[(String, ArrayRef)],
        rows: &[usize],
        and: &str,
    ) -> Result<BTreeMap<usize, String>, LoadError> {
        let alike = self.alike(columns, rows, and).await?;
        let only = alike.into_iter().filter_map(|alike| {
            match (alike.rows.as_slice(), alike.ids.first()) {
                ([row], Some(id)) if alike.ids.len() == 1 => Some((*row, id.clone())),
                _ => None,
            }
        });
        Ok(only.collect())
    }

    /// Rows with the same values of `columns`, and the records that have these.
    pub(super) async fn alike(
        &self,
        columns: &[(String, ArrayRef)],
        rows: &[usize],
        and: &str,
    ) -> Result<Vec<Alike>, LoadError> {
        let Some((first, _)) = columns.first().filter(|_| !rows.is_empty()) else {
            return Ok(Vec::new());
        };
        let cells = columns
            .iter()
            .map(|(name, array)| Cells::new(name, array))
            .collect::<Result<Vec<_>, _>>()
            .map_err(self.wrong("a query by key"))?;
        let text = |column: usize, row: usize| {
            let mut text = Vec::new();
            cells[column].write(row, &mut text);
            String::from_utf8_lossy(&text).into_owned()
        };
        let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        // By the columns that count of a row, and its values there: what the org fills itself counts where we sent something.
        let mut groups: BTreeMap<Vec<usize>, BTreeMap<String, Alike>> = BTreeMap::new();
        let mut values = BTreeSet::new();
        for &row in rows {
            let counts = |column: &usize| {
                !is_filled_by_org(names[*column]) || !text(*column, row).is_empty()
            };
            let counting: Vec<usize> = (0..names.len()).filter(counts).collect();
            let key = counting
                .iter()
                .map(|&column| comparable(&self.describe, names[column], &text(column, row)));
            let key = joined_key(key);
            let group = groups.entry(counting).or_default().entry(key);
            group.or_default().rows.push(row);
            values.insert(literal(&self.describe, first, &text(0, row)));
        }
        let selected: BTreeSet<&str> = names.iter().copied().chain(["Id"]).collect();
        let selected: Vec<&str> = selected.into_iter().collect();
        for values in short_lists(values) {
            let soql = format!(
                "SELECT {} FROM {} WHERE {first} IN ({values}){and}",
                selected.join(", "),
                self.object,
            );
            let mut answer = std::pin::pin!(self.client.query(&soql));
            while let Some(record) = answer.try_next().await.map_err(self.salesforce(None))? {
                for (counting, groups) in &mut groups {
                    let key = counting.iter().map(|&column| {
                        let found = field_text(&record, names[column]).unwrap_or_default();
                        comparable(&self.describe, names[column], &found)
                    });
                    if let Some(alike) = groups.get_mut(&joined_key(key)) {
                        alike.ids.extend(field_text(&record, "Id"));
                    }
                }
            }
        }
        Ok(groups
            .into_values()
            .flat_map(BTreeMap::into_values)
            .collect())
    }
}

/// Rows that share the values they are looked up by, in order, and the records that have these values.
#[derive(Debug, Default)]
pub(super) struct Alike {
    pub rows: Vec<usize>,
    pub ids: BTreeSet<String>,
}

/// Values as lists with commas, so short that a query with one of them fits into a URL.
fn short_lists(values: BTreeSet<String>) -> Vec<String> {
    let mut lists: Vec<String> = Vec::new();
    let mut count = 0;
    for value in values {
        // A letter beyond ASCII takes three signs for each of its bytes.
        let long = |text: &str| 3 * text.len();
        match lists.last_mut() {
            Some(list) if count < VALUES && long(list) + long(&value) < MOST_LIST => {
                list.push_str(", ");
                list.push_str(&value);
                count += 1;
            }
            _ => {
                lists.push(value);
                count = 1;
            }
        }
    }
    lists
}

/// A value as SOQL writes it: numbers bare, texts quoted.
pub(super) fn literal(describe: &ObjectDescribe, field: &str, text: &str) -> String {
    let number = describe
        .field(field)
        .is_some_and(|field| matches!(field.field_type.as_str(), "double" | "int" | "currency"));
    if number {
        return text.to_owned();
    }
    let mut quoted = String::from("'");
    for letter in text.chars() {
        if matches!(letter, '\'' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('\'');
    quoted
}

/// A value as Salesforce compares it.
pub(super) fn comparable(describe: &ObjectDescribe, field: &str, text: &str) -> String {
    match describe.field(field).map(|field| field.field_type.as_str()) {
        Some("reference" | "id") => record_identity(text).to_owned(),
        Some("double" | "int" | "currency") => text.trim_end_matches(".0").to_owned(),
        // To the second: milliseconds are cut, zones are written in two ways.
        Some("datetime") => text.chars().take("2026-01-01T00:00:00".len()).collect(),
        _ => text.trim().to_lowercase(),
    }
}
