//! Converting a lead: an account, a contact and an opportunity come from it, and it is closed to changes.
//!
//! In: the lead, and what is there already. Out: the new records with the standard fields and those of the deployed
//! mapping, the lead's activities and campaign memberships at the contact, the lead converted. An account or contact that
//! is there keeps its values; only empty fields are filled. If a record is refused, those made before it go again. A lead
//! without a company, which only an org with person accounts has, becomes a person account and its contact.

use std::sync::Arc;

use chrono::{Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::super::change::{Operation, RowError, api_error};
use super::super::error::ApiError;
use super::super::ids::RecordId;
use super::super::model::Model;
use super::super::org::Org;
use super::super::persons::person_type;
use super::super::upkeep;
use super::super::view::View;
use super::record::{By, How, Record, live};

/// Which lead, and into what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conversion {
    pub(crate) id: String,
    /// A converted status; none = the first one.
    #[serde(default)]
    pub(crate) status: Option<String>,
    /// The account that takes the lead; none = a new one.
    #[serde(default)]
    pub(crate) account: Option<String>,
    /// The contact that takes the lead, of that account; none = a new one.
    #[serde(default)]
    pub(crate) contact: Option<String>,
    /// Whether an opportunity is made.
    #[serde(default = "yes")]
    pub(crate) opportunity: bool,
    /// Its name; none = the company's.
    #[serde(default)]
    pub(crate) opportunity_name: Option<String>,
    /// Owner of what is made; none = the lead's.
    #[serde(default)]
    pub(crate) owner: Option<String>,
    /// The lead's source replaces that of a contact that is there.
    #[serde(default)]
    pub(crate) overwrite_source: bool,
}

/// The records that a lead became.
#[derive(Debug, Serialize)]
pub(crate) struct Converted {
    pub(crate) account: String,
    pub(crate) contact: String,
    pub(crate) opportunity: Option<String>,
}

fn yes() -> bool {
    true
}

/// Fields of a lead and where they go, besides the deployed mapping.
const ACCOUNT: [(&str, &str); 13] = [
    ("Company", "Name"),
    ("Street", "BillingStreet"),
    ("City", "BillingCity"),
    ("State", "BillingState"),
    ("PostalCode", "BillingPostalCode"),
    ("Country", "BillingCountry"),
    ("Phone", "Phone"),
    ("Fax", "Fax"),
    ("Website", "Website"),
    ("Industry", "Industry"),
    ("AnnualRevenue", "AnnualRevenue"),
    ("NumberOfEmployees", "NumberOfEmployees"),
    ("Rating", "Rating"),
];
const CONTACT: [(&str, &str); 17] = [
    ("FirstName", "FirstName"),
    ("LastName", "LastName"),
    ("Salutation", "Salutation"),
    ("Title", "Title"),
    ("Email", "Email"),
    ("Phone", "Phone"),
    ("MobilePhone", "MobilePhone"),
    ("Fax", "Fax"),
    ("LeadSource", "LeadSource"),
    ("Description", "Description"),
    ("Street", "MailingStreet"),
    ("City", "MailingCity"),
    ("State", "MailingState"),
    ("PostalCode", "MailingPostalCode"),
    ("Country", "MailingCountry"),
    ("HasOptedOutOfEmail", "HasOptedOutOfEmail"),
    ("DoNotCall", "DoNotCall"),
];
const PERSON: [(&str, &str); 3] = [
    ("LastName", "LastName"),
    ("FirstName", "FirstName"),
    ("Phone", "Phone"),
];
const OPPORTUNITY: [(&str, &str); 1] = [("LeadSource", "LeadSource")];

