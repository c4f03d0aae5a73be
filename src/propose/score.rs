//! How well a source fits a field.
//!
//! In: one source, the fields of one object. Out: [`Candidate`]s, best first: the likeness of what the names mean, moved by
//! what the values say. What a field's type cannot hold is no candidate, however alike the names are.

use std::collections::BTreeSet;

use super::model::{Candidate, History, Kind, Source, Target};
use super::profile::Profile;
use super::vocabulary::{Meaning, Vocabulary};

/// Below it nothing is a candidate.
const LEAST: f64 = 0.35;

/// What a name's word for the record itself weighs: `deal` in a deal's `deal_amount`.
const OF_RECORD: f64 = 0.12;

/// Words that say little.
const SLIGHT: [(&str, f64); 13] = [
    ("primary", 0.3),
    ("main", 0.3),
    ("default", 0.3),
    ("current", 0.3),
    ("id", 0.35),
    ("code", 0.4),
    ("date", 0.5),
    ("number", 0.9),
    ("name", 0.6),
    ("address", 0.6),
    ("latest", 0.4),
    ("info", 0.3),
    ("text", 0.4),
];

/// What an object's own records are called in the vocabulary.
fn record_words(object: &str) -> &'static [&'static str] {
    match object {
        "Account" => &["company"],
        "Contact" => &["person"],
        "Lead" => &["lead", "person"],
        "Opportunity" => &["deal"],
        "Task" => &["task", "activity"],
        "Event" => &["event", "activity"],
        "Product2" => &["product"],
        "Campaign" => &["campaign"],
        "Case" => &["case"],
        _ => &[],
    }
}

/// Candidates for a source among the fields of one object.
pub(crate) fn candidates(
    source: &Source,
    targets: &[Target],
    vocabulary: &Vocabulary,
    history: &History,
) -> Vec<Candidate> {
    let meanings = [&source.name, &source.label].map(|name| vocabulary.meaning(name));
    let mut found: Vec<Candidate> = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let known = history.get(&source.object, &source.name, &target.object);
        if let Some(known) = known.filter(|known| known.field.eq_ignore_ascii_case(&target.field)) {
            found.push(Candidate {
                target: at,
                score: 1.5,
                reasons: vec![known.told.clone()],
                doubted: false,
            });
            continue;
        }
        if !holds(source, target) {
            continue;
        }
        let Some((score, reason, misspelt)) = by_name(source, &meanings, target, vocabulary) else {
            continue;
        };
        let mut candidate = Candidate {
            target: at,
            score,
            reasons: vec![reason],
            doubted: misspelt,
        };
        weigh_values(source, target, &mut candidate);
        if !target.createable {
            // What nobody can set has to be meant beyond doubt.
            if candidate.score < 0.9 {
                continue;
            }
            candidate.doubted = true;
            candidate
                .reasons
                .push("nobody may set this field: it needs a query of its own".to_owned());
        }
        if candidate.score >= LEAST {
            found.push(candidate);
        }
    }
    found.sort_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then(left.target.cmp(&right.target))
    });
    found
}

/// Likeness of names: the better of name and label, with the reason.
fn by_name(
    source: &Source,
    meanings: &[Meaning; 2],
    target: &Target,
    vocabulary: &Vocabulary,
) -> Option<(f64, String, bool)> {
    let own = vocabulary.meaning(&target.field);
    let label = vocabulary.meaning(&target.label);
    let record = record_words(&target.object);
    let mut best: Option<(f64, String, bool)> = None;
    for (meaning, shown) in meanings.iter().zip([&source.name, &source.label]) {
        if meaning.bag.is_empty() {
            continue;
        }
        let names = [&own, &label].into_iter();
        for (place, name) in names
            .chain(vocabulary.also(&target.object, &target.field))
            .enumerate()
        {
            if name.bag.is_empty() {
                continue;
            }
            let mut score = likeness(&meaning.bag, &name.bag, record);
            // The very same words come before words of the same meaning, and a field's name before its other names.
            let is_same = meaning.plain == name.plain;
            score *= match (is_same, place) {
                (true, 0) => 1.0,
                (true, _) => 0.99,
                (false, 0 | 1) => 0.98,
                _ => 0.97,
            };
            if score < LEAST || best.as_ref().is_some_and(|known| known.0 >= score) {
                continue;
            }
            best = Some((
                score,
                told(shown, meaning, is_same, score),
                meaning.misspelt,
            ));
        }
    }
    best
}

fn told(shown: &str, meaning: &Meaning, is_same: bool, score: f64) -> String {
    let mut text = match (is_same, score >= 0.9) {
        (true, _) => format!("`{shown}` is the field's name"),
        (false, true) => format!("`{shown}` means the same as the field"),
        (false, false) => format!("`{shown}` has words of the field's name"),
    };
    let synonyms: Vec<String> = meaning
        .replaced
        .iter()
        .map(|(phrase, means, language)| format!("{phrase} ({language}) = {means}"))
        .collect();
    if !synonyms.is_empty() && !is_same {
        text.push_str(&format!(": {}", synonyms.join(", ")));
    }
    if meaning.misspelt {
        text.push_str(", if a misspelt word is read right");
    }
    text
}

