//! Three-way comparison of one field: what the org accepted last, what the source has now, what the org has now
//! (`guide/rules.md` 36).
//!
//! In: an [`Entry`], the policy of its field, what a person decided. Out: whether the field is written, and what to tell people.
//! Never: a value written over one that somebody entered in the org, unless a policy or a person says so.

use super::body::is_body;
use crate::mapping::{Alike, Decided, EditPolicies, FieldPolicy, Side};
use crate::rows::TOGETHER;

/// A field of a known record whose value in the org is not the one that the source has now. All values by which it is judged are in
/// their normal form, `None` where there is none; [`Shown`] has them as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Place among the sent columns.
    pub place: usize,
    /// Name of the field.
    pub field: String,
    /// The source's value; none where the source has cleared it.
    pub ours: Option<String>,
    /// The org's value.
    pub theirs: Option<String>,
    /// Whether we have written this record before: if not, somebody decided that it is the one we mean.
    pub is_written: bool,
    /// Whether we have written this field of it before.
    pub has_been_written: bool,
    /// The value that was left to the org earlier on, though the source had another: what the org had accepted before.
    pub kept: Option<Known>,
    /// What was sent before somebody changed it in the org, if that is known.
    pub edited: Option<Known>,
    /// What was sent last.
    pub sent: Option<Known>,
    /// What was read back then.
    pub read_back: Option<Known>,
    /// Whether the update leaves the field out, since the source has the same value as last time.
    pub is_same: bool,
    /// When two texts are the same value of it.
    pub alike: Alike,
    /// The values for people.
    pub shown: Shown,
}

/// The values of a field as they are sent and as the org has them, and who changed it there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// The source's, as it is sent.
    pub ours: Known,
    /// The org's.
    pub theirs: Known,
    /// What was sent last.
    pub sent: Known,
    /// What was read back then.
    pub read_back: Known,
    /// What the comparison before this one showed of what the org had accepted.
    pub base: Known,
    /// Who changed it in the org, as far as that was seen.
    pub changed_by: Known,
    /// When.
    pub changed_at: Known,
}

/// A value that is known, which may be none.
pub(super) type Known = Option<String>;

/// What happens to a field, and what is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether the update writes it.
    pub writes: bool,
    /// What to tell, if anything.
    pub told: Option<Told>,
    /// The value that the org had accepted.
    pub base: Known,
}

impl Verdict {
    /// Of a field that goes with one that is put back.
    pub(super) fn put_back_too() -> Self {
        Self {
            writes: true,
            told: Told::new(
                "source",
                "goes with another field of the record that is put back",
            ),
            base: None,
        }
    }
}

/// One line for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// `ask`: a person has to decide; `org`, `source`: this side's value counts.
    pub state: &'static str,
    /// Why.
    pub why: &'static str,
}

impl Told {
    /// Waits for a person.
    pub(super) const ASK: &'static str = "ask";

    fn new(state: &'static str, why: &'static str) -> Option<Self> {
        Some(Self { state, why })
    }

    /// The source's value is written over another one, since the field's policy says so.
    const POLICY: Self = Self {
        state: "source",
        why: "policy",
    };

    /// What goes with another field that is left to the org.
    pub(super) const TOGETHER: Self = Self {
        state: "org",
        why: "goes with another field of the record that is left to the org",
    };
}

fn is_blank(value: Option<&str>) -> bool {
    value.is_none_or(|text| text.trim().is_empty())
}

impl Entry {
    /// The value that the org accepted last, and whether it has another one now.
    fn base(&self) -> (Known, bool) {
        let theirs = &self.theirs;
        if let Some(kept) = &self.kept {
            return (kept.clone(), kept != theirs);
        }
        if let Some(edited) = &self.edited {
            return (edited.clone(), edited != theirs);
        }
        // Nothing was sent: what is there is the org's own, unless the org derives it from other fields of ours.
        if self.sent == Some(None) && !self.has_company() {
            return (None, !is_blank(theirs.as_deref()) && !self.is_unchecked());
        }
        // What was read back is what Salesforce or its automation made of what was sent.
        for known in [&self.sent, &self.read_back].into_iter().flatten() {
            if known == theirs {
                return (known.clone(), false);
            }
        }
        match self.sent.as_ref().or(self.read_back.as_ref()) {
            Some(base) => (base.clone(), true),
            // A field that was not sent before: whatever is there is the org's own.
            None => (None, !is_blank(theirs.as_deref())),
        }
    }

    /// What the org had accepted, as it is shown; its normal form where nothing else of it is known.
    pub(super) fn shown_base(&self, base: &Known) -> Known {
        base.as_ref()?;
        let shown = &self.shown;
        let known = [
            (self.kept.as_ref(), &shown.base),
            (self.sent.as_ref(), &shown.sent),
            (self.read_back.as_ref(), &shown.read_back),
        ];
        let mut known = known.into_iter();
        let same = known.find(|(form, shown)| *form == Some(base) && shown.is_some());
        same.map_or_else(|| base.clone(), |(_, shown)| shown.clone())
    }

