//! `config/field_policy.csv` and `config/decisions.csv`: whose value counts where the source and the org both have one.
//!
//! In: the project's files. Out: the policy of a field, and what a person decided about two values. Never: a comparison of
//! values that were not read as such; whether the org changed a value is for others to find out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{DecisionRow, MappingError, decision_rows};
use crate::salesforce::{is_same_record, record_identity};

/// Stands for all objects, or all fields of one.
const ALL: &str = "*";

/// Whose value a field of a known record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldPolicy {
    /// The source's, whatever somebody wrote in the org.
    SourceWins,
    /// The org's: it is written once, when the record is made.
    OrgWins,
    /// The org's, unless it is empty there.
    OrgUnlessBlank,
    /// That of the side that changed it; where both did, a person decides.
    Ask,
    /// The source's; what the org's automation makes of it is no edit and no difference.
    Automation,
}

impl FieldPolicy {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "source_wins" => Some(Self::SourceWins),
            "org_wins" => Some(Self::OrgWins),
            "org_unless_blank" => Some(Self::OrgUnlessBlank),
            "ask" => Some(Self::Ask),
            "automation" => Some(Self::Automation),
            _ => None,
        }
    }
}

/// A side whose value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The export's.
    Source,
    /// What is in Salesforce.
    Org,
}

/// What was decided about a field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Whose value counts.
    For(Side),
    /// There is a decision, about other values than these.
    ForOtherValues,
}

/// When two texts are the same value of a field: a person copies what is shown, and Salesforce may write it in another way the next
/// time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alike {
    /// Letter by letter.
    #[default]
    Text,
    /// Whatever the case of their letters.
    AnyCase,
    /// As numbers with so many decimals.
    Number(u8),
    /// As instants, to the second.
    Instant,
    /// As sets of choices, whatever their case.
    Choices,
}

impl Alike {
    /// Of a field with this type and scale in the org's describe.
    #[must_use]
    pub fn of(field_type: &str, scale: i64) -> Self {
        match field_type {
            "email" | "picklist" | "combobox" => Self::AnyCase,
            "multipicklist" => Self::Choices,
            "double" | "currency" | "percent" | "int" | "long" => {
                Self::Number(u8::try_from(scale).unwrap_or_default())
            }
            "datetime" => Self::Instant,
            _ => Self::Text,
        }
    }

    /// Whether they are.
    #[must_use]
    pub fn is_same(self, one: &str, other: &str) -> bool {
        // A person may have copied the longer form of an id.
        if one == other || is_same_record(one, other) {
            return true;
        }
        match self {
            Self::Text => false,
            Self::AnyCase => one.to_lowercase() == other.to_lowercase(),
            Self::Number(scale) => {
                let [one, other] = [one, other].map(|text| text.parse::<f64>().ok());
                let nearest = 0.5 * 10_f64.powi(-i32::from(scale));
                one.zip(other)
                    .is_some_and(|(one, other)| (one - other).abs() < nearest)
            }
            // Up to the second, the same in all forms but for what is between day and hour.
            Self::Instant => {
                let [one, other] =
                    [one, other].map(|text| text.get(..19).map(|text| text.replace(' ', "T")));
                one.is_some() && one == other
            }
            Self::Choices => {
                let [one, other] = [one, other].map(|text| -> BTreeSet<String> {
                    let choices = text.split(';');
                    choices.map(|choice| choice.trim().to_lowercase()).collect()
                });
                one == other
            }
        }
    }
}

/// Policies and decisions of a project.
#[derive(Clone, Debug, Default)]
pub struct EditPolicies {
    /// By object and field in lower case.
    policies: BTreeMap<(String, String), FieldPolicy>,
    /// By object and field in lower case, and key.
    decisions: BTreeMap<(String, String, String), Vec<Decision>>,
    /// Records that are made anew after somebody deleted them: by object in lower case and key, the ids of those that were
    /// deleted; an empty one stands for any.
    recreated: BTreeMap<(String, String), BTreeSet<String>>,
}

/// Values of both sides, and whose counts.
#[derive(Clone, Debug)]
struct Decision {
    ours: String,
    theirs: String,
    side: Side,
}

impl EditPolicies {
    /// Reads both files; a project without them leaves everything to the defaults.
    ///
    /// # Errors
    /// [`MappingError::Decisions`] with the mistakes in them.
    pub fn load(project: &Path) -> Result<Self, MappingError> {
        let policies = decision_rows(project, "field_policy")?;
        Ok(Self::of(&policies, &decision_rows(project, "decisions")?))
    }

