//! A custom field for what no field of the org has the meaning of.
//!
//! In: a source. Out: API name, label and a type that holds all its values as they are, in the forms of the field map; what
//! no type holds is told.

use super::model::{Kind, NewField, Source};
use super::profile::Profile;
use super::words;

/// Characters of an API name before `__c`.
const LONGEST: usize = 40;

/// Characters that texts hold: on one line, in a long text as it usually is, and in the longest one.
const LINE: u64 = 255;
const LONG_TEXT: u64 = 32_768;
const LONGEST_TEXT: u64 = 131_072;

/// Digits of a number in all.
const DIGITS: u32 = 18;

/// Decimals of a number whose values were not seen.
const DECIMALS: u32 = 2;

/// Digits before the point that a number keeps whatever its decimals: values that come later may be larger.
const WHOLE: u32 = 6;

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
    let (field_type, short) = field_type(source);
    NewField {
        field: format!("{name}__c"),
        label: label.chars().take(LONGEST).collect(),
        field_type,
        short,
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// The type, and what of the values it does not hold.
fn field_type(source: &Source) -> (String, Option<String>) {
    let profile = source.profile.as_ref().filter(|profile| profile.filled > 0);
    let is_all = |profile: &&Profile, count: u64| profile.share(count) > 0.95;
    let whole = match source.kind {
        Kind::Integer => "Number(18,0)",
        Kind::Float => return number(profile),
        // A nullable boolean is not false (`Checkbox` cannot be empty).
        Kind::Boolean | Kind::Choice => "Picklist",
        Kind::Date => "Date",
        Kind::DateTime => "DateTime",
        Kind::Choices => "MultiselectPicklist",
        Kind::Unknown | Kind::Text | Kind::Reference => match profile {
            Some(profile) if profile.longest > LINE => return long_text(profile),
            _ if source.kind == Kind::Reference => "Text(255)",
            Some(profile) if is_all(&profile, profile.emails) && profile.longest <= 80 => "Email",
            Some(profile) if is_all(&profile, profile.urls) => "Url",
            Some(profile) if profile.is_list() && profile.numbers == 0 => "Picklist",
            _ => "Text(255)",
        },
    };
    (whole.to_owned(), None)
}

/// A text of many lines, no longer than it has to be: those of an object share their room.
fn long_text(profile: &Profile) -> (String, Option<String>) {
    let length = match profile.longest {
        ..=LONG_TEXT => LONG_TEXT,
        _ => LONGEST_TEXT,
    };
    let short = (profile.longest > length).then(|| {
        format!(
            "its longest value has {} characters, and no field takes more than {LONGEST_TEXT}",
            profile.longest
        )
    });
    (format!("LongTextArea({length})"), short)
}

/// A number with the decimals that were seen, as far as digits before the point are left.
fn number(profile: Option<&Profile>) -> (String, Option<String>) {
    let (whole, decimals) = profile.map_or((0, 0), |it| (it.whole_digits, it.decimals));
    let left = DIGITS.saturating_sub(whole.saturating_add(2).max(WHOLE));
    let scale = decimals.min(left).max(DECIMALS);
    let short = (decimals > scale)
        .then(|| format!("its values have up to {decimals} decimals, and the field keeps {scale}"));
    (format!("Number({DIGITS},{scale})"), short)
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
        let new = |kind: Kind, cells: &[&str]| new_field(&source("x", kind, cells));
        let kind = |kind: Kind, cells: &[&str]| new(kind, cells).field_type;
        assert_eq!(
            kind(Kind::Text, &[&"x".repeat(40_000)]),
            "LongTextArea(131072)"
        );
        let longest = new(Kind::Text, &[&"x".repeat(131_073)]);
        assert_eq!(longest.field_type, "LongTextArea(131072)");
        assert_eq!(
            longest.short.unwrap(),
            "its longest value has 131073 characters, and no field takes more than 131072"
        );
        assert_eq!(kind(Kind::Float, &["0.12345678", "1234"]), "Number(18,8)");
        assert_eq!(kind(Kind::Float, &["12"]), "Number(18,2)");
        let noise = new(Kind::Float, &["0.30000000000000004", "1200.5"]);
        assert_eq!(noise.field_type, "Number(18,12)");
        assert_eq!(
            noise.short.unwrap(),
            "its values have up to 17 decimals, and the field keeps 12"
        );
        assert_eq!(kind(Kind::Float, &["1e18", "0.5"]), "Number(18,2)");
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
