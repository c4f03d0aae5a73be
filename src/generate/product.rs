//! The products of the account: twenty-five, whatever the size of the export.
//!
//! Comes in: the population, for times only. Goes out: `products.csv`, and the name, code and price of any of them.

use super::calendar::Spelling;
use super::cell::{CellKind, write_decimal, write_number};
use super::entry::Entry;
use super::phrases::{PRODUCT_EDITIONS, PRODUCT_LINES};
use super::population::Population;
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::value::{Speller, number, text, word};

/// How many there are.
pub(super) const PRODUCTS: u64 = (PRODUCT_LINES.len() * PRODUCT_EDITIONS.len()) as u64;

/// Fields of a product. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProductField {
    Id,
    CustomId,
    Name,
    Code,
    Description,
    Family,
    Price,
    Currency,
    Active,
    CreatedAt,
    UpdatedAt,
}

/// CSV.
pub(super) const CSV: Shape<ProductField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Zulu,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", ProductField::Id),
        ("custom_id", ProductField::CustomId),
        ("name", ProductField::Name),
        ("sku", ProductField::Code),
        ("description", ProductField::Description),
        ("category", ProductField::Family),
        ("unit_price", ProductField::Price),
        ("currency", ProductField::Currency),
        ("is_active", ProductField::Active),
        ("created_at", ProductField::CreatedAt),
        ("updated_at", ProductField::UpdatedAt),
    ],
    attributes: &[],
};

/// Id of product `index`.
pub(super) fn id(index: u64) -> u64 {
    801 + index
}

fn line(index: u64) -> &'static str {
    PRODUCT_LINES[index as usize % PRODUCT_LINES.len()]
}

/// Name of product `index`.
pub(super) fn write_name(out: &mut Vec<u8>, index: u64) -> CellKind {
    let edition = index as usize / PRODUCT_LINES.len() % PRODUCT_EDITIONS.len();
    text(out, line(index));
    out.push(b' ');
    text(out, PRODUCT_EDITIONS[edition])
}

/// The client's own id of product `index`.
pub(super) fn write_custom_id(out: &mut Vec<u8>, index: u64) -> CellKind {
    out.extend_from_slice(b"P-");
    write_number(out, 100 + index);
    CellKind::Plain
}

/// Price in hundredths.
pub(super) fn price(index: u64) -> u64 {
    4_900 + index * 12_350
}

/// One product.
pub(super) struct Product<'a> {
    entry: Entry<'a>,
}

impl<'a> Product<'a> {
    /// Product `index`.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        // Only its times are drawn, so it may share the draws of lines.
        Self {
            entry: Entry::new(population, Object::Line, index),
        }
    }
}

impl Record for Product<'_> {
    type Column = ProductField;

    fn cell(&self, field: ProductField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let entry = &self.entry;
        let index = entry.index;
        let bits = entry.draws.bits(field as u32 * 4);
        let speller = Speller {
            style,
            mess: entry.population.mess,
        };
        match field {
            ProductField::Id => number(out, id(index)),
            ProductField::CustomId => write_custom_id(out, index),
            ProductField::Name => write_name(out, index),
            ProductField::Code => {
                out.extend_from_slice(b"NB/");
                write_number(out, 1_000 + index * 7);
                CellKind::Plain
            }
            ProductField::Description if index % 4 == 1 => {
                text(out, "Zawiera aktualizacje; \"support\" 8–16")
            }
            ProductField::Description => CellKind::Empty,
            ProductField::Family => text(out, line(index)),
            ProductField::Price => {
                write_decimal(out, price(index));
                CellKind::Plain
            }
            ProductField::Currency => word(out, if index % 6 == 5 { "EUR" } else { "PLN" }),
            ProductField::Active => speller.boolean(out, index % 9 != 8, bits),
            ProductField::CreatedAt => entry.write_created(out, speller, bits),
            ProductField::UpdatedAt => entry.write_updated(out, speller, bits),
        }
    }
}
