//! Records that come out of the recycle bin: one SOAP call per two hundred, and a look for each.
//!
//! In: rows with the record and the one that it comes back with, most often itself. Out: an answer per row, landed only if the record
//! is in the org; so a call whose answer was lost may be made again. Never: a record that was purged, made anew.

use std::collections::HashSet;

use futures::{TryStreamExt, pin_mut};
use serde_json::Value;

use super::LoadError;
use super::answers::Answer;
use super::part::PartContext;
use crate::rows::{Identity, TARGET, identity};
use crate::salesforce::{Row, field_text};

/// Records in one query, so that its URL stays short.
const IDS: usize = 100;

/// A record that was said to be back and is not.
const NOT_BACK: &str = "NOT_UNDELETED";

impl PartContext {
    /// Undeletes records and looks for each.
    pub(super) async fn undelete(&self, rows: &[Row]) -> Result<Vec<Option<Answer>>, LoadError> {
        fn text<'a>(row: &'a Row, name: &str) -> &'a str {
            row.get(name).and_then(Value::as_str).unwrap_or_default()
        }
        let targets: Vec<&str> = rows.iter().map(|row| text(row, TARGET)).collect();
        let results = self.client.undelete_rows(&targets).await;
        let results = results.map_err(self.salesforce(None))?;
        let ids: Vec<&str> = rows.iter().map(|row| text(row, "Id")).collect();
        let there = self.there(&ids).await?;
        let answers = results.into_iter().zip(ids).map(|(result, id)| {
            if identity(id).is_some_and(|id| there.contains(&id)) {
                let id = id.to_owned();
                return Some(Answer::Landed { id, created: false });
            }
            let (code, error) = match result.errors.into_iter().next() {
                Some(error) => (error.status_code, error.message),
                None => (
                    NOT_BACK.to_owned(),
                    format!("Salesforce said that {id} was undeleted, but it is not there"),
                ),
            };
            Some(Answer::Failed { code, error })
        });
        Ok(answers.collect())
    }

    /// Which of these records are in the org.
    async fn there(&self, ids: &[&str]) -> Result<HashSet<Identity>, LoadError> {
        let mut there = HashSet::new();
        for chunk in ids.chunks(IDS) {
            let list: Vec<String> = chunk.iter().map(|id| format!("'{id}'")).collect();
            let soql = format!(
                "SELECT Id FROM {} WHERE Id IN ({})",
                self.object,
                list.join(", ")
            );
            let found = self.client.query(&soql);
            pin_mut!(found);
            while let Some(row) = found.try_next().await.map_err(self.salesforce(None))? {
                there.extend(field_text(&row, "Id").as_deref().and_then(identity));
            }
        }
        Ok(there)
    }
}
