//! Person accounts: which account is a person, and the contact that the org keeps for it.
//!
//! In: the record types of Account. Out: which of them a new account gets, and which fields of such an account are its contact's. Fields of contacts that an administrator added, which a real account
//! shows as `…__pc`, are on the contact only.

use super::model::Model;
use super::record_types::RecordType;
use super::schema::PERSON_FIELDS;

/// Fields that account and contact have under one name.
const SHARED: [&str; 6] = [
    "FirstName",
    "LastName",
    "Salutation",
    "Phone",
    "Fax",
    "OwnerId",
];

/// The record type of an account that names none; none in an org without the setting.
pub(crate) fn default_type(model: &Model) -> Option<RecordType> {
    let types = model.record_types();
    let mut usable = types.into_iter().filter(|one| one.active);
    usable.find(RecordType::is_standard)
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