/// Converts in the name of a user; returns the ids of the records.
pub(crate) fn convert(
    org: &Arc<Org>,
    user: u32,
    wanted: &Conversion,
) -> Result<Converted, ApiError> {
    let view = org.view();
    let lead = live(&view.model, &wanted.id)?;
    if view.model.schema.object(lead.object).name != "Lead" {
        return Err(ApiError::bad(
            "INVALID_ID_FIELD",
            "only leads are converted",
        ));
    }
    let by = By { org, user };
    let source = Source { by, view, lead };
    if source.get("IsConverted").as_deref() == Some("true") {
        return Err(api_error(&RowError::converted_lead()));
    }
    let status = converted_status(&source.view.model, wanted.status.as_deref())?;
    belongs(&source.view.model, wanted)?;
    let mut made = Vec::new();
    let result = source.records(wanted, &mut made);
    let (account, contact, opportunity) = match result {
        Ok(records) => records,
        Err(error) => {
            for (object, id) in made.into_iter().rev() {
                upkeep::purge(org, object, &[id])?;
            }
            return Err(error);
        }
    };
    source.follow(account, contact, opportunity)?;
    let converted = Converted {
        account: account.to_string(),
        contact: contact.to_string(),
        opportunity: opportunity.map(|id| id.to_string()),
    };
    let today = Utc::now().date_naive().to_string();
    let row = [
        ("Id", Some(wanted.id.as_str())),
        ("Status", Some(status.as_str())),
        ("IsConverted", Some("true")),
        ("ConvertedDate", Some(today.as_str())),
        ("ConvertedAccountId", Some(converted.account.as_str())),
        ("ConvertedContactId", Some(converted.contact.as_str())),
        ("ConvertedOpportunityId", converted.opportunity.as_deref()),
    ];
    by.put("Lead", Operation::Update, &row, How::Plain)?;
    Ok(converted)
}

/// A contact that takes a lead has to be one of the account that takes it.
fn belongs(model: &Model, wanted: &Conversion) -> Result<(), ApiError> {
    let Some(contact) = &wanted.contact else {
        return Ok(());
    };
    let found = live(model, contact)?;
    let definition = model.schema.object(found.object);
    let account = definition.position("AccountId");
    let account = account.and_then(|at| found.row.get(at));
    let same = |id: &String| RecordId::parse(id).map(|id| id.to_string()).as_deref() == account;
    if wanted.account.as_ref().is_some_and(same) {
        return Ok(());
    }
    let message = "contactId has to be a contact of accountId";
    Err(ApiError::bad("INVALID_CROSS_REFERENCE_KEY", message))
}

struct Source<'a> {
    by: By<'a>,
    view: View,
    lead: Record,
}

type Records = (RecordId, RecordId, Option<RecordId>);

