//! One source to a field.
//!
//! In: sources of one table and fields of one object. Out: a [`Proposal`] per source, in their order. Where two sources
//! want one field, the better one has it, and the other says so.

use std::collections::BTreeMap;

use super::model::{Candidate, Class, Closed, History, Proposal, Source, Target};
use super::score::{Found, Names, candidates, meant};
use super::vocabulary::Vocabulary;

/// A score from which a proposal is certain, if nothing comes near it.
const CERTAIN: f64 = 0.93;
/// Distance to the second best that makes it so.
const CLEAR: f64 = 0.1;
/// A score from which a proposal is likely.
const LIKELY: f64 = 0.8;
/// A score below which no field is proposed.
const LEAST: f64 = 0.6;

/// Said of a source that no field is like.
const NO_NAME: &str = "no field of the object has a name like it";
const NOT_NEAR: &str = "no field of the object is near enough";

/// Proposes a field for each source.
#[must_use]
pub fn propose(
    sources: &[Source],
    targets: &[Target],
    vocabulary: &Vocabulary,
    history: &History,
) -> Vec<Proposal> {
    let names: Vec<Names> = targets
        .iter()
        .map(|target| Names::of(target, vocabulary))
        .collect();
    let all: Vec<Found> = sources
        .iter()
        .map(|source| candidates(source, targets, &names, vocabulary, history))
        .collect();
    // The best pairs first; each source and each field once.
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (source, found) in all.iter().enumerate() {
        let candidates = &found.candidates;
        let best = candidates.first().map_or(0.0, |one| one.score);
        let best = found.excluded.as_ref().map_or(best, |it| best.max(it.0));
        // What is meant clearly, and taken or of another type, is not pressed into a field that is merely left.
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
        .map(|(source, found)| {
            let rivals = Rivals {
                sources,
                targets,
                holder: &holder,
            };
            rivals.decide(source, found, has.get(&source).copied())
        })
        .collect()
}

struct Rivals<'a> {
    sources: &'a [Source],
    targets: &'a [Target],
    holder: &'a BTreeMap<usize, usize>,
}

