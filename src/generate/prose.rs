//! Free text of people and companies: ordinary sentences, and the kinds that break careless readers.
//!
//! Comes in: random bits or a number that chooses the kind. Goes out: text at the end of a buffer, always UTF-8, never a
//! NUL (databases cannot hold one).

use super::vocabulary::SENTENCES;

/// Text between a number of sentences and a limit of its field.
const NOTE_LONG: usize = 300;
/// More than any Salesforce long text area of the default size holds, in characters.
const NOTE_HUGE: usize = 33_500;

/// Special kinds of note.
pub(super) const SPECIAL_NOTES: u64 = 12;

/// One to three sentences.
pub(super) fn write_note(out: &mut Vec<u8>, bits: u64) {
    let count = 1 + bits % 3;
    for position in 0..count {
        if position > 0 {
            out.push(b' ');
        }
        let sentence = SENTENCES[(bits >> (8 + 8 * position)) as usize % SENTENCES.len()];
        out.extend_from_slice(sentence.as_bytes());
    }
}

/// A note of special kind number `kind % SPECIAL_NOTES`.
pub(super) fn write_special_note(out: &mut Vec<u8>, kind: u64) {
    let special = match kind % SPECIAL_NOTES {
        0 => return write_at_least(out, NOTE_LONG),
        1 => "He said \"call me\", then \"don't\".",
        2 => "First line\nsecond line, with a comma\n\nfourth line",
        3 => "Windows line\r\nand another\r\n",
        4 => {
            "Pasted from a terminal: \u{1b}[31mred\u{1b}[0m, bell \u{7}, tab\there, vertical\u{b}tab"
        }
        5 => "Lubi: CRM; automatyzacja; \"raporty, wykresy\"; kawę",
        6 => {
            "<p>Called <b>twice</b> &amp; wrote.<br/>See <a href=\"https://orlica.example/?a=1&b=2\">link</a></p><script>alert(1)</script>"
        }
        7 => "Zero\u{200b}width\u{200d}joiner and \u{feff}mark inside, soft\u{ad}hyphen",
        8 => "العميل يفضل الاتصال مساءً \u{202e}txet desrever\u{202c} OK",
        9 => {
            "Cafe\u{301} Zu\u{308}rich, zaz\u{307}o\u{301}łc\u{301} ge\u{328}s\u{301}la\u{328} jaz\u{301}n\u{301}"
        }
        10 => "Deal closed 🎉🎉 – thanks to 👩\u{200d}👩\u{200d}👧 and 🇵🇱 team 🚀",
        _ => "   leading and trailing spaces   ",
    };
    out.extend_from_slice(special.as_bytes());
}

/// A note that no field holds.
pub(super) fn write_huge_note(out: &mut Vec<u8>) {
    write_at_least(out, NOTE_HUGE);
}

/// Sentences until there are `characters` of them.
fn write_at_least(out: &mut Vec<u8>, characters: usize) {
    let mut written = 0;
    for sentence in SENTENCES.iter().cycle() {
        out.extend_from_slice(sentence.as_bytes());
        out.push(b' ');
        written += sentence.chars().count() + 1;
        if written > characters {
            break;
        }
    }
}

/// A company's description of special kind `kind`.
pub(super) fn write_special_description(out: &mut Vec<u8>, kind: u64) {
    let special = match kind % 5 {
        0 => {
            "<div class=\"about\"><h1>O nas</h1><p>Jesteśmy liderem &nbsp;rynku.</p><ul><li>B2B</li><li>B2C</li></ul></div>"
        }
        1 => "\"Najlepsi\" w branży, od 1989;\nsiedziba: Kraków",
        2 => "Control\u{1}characters\u{8}from\u{c}an old system",
        3 => "  שלום – hello – مرحبا \u{200f} 🏭  ",
        _ => "=HYPERLINK(\"https://latarnia.example\",\"click\")",
    };
    out.extend_from_slice(special.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_exceed_the_limits_they_are_made_for() {
        let mut long = Vec::new();
        write_special_note(&mut long, 0);
        let characters = String::from_utf8(long).unwrap().chars().count();
        assert!((256..1000).contains(&characters), "{characters}");
        let mut huge = Vec::new();
        write_huge_note(&mut huge);
        assert!(String::from_utf8(huge).unwrap().chars().count() > 32_768);
    }
}
