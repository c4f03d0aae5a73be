//! A text of the source → one value of a closed list: the values of a picklist, the stages of an org, its users, countries.
//!
//! In: texts of the source, the values that are allowed. Out: a [`ValueMatch`] per text: the same but for case and signs, a
//! name that the value goes by, a synonym (`values.csv`), most of the words, or almost the same letters. Never: a value that
//! is not allowed.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Class;
use super::words;

/// A value that may be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// As it is written.
    pub value: String,
    /// Names that it goes by besides: those of a country for its code, of a user for the address.
    pub names: Vec<String>,
}

impl Choice {
    /// A value that has no other name.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            names: Vec::new(),
        }
    }
}

/// What is proposed for one text.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueMatch {
    /// Text of the source.
    pub value: String,
    /// The value that is meant; none if nothing is like it.
    pub target: Option<String>,
    /// How far to rely on it.
    pub class: Class,
    /// Why.
    pub reason: String,
}

/// How alike two texts are, from 0 to 1, before one is taken for a misspelt other.
const ALIKE: f64 = 0.92;

/// Share of words in common from which on a value is meant.
const WORDS: f64 = 0.6;

/// Proposes one of the choices for each text.
#[must_use]
pub fn match_values(values: &[String], choices: &[Choice]) -> Vec<ValueMatch> {
    let synonyms = synonyms();
    let known: Vec<Known<'_>> = choices
        .iter()
        .map(|choice| Known::of(choice, &synonyms))
        .collect();
    values
        .iter()
        .map(|value| matched(value, &known, &synonyms))
        .collect()
}

/// A choice in the forms that are compared.
struct Known<'a> {
    value: &'a str,
    /// Of the value, then of its names.
    plain: Vec<String>,
    meanings: BTreeSet<String>,
}

impl<'a> Known<'a> {
    fn of(choice: &'a Choice, synonyms: &Synonyms) -> Self {
        let texts = std::iter::once(&choice.value).chain(&choice.names);
        let plain: Vec<String> = texts.map(|text| plain(text)).collect();
        let meanings = plain.iter().filter(|plain| !plain.is_empty());
        Self {
            value: &choice.value,
            meanings: meanings.map(|plain| meaning(plain, synonyms)).collect(),
            plain,
        }
    }

    /// How alike the value or one of its names is.
    fn likeness(&self, of: impl Fn(&str) -> f64) -> f64 {
        let plain = self.plain.iter().filter(|plain| !plain.is_empty());
        plain.map(|plain| of(plain)).fold(0.0, f64::max)
    }
}

fn matched(value: &str, known: &[Known<'_>], synonyms: &Synonyms) -> ValueMatch {
    let own = plain(value);
    let found = |target: &str, class, reason: String| ValueMatch {
        value: value.to_owned(),
        target: Some(target.to_owned()),
        class,
        reason,
    };
    // Signs alone have no plain form; they are compared as they are.
    let is_same =
        |known: &&Known<'_>| known.value == value || (!own.is_empty() && known.plain[0] == own);
    if let Some(same) = known.iter().find(is_same) {
        return found(same.value, Class::Certain, "the same value".to_owned());
    }
    if own.is_empty() {
        return none(value);
    }
    // What several values claim is any of them.
    let likely = |candidates: Vec<&Known<'_>>, reason: &str| {
        let class = match candidates.len() {
            1 => Class::Likely,
            _ => Class::Guess,
        };
        let first = candidates.first()?;
        Some(found(first.value, class, reason.to_owned()))
    };
    let named = known.iter().filter(|known| known.plain.contains(&own));
    if let Some(found) = likely(named.collect(), "a name of it") {
        return found;
    }
    let means = meaning(&own, synonyms);
    let meant = known.iter().filter(|known| known.meanings.contains(&means));
    if let Some(found) = likely(meant.collect(), &format!("a synonym: {means}")) {
        return found;
    }
    let words: BTreeSet<&str> = own.split(' ').collect();
    let in_common = |plain: &str| {
        let others: BTreeSet<&str> = plain.split(' ').collect();
        2.0 * words.intersection(&others).count() as f64 / (words.len() + others.len()) as f64
    };
    let best = |of: &dyn Fn(&str) -> f64, least: f64| {
        let scored = known.iter().map(|known| (known.likeness(of), known.value));
        let enough = scored.filter(|(score, _)| *score >= least);
        enough.max_by(|left, right| left.0.total_cmp(&right.0))
    };
    if let Some((_, target)) = best(&in_common, WORDS) {
        let reason = "most of the words are the same";
        return found(target, Class::Guess, reason.to_owned());
    }
    match best(&|plain| strsim::jaro_winkler(&own, plain), ALIKE) {
        Some((_, target)) => found(target, Class::Guess, "almost the same letters".to_owned()),
        None => none(value),
    }
}

