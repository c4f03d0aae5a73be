//! Lists in one cell: tags, choices, company ids, in the spellings that exports have (`guide/usercom.md` §6).
//!
//! Comes in: the items and a spelling. Goes out: bytes at the end of a buffer. A spelling that could not be read back
//! (an item with a semicolon in a semicolon list) gives way to braces.

use super::cell::{CellKind, write_json_string, write_number};

/// How a list is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// `{a,"b,c"}`, a PostgreSQL array.
    Braces,
    /// `["a","b,c"]`.
    Json,
    /// `a;b`.
    Semicolons,
}

impl Listing {
    /// All spellings.
    pub(super) const ALL: [Self; 3] = [Self::Braces, Self::Json, Self::Semicolons];
}

/// Writes texts as a list.
pub(super) fn write_texts(out: &mut Vec<u8>, items: &[&str], listing: Listing) -> CellKind {
    let ambiguous = || items.iter().any(|item| item.contains([';', ',']));
    let listing = if listing == Listing::Semicolons && ambiguous() {
        Listing::Braces
    } else {
        listing
    };
    frame(out, items, listing, |out, item| match listing {
        Listing::Braces => write_array_item(out, item),
        Listing::Json => write_json_string(out, item.as_bytes()),
        Listing::Semicolons => out.extend_from_slice(item.as_bytes()),
    })
}

/// Writes numbers as a list.
pub(super) fn write_numbers(out: &mut Vec<u8>, items: &[u64], listing: Listing) -> CellKind {
    frame(out, items, listing, |out, item| write_number(out, *item))
}

fn frame<T>(
    out: &mut Vec<u8>,
    items: &[T],
    listing: Listing,
    write: impl Fn(&mut Vec<u8>, &T),
) -> CellKind {
    let (open, separator, close): (&[u8], u8, &[u8]) = match listing {
        Listing::Braces => (b"{", b',', b"}"),
        Listing::Json => (b"[", b',', b"]"),
        Listing::Semicolons => (b"", b';', b""),
    };
    if items.is_empty() && listing == Listing::Semicolons {
        return CellKind::Empty;
    }
    out.extend_from_slice(open);
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(separator);
        }
        write(out, item);
    }
    out.extend_from_slice(close);
    if listing == Listing::Json {
        CellKind::Literal
    } else {
        CellKind::Text
    }
}

/// PostgreSQL quotes an array element that holds a delimiter, a brace, a quote, a backslash or white space.
fn write_array_item(out: &mut Vec<u8>, item: &str) {
    let special = |byte: u8| matches!(byte, b',' | b'"' | b'{' | b'}' | b'\\' | b' ');
    if !item.bytes().any(special) {
        out.extend_from_slice(item.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in item.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(items: &[&str], listing: Listing) -> String {
        let mut out = Vec::new();
        write_texts(&mut out, items, listing);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_list_has_three_spellings() {
        let items = ["a", "b,c", "say \"x\""];
        assert_eq!(texts(&items, Listing::Braces), r#"{a,"b,c","say \"x\""}"#);
        assert_eq!(texts(&items, Listing::Json), r#"["a","b,c","say \"x\""]"#);
        assert_eq!(texts(&["a", "b"], Listing::Semicolons), "a;b");
    }

    #[test]
    fn semicolon_list_gives_way_when_an_item_holds_one() {
        assert_eq!(texts(&["a;b", "c"], Listing::Semicolons), "{a;b,c}");
    }

    #[test]
    fn numbers_need_no_quotes() {
        let mut out = Vec::new();
        assert_eq!(
            write_numbers(&mut out, &[12, 15], Listing::Braces),
            CellKind::Text
        );
        assert_eq!(out, b"{12,15}");
    }
}