    /// Whether the field goes with others.
    pub(super) fn has_company(&self) -> bool {
        let field = self.field.as_str();
        TOGETHER.iter().any(|group| group.contains(&field))
    }

    /// Whether it is a checkbox that nobody has ticked: it has no other empty state.
    fn is_unchecked(&self) -> bool {
        let is_checkbox = |value: &str| ["true", "false"].contains(&value);
        self.ours.as_deref().is_some_and(is_checkbox) && self.theirs.as_deref() == Some("false")
    }

    /// Judges the field; none if the update leaves it out anyway.
    pub(super) fn judge(
        &self,
        object: &str,
        key: &str,
        policies: &EditPolicies,
    ) -> Option<Verdict> {
        let own = policies.policy(object, &self.field);
        let (base, is_changed) = self.base();
        if self.is_same && self.kept.is_none() {
            // Only the org changed it, if anybody did; where the source has no value, nothing is put back, nor is a body.
            let is_put_back = self.ours.is_some()
                && !is_body(object, &self.field)
                && match own.unwrap_or_else(|| default_policy(&self.field)) {
                    FieldPolicy::SourceWins => is_changed,
                    FieldPolicy::OrgUnlessBlank => is_changed && is_blank(self.theirs.as_deref()),
                    _ => false,
                };
            return is_put_back.then_some(Verdict {
                writes: true,
                told: Some(Told::POLICY),
                base,
            });
        }
        let writes = |told| Verdict {
            writes: true,
            told,
            base: base.clone(),
        };
        let leaves = |told| Verdict {
            writes: false,
            told,
            base: base.clone(),
        };
        // A source that never had a value in the org has no opinion.
        if self.ours.is_none() && base.is_none() && !self.has_been_written {
            return Some(leaves(None));
        }
        if !self.is_written && own.is_none() {
            return Some(writes(None));
        }
        let policy = own.unwrap_or_else(|| default_policy(&self.field));
        let is_theirs = is_changed || !self.is_written;
        Some(match policy {
            FieldPolicy::SourceWins if is_theirs => writes(Some(Told::POLICY)),
            FieldPolicy::SourceWins | FieldPolicy::Automation => writes(None),
            FieldPolicy::OrgUnlessBlank if is_blank(self.theirs.as_deref()) => {
                writes(is_theirs.then_some(Told::POLICY))
            }
            FieldPolicy::OrgWins | FieldPolicy::OrgUnlessBlank => {
                leaves(Told::new("org", "policy"))
            }
            FieldPolicy::Ask if !is_theirs => writes(None),
            // The source went back to what the org had accepted: only the org has changed it.
            FieldPolicy::Ask if self.kept.is_some() && self.ours == base => leaves(None),
            FieldPolicy::Ask => {
                // Decisions of earlier versions have the normal forms.
                let values = [
                    [&self.ours, &self.shown.ours],
                    [&self.theirs, &self.shown.theirs],
                ];
                let values =
                    values.map(|forms| forms.map(|value| value.as_deref().unwrap_or_default()));
                match policies.decided(object, key, &self.field, values, self.alike) {
                    Some(Decided::For(Side::Source)) => writes(Told::new("source", "decision")),
                    Some(Decided::For(Side::Org)) => leaves(Told::new("org", "decision")),
                    // A person's choice of owner stays without a question.
                    None if self.field == OWNER && own.is_none() => {
                        leaves(Told::new("org", "the owner was changed in the org"))
                    }
                    Some(Decided::ForOtherValues) => {
                        leaves(Told::new(Told::ASK, "was decided for other values"))
                    }
                    None => leaves(Told::new(Told::ASK, "both sides changed it")),
                }
            }
        })
    }
}

/// Whose record it is.
const OWNER: &str = "OwnerId";

