//! What Salesforce does to a value between write and read, as one table (`guide/rules.md` 28,
//! `guide/salesforce.md` §1.5). Two values are the same if their normal forms are.
//!
//! | sent as | normal form |
//! |---|---|
//! | text | trimmed, line ends as LF |
//! | e-mail | the same, lower case |
//! | picklist | the same, lower case |
//! | number | rounded to the field's scale |
//! | instant | cut to seconds |
//! | multi-select | choices lower case, sorted, each once |
//! | record id | its first 15 characters, which carry the identity |
//! | boolean, date | as text |

use arrow::datatypes::{DataType, Field};

use crate::salesforce::{FieldDescribe, ObjectDescribe};

/// What is trimmed: every Unicode white space.
const WHITE_SPACE: &str = " \t\n\u{b}\u{c}\u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// The bodies of files and notes: written, never read back with the row.
const BODIES: [(&str, &str); 2] = [
    ("ContentNote", "Content"),
    ("ContentVersion", "VersionData"),
];

/// A field of the destination, if it can be read with its row.
pub(super) fn readable<'a>(describe: &'a ObjectDescribe, name: &str) -> Option<&'a FieldDescribe> {
    let is_body = BODIES.contains(&(describe.name.as_str(), name));
    describe
        .field(name)
        .filter(|field| field.field_type != "base64" && !is_body)
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

/// SQL for the normal forms of the value sent (column of `o`) and the value found (text column of `r`).
pub(super) fn normal_forms(field: &Field, target: &TargetField) -> (String, String) {
    let sent = format!("o.\"{}\"", field.name());
    let found = format!("r.\"{}\"", field.name());
    let text = |value: &str| format!("btrim(replace({value}, chr(13), ''), '{WHITE_SPACE}')");
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
        DataType::Int64 | DataType::Float64 | DataType::Decimal128(_, _) => (
            format!("round(cast({sent} as double), {scale})"),
            format!("round(try_cast({found} as double), {scale})"),
        ),
        DataType::Boolean => (
            format!("cast({sent} as varchar)"),
            format!("lower({found})"),
        ),
        DataType::Timestamp(_, _) => (
            format!("date_trunc('second', cast({sent} as timestamp))"),
            format!("date_trunc('second', try_cast({found} as timestamp))"),
        ),
        DataType::List(_) => {
            let choices =
                |list: String| format!("array_to_string(array_sort(array_distinct({list})), ';')");
            // Items are joined with a unit separator first, so that a `;` inside one can be replaced as it was sent.
            let joined = format!("lower(replace(array_to_string({sent}, chr(31)), ';', ','))");
            (
                choices(format!("string_to_array({joined}, chr(31))")),
                choices(format!("string_to_array(lower({found}), ';')")),
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
