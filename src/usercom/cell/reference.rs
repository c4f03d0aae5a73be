//! References that come as an id, as text (an e-mail address, a name), or as an object with both.
//!
//! A whole number is an id, anything else is text; the two halves go to two columns (`assigned_to_id`, `assigned_to_email`). A list
//! of one reference is that reference.

use std::borrow::Cow;

use super::elements::only;
use super::{integer, text_key};
use crate::usercom::json_text;

/// The id in a reference, if it has one.
#[must_use]
pub fn reference_id(cell: &str) -> Option<i64> {
    element_id(&only(cell.trim()))
}

/// The id in a reference to a record whose id may be text.
#[must_use]
pub fn reference_key(cell: &str) -> Option<i64> {
    match reference_key_text(cell) {
        Some(text) => Some(text_key(&text)),
        None => reference_id(cell),
    }
}

/// The id in such a reference where it is text. `007` is: the number 7 is written otherwise, and may be another record's.
#[must_use]
pub fn reference_key_text(cell: &str) -> Option<Cow<'_, str>> {
    of_only(cell, |text| {
        let id = match is_object(text) {
            true => object_text(text, "id").or_else(|| object_text(text, "name")),
            false => Some(Cow::Borrowed(text)),
        };
        id.filter(|id| {
            let has_zeros = matches!(id.trim().as_bytes(), [b'0', b'0'..=b'9', ..]);
            !id.is_empty() && (has_zeros || as_id(id).is_none())
        })
    })
}

/// The text in a reference, if it has one: of an object the value of `key`, else its name.
#[must_use]
pub fn reference_text<'a>(cell: &'a str, key: &str) -> Option<Cow<'a, str>> {
    of_only(cell, |text| {
        if text.is_empty() || as_id(text).is_some() {
            return None;
        }
        if is_object(text) {
            return object_text(text, key).or_else(|| object_text(text, "name"));
        }
        Some(Cow::Borrowed(text))
    })
}

/// The value of a key of a reference that is an object.
#[must_use]
pub fn reference_field<'a>(cell: &'a str, key: &str) -> Option<Cow<'a, str>> {
    of_only(cell, |text| {
        is_object(text).then(|| object_text(text, key)).flatten()
    })
}

/// The e-mail address in a reference; a name never stands in for it.
#[must_use]
pub fn reference_email(cell: &str) -> Option<Cow<'_, str>> {
    of_only(cell, |text| {
        if is_object(text) {
            return object_text(text, "email");
        }
        text.contains('@').then_some(Cow::Borrowed(text))
    })
}

/// What a reader finds in a cell, or in the one element of a list of one.
fn of_only<'a>(
    cell: &'a str,
    read: impl for<'b> Fn(&'b str) -> Option<Cow<'b, str>>,
) -> Option<Cow<'a, str>> {
    match only(cell.trim()) {
        Cow::Borrowed(text) => read(text),
        Cow::Owned(text) => read(&text).map(|found| Cow::Owned(found.into_owned())),
    }
}

pub(super) fn element_id(text: &str) -> Option<i64> {
    if is_object(text) {
        return json_text::get(text, "id")
            .and_then(json_text::cell)
            .as_deref()
            .and_then(as_id);
    }
    as_id(text)
}

/// The text of a list element: of an object the value of `key`, else its id; of anything else itself.
pub(super) fn element_text<'a>(text: &'a str, key: &str) -> Option<Cow<'a, str>> {
    if is_object(text) {
        return object_text(text, key).or_else(|| object_text(text, "id"));
    }
    Some(Cow::Borrowed(text))
}

fn object_text<'a>(object: &'a str, key: &str) -> Option<Cow<'a, str>> {
    json_text::get(object, key)
        .and_then(json_text::cell)
        .filter(|value| !value.is_empty())
}

fn is_object(text: &str) -> bool {
    text.starts_with('{') && json_text::is_valid(text)
}

/// Whether a text is a whole number; the test that tells an id from a name.
fn as_id(text: &str) -> Option<i64> {
    integer(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_half_of_a_reference_goes_to_its_column() {
        for (cell, id, text) in [
            ("17", Some(17), None),
            (" 17 ", Some(17), None),
            ("ann@example.com", None, Some("ann@example.com")),
            ("Ann", None, Some("Ann")),
            (
                r#"{"id":17,"email":"ann@example.com","name":"Ann"}"#,
                Some(17),
                Some("ann@example.com"),
            ),
            (r#"{"id":"17","name":"Ann"}"#, Some(17), Some("Ann")),
            (r#"{"email":null}"#, None, None),
            ("[17]", Some(17), None),
            ("{17}", Some(17), None),
            ("[\"Ann\"]", None, Some("Ann")),
            (
                r#"[{"id":17,"email":"ann@example.com"}]"#,
                Some(17),
                Some("ann@example.com"),
            ),
            ("[17,18]", None, Some("[17,18]")),
            ("", None, None),
        ] {
            assert_eq!(reference_id(cell), id, "{cell}");
            assert_eq!(reference_text(cell, "email").as_deref(), text, "{cell}");
        }
    }

    #[test]
    fn an_id_with_zeros_before_it_is_another_than_its_number() {
        assert_eq!(reference_key("7"), Some(7));
        assert_eq!(reference_key("[7]"), Some(7));
        assert_eq!(reference_key(r#"{"id":7,"name":"Nut"}"#), Some(7));
        assert_eq!(reference_key("007"), Some(text_key("007")));
        assert_eq!(reference_key(r#"{"id":"007"}"#), Some(text_key("007")));
        assert_eq!(reference_key_text(" 007 ").as_deref(), Some("007"));
        for cell in ["7", "0", "7.0", "[7]", ""] {
            assert_eq!(reference_key_text(cell), None, "{cell}");
        }
        assert_eq!(reference_id("007"), Some(7), "ids of our own are numbers");
    }

    #[test]
    fn a_key_or_an_address_has_no_stand_in() {
        let agent = r#"{"id":17,"key":null,"email":null,"name":"Ann"}"#;
        let person = r#"{"id":17,"key":"k-1","email":"ann@example.com"}"#;
        for (cell, key, email) in [
            (agent, None, None),
            (person, Some("k-1"), Some("ann@example.com")),
            ("ann@example.com", None, Some("ann@example.com")),
            ("Ann", None, None),
            ("17", None, None),
        ] {
            assert_eq!(reference_field(cell, "key").as_deref(), key, "{cell}");
            assert_eq!(reference_email(cell).as_deref(), email, "{cell}");
        }
    }
}
