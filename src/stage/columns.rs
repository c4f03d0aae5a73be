//! Typed columns from cells, one column at a time.
//!
//! In: a [`CellTable`], the rows to keep, and the cells that feed the column, best first. Out: an Arrow array, null where
//! there is nothing or where a cell did not fit, and a fault for each of the latter. The first source that has a
//! value wins; one that disagrees with it is a fault, so that nothing is dropped unseen.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    ListBuilder, StringBuilder, TimestampMicrosecondBuilder, new_null_array,
};
use arrow::error::ArrowError;

use super::altered::{Alteration, AlteredCell};
use super::cells::CellTable;
use crate::usercom::cell::{self, Currency, Fault, Words, Zones};
use crate::usercom::layout::{Source, TableColumn};
use crate::usercom::schema::{ColumnKind, MONEY_PRECISION, MONEY_SCALE, Take};

/// A cell that did not fit.
#[derive(Clone, Copy, Debug)]
pub(super) struct CellFault {
    /// Row in the cell table.
    pub(super) row: u32,
    /// Cell of that row.
    pub(super) input: usize,
    /// Column of the table.
    pub(super) column: usize,
    pub(super) fault: Fault,
}

/// What one column is built from.
pub(super) struct Feed<'a> {
    pub(super) table: &'a CellTable,
    /// Rows to keep.
    pub(super) rows: &'a [u32],
    pub(super) sources: &'a [Source],
    /// Index of the column, for faults.
    pub(super) column: usize,
    pub(super) zones: Zones,
    pub(super) words: &'a Words,
    /// Whether a record without an opt-out counts as opted out.
    pub(super) missing_opt_out: bool,
}

/// What is to be said about the cells of a block besides their values.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// Cells that did not fit.
    pub(super) faults: Vec<CellFault>,
    /// Opt-outs that count as such though the cell does not say so, and sums that are none.
    pub(super) altered: Vec<AlteredCell>,
    /// Words for nothing inside lists and references, by column.
    pub(super) nothing: Vec<u64>,
}

