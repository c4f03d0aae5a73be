//! A file that the source has changed: a new version of the document that its record is (`guide/salesforce.md` §4).
//!
//! In: the record that has our key, the fields that changed, the file. Out: the id of the version that has our key from then on. What
//! the update leaves out the new version takes over from the one before, and our key goes from one to the other, since no two may
//! have it. Never: another version for a request whose answer was lost; the version before stays in the document.

use futures::TryStreamExt;
use serde_json::Value;

use super::LoadError;
use super::answers::{Answer, GONE};
use super::known::literal;
use super::outcome::{OutcomeClass, classify};
use super::part::PartContext;
use super::rest::{CONTENT, answer_of};
use crate::rows::{FILE, RowOperation};
use crate::salesforce::{Atomicity, Row, field_text, record_identity};

/// The document that a version is one of.
const DOCUMENT: &str = "ContentDocumentId";

/// The MD5 of a version's bytes.
const CHECKSUM: &str = "Checksum";

impl PartContext {
    /// Whether records of the load are files.
    pub(super) fn takes_files(&self) -> bool {
        self.outbox.field_with_name(FILE).is_ok()
    }

    /// Puts a file in the place of the one that a known record has.
    pub(super) async fn replace(
        &self,
        row: &Row,
        path: &str,
        length: u64,
    ) -> Result<Answer, LoadError> {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let (id, sum) = (text("Id"), text(CONTENT));
        let Some(key) = self.key.first() else {
            return Ok(gone());
        };
        let (known, holder) = self.versions(id, key, text(key)).await?;
        let is_other = |version: &Row| {
            field_text(version, "Id")
                .is_some_and(|id| record_identity(&id) != record_identity(text("Id")))
        };
        let Some(version) = holder.as_ref().or(known.as_ref()) else {
            return Ok(gone());
        };
        let current = field_text(version, "Id").unwrap_or_default();
        if field_text(version, CHECKSUM).is_some_and(|found| found.eq_ignore_ascii_case(sum)) {
            // The bytes are there: what was asked for before has landed, or the org came to have them by itself.
            return match holder.as_ref().is_some_and(is_other) {
                true => Ok(Answer::Landed {
                    id: current,
                    created: false,
                }),
                false => self.change(&current, row).await,
            };
        }
        let mut record: Row = self
            .sent
            .iter()
            .filter(|name| *name != CONTENT && !row.contains_key(*name))
            .filter_map(|name| Some((name.clone(), version.get(name)?.clone())))
            .filter(|(_, value)| !value.is_null())
            .collect();
        let own = row.iter().filter(|(name, _)| *name != "Id");
        record.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        let document = version.get(DOCUMENT).cloned().unwrap_or_default();
        record.insert(DOCUMENT.to_owned(), document);
        if holder.is_some() {
            let answer = self.put(&current, key, Value::Null).await?;
            if matches!(answer, Answer::Failed { .. }) {
                return Ok(answer);
            }
        }
        let refused = match self.upload(&record, path, length).await? {
            Answer::Landed { id, .. } => return Ok(Answer::Landed { id, created: false }),
            refused => refused,
        };
        // The version that is there is ours as before.
        let back = self.put(&current, key, row.get(key).cloned().unwrap_or_default());
        Ok(without_key(refused, back.await?, &current, key))
    }

    /// The version with this id, and the one with our key.
    async fn versions(
        &self,
        id: &str,
        key: &str,
        value: &str,
    ) -> Result<(Option<Row>, Option<Row>), LoadError> {
        let mut names: Vec<&str> = vec!["Id", DOCUMENT, CHECKSUM];
        let sent = self.sent.iter().map(String::as_str);
        names.extend(sent.filter(|name| *name != CONTENT && *name != DOCUMENT));
        let soql = format!(
            "SELECT {} FROM {} WHERE Id = '{id}' OR {key} = {}",
            names.join(", "),
            self.object,
            literal(&self.describe, key, value)
        );
        let found: Vec<Row> = self
            .client
            .query(&soql)
            .try_collect()
            .await
            .map_err(self.salesforce(None))?;
        let (mut known, mut holder) = (None, None);
        for version in found {
            match field_text(&version, key).is_some_and(|found| found == value) {
                true => holder = Some(version),
                false => known = Some(version),
            }
        }
        Ok((known, holder))
    }

    /// Changes the fields of a version whose bytes stay.
    async fn change(&self, id: &str, row: &Row) -> Result<Answer, LoadError> {
        let changeable = self.sent_with(true);
        let fields = row.iter().filter(|(name, _)| changeable.contains(name));
        let mut fields: Row = fields
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        fields.insert("Id".to_owned(), id.into());
        self.update_one(id, fields).await
    }

    async fn put(&self, id: &str, field: &str, value: Value) -> Result<Answer, LoadError> {
        let mut fields = Row::new();
        fields.insert("Id".to_owned(), id.into());
        fields.insert(field.to_owned(), value);
        self.update_one(id, fields).await
    }

    async fn update_one(&self, id: &str, fields: Row) -> Result<Answer, LoadError> {
        let results = self
            .client
            .update_rows(&self.object, &[fields], Atomicity::RowByRow)
            .await
            .map_err(self.salesforce(None))?;
        let mut results = results.into_iter();
        let result = results.next();
        Ok(result.map_or_else(gone, |result| answer_of(result, RowOperation::Update, id)))
    }
}

/// Why a version was refused, and that the one before lacks our key where that did not go back. If it may go back later, the row is
/// sent again.
fn without_key(refused: Answer, back: Answer, id: &str, key: &str) -> Answer {
    let Answer::Failed {
        code: why,
        error: reason,
    } = back
    else {
        return refused;
    };
    let Answer::Failed { code, error } = refused else {
        return refused;
    };
    let passes = classify(&why) == OutcomeClass::Transient;
    Answer::Failed {
        code: if passes { why } else { code },
        error: format!(
            "{error}; version {id} lost its {key} on the way, which did not go back: {reason}"
        ),
    }
}

fn gone() -> Answer {
    Answer::Failed {
        code: GONE.to_owned(),
        error: "the version that it replaces is no longer there".to_owned(),
    }
}
