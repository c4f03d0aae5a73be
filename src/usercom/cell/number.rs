//! Numbers: integers, floats, percentages, money.
//!
//! Accepted: a sign, a decimal point, an exponent in floats; spaces (also the non-breaking ones) and apostrophes
//! between groups of three; commas or points between groups when a decimal separator of the other kind or a
//! second group makes them plain (`1,250.00`, `1.250,00`, `1,234,567`); a decimal comma unless exactly one
//! to three digits precede and three follow it (`1250,5`, `12,50`, `1250,500`). Refused: `1,234` (could be either; of an amount
//! `1.234` too, since amounts have two decimals), currency signs and codes (`currency.rs` reads sums that have them), anything
//! else.

use super::Fault;

/// Longest text that can be a number.
const MAX_DIGITS: usize = 64;

/// A positive whole number, as ids are.
///
/// # Errors
/// [`Fault::NotAnId`].
pub fn key(cell: &str) -> Result<i64, Fault> {
    plain_integer(cell.trim_ascii().as_bytes())
        .or_else(|| integer(cell).ok())
        .filter(|&id| id > 0)
        .ok_or(Fault::NotAnId)
}

/// The number that stands for an id that is text, such as a UUID: the same for the same text, and beyond every number that a
/// source counts up to.
#[must_use]
pub fn text_key(text: &str) -> i64 {
    const FIRST: i64 = 1 << 61;
    let sum = xxhash_rust::xxh3::xxh3_64(text.trim().as_bytes());
    FIRST | (sum.cast_signed() & (FIRST - 1))
}

/// A whole number; `.0` and `.00` at its end are dropped.
///
/// # Errors
/// [`Fault::UnparsableInteger`], [`Fault::AmbiguousNumber`], [`Fault::CurrencySymbol`], [`Fault::NumberOutOfRange`].
pub fn integer(cell: &str) -> Result<i64, Fault> {
    let text = cell.trim_ascii();
    if let Some(value) = plain_integer(text.as_bytes()) {
        return Ok(value);
    }
    let number = Plain::read(text).map_err(|fault| match fault {
        Fault::UnparsableNumber => Fault::UnparsableInteger,
        other => other,
    })?;
    let digits = match number.fraction() {
        "" | "0" | "00" => number.whole(),
        // Three zeros after a point could be a thousands group.
        "000" => return Err(Fault::AmbiguousNumber),
        _ => return Err(Fault::UnparsableInteger),
    };
    let value: i64 = digits.parse().map_err(|_| Fault::NumberOutOfRange)?;
    Ok(if number.negative { -value } else { value })
}

/// A finite number.
///
/// # Errors
/// [`Fault::UnparsableNumber`], [`Fault::AmbiguousNumber`], [`Fault::CurrencySymbol`], [`Fault::NumberOutOfRange`].
pub fn float(cell: &str) -> Result<f64, Fault> {
    let text = cell.trim_ascii();
    let simple = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    if simple {
        return match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(_) => Err(Fault::NumberOutOfRange),
            Err(_) => Plain::read(text)?.to_float(),
        };
    }
    Plain::read(text)?.to_float()
}

/// A number from 0 to 100, with or without a percent sign.
///
/// # Errors
/// As [`float`]; [`Fault::NumberOutOfRange`] outside 0–100.
pub fn percent(cell: &str) -> Result<f64, Fault> {
    let text = cell.trim_ascii();
    let value = float(text.strip_suffix('%').unwrap_or(text))?;
    if (0.0..=100.0).contains(&value) {
        Ok(value)
    } else {
        Err(Fault::NumberOutOfRange)
    }
}

/// An amount in hundredths, 16 digits before the point at most.
///
/// # Errors
/// As [`float`], and [`Fault::TooManyDecimals`] when a third decimal is not zero.
pub fn money(cell: &str) -> Result<i128, Fault> {
    let text = cell.trim_ascii();
    let number = Plain::read(text)?;
    if is_group_or_fraction(text) {
        return Err(Fault::AmbiguousNumber);
    }
    let (cents, rest) = number.fraction().split_at(number.fraction().len().min(2));
    if rest.bytes().any(|digit| digit != b'0') {
        return Err(Fault::TooManyDecimals);
    }
    let whole = number.whole().trim_start_matches('0');
    if whole.len() > 16 {
        return Err(Fault::NumberOutOfRange);
    }
    let mut value: i128 = 0;
    for digit in whole.bytes() {
        value = value * 10 + i128::from(digit - b'0');
    }
    for place in 0..2 {
        let digit = cents.as_bytes().get(place).map_or(0, |digit| digit - b'0');
        value = value * 10 + i128::from(digit);
    }
    Ok(if number.negative { -value } else { value })
}

