//! One cell as text: what a field wrote at the end of a buffer becomes a CSV cell or a JSON value in place.
//!
//! Comes in: a buffer whose tail (from `start`) is the raw value, and what kind of value it is. Goes out: the same
//! buffer with the tail quoted or escaped. Never allocates for clean values, which are nearly all of them.

use std::io::Write as _;

/// What a field has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CellKind {
    /// Nothing: an empty CSV cell, a JSON null.
    Empty,
    /// Text that needs neither quotes nor escapes in CSV.
    Plain,
    /// Text that may hold anything.
    Text,
    /// A JSON number, boolean, array or object; clean in CSV only when it is a number or a boolean.
    Literal,
}

/// Quotes the tail of `out` if CSV demands it.
pub(super) fn finish_csv(out: &mut Vec<u8>, start: usize, kind: CellKind) {
    let suspicious = match kind {
        CellKind::Text => true,
        CellKind::Literal => out.get(start) == Some(&b'['),
        CellKind::Empty | CellKind::Plain => false,
    };
    if !suspicious || !needs_quotes(&out[start..]) {
        return;
    }
    let raw = out.split_off(start);
    out.push(b'"');
    for byte in raw {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// Looks at every byte, without a way out on the first hit, so that the compiler can take many at once.
fn needs_quotes(text: &[u8]) -> bool {
    let special = |byte: u8| matches!(byte, b'"' | b',' | b'\n' | b'\r');
    text.iter()
        .fold(false, |found, byte| found | special(*byte))
}

/// Turns the tail of `out` into a JSON value.
pub(super) fn finish_json(out: &mut Vec<u8>, start: usize, kind: CellKind) {
    match kind {
        CellKind::Empty => out.extend_from_slice(b"null"),
        CellKind::Literal => {}
        CellKind::Plain | CellKind::Text => {
            let raw = out.split_off(start);
            write_json_string(out, &raw);
        }
    }
}

/// Writes `raw` as a JSON string. Bytes that are not UTF-8 pass through: a broken export has them too.
pub(super) fn write_json_string(out: &mut Vec<u8>, raw: &[u8]) {
    out.push(b'"');
    for &byte in raw {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => {
                let hex = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(hex[usize::from(byte >> 4)]);
                out.push(hex[usize::from(byte & 15)]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Writes a whole number.
pub(super) fn write_number(out: &mut Vec<u8>, mut value: u64) {
    let mut text = [0_u8; 20];
    let mut start = text.len();
    loop {
        start -= 1;
        text[start] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[start..]);
}

/// Writes `hundredths / 100` with two decimals, as `1250.00`.
pub(super) fn write_decimal(out: &mut Vec<u8>, hundredths: u64) {
    write_number(out, hundredths / 100);
    out.push(b'.');
    out.push(b'0' + (hundredths / 10 % 10) as u8);
    out.push(b'0' + (hundredths % 10) as u8);
}

/// Writes sixteen lower-case hexadecimal digits.
pub(super) fn write_hex(out: &mut Vec<u8>, value: u64) {
    write!(out, "{value:016x}").unwrap_or_default(); // a Vec never refuses bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(raw: &[u8]) -> Vec<u8> {
        let mut out = b"x,".to_vec();
        out.extend_from_slice(raw);
        finish_csv(&mut out, 2, CellKind::Text);
        out.split_off(2)
    }

    #[test]
    fn csv_quotes_only_what_needs_it() {
        assert_eq!(csv(b"a;b"), b"a;b");
        assert_eq!(csv(b"a,b"), b"\"a,b\"");
        assert_eq!(csv(b"say \"hi\"\n"), b"\"say \"\"hi\"\"\n\"");
    }

    #[test]
    fn json_strings_survive_a_parser() {
        let raw = "q\" b\\ n\n r\r t\t c\u{1} ż 🎯";
        let mut out = raw.as_bytes().to_vec();
        finish_json(&mut out, 0, CellKind::Text);
        let parsed: String = serde_json::from_slice(&out).unwrap();
        assert_eq!(parsed, raw);
    }

    #[test]
    fn numbers_have_no_padding_and_decimals_two_places() {
        let mut out = Vec::new();
        write_number(&mut out, 0);
        out.push(b' ');
        write_number(&mut out, u64::MAX);
        out.push(b' ');
        write_decimal(&mut out, 125_005);
        assert_eq!(out, b"0 18446744073709551615 1250.05");
    }
}
