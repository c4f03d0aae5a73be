//! Fields that an object has once a setting of the org is on.
//!
//! In: an object. Out: the object with codes beside countries and states, with what says that it is a person, or with
//! counts of what an activity is related to. States are known of two countries, the United States and Australia, which share a
//! code; a real org has those of nine, and its administrator adds others.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::options::{SalesforceSimOptions, Setting};
use super::field::{FieldDefinition, FieldType, PicklistValue};
use super::object::SObject;

const COUNTRIES: &str = include_str!("countries.tsv");
const STATES: &str = include_str!("states.tsv");

/// Codes and labels of all countries.
pub(crate) fn countries() -> impl Iterator<Item = (&'static str, &'static str)> {
    COUNTRIES.lines().filter_map(|line| line.split_once('\t'))
}

/// Codes and labels of the states of a country.
pub(crate) fn states(country: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    STATES.lines().filter_map(move |line| {
        let (of, state) = line.split_once('\t')?;
        (of == country).then(|| state.split_once('\t')).flatten()
    })
}

/// Codes and labels of all states, those of one country behind each other.
fn all_states() -> impl Iterator<Item = (&'static str, &'static str)> {
    STATES
        .lines()
        .filter_map(|line| line.split_once('\t')?.1.split_once('\t'))
}

/// Which of a picklist's values may be chosen beside a state, as a describe says it: base64 of one bit for each.
pub(crate) fn valid_for(state: &PicklistValue, countries: &[PicklistValue]) -> String {
    let mut bits = vec![0_u8; countries.len().div_ceil(24) * 3];
    for (at, country) in countries.iter().enumerate() {
        let mut of_country = states(&country.value);
        if of_country.any(|known| known == (state.value.as_str(), state.label.as_str())) {
            bits[at / 8] |= 0x80 >> (at % 8);
        }
    }
    STANDARD.encode(bits)
}

/// The addresses of an object, by what the names of their fields start with.
pub(crate) fn addresses(object: &str) -> &'static [&'static str] {
    match object {
        "Account" => &["Billing", "Shipping"],
        "Contact" => &["Mailing", "Other"],
        "Lead" => &[""],
        _ => &[],
    }
}

impl SObject {
    /// What says that a record is a person, and what an account then has of its contact.
    fn add_persons(&mut self) {
        let flag = |name| read_only(name, FieldType::Boolean, Some("false"));
        match self.name.as_str() {
            "Account" => {
                let mut contact = read_only("PersonContactId", FieldType::Reference, None);
                contact.length = 18;
                contact.references = vec!["Contact".to_owned()];
                contact.relationship = Some("PersonContact".to_owned());
                self.add(contact);
                for (name, length) in [("FirstName", 40), ("LastName", 80), ("Salutation", 40)] {
                    self.add(text(name, length));
                }
                for name in PERSON_FIELDS {
                    let name = format!("Person{name}");
                    self.add(match &*name {
                        "PersonEmail" => kind(text(&name, 80), FieldType::Email),
                        "PersonBirthdate" => kind(text(&name, 0), FieldType::Date),
                        "PersonHasOptedOutOfEmail" | "PersonDoNotCall" => checkbox(&name),
                        _ => text(&name, 255),
                    });
                }
                self.add(flag("IsPersonAccount"));
            }
            "Contact" => self.add(flag("IsPersonAccount")),
            "RecordType" => self.add(flag("IsPersonType")),
            // A lead without a company becomes a person.
            "Lead" => {
                if let Some((_, company)) = self.find("Company") {
                    let mut company = company.clone();
                    company.nillable = true;
                    self.add(company);
                }
            }
            _ => {}
        }
    }

    /// Adds the fields of the settings that are on.
    pub(super) fn add_settings(&mut self, options: &SalesforceSimOptions) {
        if options.is_on(Setting::StateAndCountryPicklists) {
            for prefix in addresses(&self.name) {
                self.add(code(&format!("{prefix}CountryCode"), countries()));
                self.add(code(&format!("{prefix}StateCode"), all_states()));
            }
        }
        if options.is_on(Setting::PersonAccounts) {
            self.add_persons();
        }
        let name = self.name.as_str();
        if options.is_on(Setting::SharedActivities) && matches!(name, "Task" | "Event") {
            self.add(read_only("WhoCount", FieldType::Int, None));
            self.add(read_only("WhatCount", FieldType::Int, None));
        }
    }
}

/// Fields of contacts that a person account has under this name after `Person`.
pub(crate) const PERSON_FIELDS: [&str; 16] = [
    "Email",
    "MobilePhone",
    "HomePhone",
    "OtherPhone",
    "AssistantPhone",
    "MailingStreet",
    "MailingCity",
    "MailingState",
    "MailingPostalCode",
    "MailingCountry",
    "Title",
    "Department",
    "LeadSource",
    "Birthdate",
    "HasOptedOutOfEmail",
    "DoNotCall",
];

fn code(name: &str, values: impl Iterator<Item = (&'static str, &'static str)>) -> FieldDefinition {
    let label = super::field::label_of(name);
    let mut field = FieldDefinition::new(name, &label, FieldType::Picklist);
    field.length = 10;
    field.nillable = true;
    field.restricted = true;
    field.picklist = values
        .map(|(code, label)| PicklistValue {
            value: code.to_owned(),
            label: label.to_owned(),
            default: false,
            active: true,
        })
        .collect();
    field
}

fn text(name: &str, length: u32) -> FieldDefinition {
    let label = super::field::label_of(name);
    let mut field = FieldDefinition::new(name, &label, FieldType::String);
    field.length = length;
    field
}

fn kind(mut field: FieldDefinition, kind: FieldType) -> FieldDefinition {
    field.kind = kind;
    field
}

fn checkbox(name: &str) -> FieldDefinition {
    let mut field = kind(text(name, 0), FieldType::Boolean);
    (field.nillable, field.defaulted) = (false, true);
    field.default = Some("false".to_owned());
    field
}

fn read_only(name: &str, kind: FieldType, default: Option<&str>) -> FieldDefinition {
    let label = super::field::label_of(name);
    let mut field = FieldDefinition::new(name, &label, kind);
    (field.createable, field.updateable) = (false, false);
    (field.nillable, field.defaulted) = (default.is_none(), default.is_some());
    field.default = default.map(str::to_owned);
    field
}