/// What the source owns alone is the source's.
pub(super) fn default_policy(field: &str) -> FieldPolicy {
    let is_ours = field.starts_with("usercom_") && field.ends_with("__c");
    if is_ours {
        FieldPolicy::SourceWins
    } else {
        FieldPolicy::Ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Known {
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A field of a record that we wrote: sent last, in the source now, in the org now.
    fn entry(sent: &str, ours: &str, theirs: &str) -> Entry {
        Entry {
            field: "Phone".to_owned(),
            ours: some(ours),
            theirs: some(theirs),
            is_written: true,
            sent: Some(some(sent)),
            ..Entry::default()
        }
    }

    /// Whether it is written, and what is told.
    fn judged(entry: &Entry) -> (bool, Option<&'static str>) {
        let verdict = entry
            .judge("Contact", "7", &EditPolicies::default())
            .unwrap();
        (verdict.writes, verdict.told.map(|told| told.state))
    }

    #[test]
    fn a_change_of_one_side_is_taken_and_one_of_both_is_asked() {
        assert_eq!(
            judged(&entry("1", "2", "1")),
            (true, None),
            "only the source"
        );
        assert_eq!(
            judged(&entry("1", "", "1")),
            (true, None),
            "cleared by the source"
        );
        assert_eq!(judged(&entry("1", "2", "3")), (false, Some("ask")), "both");
        assert_eq!(judged(&entry("1", "", "3")), (false, Some("ask")));
        assert_eq!(
            judged(&entry("1", "2", "")),
            (false, Some("ask")),
            "cleared in the org"
        );
    }

    #[test]
    fn what_the_automation_made_of_a_value_is_what_the_org_accepted() {
        let mut made = entry("0048 1", "0048 2", "+48 1");
        made.read_back = Some(some("+48 1"));
        assert_eq!(judged(&made), (true, None));
        // The same text, but somebody had entered it.
        made.edited = Some(some("0048 1"));
        assert_eq!(judged(&made), (false, Some("ask")));
    }

    #[test]
    fn a_field_that_was_never_sent_has_no_base() {
        let mut new = entry("", "2", "3");
        new.sent = None;
        assert_eq!(
            judged(&new),
            (false, Some("ask")),
            "the org's value counts as theirs"
        );
        new.theirs = None;
        assert_eq!(judged(&new), (true, None));
    }

    #[test]
    fn what_somebody_entered_where_the_source_had_nothing_is_the_orgs_however_often_it_was_read() {
        let mut first = entry("", "2", "3");
        first.read_back = Some(some("3"));
        assert_eq!(judged(&first), (false, Some("ask")));
        let mut ticked = entry("", "true", "false");
        ticked.read_back = Some(some("false"));
        assert_eq!(judged(&ticked), (true, None), "a checkbox is never empty");
        first.field = "Probability".to_owned();
        assert_eq!(judged(&first), (true, None), "the stage makes one");
    }

    #[test]
    fn a_record_that_somebody_matched_with_ours_gets_our_values() {
        let mut matched = entry("", "2", "3");
        (matched.sent, matched.is_written) = (None, false);
        assert_eq!(judged(&matched), (true, None));
    }

    #[test]
    fn what_was_left_to_the_org_is_looked_at_until_it_is_settled() {
        let mut open = entry("2", "2", "3");
        open.is_same = true;
        assert!(
            open.judge("Contact", "7", &EditPolicies::default())
                .is_none()
        );
        open.kept = Some(some("1"));
        assert_eq!(judged(&open), (false, Some("ask")));
        open.ours = some("1");
        assert_eq!(
            judged(&open),
            (false, None),
            "the source took its change back"
        );
        let mut undone = open.clone();
        (undone.ours, undone.theirs) = (some("2"), some("1"));
        assert_eq!(
            judged(&undone),
            (true, None),
            "the org took its change back"
        );
    }

    #[test]
    fn a_field_that_only_the_org_changed_is_put_back_where_the_source_wins() {
        let mut own = entry("2", "2", "3");
        own.is_same = true;
        own.field = "usercom_score__c".to_owned();
        assert_eq!(judged(&own), (true, Some("source")));
        // What the automation made of it then is what the org accepted.
        own.read_back = Some(some("3"));
        let nothing = own.judge("Contact", "7", &EditPolicies::default());
        assert!(nothing.is_none(), "{nothing:?}");
    }

    #[test]
    fn a_source_that_never_had_a_value_in_the_org_has_no_opinion() {
        let mut own = entry("", "", "3");
        own.field = "usercom_score__c".to_owned();
        own.is_same = true;
        let nothing = own.judge("Contact", "7", &EditPolicies::default());
        assert!(nothing.is_none(), "nothing is put back: {nothing:?}");
        own.is_same = false;
        own.kept = Some(None);
        assert_eq!(judged(&own), (false, None));
        own.has_been_written = true;
        assert_eq!(
            judged(&own),
            (true, Some("source")),
            "what we said there is taken back"
        );
        own.ours = some("4");
        assert_eq!(judged(&own), (true, Some("source")));
    }

    #[test]
    fn what_the_org_accepted_is_shown_as_it_was_sent_or_read() {
        let mut stage = entry("prospecting", "closed won", "qualification");
        stage.shown.sent = some("Prospecting");
        assert_eq!(stage.shown_base(&some("prospecting")), some("Prospecting"));
        assert_eq!(stage.shown_base(&some("other")), some("other"));
        assert_eq!(stage.shown_base(&None), None);
        stage.kept = Some(some("new"));
        stage.shown.base = some("New");
        assert_eq!(stage.shown_base(&some("new")), some("New"));
    }

    #[test]
    fn the_source_owns_its_own_fields_and_people_choose_owners() {
        let mut own = entry("1", "2", "3");
        own.field = "usercom_score__c".to_owned();
        assert_eq!(judged(&own), (true, Some("source")));
        own.field = OWNER.to_owned();
        assert_eq!(judged(&own), (false, Some("org")));
    }
}
