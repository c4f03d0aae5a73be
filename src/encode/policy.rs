//! What happens to a value that its field cannot hold (`guide/rules.md` 18, 20, 21).
//!
//! In: a batch and the limits of the destination's fields. Out: a batch in which every cell fits, the original of
//! each changed cell kept in [`RAW_VALUES`], and one [`Altered`] entry per change. Never: a failed row for one bad
//! cell, unless the policy `reject` asks for it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;

use super::html;

/// The long-text field that keeps the original of every value that had to be changed.
pub const RAW_VALUES: &str = "usercom_raw_values__c";

/// Longest text kept there (`guide/salesforce.md` §5.2: a long text area of 32,768).
const RAW_CHARS: usize = 32_000;

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
    /// The values of a restricted picklist.
    pub allowed: Option<Vec<String>>,
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
    /// `too_long`, `invalid_email`, `not_in_picklist`, `out_of_range`, `control_characters`, `html`.
    pub why: &'static str,
    /// What was done: `cut`, `blanked`, `cleaned`, `rejected`.
    pub done: &'static str,
    /// The value as it was.
    pub original: String,
}

/// The limits of one load's columns.
#[derive(Clone, Debug, Default)]
pub struct ValuePolicy {
    limits: BTreeMap<String, FieldLimit>,
}

impl ValuePolicy {
    /// Limits by field API name.
    #[must_use]
    pub fn new(limits: BTreeMap<String, FieldLimit>) -> Self {
        Self { limits }
    }

    /// Makes every cell fit. The result has [`RAW_VALUES`] as an additional last column.
    ///
    /// # Errors
    /// Arrow's, if the batch is inconsistent.
    pub fn apply(&self, batch: &RecordBatch) -> Result<(RecordBatch, Vec<Altered>), ArrowError> {
        let mut altered = Vec::new();
        let schema = batch.schema();
        let mut columns = Vec::with_capacity(batch.num_columns() + 1);
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let limit = self.limits.get(field.name());
            columns.push(
                match (column.data_type(), limit) {
                    (DataType::Utf8, limit) => {
                        fit_text(field.name(), column.as_string(), limit, &mut altered)
                    }
                    (DataType::Float64, Some(limit)) => {
                        fit_number(field.name(), column.as_primitive(), limit, &mut altered)
                    }
                    _ => None,
                }
                .unwrap_or_else(|| Arc::clone(column)),
            );
        }
        columns.push(raw_values(batch.num_rows(), &altered));
        let mut fields: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| Arc::new(field.as_ref().clone().with_nullable(true)))
            .collect();
        fields.push(Arc::new(Field::new(RAW_VALUES, DataType::Utf8, true)));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        Ok((batch, altered))
    }
}

/// The column with the originals; all null in most batches.
fn raw_values(rows: usize, altered: &[Altered]) -> ArrayRef {
    if altered.is_empty() {
        return arrow::array::new_null_array(&DataType::Utf8, rows);
    }
    let mut texts: BTreeMap<usize, String> = BTreeMap::new();
    for change in altered {
        let text = texts.entry(change.row).or_default();
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&change.field);
        text.push_str(": ");
        text.extend(
            change
                .original
                .chars()
                .filter(|&letter| !is_control(letter)),
        );
    }
    let mut builder = StringBuilder::new();
    for row in 0..rows {
        builder.append_option(texts.get(&row).map(|text| cut(text, RAW_CHARS)));
    }
    Arc::new(builder.finish())
}

fn fit_text(
    name: &str,
    column: &StringArray,
    limit: Option<&FieldLimit>,
    altered: &mut Vec<Altered>,
) -> Option<ArrayRef> {
    let limit_chars = limit.and_then(|limit| limit.chars).unwrap_or(usize::MAX);
    let start = column.value_offsets().first().copied().unwrap_or(0);
    let end = column.value_offsets().last().copied().unwrap_or(0);
    let all = &column.value_data()[start as usize..end as usize];
    let fits = |limit: &FieldLimit| {
        let mut texts = column.iter().flatten();
        texts.all(|text| problem(text, limit).is_none() && !(limit.plain && html::is_html(text)))
    };
    if !may_hold_control(all) && limit.is_none_or(fits) {
        return None;
    }
    let mut builder = StringBuilder::with_capacity(column.len(), column.value_data().len());
    for (row, text) in column.iter().enumerate() {
        let Some(text) = text else {
            builder.append_null();
            continue;
        };
        let mut note = |why, done| {
            altered.push(Altered {
                row,
                field: name.to_owned(),
                why,
                done,
                original: text.to_owned(),
            });
        };
        let mut value: Cow<'_, str> = Cow::Borrowed(text);
        if value.chars().any(is_control) {
            value = Cow::Owned(
                value
                    .chars()
                    .filter(|&letter| !is_control(letter))
                    .collect(),
            );
            note("control_characters", "cleaned");
        }
        if limit.is_some_and(|limit| limit.plain) && html::is_html(&value) {
            value = Cow::Owned(html::plain_text(&value));
            note("html", "made plain text");
        }
        let policy = limit.and_then(|limit| limit.policy);
        let problem = limit.and_then(|limit| problem(&value, limit));
        match (problem, policy) {
            (None, _) => builder.append_value(&value),
            (Some(why), Some(Policy::Reject)) => {
                note(why, "rejected");
                builder.append_value(&value);
            }
            (Some("too_long"), None | Some(Policy::TruncateAndAttach)) => {
                note("too_long", "cut");
                builder.append_value(cut(&value, limit_chars));
            }
            (Some(why), _) => {
                note(why, "blanked");
                builder.append_null();
            }
        }
    }
    Some(Arc::new(builder.finish()))
}

