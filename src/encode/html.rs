//! Text that is HTML, and the plain text in it (`guide/rules.md` 18).
//!
//! In: a value of a field that shows text as it is. Out: the text without tags, entities as letters, paragraphs as line
//! ends. Never: a change to text that merely holds `<` or `&`.

/// Elements that give HTML away. A text with none of them is left alone, whatever signs it holds.
const ELEMENTS: [&str; 24] = [
    "a",
    "b",
    "blockquote",
    "body",
    "br",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "head",
    "html",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "span",
    "strong",
    "table",
    "u",
    "ul",
];

/// Whether a text holds an HTML element.
pub(super) fn is_html(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let inner = rest.strip_prefix('/').unwrap_or(rest);
        let end = inner
            .find(|letter: char| !letter.is_ascii_alphanumeric())
            .unwrap_or(inner.len());
        let (name, behind) = inner.split_at(end);
        let closes = behind.starts_with(['>', '/', ' ', '\n', '\t', '\r']) && behind.contains('>');
        if closes
            && ELEMENTS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        {
            return true;
        }
    }
    false
}

/// The text that a reader of the HTML sees.
pub(super) fn plain_text(html: &str) -> String {
    nanohtml2text::html2text(html).replace("\r\n", "\n")
}

/// What a reader sees of HTML, without regard to how it is broken into lines: what two writings of one note have in common.
#[must_use]
pub fn visible_text(html: &str) -> String {
    let text = plain_text(html);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text as the body of a note: HTML as it is, anything else escaped, with its line ends
/// (`guide/salesforce.md` §4, ContentNote).
#[must_use]
pub fn note_html(text: &str) -> String {
    if is_html(text) {
        return text.to_owned();
    }
    let mut html = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\n' => html.push_str("<br>"),
            '\r' => {}
            _ => html.push(letter),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_alone_are_no_html() {
        for text in [
            "a < b and b > c",
            "x <3 y",
            "<me@example.com>",
            "1<p",
            "R&D",
            "<b",
        ] {
            assert!(!is_html(text), "{text}");
        }
        for text in [
            "<p>hello</p>",
            "a<br/>b",
            "see <a href=\"x\">this</a>",
            "<DIV>x",
        ] {
            assert!(is_html(text), "{text}");
        }
    }

    #[test]
    fn a_note_keeps_signs_and_lines() {
        assert_eq!(note_html("a < b\r\n& c"), "a &lt; b<br>&amp; c");
        assert_eq!(note_html("<p>x</p>"), "<p>x</p>");
    }

    #[test]
    fn tags_go_and_entities_become_letters() {
        let text = plain_text("<p>Dear &Auml;nne &amp; Bob,</p><p>price &lt; 5<br>bye</p>");
        assert!(text.starts_with("Dear Änne & Bob,"), "{text}");
        assert!(text.contains("price < 5\nbye"), "{text}");
        assert!(!text.contains("<p>"));
    }
}
