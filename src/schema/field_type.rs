//! Types of custom fields as people write them in `config/field_map.csv`, and what the Metadata API and describe
//! call them. Text in, type out, and back.

use std::{fmt, str::FromStr};

use thiserror::Error as ThisError;

/// Longest `Text` field.
pub(super) const MAX_TEXT: u32 = 255;
/// Longest `LongTextArea` field (`guide/salesforce.md` §5.2).
pub(super) const MAX_LONG_TEXT: u32 = 131_072;
/// Usual `LongTextArea` field.
pub(super) const LONG_TEXT: u32 = 32_768;
/// Shortest `LongTextArea` field.
const MIN_LONG_TEXT: u32 = 256;
/// Digits of a number in all.
pub(super) const MAX_PRECISION: u8 = 18;

/// The type of a custom field.
///
/// ```
/// # use transload::schema::FieldType;
/// let number: FieldType = "number(16, 2)".parse()?;
/// assert_eq!(number, FieldType::Number { precision: 16, scale: 2 });
/// assert_eq!(number.to_string(), "Number(16,2)");
/// # Ok::<(), transload::schema::ReadFieldTypeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldType {
    /// One line of text.
    Text {
        /// Characters, 1 to 255.
        length: u32,
    },
    /// Many lines of text; cannot be filtered or be a key.
    LongTextArea {
        /// Characters, 256 to 131,072.
        length: u32,
    },
    /// A decimal number.
    Number {
        /// Digits in all, 1 to 18. (Setup shows the digits before the point instead.)
        precision: u8,
        /// Digits after the point, at most `precision`.
        scale: u8,
    },
    /// An amount of money.
    Currency {
        /// As for `Number`.
        precision: u8,
        /// As for `Number`.
        scale: u8,
    },
    /// A percentage.
    Percent {
        /// As for `Number`.
        precision: u8,
        /// As for `Number`.
        scale: u8,
    },
    /// True or false, never empty.
    Checkbox,
    /// A day.
    Date,
    /// An instant.
    DateTime,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A web address.
    Url,
    /// One value of a list.
    Picklist,
    /// Several values of a list.
    MultiselectPicklist,
    /// The id of another record; which object it is of stands beside the type.
    Lookup,
}

/// A text that names no type.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("`{given}` is not a field type")]
pub struct ReadFieldTypeError {
    /// The text.
    pub given: String,
    /// The type that was probably meant.
    pub nearest: Option<&'static str>,
}

impl ReadFieldTypeError {
    /// The accepted forms.
    pub fn hint(&self) -> String {
        let forms = "write Text(1-255), LongTextArea(256-131072), Number(digits,decimals), \
                     Currency(digits,decimals), Percent(digits,decimals) with at most 18 digits in all, \
                     Checkbox, Date, DateTime, Email, Phone, Url, Picklist or MultiselectPicklist";
        match self.nearest {
            Some(nearest) => format!("did you mean {nearest}? {forms}"),
            None => forms.to_owned(),
        }
    }
}

const NAMES: &[&str] = &[
    "Text",
    "LongTextArea",
    "Number",
    "Currency",
    "Percent",
    "Checkbox",
    "Date",
    "DateTime",
    "Email",
    "Phone",
    "Url",
    "Picklist",
    "MultiselectPicklist",
    "Lookup",
];

impl FieldType {
    /// The name in metadata XML.
    pub fn metadata_name(self) -> &'static str {
        match self {
            Self::Text { .. } => "Text",
            Self::LongTextArea { .. } => "LongTextArea",
            Self::Number { .. } => "Number",
            Self::Currency { .. } => "Currency",
            Self::Percent { .. } => "Percent",
            Self::Checkbox => "Checkbox",
            Self::Date => "Date",
            Self::DateTime => "DateTime",
            Self::Email => "Email",
            Self::Phone => "Phone",
            Self::Url => "Url",
            Self::Picklist => "Picklist",
            Self::MultiselectPicklist => "MultiselectPicklist",
            Self::Lookup => "Lookup",
        }
    }

    /// Characters that it holds, as describe says; 0 for types without length.
    pub fn length(self) -> u32 {
        match self {
            Self::Text { length } | Self::LongTextArea { length } => length,
            Self::Email => 80,
            Self::Phone => 40,
            Self::Url | Self::Picklist => 255,
            Self::MultiselectPicklist => 4_099,
            Self::Lookup => 18,
            _ => 0,
        }
    }

    /// The name in describe (`guide/salesforce.md` §4).
    pub fn describe_name(self) -> &'static str {
        match self {
            Self::Text { .. } => "string",
            Self::LongTextArea { .. } => "textarea",
            Self::Number { .. } => "double",
            Self::Currency { .. } => "currency",
            Self::Percent { .. } => "percent",
            Self::Checkbox => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Picklist => "picklist",
            Self::MultiselectPicklist => "multipicklist",
            Self::Lookup => "reference",
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metadata_name())?;
        match self {
            Self::Text { length } | Self::LongTextArea { length } => write!(f, "({length})"),
            Self::Number { precision, scale }
            | Self::Currency { precision, scale }
            | Self::Percent { precision, scale } => write!(f, "({precision},{scale})"),
            _ => Ok(()),
        }
    }
}