    fn of(policies: &[DecisionRow], decisions: &[DecisionRow]) -> Self {
        let name = |row: &DecisionRow, column: &str| row.get(column).to_lowercase();
        let mut read = Self::default();
        for row in policies {
            if let Some(policy) = FieldPolicy::parse(row.get("policy")) {
                read.policies
                    .insert((name(row, "object"), name(row, "field")), policy);
            }
        }
        for row in decisions {
            let side = match row.get("decision") {
                "source" => Side::Source,
                "org" => Side::Org,
                "recreate" => {
                    let of = (name(row, "object"), row.get("key").to_owned());
                    let id = bare(row.get("theirs"));
                    let ids = read.recreated.entry(of).or_default();
                    ids.insert(record_identity(&id).to_owned());
                    continue;
                }
                _ => continue,
            };
            let of = (
                name(row, "object"),
                name(row, "field"),
                row.get("key").to_owned(),
            );
            read.decisions.entry(of).or_default().push(Decision {
                ours: bare(row.get("ours")),
                theirs: bare(row.get("theirs")),
                side,
            });
        }
        read
    }

    /// The policy that the project gives a field: its own, that of its object, or that of all.
    #[must_use]
    pub fn policy(&self, object: &str, field: &str) -> Option<FieldPolicy> {
        let (object, field) = (object.to_lowercase(), field.to_lowercase());
        let wanted = [
            (object.as_str(), field.as_str()),
            (object.as_str(), ALL),
            (ALL, field.as_str()),
            (ALL, ALL),
        ];
        wanted.iter().find_map(|(object, field)| {
            let name = ((*object).to_owned(), (*field).to_owned());
            self.policies.get(&name).copied()
        })
    }

    /// Those of these fields of an object that its automation changes.
    #[must_use]
    pub fn automation<'a>(
        &self,
        object: &str,
        fields: impl Iterator<Item = &'a String>,
    ) -> BTreeSet<String> {
        let automatic =
            |field: &&String| self.policy(object, field.as_str()) == Some(FieldPolicy::Automation);
        fields.filter(automatic).cloned().collect()
    }

    /// Whether a record that somebody deleted in the org is to be made anew.
    #[must_use]
    pub fn recreates(&self, object: &str, key: &str, id: &str) -> bool {
        let of = (object.to_lowercase(), key.to_owned());
        let ids = self.recreated.get(&of);
        ids.is_some_and(|ids| ids.contains("") || ids.contains(record_identity(id)))
    }

    /// What was decided about a field of a record, given our value of now and the org's, each in the forms in which a decision may name
    /// it.
    #[must_use]
    pub fn decided(
        &self,
        object: &str,
        key: &str,
        field: &str,
        values: [[&str; 2]; 2],
        alike: Alike,
    ) -> Option<Decided> {
        let of = (object.to_lowercase(), field.to_lowercase(), key.to_owned());
        let decisions = self.decisions.get(&of)?;
        let [ours, theirs] = values.map(|forms| forms.map(bare));
        let is_one = |decided: &str, forms: &[String; 2]| {
            forms.iter().any(|form| alike.is_same(decided, form))
        };
        let same = decisions
            .iter()
            .find(|decision| is_one(&decision.ours, &ours) && is_one(&decision.theirs, &theirs));
        Some(same.map_or(Decided::ForOtherValues, |same| Decided::For(same.side)))
    }
}

