//! What a delta should do, written down a second time: three dictionaries and the rules of the guide's page on edits.
//!
//! In: records as the source has them (`ours`), as somebody left them in the org (`theirs`), as the org accepted them last
//! (`base`); policies and decisions. Out: the org after the delta, the questions that are open, the fields that are written. It
//! knows nothing of outboxes, fingerprints or bits.

use std::collections::{BTreeMap, BTreeSet};

/// What a field holds; none is empty.
pub(super) type Value = Option<String>;

/// Object, key, field.
pub(super) type Place = (&'static str, u64, &'static str);

/// A record of ours.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// Whether the export has its row.
    pub(super) is_in_source: bool,
    /// Whether it was made.
    pub(super) is_made: bool,
    /// Whether it lies in the recycle bin.
    pub(super) is_deleted: bool,
    pub(super) ours: BTreeMap<&'static str, Value>,
    pub(super) theirs: BTreeMap<&'static str, Value>,
    base: BTreeMap<&'static str, Value>,
}

/// Whose value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Policy {
    SourceWins,
    OrgWins,
    OrgUnlessBlank,
    Ask,
}

impl Policy {
    pub(super) const ALL: [Self; 4] = [
        Self::SourceWins,
        Self::OrgWins,
        Self::OrgUnlessBlank,
        Self::Ask,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::SourceWins => "source_wins",
            Self::OrgWins => "org_wins",
            Self::OrgUnlessBlank => "org_unless_blank",
            Self::Ask => "ask",
        }
    }
}

/// What was decided about a field of a record.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) place: Place,
    pub(super) ours: Value,
    pub(super) theirs: Value,
    pub(super) is_source: bool,
}

/// Both sides and what was said about them.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) records: BTreeMap<(&'static str, u64), Record>,
    pub(super) policies: BTreeMap<(&'static str, &'static str), Policy>,
    pub(super) decisions: Vec<Decision>,
}

/// What a delta does.
#[derive(Debug, Default)]
pub(super) struct Delta {
    /// Questions that are open after it: what the org had accepted, the source's value, the org's.
    pub(super) asked: BTreeMap<Place, [Value; 3]>,
    /// Fields of known records that it writes: the value before, and the one that is written.
    pub(super) written: BTreeMap<Place, [Value; 2]>,
    /// Those of them that somebody had changed in the org.
    pub(super) overruled: BTreeSet<Place>,
    /// Records that it makes.
    pub(super) made: BTreeSet<(&'static str, u64)>,
}

enum Verdict {
    Same,
    Writes,
    Stays,
    Asks,
}

impl Model {
    /// Carries out a delta.
    pub(super) fn delta(&mut self) -> Delta {
        let mut delta = Delta::default();
        for (&(object, key), record) in &mut self.records {
            if !record.is_in_source || record.is_deleted {
                continue;
            }
            if !record.is_made {
                record.is_made = true;
                record.theirs = record.ours.clone();
                record.base = record.ours.clone();
                delta.made.insert((object, key));
                continue;
            }
            let fields: Vec<&'static str> = record.ours.keys().copied().collect();
            for field in fields {
                let place = (object, key, field);
                let [base, ours, theirs] =
                    [&record.base, &record.ours, &record.theirs].map(|side| side[field].clone());
                let own = self.policies.get(&(object, field)).copied();
                let verdict = judge(&self.decisions, place, own, [&base, &ours, &theirs]);
                match verdict {
                    Verdict::Same => drop(record.base.insert(field, ours)),
                    Verdict::Stays => {}
                    Verdict::Asks => drop(delta.asked.insert(place, [base, ours, theirs])),
                    Verdict::Writes => {
                        if theirs != base {
                            delta.overruled.insert(place);
                        }
                        delta.written.insert(place, [theirs, ours.clone()]);
                        record.base.insert(field, ours.clone());
                        record.theirs.insert(field, ours);
                    }
                }
            }
        }
        delta
    }
}

fn judge(
    decisions: &[Decision],
    place: Place,
    own: Option<Policy>,
    [base, ours, theirs]: [&Value; 3],
) -> Verdict {
    if ours == theirs {
        return Verdict::Same;
    }
    // A source that has never said anything has no opinion.
    if ours.is_none() && base.is_none() {
        return Verdict::Stays;
    }
    let (source_changed, org_changed) = (ours != base, theirs != base);
    let default = match place.2 {
        field if field.starts_with("usercom_") => Policy::SourceWins,
        "OwnerId" if org_changed => Policy::OrgWins,
        _ => Policy::Ask,
    };
    match own.unwrap_or(default) {
        Policy::SourceWins => Verdict::Writes,
        Policy::OrgWins => Verdict::Stays,
        Policy::OrgUnlessBlank if theirs.is_none() => Verdict::Writes,
        Policy::OrgUnlessBlank => Verdict::Stays,
        Policy::Ask if !org_changed => Verdict::Writes,
        Policy::Ask if !source_changed => Verdict::Stays,
        Policy::Ask => {
            let decided = decisions
                .iter()
                .find(|d| d.place == place && d.ours == *ours && d.theirs == *theirs);
            match decided.map(|decision| decision.is_source) {
                Some(true) => Verdict::Writes,
                Some(false) => Verdict::Stays,
                None => Verdict::Asks,
            }
        }
    }
}
