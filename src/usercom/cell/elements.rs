//! The elements of a list as they are written, whichever of the forms it has.
//!
//! In: a trimmed cell. Out: its elements without their quotes. Never: what an element means.

use std::borrow::Cow;

use super::Fault;
use crate::usercom::json_text;

/// The one element of a list of one; any other text itself.
#[must_use]
pub fn only(text: &str) -> Cow<'_, str> {
    if matches!(text.as_bytes(), [b'{', .., b'}'] | [b'[', .., b']']) {
        let mut values = Vec::new();
        if raw_elements(text, &mut values).is_ok() && values.len() == 1 {
            return values.swap_remove(0);
        }
    }
    Cow::Borrowed(text)
}

/// Elements without their quotes; objects and numbers as they are written.
pub(super) fn raw_elements<'a>(text: &'a str, out: &mut Vec<Cow<'a, str>>) -> Result<(), Fault> {
    match text.as_bytes() {
        [] => Ok(()),
        [b'[', ..] => json_array(text, out),
        [b'{', ..] if text.ends_with('}') && json_text::is_valid(text) && text.contains(':') => {
            out.push(Cow::Borrowed(text));
            Ok(())
        }
        [b'{', ..] => postgres_array(text, out),
        _ => {
            let separator = if text.contains(';') { ';' } else { ',' };
            let values = text
                .split(separator)
                .map(str::trim)
                .filter(|value| !value.is_empty());
            out.extend(values.map(Cow::Borrowed));
            Ok(())
        }
    }
}

fn json_array<'a>(text: &'a str, out: &mut Vec<Cow<'a, str>>) -> Result<(), Fault> {
    if !json_text::is_valid(text) {
        return Err(Fault::UnparsableList);
    }
    for raw in json_text::elements(text) {
        if raw.starts_with('[') {
            return Err(Fault::UnparsableList);
        }
        let value = json_text::cell(raw).ok_or(Fault::UnparsableList)?;
        if !value.is_empty() {
            out.push(value);
        }
    }
    Ok(())
}

/// `{a,"b \"c\"",NULL}`: unquoted elements are trimmed, an unquoted `NULL` is nothing.
fn postgres_array<'a>(text: &'a str, out: &mut Vec<Cow<'a, str>>) -> Result<(), Fault> {
    let body = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .ok_or(Fault::UnparsableList)?;
    let mut rest = body.trim_start();
    if rest.is_empty() {
        return Ok(());
    }
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (value, after) = quoted_element(quoted)?;
            out.push(value);
            rest = after.trim_start();
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let value = rest[..end].trim_end();
            if value.contains(['{', '}', '"']) {
                return Err(Fault::UnparsableList);
            }
            if !value.is_empty() && !value.eq_ignore_ascii_case("null") {
                out.push(Cow::Borrowed(value));
            }
            rest = &rest[end..];
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => return Ok(()),
            None => return Err(Fault::UnparsableList),
        }
    }
}

fn quoted_element(text: &str) -> Result<(Cow<'_, str>, &str), Fault> {
    let end = text.find(['"', '\\']).ok_or(Fault::UnparsableList)?;
    if text.as_bytes()[end] == b'"' {
        return Ok((Cow::Borrowed(&text[..end]), &text[end + 1..]));
    }
    let mut value = String::with_capacity(text.len());
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((Cow::Owned(value), &text[at + 1..])),
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    Err(Fault::UnparsableList)
}
