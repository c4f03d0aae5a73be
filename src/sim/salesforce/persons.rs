//! Person accounts: which account is a person, and the contact that the org keeps for it.
//!
//! In: the record types of Account. Out: the two that an org with the setting has, which of them a new account gets, and
//! which fields of such an account are its contact's. Fields of contacts that an administrator added, which a real account
//! shows as `…__pc`, are on the contact only.

use std::io;
use std::sync::Arc;

use super::model::Model;
use super::options::Setting;
use super::org::Org;
use super::record_types::RecordType;
use super::schema::PERSON_FIELDS;
use super::upkeep;

/// Record types of the org itself: developer name, label, whether its accounts are persons. The first one is the
/// default as long as it is active.
const RECORD_TYPES: [(&str, &str, &str); 2] = [
    ("Business_Account", "Business Account", "false"),
    ("PersonAccount", "Person Account", "true"),
];

/// Fields that account and contact have under one name.
const SHARED: [&str; 6] = [
    "FirstName",
    "LastName",
    "Salutation",
    "Phone",
    "Fax",
    "OwnerId",
];

/// Makes the record types of an org with the setting.
pub(crate) fn ensure(org: &Arc<Org>) -> io::Result<()> {
    if !org.options.is_on(Setting::PersonAccounts) {
        return Ok(());
    }
    for (developer_name, name, person) in RECORD_TYPES {
        let keys = [
            ("SobjectType", "Account"),
            ("DeveloperName", developer_name),
        ];
        if org.model().rows_with("RecordType", &keys).is_empty() {
            let values = [
                ("Name", name),
                ("IsActive", "true"),
                ("IsPersonType", person),
            ];
            upkeep::insert(org, "RecordType", &[&keys[..], &values].concat())?;
        }
    }
    Ok(())
}

/// Whether a record type is one that every profile has.
pub(crate) fn is_standard(one: &RecordType) -> bool {
    let mut known = RECORD_TYPES.iter();
    one.object == "Account" && known.any(|(name, _, _)| one.developer_name == *name)
}

/// The record type of an account that names none; none in an org without the setting.
pub(crate) fn default_type(model: &Model) -> Option<RecordType> {
    let types = model.record_types();
    let mut usable = types.into_iter().filter(|one| one.active);
    usable.find(is_standard)
}

/// The record type of a person account that names none.
pub(crate) fn person_type(model: &Model) -> Option<RecordType> {
    let types = model.record_types();
    types.into_iter().find(|one| one.active && one.person)
}

/// What account and contact share: the field of the account and that of the contact.
pub(crate) fn mirrored() -> impl Iterator<Item = (String, &'static str)> {
    let own = SHARED.into_iter().map(|name| (name.to_owned(), name));
    own.chain(only_persons())
}

/// Fields of accounts that only persons have.
pub(crate) fn only_persons() -> impl Iterator<Item = (String, &'static str)> {
    let prefixed = PERSON_FIELDS.into_iter();
    prefixed.map(|name| (format!("Person{name}"), name))
}
