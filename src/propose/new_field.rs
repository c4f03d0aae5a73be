//! A custom field for what no field of the org has the meaning of.
//!
//! In: a source. Out: API name, label and a type that holds all its values as they are, in the forms of the field map.

use super::model::{Kind, NewField, Source};
use super::words;

/// Characters of an API name before `__c`.
const LONGEST: usize = 40;

/// The field that holds a source.
#[must_use]
pub fn new_field(source: &Source) -> NewField {
    let words: Vec<String> = words::parts(&source.name, false)
        .iter()
        .map(|word| capital(word))
        .collect();
    let mut name = words.join("_");
    // A name begins with a letter.
    if !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        name.insert_str(0, "X_");
    }
    name.truncate(LONGEST);
    let name = name.trim_end_matches('_');
    let label = if source.label.trim().is_empty() {
        words.join(" ")
    } else {
        // A label that begins like a formula would be one in a spreadsheet.
        let signs = ['=', '+', '-', '@'];
        source.label.trim().trim_start_matches(signs).to_owned()
    };
    NewField {
        field: format!("{name}__c"),
        label: label.chars().take(LONGEST).collect(),
        field_type: field_type(source).to_owned(),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn field_type(source: &Source) -> &'static str {
    let profile = source.profile.as_ref().filter(|profile| profile.filled > 0);
    match source.kind {
        Kind::Integer => "Number(18,0)",
        Kind::Float => "Number(18,2)",
        // A nullable boolean is not false (`Checkbox` cannot be empty).
        Kind::Boolean | Kind::Choice => "Picklist",
        Kind::Date => "Date",
        Kind::DateTime => "DateTime",
        Kind::Choices => "MultiselectPicklist",
        Kind::Reference => "Text(255)",
        Kind::Unknown | Kind::Text => match profile {
            Some(profile) if profile.longest > 255 => "LongTextArea(32768)",
            Some(profile) if profile.share(profile.emails) > 0.95 && profile.longest <= 80 => {
                "Email"
            }
            Some(profile) if profile.share(profile.urls) > 0.95 => "Url",
            Some(profile) if profile.is_list() && profile.numbers == 0 => "Picklist",
            _ => "Text(255)",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profiler;

    fn source(name: &str, kind: Kind, cells: &[&str]) -> Source {
        let mut profiler = Profiler::default();
        for cell in cells {
            profiler.push(Some(cell));
        }
        Source {
            name: name.to_owned(),
            kind,
            profile: Some(profiler.finish()),
            ..Source::default()
        }
    }

    #[test]
    fn names_are_ones_that_salesforce_takes() {
        let name = |name: &str| new_field(&source(name, Kind::Text, &[])).field;
        assert_eq!(name("ulubiony_kolor"), "Ulubiony_Kolor__c");
        assert_eq!(name("attribute_38256e7e"), "X_38256e7e__c");
        assert_eq!(name("Größe der Firma"), "Grosse_Der_Firma__c");
        assert_eq!(name("2nd_phone"), "X_2nd_Phone__c");
        for odd in ["电话", "🦀🦀", "---", "", &"long name ".repeat(20)] {
            let name = name(odd);
            let bare = name.strip_suffix("__c").unwrap();
            assert!(
                (1..=LONGEST).contains(&bare.len()) && !bare.contains("__"),
                "{odd}: {name}"
            );
            assert!(
                bare.starts_with(|letter: char| letter.is_ascii_alphabetic()),
                "{odd}: {name}"
            );
            assert!(!bare.ends_with('_'), "{odd}: {name}");
        }
    }

    #[test]
    fn types_hold_the_values() {
        let kind = |kind: Kind, cells: &[&str]| new_field(&source("x", kind, cells)).field_type;
        assert_eq!(kind(Kind::Boolean, &[]), "Picklist");
        assert_eq!(kind(Kind::Text, &[&"x".repeat(300)]), "LongTextArea(32768)");
        assert_eq!(kind(Kind::Text, &["a@b.pl", "c@d.pl"]), "Email");
        assert_eq!(
            kind(Kind::Text, &["red", "blue", "red", "blue"]),
            "Picklist"
        );
        assert_eq!(kind(Kind::Text, &["red", "blue"]), "Text(255)");
        assert_eq!(kind(Kind::Float, &["1.5"]), "Number(18,2)");
    }
}
