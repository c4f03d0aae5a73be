//! What may be shown: messages of the server go in, text without credentials and without record values comes out.
//! Nothing here decides what happens; it never logs.

const MASK: &str = "…";
const LONGEST_MESSAGE: usize = 400;

/// Phrases after which Salesforce repeats a record value, with the text that ends the value
/// (`guide/salesforce.md` §7).
const VALUE_PHRASES: &[(&str, &str)] = &[
    ("data value too large: ", " (max length"),
    ("bad value for restricted picklist field: ", ""),
    ("id value of incorrect type: ", ""),
    ("value not of required type: ", ""),
    ("invalid email address: ", ""),
    ("External id specified: ", ""),
    ("external id specified: ", ""),
    ("Foreign key external ID: ", " not found"),
    ("malformed id ", ""),
];

/// Words after which a quoted text names a part of the schema, which may be shown.
const SCHEMA_WORDS: &[&str] = &[
    "class",
    "column",
    "entity",
    "field",
    "name",
    "object",
    "relationship",
    "resource",
    "sobject",
    "type",
];

/// A message of Salesforce without the record values that it may quote.
pub(super) fn message(raw: &str) -> String {
    // A malformed query is echoed around the caret, with its literals; the finding comes after it.
    let finding = raw.find("ERROR at Row").map_or(raw, |at| &raw[at..]);
    let one_line = finding.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = mask_quoted(&mask_phrases(one_line));
    if text.chars().count() > LONGEST_MESSAGE {
        text = text.chars().take(LONGEST_MESSAGE).collect();
        text.push_str(MASK);
    }
    text
}

fn mask_phrases(mut text: String) -> String {
    for (phrase, end) in VALUE_PHRASES {
        let Some(start) = text.find(phrase).map(|at| at + phrase.len()) else {
            continue;
        };
        let stop = match *end {
            "" => text.len(),
            // The last match: the value itself may contain the closing words.
            end => text[start..].rfind(end).map_or(text.len(), |at| start + at),
        };
        text.replace_range(start..stop, MASK);
    }
    text
}

/// Masks quoted texts that are not names of the schema, then words that look like an address or a token.
fn mask_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['\'', '"']) {
        let quote = rest[open..].chars().next().unwrap_or('\'');
        let inner = &rest[open + 1..];
        let apostrophe = quote == '\''
            && rest[..open]
                .chars()
                .next_back()
                .is_some_and(char::is_alphanumeric);
        if apostrophe {
            // As in "isn't": no quotation starts here.
            out.push_str(&mask_words(&rest[..open]));
            out.push(quote);
            rest = inner;
            continue;
        }
        let close = inner.find(quote).unwrap_or(inner.len());
        let quoted = &inner[..close];
        let before = &rest[..open];
        out.push_str(&mask_words(before));
        out.push(quote);
        let shown = if names_schema(before, quoted) {
            quoted
        } else {
            MASK
        };
        out.push_str(shown);
        out.push(quote);
        rest = inner.get(close + 1..).unwrap_or_default();
    }
    out.push_str(&mask_words(rest));
    out
}

fn names_schema(before: &str, quoted: &str) -> bool {
    let identifier = quoted.starts_with(|c: char| c.is_ascii_alphabetic())
        && quoted
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':'));
    let custom = quoted.ends_with("__c") || quoted.ends_with("__r");
    let last_word = before.split_whitespace().next_back().unwrap_or_default();
    let announced = SCHEMA_WORDS
        .iter()
        .any(|word| last_word.eq_ignore_ascii_case(word));
    identifier && (custom || announced)
}

fn mask_words(text: &str) -> String {
    text.split_inclusive(' ')
        .map(|word| {
            let token = word.starts_with("00D") && word.contains('!');
            if !(word.contains('@') || token) {
                return word.to_owned();
            }
            match word.strip_suffix(' ') {
                Some(_) => format!("{MASK} "),
                None => MASK.to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_values_leave_messages_and_schema_names_stay() {
        let cases = [
            (
                "Last Name: data value too large: Wolfeschlegel (max length=80)",
                "Last Name: data value too large: … (max length=80)",
            ),
            (
                "Race: bad value for restricted picklist field: elf",
                "Race: bad value for restricted picklist field: …",
            ),
            (
                "Foreign key external ID: 1580 not found for field X__c in entity User",
                "Foreign key external ID: … not found for field X__c in entity User",
            ),
            (
                "No such column 'Colour__c' on sobject of type Account",
                "No such column 'Colour__c' on sobject of type Account",
            ),
            (
                "Entity 'Foo' is not supported by the Bulk API.",
                "Entity 'Foo' is not supported by the Bulk API.",
            ),
            (
                "value 'Ada' is wrong for 'x y'",
                "value '…' is wrong for '…'",
            ),
            ("mail to ada@example.com failed", "mail to … failed"),
            ("token 00D1!abc expired", "token … expired"),
            (
                "Record Type ID: this ID value isn't valid for the user: 012",
                "Record Type ID: this ID value isn't valid for the user: 012",
            ),
            (
                "\nwhere Email = 'ada@example.com'\n   ^\nERROR at Row:1:Column:9\nunexpected token: '='",
                "ERROR at Row:1:Column:9 unexpected token: '…'",
            ),
        ];
        for (raw, shown) in cases {
            assert_eq!(message(raw), shown);
        }
    }

    #[test]
    fn a_long_message_is_cut() {
        assert_eq!(message(&"x".repeat(5_000)).chars().count(), 401);
    }
}
