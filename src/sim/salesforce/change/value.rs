//! Text → the canonical text of a field's type, or the error the real service gives.
//!
//! In: a cell as sent. Out: what is stored: strings trimmed, line ends `\n`, e-mail in lower case, decimals rounded to
//! the field's scale, date-times in UTC with whole seconds, picklist values in the spelling of the definition. That
//! e-mail is lower-cased and `\r\n` becomes `\n` is not in the reference: the harsher reading is taken, so that a
//! comparison that cannot stand it is found out here. Also writes decimals the way Java does, as the real service.

use std::borrow::Cow;
use std::fmt::Write;

use chrono::{Duration, NaiveDate, NaiveDateTime};

use super::super::schema::{FieldDefinition, FieldType};
use super::error::RowError;

/// Characters Salesforce keeps at most in a URL, a string, …: the field's length; this caps types without one.
const NO_LENGTH: u32 = 131_072;

/// Appends the canonical form of `text` to `out`; false if it is empty, which is null.
pub(crate) fn canonical(
    field: &FieldDefinition,
    text: &str,
    out: &mut String,
) -> Result<bool, RowError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(false);
    }
    match field.kind {
        FieldType::Boolean => out.push_str(boolean(text).ok_or_else(|| wrong_type(field, text))?),
        FieldType::Int => int(field, text, out)?,
        FieldType::Currency | FieldType::Double | FieldType::Percent => decimal(field, text, out)?,
        FieldType::Date => out.push_str(date(text).ok_or_else(|| wrong_type(field, text))?),
        FieldType::Datetime => {
            out.push_str(&datetime(text).ok_or_else(|| wrong_type(field, text))?);
        }
        FieldType::Email => email(field, text, out)?,
        FieldType::Picklist | FieldType::Combobox => out.push_str(&picklist(field, text)?),
        FieldType::Multipicklist => {
            for (at, value) in text
                .split(';')
                .map(str::trim)
                .filter(|value| !value.is_empty())
                .enumerate()
            {
                if at > 0 {
                    out.push(';');
                }
                out.push_str(&picklist(field, value)?);
            }
        }
        FieldType::Id | FieldType::Reference | FieldType::Address | FieldType::Base64 => {
            out.push_str(text)
        }
        FieldType::Textarea if text.contains('\r') => {
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            within_length(field, &text)?;
            out.push_str(&text);
        }
        FieldType::String | FieldType::Textarea | FieldType::Phone | FieldType::Url => {
            within_length(field, text)?;
            out.push_str(text);
        }
    }
    Ok(true)
}

fn within_length(field: &FieldDefinition, text: &str) -> Result<(), RowError> {
    let limit = if field.length == 0 {
        NO_LENGTH
    } else {
        field.length
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if text.len() <= limit || text.chars().count() <= limit {
        return Ok(());
    }
    let message = format!(
        "{}: data value too large: {text} (max length={limit})",
        field.label
    );
    Err(RowError::on("STRING_TOO_LONG", message, &[&field.name]))
}

fn wrong_type(field: &FieldDefinition, text: &str) -> RowError {
    let message = format!("{}: value not of required type: {text}", field.label);
    RowError::on("INVALID_TYPE_ON_FIELD_IN_RECORD", message, &[&field.name])
}

fn out_of_range(field: &FieldDefinition, text: &str) -> RowError {
    let message = format!(
        "{}: value outside of valid range on numeric field: {text}",
        field.label
    );
    RowError::on("NUMBER_OUTSIDE_VALID_RANGE", message, &[&field.name])
}

/// The Bulk guide names no grammar (§1.6): `true`, `false`, `1` and `0` are taken, the rest refused.
fn boolean(text: &str) -> Option<&'static str> {
    if text.eq_ignore_ascii_case("true") || text == "1" {
        Some("true")
    } else if text.eq_ignore_ascii_case("false") || text == "0" {
        Some("false")
    } else {
        None
    }
}

fn int(field: &FieldDefinition, text: &str, out: &mut String) -> Result<(), RowError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
        return Err(wrong_type(field, text));
    }
    let limit = 10i64.pow(field.precision.clamp(1, 18));
    match text.parse::<i64>() {
        Ok(value) if value.abs() < limit => {
            let _infallible = write!(out, "{value}");
            Ok(())
        }
        _ => Err(out_of_range(field, text)),
    }
}

