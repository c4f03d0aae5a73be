//! Names → words: `hs_emailOptOut__c`, `E-Mail-Adresse`, `Numer telefonu` → lower-case words of plain letters.
//!
//! Letters of other scripts are transliterated, so that a name in any language has words; what is neither letter nor
//! digit parts words.

use any_ascii::any_ascii;

/// What systems put before or behind a name and that has no meaning.
const NOISE: [&str; 14] = [
    "hs",
    "cf",
    "custom",
    "udf",
    "prop",
    "property",
    "attr",
    "attribute",
    "field",
    "zcrm",
    "x",
    "new",
    "fld",
    "col",
];

/// The words of a name, in order; digits are words of their own.
#[must_use]
pub(crate) fn split(name: &str) -> Vec<String> {
    parts(name, true)
}

/// The words of a name; digits part words or belong to them.
pub(crate) fn parts(name: &str, digits_part: bool) -> Vec<String> {
    let name = name.trim();
    let name = ["__c", "__C", "__pc"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let letters: Vec<char> = name.chars().collect();
    let mut before: Option<char> = None;
    for (at, letter) in letters.iter().copied().enumerate() {
        if !letter.is_alphanumeric() {
            close(&mut word, &mut words);
            before = None;
            continue;
        }
        if let Some(before) = before {
            let next_is_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
            let begins = letter.is_uppercase()
                && (before.is_lowercase() || (before.is_uppercase() && next_is_lower));
            let meets_digit = letter.is_ascii_digit() != before.is_ascii_digit();
            if begins || (digits_part && meets_digit) {
                close(&mut word, &mut words);
            }
        }
        word.push(letter);
        before = Some(letter);
    }
    close(&mut word, &mut words);
    let meaningful = |word: &&String| !NOISE.contains(&word.as_str());
    let kept: Vec<String> = words.iter().filter(meaningful).cloned().collect();
    if kept.is_empty() { words } else { kept }
}

fn close(word: &mut String, words: &mut Vec<String>) {
    if word.is_empty() {
        return;
    }
    let plain = any_ascii(word).to_lowercase();
    word.clear();
    // A transliteration may have blanks in it.
    let parts = plain.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn names_of_every_form_have_the_same_words() {
        for name in [
            "mobilePhone",
            "MobilePhone",
            "mobile_phone",
            "mobile-phone",
            " Mobile  phone ",
            "hs_mobile_phone",
            "Mobile_Phone__c",
            "MOBILE_PHONE",
        ] {
            assert_eq!(split(name), ["mobile", "phone"], "{name}");
        }
        assert_eq!(split("HTTPServer2Name"), ["http", "server", "2", "name"]);
        assert_eq!(split("Imię"), ["imie"]);
        assert_eq!(split("Straße"), ["strasse"]);
        assert_eq!(split("N° de téléphone"), ["n", "de", "telephone"]);
    }

    #[test]
    fn any_script_has_words_and_signs_alone_have_none() {
        assert!(!split("电话").is_empty());
        assert!(split("  --- ").is_empty());
        assert_eq!(split("custom"), ["custom"]);
        let _ = split("🦀");
    }
}
