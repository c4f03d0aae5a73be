//! A document for people: titled parts, each a table that one named query gave.
//!
//! In: what queries returned. Out: the same as one HTML file, as Markdown or as JSON. Never: a number without the query behind it.

mod chart;
mod flow;
mod html;
mod markdown;

use serde::Serialize;

pub use html::html;
pub use markdown::markdown_document;

/// Rows of a table that a document shows; the whole is a CSV beside it.
pub const SHOWN_ROWS: usize = 200;

/// Letters of a cell that are shown at once; a list with a longer one has a CSV beside it.
const CELL_LETTERS: usize = 300;

/// A document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// What it is, such as `Scope of the migration`.
    pub title: String,
    /// Customer, run, organisation, zone: what every page says.
    pub facts: Vec<(String, String)>,
    /// Its parts in order.
    pub parts: Vec<Part>,
}

/// One question, and its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Its heading.
    pub title: String,
    /// What the table says, and how it is read.
    pub text: String,
    /// Path of the query below `queries/`.
    pub query: String,
    /// The query, as it was asked.
    pub sql: String,
    /// The answer; none if it is not known.
    pub table: Option<Table>,
    /// Why it is not known.
    pub unknown: Option<String>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// The first rows.
    pub rows: Vec<Vec<Cell>>,
    /// How many there are.
    pub total: u64,
    /// The file with all of them, beside the document.
    pub csv: Option<String>,
    /// Whether its numbers are drawn too: the first column by the last; with two texts before it, where rows went.
    pub drawn: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its heading.
    pub name: String,
    /// Whether it holds numbers.
    pub numeric: bool,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// None.
    Nothing,
    /// A whole number.
    Whole(i64),
    /// Another number.
    Decimal(f64),
    /// A text.
    Text(String),
}

impl Cell {
    /// The value as people read it: numbers with signs between thousands.
    #[must_use]
    pub fn text(&self) -> String {
        let grouped = |value: u64| super::number(value);
        match self {
            Self::Nothing => String::new(),
            Self::Whole(value) if *value < 0 => format!("-{}", grouped(value.unsigned_abs())),
            Self::Whole(value) => grouped(value.unsigned_abs()),
            Self::Decimal(value) => decimal(*value),
            Self::Text(text) => text.clone(),
        }
    }

    /// Whether a page shows it in part at first.
    #[must_use]
    pub fn is_long(&self) -> bool {
        match self {
            Self::Text(text) => text.char_indices().nth(CELL_LETTERS).is_some(),
            _ => false,
        }
    }

    /// The value as a number, for a drawing.
    fn number(&self) -> Option<f64> {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a drawing has a few hundred dots"
            )]
            Self::Whole(value) => Some(*value as f64),
            Self::Decimal(value) => Some(*value),
            _ => None,
        }
    }
}

/// A number with one digit behind the point and signs between thousands.
fn decimal(value: f64) -> String {
    let text = format!("{value:.1}");
    let (whole, digit) = text.split_once('.').unwrap_or((&text, ""));
    match whole.trim_start_matches('-').parse() {
        Ok(number) => {
            let sign = if whole.starts_with('-') { "-" } else { "" };
            format!("{sign}{}.{digit}", super::number(number))
        }
        Err(_) => text,
    }
}

#[cfg(test)]
mod tests;
