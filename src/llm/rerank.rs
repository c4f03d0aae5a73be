//! Verdicts → proposals in another order.
//!
//! In: drafts, and verdicts that name candidates only. Out: the drafts, one source to a field as before. A proposal that the model
//! agrees with keeps its class; one that it moves, or would move, is a guess, since two opinions differ. No class rises.

use std::collections::BTreeSet;

use transload_propose::{Class, Proposal};

use super::LlmReport;
use super::answer::{Verdict, Verdicts};
use super::draft::{Draft, Question};

/// Applies verdicts, and counts each question once.
pub(super) fn apply(
    drafts: &mut [Draft],
    questions: &[Question],
    mut verdicts: Verdicts,
    report: &mut LlmReport,
) {
    for (at, draft) in drafts.iter_mut().enumerate() {
        let mut differing: Vec<(usize, Verdict)> = Vec::new();
        for (number, question) in questions.iter().enumerate() {
            if question.draft != at {
                continue;
            }
            let proposal = &mut draft.proposals[question.column];
            match verdicts.by_question.remove(&number) {
                None => report.unanswered += 1,
                Some(verdict) if verdict.order[0] == proposal.target => {
                    report.agreed += 1;
                    proposal
                        .reasons
                        .push(said("the model agrees", &verdict.reason));
                }
                Some(verdict) => differing.push((question.column, verdict)),
            }
        }
        // Columns that stay have their fields; what the others leave is free for one another.
        let moving: BTreeSet<usize> = differing.iter().map(|(column, _)| *column).collect();
        let staying = draft.proposals.iter().enumerate();
        let mut taken: BTreeSet<usize> = staying
            .filter(|(column, _)| !moving.contains(column))
            .filter_map(|(_, proposal)| proposal.target)
            .collect();
        for (column, verdict) in differing {
            let before = draft.proposals[column].target;
            // Its own field comes last, behind what the model named.
            let wished = verdict.order.iter().copied().chain([before, None]);
            let is_free = |target: &Option<usize>| target.is_none_or(|at| !taken.contains(&at));
            let chosen = wished.clone().find(is_free).flatten();
            taken.extend(chosen);
            let named = |target: Option<usize>| match target {
                Some(target) => {
                    let target = &draft.targets[target];
                    format!("{}.{}", target.object, target.field)
                }
                None => "a new field".to_owned(),
            };
            let (first, ours) = (named(verdict.order[0]), named(before));
            let told = if chosen == verdict.order[0] {
                said(&format!("the model prefers it to {ours}"), &verdict.reason)
            } else {
                let why = format!("the model prefers {first}, which another column has");
                said(&why, &verdict.reason)
            };
            if chosen == before {
                report.barred += 1;
            } else {
                report.moved += 1;
            }
            put(&mut draft.proposals[column], chosen, told);
        }
    }
}

fn put(proposal: &mut Proposal, target: Option<usize>, told: String) {
    // It is a guess even where it was more: two opinions differ.
    proposal.class = proposal.class.min(Class::Guess);
    let is_moved = proposal.target != target;
    proposal.target = target;
    let place = proposal
        .candidates
        .iter()
        .position(|candidate| Some(candidate.target) == target);
    if let Some(place) = place.filter(|_| is_moved) {
        let chosen = proposal.candidates.remove(place);
        proposal.score = chosen.score;
        proposal.reasons.clone_from(&chosen.reasons);
        proposal.candidates.insert(0, chosen);
    } else if is_moved {
        proposal.reasons.clear();
    }
    proposal.reasons.push(told);
}

fn said(what: &str, reason: &str) -> String {
    match reason {
        "" => what.to_owned(),
        reason => format!("{what}: “{reason}”"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::draft::questions;
    use super::super::draft::testing::draft;
    use super::*;

    /// Columns, each with what the model names for it by name of field; the field, class and reasons that come of it.
    fn reranked(columns: &[(&str, &[&str])]) -> (Vec<(String, Class, String)>, LlmReport) {
        let named: Vec<(String, String)> = columns
            .iter()
            .map(|(name, _)| ((*name).to_owned(), String::new()))
            .collect();
        let mut drafts = [draft(&named, &["x"])];
        let asked = questions(&drafts);
        let mut verdicts = Verdicts::default();
        for (number, question) in asked.iter().enumerate() {
            let wanted = columns[question.column].1.iter();
            let order: Vec<Option<usize>> = wanted
                .map(|name| {
                    let is_it = |target: &transload_propose::Target| target.field == *name;
                    drafts[0].targets.iter().position(is_it)
                })
                .collect();
            if !order.is_empty() {
                let reason = "because".to_owned();
                let verdict = Verdict { order, reason };
                verdicts.by_question.insert(number, verdict);
            }
        }
        let mut report = LlmReport {
            asked: asked.len(),
            ..LlmReport::default()
        };
        let before: Vec<Class> = drafts[0].proposals.iter().map(|one| one.class).collect();
        apply(&mut drafts, &asked, verdicts, &mut report);
        let counted = report.agreed + report.moved + report.barred + report.unanswered;
        assert_eq!(counted, report.asked, "every question counts once");
        let draft = &drafts[0];
        let mut taken = BTreeSet::new();
        let rows = draft
            .proposals
            .iter()
            .zip(before)
            .map(|(proposal, before)| {
                assert!(proposal.class <= before, "a class rose");
                let field = proposal.target.map(|at| draft.targets[at].field.clone());
                let field = field.unwrap_or_default();
                assert!(
                    field.is_empty() || taken.insert(field.clone()),
                    "{field} twice"
                );
                (field, proposal.class, proposal.reasons.join("; "))
            });
        (rows.collect(), report)
    }

    #[test]
    fn a_field_of_another_column_stays_with_it_and_the_wish_is_told() {
        let (rows, report) = reranked(&[("company", &[]), ("company contact", &["Company"])]);
        assert_eq!((rows[0].0.as_str(), rows[0].1), ("Company", Class::Certain));
        assert_ne!(rows[1].0, "Company");
        let told = "the model prefers Lead.Company, which another column has: “because”";
        assert!(rows[1].2.contains(told), "{rows:?}");
        assert_eq!((report.asked, report.barred), (1, 1));
    }

    #[test]
    fn what_the_model_prefers_is_a_guess_and_what_it_agrees_with_stays_what_it_was() {
        let plain = reranked(&[("company contact", &[])]);
        assert_eq!(plain.1.unanswered, 1);
        let field = plain.0[0].0.clone();
        let (wish, other) = if field.is_empty() {
            ("(new)", "Company")
        } else {
            (field.as_str(), "(new)")
        };
        let agreed = reranked(&[("company contact", &[wish])]);
        assert_eq!((agreed.1.agreed, agreed.0[0].1), (1, plain.0[0].1));
        assert!(agreed.0[0].2.contains("the model agrees: “because”"));
        let moved = reranked(&[("company contact", &[other])]);
        assert_eq!((moved.1.moved, moved.0[0].1), (1, Class::Guess));
        assert_ne!(moved.0[0].0, field);
        assert!(
            moved.0[0].2.contains("the model prefers it to"),
            "{moved:?}"
        );
    }
}