impl FromStr for FieldType {
    type Err = ReadFieldTypeError;

    /// Ignores case and blanks; a size that is left out is the usual one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (name, sizes) = match compact.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').map(read_sizes)),
            None => (compact.as_str(), Some(Some(Vec::new()))),
        };
        let known = NAMES.iter().find(|known| known.eq_ignore_ascii_case(name));
        sizes
            .flatten()
            .and_then(|sizes| build(known?, &sizes))
            .ok_or_else(|| ReadFieldTypeError {
                given: text.to_owned(),
                nearest: known.copied().or_else(|| nearest(name)),
            })
    }
}

fn read_sizes(text: &str) -> Option<Vec<u32>> {
    text.split(',').map(|size| size.parse().ok()).collect()
}

fn build(name: &str, sizes: &[u32]) -> Option<FieldType> {
    Some(match name {
        "Text" => FieldType::Text {
            length: length(sizes, MAX_TEXT, 1..=MAX_TEXT)?,
        },
        "LongTextArea" => FieldType::LongTextArea {
            length: length(sizes, LONG_TEXT, MIN_LONG_TEXT..=MAX_LONG_TEXT)?,
        },
        "Number" => {
            let (precision, scale) = digits(sizes, 0)?;
            FieldType::Number { precision, scale }
        }
        "Currency" => {
            let (precision, scale) = digits(sizes, 2)?;
            FieldType::Currency { precision, scale }
        }
        "Percent" => {
            let (precision, scale) = digits(sizes, 2)?;
            FieldType::Percent { precision, scale }
        }
        _ if !sizes.is_empty() => return None,
        "Checkbox" => FieldType::Checkbox,
        "Date" => FieldType::Date,
        "DateTime" => FieldType::DateTime,
        "Email" => FieldType::Email,
        "Phone" => FieldType::Phone,
        "Url" => FieldType::Url,
        "Picklist" => FieldType::Picklist,
        "MultiselectPicklist" => FieldType::MultiselectPicklist,
        _ => return None,
    })
}

fn length(sizes: &[u32], usual: u32, allowed: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let length = match sizes {
        [] => usual,
        [length] => *length,
        _ => return None,
    };
    allowed.contains(&length).then_some(length)
}

fn digits(sizes: &[u32], usual_scale: u8) -> Option<(u8, u8)> {
    let (precision, scale) = match *sizes {
        [] => (MAX_PRECISION, usual_scale),
        [precision] => (u8::try_from(precision).ok()?, 0),
        [precision, scale] => (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?),
        _ => return None,
    };
    ((1..=MAX_PRECISION).contains(&precision) && scale <= precision).then_some((precision, scale))
}

fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    NAMES
        .iter()
        .map(|known| {
            (
                strsim::jaro_winkler(&known.to_ascii_lowercase(), &name),
                *known,
            )
        })
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_as_it_is_written() {
        for text in [
            "Text(80)",
            "LongTextArea(32768)",
            "Number(18,2)",
            "Currency(16,2)",
            "Percent(5,2)",
            "Checkbox",
            "Date",
            "DateTime",
            "Email",
            "Phone",
            "Url",
            "Picklist",
            "MultiselectPicklist",
        ] {
            let field_type: FieldType = text.parse().unwrap();
            assert_eq!(field_type.to_string(), text);
        }
    }

    #[test]
    fn case_and_blanks_do_not_matter_and_sizes_have_usual_values() {
        let read = |text: &str| text.parse::<FieldType>().unwrap().to_string();
        assert_eq!(read(" text "), "Text(255)");
        assert_eq!(read("NUMBER( 10 , 2 )"), "Number(10,2)");
        assert_eq!(read("number"), "Number(18,0)");
        assert_eq!(read("longtextarea"), "LongTextArea(32768)");
    }

    #[test]
    fn sizes_that_salesforce_refuses_are_refused() {
        for text in [
            "Text(0)",
            "Text(256)",
            "LongTextArea(255)",
            "LongTextArea(200000)",
            "Number(19,0)",
            "Number(4,5)",
            "Number(1,2,3)",
            "Date(3)",
            "Text(",
            "Text(a)",
        ] {
            assert!(text.parse::<FieldType>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_misspelt_type_is_answered_with_the_nearest() {
        let error = "Pick-list".parse::<FieldType>().unwrap_err();
        assert_eq!(error.to_string(), "`Pick-list` is not a field type");
        assert_eq!(error.nearest, Some("Picklist"));
        assert!(
            error
                .hint()
                .starts_with("did you mean Picklist? write Text(")
        );
        let error = "42".parse::<FieldType>().unwrap_err();
        assert_eq!(error.nearest, None);
    }
}
