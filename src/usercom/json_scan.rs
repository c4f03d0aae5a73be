//! Where a JSON value ends that may take several lines, without a parser.
//!
//! In: text that begins with `{`. Out: its end, or that more text is needed, or that it is broken. What could not go on
//! in JSON (a line break inside a string, a value right behind another) ends the search, so that a record that
//! was cut does not swallow those behind it.

/// Most values inside each other; the reader of values takes no more either.
const DEEPEST: usize = 127;

/// What the search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The value's length.
    End(usize),
    /// The text ends before the value does.
    Open,
    /// It is no JSON value.
    Broken,
}

/// Finds the end of the object at the start of `text`.
pub(super) fn object_end(text: &[u8]) -> Found {
    let mut open: Vec<u8> = Vec::new();
    // The last byte that was no blank: a string counts as its closing quote, a number or word as its last letter.
    let mut last = b':';
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            b'{' | b'[' => {
                let in_object = open.last() == Some(&b'{');
                let may_follow = match last {
                    b':' => true,
                    b',' => !in_object,
                    b'[' => true,
                    _ => false,
                };
                if !may_follow || open.len() >= DEEPEST {
                    return Found::Broken;
                }
                open.push(byte);
            }
            b'}' | b']' => {
                let opening = if byte == b'}' { b'{' } else { b'[' };
                if open.pop() != Some(opening) {
                    return Found::Broken;
                }
                if open.is_empty() {
                    return Found::End(at + 1);
                }
            }
            b'"' => {
                if !matches!(last, b':' | b',' | b'[' | b'{') {
                    return Found::Broken;
                }
                match string_end(text, at) {
                    Found::End(end) => at = end - 1,
                    other => return other,
                }
            }
            b',' | b':' if matches!(last, b',' | b':' | b'{' | b'[') => return Found::Broken,
            _ => {}
        }
        last = byte;
        at += 1;
    }
    Found::Open
}

/// The end of the string whose quote is at `open`.
fn string_end(text: &[u8], open: usize) -> Found {
    let mut at = open + 1;
    while let Some(found) = text
        .get(at..)
        .and_then(|rest| memchr::memchr3(b'"', b'\\', b'\n', rest))
    {
        match text[at + found] {
            b'"' => return Found::End(at + found + 1),
            b'\n' => return Found::Broken,
            _ => at += found + 2,
        }
    }
    Found::Open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_ends_at_its_own_brace() {
        for (text, end) in [
            ("{}", 2),
            (
                "{\"a\": \"}\\\"\",\n \"b\": [1, {\"c\": null}]}{\"d\":1}",
                36,
            ),
            ("{\n  \"a\" : [\n {\"b\":1},\n {\"b\":2}\n ]\n}\n{", 35),
        ] {
            assert_eq!(object_end(text.as_bytes()), Found::End(end), "{text}");
        }
        for text in ["{", "{\"a", "{\"a\\", "{\"a\":[1,"] {
            assert_eq!(object_end(text.as_bytes()), Found::Open, "{text}");
        }
    }

    #[test]
    fn what_is_cut_does_not_swallow_what_follows() {
        for text in [
            "{\"id\":1,\"name\":\"x\n{\"id\":2}",
            "{\"id\":1,\n{\"id\":2}",
            "{\"id\":1\n{\"id\":2}",
            "{\"id\":1,\"tags\":[{\"id\":3}\n{\"id\":2}",
            "{\"id\"\n{\"id\":2}",
            "{]",
        ] {
            assert_eq!(object_end(text.as_bytes()), Found::Broken, "{text}");
        }
        let deep = "{\"a\":".repeat(1_000);
        assert_eq!(object_end(deep.as_bytes()), Found::Broken);
    }
}
