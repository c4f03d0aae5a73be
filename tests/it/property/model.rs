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
    /// Whether the source calls its person a customer.
    pub(super) is_customer: bool,
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
    /// Companies that were merged, and into which.
    merged: BTreeMap<u64, u64>,
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
    /// Contacts that it makes of Leads.
    pub(super) converted: BTreeSet<(&'static str, u64)>,
}

enum Verdict {
    Same,
    Writes,
    Stays,
    Asks,
}

/// The company of a person whose company does not change.
pub(super) fn first_company(key: u64) -> String {
    (key / 10 * 10 + 1).to_string()
}

/// A field that no Lead has.
const OWN: &str = "usercom_custom_id__c";

/// What a field of a Lead is on the Contact that it becomes.
const OF_LEAD: [(&str, &str); 3] = [
    ("City", "MailingCity"),
    ("Phone", "Phone"),
    ("OwnerId", "OwnerId"),
];

impl Model {
    /// Whether a company went into another one.
    pub(super) fn is_merged(&self, (object, key): (&str, u64)) -> bool {
        object == "Account" && self.merged.contains_key(&key)
    }

    /// The company that a company is now.
    pub(super) fn survivor(&self, mut key: u64) -> u64 {
        while let Some(&next) = self.merged.get(&key) {
            key = next;
        }
        key
    }

    /// A value of a field, with the company that is there in place of one that was merged.
    pub(super) fn now(&self, field: &str, value: &Value) -> Value {
        let value = value.as_ref()?;
        if field != "AccountId" {
            return Some(value.clone());
        }
        let key: u64 = value.parse().unwrap();
        Some(self.survivor(key).to_string())
    }

    /// A company goes into another one, and what hung on it hangs on that one.
    pub(super) fn merge(&mut self, loser: u64, master: u64) {
        self.merged.insert(loser, master);
        let lost = Some(loser.to_string());
        for record in self.records.values_mut() {
            if record.theirs.get("AccountId") == Some(&lost) {
                let kept = Some(master.to_string());
                record.theirs.insert("AccountId", kept);
            }
        }
    }

    /// A Lead becomes a Contact of its script's first company, with what it had.
    pub(super) fn convert(&mut self, key: u64) {
        let lead = self.records.remove(&("Lead", key)).unwrap();
        let company = Some(first_company(key));
        let mut contact = Record {
            ours: BTreeMap::from([("AccountId", company.clone()), (OWN, None)]),
            theirs: BTreeMap::from([("AccountId", self.now("AccountId", &company)), (OWN, None)]),
            base: BTreeMap::from([("AccountId", None), (OWN, None)]),
            ..lead.clone()
        };
        for (from, to) in OF_LEAD {
            for (side, of) in [
                (&mut contact.ours, &lead.ours),
                (&mut contact.theirs, &lead.theirs),
                (&mut contact.base, &lead.base),
            ] {
                side.insert(to, of.get(from).cloned().unwrap_or_default());
            }
        }
        self.records.insert(("Contact", key), contact);
    }

    /// Salesforce gives the company of a lead that is converted what it lacks of the lead's values.
    pub(super) fn fill(&mut self, key: u64) {
        let city = self.records[&("Contact", key)].theirs["MailingCity"].clone();
        let company = self.survivor(first_company(key).parse().unwrap());
        let company = self.records.get_mut(&("Account", company)).unwrap();
        let there = company.theirs.get_mut("BillingCity").unwrap();
        *there = there.take().or(city);
    }

    /// Leads that the source calls customers become contacts.
    fn promote(&mut self, delta: &mut Delta) {
        let promoted = self.records.iter().filter(|((object, _), record)| {
            *object == "Lead" && record.is_customer && record.is_in_source && !record.is_deleted
        });
        let promoted: Vec<(u64, bool)> = promoted
            .map(|(&(_, key), record)| (key, record.is_made))
            .collect();
        for (key, is_made) in promoted {
            self.convert(key);
            if is_made {
                delta.converted.insert(("Contact", key));
            }
        }
    }

    /// Carries out a delta.
    pub(super) fn delta(&mut self) -> Delta {
        let mut delta = Delta::default();
        self.promote(&mut delta);
        let places = self.records.keys().copied();
        let (companies, others) = places.partition(|(object, _)| *object == "Account");
        self.write(companies, &mut delta);
        for (_, key) in delta.converted.clone() {
            self.fill(key);
        }
        self.write(others, &mut delta);
        delta
    }

    /// Makes and changes these records.
    fn write(&mut self, places: Vec<(&'static str, u64)>, delta: &mut Delta) {
        for of in places {
            let (object, key) = of;
            let mut record = self.records[&of].clone();
            if !record.is_in_source || record.is_deleted || self.is_merged(of) {
                continue;
            }
            let ours = record.ours.iter();
            let ours: BTreeMap<&'static str, Value> = ours
                .map(|(&field, value)| (field, self.now(field, value)))
                .collect();
            if !record.is_made {
                record.is_made = true;
                record.theirs = ours.clone();
                record.base = ours;
                delta.made.insert(of);
                self.records.insert(of, record);
                continue;
            }
            for (field, ours) in ours {
                let place = (object, key, field);
                let [base, theirs] = [&record.base, &record.theirs].map(|side| side[field].clone());
                let own = self.policies.get(&(object, field)).copied();
                let verdict = self.judge(place, own, [&base, &ours, &theirs]);
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
            self.records.insert(of, record);
        }
    }

    fn judge(
        &self,
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
                let now = |value: &Value| self.now(place.2, value);
                let decided = self.decisions.iter().find(|d| {
                    d.place == place && now(&d.ours) == *ours && now(&d.theirs) == *theirs
                });
                match decided.map(|decision| decision.is_source) {
                    Some(true) => Verdict::Writes,
                    Some(false) => Verdict::Stays,
                    None => Verdict::Asks,
                }
            }
        }
    }
}
