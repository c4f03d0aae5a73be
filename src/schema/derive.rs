//! From a column that will be sent to the custom field that can hold it. Looks at the column alone: whether the
//! organisation already has the field is the business of `compare`.

use std::{collections::BTreeSet, fmt};

use arrow::datatypes::DataType;

use super::{
    Error, FieldName, FieldType, Notice, Result,
    field_type::{LONG_TEXT, MAX_LONG_TEXT, MAX_PRECISION, MAX_TEXT},
    name,
};

/// A column that a load query sends.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedField {
    /// API name of the object that is loaded.
    pub object: String,
    /// API name of the field, or a relationship column such as `Owner.Email`.
    pub name: String,
    /// Arrow type of the column.
    pub data_type: DataType,
    /// Whether it is the key of the load.
    pub is_key: bool,
    /// Type that a person chose in the field map or the query's header; without one it follows from the column.
    pub declared: Option<FieldType>,
    /// Object that a lookup points at.
    pub refers_to: Option<String>,
    /// Label; without one it follows from the name.
    pub label: Option<String>,
    /// Choices of a list, from the attribute's definition.
    pub choices: Vec<String>,
    /// Characters of the longest value as it will be sent, where the data was looked at.
    pub max_chars: Option<usize>,
    /// Most digits before the point, and after it, where the data was looked at.
    pub whole_digits: Option<usize>,
    /// See `whole_digits`.
    pub decimals: Option<usize>,
}

/// A custom field to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// Where it is defined, and its name.
    pub field: FieldName,
    /// Label, at most 40 characters.
    pub label: String,
    /// Its type.
    pub field_type: FieldType,
    /// Whether it is a unique, case-sensitive external id.
    pub is_key: bool,
    /// Values of a list, unrestricted.
    pub choices: Vec<String>,
    /// Object that a lookup points at.
    pub refers_to: Option<String>,
}

/// A validation rule of a custom object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValidationRule {
    /// API name.
    pub name: String,
    /// The formula that is true for a record to be refused.
    pub formula: String,
    /// What people are told then.
    pub message: String,
}

/// A custom object that a load fills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedObject {
    /// API name.
    pub name: String,
    /// Label of one.
    pub label: String,
    /// Label of many.
    pub plural: String,
    /// Rules that come with it.
    pub rules: Vec<ValidationRule>,
}

impl fmt::Display for CustomField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.field_type)?;
        if let Some(object) = &self.refers_to {
            write!(f, " to {object}")?;
        }
        if self.is_key {
            f.write_str(", external id, unique")?;
        }
        if !self.choices.is_empty() {
            write!(f, ", {} choices", self.choices.len())?;
        }
        Ok(())
    }
}

/// Characters of a key field, unless longer keys occur.
const KEY_LENGTH: u32 = 64;
/// Digits after the point of a number nobody looked at.
const USUAL_DECIMALS: usize = 6;
/// Characters of a label.
const MAX_LABEL: usize = 40;
/// Characters of a choice.
const MAX_CHOICE: usize = 255;
/// The choice of a list that has none yet. Lists are not restricted, so others come with the data.
const NO_CHOICE: &str = "(none yet)";
/// Choices of a picklist, and of a multi-select one.
const MAX_CHOICES: usize = 1_000;
const MAX_MULTI_CHOICES: usize = 500;

/// The field that holds a wanted column, with what a person should know about it.
pub(super) fn derive(wanted: &WantedField) -> Result<(CustomField, Vec<Notice>)> {
    let object = name::definition_object(&wanted.object);
    let field = FieldName::new(object, &wanted.name);
    if !name::is_valid(&wanted.name) {
        return Err(Error::NameField { field });
    }
    let mut notices = Vec::new();
    let mut field_type = choose_type(wanted, &field, &mut notices)?;
    if wanted.is_key && !is_key_type(field_type) {
        return Err(Error::DeriveKey { field, field_type });
    }
    let mut choices = Vec::new();
    if let Some(max) = max_choices(field_type) {
        choices = clean_choices(wanted, field_type, &field, &mut notices);
        if choices.is_empty() {
            // A list stays one though the first export has no value for it; Salesforce makes none without a choice.
            choices.push(NO_CHOICE.to_owned());
        }
        if choices.len() > max {
            let listed = choices.len();
            choices.clear();
            field_type = text_instead(field_type);
            notices.push(Notice::ListBecameText {
                field: field.clone(),
                choices: listed,
                max,
                field_type,
            });
        }
    }
    let label = wanted.label.as_deref().map(printable).unwrap_or_default();
    let label = if label.is_empty() {
        name::label(&field)
    } else {
        label
    };
    let custom = CustomField {
        label: label
            .chars()
            .take(MAX_LABEL)
            .collect::<String>()
            .trim()
            .to_owned(),
        field_type,
        is_key: wanted.is_key,
        choices,
        refers_to: wanted.refers_to.clone(),
        field,
    };
    Ok((custom, notices))
}

/// The type that a column needs, declared or derived, before lists are looked at.
pub(super) fn needed_type(wanted: &WantedField) -> Result<FieldType> {
    let field = FieldName::new(&wanted.object, &wanted.name);
    choose_type(wanted, &field, &mut Vec::new())
}

/// The type that the values have, whatever a person or a key asks for.
pub(super) fn value_type(wanted: &WantedField) -> Result<FieldType> {
    let field = FieldName::new(&wanted.object, &wanted.name);
    from_column(&wanted.data_type, wanted, &field, &mut Vec::new())
}

