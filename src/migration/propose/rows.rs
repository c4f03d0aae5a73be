//! Proposals as rows of the two files.

use std::collections::{BTreeMap, BTreeSet};

use transload_propose::{
    Choice, Class, Kind, Known, Proposal, Source, Target, match_values, new_field,
};

use super::ProposeReport;
use crate::mapping::{FieldMap, ProposedField, ProposedValue};

/// Alternatives that are shown.
const SHOWN: usize = 3;

/// Different values for which picklist values are proposed, at most.
const VALUES: usize = 200;

/// Rows for one object.
pub(super) struct ProposalRows<'a> {
    pub(super) object: &'a str,
    pub(super) targets: &'a [Target],
    /// Fields in lower case → the load that sends them already.
    pub(super) sent: &'a BTreeMap<String, String>,
    /// Names that a new field cannot have, in lower case.
    pub(super) names: BTreeSet<String>,
}

impl ProposalRows<'_> {
    /// The row for a source.
    pub(super) fn field(
        &mut self,
        table: &str,
        source: &Source,
        proposal: &Proposal,
        before: Option<&Known>,
    ) -> ProposedField {
        let mut reasons = proposal.reasons.clone();
        let mut class = proposal.class;
        let mut target = proposal.target.map(|at| &self.targets[at]);
        if let Some(meant) = target {
            // One field, two sources: one of them would be lost.
            if let Some(load) = self.sent.get(&meant.field.to_lowercase()) {
                reasons.push(format!(
                    "it means {}.{}, which the load `{load}` sends already",
                    meant.object, meant.field
                ));
                (target, class) = (None, Class::Guess);
            } else if !meant.createable {
                reasons.push(format!("it means {}.{}", meant.object, meant.field));
                (target, class) = (None, Class::Guess);
            }
        }
        let mut short = None;
        let (target_field, field_type, label) = match target {
            Some(target) => (
                target.field.clone(),
                target.field_type.clone(),
                target.label.clone(),
            ),
            None => {
                let new = new_field(source);
                let mut name = new.field;
                short = new.short;
                // A field that people made for it in another project.
                if let Some(before) = before.filter(|before| before.field.ends_with("__c")) {
                    name.clone_from(&before.field);
                    reasons = vec![before.told.clone()];
                    class = Class::Certain;
                }
                (self.free(&name), new.field_type, new.label)
            }
        };
        if target.is_none() {
            reasons.push("a new field".to_owned());
        }
        reasons.extend(short);
        let alternatives = proposal.candidates.iter().filter_map(|candidate| {
            let field = &self.targets[candidate.target].field;
            (*field != target_field).then(|| format!("{field} ({:.2})", candidate.score))
        });
        let mut alternatives: Vec<String> = alternatives.take(SHOWN).collect();
        if target.is_some() {
            alternatives.push(format!("{} (new)", new_field(source).field));
        }
        let profile = source.profile.clone().unwrap_or_default();
        ProposedField {
            source: table.to_owned(),
            source_field: source.name.clone(),
            target_object: self.object.to_owned(),
            target_field,
            field_type,
            class: class.to_string(),
            score: format!("{:.2}", proposal.score),
            reasons: reasons.join("; "),
            alternatives: alternatives.join("; "),
            fill: format!("{:.0}%", profile.fill() * 100.0),
            samples: profile.samples.join(" · "),
            label,
            is_new: target.is_none(),
            source_type: source_type(source.kind).to_owned(),
        }
    }

    /// A name that no field has, near the one that is wanted.
    fn free(&mut self, wanted: &str) -> String {
        let bare = wanted.strip_suffix("__c").unwrap_or(wanted);
        let mut name = wanted.to_owned();
        let mut number = 1;
        while !self.names.insert(name.to_lowercase())
            || self.sent.contains_key(&name.to_lowercase())
        {
            number += 1;
            let kept: String = bare.chars().take(36).collect();
            name = format!("{}_{number}__c", kept.trim_end_matches('_'));
        }
        name
    }

    /// Values of a source that the field's picklist writes otherwise, or does not have.
    pub(super) fn values(
        &self,
        source: &Source,
        target: &Target,
        map: &FieldMap,
        report: &mut ProposeReport,
    ) {
        let profile = source.profile.as_ref();
        let Some(profile) = profile.filter(|profile| !profile.values.is_empty()) else {
            return;
        };
        let is_single = source.kind == Kind::Text || source.kind == Kind::Choice;
        if target.picklist.is_empty() || !is_single || profile.values.len() > VALUES {
            return;
        }
        // As they are compared when they are put in place.
        let mut values: BTreeMap<String, (String, u64)> = BTreeMap::new();
        for (value, rows) in &profile.values {
            let known = values.entry(value.to_lowercase());
            known.or_insert_with(|| (value.clone(), 0)).1 += rows;
        }
        let decided = map.values().of(&target.object, &target.field);
        let is_decided = |value: &str| {
            decided
                .iter()
                .any(|row| row.is_decided() && row.source_value.to_lowercase() == value)
        };
        values.retain(|value, _| !is_decided(value));
        let names: Vec<String> = values.values().map(|(value, _)| value.clone()).collect();
        let choices: Vec<Choice> = target.picklist.iter().map(Choice::new).collect();
        for found in match_values(&names, &choices) {
            if found.target.as_ref() == Some(&found.value) {
                continue;
            }
            if found.target.is_none() && !target.restricted {
                report.values_as_they_are += 1;
                continue;
            }
            let rows = values
                .get(&found.value.to_lowercase())
                .map_or(0, |(_, rows)| *rows);
            report.values.push(ProposedValue {
                object: target.object.clone(),
                field: target.field.clone(),
                source_value: found.value,
                target_value: found.target.unwrap_or_default(),
                class: found.class.to_string(),
                reasons: found.reason,
                rows,
            });
        }
    }
}

/// As [`type_word`](crate::mapping::type_word) calls it.
fn source_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "boolean",
        Kind::Integer => "integer",
        Kind::Float => "decimal",
        Kind::Date => "date",
        Kind::DateTime => "datetime",
        Kind::Choices => "list",
        Kind::Unknown | Kind::Text | Kind::Choice | Kind::Reference => "text",
    }
}
