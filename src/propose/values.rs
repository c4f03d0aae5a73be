//! A column's values → values of a picklist.
//!
//! In: values of the source, values of a picklist. Out: a [`ValueMatch`] per source value: the same but for case and
//! signs, a synonym (`values.csv`), or most of the words. Never: a value that the picklist does not have.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Class;
use super::words;

/// What is proposed for one value.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueMatch {
    /// Value of the source.
    pub value: String,
    /// Value of the picklist; none if nothing is like it.
    pub target: Option<String>,
    /// How far to rely on it.
    pub class: Class,
    /// Why.
    pub reason: String,
}

/// Proposes a picklist value for each value.
#[must_use]
pub fn match_values(values: &[String], picklist: &[String]) -> Vec<ValueMatch> {
    let synonyms = synonyms();
    let meaning = |value: &str| -> String {
        let plain = plain(value);
        synonyms
            .get(&plain)
            .map_or(plain, |meaning| (*meaning).to_owned())
    };
    let known: Vec<(&String, String, String)> = picklist
        .iter()
        .map(|value| (value, plain(value), meaning(value)))
        .collect();
    let one = |value: &String| {
        let (own, means) = (plain(value), meaning(value));
        let found = |target: &String, class, reason: &str| ValueMatch {
            value: value.clone(),
            target: Some(target.clone()),
            class,
            reason: reason.to_owned(),
        };
        // Signs alone have no plain form; they are compared as they are.
        let same = known
            .iter()
            .find(|(target, plain, _)| *target == value || (!own.is_empty() && *plain == own));
        if let Some((target, ..)) = same {
            return found(target, Class::Certain, "the same value");
        }
        let synonyms: Vec<&String> = known
            .iter()
            .filter(|(.., meaning)| !means.is_empty() && *meaning == means)
            .map(|(target, ..)| *target)
            .collect();
        if let Some(target) = synonyms.first() {
            let class = if synonyms.len() == 1 {
                Class::Likely
            } else {
                Class::Guess
            };
            return found(target, class, &format!("a synonym: {means}"));
        }
        let likeness = |plain: &str| {
            let left: BTreeSet<&str> = own.split(' ').collect();
            let right: BTreeSet<&str> = plain.split(' ').collect();
            2.0 * left.intersection(&right).count() as f64 / (left.len() + right.len()) as f64
        };
        let best = known
            .iter()
            .map(|(target, plain, _)| (likeness(plain), *target))
            .filter(|(score, _)| !own.is_empty() && *score >= 0.6)
            .max_by(|left, right| left.0.total_cmp(&right.0));
        match best {
            Some((_, target)) => found(target, Class::Guess, "most of the words are the same"),
            None => ValueMatch {
                value: value.clone(),
                target: None,
                class: Class::Guess,
                reason: "the picklist has no value like it".to_owned(),
            },
        }
    };
    values.iter().map(one).collect()
}

fn plain(value: &str) -> String {
    words::split(value).join(" ").to_lowercase()
}

/// Plain form of a value → its meaning.
fn synonyms() -> BTreeMap<String, &'static str> {
    let mut synonyms = BTreeMap::new();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(value: &str, picklist: &[&str]) -> (Option<String>, Class) {
        let picklist: Vec<String> = picklist.iter().map(|value| (*value).to_owned()).collect();
        let found = match_values(&[value.to_owned()], &picklist).remove(0);
        (found.target, found.class)
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
}
