//! How well a source fits a field.
//!
//! In: one source, the fields of one object. Out: [`Found`]: candidates, best first: the likeness of what the names mean, moved by
//! what the values say. What a field's type cannot hold is no candidate, however alike the names are and whoever confirmed it
//! before; fields that are meant and left out for that are told.

use std::collections::BTreeSet;

use super::model::{Candidate, Class, History, Kind, Source, Target};
use super::profile::Profile;
use super::values::{Choice, match_values};
use super::vocabulary::{Meaning, Vocabulary};

/// Below it nothing is a candidate.
const LEAST: f64 = 0.35;

/// What people confirmed before beats every likeness.
const CONFIRMED: f64 = 1.5;

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

/// A likeness from which a name means the field.
pub(crate) const MEANT: f64 = 0.9;

/// What was found for a source.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Fields that it may be, the best first.
    pub(crate) candidates: Vec<Candidate>,
    /// The field that it means most and whose type cannot hold what it has: likeness, and the words for it.
    pub(crate) excluded: Option<(f64, String)>,
}

/// What the name and the label of a field mean: the same for every source.
pub(crate) struct Names([Meaning; 2]);

impl Names {
    pub(crate) fn of(target: &Target, vocabulary: &Vocabulary) -> Self {
        Self([&target.field, &target.label].map(|name| vocabulary.meaning(name)))
    }
}

/// Candidates for a source among the fields of one object, whose names are given in their order.
pub(crate) fn candidates(
    source: &Source,
    targets: &[Target],
    names: &[Names],
    vocabulary: &Vocabulary,
    history: &History,
) -> Found {
    let meanings = [&source.name, &source.label].map(|name| vocabulary.meaning(name));
    let list = list_of_its_values(source, targets);
    let mut found: Vec<Candidate> = Vec::new();
    let mut excluded: Option<(f64, String)> = None;
    for (at, (target, names)) in targets.iter().zip(names).enumerate() {
        let known = history.get(&source.object, &source.name, &target.object);
        let known = known.filter(|known| known.field.eq_ignore_ascii_case(&target.field));
        let named = match known {
            Some(known) => Some((CONFIRMED, known.told.clone(), false)),
            None => by_name(source, &meanings, (target, names), vocabulary),
        };
        let Some((score, reason, misspelt)) = named else {
            continue;
        };
        if !holds(source, target) {
            let is_best = excluded.as_ref().is_none_or(|best| best.0 < score);
            if score >= MEANT && is_best {
                let means = match known {
                    Some(known) => format!("{}, as", known.told),
                    None => format!("`{}` means", source.name),
                };
                let lacks = lacks(source, target);
                let told = format!("{means} {}.{}, {lacks}", target.object, target.field);
                excluded = Some((score, told));
            }
            continue;
        }
        if known.is_some() {
            found.push(Candidate {
                target: at,
                score,
                reasons: vec![reason],
                doubted: false,
            });
            continue;
        }
        let mut candidate = Candidate {
            target: at,
            score,
            reasons: vec![reason],
            doubted: misspelt,
        };
        weigh_values(source, target, &mut candidate);
        if let Some(list) = list.filter(|_| target.kind == "string") {
            candidate.doubted = true;
            candidate.reasons.push(format!(
                "its values are those of {}.{}",
                list.object, list.field
            ));
        }
        if !target.createable {
            // What nobody can set has to be meant beyond doubt.
            if candidate.score < MEANT {
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
    Found {
        candidates: found,
        excluded,
    }
}

/// How much a source means a field by its names alone; none if it does not.
pub(crate) fn meant(
    source: &Source,
    target: (&Target, &Names),
    vocabulary: &Vocabulary,
) -> Option<f64> {
    let meanings = [&source.name, &source.label].map(|name| vocabulary.meaning(name));
    let (score, _, _) = by_name(source, &meanings, target, vocabulary)?;
    Some(score).filter(|score| *score >= MEANT)
}

/// Likeness of names: the better of name and label, with the reason.
fn by_name(
    source: &Source,
    meanings: &[Meaning; 2],
    (target, Names(own)): (&Target, &Names),
    vocabulary: &Vocabulary,
) -> Option<(f64, String, bool)> {
    let record = record_words(&target.object);
    let mut best: Option<(f64, String, bool)> = None;
    for (meaning, shown) in meanings.iter().zip([&source.name, &source.label]) {
        if meaning.bag.is_empty() {
            continue;
        }
        for (place, name) in own
            .iter()
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
                told(shown, meaning, is_same.then_some(place), score),
                meaning.misspelt,
            ));
        }
    }
    best
}

