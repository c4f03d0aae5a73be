//! Lists and choices: `{a,"b,c"}` as PostgreSQL prints arrays, JSON arrays of texts, numbers or objects, `a;b`, `a,b`.
//!
//! An empty list is null, so that "no values" looks the same whichever form an export uses.

use std::borrow::Cow;

use super::elements::raw_elements;
use super::reference::{element_id, element_text, reference_key};
use super::{Fault, is_na};
use crate::usercom::json_text;

/// Reads a list of texts into `out`, which must be empty. A cell that as a whole is one of `choices` is one value, even with commas inside.
/// An item `#N/A` beside others is left out; `true` if there was one.
///
/// # Errors
/// [`Fault::UnparsableList`]; [`Fault::LiteralNa`] where nothing else is in it.
pub fn texts<'a>(
    cell: &'a str,
    choices: &[String],
    out: &mut Vec<Cow<'a, str>>,
) -> Result<bool, Fault> {
    let text = cell.trim();
    if choices.iter().any(|choice| choice == text) {
        out.push(Cow::Borrowed(text));
    } else {
        split(text, out)?;
    }
    let items = out.len();
    out.retain(|value| !is_na(value));
    match out.is_empty() && items > 0 {
        true => Err(Fault::LiteralNa),
        false => Ok(out.len() < items),
    }
}

/// Reads a list of ids into `out`, which must be empty: numbers, or objects with an `id`. One text without any id in it is
/// a name, which other columns take: it gives no ids and no fault.
///
/// # Errors
/// [`Fault::UnparsableList`], [`Fault::NotAnId`] when some of several elements have no id.
pub fn ids(cell: &str, out: &mut Vec<i64>) -> Result<(), Fault> {
    let mut values = Vec::new();
    raw_elements(cell.trim(), &mut values)?;
    for value in &values {
        match element_id(value) {
            Some(id) => out.push(id),
            None if values.len() == 1 => return Ok(()),
            None => return Err(Fault::NotAnId),
        }
    }
    Ok(())
}

/// The same for references to records whose ids may be text.
///
/// # Errors
/// [`Fault::UnparsableList`], [`Fault::NotAnId`].
pub fn keys(cell: &str, out: &mut Vec<i64>) -> Result<(), Fault> {
    let mut values = Vec::new();
    raw_elements(cell.trim(), &mut values)?;
    for value in &values {
        out.push(reference_key(value).ok_or(Fault::NotAnId)?);
    }
    Ok(())
}

/// The first element of a list of references; the cell itself if it is not a list.
///
/// # Errors
/// [`Fault::UnparsableList`].
pub fn first(cell: &str) -> Result<Option<Cow<'_, str>>, Fault> {
    let mut values = Vec::new();
    raw_elements(cell.trim(), &mut values)?;
    Ok((!values.is_empty()).then(|| values.swap_remove(0)))
}

/// Reads one choice, which may be wrapped as a list of one. Bare text is taken as it is, since a single choice may
/// well contain a comma. `None` for an empty list.
///
/// # Errors
/// [`Fault::UnparsableList`], [`Fault::SeveralChoices`].
pub fn choice(cell: &str) -> Result<Option<Cow<'_, str>>, Fault> {
    let text = cell.trim();
    if !matches!(text.as_bytes(), [b'{', .., b'}'] | [b'[', .., b']']) {
        return Ok((!text.is_empty()).then_some(Cow::Borrowed(text)));
    }
    let mut values = Vec::new();
    split(text, &mut values)?;
    match values.len() {
        0 => Ok(None),
        1 => Ok(values.pop()),
        _ => Err(Fault::SeveralChoices),
    }
}

