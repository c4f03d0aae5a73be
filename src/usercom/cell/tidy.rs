//! What spreadsheets leave around a value, and the values they have damaged.
//!
//! In: a cell. Out: the part of it that is the value. Never: another value; what cannot be told from text stays.

/// The value inside `="…"`, behind the apostrophe that keeps a spreadsheet from counting, or of `"…"` that was quoted twice.
#[must_use]
pub fn unwrapped(cell: &str) -> Option<&str> {
    let text = cell.trim_ascii();
    if let Some(inner) = text.strip_prefix("=\"") {
        let inner = inner.strip_suffix('"')?;
        return (!inner.contains('"')).then_some(inner);
    }
    let inner = text.strip_prefix('\'')?;
    let first = *inner.as_bytes().first()?;
    let counts = inner
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b" +-().,/".contains(&byte))
        && inner.bytes().any(|byte| byte.is_ascii_digit());
    // Other programs put it in front of what a spreadsheet would compute.
    (counts || matches!(first, b'=' | b'@' | b'+' | b'-')).then_some(inner)
}

/// Digits that a spreadsheet and a 64-bit float keep of any number.
const KEPT_DIGITS: usize = 15;

/// Whether a text is a number as spreadsheets write those that were too long for them, digits being gone: `4.86E+10`, or two zeros and
/// more in the place of all digits behind the fifteenth. (One zero there is as likely a digit of its own.)
#[must_use]
pub fn is_damaged_number(cell: &str) -> bool {
    let text = cell.trim_ascii();
    if text.len() > KEPT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = text.trim_start_matches('0');
        let (kept, rest) = digits.split_at(digits.len().min(KEPT_DIGITS));
        let is_round = kept.ends_with('0');
        return rest.len() > 1 && !is_round && rest.bytes().all(|byte| byte == b'0');
    }
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let Some(exponent) = exponent.strip_prefix('+') else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = mantissa
        .split_once(['.', ','])
        .map_or((mantissa, "0"), |(whole, fraction)| (whole, fraction));
    whole.len() == 1 && digits(whole) && digits(fraction) && digits(exponent) && exponent.len() <= 3
}

/// Whether a number has digits that a 64-bit float does not keep.
#[must_use]
pub fn loses_digits(cell: &str) -> bool {
    let text = cell.trim_ascii();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits <= KEPT_DIGITS {
        return false;
    }
    let Ok(value) = super::float(text) else {
        return false;
    };
    let plain = significant(text.split(['e', 'E']).next().unwrap_or_default());
    plain.len() > KEPT_DIGITS && significant(&value.to_string()) != plain
}

/// The digits of a number between its first and its last that is no zero.
fn significant(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    digits.trim_matches('0').to_owned()
}

/// A telephone number without the `.0` that a spreadsheet gave it.
#[must_use]
pub fn whole_number(cell: &str) -> Option<&str> {
    let whole = cell.trim_ascii().strip_suffix(".0")?;
    let digits = whole.strip_prefix('+').unwrap_or(whole);
    (digits.len() >= 6 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_put_around_a_value_is_taken_off() {
        for (cell, value) in [
            ("=\"+48600100200\"", Some("+48600100200")),
            (" =\"007\" ", Some("007")),
            ("=\"\"", Some("")),
            ("'+48 600", Some("+48 600")),
            ("'0012", Some("0012")),
            ("'=1+1", Some("=1+1")),
            ("'s-Hertogenbosch", None),
            ("'90s", None),
            ("'", None),
            ("=\"a\" & \"b\"", None),
            ("=1+1", None),
            ("plain", None),
        ] {
            assert_eq!(unwrapped(cell), value, "{cell}");
        }
    }

    #[test]
    fn a_number_that_lost_its_digits_shows() {
        for cell in [
            "4.86E+10",
            "4,86E+10",
            "5E+11",
            "-1.2e+15",
            "+4.86001E+10",
            "12345678901234500",
            " 123456789012345000 ",
        ] {
            assert!(is_damaged_number(cell), "{cell}");
        }
        for cell in [
            "E+10",
            "48.6E+10",
            "4.86E10",
            "4.86",
            "1e5",
            "A1E+10",
            "4.86E+1000",
            "123456789012345",
            "1234567890123450",
            "1234567890123456",
            "12345678901234510",
            "100000000000000000",
            "00000000000000000",
            "000000048600100200",
        ] {
            assert!(!is_damaged_number(cell), "{cell}");
        }
        for cell in [
            "12345678901234567",
            "1234567890.12345678",
            "12 345 678 901 234 567,89",
            "-9007199254740993",
        ] {
            assert!(loses_digits(cell), "{cell}");
        }
        for cell in [
            "123456789012345",
            "9007199254740992",
            "0.30000000000000004",
            "1500000000000000000000",
            "0.000000000000000000012",
            "1.0000000000000000000",
            "1.5e300",
            "n/a",
        ] {
            assert!(!loses_digits(cell), "{cell}");
        }
        assert_eq!(whole_number("48600100200.0"), Some("48600100200"));
        assert_eq!(whole_number("1.0"), None);
    }
}