impl Rivals<'_> {
    fn decide(&self, source: usize, found: Found, assigned: Option<usize>) -> Proposal {
        let Found {
            mut candidates,
            excluded,
        } = found;
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
            return none(candidates, excluded, taken);
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
        reasons.extend(
            excluded
                .filter(|(score, _)| *score > chosen.score)
                .map(|(_, told)| told),
        );
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

/// No field has this meaning, or none that could hold it.
fn none(
    candidates: Vec<Candidate>,
    excluded: Option<(f64, String)>,
    taken: Vec<String>,
) -> Proposal {
    let score = candidates.first().map_or(0.0, |candidate| candidate.score);
    let class = match (&excluded, score < 0.45) {
        (None, true) => Class::Likely,
        _ => Class::Guess,
    };
    let mut reasons = vec![match (excluded, score) {
        (Some((_, told)), _) => told,
        (None, 0.0) => NO_NAME.to_owned(),
        (None, _) => NOT_NEAR.to_owned(),
    }];
    reasons.extend(taken);
    Proposal {
        target: None,
        class,
        score,
        margin: 0.0,
        reasons,
        candidates,
    }
}

/// Says of sources without a field which closed one they mean. A source that means one is a guess: whether a new field is wanted
/// beside it, nobody can know but a person.
pub fn tell_closed(
    sources: &[Source],
    proposals: &mut [Proposal],
    closed: &[Closed],
    vocabulary: &Vocabulary,
) {
    let names: Vec<Names> = closed
        .iter()
        .map(|closed| Names::of(&closed.target, vocabulary))
        .collect();
    for (source, proposal) in sources.iter().zip(proposals) {
        let reason = proposal.reasons.first_mut();
        let Some(reason) = reason.filter(|reason| [NO_NAME, NOT_NEAR].contains(&reason.as_str()))
        else {
            continue;
        };
        let known = closed.iter().zip(&names).filter_map(|(closed, names)| {
            let score = meant(source, (&closed.target, names), vocabulary)?;
            Some((score, closed))
        });
        // The first of several that are as good.
        let best = known.reduce(|best, other| if other.0 > best.0 { other } else { best });
        if let Some((_, Closed { target, why })) = best {
            *reason = format!(
                "`{}` means {}.{}, which {why}",
                source.name, target.object, target.field
            );
            proposal.class = Class::Guess;
        }
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
    fn nothing_is_certain_against_its_values() {
        let none = History::default();
        let people = ["Anna Zając", "Bob Stone", "Cas Cole"];
        for (object, name, kind, cells, field) in [
            (
                "Lead",
                "rating",
                Kind::Integer,
                &["1", "2", "3"][..],
                "Rating",
            ),
            ("Account", "ownership", Kind::Text, &people[..], "Ownership"),
            (
                "Lead",
                "lead_source",
                Kind::Integer,
                &["17", "20"][..],
                "LeadSource",
            ),
            (
                "Lead",
                "street",
                Kind::Text,
                &["a@b.pl", "c@d.pl"][..],
                "Street",
            ),
            (
                "Contact",
                "title",
                Kind::Text,
                &["Mr.", "Ms.", "Mr."][..],
                "Title",
            ),
            (
                "Opportunity",
                "next_step",
                Kind::Date,
                &["2026-01-31"][..],
                "NextStep",
            ),
            (
                "Opportunity",
                "next_step",
                Kind::Text,
                &["2026-01-31"][..],
                "NextStep",
            ),
            (
                "Contact",
                "assistant",
                Kind::Boolean,
                &["true", "false"][..],
                "AssistantName",
            ),
            (
                "Contact",
                "department",
                Kind::Integer,
                &["4", "9"][..],
                "Department",
            ),
            (
                "Contact",
                "description",
                Kind::Integer,
                &["4", "9"][..],
                "Description",
            ),
        ] {
            let found = proposed(object, &[source(name, kind, cells)], &none).remove(0);
            assert_ne!(found.1, Class::Certain, "{object} {name}: {found:?}");
            assert!([field, ""].contains(&found.0.as_str()), "{name}: {found:?}");
        }
        // Values that the picklist has, or has under another name, and texts that are texts.
        for (object, name, cells, field) in [
            ("Lead", "rating", &["hot", "Cold"][..], "Rating"),
            ("Lead", "rating", &["zimny", "gorący"][..], "Rating"),
            ("Contact", "title", &["CEO", "Head of Sales"][..], "Title"),
            ("Lead", "zip", &["00-950", "31-001"][..], "PostalCode"),
        ] {
            let found = proposed(object, &[source(name, Kind::Text, cells)], &none).remove(0);
            assert_eq!(found, (field.to_owned(), Class::Certain), "{name}");
        }
    }

    #[test]
    fn a_field_of_whole_numbers_is_for_whole_numbers() {
        let targets = standard("Lead");
        let vocabulary = Vocabulary::built_in().unwrap();
        let one = |cells: &[&str]| {
            let sources = [source("employees", Kind::Float, cells)];
            propose(&sources, &targets, &vocabulary, &History::default()).remove(0)
        };
        let whole = one(&["10", "12.0"]);
        let field = whole.target.map(|at| targets[at].field.as_str());
        assert_eq!(
            (field, whole.class),
            (Some("NumberOfEmployees"), Class::Certain)
        );
        let fraction = one(&["10", "10.5"]);
        assert_eq!(fraction.target, None);
        assert_eq!(
            fraction.reasons,
            ["`employees` means Lead.NumberOfEmployees, which takes no fractions"]
        );
    }

    #[test]
    fn fields_that_are_meant_and_left_out_are_told() {
        let vocabulary = Vocabulary::built_in().unwrap();
        let (open, closed): (Vec<Target>, Vec<Target>) = standard("Account")
            .into_iter()
            .partition(|target| target.kind != "reference");
        let closed: Vec<Closed> = closed
            .into_iter()
            .map(|target| Closed {
                target,
                why: "is a reference".to_owned(),
            })
            .collect();
        let sources = [
            source("parentAccount", Kind::Text, &["ACME"]),
            source("annual_revenue", Kind::Text, &["a lot"]),
            source("ulubiony_kolor", Kind::Text, &["red"]),
        ];
        let mut proposals = propose(&sources, &open, &vocabulary, &History::default());
        tell_closed(&sources, &mut proposals, &closed, &vocabulary);
        let told = |at: usize| (proposals[at].target, proposals[at].reasons[0].as_str());
        assert_eq!(
            told(0),
            (
                None,
                "`parentAccount` means Account.ParentId, which is a reference"
            )
        );
        assert_eq!(
            told(1),
            (
                None,
                "`annual_revenue` means Account.AnnualRevenue, which takes no text"
            )
        );
        assert_eq!(told(2), (None, NO_NAME));
        assert_eq!(proposals[0].class, Class::Guess);
    }

    #[test]
    fn names_that_people_use_are_understood() {
        for (object, name, field) in [
            ("Opportunity", "Szansa powodzenia", "Probability"),
            ("Opportunity", "anticipatedClosedTime", "CloseDate"),
            ("Opportunity", "closed_at", "CloseDate"),
            ("Contact", "Ligne directe", "Phone"),
            ("Account", "bill_street", "BillingStreet"),
        ] {
            let found = proposed(
                object,
                &[source(name, Kind::Unknown, &[])],
                &History::default(),
            );
            assert_eq!(found[0].0, field, "{object} {name}: {found:?}");
        }
    }

    #[test]
    fn a_field_is_called_by_the_name_that_it_has() {
        let targets = standard("Opportunity");
        let vocabulary = Vocabulary::built_in().unwrap();
        let sources = [
            source("deal_source", Kind::Text, &[]),
            source("LeadSource", Kind::Text, &[]),
        ];
        let told = |source: &Source| {
            let sources = std::slice::from_ref(source);
            propose(sources, &targets, &vocabulary, &History::default())[0].reasons[0].clone()
        };
        assert_eq!(
            sources.each_ref().map(told),
            [
                "`deal_source` is what the field is called elsewhere",
                "`LeadSource` is the field's name"
            ]
        );
    }

    #[test]
    fn what_people_confirmed_before_beats_scores_and_no_type() {
        let mut history = History::default();
        let known = Known {
            field: "Birthdate".to_owned(),
            told: "confirmed by anna".to_owned(),
        };
        history.add("people", "born", "Contact", known);
        let targets = standard("Contact");
        let vocabulary = Vocabulary::built_in().unwrap();
        let sources = [source("born", Kind::Text, &["long ago"])];
        let found = propose(&sources, &targets, &vocabulary, &history).remove(0);
        assert_eq!((found.target, found.class), (None, Class::Guess));
        assert_eq!(
            found.reasons[0],
            "confirmed by anna, as Contact.Birthdate, which takes no text"
        );
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