impl Source<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let at = self
            .view
            .model
            .schema
            .object(self.lead.object)
            .position(name)?;
        let text = self
            .view
            .text(self.lead.object, self.lead.position, &self.lead.row, at);
        text.map(std::borrow::Cow::into_owned)
    }

    fn records(
        &self,
        wanted: &Conversion,
        made: &mut Vec<(&'static str, RecordId)>,
    ) -> Result<Records, ApiError> {
        let owner = wanted.owner.as_deref().map(|owner| ("OwnerId", owner));
        let own: Vec<_> = owner.into_iter().collect();
        let person = self.person(wanted.account.as_deref())?;
        let account = match &person {
            Some(kind) => {
                let kind = [("RecordTypeId", kind.as_str())].into_iter().chain(owner);
                let kind: Vec<_> = kind.collect();
                self.record("Account", wanted.account.as_deref(), &PERSON, &kind, made)?
            }
            None => self.record("Account", wanted.account.as_deref(), &ACCOUNT, &own, made)?,
        };
        let account_id = account.to_string();
        let own: Vec<_> = [("AccountId", account_id.as_str())]
            .into_iter()
            .chain(owner)
            .collect();
        let mirrored = self.by.field(account, "PersonContactId");
        let contact = mirrored.as_deref().or(wanted.contact.as_deref());
        let contact = self.record("Contact", contact, &CONTACT, &own, made)?;
        if let (true, Some(id), Some(value)) = (
            wanted.overwrite_source,
            wanted.contact.as_deref(),
            self.get("LeadSource"),
        ) {
            let row = [("Id", Some(id)), ("LeadSource", Some(value.as_str()))];
            self.by
                .put("Contact", Operation::Update, &row, How::Ruled)?;
        }
        if !wanted.opportunity {
            return Ok((account, contact, None));
        }
        let name = wanted.opportunity_name.clone();
        let name = name.unwrap_or_else(|| format!("{}-", self.get("Company").unwrap_or_default()));
        let stage = first_stage(&self.view.model).unwrap_or_default();
        let close = end_of_quarter(Utc::now().date_naive()).to_string();
        let contact_id = contact.to_string();
        let own: Vec<_> = [
            ("Name", name.as_str()),
            ("StageName", &stage),
            ("CloseDate", &close),
            ("AccountId", &account_id),
        ]
        .into_iter()
        .chain(owner)
        .collect();
        let opportunity = self.record("Opportunity", None, &OPPORTUNITY, &own, made)?;
        let opportunity_id = opportunity.to_string();
        let role = [
            ("OpportunityId", Some(opportunity_id.as_str())),
            ("ContactId", Some(contact_id.as_str())),
            ("IsPrimary", Some("true")),
        ];
        self.by.put(
            "OpportunityContactRole",
            Operation::Insert,
            &role,
            How::Ruled,
        )?;
        Ok((account, contact, Some(opportunity)))
    }

    /// The record type of the person that the lead becomes, if it has no company; a company and a person do not become
    /// one.
    fn person(&self, account: Option<&str>) -> Result<Option<String>, ApiError> {
        let kind = person_type(&self.view.model).filter(|_| self.get("Company").is_none());
        let there = account.map(|id| live(&self.view.model, id)).transpose()?;
        let there = there.map(|there| self.by.field(there.id, "PersonContactId").is_some());
        if there.is_some_and(|person| person != kind.is_some()) {
            let message = "a lead without a company converts into a person account, any other into a business account";
            return Err(ApiError::bad("INVALID_PERSON_ACCOUNT_OPERATION", message));
        }
        Ok(kind.map(|kind| kind.id.to_string()))
    }

    /// Makes a record out of the lead, or fills the empty fields of one that is there.
    fn record(
        &self,
        object: &'static str,
        there: Option<&str>,
        standard: &[(&str, &str)],
        own: &[(&str, &str)],
        made: &mut Vec<(&'static str, RecordId)>,
    ) -> Result<RecordId, ApiError> {
        let model = &self.view.model;
        let mapping = model
            .lead_convert
            .iter()
            .flat_map(|all| &all.object_mapping);
        let mapped = mapping
            .filter(|mapping| mapping.output_object == object)
            .flat_map(|mapping| &mapping.mapping_fields)
            .map(|field| (field.input_field.as_str(), field.output_field.as_str()));
        let mut values: Vec<(String, String)> = own
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let given = own.iter().any(|(name, _)| *name == "OwnerId");
        let owner = self
            .get("OwnerId")
            .filter(|owner| !given && owner.starts_with("005"));
        values.extend(owner.map(|owner| ("OwnerId".to_owned(), owner)));
        for (from, into) in standard.iter().copied().chain(mapped) {
            if let Some(value) = self.get(from) {
                values.retain(|(name, _)| !name.eq_ignore_ascii_case(into));
                values.push((into.to_owned(), value));
            }
        }
        let Some(id) = there else {
            let row: Vec<(&str, Option<&str>)> = values
                .iter()
                .map(|(name, value)| (name.as_str(), Some(value.as_str())))
                .collect();
            let id = self.by.put(object, Operation::Insert, &row, How::Ruled)?;
            made.push((object, id));
            return Ok(id);
        };
        let record = live(model, id)?;
        let definition = model.schema.object(record.object);
        if definition.name != object {
            let message = format!("{id} is no {object}");
            return Err(ApiError::bad("INVALID_ID_FIELD", message));
        }
        let empty = values.iter().filter(|(name, _)| {
            let at = definition.position(name);
            at.is_some_and(|at| record.row.get(at).is_none())
        });
        let mut row = vec![("Id", Some(id))];
        row.extend(empty.map(|(name, value)| (name.as_str(), Some(value.as_str()))));
        self.by.put(object, Operation::Update, &row, How::Ruled)
    }

    /// Activities go to the contact, those without anything else to the opportunity or account; memberships stay with
    /// the lead and are the contact's as well.
    fn follow(
        &self,
        account: RecordId,
        contact: RecordId,
        opportunity: Option<RecordId>,
    ) -> Result<(), ApiError> {
        let model = &self.view.model;
        let lead = self.lead.id.to_string();
        let texts = (account.to_string(), contact.to_string());
        let what = opportunity.unwrap_or(account).to_string();
        for object in ["Task", "Event"] {
            for id in self.by.org.model().rows_with(object, &[("WhoId", &lead)]) {
                let id = id.to_string();
                let row = [
                    ("Id", Some(id.as_str())),
                    ("WhoId", Some(texts.1.as_str())),
                    ("WhatId", Some(what.as_str())),
                    ("AccountId", Some(texts.0.as_str())),
                ];
                self.by.put(object, Operation::Update, &row, How::Plain)?;
            }
        }
        for (object, field) in [
            ("EventRelation", "RelationId"),
            ("EmailMessageRelation", "RelationId"),
        ] {
            let number = model.schema.position(object);
            let at = number.and_then(|at| model.schema.object(at).position(field));
            if let (Some(number), Some(at)) = (number, at) {
                self.by.repoint(number, at, self.lead.id, contact)?;
            }
        }
        for id in self
            .by
            .org
            .model()
            .rows_with("CampaignMember", &[("LeadId", &lead)])
        {
            let id = id.to_string();
            let row = [
                ("Id", Some(id.as_str())),
                ("ContactId", Some(texts.1.as_str())),
            ];
            self.by
                .put("CampaignMember", Operation::Update, &row, How::Plain)?;
        }
        Ok(())
    }
}

/// Rows of a set-up object by their order, each as a reader of fields.
fn sorted<T>(model: &Model, object: &str, read: impl Fn(&dyn Fn(&str) -> String) -> T) -> Vec<T> {
    let Some((definition, table)) = model.table(object) else {
        return Vec::new();
    };
    let rows = table.read();
    let live = (0..rows.len()).filter_map(|at| rows.get(at).filter(|row| !row.deleted()));
    let mut found: Vec<(u32, T)> = live
        .map(|row| {
            let text = |name: &str| {
                let at = definition.position(name);
                at.and_then(|at| row.get(at)).unwrap_or_default().to_owned()
            };
            (text("SortOrder").parse().unwrap_or(u32::MAX), read(&text))
        })
        .collect();
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().map(|(_, one)| one).collect()
}

fn converted_status(model: &Model, wanted: Option<&str>) -> Result<String, ApiError> {
    let statuses = sorted(model, "LeadStatus", |text| {
        (text("MasterLabel"), text("IsConverted") == "true")
    });
    let fits = |name: &str| wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(name));
    let found = statuses
        .into_iter()
        .find(|(name, converted)| *converted && fits(name));
    found.map(|(name, _)| name).ok_or_else(|| {
        let message = format!("invalid convertedStatus: {}", wanted.unwrap_or_default());
        ApiError::bad("INVALID_STATUS", message)
    })
}

/// The first open stage.
fn first_stage(model: &Model) -> Option<String> {
    let stages = sorted(model, "OpportunityStage", |text| {
        let open = text("IsActive") == "true" && text("IsClosed") != "true";
        open.then(|| text("MasterLabel"))
    });
    stages.into_iter().flatten().next()
}

fn end_of_quarter(day: NaiveDate) -> NaiveDate {
    let next = day.month0() / 3 * 3 + 3;
    let (year, month) = (day.year() + i32::from(next == 12), next % 12 + 1);
    NaiveDate::from_ymd_opt(year, month, 1)
        .and_then(|first| first.pred_opt())
        .unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_ends_on_its_last_day() {
        for (day, end) in [
            ("2026-01-01", "2026-03-31"),
            ("2026-06-30", "2026-06-30"),
            ("2026-11-05", "2026-12-31"),
        ] {
            let day: NaiveDate = day.parse().unwrap();
            assert_eq!(end_of_quarter(day).to_string(), end);
        }
    }
}
