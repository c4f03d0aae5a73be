//! The currency of rows in an org that has several.
//!
//! In: an object. Out: the object with `CurrencyIsoCode`, if rows of it have a currency. Which objects those are is not
//! in the reference: all that hold money, and activities.

use super::field::{FieldDefinition, FieldType, PicklistValue};
use super::object::SObject;

/// Active currencies of a new org: code, units for one unit of the corporate currency.
pub(crate) const CURRENCIES: [(&str, &str); 3] = [("EUR", "1"), ("USD", "1.08"), ("PLN", "4.3")];

impl SObject {
    /// Adds the field. It is restricted, and filled with the corporate currency if it is not sent.
    pub(super) fn add_currency(&mut self) {
        if !self.verbs.currency {
            return;
        }
        let mut field =
            FieldDefinition::new("CurrencyIsoCode", "Currency ISO Code", FieldType::Picklist);
        field.length = 3;
        field.defaulted = true;
        field.restricted = true;
        field.default = Some("EUR".to_owned());
        field.picklist = CURRENCIES
            .iter()
            .map(|(code, _)| PicklistValue {
                value: (*code).to_owned(),
                label: (*code).to_owned(),
                default: *code == "EUR",
                active: true,
            })
            .collect();
        // A line has the currency of its opportunity.
        if self.name == "OpportunityLineItem" {
            (field.createable, field.updateable, field.default) = (false, false, None);
        }
        self.add(field);
    }
}