/// Builds the array of one column.
pub(super) fn build(
    feed: &Feed<'_>,
    column: &TableColumn,
    remarks: &mut Remarks,
) -> Result<ArrayRef, ArrowError> {
    let rows = feed.rows.len();
    let words = feed.words;
    let inner_nothing = Cell::new(0);
    if feed.sources.is_empty() {
        return Ok(new_null_array(&column.kind.data_type(), rows));
    }
    let zones = feed.zones;
    let faults = &mut remarks.faults;
    // A word for nothing that is a part of a cell; whole cells are empty already.
    let something = |text: &str| {
        let nothing = words.is_nothing(text) && !column.choices.iter().any(|choice| choice == text);
        inner_nothing.set(inner_nothing.get() + u64::from(nothing));
        !nothing
    };
    let array: ArrayRef = match column.kind {
        ColumnKind::Key | ColumnKind::Integer | ColumnKind::BlobSize => {
            let mut builder = Int64Builder::with_capacity(rows);
            feed.values(faults, integer, |value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        ColumnKind::Float => {
            let mut builder = Float64Builder::with_capacity(rows);
            feed.values(faults, whole(cell::float), |value| {
                builder.append_option(value)
            });
            Arc::new(builder.finish())
        }
        ColumnKind::Percent => {
            let mut builder = Float64Builder::with_capacity(rows);
            feed.values(faults, whole(cell::percent), |value| {
                builder.append_option(value)
            });
            Arc::new(builder.finish())
        }
        ColumnKind::Money => {
            let mut builder = Decimal128Builder::with_capacity(rows)
                .with_precision_and_scale(MONEY_PRECISION, MONEY_SCALE)?;
            let before = faults.len();
            feed.values(faults, whole(cell::sum), |value| {
                builder.append_option(value)
            });
            let unread = faults[before..].iter();
            let unread = unread.filter(|fault| fault.fault != Fault::ConflictingValue);
            let unread =
                unread.map(|fault| feed.altered(fault.row, fault.input, Alteration::SumUnreadable));
            remarks.altered.extend(unread);
            Arc::new(builder.finish())
        }
        ColumnKind::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(rows);
            feed.values(faults, whole(|text| truth(text, words)), |value| {
                builder.append_option(value)
            });
            Arc::new(builder.finish())
        }
        ColumnKind::OptOut => feed.opt_outs(remarks),
        ColumnKind::Currency => feed.currencies(remarks),
        ColumnKind::Timestamp => {
            let mut builder = TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC");
            let parse = whole(|text: &str| cell::timestamp(text, zones.source));
            feed.values(faults, parse, |value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        ColumnKind::Date => {
            let mut builder = Date32Builder::with_capacity(rows);
            let parse = whole(|text: &str| cell::date(text, zones));
            feed.values(faults, parse, |value| builder.append_option(value));
            Arc::new(builder.finish())
        }
        ColumnKind::Text
        | ColumnKind::Choice
        | ColumnKind::Code(_)
        | ColumnKind::BlobName
        | ColumnKind::BlobChecksum => {
            let mut builder = StringBuilder::with_capacity(rows, rows * 16);
            let kind = column.kind;
            let append = |value: Option<Cow<'_, str>>| builder.append_option(value);
            match kind {
                ColumnKind::Code(table) => feed.values(
                    faults,
                    |text, source| {
                        part(text, source).map_or(Ok(None), |text| table.word(&text).map(Some))
                    },
                    append,
                ),
                ColumnKind::Choice => feed.values(faults, choice, append),
                _ => feed.values(
                    faults,
                    |text, source| {
                        let is_part = source.take != Take::Whole;
                        let something = |text: &Cow<'_, str>| !is_part || something(text);
                        Ok(part(text, source).filter(something))
                    },
                    append,
                ),
            }
            Arc::new(builder.finish())
        }
        ColumnKind::TextList => feed.text_list(&column.choices, something, remarks),
        ColumnKind::IdList => feed.id_list(faults),
    };
    if let Some(count) = remarks.nothing.get_mut(feed.column) {
        *count += inner_nothing.get();
    }
    Ok(array)
}

/// Yes or no, also in the project's words.
fn truth(text: &str, words: &Words) -> Result<bool, Fault> {
    cell::boolean(text).or_else(|fault| words.truth(text).ok_or(fault))
}

/// A parser of whole cells as one of cells and sources.
fn whole<T>(
    parse: impl Fn(&str) -> Result<T, Fault>,
) -> impl Fn(&str, Source) -> Result<Option<T>, Fault> {
    move |text, _| parse(text).map(Some)
}

pub(super) fn integer(text: &str, source: Source) -> Result<Option<i64>, Fault> {
    match source.take {
        Take::Id => match cell::reference_id(text) {
            None if source.strict => Err(Fault::NotAnId),
            found => Ok(found),
        },
        Take::Key => Ok(cell::reference_key(text)),
        // What is wrong with the list itself, the column of all its ids tells.
        Take::FirstId => Ok(cell::first(text)
            .ok()
            .flatten()
            .and_then(|first| cell::reference_id(&first))),
        _ => cell::integer(text).map(Some),
    }
}

fn choice(text: &str, source: Source) -> Result<Option<Cow<'_, str>>, Fault> {
    match source.take {
        Take::Whole => cell::choice(text).map(|value| value.filter(|value| !value.is_empty())),
        _ => Ok(part(text, source)),
    }
}

/// What a column takes of a cell, as text.
pub(super) fn text_of(text: &str, source: Source) -> Option<Cow<'_, str>> {
    match source.take {
        Take::Id | Take::Key | Take::FirstId => {
            let id = integer(text, source).ok().flatten()?;
            Some(Cow::Owned(id.to_string()))
        }
        _ => part(text, source),
    }
}

/// The part of a cell that a text column takes.
fn part(text: &str, source: Source) -> Option<Cow<'_, str>> {
    match source.take {
        Take::Text(key) => cell::reference_text(text, key),
        Take::KeyText => cell::reference_key_text(text),
        Take::Field(key) => cell::reference_field(text, key),
        Take::Email => cell::reference_email(text),
        Take::FirstText(key) => {
            let first = cell::first(text).ok().flatten()?;
            cell::reference_text(&first, key).map(|text| Cow::Owned(text.into_owned()))
        }
        _ => Some(Cow::Borrowed(text)),
    }
}

