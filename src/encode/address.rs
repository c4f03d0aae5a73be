//! An e-mail address that stands inside further text.
//!
//! In: a cell that is no address as it is. Out: the one address in it, where what stands around is a known form: a name
//! before `<…>`, `mailto:`, a remark in brackets, quotes, a full stop behind it, letters that nobody sees. Never: a choice
//! between two addresses, or a part of a text that merely has an `@`.

use super::text::{is_email, is_invisible};

/// The address in a text that is more than an address; none where the text is one, or has none.
#[must_use]
pub fn address_in(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.contains('@') || is_email(text) {
        return None;
    }
    inside(text, is_email)
}

/// The address in `text`.
pub(super) fn inside(text: &str, is_email: fn(&str) -> bool) -> Option<String> {
    let visible: String = text
        .chars()
        .filter(|&letter| !is_invisible(letter))
        .collect();
    if visible.matches('@').count() != 1 {
        return None;
    }
    let mut found = visible.trim();
    if let (Some(start), Some(end)) = (found.rfind('<'), found.rfind('>'))
        && start < end
    {
        found = &found[start + 1..end];
    } else if let (Some(start @ 1..), true) = (found.find('('), found.ends_with(')')) {
        found = &found[..start];
    }
    let is_edge = |letter: char| letter.is_whitespace() || "\"'<>()[],;".contains(letter);
    found = found.trim_matches(is_edge);
    if let Some((scheme, rest)) = found.split_once(':')
        && scheme.eq_ignore_ascii_case("mailto")
    {
        found = rest.split('?').next().unwrap_or_default();
    }
    let found = found.trim_matches(is_edge);
    let found = found.trim_end_matches(|letter| letter == '.' || is_edge(letter));
    is_email(found).then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<String> {
        inside(text, |text| {
            let whole = text
                .split_once('@')
                .is_some_and(|(_, domain)| domain.contains('.'));
            whole && !text.contains([' ', '<', '>', '(', ':'])
        })
    }

    #[test]
    fn one_address_is_taken_out_of_known_forms() {
        for text in [
            "Ann Ash <ann@x.example>",
            "mailto:ann@x.example",
            "MAILTO:ann@x.example?subject=hello",
            "<ann@x.example>",
            "'ann@x.example'",
            "\u{feff}ann@\u{200b}x.example",
            "ann@x.example (work)",
            "(ann@x.example)",
            "ann@x.example.",
            "Ann <ann@x.example.>",
            "ann@x.example;",
            "Ann <mailto:ann@x.example>",
        ] {
            assert_eq!(found(text).as_deref(), Some("ann@x.example"), "{text}");
        }
    }

    #[test]
    fn what_could_mean_another_address_is_left() {
        for text in [
            "ann@x.example, ben@x.example",
            "a nn@x.example",
            "ann at x.example",
            "Ann <ann@x.example> <ben@x.example>",
            "",
            "é@",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
