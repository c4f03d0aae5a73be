//! How the cells of one file are tidied before they are typed, by the columns that they feed.
//!
//! In: a file's plan, the table's columns, the project's words. Out: for each cell of a record what may be done to it.

use std::sync::Arc;

use super::altered::Alteration;
use crate::encode::{address_in, is_invisible};
use crate::usercom::cell::{self, Words};
use crate::usercom::layout::{FilePlan, TableColumn};
use crate::usercom::schema::ColumnKind;

/// Columns with one address each. What stands around it would keep it from being the same as another.
const ADDRESSES: [&str; 5] = [
    "email",
    "assigned_to_email",
    "created_by_email",
    "author_email",
    "from_email",
];

/// The rules of one file.
#[derive(Debug)]
pub(super) struct InputRules {
    pub(super) words: Arc<Words>,
    inputs: Vec<InputRule>,
}

#[derive(Clone, Debug, Default)]
struct InputRule {
    /// First column that the cell feeds.
    column: Option<usize>,
    /// Words that are values here, whatever they mean elsewhere.
    choices: Vec<String>,
    /// Whether `0` is nobody.
    owner: bool,
    /// Whether it is text.
    text: bool,
    /// Whether it is a number with any decimals.
    float: bool,
    /// Whether it may be several texts.
    list: bool,
    /// Whether it is a telephone number.
    phone: bool,
    /// Whether it is an e-mail address by which records are compared.
    address: bool,
}

/// What becomes of a cell: which part of it is the value, and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tidy<'a> {
    /// It is as it is.
    Kept(Option<Alteration>),
    /// A word for nothing.
    Nothing,
    /// A part of it.
    Part(&'a str),
    /// What is left of it, and why the rest is not.
    Other(String, Alteration),
}

impl InputRules {
    pub(super) fn new(plan: &FilePlan, columns: &[TableColumn], words: &Arc<Words>) -> Self {
        let mut inputs = vec![InputRule::default(); plan.inputs];
        for (index, (sources, column)) in plan.sources.iter().zip(columns).enumerate() {
            for source in sources {
                let Some(rule) = inputs.get_mut(source.input) else {
                    continue;
                };
                rule.column.get_or_insert(index);
                let choices = column.choices.iter();
                rule.choices
                    .extend(choices.map(|choice| choice.trim().to_lowercase()));
                rule.owner |= matches!(
                    column.name.as_str(),
                    "assigned_to_id" | "assigned_to_email" | "created_by_id" | "created_by_email"
                );
                rule.text |= column.kind == ColumnKind::Text;
                rule.float |= column.kind == ColumnKind::Float;
                rule.list |= matches!(column.kind, ColumnKind::TextList | ColumnKind::Choice);
                rule.address |=
                    column.kind == ColumnKind::Text && ADDRESSES.contains(&column.name.as_str());
                rule.phone |= column.kind == ColumnKind::Text
                    && ["phone", "mobile", "telefon", "fax"]
                        .iter()
                        .any(|word| column.name.contains(word));
            }
        }
        Self {
            words: Arc::clone(words),
            inputs,
        }
    }

    /// The column that speaks for a cell.
    pub(super) fn column(&self, input: usize) -> Option<usize> {
        self.inputs.get(input)?.column
    }

    /// What becomes of a cell.
    pub(super) fn tidy<'a>(&self, input: usize, text: &'a str) -> Tidy<'a> {
        let Some(rule) = self.inputs.get(input) else {
            return Tidy::Kept(None);
        };
        let bytes = text.as_bytes();
        let is_nobody = rule.owner && (bytes == b"0" || text.trim_ascii() == "0");
        if is_nobody || self.words.is_nothing(text) {
            let is_choice =
                !rule.choices.is_empty() && rule.choices.contains(&text.trim().to_lowercase());
            return if is_choice {
                Tidy::Kept(None)
            } else {
                Tidy::Nothing
            };
        }
        let Some(&first) = bytes.first() else {
            return Tidy::Kept(None);
        };
        if matches!(first, b'=' | b'\'' | b' ')
            && let Some(inner) = cell::unwrapped(text)
        {
            return Tidy::Part(inner);
        }
        if rule.address
            && let Some(address) = address_in(text)
        {
            return Tidy::Other(address, Alteration::AddressInText);
        }
        if rule.phone && !text.is_ascii() && text.contains(is_invisible) {
            let visible = text.chars().filter(|&letter| !is_invisible(letter));
            return Tidy::Other(visible.collect(), Alteration::InvisibleLetters);
        }
        if rule.phone && matches!(first, b'[' | b'{') {
            let one = cell::only(text.trim_ascii());
            if !one.starts_with(['[', '{']) {
                return Tidy::Other(one.into_owned(), Alteration::Unwrapped);
            }
        }
        if rule.text && (first.is_ascii_digit() || matches!(first, b'-' | b'+' | b' ')) {
            if rule.phone
                && let Some(whole) = cell::whole_number(text)
            {
                return Tidy::Part(whole);
            }
            if cell::is_damaged_number(text) {
                return Tidy::Kept(Some(Alteration::DamagedNumber));
            }
        }
        if rule.float && cell::loses_digits(text) {
            return Tidy::Kept(Some(Alteration::DigitsLost));
        }
        if rule.list && text.contains(['E', 'e']) && text.contains('+') {
            // What may stand between the texts of a list, or around it.
            let mut items = text.split(['{', '}', '[', ']', '"', ';', '|', ',', ' ']);
            if cell::is_damaged_number(text) || items.any(cell::is_damaged_number) {
                return Tidy::Kept(Some(Alteration::DamagedNumber));
            }
        }
        Tidy::Kept(None)
    }
}
