//! One source to a field.
//!
//! In: sources of one table and fields of one object. Out: a [`Proposal`] per source, in their order. Where two sources
//! want one field, the better one has it, and the other says so.

use std::collections::BTreeMap;

use super::model::{Candidate, Class, History, Proposal, Source, Target};
use super::score::candidates;
use super::vocabulary::Vocabulary;

/// A score from which a proposal is certain, if nothing comes near it.
const CERTAIN: f64 = 0.93;
/// Distance to the second best that makes it so.
const CLEAR: f64 = 0.1;
/// A score from which a proposal is likely.
const LIKELY: f64 = 0.8;
/// A score below which no field is proposed.
const LEAST: f64 = 0.6;

/// Proposes a field for each source.
#[must_use]
pub fn propose(
    sources: &[Source],
    targets: &[Target],
    vocabulary: &Vocabulary,
    history: &History,
) -> Vec<Proposal> {
    let all: Vec<Vec<Candidate>> = sources
        .iter()
        .map(|source| candidates(source, targets, vocabulary, history))
        .collect();
    // The best pairs first; each source and each field once.
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (source, candidates) in all.iter().enumerate() {
        let best = candidates.first().map_or(0.0, |one| one.score);
        // What is meant clearly and taken is not pressed into a field that is merely left.
        let least = if best >= 0.9 { LIKELY } else { LEAST };
        for candidate in candidates.iter().filter(|one| one.score >= least) {
            pairs.push((candidate.score, source, candidate.target));
        }
    }
    pairs.sort_by(|left, right| {
        right
            .0
            .total_cmp(&left.0)
            .then(left.1.cmp(&right.1))
            .then(left.2.cmp(&right.2))
    });
    let mut has: BTreeMap<usize, usize> = BTreeMap::new();
    let mut holder: BTreeMap<usize, usize> = BTreeMap::new();
    for (_, source, target) in pairs {
        if !has.contains_key(&source) && !holder.contains_key(&target) {
            has.insert(source, target);
            holder.insert(target, source);
        }
    }
    all.into_iter()
        .enumerate()
        .map(|(source, candidates)| {
            let rivals = Rivals {
                sources,
                targets,
                holder: &holder,
            };
            rivals.decide(source, candidates, has.get(&source).copied())
        })
        .collect()
}

struct Rivals<'a> {
    sources: &'a [Source],
    targets: &'a [Target],
    holder: &'a BTreeMap<usize, usize>,
}

impl Rivals<'_> {
    fn decide(
        &self,
        source: usize,
        mut candidates: Vec<Candidate>,
        assigned: Option<usize>,
    ) -> Proposal {
        let mut taken = Vec::new();
        // A field that another source has comes after those that are free.
        for candidate in &mut candidates {
            let holder = self.holder.get(&candidate.target).copied();
            if let Some(other) = holder.filter(|holder| *holder != source)
                && candidate.score >= LEAST
            {
                let target = &self.targets[candidate.target];
                taken.push(format!(
                    "`{}` fits {}.{} better",
                    self.sources[other].name, target.object, target.field
                ));
                candidate.doubted = true;
            }
        }
        let Some(at) = assigned.and_then(|target| {
            candidates
                .iter()
                .position(|candidate| candidate.target == target)
        }) else {
            return none(candidates, taken);
        };
        let best_of_all = candidates[0].score;
        let chosen = candidates.remove(at);
        let second = candidates
            .iter()
            .map(|candidate| candidate.score)
            .fold(0.0, f64::max);
        let margin = chosen.score - second;
        // A second choice is a guess, however well it fits.
        let is_first = chosen.score >= best_of_all;
        let is_clear = !chosen.doubted && chosen.score >= CERTAIN && margin >= CLEAR;
        let class = if is_first && is_clear {
            Class::Certain
        } else if is_first && chosen.score >= LIKELY && margin >= 0.02 {
            Class::Likely
        } else {
            Class::Guess
        };
        let mut reasons = chosen.reasons.clone();
        if class != Class::Certain && margin < CLEAR {
            let rival = candidates
                .iter()
                .find(|candidate| candidate.score == second);
            if let Some(rival) = rival {
                let target = &self.targets[rival.target];
                reasons.push(format!("{}.{} is near", target.object, target.field));
            }
        }
        if !is_first {
            reasons.extend(taken);
        }
        let (target, score) = (Some(chosen.target), chosen.score);
        candidates.insert(0, chosen);
        Proposal {
            target,
            class,
            score,
            margin,
            reasons,
            candidates,
        }
    }
}