fn problem(value: &str, limit: &FieldLimit) -> Option<&'static str> {
    let chars = limit.chars.unwrap_or(usize::MAX);
    // Bytes first: most values are shorter than their field has characters.
    let too_long = value.len() > chars && value.chars().count() > chars;
    if !limit.email && limit.allowed.is_none() && !too_long {
        return None;
    }
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    if limit.email && !is_email(value) {
        return Some("invalid_email");
    }
    if let Some(allowed) = &limit.allowed
        && !allowed.iter().any(|item| item.eq_ignore_ascii_case(value))
    {
        return Some("not_in_picklist");
    }
    too_long.then_some("too_long")
}

fn fit_number(
    name: &str,
    column: &Float64Array,
    limit: &FieldLimit,
    altered: &mut Vec<Altered>,
) -> Option<ArrayRef> {
    let bound = 10_f64.powi(i32::try_from(limit.whole_digits?).unwrap_or(18));
    let fits = |value: f64| value.is_finite() && value.abs() < bound;
    if column.iter().flatten().all(fits) {
        return None;
    }
    let values = column.iter().enumerate().map(|(row, value)| {
        let value = value?;
        if fits(value) {
            return Some(value);
        }
        let rejected = limit.policy == Some(Policy::Reject);
        altered.push(Altered {
            row,
            field: name.to_owned(),
            why: "out_of_range",
            done: if rejected { "rejected" } else { "blanked" },
            original: value.to_string(),
        });
        None
    });
    Some(Arc::new(values.collect::<Float64Array>()))
}

/// Whether any byte may belong to a control character: the common case is that none does in a whole column.
fn may_hold_control(bytes: &[u8]) -> bool {
    // U+0080 to U+009F begin with C2, as do some printable characters.
    let suspicious = |byte: u8| {
        (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || matches!(byte, 0x7f | 0xc2)
    };
    // Without an early end the loop works on many bytes at once.
    bytes
        .iter()
        .fold(false, |found, &byte| found | suspicious(byte))
}

/// Control characters other than tab and line ends.
fn is_control(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\t' | '\n' | '\r')
}

/// At most `chars` characters, without a trailing space that Salesforce would trim.
fn cut(text: &str, chars: usize) -> &str {
    match text.char_indices().nth(chars) {
        Some((end, _)) => text[..end].trim_end(),
        None => text,
    }
}

/// The shape Salesforce accepts: one `@`, a local part of up to 64 characters, a domain with a dot, no spaces.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte));
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let mut labels = domain.split('.');
    let top = labels.next_back().unwrap_or_default();
    local_ok
        && domain.contains('.')
        && labels.all(label_ok)
        && top.len() >= 2
        && label_ok(top)
        && !top.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(
        name: &str,
        value: &str,
        limit: FieldLimit,
    ) -> (Option<String>, Option<String>, Vec<Altered>) {
        let column: ArrayRef = Arc::new(StringArray::from(vec![value]));
        let batch = RecordBatch::try_from_iter([(name, column)]).unwrap();
        let policy = ValuePolicy::new(BTreeMap::from([(name.to_owned(), limit)]));
        let (batch, altered) = policy.apply(&batch).unwrap();
        let text = |index: usize| {
            let column = batch.column(index).as_string::<i32>();
            column.is_valid(0).then(|| column.value(0).to_owned())
        };
        (text(0), text(1), altered)
    }

    #[test]
    fn an_invalid_email_is_blanked_and_kept() {
        let limit = FieldLimit {
            email: true,
            ..FieldLimit::default()
        };
        let (value, raw, altered) = apply("Email", "ann(at)example.com", limit);
        assert_eq!(value, None);
        assert_eq!(raw.as_deref(), Some("Email: ann(at)example.com"));
        assert_eq!(
            (altered[0].why, altered[0].done),
            ("invalid_email", "blanked")
        );
    }

    #[test]
    fn a_text_over_the_limit_is_cut_by_characters_and_kept_whole() {
        let limit = FieldLimit {
            chars: Some(4),
            ..FieldLimit::default()
        };
        let (value, raw, _) = apply("FirstName", "Žofiée", limit);
        assert_eq!(value.as_deref(), Some("Žofi"));
        assert_eq!(raw.as_deref(), Some("FirstName: Žofiée"));
    }

    #[test]
    fn control_characters_are_removed_and_listed() {
        let (value, _, altered) = apply("Name", "a\u{0}b\tc", FieldLimit::default());
        assert_eq!(value.as_deref(), Some("ab\tc"));
        assert_eq!(altered[0].why, "control_characters");
        let (value, _, altered) = apply("Name", "a\u{85}b\u{7f}\u{a0}c", FieldLimit::default());
        assert_eq!(value.as_deref(), Some("ab\u{a0}c"));
        assert_eq!(altered[0].why, "control_characters");
        let (value, _, altered) = apply("Name", "Łódź \u{a0}", FieldLimit::default());
        assert_eq!((value.as_deref(), altered.len()), (Some("Łódź \u{a0}"), 0));
    }

    #[test]
    fn addresses_are_judged_by_shape() {
        for good in ["a@b.co", "first.last+tag@sub.example.org", "o'neil@x-y.io"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "a@b", "a b@c.de", "@c.de", "a@c..de", "a@@c.de", "ż@c.de", "a.@c.de",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
