//! Cells of CSV files → the JSON that the API would give.
//!
//! In: the text of a cell and what its column holds. Out: a boolean, a number, a list or a text; an odd cell is a text as
//! it stands, so that whoever reads it meets the same oddity. Never: a value that a reader of the cell would not arrive at.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde_json::value::RawValue;

use super::record::{Raw, raw, text_of, verbatim};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellKind {
    /// Text, also amounts of money, which the API writes as texts, and dates.
    Text,
    /// A whole number, the number of a code, or a reference that may also be text.
    Integer,
    /// A number.
    Float,
    /// True or false.
    Boolean,
    /// An instant.
    Time,
    /// A list of texts.
    Texts,
    /// A list of ids.
    Ids,
    /// Choices of an attribute: a list of texts, also where only one is allowed.
    Choices,
    /// Tags or lists by name: objects with id and name.
    Named,
    /// JSON.
    Json,
}

/// The JSON of a cell; none for an empty one.
pub(super) fn value(cell: &str, kind: CellKind) -> Option<Raw> {
    if cell.trim().is_empty() {
        return None;
    }
    let clean = match kind {
        CellKind::Text => None,
        CellKind::Integer => integer(cell),
        CellKind::Float => float(cell),
        CellKind::Boolean => boolean(cell),
        CellKind::Time => instant(cell),
        CellKind::Texts | CellKind::Named => list(cell).map(|values| raw(&values)),
        CellKind::Ids => ids(cell),
        CellKind::Choices => choices(cell),
        CellKind::Json => json(cell),
    };
    Some(clean.unwrap_or_else(|| raw(cell)))
}

fn integer(cell: &str) -> Option<Raw> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=18).contains(&digits.len())
        && (digits == "0" || !digits.starts_with('0'));
    plain.then(|| verbatim(cell)).flatten()
}

/// Digits as they are written: `26.50` stays that.
fn float(cell: &str) -> Option<Raw> {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let fits = plain(whole) && plain(fraction) && whole.len() + fraction.len() <= 15;
    (fits && (whole == "0" || !whole.starts_with('0')))
        .then(|| verbatim(cell))
        .flatten()
}

fn boolean(cell: &str) -> Option<Raw> {
    match cell {
        "t" | "true" | "True" | "TRUE" => verbatim("true"),
        "f" | "false" | "False" | "FALSE" => verbatim("false"),
        _ => None,
    }
}

/// An instant whose distance to UTC is known, as the API writes it.
fn instant(cell: &str) -> Option<Raw> {
    let (_, fraction) = cell.split_once('.').unwrap_or((cell, ""));
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let instant = zoned(cell).filter(|_| digits <= 6 && cell == cell.trim())?;
    let utc = instant.with_timezone(&Utc);
    Some(raw(&utc.to_rfc3339_opts(SecondsFormat::Micros, true)))
}

fn zoned(text: &str) -> Option<DateTime<FixedOffset>> {
    ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z"]
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok())
        .or_else(|| DateTime::parse_from_rfc3339(text).ok())
}

/// Microseconds since 1970 of a value that is an instant in any spelling; without a zone it is UTC.
pub(super) fn micros(value: &RawValue) -> Option<i64> {
    moment(&text_of(value)?)
}

/// The same of a text.
pub(super) fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(zoned) = zoned(text) {
        return Some(zoned.timestamp_micros());
    }
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let naive = naive.or_else(|| {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        day.and_hms_opt(0, 0, 0)
    })?;
    Some(naive.and_utc().timestamp_micros())
}