/// Sign, digits and exponent of a decimal such as `-12.5E3`.
fn parts(text: &str) -> Option<(bool, String, i32)> {
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (number, exponent) = match text.find(['e', 'E']) {
        Some(at) => (
            &text[..at],
            text[at + 1..]
                .parse::<i32>()
                .ok()
                .filter(|e| e.abs() < 400)?,
        ),
        None => (text, 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let shift = i32::try_from(fraction.len()).ok()?;
    (!digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit())).then_some((
        negative,
        digits,
        exponent - shift,
    ))
}

fn decimal(field: &FieldDefinition, text: &str, out: &mut String) -> Result<(), RowError> {
    let (negative, mut digits, mut exponent) =
        parts(text).ok_or_else(|| wrong_type(field, text))?;
    let scale = i32::try_from(field.scale).unwrap_or(0);
    // Half up, away from zero, at the field's scale; the reference names the coercion but not the rule.
    if exponent < -scale {
        let cut = usize::try_from(-scale - exponent).unwrap_or(0);
        let keep = digits.len().saturating_sub(cut);
        let up = cut <= digits.len() && digits.as_bytes().get(keep).is_some_and(|&c| c >= b'5');
        digits.truncate(keep);
        if up {
            digits = increment(&digits);
        }
        exponent = -scale;
    }
    let stripped = digits.trim_start_matches('0');
    let whole_digits = i32::try_from(stripped.len())
        .unwrap_or(i32::MAX)
        .saturating_add(exponent);
    let allowed = i32::try_from(field.precision.saturating_sub(field.scale)).unwrap_or(18);
    if stripped.is_empty() {
        out.push('0');
        return Ok(());
    }
    if whole_digits > allowed {
        return Err(out_of_range(field, text));
    }
    if negative {
        out.push('-');
    }
    plain(stripped, exponent, out);
    Ok(())
}

fn increment(digits: &str) -> String {
    let mut bytes = digits.as_bytes().to_vec();
    for byte in bytes.iter_mut().rev() {
        if *byte == b'9' {
            *byte = b'0';
        } else {
            *byte += 1;
            return String::from_utf8(bytes).unwrap_or_default();
        }
    }
    format!("1{}", String::from_utf8(bytes).unwrap_or_default())
}

/// Writes digits × 10^exponent without exponent and without needless zeros.
fn plain(digits: &str, exponent: i32, out: &mut String) {
    if exponent >= 0 {
        out.push_str(digits);
        out.extend(std::iter::repeat_n(
            '0',
            usize::try_from(exponent).unwrap_or(0),
        ));
        return;
    }
    let fraction = usize::try_from(-exponent).unwrap_or(0);
    let (whole, rest) = match digits.len().checked_sub(fraction) {
        Some(at) if at > 0 => (&digits[..at], digits[at..].to_owned()),
        _ => ("0", format!("{digits:0>fraction$}")),
    };
    out.push_str(whole);
    let rest = rest.trim_end_matches('0');
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
}

/// A stored decimal the way the service shows doubles in CSV: `2676.0`, `9.12260031E8` (§1.5).
pub(crate) fn java_double(text: &str) -> String {
    let Ok(value) = text.parse::<f64>() else {
        return text.to_owned();
    };
    let size = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{value:?}");
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{point}E{exponent}")
}

fn date(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    (bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-').then_some(())?;
    let year: i32 = number(&bytes[..4])?.try_into().ok()?;
    NaiveDate::from_ymd_opt(year, number(&bytes[5..7])?, number(&bytes[8..])?)?;
    (1700..=4000).contains(&year).then_some(text)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |sum, c| {
        c.is_ascii_digit().then(|| sum * 10 + u32::from(c - b'0'))
    })
}

/// `yyyy-MM-ddTHH:mm:ss[.SSS](Z|±HH:mm)` → UTC with the milliseconds cut.
pub(crate) fn datetime(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes[10] != b'T' || bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    date(text.get(..10)?)?;
    let (hour, minute, second) = (
        number(&bytes[11..13])?,
        number(&bytes[14..16])?,
        number(&bytes[17..19])?,
    );
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut zone = text.get(19..)?;
    if let Some(fraction) = zone.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        zone = (1..=9).contains(&digits).then(|| &fraction[digits..])?;
    }
    if zone == "Z" {
        return Some(format!("{}.000Z", &text[..19]));
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => -1,
        b'-' => 1,
        _ => return None,
    };
    let offset = zone[1..].replace(':', "");
    let minutes = number(offset.get(..2)?.as_bytes())? * 60 + number(offset.get(2..4)?.as_bytes())?;
    let local = NaiveDateTime::parse_from_str(&text[..19], "%Y-%m-%dT%H:%M:%S").ok()?;
    let utc = local.checked_add_signed(Duration::minutes(sign * i64::from(minutes)))?;
    (offset.len() == 4).then(|| utc.format("%Y-%m-%dT%H:%M:%S.000Z").to_string())
}

