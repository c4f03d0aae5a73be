//! The lines of deals: nested as `order_products` in JSON deals, as rows for those in CSV.
//!
//! Comes in: a deal. Goes out: its lines as text. For most deals they add up to the deal's value to the cent; with mess
//! some do not, and some have no price or nothing sold (`guide/rules.md` 10).

use super::calendar::Spelling;
use super::cell::{CellKind, write_decimal, write_number};
use super::deal::Deal;
use super::json::{JsonObject, write_list};
use super::mess;
use super::population::{Population, slot};
use super::product::{self, PRODUCTS};
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{number, text, word};

/// Most lines of one deal.
const MOST_LINES: u64 = 4;

/// Fields of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineField {
    Id,
    Deal,
    Position,
    Product,
    ProductCustomId,
    Name,
    Quantity,
    Price,
    Value,
    Currency,
}

/// CSV; lines have ids of their own there.
pub(super) const CSV: Shape<LineField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Zulu,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", LineField::Id),
        ("deal_id", LineField::Deal),
        ("position", LineField::Position),
        ("product_id", LineField::Product),
        ("product_custom_id", LineField::ProductCustomId),
        ("name", LineField::Name),
        ("quantity", LineField::Quantity),
        ("unit_price", LineField::Price),
        ("total", LineField::Value),
        ("currency", LineField::Currency),
    ],
    attributes: &[],
};

/// One line of a deal.
pub(super) struct Line {
    id: u64,
    deal: u64,
    /// From 1.
    position: u64,
    /// None: something that is no product.
    product: Option<u64>,
    /// The product is named by the client's own id.
    by_custom_id: bool,
    /// In hundredths.
    quantity: u64,
    /// Of one piece, in hundredths; with the price the value is missing too.
    price: Option<u64>,
    currency: Option<&'static str>,
}

/// The lines of a deal, for four deals of ten.
pub(super) fn lines(deal: &Deal<'_>) -> Vec<Line> {
    let population = deal.population;
    let draws = deal.draws;
    let index = deal.index;
    if deal.older || !draws.chance(slot::LINES, 400) {
        return Vec::new();
    }
    let count = 1 + draws.below(slot::LINES + 1, MOST_LINES);
    let mut rest = deal.value();
    let share = rest.map(|value| value / count);
    let mut lines = Vec::new();
    for position in 1..=count {
        let first = slot::LINES + 2 + position as u32 * 6;
        let product = draws.below(first, PRODUCTS);
        let named = !draws.chance(first + 1, 80);
        let last = position == count;
        let pieces = 1 + draws.below(first + 2, 9);
        // All but the last take a whole price; the last takes what is left, now and then as half a piece.
        let (quantity, price) = match (share, rest) {
            (_, Some(rest)) if last && draws.chance(first + 3, 100) => (50, rest * 2),
            (_, Some(rest)) if last => (100, rest),
            (Some(share), _) => (pieces * 100, share / pieces),
            _ => (pieces * 100, product::price(product)),
        };
        rest = rest.map(|rest| rest.saturating_sub(quantity * price / 100));
        let number = index * MOST_LINES + position - 1;
        lines.push(Line {
            id: population.id(Object::Line, number),
            deal: population.id(Object::Deal, index),
            position,
            product: named.then_some(product),
            by_custom_id: draws.chance(first + 4, 150),
            quantity,
            price: Some(price),
            currency: deal.currency(),
        });
    }
    spoil(deal, &mut lines);
    lines
}

fn spoil(deal: &Deal<'_>, lines: &mut [Line]) {
    let Some(first) = lines.first_mut() else {
        return;
    };
    if deal.messy(mess::LINES_OFF) {
        first.price = first.price.map(|price| price + 12_345);
    }
    if deal.messy(mess::LINE_NO_PRICE) {
        first.price = None;
    }
    if deal.messy(mess::LINE_QUANTITY_ZERO) {
        first.quantity = 0;
    }
}

/// Adds a deal's lines to the truth.
pub(super) fn count(deal: &Deal<'_>, truth: &mut FurtherTruth) {
    let lines = lines(deal);
    let table = "deal_products";
    let total: u64 = lines.iter().filter_map(Line::value).sum();
    truth.add(table, lines.len() as u64);
    let deal_differs = !lines.is_empty() && deal.value().is_some_and(|value| value != total);
    truth.note(table, "deals_with_lines", !lines.is_empty());
    truth.note(table, "deals_of_another_value", deal_differs);
    for line in &lines {
        truth.note(table, "quantity_zero", line.quantity == 0);
        truth.note(table, "price_missing", line.price.is_none());
        truth.note(table, "product_missing", line.product.is_none());
    }
}

/// A deal's lines as it has them inside.
pub(super) fn write_nested(out: &mut Vec<u8>, deal: &Deal<'_>, style: Style) -> CellKind {
    write_list(out, lines(deal), |out, line| {
        let mut object = JsonObject::new(out);
        // One of the two names the product.
        let product = if line.by_custom_id {
            ("product_custom_id", LineField::ProductCustomId)
        } else {
            ("product_id", LineField::Product)
        };
        for (key, field) in [
            product,
            ("name", LineField::Name),
            ("quantity", LineField::Quantity),
            ("price", LineField::Price),
            ("value", LineField::Value),
            ("currency", LineField::Currency),
        ] {
            object.value(key, |out| line.cell(field, style, out));
        }
        object.end();
    })
}

/// The lines of some deals, one after the other.
pub(super) fn rows(
    population: &Population,
    deals: std::ops::Range<u64>,
) -> impl Iterator<Item = Line> {
    deals.flat_map(move |index| lines(&Deal::new(population, index)))
}

impl Line {
    /// Price of all pieces, in hundredths.
    fn value(&self) -> Option<u64> {
        self.price.map(|price| price * self.quantity / 100)
    }
}

fn money(out: &mut Vec<u8>, hundredths: Option<u64>) -> CellKind {
    match hundredths {
        Some(hundredths) => {
            write_decimal(out, hundredths);
            CellKind::Plain
        }
        None => CellKind::Empty,
    }
}

impl Record for Line {
    type Column = LineField;

    fn cell(&self, field: LineField, _style: Style, out: &mut Vec<u8>) -> CellKind {
        match field {
            LineField::Id => number(out, self.id),
            LineField::Deal => number(out, self.deal),
            LineField::Position => number(out, self.position),
            LineField::Product => match self.product {
                Some(product) if !self.by_custom_id => number(out, product::id(product)),
                _ => CellKind::Empty,
            },
            LineField::ProductCustomId => match self.product {
                Some(product) if self.by_custom_id => product::write_custom_id(out, product),
                _ => CellKind::Empty,
            },
            LineField::Name => match self.product {
                Some(product) => product::write_name(out, product),
                None => text(out, "Prace dodatkowe, wg ustaleń"),
            },
            LineField::Quantity if self.quantity.is_multiple_of(100) => {
                number(out, self.quantity / 100)
            }
            LineField::Quantity => {
                write_number(out, self.quantity / 100);
                out.extend_from_slice(b".5");
                CellKind::Literal
            }
            LineField::Price => money(out, self.price),
            LineField::Value => money(out, self.value()),
            LineField::Currency => match self.currency {
                Some(currency) => word(out, currency),
                None => CellKind::Empty,
            },
        }
    }
}
