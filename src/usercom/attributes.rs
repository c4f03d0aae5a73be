//! The customer's own attributes: definitions, and the column that each becomes (`guide/usercom.md` §4).
//!
//! In: batches of the staged table `usercom.attributes`. Out: [`AttributeDefinition`]s; `custom` makes the same of the fields
//! of custom objects.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::schema::{ColumnKind, Object, Take};

/// One attribute as the source declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeDefinition {
    /// Id in the source.
    pub id: i64,
    /// Name as people see it.
    pub name: String,
    /// Name as the API writes it.
    pub name_std: String,
    /// `boolean`, `integer`, `float`, `date`, `datetime`, `fixed`, `string`, `text`, `json`, `reference`; empty if unknown.
    pub value_type: String,
    /// Object it belongs to: `clientuser`, `company`, `deal`, …, or the table of a custom object.
    pub content_type: String,
    /// Allowed values of a `fixed` attribute.
    pub choices: Vec<String>,
    /// Whether a record may have several of them.
    pub multiple: bool,
    /// What a `reference` points to: `people`, `companies`, `deals`, or a custom object's name; else empty.
    pub target: String,
}

impl AttributeDefinition {
    /// Reads definitions from a batch of `usercom.attributes`.
    #[must_use]
    pub fn from_batch(batch: &RecordBatch) -> Vec<Self> {
        (0..batch.num_rows())
            .map(|row| Self {
                id: number(batch, "id", row).unwrap_or(0),
                name: text(batch, "name", row),
                name_std: text(batch, "name_std", row),
                value_type: text(batch, "value_type", row),
                content_type: text(batch, "content_type", row),
                choices: texts(batch, "choices", row),
                multiple: truth(batch, "allow_multiple_choices", row),
                target: String::new(),
            })
            .collect()
    }

    /// Whether it belongs to `object`.
    #[must_use]
    pub fn belongs_to(&self, object: &Object) -> bool {
        object.content_types.contains(&self.content_type.as_str())
            || (object.is_custom() && self.content_type == object.name)
    }

    /// What its column holds; text where the source does not say.
    #[must_use]
    pub fn kind(&self) -> ColumnKind {
        match self.value_type.as_str() {
            "boolean" => ColumnKind::Boolean,
            "integer" => ColumnKind::Integer,
            "float" => ColumnKind::Float,
            "date" => ColumnKind::Date,
            "datetime" => ColumnKind::Timestamp,
            "fixed" if self.multiple => ColumnKind::TextList,
            "fixed" => ColumnKind::Choice,
            "reference" if self.multiple => ColumnKind::IdList,
            "reference" => ColumnKind::Integer,
            _ => ColumnKind::Text,
        }
    }

    /// Which part of a cell its column takes.
    #[must_use]
    pub fn take(&self) -> Take {
        match self.value_type.as_str() {
            "reference" if self.target_is_custom() => Take::Key,
            "reference" => Take::Id,
            _ => Take::Whole,
        }
    }

    /// Whether it points to an object of the customer's own, whose ids may be text.
    fn target_is_custom(&self) -> bool {
        const OURS: [&str; 3] = ["clientuser", "company", "deal"];
        let target = self.target.trim().to_lowercase();
        let ours = super::OBJECTS.iter().any(|object| {
            let one = target.trim_end_matches('s');
            object.name.trim_end_matches('s') == one
                || object
                    .stems
                    .iter()
                    .any(|stem| stem.trim_end_matches('s') == one)
        });
        !target.is_empty() && !ours && !OURS.contains(&target.as_str()) && target != "person"
    }

    /// The name that its column is made from.
    #[must_use]
    pub fn standard_name(&self) -> &str {
        if self.name_std.is_empty() {
            &self.name
        } else {
            &self.name_std
        }
    }

    /// The name as people see it.
    #[must_use]
    pub fn display_name(&self) -> &str {
        if self.name.is_empty() {
            &self.name_std
        } else {
            &self.name
        }
    }
}

/// A text of a staged batch; empty for null.
pub(super) fn text(batch: &RecordBatch, column: &str, row: usize) -> String {
    batch
        .column_by_name(column)
        .and_then(|array| array.as_string_opt::<i32>())
        .filter(|array| array.is_valid(row))
        .map(|array| array.value(row).to_owned())
        .unwrap_or_default()
}

/// A number of a staged batch.
pub(super) fn number(batch: &RecordBatch, column: &str, row: usize) -> Option<i64> {
    batch
        .column_by_name(column)
        .and_then(|array| array.as_primitive_opt::<Int64Type>())
        .filter(|array| array.is_valid(row))
        .map(|array| array.value(row))
}

/// A truth of a staged batch; false for null.
pub(super) fn truth(batch: &RecordBatch, column: &str, row: usize) -> bool {
    batch
        .column_by_name(column)
        .and_then(|array| array.as_boolean_opt())
        .is_some_and(|array| array.is_valid(row) && array.value(row))
}

/// A list of texts of a staged batch; empty for null.
pub(super) fn texts(batch: &RecordBatch, column: &str, row: usize) -> Vec<String> {
    let Some(lists) = batch
        .column_by_name(column)
        .and_then(|array| array.as_list_opt::<i32>())
        .filter(|array| array.is_valid(row))
    else {
        return Vec::new();
    };
    let values = lists.value(row);
    values
        .as_string_opt::<i32>()
        .map(|array| array.iter().flatten().map(str::to_owned).collect())
        .unwrap_or_default()
}
