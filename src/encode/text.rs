//! What texts are made of: control characters, lengths in characters, the shape of an address.
//!
//! In: one text. Out: a verdict, or a part of it. Never: a decision about what becomes of a value.

/// Whether any byte may belong to a control character: the common case is that none does in a whole column.
pub(super) fn may_hold_control(bytes: &[u8]) -> bool {
    // U+0080 to U+009F begin with C2, as do some printable characters.
    let suspicious = |byte: u8| {
        (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) || matches!(byte, 0x7f | 0xc2)
    };
    // Without an early end the loop works on many bytes at once.
    bytes
        .iter()
        .fold(false, |found, &byte| found | suspicious(byte))
}

/// Control characters other than tab and line ends.
pub(super) fn is_control(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\t' | '\n' | '\r')
}

/// Letters without a width, and those that only say in which direction others run.
#[must_use]
pub fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
    )
}

/// At most `chars` characters, without a trailing space that Salesforce would trim.
pub(super) fn cut(text: &str, chars: usize) -> &str {
    match text.char_indices().nth(chars) {
        Some((end, _)) => text[..end].trim_end(),
        None => text,
    }
}

/// The shape Salesforce accepts: one `@`, a local part of up to 64 characters, a domain with a dot, no spaces.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte));
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let mut labels = domain.split('.');
    let top = labels.next_back().unwrap_or_default();
    local_ok
        && domain.contains('.')
        && labels.all(label_ok)
        && top.len() >= 2
        && label_ok(top)
        && !top.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged_by_shape() {
        for good in ["a@b.co", "first.last+tag@sub.example.org", "o'neil@x-y.io"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "a@b", "a b@c.de", "@c.de", "a@c..de", "a@@c.de", "ż@c.de", "a.@c.de",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
