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
use crate::rows::{RowOperation, joined_key};
use crate::salesforce::{ObjectDescribe, field_text, record_identity};
use crate::staging::DataFile;

/// Values in one query, so that its URL stays short.
const VALUES: usize = 100;

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

    /// After a job whose results have expired: the rows whose record is there under their key (`guide/rules.md` 30). Whether they have
    /// the part's values nobody knows, so the next run writes those. Rows that are updated by id need no such look.
    pub(super) async fn recover_by_key(
        &self,
        part: &DataFile,
        operation: RowOperation,
        attempt: u32,
        job: &str,
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
            unprocessed: Some(
                "the results of its job have expired, and the org has no record of its key",
            ),
        };
        let mut answers: Vec<Option<Answer>> = vec![None; rows.len()];
        for (row, id) in self.find(&keys, &all, "").await? {
            answers[row] = Some(Answer::Found { id });
        }
        self.store(&rows, 0, &answers, &origin).await
    }

    /// Ids of the records that have the values of `columns` of `rows`; `and` narrows the query. Rows that no record or
    /// more than one answers to are left out.
    pub(super) async fn find(
        &self,
        columns: &[(String, ArrayRef)],
        rows: &[usize],
        and: &str,
    ) -> Result<BTreeMap<usize, String>, LoadError> {
        let mut found = BTreeMap::new();
        let Some((first, _)) = columns.first() else {
            return Ok(found);
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
        let selected: BTreeSet<&str> = names.iter().copied().chain(["Id"]).collect();
        let selected: Vec<&str> = selected.into_iter().collect();
        for chunk in rows.chunks(VALUES) {
            let values: BTreeSet<String> = chunk
                .iter()
                .map(|&row| literal(&self.describe, first, &text(0, row)))
                .collect();
            let values: Vec<String> = values.into_iter().collect();
            let soql = format!(
                "SELECT {} FROM {} WHERE {first} IN ({}){and}",
                selected.join(", "),
                self.object,
                values.join(", ")
            );
            let mut records: BTreeMap<String, Vec<String>> = BTreeMap::new();
            let mut answer = std::pin::pin!(self.client.query(&soql));
            while let Some(record) = answer.try_next().await.map_err(self.salesforce(None))? {
                let key: Vec<String> = names
                    .iter()
                    .map(|name| {
                        let found = field_text(&record, name).unwrap_or_default();
                        comparable(&self.describe, name, &found)
                    })
                    .collect();
                let id = field_text(&record, "Id").unwrap_or_default();
                records.entry(joined_key(key)).or_default().push(id);
            }
            for &row in chunk {
                let key: Vec<String> = names
                    .iter()
                    .enumerate()
                    .map(|(column, name)| comparable(&self.describe, name, &text(column, row)))
                    .collect();
                if let Some([id]) = records.get(&joined_key(key)).map(Vec::as_slice) {
                    found.insert(row, id.clone());
                }
            }
        }
        Ok(found)
    }
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