/// No field has this meaning.
fn none(candidates: Vec<Candidate>, taken: Vec<String>) -> Proposal {
    let score = candidates.first().map_or(0.0, |candidate| candidate.score);
    let mut reasons = vec![match score {
        0.0 => "no field of the object has a name like it".to_owned(),
        _ => "no field of the object is near enough".to_owned(),
    }];
    reasons.extend(taken);
    Proposal {
        target: None,
        class: if score < 0.45 {
            Class::Likely
        } else {
            Class::Guess
        },
        score,
        margin: 0.0,
        reasons,
        candidates,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Known};
    use crate::profile::Profiler;
    use crate::standard::standard;

    fn source(name: &str, kind: Kind, cells: &[&str]) -> Source {
        let mut profiler = Profiler::default();
        for cell in cells {
            profiler.push(Some(cell));
        }
        Source {
            object: "people".to_owned(),
            name: name.to_owned(),
            kind,
            profile: Some(profiler.finish()),
            ..Source::default()
        }
    }

    /// Field and class of each source.
    fn proposed(object: &str, sources: &[Source], history: &History) -> Vec<(String, Class)> {
        let targets = standard(object);
        let vocabulary = Vocabulary::built_in().unwrap();
        let field = |proposal: Proposal| {
            let field = proposal.target.map(|at| targets[at].field.clone());
            (field.unwrap_or_default(), proposal.class)
        };
        let proposals = propose(sources, &targets, &vocabulary, history);
        proposals.into_iter().map(field).collect()
    }

    #[test]
    fn one_field_goes_to_one_source_and_the_other_says_why() {
        let sources = [
            source("phone_number", Kind::Text, &[]),
            source("Phone", Kind::Text, &[]),
        ];
        let targets = standard("Lead");
        let vocabulary = Vocabulary::built_in().unwrap();
        let proposals = propose(&sources, &targets, &vocabulary, &History::default());
        assert_eq!(proposals[0].target, None);
        let told = proposals[0].reasons.join("; ");
        assert!(told.contains("`Phone` fits Lead.Phone better"), "{told}");
        let phone = proposals[1].target.map(|at| targets[at].field.as_str());
        assert_eq!((phone, proposals[1].class), (Some("Phone"), Class::Certain));
    }

    #[test]
    fn types_and_values_are_heard() {
        let none = History::default();
        let one = |source: Source| proposed("Contact", &[source], &none).remove(0);
        let certain = |field: &str| (field.to_owned(), Class::Certain);
        assert_eq!(
            one(source("mail", Kind::Text, &["a@b.pl", "c@d.pl"])),
            certain("Email")
        );
        // A name that says e-mail over values that are none.
        let doubted = one(source("mail", Kind::Text, &["yes", "no"]));
        assert_ne!(doubted.1, Class::Certain, "{doubted:?}");
        // A text is no date, and a number no e-mail address.
        assert_eq!(one(source("birthday", Kind::Text, &["x"])).0, "");
        assert_eq!(
            one(source("birthday", Kind::Date, &["2000-01-31"])),
            certain("Birthdate")
        );
        assert_eq!(one(source("email", Kind::Integer, &["1"])).0, "");
        // Longer than the field.
        let long = one(source("imię", Kind::Text, &[&"x".repeat(60)]));
        assert_eq!(long.0, "FirstName");
        assert_ne!(long.1, Class::Certain);
    }

    #[test]
    fn what_people_confirmed_before_beats_scores() {
        let mut history = History::default();
        let known = Known {
            field: "Department".to_owned(),
            told: "confirmed by anna".to_owned(),
        };
        history.add("people", "jobTitle", "Contact", known);
        let sources = [source("job_title", Kind::Text, &["x"])];
        let found = proposed("Contact", &sources, &history);
        assert_eq!(found[0], ("Department".to_owned(), Class::Certain));
        let elsewhere = proposed("Lead", &sources, &history);
        assert_eq!(elsewhere[0].0, "Title");
    }

    #[test]
    fn eight_hundred_columns_of_any_name_are_no_trouble() {
        let mut sources: Vec<Source> = (0..800)
            .map(|number| source(&format!("attribute {number} 电话"), Kind::Text, &["x"]))
            .collect();
        for odd in ["🦀", "", "---", "name", &"long_".repeat(200)] {
            sources.push(source(odd, Kind::Unknown, &[]));
        }
        let found = proposed("Lead", &sources, &History::default());
        assert_eq!(found.len(), sources.len());
    }
}