/// A value as the list of conflicts has it, whatever a spreadsheet made of it: without white space around it, line ends as LF,
/// without the apostrophe that keeps a cell from being a formula.
fn bare(value: &str) -> String {
    let text = value.replace("\r\n", "\n");
    let text = text.trim();
    text.strip_prefix('\'').unwrap_or(text).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[(&str, &str)]) -> DecisionRow {
        let cells = cells.iter();
        DecisionRow {
            line: 2,
            cells: cells
                .map(|(name, cell)| ((*name).to_owned(), (*cell).to_owned()))
                .collect(),
        }
    }

    fn policy(object: &str, field: &str, policy: &str) -> DecisionRow {
        row(&[("object", object), ("field", field), ("policy", policy)])
    }

    #[test]
    fn the_narrowest_policy_counts() {
        let rows = [
            policy("*", "*", "ask"),
            policy("*", "Phone", "source_wins"),
            policy("Account", "*", "org_unless_blank"),
            policy("account", "website", "org_wins"),
        ];
        let policies = EditPolicies::of(&rows, &[]);
        for (object, field, expected) in [
            ("Account", "Website", FieldPolicy::OrgWins),
            ("Account", "Phone", FieldPolicy::OrgUnlessBlank),
            ("Contact", "Phone", FieldPolicy::SourceWins),
            ("Contact", "Email", FieldPolicy::Ask),
        ] {
            assert_eq!(
                policies.policy(object, field),
                Some(expected),
                "{object}.{field}"
            );
        }
        assert_eq!(EditPolicies::default().policy("Account", "Name"), None);
    }

    #[test]
    fn a_record_is_made_anew_if_this_deletion_of_it_was_decided_about() {
        let decision = |key: &str, theirs: &str| {
            row(&[
                ("object", "Contact"),
                ("key", key),
                ("field", "*"),
                ("theirs", theirs),
                ("decision", "recreate"),
            ])
        };
        let rows = [decision("4", "003A00000000001AAA"), decision("5", "")];
        let policies = EditPolicies::of(&[], &rows);
        assert!(policies.recreates("contact", "4", "003A00000000001"));
        assert!(!policies.recreates("Contact", "4", "003A00000000002AAA"));
        assert!(policies.recreates("Contact", "5", "003A00000000002AAA"));
        assert!(!policies.recreates("Contact", "6", "003A00000000001AAA"));
    }

    #[test]
    fn a_decision_is_about_two_values() {
        let decision = |theirs: &str, decision: &str| {
            row(&[
                ("object", "Account"),
                ("key", "10"),
                ("field", "Phone"),
                ("ours", "'+48 1"),
                ("theirs", theirs),
                ("decision", decision),
            ])
        };
        let rows = [
            decision("+48 2", "org"),
            decision("", "source"),
            decision("+48 3", ""),
            decision("001D000000IRFmaIAH", "org"),
        ];
        let policies = EditPolicies::of(&[], &rows);
        let decided = |theirs: &str| {
            let values = [["+48 1"; 2], [theirs; 2]];
            policies.decided("account", "10", "phone", values, Alike::Text)
        };
        assert_eq!(decided(" +48 2"), Some(Decided::For(Side::Org)));
        assert_eq!(decided(""), Some(Decided::For(Side::Source)));
        assert_eq!(decided("+48 3"), Some(Decided::ForOtherValues));
        // Either form of an id, but no other text that begins like one.
        assert_eq!(decided("001D000000IRFma"), Some(Decided::For(Side::Org)));
        assert_eq!(decided("001D000000IRFmaIAX"), Some(Decided::ForOtherValues));
        assert_eq!(decided("001D000000IRFmb"), Some(Decided::ForOtherValues));
        assert_eq!(
            policies.decided(
                "Account",
                "11",
                "Phone",
                [["+48 1"; 2], ["+48 2"; 2]],
                Alike::Text
            ),
            None
        );
    }

    #[test]
    fn values_are_the_same_by_what_the_field_holds() {
        let same =
            |field_type: &str, one: &str, other: &str| Alike::of(field_type, 2).is_same(one, other);
        assert!(same("picklist", "Closed Won", "closed won"));
        assert!(same("currency", "2500.00", "2500.0") && same("double", "1e3", "1000"));
        assert!(!same("currency", "2500.00", "2500.01"));
        assert!(same(
            "datetime",
            "2026-03-01T10:00:00Z",
            "2026-03-01T10:00:00.000+0000"
        ));
        assert!(same("multipicklist", "B;a", "a; b") && !same("multipicklist", "a", "a;b"));
        assert!(same("reference", "001D000000IRFmaIAH", "001D000000IRFma"));
        // A text is no number.
        assert!(!same("phone", "007", "7") && !same("string", "Ann", "ann"));
    }

    #[test]
    fn a_decision_may_name_a_value_as_it_is_shown_or_as_it_is_compared() {
        let decision = |ours: &str, theirs: &str| {
            row(&[
                ("object", "Opportunity"),
                ("key", "51"),
                ("field", "StageName"),
                ("ours", ours),
                ("theirs", theirs),
                ("decision", "org"),
            ])
        };
        let values = [
            ["closed won", "Closed Won"],
            ["qualification", "Qualification"],
        ];
        for (ours, theirs) in [
            ("closed won", "qualification"),
            ("Closed Won", "Qualification"),
        ] {
            let policies = EditPolicies::of(&[], &[decision(ours, theirs)]);
            let decided = policies.decided("Opportunity", "51", "StageName", values, Alike::Text);
            assert_eq!(decided, Some(Decided::For(Side::Org)), "{ours}, {theirs}");
        }
    }
}
