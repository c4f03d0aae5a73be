//! The objects of the org and their fields: what describe shows and what writes are checked against.
//!
//! In: the standard objects compiled in as data ([`standard`]), then fields and objects that were deployed. Out:
//! [`Schema`], an immutable snapshot; a deployment makes a new one. Fields are only ever appended, and a
//! deleted one leaves its place empty, so a field's number stays valid for every row written before. Holds no rows and knows no users.

mod currency;
mod custom;
mod definition;
mod field;
mod object;
mod settings;
mod snapshot;
mod standard;

pub(crate) use currency::CURRENCIES;
pub(crate) use definition::CustomObject;
pub(crate) use field::{
    FieldDefinition, FieldType, Grant, OnDelete, PicklistValue, RECORD_TYPE, System,
};
pub(crate) use object::{SObject, Verbs};
pub(crate) use settings::{PERSON_FIELDS, addresses, countries, states, valid_for};
pub(crate) use snapshot::Schema;
pub(crate) use standard::standard;
