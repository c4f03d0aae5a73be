//! What happens to a value that its field cannot hold (`guide/rules.md` 18, 20, 21, 39).
//!
//! In: a batch and the limits of the destination's fields. Out: a batch in which every cell fits, the original of
//! each changed cell kept in [`RAW_VALUES`], and one [`Altered`] entry per change. How each type is made to fit stands in
//! `fit`. Never: a failed row for one bad cell, unless the policy `reject` asks for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;

use super::fit::fit;
use super::limit::{Altered, FieldLimit, Policy};
use super::text::{cut, is_control};

/// The long-text field that keeps the original of every value that had to be changed.
pub const RAW_VALUES: &str = "usercom_raw_values__c";

/// Longest text kept there (`guide/salesforce.md` §5.2: a long text area of 131,072), unless the org's field is shorter.
const RAW_CHARS: usize = 131_000;

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

    /// Whether a project asks that what a field cannot hold is left out of it.
    #[must_use]
    pub fn blanks(&self, field: &str) -> bool {
        let policy = self.limits.get(field).and_then(|limit| limit.policy);
        policy == Some(Policy::BlankAndKeepRaw)
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
            let fitted = fit(field.name(), column, limit, &mut altered);
            columns.push(fitted.unwrap_or_else(|| Arc::clone(column)));
        }
        let raw_limit = self.limits.get(RAW_VALUES).and_then(|limit| limit.chars);
        let raw_chars = raw_limit.map_or(RAW_CHARS, |chars| chars.min(RAW_CHARS));
        columns.push(raw_values(batch.num_rows(), raw_chars, &altered));
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
fn raw_values(rows: usize, chars: usize, altered: &[Altered]) -> ArrayRef {
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
        builder.append_option(texts.get(&row).map(|text| cut(text, chars)));
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray, StringArray};

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
        let limit = FieldLimit {
            email: true,
            ..FieldLimit::default()
        };
        let (value, raw, altered) = apply("Email", "Ann <ann@x.example>", limit);
        assert_eq!(value.as_deref(), Some("ann@x.example"));
        assert_eq!(raw.as_deref(), Some("Email: Ann <ann@x.example>"));
        assert_eq!(altered[0].done, "taken out");
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
    fn a_long_text_is_kept_whole_as_far_as_the_org_has_room() {
        let limit = |chars| FieldLimit {
            chars: Some(chars),
            ..FieldLimit::default()
        };
        let text = "long ".repeat(8_000);
        let (_, raw, _) = apply("Description", &text, limit(32_000));
        assert_eq!(raw.unwrap().len(), "Description: ".len() + text.len());
        let column: ArrayRef = Arc::new(StringArray::from(vec![text]));
        let batch = RecordBatch::try_from_iter([("Description", column)]).unwrap();
        let limits = [("Description", limit(32_000)), (RAW_VALUES, limit(32_768))];
        let limits = limits.map(|(name, limit)| (name.to_owned(), limit));
        let (batch, _) = ValuePolicy::new(BTreeMap::from(limits))
            .apply(&batch)
            .unwrap();
        assert!(batch.column(1).as_string::<i32>().value(0).len() <= 32_768);
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
}