fn is_blank(text: &str) -> bool {
    text.is_empty() || (text.as_bytes()[0] <= b' ' && text.trim_ascii().is_empty())
}

impl<'a> Feed<'a> {
    fn fault(&self, faults: &mut Vec<CellFault>, row: u32, input: usize, fault: Fault) {
        faults.push(CellFault {
            row,
            input,
            column: self.column,
            fault,
        });
    }

    /// Appends one value or null per row.
    fn values<T: PartialEq>(
        &self,
        faults: &mut Vec<CellFault>,
        parse: impl Fn(&'a str, Source) -> Result<Option<T>, Fault>,
        mut append: impl FnMut(Option<T>),
    ) {
        let read = |faults: &mut Vec<CellFault>, row: u32, source: Source| -> Option<T> {
            let text = self.table.cell(row as usize, source.input);
            if is_blank(text) {
                return None;
            }
            let parsed = if cell::is_na(text) {
                Err(Fault::LiteralNa)
            } else {
                parse(text, source)
            };
            parsed.unwrap_or_else(|fault| {
                self.fault(faults, row, source.input, fault);
                None
            })
        };
        if let [source] = self.sources {
            for &row in self.rows {
                append(read(faults, row, *source));
            }
            return;
        }
        for &row in self.rows {
            let mut winner: Option<T> = None;
            for &source in self.sources {
                let value = read(faults, row, source);
                match (&winner, value) {
                    (_, None) => {}
                    (None, found) => winner = found,
                    (Some(kept), Some(other)) => {
                        if *kept != other && !self.is_fallback(row, source) {
                            self.fault(faults, row, source.input, Fault::ConflictingValue);
                        }
                    }
                }
            }
            append(winner);
        }
    }

    /// Whether a cell is a list of references of which the column would take the first if it had nothing better;
    /// nothing is lost then, since another column has the list.
    fn is_fallback(&self, row: u32, source: Source) -> bool {
        let is_list = || {
            self.table
                .cell(row as usize, source.input)
                .trim_ascii_start()
                .starts_with(['[', '{'])
        };
        match source.take {
            Take::FirstId => true,
            Take::FirstText(_) => is_list(),
            _ => false,
        }
    }

    /// The first source with something in it, and faults for those that say something else.
    fn list_cell(&self, row: u32, faults: &mut Vec<CellFault>) -> Option<(&'a str, Source)> {
        let mut winner: Option<(&str, Source)> = None;
        for &source in self.sources {
            let text = self.table.cell(row as usize, source.input);
            if is_blank(text) {
                continue;
            }
            match winner {
                None => winner = Some((text, source)),
                Some((kept, _)) if kept.trim() == text.trim() => {}
                Some(_) => self.fault(faults, row, source.input, Fault::ConflictingValue),
            }
        }
        winner
    }

    /// The currency that a record names, or else that of its sum; a sum in another one, or in one that its sign does not tell, is
    /// noted.
    fn currencies(&self, remarks: &mut Remarks) -> ArrayRef {
        let mut builder = StringBuilder::with_capacity(self.rows.len(), self.rows.len() * 3);
        for &row in self.rows {
            let mut named: Option<Cow<'a, str>> = None;
            for source in self.sources {
                let text = self.table.cell(row as usize, source.input);
                if is_blank(text) {
                    continue;
                }
                if source.take == Take::Whole {
                    named.get_or_insert_with(|| in_words(text));
                    continue;
                }
                let Some(of_sum) = cell::currency_of(text) else {
                    continue;
                };
                let agrees = match (&named, of_sum.code()) {
                    (Some(named), _) => of_sum.agrees(&Currency::named(named)),
                    (None, Some(code)) => {
                        named = Some(Cow::Owned(code.to_owned()));
                        true
                    }
                    (None, None) => false,
                };
                if !agrees {
                    self.fault(
                        &mut remarks.faults,
                        row,
                        source.input,
                        Fault::ConflictingValue,
                    );
                    remarks.altered.push(self.altered(
                        row,
                        source.input,
                        Alteration::SumInAnotherCurrency,
                    ));
                }
            }
            builder.append_option(named);
        }
        Arc::new(builder.finish())
    }

    fn altered(&self, row: u32, input: usize, alteration: Alteration) -> AlteredCell {
        AlteredCell {
            row,
            input,
            alteration,
            value: self.table.cell(row as usize, input).to_owned(),
        }
    }

    /// Opt-outs: what cannot be read, or is missing where the file has the column, counts as one and is noted
    /// (`guide/rules.md` 34).
    fn opt_outs(&self, remarks: &mut Remarks) -> ArrayRef {
        let mut builder = BooleanBuilder::with_capacity(self.rows.len());
        for &row in self.rows {
            let mut said: Option<bool> = None;
            let mut doubt = None;
            for source in self.sources {
                let text = self.table.cell(row as usize, source.input);
                if is_blank(text) {
                    doubt = doubt.or(Some((source.input, Alteration::OptOutMissing)));
                    continue;
                }
                match truth(text, self.words) {
                    Ok(opted_out) => said = Some(said.unwrap_or(false) || opted_out),
                    Err(fault) => {
                        self.fault(&mut remarks.faults, row, source.input, fault);
                        doubt = Some((source.input, Alteration::OptOutUnreadable));
                        said = None;
                        break;
                    }
                }
            }
            let (opted_out, doubt) = match (said, doubt) {
                (Some(said), _) => (Some(said), None),
                (None, Some((_, Alteration::OptOutMissing))) if !self.missing_opt_out => {
                    (None, None)
                }
                (None, doubt) => (Some(true), doubt),
            };
            if let Some((input, alteration)) = doubt {
                remarks.altered.push(self.altered(row, input, alteration));
            }
            builder.append_option(opted_out);
        }
        Arc::new(builder.finish())
    }

    fn text_list(
        &self,
        choices: &[String],
        something: impl Fn(&str) -> bool,
        remarks: &mut Remarks,
    ) -> ArrayRef {
        let mut builder = ListBuilder::new(StringBuilder::with_capacity(
            self.rows.len(),
            self.rows.len() * 8,
        ));
        let mut values: Vec<Cow<'_, str>> = Vec::new();
        for &row in self.rows {
            values.clear();
            if let Some((text, source)) = self.list_cell(row, &mut remarks.faults) {
                match cell::texts(text, choices, &mut values) {
                    Ok(false) => {}
                    Ok(true) => {
                        let left_out = self.altered(row, source.input, Alteration::NaItem);
                        remarks.altered.push(left_out);
                    }
                    Err(fault) => {
                        values.clear();
                        self.fault(&mut remarks.faults, row, source.input, fault);
                    }
                }
            }
            // Salesforce leaves a blank item out by itself.
            values.retain(|value| !value.trim().is_empty() && something(value));
            for value in &values {
                builder.values().append_value(value);
            }
            builder.append(!values.is_empty());
        }
        Arc::new(builder.finish())
    }

    fn id_list(&self, faults: &mut Vec<CellFault>) -> ArrayRef {
        let mut builder = ListBuilder::new(Int64Builder::with_capacity(self.rows.len()));
        let mut values: Vec<i64> = Vec::new();
        for &row in self.rows {
            values.clear();
            if let Some((text, source)) = self.list_cell(row, faults) {
                let parsed = match source.take {
                    Take::Key => cell::keys(text, &mut values),
                    _ => cell::ids(text, &mut values),
                };
                // A single name is taken by another column, if there is one that takes names.
                let lost =
                    parsed.is_ok() && values.is_empty() && source.strict && !is_empty_list(text);
                let fault = if lost {
                    Some(Fault::NotAnId)
                } else {
                    parsed.err()
                };
                if let Some(fault) = fault {
                    values.clear();
                    self.fault(faults, row, source.input, fault);
                }
            }
            builder.values().append_slice(&values);
            builder.append(!values.is_empty());
        }
        Arc::new(builder.finish())
    }
}

/// A currency of a column of its own: a sign or a name that means one is that one's code, anything else stays as it is.
fn in_words(text: &str) -> Cow<'_, str> {
    match Currency::named(text) {
        sign @ Currency::Sign(_) => match sign.code() {
            Some(code) => Cow::Owned(code.to_owned()),
            None => Cow::Borrowed(text),
        },
        Currency::Code(_) => Cow::Borrowed(text),
    }
}

fn is_empty_list(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'{' | b'}' | b'[' | b']') || byte.is_ascii_whitespace())
}