/// Weighted share of common words, from 0 to 1.
fn likeness(left: &BTreeSet<String>, right: &BTreeSet<String>, record: &[&str]) -> f64 {
    let weight = |word: &str| {
        if record.contains(&word) {
            return OF_RECORD;
        }
        let slight = SLIGHT.iter().find(|(known, _)| *known == word);
        slight.map_or(1.0, |(_, weight)| *weight)
    };
    let total = |words: &BTreeSet<String>| words.iter().map(|word| weight(word)).sum::<f64>();
    if left == right {
        return 1.0;
    }
    let common: f64 = left.intersection(right).map(|word| weight(word)).sum();
    2.0 * common / (total(left) + total(right))
}

/// Whether the field's type can hold what the source declares and shows.
fn holds(source: &Source, target: &Target) -> bool {
    let kind = target.kind.as_str();
    let texts = matches!(
        kind,
        "string" | "textarea" | "picklist" | "combobox" | "multipicklist"
    );
    let numbers = matches!(kind, "int" | "double" | "currency" | "percent");
    let times = matches!(kind, "date" | "datetime");
    if matches!(kind, "id" | "address" | "base64" | "location") {
        return false;
    }
    let profile = source.profile.as_ref().filter(|profile| profile.filled > 0);
    let mostly = |count: fn(&Profile) -> u64| {
        profile.is_none_or(|profile| profile.share(count(profile)) >= 0.8)
    };
    match source.kind {
        Kind::Unknown => match profile {
            None => true,
            Some(_) if numbers => mostly(|profile| profile.numbers),
            Some(_) if times => mostly(|profile| profile.dates),
            Some(_) if kind == "boolean" => mostly(|profile| profile.booleans),
            Some(_) => true,
        },
        Kind::Text | Kind::Choice => {
            texts || matches!(kind, "email" | "phone" | "url" | "reference")
        }
        Kind::Choices => matches!(kind, "multipicklist" | "textarea" | "string"),
        Kind::Integer => numbers || matches!(kind, "string" | "textarea" | "phone" | "reference"),
        Kind::Float => numbers,
        Kind::Boolean => kind == "boolean" || texts && kind != "textarea",
        Kind::Date => kind == "date" || kind == "string",
        Kind::DateTime => times || kind == "string",
        Kind::Reference => matches!(kind, "reference" | "string"),
    }
}

/// What the values say for the field and against it.
fn weigh_values(source: &Source, target: &Target, candidate: &mut Candidate) {
    let Some(profile) = source.profile.as_ref().filter(|profile| profile.filled > 0) else {
        return;
    };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let mut speak = |share: f64, what: &str| {
        if share >= 0.7 {
            candidate.score += 0.04 * (1.0 - candidate.score).max(0.25);
            candidate
                .reasons
                .push(format!("{} of the values are {what}", percent(share)));
        } else if share < 0.5 {
            candidate.doubted = true;
            candidate.score *= 0.75;
            candidate
                .reasons
                .push(format!("only {} of the values are {what}", percent(share)));
        }
    };
    match target.kind.as_str() {
        "email" => speak(profile.share(profile.emails), "e-mail addresses"),
        "phone" => speak(
            profile.share(profile.phones.max(profile.numbers)),
            "telephone numbers",
        ),
        "url" => speak(profile.share(profile.urls), "web addresses"),
        "picklist" | "combobox" | "multipicklist" if !target.picklist.is_empty() => {
            if profile.values.is_empty() || profile.distinct > 200 {
                candidate.doubted = true;
                candidate.score *= 0.9;
                candidate
                    .reasons
                    .push("it has too many different values for a list".to_owned());
            } else {
                let known: BTreeSet<String> =
                    target.picklist.iter().map(|value| plain(value)).collect();
                let common = profile
                    .values
                    .iter()
                    .filter(|(value, _)| known.contains(&plain(value)))
                    .count();
                if common > 0 {
                    candidate.score += 0.05 * (1.0 - candidate.score).max(0.25);
                    candidate.reasons.push(format!(
                        "{common} of its {} values are in the picklist",
                        profile.values.len()
                    ));
                }
            }
        }
        _ => {}
    }
    // E-mail addresses in a field that is none for them, such as a person's name.
    if target.kind == "string" && profile.share(profile.emails) > 0.5 {
        candidate.doubted = true;
        candidate.score *= 0.7;
        candidate
            .reasons
            .push("its values are e-mail addresses".to_owned());
    }
    if target.length > 0 && profile.longest > u64::from(target.length) {
        candidate.doubted = true;
        // A bit longer: a few values. Much longer: another thing.
        let is_near = profile.longest < 2 * u64::from(target.length);
        candidate.score *= if is_near { 0.85 } else { 0.75 };
        candidate.reasons.push(format!(
            "its longest value has {} characters, and the field takes {}",
            profile.longest, target.length
        ));
    }
}

fn plain(value: &str) -> String {
    super::words::split(value).join(" ")
}
