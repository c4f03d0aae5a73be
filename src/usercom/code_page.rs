//! Text whose bytes are not all UTF-8, read all the same (`guide/rules.md` 39).
//!
//! In: the bytes of one cell or line. Out: text, and what had to be done for it. A character that was cut, or half of one that
//! takes two, becomes U+FFFD; every other foreign byte is read as Windows-1250, which is what Polish programs write. Never: a
//! look at more than the text itself; that a whole file is foreign is for others to see.

use std::borrow::Cow;
use std::ops::Range;

use encoding_rs::WINDOWS_1250;

/// What was done to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Repair {
    /// Half a character became U+FFFD.
    BrokenCharacter,
    /// Bytes were read as Windows-1250.
    CodePage,
}

/// Text made of bytes, with the places that had to be repaired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// The text.
    pub text: String,
    /// Where in the text something was done, in order, and what.
    pub places: Vec<(Range<usize>, Repair)>,
}

/// Text as it is, or repaired.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(repaired(bytes).text),
    }
}

/// First of 256 characters of the last private plane that stand for foreign bytes while a record is taken apart.
const SHIELD: u32 = 0x10_fe00;

fn shield(letter: char) -> Option<u8> {
    u8::try_from(u32::from(letter).checked_sub(SHIELD)?).ok()
}

/// Text in which each foreign byte is a character that JSON allows in a string, so that what is cut out of the record can have
/// its bytes back ([`unshielded`]) and is repaired, and listed, where it is read. These characters themselves are treated as
/// foreign bytes.
pub(super) fn shielded(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && !may_be_shielded(text)
    {
        return Cow::Borrowed(text);
    }
    let mut record = String::with_capacity(bytes.len());
    let shields = |bytes: &[u8]| -> String {
        let shields = bytes.iter().map(|&byte| SHIELD + u32::from(byte));
        shields.filter_map(char::from_u32).collect()
    };
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match shield(letter) {
                None => record.push(letter),
                Some(_) => record.push_str(&shields(letter.encode_utf8(&mut [0; 4]).as_bytes())),
            }
        }
        record.push_str(&shields(chunk.invalid()));
    }
    Cow::Owned(record)
}

/// The bytes that [`shielded`] made characters of.
pub(super) fn unshielded(text: &str) -> Cow<'_, [u8]> {
    if !may_be_shielded(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match shield(letter) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// Whether a character of the last plane is in the text.
fn may_be_shielded(text: &str) -> bool {
    memchr::memchr(0xf4, text.as_bytes()).is_some()
}

/// Reads bytes that are not UTF-8.
#[must_use]
pub fn repaired(bytes: &[u8]) -> Repaired {
    let mut result = Repaired::default();
    let mut rest = bytes;
    let mut has_utf8 = false;
    while !rest.is_empty() {
        let (valid, bad) = match std::str::from_utf8(rest) {
            Ok(text) => (text, 0),
            Err(error) => {
                let valid = std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default();
                let left = rest.len() - valid.len();
                (valid, error.error_len().unwrap_or(left))
            }
        };
        has_utf8 |= !valid.is_ascii();
        result.text.push_str(valid);
        rest = &rest[valid.len()..];
        if bad == 0 {
            break;
        }
        let start = result.text.len();
        let (length, repair) = match broken(rest, has_utf8) {
            Some(length) => {
                result.text.push(char::REPLACEMENT_CHARACTER);
                (length, Repair::BrokenCharacter)
            }
            None => {
                let (text, _) = WINDOWS_1250.decode_without_bom_handling(&rest[..1]);
                let is_none = |letter: char| letter.is_control();
                result.text.push_str(&text.replace(
                    is_none,
                    char::REPLACEMENT_CHARACTER.encode_utf8(&mut [0; 4]),
                ));
                (1, Repair::CodePage)
            }
        };
        result.places.push((start..result.text.len(), repair));
        rest = &rest[length..];
    }
    result
}

/// How many bytes at the start are a character of which a part is missing, if they are.
fn broken(bytes: &[u8], has_utf8: bool) -> Option<usize> {
    match bytes {
        // Half of a character outside the basic plane, as some programs write it.
        [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => Some(3),
        // The beginning of one that takes four bytes: an emoji.
        [0xf0, 0x9f, 0x80..=0xbf, ..] => Some(3),
        [0xf0, 0x9f, ..] => Some(2),
        // Text that has whole ones was cut at its end.
        [0xc4..=0xc5 | 0xe2] | [0xc4..=0xc5, b'"', ..] if has_utf8 => Some(1),
        _ => None,
    }
}

/// Escapes of half a character (`\ud83d` without its other half) in the raw text of a JSON value, as `\ufffd`; `None` if
/// there are none.
#[must_use]
pub fn whole_escapes(raw: &str) -> Option<String> {
    let mut places = Vec::new();
    let bytes = raw.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        match unit(bytes, at) {
            Some(0xd800..=0xdbff) => match unit(bytes, at + 6) {
                Some(0xdc00..=0xdfff) => at += 12,
                _ => {
                    places.push(at);
                    at += 6;
                }
            },
            Some(0xdc00..=0xdfff) => {
                places.push(at);
                at += 6;
            }
            _ => at += 2,
        }
        if at >= bytes.len() {
            break;
        }
    }
    if places.is_empty() {
        return None;
    }
    let mut text = raw.to_owned();
    for place in places {
        text.replace_range(place..place + 6, "\\ufffd");
    }
    Some(text)
}

/// The code unit of an escape `\uXXXX` at a place.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_another_code_page_become_the_letters_they_are() {
        for (bytes, text) in [
            (&b"Za\xbf\xf3\xb3\xe6"[..], "Zażółć"),
            (b"Ko\x9cci\xf3\xb3", "Kościół"),
            (
                "Łódź i "
                    .bytes()
                    .chain(*b"G\xf3ra")
                    .collect::<Vec<u8>>()
                    .as_slice(),
                "Łódź i Góra",
            ),
            (b"a\x81b", "a\u{fffd}b"),
        ] {
            let repaired = repaired(bytes);
            assert_eq!(repaired.text, text);
            assert!(
                repaired
                    .places
                    .iter()
                    .all(|(_, repair)| *repair == Repair::CodePage)
            );
        }
    }

    #[test]
    fn a_character_that_was_cut_is_one_that_is_not_known() {
        for bytes in [
            &b"Ann \xf0\x9f\x98"[..],
            b"Ann \xf0\x9f",
            b"Ann \xed\xa0\xbd",
            b"\xc5\xbb\xc3\xb3 \xc5",
        ] {
            let repaired = repaired(bytes);
            assert!(repaired.text.ends_with('\u{fffd}'), "{repaired:?}");
            assert_eq!(repaired.places.len(), 1);
            assert_eq!(repaired.places[0].1, Repair::BrokenCharacter);
        }
    }

    #[test]
    fn half_an_escape_is_one_character_and_whole_ones_stay() {
        for (raw, whole) in [
            (r#""Ann \ud83d""#, Some(r#""Ann \ufffd""#)),
            (r#""Par\udcffis""#, Some(r#""Par\ufffdis""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""Bob \ud83d\ude00""#, None),
            (r#""back\\ud83d""#, None),
            (r#""\u0142 \n""#, None),
        ] {
            assert_eq!(whole_escapes(raw).as_deref(), whole, "{raw}");
        }
    }
}