/// The likeness in words; `same` is the place of the name that has the very same words: the field's own, its label, or what it is
/// also called.
fn told(shown: &str, meaning: &Meaning, same: Option<usize>, score: f64) -> String {
    let mut text = match (same, score >= MEANT) {
        (Some(0), _) => format!("`{shown}` is the field's name"),
        (Some(1), _) => format!("`{shown}` is the field's label"),
        (Some(_), _) => format!("`{shown}` is what the field is called elsewhere"),
        (None, true) => format!("`{shown}` means the same as the field"),
        (None, false) => format!("`{shown}` has words of the field's name"),
    };
    let synonyms: Vec<String> = meaning
        .replaced
        .iter()
        .map(|(phrase, means, language)| format!("{phrase} ({language}) = {means}"))
        .collect();
    if !synonyms.is_empty() && same.is_none() {
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
    // A field of whole numbers takes no fraction.
    let has_fractions = profile.is_some_and(|profile| profile.fractions > 0);
    match source.kind {
        Kind::Unknown => match profile {
            None => true,
            Some(_) if kind == "int" && has_fractions => false,
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
        Kind::Float => numbers && !(kind == "int" && has_fractions),
        Kind::Boolean => kind == "boolean" || texts && kind != "textarea",
        Kind::Date => kind == "date" || kind == "string",
        Kind::DateTime => times || kind == "string",
        Kind::Reference => matches!(kind, "reference" | "string"),
    }
}

/// What a field lacks that does not hold a source.
fn lacks(source: &Source, target: &Target) -> String {
    let kind = target.kind.as_str();
    if matches!(kind, "id" | "address" | "base64" | "location") {
        return format!("which is of the type `{kind}`");
    }
    let what = match source.kind {
        Kind::Unknown | Kind::Text | Kind::Choice => "text",
        Kind::Float if kind == "int" => "fractions",
        Kind::Integer | Kind::Float => "numbers",
        Kind::Boolean => "yes or no",
        Kind::Date => "days",
        Kind::DateTime => "instants",
        Kind::Choices => "lists",
        Kind::Reference => "keys of records",
    };
    format!("which takes no {what}")
}

/// The list of the object that has all values of a source, where those are several.
fn list_of_its_values<'a>(source: &Source, targets: &'a [Target]) -> Option<&'a Target> {
    let profile = source.profile.as_ref()?;
    if !(2..=LISTED).contains(&profile.values.len()) {
        return None;
    }
    targets.iter().find(|target| {
        let known: BTreeSet<String> = target.picklist.iter().map(|value| plain(value)).collect();
        let mut values = profile.values.iter();
        values.all(|(value, _)| known.contains(&plain(value)))
    })
}

/// Different values of a column that may be a list, at most.
const LISTED: usize = 200;

/// How many values a picklist has, or has under another name.
fn in_picklist(values: &[(String, u64)], picklist: &[String]) -> usize {
    let known: BTreeSet<String> = picklist.iter().map(|value| plain(value)).collect();
    let (same, others): (Vec<&String>, Vec<&String>) = values
        .iter()
        .map(|(value, _)| value)
        .partition(|value| known.contains(&plain(value)));
    let others: Vec<String> = others.into_iter().cloned().collect();
    let choices: Vec<Choice> = picklist.iter().map(Choice::new).collect();
    let matched = match_values(&others, &choices);
    let meant = matched.iter().filter(|one| one.class > Class::Guess);
    same.len() + meant.count()
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
            if profile.values.is_empty() || profile.values.len() > LISTED {
                candidate.doubted = true;
                candidate.score *= 0.9;
                candidate
                    .reasons
                    .push("it has too many different values for a list".to_owned());
            } else {
                match in_picklist(&profile.values, &target.picklist) {
                    0 => {
                        candidate.doubted = true;
                        candidate.score *= 0.85;
                        candidate
                            .reasons
                            .push("none of its values is in the picklist".to_owned());
                    }
                    common => {
                        candidate.score += 0.05 * (1.0 - candidate.score).max(0.25);
                        candidate.reasons.push(format!(
                            "{common} of its {} values are in the picklist",
                            profile.values.len()
                        ));
                    }
                }
            }
        }
        _ => {}
    }
    // E-mail addresses in a field that is none for them, such as a person's name.
    let is_text = matches!(target.kind.as_str(), "string" | "textarea");
    if is_text && profile.share(profile.emails) > 0.5 {
        candidate.doubted = true;
        candidate.score *= 0.7;
        candidate
            .reasons
            .push("its values are e-mail addresses".to_owned());
    }
    if let Some(what) = no_text(source, profile).filter(|_| is_text) {
        candidate.doubted = true;
        candidate
            .reasons
            .push(format!("its values are {what}, and the field is for text"));
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

/// What a source holds that is no text, though a field of text takes it.
fn no_text(source: &Source, profile: &Profile) -> Option<&'static str> {
    let nearly_all = |count: u64| profile.share(count) >= 0.95;
    match source.kind {
        Kind::Integer | Kind::Float => Some("numbers"),
        Kind::Boolean => Some("yes or no"),
        Kind::Date | Kind::DateTime => Some("dates"),
        // Digits alone may be a code, which is text.
        _ if nearly_all(profile.dates) => Some("dates"),
        _ if nearly_all(profile.booleans) => Some("yes or no"),
        _ => None,
    }
}

fn plain(value: &str) -> String {
    super::words::split(value).join(" ")
}
