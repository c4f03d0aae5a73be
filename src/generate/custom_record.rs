//! One record of a custom object, and the file shape of each object.
//!
//! Comes in: the population, an object's definition and a number. Goes out: fields as text, each by its declared type.
//! Subscription and invoice of the same number refer to each other; an asset is part of an earlier one.

use super::calendar::{DAY, Spelling, write_date};
use super::cell::{CellKind, write_decimal, write_number};
use super::custom_object::{ASSET, Definition, INVOICE, SUBSCRIPTION, Type};
use super::entry::{Entry, some_person};
use super::json::JsonObject;
use super::mess;
use super::person::Person;
use super::population::{Population, slot};
use super::prose;
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number, some_of, text};

/// Fields of a record. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CustomRecordField {
    Id,
    Name,
    AssignedTo,
    CreatedAt,
    UpdatedAt,
    /// A key that the definition does not have.
    Legacy,
    /// A declared field, by its position.
    Declared(usize),
}

const CSV: Style = Style {
    format: Format::Csv,
    dialect: Dialect::V2,
    spelling: Spelling::Zulu,
};

/// Columns of a file: the usual ones around the declared ones. The names are those of the definition, which a test
/// compares.
macro_rules! columns {
    ($($name:literal = $position:literal),* $(,)? $(; $more:literal)?) => {
        &[
            ("id", CustomRecordField::Id),
            ("name", CustomRecordField::Name),
            $(($name, CustomRecordField::Declared($position)),)*
            ("assigned_to", CustomRecordField::AssignedTo),
            $(($more, CustomRecordField::Legacy),)?
            ("created_at", CustomRecordField::CreatedAt),
            ("updated_at", CustomRecordField::UpdatedAt),
        ]
    };
}

/// `co_subscription.csv`.
pub(super) const SUBSCRIPTION_CSV: Shape<CustomRecordField> = Shape {
    style: CSV,
    mark: false,
    crlf: false,
    columns: columns!(
        "subscriber" = 0,
        "customer" = 1,
        "last_invoice" = 2,
        "plan" = 3,
        "addons" = 4,
        "monthly_fee" = 5,
        "seats" = 6,
        "starts_on" = 7,
        "auto_renew" = 8,
    ),
    attributes: &[],
};

/// `co_invoice.jsonl`.
pub(super) const INVOICE_JSON: Shape<CustomRecordField> = Shape {
    style: Style {
        format: Format::JsonLines,
        spelling: Spelling::ZuluMicros,
        ..CSV
    },
    mark: false,
    crlf: false,
    columns: columns!(
        "subscription" = 0,
        "billed_company" = 1,
        "issued_on" = 2,
        "paid_at" = 3,
        "net_amount" = 4,
        "paid" = 5,
        "payment_method" = 6,
        "positions" = 7,
    ),
    attributes: &[],
};

/// `co_asset.csv`.
pub(super) const ASSET_CSV: Shape<CustomRecordField> = Shape {
    style: CSV,
    mark: true,
    crlf: true,
    columns: columns!(
        "parent_asset" = 0,
        "holder" = 1,
        "serial_number" = 2,
        "in_use" = 3,
        "units" = 4,
        "purchase_price" = 5,
        "purchased_on" = 6,
        "serviced_at" = 7,
        "condition" = 8,
        "labels" = 9,
        "manual" = 10,
        "specification" = 11,
        ; "legacy_code"
    ),
    attributes: &[],
};

/// One record.
pub(super) struct CustomRecord<'a> {
    entry: Entry<'a>,
    definition: &'static Definition,
    person: Option<u64>,
    company: Option<u64>,
}

impl<'a> CustomRecord<'a> {
    /// Subscription `index`.
    pub(super) fn subscription(population: &'a Population, index: u64) -> Self {
        Self::new(population, &SUBSCRIPTION, index)
    }

    /// Invoice `index`.
    pub(super) fn invoice(population: &'a Population, index: u64) -> Self {
        Self::new(population, &INVOICE, index)
    }

    /// Asset `index`.
    pub(super) fn asset(population: &'a Population, index: u64) -> Self {
        Self::new(population, &ASSET, index)
    }

    fn new(population: &'a Population, definition: &'static Definition, index: u64) -> Self {
        let entry = Entry::new(population, definition.object, index);
        // An invoice goes to the company of its subscription.
        let draws = population.draws(Object::Subscription, index);
        let person = (population.people > 0).then(|| some_person(population, draws, slot::SUBJECT));
        let company = person.and_then(|person| {
            let person = Person::new(population, person);
            person.companies().first().copied()
        });
        Self {
            entry,
            definition,
            person,
            company,
        }
    }

    /// Adds it to the truth.
    pub(super) fn count(&self, truth: &mut FurtherTruth) {
        let table = self.definition.table;
        truth.add(table, 1);
        let gone = self.messy(Object::Invoice, mess::INVOICE_SUBSCRIPTION_GONE);
        truth.note(table, "subscription_missing", gone);
        let own = self.messy(Object::Asset, mess::ASSET_SELF);
        truth.note(table, "own_parent", own);
    }

    fn messy(&self, object: Object, every: mess::Every) -> bool {
        self.definition.object == object && self.entry.messy(every)
    }

