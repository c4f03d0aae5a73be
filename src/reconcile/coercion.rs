//! What Salesforce does to a value between write and read, as one table (`guide/rules.md` 28,
//! `guide/salesforce.md` §1.5). Two values are the same if their normal forms are.
//!
//! | sent as | normal form |
//! |---|---|
//! | text | trimmed, line ends as LF |
//! | e-mail | the same, lower case |
//! | picklist | the same, lower case |
//! | number | rounded to the field's scale, as a decimal |
//! | instant | cut to seconds |
//! | multi-select | choices trimmed, lower case, sorted, each once |
//! | record id | its first 15 characters, which carry the identity |
//! | boolean, date | as text |

use arrow::datatypes::{DataType, Field};

use super::body::is_body;
use crate::salesforce::{FieldDescribe, ObjectDescribe};

/// What is trimmed: every Unicode white space.
const WHITE_SPACE: &str = " \t\n\u{b}\u{c}\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// A field of the destination, if it can be read with its row.
pub(super) fn readable<'a>(describe: &'a ObjectDescribe, name: &str) -> Option<&'a FieldDescribe> {
    describe
        .field(name)
        .filter(|field| field.field_type != "base64" && !is_body(&describe.name, name))
}

/// Fields that the org makes itself where another one says so: a deal's amount belongs to its lines once it has any.
const DERIVED: [(&str, &str, &str); 1] = [("Opportunity", "Amount", "HasOpportunityLineItem")];

/// The checkbox that says of a record that the org makes this field itself.
pub(super) fn derived_by(describe: &ObjectDescribe, name: &str) -> Option<&'static str> {
    let found = DERIVED
        .iter()
        .find(|(object, field, _)| *object == describe.name && *field == name);
    found
        .map(|(_, _, by)| *by)
        .filter(|by| describe.field(by).is_some())
}

/// Fields that a record is made with, and that mean nothing afterwards: a file's name tells its type when it is uploaded, and another
/// name of it is another title.
const MADE_WITH: [(&str, &str); 1] = [("ContentVersion", "PathOnClient")];

/// Whether a field means something only when its record is made.
pub(super) fn is_made_with(describe: &ObjectDescribe, name: &str) -> bool {
    MADE_WITH.contains(&(describe.name.as_str(), name))
}

/// A field of the destination as far as coercions depend on it.
#[derive(Clone, Debug, Default)]
pub(super) struct TargetField {
    /// Describe type: `string`, `email`, `picklist`, `reference`, …
    pub kind: String,
    /// Digits after the point.
    pub scale: i64,
}

impl TargetField {
    pub(super) fn of(field: &FieldDescribe) -> Self {
        Self {
            kind: field.field_type.clone(),
            scale: i64::from(field.scale),
        }
    }
}

/// Characters of an instant up to its second.
const TO_SECOND: usize = "2026-03-01T10:00:00".len();

/// SQL for a text trimmed, line ends as LF.
fn text(value: &str) -> String {
    format!("btrim(replace({value}, chr(13), ''), '{WHITE_SPACE}')")
}

/// SQL for the normal forms of the value sent (column of `o`) and the value found (text column of `r`).
pub(super) fn normal_forms(field: &Field, target: &TargetField) -> (String, String) {
    normal_forms_in(field, target, "o", "r")
}

/// The same for columns of other tables.
pub(super) fn normal_forms_in(
    field: &Field,
    target: &TargetField,
    sent: &str,
    found: &str,
) -> (String, String) {
    let sent = format!("{sent}.\"{}\"", field.name());
    let found = format!("{found}.\"{}\"", field.name());
    let scale = target.scale;
    match field.data_type() {
        DataType::Utf8 if target.kind == "reference" || target.kind == "id" => (
            format!("substr({sent}, 1, 15)"),
            format!("substr({found}, 1, 15)"),
        ),
        DataType::Utf8 if matches!(target.kind.as_str(), "email" | "picklist" | "combobox") => (
            format!("lower({})", text(&sent)),
            format!("lower({})", text(&found)),
        ),
        DataType::Utf8 => (text(&sent), text(&found)),
        DataType::Int64 if is_text(&target.kind) => (format!("cast({sent} as varchar)"), found),
        DataType::Int64 | DataType::Float64 | DataType::Decimal128(_, _) => {
            // By way of the text that is sent: 2.675 has no exact binary form, and rounding that one gives another cent.
            // Only with an exponent, which the engine's decimals do not read, by way of the binary form.
            let decimal = |text: &str| {
                format!(
                    "case when strpos(upper({text}), 'E') > 0 then try_cast(try_cast({text} as double) as decimal(38, {scale})) \
                     else try_cast({text} as decimal(38, {scale})) end"
                )
            };
            (
                decimal(&format!("cast({sent} as varchar)")),
                decimal(&found),
            )
        }
        DataType::Boolean => (
            format!("cast({sent} as varchar)"),
            format!("lower({found})"),
        ),
        // As texts, both in UTC: the engine's own instants end in 2262.
        DataType::Timestamp(_, _) => (
            format!("substr(cast({sent} as varchar), 1, {TO_SECOND})"),
            format!("substr({found}, 1, {TO_SECOND})"),
        ),
        DataType::List(_) => {
            let choices =
                |list: String| format!("array_to_string(array_sort(array_distinct({list})), ';')");
            // Each choice is trimmed; the list as a whole, too.
            let trimmed = |text: String, separator: &str| {
                let around = format!("\\s*{separator}\\s*");
                let joined = format!(
                    "regexp_replace(lower({}), '{around}', ';', 'g')",
                    self::text(&text)
                );
                format!("string_to_array({joined}, ';')")
            };
            (
                choices(trimmed(
                    format!("replace(array_to_string({sent}, chr(31)), ';', ',')"),
                    "\\x1f",
                )),
                choices(trimmed(found, ";")),
            )
        }
        _ => (format!("cast({sent} as varchar)"), found),
    }
}

/// SQL for the normal form of a field of `org.<load>` (alias `r`), as pre-images have that of the value written; `sent` is the
/// column that was sent, none if it is the key.
#[must_use]
pub fn found_form(describe: &ObjectDescribe, sent: Option<&Field>, name: &str) -> String {
    match (readable(describe, name), sent) {
        (Some(target), Some(field)) => normal_forms(field, &TargetField::of(target)).1,
        _ => format!("cast(r.\"{name}\" as varchar)"),
    }
}

fn is_text(kind: &str) -> bool {
    matches!(
        kind,
        "string" | "textarea" | "picklist" | "phone" | "url" | "email"
    )
}
