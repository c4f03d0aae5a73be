//! Leads that become contacts: one SOAP call per hundred, and a look at what each lead became.
//!
//! In: rows with the lead, the account, the contact that takes it if there is one, the owner, the status. Out: an answer per row
//! with the contact's id, only after the lead itself says that it is converted. A call whose answer was lost is settled by the
//! same look. Never: an opportunity, a mail, a lead converted twice.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array, AsArray, RecordBatch};
use futures::{TryStreamExt, pin_mut};
use serde_json::Value;

use super::LoadError;
use super::answers::Answer;
use super::part::PartContext;
use super::settle::Settled;
use crate::rows::{CONTACT, Identity, LEAD, STATUS, TARGET, identity};
use crate::salesforce::{LeadConversion, Row, field_text};

/// Leads in one query, so that its URL stays short.
const LEADS: usize = 100;

/// How ids of users begin.
const USER: &str = "005";

/// A lead that was said to be converted and is not.
const NOT_CONVERTED: &str = "NOT_CONVERTED";

impl PartContext {
    /// Whether the load converts leads.
    pub(super) fn converts(&self) -> bool {
        self.outbox.field_with_name(LEAD).is_ok()
    }

    /// Columns beside those that are sent which say what is converted into what, or which record is undeleted for the row's own.
    pub(super) fn besides<'a>(&self) -> &'a [&'a str] {
        match (self.converts(), self.outbox.field_with_name(TARGET)) {
            (true, _) => &[LEAD, CONTACT, STATUS],
            (false, Ok(_)) => &[TARGET],
            (false, Err(_)) => &[],
        }
    }

    /// Converts leads and looks at each.
    pub(super) async fn convert(&self, rows: &[Row]) -> Result<Vec<Option<Answer>>, LoadError> {
        let text = |row: &Row, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut leads: Vec<LeadConversion> = rows
            .iter()
            .map(|row| LeadConversion {
                lead: text(row, LEAD).unwrap_or_default(),
                status: text(row, STATUS).unwrap_or_default(),
                account: text(row, "AccountId"),
                contact: text(row, CONTACT),
                owner: text(row, "OwnerId"),
                opportunity: None,
            })
            .collect();
        let owned = self.owned_by_users(&leads).await?;
        for lead in &mut leads {
            // The contact keeps its lead's owner, whoever chose that one; a queue can own no contact.
            if identity(&lead.lead).is_some_and(|id| owned.contains(&id)) {
                lead.owner = None;
            }
        }
        let results = self.client.convert_leads(&leads).await;
        let results = results.map_err(self.salesforce(None))?;
        let became = self
            .became(leads.iter().map(|lead| lead.lead.as_str()))
            .await?;
        let answers = results.into_iter().zip(&leads).map(|(result, lead)| {
            let found = identity(&lead.lead).and_then(|lead| became.get(&lead));
            Some(match (result.errors.into_iter().next(), found) {
                // Somebody was faster: the contact is theirs.
                (Some(_), Some(id)) => Answer::Landed {
                    id: id.clone(),
                    created: false,
                },
                (Some(error), None) => Answer::Failed {
                    code: error.status_code,
                    error: error.message,
                },
                (None, Some(id)) => Answer::Landed {
                    id: id.clone(),
                    created: lead.contact.is_none(),
                },
                (None, None) => Answer::Failed {
                    code: NOT_CONVERTED.to_owned(),
                    error: format!(
                        "Salesforce said that {} was converted, but it is not",
                        lead.lead
                    ),
                },
            })
        });
        Ok(answers.collect())
    }

    /// Leads that a user owns, and no queue.
    async fn owned_by_users(
        &self,
        leads: &[LeadConversion],
    ) -> Result<HashSet<Identity>, LoadError> {
        let mut owned = HashSet::new();
        let ids: Vec<String> = leads
            .iter()
            .map(|lead| format!("'{}'", lead.lead))
            .collect();
        for chunk in ids.chunks(LEADS) {
            let soql = format!(
                "SELECT Id, OwnerId FROM Lead WHERE Id IN ({})",
                chunk.join(", ")
            );
            let found = self.client.query(&soql);
            pin_mut!(found);
            while let Some(row) = found.try_next().await.map_err(self.salesforce(None))? {
                let owner = field_text(&row, "OwnerId").unwrap_or_default();
                let lead = field_text(&row, "Id").as_deref().and_then(identity);
                owned.extend(lead.filter(|_| owner.starts_with(USER)));
            }
        }
        Ok(owned)
    }

    /// Which rows of a call that was not answered are converted.
    pub(super) async fn converted(
        &self,
        batch: &RecordBatch,
        rows: &[usize],
    ) -> Result<Settled, LoadError> {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
            column.is_valid(row).then(|| column.value(row))
        };
        let leads = rows.iter().filter_map(|&row| text(LEAD, row));
        let became = self.became(leads).await?;
        let mut settled = Settled::default();
        for &row in rows {
            let lead = text(LEAD, row).and_then(identity);
            if let Some(id) = lead.and_then(|lead| became.get(&lead)) {
                let answer = Answer::Landed {
                    id: id.clone(),
                    created: text(CONTACT, row).is_none(),
                };
                settled.put_one(row, answer);
            }
        }
        Ok(settled)
    }

    /// The contacts that leads became.
    async fn became(
        &self,
        leads: impl Iterator<Item = &str>,
    ) -> Result<HashMap<Identity, String>, LoadError> {
        let mut became = HashMap::new();
        let leads: Vec<String> = leads.map(|lead| format!("'{lead}'")).collect();
        for chunk in leads.chunks(LEADS) {
            let soql = format!(
                "SELECT Id, ConvertedContactId FROM Lead WHERE IsConverted = true AND Id IN ({})",
                chunk.join(", ")
            );
            let found = self.client.query(&soql);
            pin_mut!(found);
            while let Some(row) = found.try_next().await.map_err(self.salesforce(None))? {
                let lead = field_text(&row, "Id").as_deref().and_then(identity);
                let contact = field_text(&row, "ConvertedContactId").filter(|id| !id.is_empty());
                became.extend(lead.zip(contact));
            }
        }
        Ok(became)
    }
}