/// `{a,"b,c"}` without anything that could be read in two ways.
pub(super) fn list(cell: &str) -> Option<Vec<String>> {
    if cell.starts_with('[') {
        return serde_json::from_str(cell).ok();
    }
    let body = cell.strip_prefix('{')?.strip_suffix('}')?;
    let mut values = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let after = if let Some(quoted) = rest.strip_prefix('"') {
            let (value, after) = quoted_element(quoted)?;
            values.push(value);
            after
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let value = &rest[..end];
            let odd = value.is_empty()
                || value.trim() != value
                || value.contains(['{', '}', '"', '\\', ':'])
                || value.eq_ignore_ascii_case("null");
            if odd {
                return None;
            }
            values.push(value.to_owned());
            &rest[end..]
        };
        rest = match after.strip_prefix(',') {
            Some("") => return None,
            Some(next) => next,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(values)
}

fn quoted_element(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn ids(cell: &str) -> Option<Raw> {
    if cell.starts_with('[') {
        return json(cell);
    }
    if let Some(one) = integer(cell) {
        return Some(raw(&[one]));
    }
    let values = list(cell)?;
    let numbers: Option<Vec<Raw>> = values.iter().map(|value| integer(value)).collect();
    Some(raw(&numbers?))
}

fn choices(cell: &str) -> Option<Raw> {
    if cell.starts_with('[') {
        return json(cell);
    }
    let bare = !cell.contains([',', ';', '{', '}', '[', ']', '"']) && cell.trim() == cell;
    let values = if bare {
        Some(vec![cell.to_owned()])
    } else {
        list(cell)
    };
    values.map(|values| raw(&values))
}

/// An object or a list that is JSON already.
fn json(cell: &str) -> Option<Raw> {
    cell.starts_with(['{', '[']).then(|| verbatim(cell))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cell: &str, kind: CellKind) -> Option<String> {
        value(cell, kind).map(|value| value.get().to_owned())
    }

    #[test]
    fn clean_cells_are_typed_and_odd_ones_are_texts_as_they_stand() {
        for (cell, kind, json) in [
            ("17", CellKind::Integer, "17"),
            ("-3", CellKind::Integer, "-3"),
            ("007", CellKind::Integer, "\"007\""),
            ("1,234", CellKind::Integer, "\"1,234\""),
            ("ann@example.com", CellKind::Integer, "\"ann@example.com\""),
            ("26.50", CellKind::Float, "26.50"),
            ("1 250,5", CellKind::Float, "\"1 250,5\""),
            ("t", CellKind::Boolean, "true"),
            ("False", CellKind::Boolean, "false"),
            ("No", CellKind::Boolean, "\"No\""),
            ("1", CellKind::Boolean, "\"1\""),
            ("tak", CellKind::Boolean, "\"tak\""),
            ("1250.00", CellKind::Text, "\"1250.00\""),
            (
                "2024-02-03 10:00:00.5+00",
                CellKind::Time,
                "\"2024-02-03T10:00:00.500000Z\"",
            ),
            (
                "2024-02-03T10:00:00+02:00",
                CellKind::Time,
                "\"2024-02-03T08:00:00.000000Z\"",
            ),
            (
                "2024-02-03T10:00:00Z",
                CellKind::Time,
                "\"2024-02-03T10:00:00.000000Z\"",
            ),
            (
                "2024-02-03 10:00:00",
                CellKind::Time,
                "\"2024-02-03 10:00:00\"",
            ),
            ("yesterday", CellKind::Time, "\"yesterday\""),
            (r#"{a,"b,c"}"#, CellKind::Texts, r#"["a","b,c"]"#),
            (r#"["a","b"]"#, CellKind::Texts, r#"["a","b"]"#),
            ("{}", CellKind::Texts, "[]"),
            ("{a,{b}}", CellKind::Texts, r#""{a,{b}}""#),
            ("{a,NULL}", CellKind::Texts, r#""{a,NULL}""#),
            ("{a", CellKind::Texts, r#""{a""#),
            ("a;b", CellKind::Texts, r#""a;b""#),
            ("{12,15}", CellKind::Ids, "[12,15]"),
            ("[12, 15]", CellKind::Ids, "[12, 15]"),
            ("12", CellKind::Ids, "[12]"),
            ("12;15", CellKind::Ids, r#""12;15""#),
            ("gold", CellKind::Choices, r#"["gold"]"#),
            ("{gold}", CellKind::Choices, r#"["gold"]"#),
            (
                "Sales, Marketing",
                CellKind::Choices,
                r#""Sales, Marketing""#,
            ),
            (r#"{"a": [1]}"#, CellKind::Json, r#"{"a": [1]}"#),
            ("{a}", CellKind::Json, r#""{a}""#),
        ] {
            assert_eq!(shown(cell, kind).as_deref(), Some(json), "{cell}");
        }
        assert_eq!(shown("  ", CellKind::Text), None);
    }

    #[test]
    fn instants_are_compared_across_their_spellings() {
        let same = [
            "2024-02-03T10:00:00Z",
            "2024-02-03 10:00:00",
            "2024-02-03 10:00:00+00",
            "2024-02-03T12:00:00.000000+02:00",
        ];
        for text in same {
            assert_eq!(moment(text), Some(1_706_954_400_000_000), "{text}");
        }
        assert_eq!(moment("never"), None);
    }
}
