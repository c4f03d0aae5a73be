//! Cuts JSON text into the raw text of its parts without building a tree, so that values stay verbatim and nothing is
//! allocated per cell.
//!
//! In: text that [`is_valid`] has accepted. Out: slices of it. On other text the cuts are meaningless but stay inside
//! the text; nothing panics.

use std::borrow::Cow;

use memchr::memchr2;
use serde::de::IgnoredAny;

use super::code_page::whole_escapes;

/// Whether the text is one well-formed JSON value.
#[must_use]
pub fn is_valid(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The keys (still quoted) and values of an object; nothing for any other value.
pub fn entries(object: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = inner(object, b'{');
    std::iter::from_fn(move || {
        let (key, after) = next_value(rest)?;
        let after = after.trim_ascii_start().strip_prefix(':')?;
        let (value, after) = next_value(after)?;
        rest = after_comma(after);
        Some((key, value))
    })
}

/// The values of an array; nothing for any other value.
pub fn elements(array: &str) -> impl Iterator<Item = &str> {
    let mut rest = inner(array, b'[');
    std::iter::from_fn(move || {
        let (value, after) = next_value(rest)?;
        rest = after_comma(after);
        Some(value)
    })
}

/// The value of a key of an object; keys with escapes are not looked for.
#[must_use]
pub fn get<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    entries(object)
        .find(|(raw, _)| bare_key(raw) == Some(key))
        .map(|(_, value)| value)
}

/// A quoted key without its quotes, `None` if it has escapes.
#[must_use]
pub fn bare_key(raw: &str) -> Option<&str> {
    let key = raw.strip_prefix('"')?.strip_suffix('"')?;
    (!key.contains('\\')).then_some(key)
}

/// A value as a cell: strings without quotes and escapes, null as nothing, everything else as it is written.
/// Half a character in escapes becomes U+FFFD; `None` for a string whose escapes make no text even so.
#[must_use]
pub fn cell(raw: &str) -> Option<Cow<'_, str>> {
    if let Some(text) = raw.strip_prefix('"') {
        if !text.contains('\\') {
            return Some(Cow::Borrowed(text.strip_suffix('"').unwrap_or(text)));
        }
        let read = |raw: &str| serde_json::from_str::<String>(raw).ok();
        let text = read(raw).or_else(|| read(&whole_escapes(raw)?));
        return text.map(Cow::Owned);
    }
    Some(Cow::Borrowed(if raw == "null" { "" } else { raw }))
}

fn inner(value: &str, open: u8) -> &str {
    let value = value.trim_ascii();
    if value.as_bytes().first() == Some(&open) && value.len() >= 2 {
        &value[1..value.len() - 1]
    } else {
        ""
    }
}

fn after_comma(text: &str) -> &str {
    let text = text.trim_ascii_start();
    text.strip_prefix(',').unwrap_or(text)
}

/// The value at the start of `text` and what follows it.
fn next_value(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_ascii_start();
    let bytes = text.as_bytes();
    let end = match bytes.first()? {
        b'"' => string_end(bytes, 0),
        b'{' | b'[' => container_end(bytes),
        _ => bytes
            .iter()
            .position(|byte| {
                matches!(byte, b',' | b':' | b'}' | b']') || byte.is_ascii_whitespace()
            })
            .unwrap_or(bytes.len()),
    };
    // Every end lies right behind or before an ASCII byte, or at the end of the text.
    (end > 0).then(|| text.split_at_checked(end)).flatten()
}

fn string_end(bytes: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        if bytes[at + found] == b'"' {
            return at + found + 1;
        }
        at += found + 2;
    }
    bytes.len()
}

fn container_end(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_cut_into_verbatim_parts() {
        let text = r#" { "id" : 1.50 , "tags":[{"id":1,"name":"a]}\""}, 2], "x": null,"t":true } "#;
        assert!(is_valid(text));
        let parts: Vec<_> = entries(text).collect();
        assert_eq!(
            parts,
            [
                ("\"id\"", "1.50"),
                ("\"tags\"", r#"[{"id":1,"name":"a]}\""}, 2]"#),
                ("\"x\"", "null"),
                ("\"t\"", "true"),
            ]
        );
        let tags = get(text, "tags").unwrap();
        assert_eq!(
            elements(tags).collect::<Vec<_>>(),
            [r#"{"id":1,"name":"a]}\""}"#, "2"]
        );
    }

    #[test]
    fn cells_lose_quotes_escapes_and_nulls() {
        assert_eq!(cell("\"a\"").unwrap(), "a");
        assert_eq!(cell(r#""Zażółć \u0142\n""#).unwrap(), "Zażółć ł\n");
        assert_eq!(cell("null").unwrap(), "");
        assert_eq!(cell("1e3").unwrap(), "1e3");
        assert_eq!(cell("{\"a\":1}").unwrap(), "{\"a\":1}");
        assert_eq!(cell(r#""\ud800""#).unwrap(), "\u{fffd}");
        assert!(cell(r#""\ux""#).is_none());
    }

    #[test]
    fn broken_text_never_panics() {
        for text in [
            "{",
            "[",
            "{\"a",
            "{\"a\":",
            "[1,{",
            "\"",
            "{]",
            "[}",
            "{\"a\":\"ż\\",
            "",
            "ż",
            "[ż:ż,",
        ] {
            entries(text).take(9).count();
            elements(text).take(9).count();
        }
    }
}
