//! What a field can hold, what is done with a value that it cannot hold, and the record of it.
//!
//! The words that the policy and the fitting of each type share.

/// The choice for values that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The row is held.
    Reject,
    /// The field stays empty, the original is kept.
    BlankAndKeepRaw,
    /// The text is cut, the whole is kept.
    TruncateAndAttach,
}

impl Policy {
    /// Reads the word used in `config/value_policy.csv`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "reject" => Some(Self::Reject),
            "blank_and_keep_raw" => Some(Self::BlankAndKeepRaw),
            "truncate_and_attach" => Some(Self::TruncateAndAttach),
            _ => None,
        }
    }
}

/// What a destination field can hold.
#[derive(Clone, Debug, Default)]
pub struct FieldLimit {
    /// Most characters.
    pub chars: Option<usize>,
    /// Whether it must be an e-mail address.
    pub email: bool,
    /// Most digits before the decimal point.
    pub whole_digits: Option<u32>,
    /// Digits after the point, to which Salesforce rounds.
    pub scale: u32,
    /// Whether it takes whole numbers only: of a fraction, Salesforce refuses the row.
    pub whole: bool,
    /// The values of a restricted picklist.
    pub allowed: Option<Vec<String>>,
    /// Most characters of one item, where several share the field.
    pub item_chars: Option<usize>,
    /// Whether a new record must have a value, always or where others are empty: a number or a day out of range becomes the nearest one that fits.
    pub required: bool,
    /// Whether it shows text as it is, so that HTML becomes plain text.
    pub plain: bool,
    /// The customer's choice, else the default: cut texts, blank the rest.
    pub policy: Option<Policy>,
}

/// One changed value, for `recon.altered`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Altered {
    /// Row in the batch.
    pub row: usize,
    /// Field API name.
    pub field: String,
    /// `too_long`, `invalid_email`, `address_in_text`, `not_in_picklist`, `out_of_range`, `fraction`, `control_characters`, `html`,
    /// `literal_na`, `separator_in_choice`.
    pub why: &'static str,
    /// What was done: `cut`, `blanked`, `cleaned`, `replaced`, `nearest`, `rounded`, `rejected`.
    pub done: &'static str,
    /// The value as it was.
    pub original: String,
}