/// Whether a single point may stand between thousands: one to three digits before it, the first no zero, and three behind.
fn is_group_or_fraction(text: &str) -> bool {
    let body = text.trim_start_matches(['-', '+', '\u{2212}']);
    let Some((whole, rest)) = body.split_once('.') else {
        return false;
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    (1..=3).contains(&whole.len())
        && rest.len() == 3
        && digits(whole)
        && digits(rest)
        && !whole.starts_with('0')
}

/// Digits with an optional sign, at most 18 of them; the usual case, kept short.
fn plain_integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, bytes),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value: i64 = 0;
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(digit - b'0');
    }
    Some(if negative { -value } else { value })
}

/// A number reduced to its sign and digits.
struct Plain {
    negative: bool,
    digits: [u8; MAX_DIGITS],
    length: usize,
    /// How many of the digits precede the decimal separator.
    point: usize,
}

impl Plain {
    fn read(text: &str) -> Result<Self, Fault> {
        let (negative, body) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text.strip_prefix('\u{2212}').unwrap_or(text)),
        };
        let negative = negative || text.starts_with('\u{2212}');
        let decimal = decimal_separator(body)?;
        let mut plain = Self {
            negative,
            digits: [0; MAX_DIGITS],
            length: 0,
            point: usize::MAX,
        };
        let mut group: Option<char> = None;
        let mut run = 0;
        for (at, letter) in body.char_indices() {
            if letter.is_ascii_digit() {
                let slot = plain
                    .digits
                    .get_mut(plain.length)
                    .ok_or(Fault::NumberOutOfRange)?;
                *slot = u8::try_from(letter).unwrap_or(b'0');
                plain.length += 1;
                run += 1;
                continue;
            }
            let in_groups = group.is_some();
            if Some(at) == decimal {
                if in_groups && run != 3 {
                    return Err(Fault::UnparsableNumber);
                }
                plain.point = plain.length;
                group = None;
            } else if is_group(letter) && plain.point == usize::MAX {
                let opens = !in_groups && (1..=3).contains(&run);
                let follows = group == Some(letter) && run == 3;
                if !opens && !follows {
                    return Err(Fault::UnparsableNumber);
                }
                group = Some(letter);
            } else {
                return Err(Fault::UnparsableNumber);
            }
            run = 0;
        }
        if plain.length == 0 || (group.is_some() && run != 3) {
            return Err(Fault::UnparsableNumber);
        }
        plain.point = plain.point.min(plain.length);
        Ok(plain)
    }

    fn text(&self, from: usize, to: usize) -> &str {
        std::str::from_utf8(&self.digits[from..to]).unwrap_or_default()
    }

    fn whole(&self) -> &str {
        match self.text(0, self.point) {
            "" => "0",
            whole => whole,
        }
    }

    fn fraction(&self) -> &str {
        self.text(self.point, self.length)
    }

    fn to_float(&self) -> Result<f64, Fault> {
        let text = format!("{}.{}", self.whole(), self.fraction());
        let value: f64 = text.parse().map_err(|_| Fault::UnparsableNumber)?;
        Ok(if self.negative { -value } else { value })
    }
}

/// Where the decimal separator is, if there is one.
fn decimal_separator(body: &str) -> Result<Option<usize>, Fault> {
    if body
        .chars()
        .any(|letter| letter.is_alphabetic() || is_currency(letter))
    {
        let digits = body.bytes().any(|byte| byte.is_ascii_digit());
        return Err(if digits && is_amount_with_currency(body) {
            Fault::CurrencySymbol
        } else {
            Fault::UnparsableNumber
        });
    }
    let commas = body.matches(',').count();
    let points = body.matches('.').count();
    match (commas, points) {
        (0, 0) => Ok(None),
        (0, 1) => Ok(body.find('.')),
        (1, 0) => {
            let at = body.find(',').unwrap_or_default();
            let (before, after) = (&body[..at], &body[at + 1..]);
            let grouped = before.contains(is_space_group);
            if after.len() == 3 && (1..=3).contains(&before.len()) && !grouped {
                return Err(Fault::AmbiguousNumber);
            }
            Ok(Some(at))
        }
        // Several separators of one kind are groups; the other kind, once and last, is the decimal.
        (_, 0) | (0, _) => Ok(None),
        (_, 1) if body.rfind('.') > body.rfind(',') => Ok(body.rfind('.')),
        (1, _) if body.rfind(',') > body.rfind('.') => Ok(body.rfind(',')),
        _ => Err(Fault::UnparsableNumber),
    }
}

fn is_space_group(letter: char) -> bool {
    matches!(
        letter,
        ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}'
    )
}

