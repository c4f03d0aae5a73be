//! Parsers of single cells: text in, one typed value or a [`Fault`] out (`guide/usercom.md` §1.6, §1.7, §6).
//!
//! Every variant that the source is known or likely to write is accepted; whatever could mean two things is
//! refused, so that the reject shows it. Blank cells are null and never come here. Nothing is trimmed away
//! silently except white space around values that are not free text.

mod boolean;
mod code;
mod currency;
mod date;
mod elements;
mod list;
mod number;
mod reference;
mod tidy;
mod timestamp;
mod words;

pub use boolean::boolean;
pub use code::{
    ACTIVITY_STATUS, ATTRIBUTE_OWNER, ATTRIBUTE_TYPE, CodeTable, DEAL_STATUS, GENDER,
    MESSAGE_SOURCE, PERSON_STATUS,
};
pub use currency::{Currency, currency_of, sum};
pub use date::{Zones, date};
pub use elements::only;
pub use list::{choice, first, ids, keys, texts};
pub use number::{float, integer, key, money, percent, text_key};
pub use reference::{
    reference_email, reference_field, reference_id, reference_key, reference_key_text,
    reference_text,
};
pub use tidy::{is_damaged_number, loses_digits, unwrapped, whole_number};
pub use timestamp::timestamp;
pub use words::Words;

/// Why a cell was refused. The row moves on without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None of `t f true false 1 0 yes no y n`.
    UnparsableBoolean,
    /// Not a whole number.
    UnparsableInteger,
    /// Not a number.
    UnparsableNumber,
    /// `1,234`: a decimal comma or a thousands separator.
    AmbiguousNumber,
    /// A number with a currency next to it, where no sum is expected, or with words that are no currency.
    CurrencySymbol,
    /// More digits than the column holds, or outside its range.
    NumberOutOfRange,
    /// More decimals than the column holds.
    TooManyDecimals,
    /// No instant in any accepted form.
    UnparsableTimestamp,
    /// A local time that a change of the clocks skipped.
    NonexistentLocalTime,
    /// No date in any accepted form.
    UnparsableDate,
    /// Brackets that do not close, or a list inside a list.
    UnparsableList,
    /// Several values where the attribute allows one.
    SeveralChoices,
    /// A number or word that the code table does not have.
    UnknownCode,
    /// Text where only an id makes sense.
    NotAnId,
    /// A literal `#N/A`, which Salesforce would take as "clear this field" (`guide/rules.md` 19).
    LiteralNa,
    /// Two columns of the file mean the same field and disagree; the better-named one was kept.
    ConflictingValue,
}

impl Fault {
    /// The code that goes into `rejects`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnparsableBoolean => "unparsable_boolean",
            Self::UnparsableInteger => "unparsable_integer",
            Self::UnparsableNumber => "unparsable_number",
            Self::AmbiguousNumber => "ambiguous_number",
            Self::CurrencySymbol => "currency_symbol",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::TooManyDecimals => "too_many_decimals",
            Self::UnparsableTimestamp => "unparsable_timestamp",
            Self::NonexistentLocalTime => "nonexistent_local_time",
            Self::UnparsableDate => "unparsable_date",
            Self::UnparsableList => "unparsable_list",
            Self::SeveralChoices => "several_choices",
            Self::UnknownCode => "unknown_code",
            Self::NotAnId => "not_an_id",
            Self::LiteralNa => "literal_na",
            Self::ConflictingValue => "conflicting_value",
        }
    }
}

/// The literal that Salesforce reads as "clear this field".
pub(crate) fn is_na(text: &str) -> bool {
    text.trim_ascii() == "#N/A"
}
