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

/// Whether a text is a number as spreadsheets write those that were too long for them, `4.86E+10`: digits are gone.
#[must_use]
pub fn is_damaged_number(cell: &str) -> bool {
    let text = cell.trim_ascii();
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
        for cell in ["4.86E+10", "4,86E+10", "5E+11", "-1.2e+15", "+4.86001E+10"] {
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
        ] {
            assert!(!is_damaged_number(cell), "{cell}");
        }
        assert_eq!(whole_number("48600100200.0"), Some("48600100200"));
        assert_eq!(whole_number("1.0"), None);
    }
}