fn email(field: &FieldDefinition, text: &str, out: &mut String) -> Result<(), RowError> {
    within_length(field, text)?;
    if !plausible_email(text) {
        let message = format!("{}: invalid email address: {text}", field.label);
        return Err(RowError::on(
            "INVALID_EMAIL_ADDRESS",
            message,
            &[&field.name],
        ));
    }
    out.extend(text.chars().map(|c| c.to_ascii_lowercase()));
    Ok(())
}

fn plausible_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let local_fits =
        !local.is_empty() && local.len() <= 64 && local.chars().all(atom) && !local.ends_with('.');
    let label = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !part.starts_with('-')
    };
    local_fits && !local.contains("..") && domain.contains('.') && domain.split('.').all(label)
}

fn picklist<'a>(field: &FieldDefinition, text: &'a str) -> Result<Cow<'a, str>, RowError> {
    let mut known = field.picklist.iter();
    let known = known.find(|known| known.value.eq_ignore_ascii_case(text));
    if let Some(known) = known.filter(|known| known.active || !field.restricted) {
        return Ok(Cow::Owned(known.value.clone()));
    }
    if field.restricted {
        let message = format!(
            "{}: bad value for restricted picklist field: {text}",
            field.label
        );
        return Err(RowError::on(
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            message,
            &[&field.name],
        ));
    }
    within_length(field, text)?;
    Ok(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: FieldType, text: &str) -> Result<String, String> {
        let mut field = FieldDefinition::new("X__c", "X", kind);
        (field.length, field.precision, field.scale) = (10, 8, 2);
        let mut out = String::new();
        canonical(&field, text, &mut out)
            .map(|_| out)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn decimals_are_rounded_to_their_scale() {
        for (text, expected) in [
            ("1500.00", "1500"),
            ("0.005", "0.01"),
            ("-2.345", "-2.35"),
            ("9.9E2", "990"),
            ("0.004", "0"),
            ("999.999", "1000"),
            ("12.30", "12.3"),
            ("00.5", "0.5"),
            (".05", "0.05"),
        ] {
            assert_eq!(
                read(FieldType::Currency, text).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
        assert!(
            read(FieldType::Currency, "1000000")
                .unwrap_err()
                .starts_with("NUMBER_OUTSIDE_VALID_RANGE:X: ")
        );
        assert!(
            read(FieldType::Currency, "1,5")
                .unwrap_err()
                .starts_with("INVALID_TYPE_ON_FIELD_IN_RECORD:X: ")
        );
    }

    #[test]
    fn whole_number_field_refuses_a_point() {
        assert_eq!(
            read(FieldType::Int, "250.0").unwrap_err(),
            "INVALID_TYPE_ON_FIELD_IN_RECORD:X: value not of required type: 250.0:X__c --"
        );
        assert_eq!(read(FieldType::Int, "+250").as_deref(), Ok("250"));
    }

    #[test]
    fn date_times_become_utc_without_milliseconds() {
        for (text, expected) in [
            ("2024-01-31T23:30:00.987Z", "2024-01-31T23:30:00.000Z"),
            ("2024-01-31T23:30:00-02:00", "2024-02-01T01:30:00.000Z"),
            ("2024-01-31T00:30:00.5+0100", "2024-01-30T23:30:00.000Z"),
        ] {
            assert_eq!(read(FieldType::Datetime, text).as_deref(), Ok(expected));
        }
        for text in [
            "2024-01-31",
            "2024-01-31T10:00:00",
            "2024-02-30T10:00:00Z",
            "2024-01-31 10:00:00Z",
        ] {
            assert!(read(FieldType::Datetime, text).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_are_trimmed_cut_never_and_counted_in_characters() {
        assert_eq!(
            read(FieldType::String, "  żółwżółwżó ").as_deref(),
            Ok("żółwżółwżó")
        );
        assert_eq!(
            read(FieldType::String, "12345678901").unwrap_err(),
            "STRING_TOO_LONG:X: data value too large: 12345678901 (max length=10):X__c --"
        );
        assert_eq!(read(FieldType::Textarea, "a\r\nb").as_deref(), Ok("a\nb"));
    }

    #[test]
    fn e_mail_is_checked_and_lower_cased() {
        assert_eq!(read(FieldType::Email, "A@b.CO").as_deref(), Ok("a@b.co"));
        for text in ["a", "a@b", "a b@c.d", "a@b..c", "@b.c"] {
            assert_eq!(
                read(FieldType::Email, text).unwrap_err(),
                format!("INVALID_EMAIL_ADDRESS:X: invalid email address: {text}:X__c --")
            );
        }
    }

    #[test]
    fn doubles_look_like_java_s() {
        for (text, expected) in [
            ("912260031", "9.12260031E8"),
            ("2676", "2676.0"),
            ("0", "0.0"),
            ("10000000", "1.0E7"),
            ("0.0001", "1.0E-4"),
        ] {
            assert_eq!(java_double(text), expected);
        }
    }
}