fn none(value: &str) -> ValueMatch {
    ValueMatch {
        value: value.to_owned(),
        target: None,
        class: Class::Guess,
        reason: "nothing in the list is like it".to_owned(),
    }
}

fn plain(value: &str) -> String {
    words::split(value).join(" ").to_lowercase()
}

fn meaning(plain: &str, synonyms: &Synonyms) -> String {
    synonyms
        .get(plain)
        .map_or_else(|| plain.to_owned(), |meaning| (*meaning).to_owned())
}

/// Plain form of a text → its meaning.
type Synonyms = BTreeMap<String, &'static str>;

fn synonyms() -> Synonyms {
    let mut synonyms = Synonyms::new();
    for line in include_str!("values.csv").lines().skip(1) {
        let mut cells = line.splitn(3, ',');
        let (Some(meaning), _, Some(phrases)) = (cells.next(), cells.next(), cells.next()) else {
            continue;
        };
        for phrase in phrases.split('|') {
            synonyms.entry(phrase.to_owned()).or_insert(meaning);
        }
    }
    synonyms
}

/// Names of countries in other languages, by the code of ISO 3166-1.
#[must_use]
pub fn country_names() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut countries: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in include_str!("countries.csv").lines().skip(1) {
        let mut cells = line.splitn(3, ',');
        if let (Some(code), _, Some(names)) = (cells.next(), cells.next(), cells.next()) {
            countries.entry(code).or_default().extend(names.split('|'));
        }
    }
    countries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(value: &str, choices: &[Choice]) -> (Option<String>, Class) {
        let found = match_values(&[value.to_owned()], choices).remove(0);
        (found.target, found.class)
    }

    fn matched(value: &str, picklist: &[&str]) -> (Option<String>, Class) {
        let choices: Vec<Choice> = picklist.iter().copied().map(Choice::new).collect();
        chosen(value, &choices)
    }

    #[test]
    fn values_are_matched_by_form_synonym_and_words() {
        let stages = [
            "Prospecting",
            "Proposal/Price Quote",
            "Closed Won",
            "Closed Lost",
        ];
        let target = |value: &str| matched(value, &stages).0;
        assert_eq!(
            matched("closed-won", &stages),
            (Some("Closed Won".to_owned()), Class::Certain)
        );
        assert_eq!(
            matched("Wygrana", &stages),
            (Some("Closed Won".to_owned()), Class::Likely)
        );
        assert_eq!(target("Wycena").as_deref(), Some("Proposal/Price Quote"));
        assert_eq!(target("verloren").as_deref(), Some("Closed Lost"));
        assert_eq!(target("Something"), None);
        assert_eq!(target(""), None);
        assert_eq!(matched("--", &["-"]).0, None);
        assert_eq!(matched("Pan", &["Mr.", "Ms."]).0.as_deref(), Some("Mr."));
        assert_eq!(matched("🦀", &["🦀", "x"]).1, Class::Certain);
    }

    #[test]
    fn what_is_misspelt_is_a_guess_and_what_is_another_word_is_none() {
        let (target, class) = matched("Prospectng", &["Prospecting", "Closed Won"]);
        assert_eq!(
            (target.as_deref(), class),
            (Some("Prospecting"), Class::Guess)
        );
        assert_eq!(matched("Perspective", &["Prospecting"]).0, None);
    }

    #[test]
    fn a_value_is_found_by_the_names_that_it_goes_by() {
        let person = |address: &str, name: &str| Choice {
            value: address.to_owned(),
            names: vec![name.to_owned()],
        };
        let users = [
            person("anna@new.example", "Anna Nowak"),
            person("jan@new.example", "Jan Kowalski"),
            person("jan.k@new.example", "Jan Kowalski"),
        ];
        assert_eq!(
            chosen("anna.nowak", &users),
            (Some("anna@new.example".to_owned()), Class::Likely)
        );
        // Two users of one name: either.
        assert_eq!(chosen("Jan Kowalski", &users).1, Class::Guess);
        assert_eq!(chosen("Piotr Zima", &users).0, None);
    }

    #[test]
    fn countries_have_names_in_several_languages_and_one_code_each() {
        let countries = country_names();
        assert!(countries["PL"].contains(&"Polska"));
        let mut codes: BTreeMap<String, &str> = BTreeMap::new();
        for (code, names) in &countries {
            assert!(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()));
            for name in names {
                let other = codes.insert(plain(name), code);
                assert!(other.is_none_or(|other| other == *code), "{name}");
            }
        }
    }
}
