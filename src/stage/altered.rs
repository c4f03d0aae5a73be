//! The table `staged.altered`: every cell that was read as something else than it says, with its original.
//!
//! In: what the readers of cells did. Out: batches of one schema, a row per cell, with the id of its record, so that the record can be
//! found again in the org. Cells that became null are in `rejects`, sums and opt-outs here too; words for nothing are counted only.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::rejects::{Place, cut};
use crate::usercom::code_page::Repair;

/// Schema of the table.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("source", DataType::Utf8, false),
        Field::new("id", DataType::Int64, true),
        Field::new("file", DataType::Utf8, false),
        Field::new("row", DataType::Int64, false),
        Field::new("byte", DataType::Int64, false),
        Field::new("column", DataType::Utf8, true),
        Field::new("value", DataType::Utf8, false),
        Field::new("reason", DataType::Utf8, false),
        Field::new("done", DataType::Utf8, false),
    ]))
}

/// What was done to a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alteration {
    /// Half a character became U+FFFD.
    BrokenCharacter,
    /// Bytes that are not UTF-8 were read as Windows-1250.
    CodePage,
    /// What a spreadsheet had put around the value was taken off.
    Unwrapped,
    /// A number that a spreadsheet shortened was kept as it is.
    DamagedNumber,
    /// A number was rounded to the digits that a float keeps.
    DigitsLost,
    /// An address was taken out of the text around it.
    AddressInText,
    /// Letters that nobody sees were taken out of a telephone number.
    InvisibleLetters,
    /// An item `#N/A` of a list was left out.
    NaItem,
    /// An opt-out that cannot be read counts as one.
    OptOutUnreadable,
    /// An opt-out that a record lacks counts as one.
    OptOutMissing,
    /// A sum that cannot be read.
    SumUnreadable,
    /// A sum next to another currency than its record names.
    SumInAnotherCurrency,
}

impl Alteration {
    /// The code in the table.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::BrokenCharacter => "broken_character",
            Self::CodePage => "code_page",
            Self::Unwrapped => "unwrapped",
            Self::DamagedNumber => "damaged_number",
            Self::DigitsLost => "digits_lost",
            Self::AddressInText => "address_in_text",
            Self::InvisibleLetters => "invisible_letters",
            Self::NaItem => "literal_na",
            Self::OptOutUnreadable => "opt_out_unreadable",
            Self::OptOutMissing => "opt_out_missing",
            Self::SumUnreadable => "sum_unreadable",
            Self::SumInAnotherCurrency => "sum_in_another_currency",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::BrokenCharacter => "half a character became U+FFFD",
            Self::CodePage => "bytes that are not UTF-8 were read as Windows-1250",
            Self::Unwrapped => "what a spreadsheet or a list had put around it was taken off",
            Self::DamagedNumber => "kept; a spreadsheet has lost digits of it",
            Self::DigitsLost => "rounded to the digits that a number keeps",
            Self::AddressInText => "taken out of the text around it",
            Self::InvisibleLetters => "letters that nobody sees were taken out",
            Self::NaItem => "the item was left out of the list",
            Self::OptOutUnreadable | Self::OptOutMissing => "counted as opted out",
            Self::SumUnreadable => "left out; what it belongs to is held or flagged",
            Self::SumInAnotherCurrency => "read; what it belongs to is held or flagged",
        }
    }
}

impl From<Repair> for Alteration {
    fn from(repair: Repair) -> Self {
        match repair {
            Repair::BrokenCharacter => Self::BrokenCharacter,
            Repair::CodePage => Self::CodePage,
        }
    }
}

/// One cell that was altered, by its place in the cell table.
#[derive(Clone, Debug)]
pub(super) struct AlteredCell {
    /// Row in the cell table.
    pub(super) row: u32,
    /// Cell of that row.
    pub(super) input: usize,
    pub(super) alteration: Alteration,
    /// As it was, as far as it is text.
    pub(super) value: String,
}

/// One row of the table.
pub(super) struct AlteredRow<'a> {
    pub(super) id: Option<i64>,
    pub(super) place: Place,
    pub(super) column: Option<&'a str>,
    pub(super) cell: &'a AlteredCell,
}

/// A batch of the cells of one block.
pub(super) fn batch<'a>(
    source: &str,
    file: &str,
    rows: impl Iterator<Item = AlteredRow<'a>>,
) -> Result<RecordBatch, ArrowError> {
    let mut texts: [StringBuilder; 6] = Default::default();
    let mut numbers: [Int64Builder; 3] = Default::default();
    for row in rows {
        let [sources, files, columns, values, reasons, done] = &mut texts;
        let [ids, records, bytes] = &mut numbers;
        sources.append_value(source);
        files.append_value(file);
        columns.append_option(row.column);
        match cut(&row.cell.value, 0) {
            Some(cut) => values.append_value(cut),
            None => values.append_value(&row.cell.value),
        }
        reasons.append_value(row.cell.alteration.code());
        done.append_value(row.cell.alteration.done());
        ids.append_option(row.id);
        records.append_value(row.place.row.cast_signed());
        bytes.append_value(row.place.byte.cast_signed());
    }
    let [sources, files, columns, values, reasons, done] =
        texts.map(|mut text| Arc::new(text.finish()) as ArrayRef);
    let [ids, records, bytes] = numbers.map(|mut number| Arc::new(number.finish()) as ArrayRef);
    let arrays = vec![
        sources, ids, files, records, bytes, columns, values, reasons, done,
    ];
    RecordBatch::try_new(schema(), arrays)
}
