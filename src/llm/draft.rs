//! Proposals that a model may be asked about.
//!
//! In: proposals for one table and one object. Out: [`Question`]s about those that are not certain. What is certain, or has
//! nothing to choose from, is nobody's question, so that no more leaves the machine than has to.

use std::collections::BTreeSet;

use transload_propose::{Class, Proposal, Source, Target};

/// Candidates of a column that a model may choose from.
const CHOICES: usize = 7;

/// Proposals for the columns of one table and the fields of one object.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Staged table.
    pub table: String,
    /// Salesforce object.
    pub object: String,
    /// Columns.
    pub sources: Vec<Source>,
    /// Fields that are free.
    pub targets: Vec<Target>,
    /// Places of targets that may be meant and not proposed: a load sends them already, or nobody may set them.
    pub closed: BTreeSet<usize>,
    /// A proposal per column.
    pub proposals: Vec<Proposal>,
}

/// What a model is asked about one column.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// Place of the draft.
    pub(super) draft: usize,
    /// Place of the column in it.
    pub(super) column: usize,
    /// Places of the fields that may be named, best first; none = a new field.
    pub(super) choices: Vec<Option<usize>>,
}

impl Question {
    /// `people.plan → Lead`.
    pub(super) fn name(&self, drafts: &[Draft]) -> String {
        let draft = &drafts[self.draft];
        let column = super::one_line(&draft.sources[self.column].name, 60);
        format!("{}.{column} → {}", draft.table, draft.object)
    }

    /// How a model finds the question again.
    pub(super) fn id(at: usize) -> String {
        format!("c{}", at + 1)
    }
}

/// Every column whose proposal is in doubt and has candidates.
pub(super) fn questions(drafts: &[Draft]) -> Vec<Question> {
    let mut questions = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        for (column, proposal) in draft.proposals.iter().enumerate() {
            let is_closed =
                |target: Option<usize>| target.is_some_and(|target| draft.closed.contains(&target));
            if proposal.class == Class::Certain || is_closed(proposal.target) {
                continue;
            }
            let fields = proposal.candidates.iter().map(|candidate| candidate.target);
            let open = fields.filter(|target| !draft.closed.contains(target));
            let mut choices: Vec<Option<usize>> = open.take(CHOICES).map(Some).collect();
            if choices.is_empty() {
                continue;
            }
            choices.push(None);
            questions.push(Question {
                draft: at,
                column,
                choices,
            });
        }
    }
    questions
}

#[cfg(test)]
pub(super) mod testing {
    use transload_propose::{History, Kind, Profiler, Vocabulary, propose, standard};

    use super::*;

    /// A draft of people's columns by name and label, with these cells.
    pub(crate) fn draft(columns: &[(String, String)], cells: &[&str]) -> Draft {
        let sources: Vec<Source> = columns
            .iter()
            .map(|(name, label)| {
                let mut profiler = Profiler::default();
                cells.iter().for_each(|cell| profiler.push(Some(cell)));
                Source {
                    object: "people".to_owned(),
                    name: name.clone(),
                    label: label.clone(),
                    kind: Kind::Text,
                    profile: Some(profiler.finish()),
                }
            })
            .collect();
        let targets = standard("Lead");
        let vocabulary = Vocabulary::built_in().unwrap();
        let proposals = propose(&sources, &targets, &vocabulary, &History::default());
        Draft {
            table: "people".to_owned(),
            object: "Lead".to_owned(),
            sources,
            targets,
            closed: BTreeSet::new(),
            proposals,
        }
    }

    #[test]
    fn what_is_certain_or_has_no_candidate_is_nobodys_question() {
        let columns = ["company", "job title", "zzz", "company contact"];
        let columns = columns.map(|name| (name.to_owned(), String::new()));
        let mut drafts = [draft(&columns, &["x"])];
        let asked = |drafts: &[Draft]| -> Vec<usize> {
            questions(drafts).iter().map(|one| one.column).collect()
        };
        assert_eq!(asked(&drafts), [3]);
        // Fields that are closed are no choice.
        drafts[0].closed = (0..drafts[0].targets.len()).collect();
        assert!(asked(&drafts).is_empty());
    }
}