fn choose_type(
    wanted: &WantedField,
    field: &FieldName,
    notices: &mut Vec<Notice>,
) -> Result<FieldType> {
    if let Some(declared) = wanted.declared {
        return Ok(declared);
    }
    if wanted.is_key {
        return Ok(FieldType::Text {
            length: key_length(wanted.max_chars),
        });
    }
    from_column(&wanted.data_type, wanted, field, notices)
}

fn from_column(
    data_type: &DataType,
    wanted: &WantedField,
    field: &FieldName,
    notices: &mut Vec<Notice>,
) -> Result<FieldType> {
    Ok(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            if wanted.choices.is_empty() {
                text(wanted.max_chars)
            } else {
                FieldType::Picklist
            }
        }
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => FieldType::Number {
            precision: MAX_PRECISION,
            scale: 0,
        },
        DataType::Float16 | DataType::Float32 | DataType::Float64 => float(wanted),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            let (field_type, fits) = number(*precision, *scale);
            if !fits {
                notices.push(Notice::DigitsCut {
                    field: field.clone(),
                    field_type,
                });
            }
            field_type
        }
        DataType::Boolean => FieldType::Checkbox,
        DataType::Date32 | DataType::Date64 => FieldType::Date,
        DataType::Timestamp(_, _) => FieldType::DateTime,
        DataType::List(item) | DataType::LargeList(item) if is_text(item.data_type()) => {
            FieldType::MultiselectPicklist
        }
        DataType::Dictionary(_, value) => from_column(value, wanted, field, notices)?,
        other => {
            return Err(Error::DeriveType {
                field: field.clone(),
                data_type: other.clone(),
            });
        }
    })
}

/// All digits that a number may have, divided as the data needs them: two more after the point than occur, unless those
/// before it need the room.
fn float(wanted: &WantedField) -> FieldType {
    let most = usize::from(MAX_PRECISION);
    let whole = wanted.whole_digits.unwrap_or(0).min(most);
    let decimals = wanted
        .decimals
        .map_or(USUAL_DECIMALS, |decimals| decimals + 2);
    let scale = decimals.min(most - whole);
    FieldType::Number {
        precision: MAX_PRECISION,
        scale: u8::try_from(scale).unwrap_or(0),
    }
}

/// Text with room for the longest value and a quarter more: a short text is as long as Salesforce makes it.
fn text(max_chars: Option<usize>) -> FieldType {
    let longest = u32::try_from(max_chars.unwrap_or(0)).unwrap_or(u32::MAX);
    if longest.saturating_add(longest / 4) <= MAX_TEXT {
        return FieldType::Text { length: MAX_TEXT };
    }
    FieldType::LongTextArea {
        length: longest.saturating_mul(2).clamp(LONG_TEXT, MAX_LONG_TEXT),
    }
}

fn key_length(max_chars: Option<usize>) -> u32 {
    let longest = u32::try_from(max_chars.unwrap_or(0)).unwrap_or(u32::MAX);
    if longest <= KEY_LENGTH {
        KEY_LENGTH
    } else {
        MAX_TEXT
    }
}

/// A number with these digits, and whether Salesforce holds all of them. Digits before the point matter more.
fn number(precision: u8, scale: i8) -> (FieldType, bool) {
    let scale = u8::try_from(scale).unwrap_or(0);
    let whole = precision.saturating_sub(scale);
    let fits = whole.saturating_add(scale) <= MAX_PRECISION;
    let scale = scale.min(MAX_PRECISION - whole.min(MAX_PRECISION));
    let precision = (whole + scale).clamp(1, MAX_PRECISION);
    (FieldType::Number { precision, scale }, fits)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn is_key_type(field_type: FieldType) -> bool {
    matches!(
        field_type,
        FieldType::Text { .. } | FieldType::Number { .. } | FieldType::Email
    )
}

/// Choices that a list of this type may have.
pub(super) fn max_choices(field_type: FieldType) -> Option<usize> {
    match field_type {
        FieldType::Picklist => Some(MAX_CHOICES),
        FieldType::MultiselectPicklist => Some(MAX_MULTI_CHOICES),
        _ => None,
    }
}

/// What a list becomes that cannot be a list: long where several values share one field.
fn text_instead(list: FieldType) -> FieldType {
    match list {
        FieldType::Picklist => FieldType::Text { length: MAX_TEXT },
        _ => FieldType::LongTextArea { length: LONG_TEXT },
    }
}

fn clean_choices(
    wanted: &WantedField,
    field_type: FieldType,
    field: &FieldName,
    notices: &mut Vec<Notice>,
) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    let mut replaced = 0;
    for choice in &wanted.choices {
        let mut text = printable(choice);
        if field_type == FieldType::MultiselectPicklist && text.contains(';') {
            text = text.replace(';', ",");
            replaced += 1;
        }
        let text: String = text.chars().take(MAX_CHOICE).collect();
        if !text.is_empty() && seen.insert(text.to_lowercase()) {
            kept.push(text);
        }
    }
    let dropped = wanted.choices.len() - kept.len();
    if dropped > 0 {
        notices.push(Notice::ChoicesDropped {
            field: field.clone(),
            count: dropped,
        });
    }
    if replaced > 0 {
        notices.push(Notice::SemicolonReplaced {
            field: field.clone(),
            count: replaced,
        });
    }
    kept
}

/// Without characters that XML cannot carry.
fn printable(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect();
    clean.trim().to_owned()
}

#[cfg(test)]
#[path = "derive_tests.rs"]
mod tests;