fn split<'a>(text: &'a str, out: &mut Vec<Cow<'a, str>>) -> Result<(), Fault> {
    raw_elements(text, out)?;
    for value in out.iter_mut() {
        if value.starts_with('{') && json_text::is_valid(value) {
            let text = element_text(value, "name").ok_or(Fault::UnparsableList)?;
            *value = Cow::Owned(text.into_owned());
        }
    }
    out.retain(|value| !value.is_empty());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cell: &str) -> Result<Vec<String>, Fault> {
        let mut out = Vec::new();
        let left_out = texts(cell, &["Sales, Marketing".to_owned()], &mut out)?;
        assert_eq!(left_out, cell.contains("#N/A"), "{cell}");
        Ok(out.into_iter().map(Cow::into_owned).collect())
    }

    #[test]
    fn lists_in_every_variant_of_the_reference() {
        for (cell, values) in [
            ("{a,\"b,c\"}", vec!["a", "b,c"]),
            ("{ a , b }", vec!["a", "b"]),
            ("{}", vec![]),
            ("{a,NULL,\"NULL\"}", vec!["a", "NULL"]),
            (
                r#"{"say \"hi\"","back\\slash"}"#,
                vec!["say \"hi\"", "back\\slash"],
            ),
            ("{\"Zażółć; gęślą\"}", vec!["Zażółć; gęślą"]),
            (r#"["a","b,c"]"#, vec!["a", "b,c"]),
            (r#"["a", null, 3, true]"#, vec!["a", "3", "true"]),
            (
                r#"[{"id":1,"name":"VIP"},{"name":"x","id":2}]"#,
                vec!["VIP", "x"],
            ),
            (r#"[{"id":7}]"#, vec!["7"]),
            (r#"{"id":1,"name":"VIP"}"#, vec!["VIP"]),
            ("[]", vec![]),
            ("a;b", vec!["a", "b"]),
            ("a; b,c ;", vec!["a", "b,c"]),
            ("a, b", vec!["a", "b"]),
            ("a", vec!["a"]),
            ("Sales, Marketing", vec!["Sales, Marketing"]),
        ] {
            assert_eq!(read(cell).unwrap(), values, "{cell}");
        }
        for cell in ["{a", "{a,{b}}", "{\"a}", "{\"a\"b}", "[1", "[[1]]", "[{}]"] {
            assert_eq!(read(cell), Err(Fault::UnparsableList), "{cell}");
        }
        assert_eq!(read("a;#N/A").unwrap(), ["a"]);
        assert_eq!(read("{vip,\"#N/A\",crm}").unwrap(), ["vip", "crm"]);
        assert_eq!(read("{#N/A}"), Err(Fault::LiteralNa));
    }

    #[test]
    fn ids_are_found_in_every_kind_of_list() {
        let read = |cell: &str| {
            let mut out = Vec::new();
            ids(cell, &mut out).map(|()| out)
        };
        for (cell, expected) in [
            ("{12,15}", vec![12, 15]),
            ("[12, \"15\"]", vec![12, 15]),
            (
                r#"[{"id":12,"name":"A","member_since":"2020-01-01"},{"id":15}]"#,
                vec![12, 15],
            ),
            ("12;15", vec![12, 15]),
            ("12", vec![12]),
            ("[]", vec![]),
            ("Acme", vec![]),
        ] {
            assert_eq!(read(cell), Ok(expected), "{cell}");
        }
        assert_eq!(read("12;x"), Err(Fault::NotAnId));
        assert_eq!(read("Acme;Foo"), Err(Fault::NotAnId));
        assert_eq!(read("{12"), Err(Fault::UnparsableList));
    }

    #[test]
    fn a_choice_is_unwrapped_and_stays_whole() {
        for (cell, value) in [
            ("gold", Some("gold")),
            ("{gold}", Some("gold")),
            ("{\"gold, plated\"}", Some("gold, plated")),
            ("[\"gold\"]", Some("gold")),
            ("a, b; c", Some("a, b; c")),
            ("{}", None),
            ("[]", None),
        ] {
            assert_eq!(choice(cell).unwrap().as_deref(), value, "{cell}");
        }
        assert_eq!(choice("{a,b}"), Err(Fault::SeveralChoices));
        assert_eq!(choice("{\"a}"), Err(Fault::UnparsableList));
    }

    #[test]
    fn the_first_of_a_list_is_the_primary() {
        assert_eq!(
            first("[{\"id\":5},{\"id\":6}]").unwrap().as_deref(),
            Some("{\"id\":5}")
        );
        assert_eq!(first("{5,6}").unwrap().as_deref(), Some("5"));
        assert_eq!(first("Acme").unwrap().as_deref(), Some("Acme"));
        assert_eq!(first("[]").unwrap(), None);
        assert_eq!(first("{5"), Err(Fault::UnparsableList));
    }
}