    /// The id that a reference to `object` holds.
    fn reference(&self, object: Object, filled: bool) -> Option<u64> {
        let population = self.entry.population;
        let index = self.entry.index;
        let target = match object {
            Object::Person => self.person,
            Object::Company => self.company,
            Object::Subscription
                if self.messy(Object::Invoice, mess::INVOICE_SUBSCRIPTION_GONE) =>
            {
                Some(population.further.custom + 1_000)
            }
            Object::Asset if self.messy(Object::Asset, mess::ASSET_SELF) => Some(index),
            Object::Asset if index > 0 && filled => Some(self.entry.draws.below(slot::KIND, index)),
            Object::Subscription => Some(index),
            Object::Invoice if filled => Some(index),
            _ => None,
        };
        target.map(|target| population.id(object, target))
    }

    fn write_declared(
        &self,
        out: &mut Vec<u8>,
        kind: Type,
        speller: Speller,
        (own, bits): (u32, u64),
    ) -> CellKind {
        let draws = self.entry.draws;
        let filled = draws.chance(own + 1, 800);
        match kind {
            Type::Reference(object) => match self.reference(object, filled) {
                Some(id) => number(out, id),
                None => CellKind::Empty,
            },
            Type::Choice(choices) => speller.choice(out, draws.word(own + 2, choices), bits),
            Type::Choices(choices) => {
                let mut chosen = [""; 3];
                let items = some_of(choices, (bits >> 40) % 4, bits >> 50, &mut chosen);
                speller.texts(out, items, bits)
            }
            Type::Date => {
                write_date(out, self.entry.created_at / DAY + (bits % 40) as i64);
                CellKind::Plain
            }
            _ if !filled => CellKind::Empty,
            Type::Boolean => speller.boolean(out, draws.chance(own + 2, 600), bits),
            Type::Integer => number(out, bits % 240),
            Type::Float => {
                write_decimal(out, bits % 900_000);
                CellKind::Literal
            }
            Type::DateTime => {
                let later = (bits >> 44) as i64 % (30 * DAY);
                speller.instant(out, self.entry.created_at + later, bits)
            }
            Type::String => {
                out.extend_from_slice(b"SN/");
                write_number(out, bits % 1_000_000);
                CellKind::Plain
            }
            Type::Text => {
                prose::write_note(out, bits);
                CellKind::Text
            }
            Type::Json => write_json(out, speller.style, bits),
        }
    }
}

fn write_json(out: &mut Vec<u8>, style: Style, bits: u64) -> CellKind {
    let mut object = JsonObject::new(out);
    object.number("weight", Some(bits % 50));
    object.text(
        "colour",
        if bits.is_multiple_of(2) {
            "żółty"
        } else {
            "grey, \"dark\""
        },
    );
    object.value("ports", |out| {
        out.extend_from_slice(b"[80,443]");
        CellKind::Literal
    });
    object.end();
    if style.is_csv() {
        CellKind::Text
    } else {
        CellKind::Literal
    }
}

impl Record for CustomRecord<'_> {
    type Column = CustomRecordField;

    fn cell(&self, field: CustomRecordField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let entry = &self.entry;
        let own = match field {
            CustomRecordField::Id => 0,
            CustomRecordField::Name => 4,
            CustomRecordField::AssignedTo => 8,
            CustomRecordField::CreatedAt => 12,
            CustomRecordField::UpdatedAt => 16,
            CustomRecordField::Legacy => 20,
            CustomRecordField::Declared(position) => 24 + position as u32 * 4,
        };
        let bits = entry.draws.bits(own);
        let speller = Speller {
            style,
            mess: entry.population.mess,
        };
        match field {
            CustomRecordField::Id => number(out, entry.id),
            CustomRecordField::Name => {
                let prefix = match self.definition.object {
                    Object::Subscription => "Abonament nr ",
                    Object::Invoice => "FV/2025/",
                    _ => "Asset ",
                };
                text(out, prefix);
                write_number(out, entry.index + 1);
                CellKind::Text
            }
            CustomRecordField::AssignedTo => speller.agent(out, entry.agent(own + 1, 850), bits),
            CustomRecordField::CreatedAt => entry.write_created(out, speller, bits),
            CustomRecordField::UpdatedAt => entry.write_updated(out, speller, bits),
            CustomRecordField::Legacy if bits.is_multiple_of(4) => text(out, "OLD-7, \"b\""),
            CustomRecordField::Legacy => CellKind::Empty,
            CustomRecordField::Declared(position) => match self.definition.fields.get(position) {
                Some(declared) => self.write_declared(out, declared.kind, speller, (own, bits)),
                None => CellKind::Empty,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_declared_fields_in_order() {
        for (definition, shape) in [
            (&SUBSCRIPTION, &SUBSCRIPTION_CSV),
            (&INVOICE, &INVOICE_JSON),
            (&ASSET, &ASSET_CSV),
        ] {
            let declared: Vec<&str> = definition.fields.iter().map(|field| field.name).collect();
            let mut written = Vec::new();
            for (header, field) in shape.columns {
                if let CustomRecordField::Declared(position) = field {
                    assert_eq!(*position, written.len());
                    written.push(*header);
                }
            }
            assert_eq!(written, declared);
        }
    }
}