fn is_group(letter: char) -> bool {
    matches!(letter, ',' | '.') || is_space_group(letter)
}

fn is_currency(letter: char) -> bool {
    matches!(letter, '$' | '\u{a2}'..='\u{a5}' | '\u{20a0}'..='\u{20cf}')
}

/// Letters or a sign before or after the digits, not among them.
fn is_amount_with_currency(body: &str) -> bool {
    let core = body.trim_matches(|letter: char| {
        letter.is_alphabetic() || is_currency(letter) || letter == '.' || is_space_group(letter)
    });
    !core.is_empty() && !core.contains(|letter: char| letter.is_alphabetic() || is_currency(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_in_every_accepted_form() {
        for (cell, value) in [
            ("0", 0),
            ("42", 42),
            ("-7", -7),
            ("+7", 7),
            (" 12 ", 12),
            ("12.0", 12),
            ("12.00", 12),
            ("1 234 567", 1_234_567),
            ("1\u{a0}234", 1_234),
            ("1,234,567", 1_234_567),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(integer(cell), Ok(value), "{cell}");
        }
        for (cell, fault) in [
            ("1,234", Fault::AmbiguousNumber),
            ("42.000", Fault::AmbiguousNumber),
            ("12.5", Fault::UnparsableInteger),
            ("abc", Fault::UnparsableInteger),
            ("12a", Fault::CurrencySymbol),
            ("1 23", Fault::UnparsableInteger),
            ("--1", Fault::UnparsableInteger),
            ("99999999999999999999", Fault::NumberOutOfRange),
            ("", Fault::UnparsableInteger),
        ] {
            assert_eq!(integer(cell), Err(fault), "{cell}");
        }
    }

    #[test]
    fn keys_are_positive() {
        assert_eq!(key("17"), Ok(17));
        assert_eq!(key(" 17.0"), Ok(17));
        for cell in ["0", "-1", "x", "1.5", "1,234"] {
            assert_eq!(key(cell), Err(Fault::NotAnId), "{cell}");
        }
    }

    #[test]
    fn money_in_every_accepted_form() {
        for (cell, cents) in [
            ("1250.00", 125_000),
            ("1250", 125_000),
            ("-5.5", -550),
            ("0.05", 5),
            (".5", 50),
            ("1250,5", 125_050),
            ("12,50", 1_250),
            ("1250,500", 125_050),
            ("1250.500", 125_050),
            ("0.500", 50),
            ("1,250.00", 125_000),
            ("1.250,00", 125_000),
            ("1 250,00", 125_000),
            ("1'250.50", 125_050),
            ("1,234,567", 123_456_700),
            ("1250.0000", 125_000),
            ("\u{2212}3", -300),
            ("9999999999999999.99", 999_999_999_999_999_999),
        ] {
            assert_eq!(money(cell), Ok(cents), "{cell}");
        }
        for (cell, fault) in [
            ("1,250", Fault::AmbiguousNumber),
            ("1.250", Fault::AmbiguousNumber),
            ("-12.500", Fault::AmbiguousNumber),
            ("€1,250.00", Fault::CurrencySymbol),
            ("1250 zł", Fault::CurrencySymbol),
            ("PLN 1250", Fault::CurrencySymbol),
            ("$5", Fault::CurrencySymbol),
            ("1250.005", Fault::TooManyDecimals),
            ("10000000000000000", Fault::NumberOutOfRange),
            ("1.2.3", Fault::UnparsableNumber),
            ("1,23,456", Fault::UnparsableNumber),
            ("1-2", Fault::UnparsableNumber),
            ("n/a", Fault::UnparsableNumber),
            ("-", Fault::UnparsableNumber),
        ] {
            assert_eq!(money(cell), Err(fault), "{cell}");
        }
    }

    #[test]
    fn floats_and_percentages() {
        for (cell, value) in [
            ("1.5", 1.5),
            ("1e3", 1000.0),
            ("-2,5", -2.5),
            ("1 000.25", 1000.25),
            ("7", 7.0),
        ] {
            assert_eq!(float(cell), Ok(value), "{cell}");
        }
        for (cell, fault) in [
            ("1e999", Fault::NumberOutOfRange),
            ("NaN", Fault::UnparsableNumber),
            ("inf", Fault::UnparsableNumber),
            ("1,234", Fault::AmbiguousNumber),
        ] {
            assert_eq!(float(cell), Err(fault), "{cell}");
        }
        assert_eq!(percent("70%"), Ok(70.0));
        assert_eq!(percent(" 12.5 "), Ok(12.5));
        assert_eq!(percent("101"), Err(Fault::NumberOutOfRange));
        assert_eq!(percent("-1"), Err(Fault::NumberOutOfRange));
    }
}
