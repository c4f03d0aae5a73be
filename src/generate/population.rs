//! The size of an export and what any record number means: ids, and the facts about a person that others need.
//!
//! Comes in: the options. Goes out: answers computed from (seed, number) alone, so nothing is remembered however
//! large the export is.

use super::mess::{self, Damage, RowMess};
use super::options::GenerateOptions;
use super::quantity::Quantities;
use super::random::{Draws, Object};

/// Slots of the draws that decide what a record is, apart from those of its fields.
pub(super) mod slot {
    pub(crate) const ID: u32 = 1000;
    pub(crate) const PASSIVE: u32 = 1001;
    pub(crate) const LIFECYCLE: u32 = 1002;
    pub(crate) const EMAIL: u32 = 1003;
    pub(crate) const FIRST_NAME: u32 = 1004;
    pub(crate) const LAST_NAME: u32 = 1005;
    pub(crate) const PLACE: u32 = 1006;
    pub(crate) const CREATED: u32 = 1007;
    pub(crate) const UPDATED: u32 = 1008;
    pub(crate) const OLDER: u32 = 1009;
    pub(crate) const HAS_COMPANY: u32 = 1010;
    pub(crate) const MORE_COMPANIES: u32 = 1011;
    pub(crate) const PHONE: u32 = 1012;
    pub(crate) const PERSON: u32 = 1013;
    pub(crate) const PIPELINE: u32 = 1014;
    pub(crate) const STATUS: u32 = 1015;
    pub(crate) const STAGE: u32 = 1016;
    /// The first of four.
    pub(crate) const COMPANY: u32 = 1020;
    /// The first of eight.
    pub(crate) const CANDIDATE: u32 = 1030;
    /// The first of twenty.
    pub(crate) const SUBJECT: u32 = 1100;
    /// The first of twelve.
    pub(crate) const SEGMENT: u32 = 1120;
    /// The first of forty.
    pub(crate) const LINES: u32 = 1140;
    /// The first of ten.
    pub(crate) const KIND: u32 = 1180;
    /// The first of eighty.
    pub(crate) const NESTED: u32 = 1200;
}

/// How far a person has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lifecycle {
    Subscriber,
    Lead,
    Mql,
    Customer,
    Evangelist,
    /// An empty cell.
    Missing,
    /// A word that nobody has defined.
    Unknown,
}

impl Lifecycle {
    /// Customer or above.
    pub(super) fn is_customer(self) -> bool {
        matches!(self, Self::Customer | Self::Evangelist)
    }

    /// One of the five defined stages.
    pub(super) fn is_known(self) -> bool {
        !matches!(self, Self::Missing | Self::Unknown)
    }

    /// The defined word; empty for a missing or unknown stage.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Subscriber => "subscriber",
            Self::Lead => "lead",
            Self::Mql => "MQL",
            Self::Customer => "customer",
            Self::Evangelist => "evangelist",
            Self::Missing | Self::Unknown => "",
        }
    }
}

/// What decides a person's side.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    /// Neither e-mail nor phone.
    pub(super) passive: bool,
    pub(super) lifecycle: Lifecycle,
    /// What happened to the row.
    pub(super) damage: Damage,
}

/// An export's dimensions.
#[derive(Clone, Copy)]
pub(super) struct Population {
    pub(super) seed: u64,
    pub(super) people: u64,
    pub(super) companies: u64,
    pub(super) deals: u64,
    pub(super) mess: bool,
    /// Of everything else.
    pub(super) further: Quantities,
}

impl Population {
    /// An export of `people` people, a fifth as many companies and a quarter as many deals.
    pub(super) fn new(options: &GenerateOptions, further: Quantities) -> Self {
        let people = options.people;
        Self {
            seed: options.seed,
            people,
            companies: people / 5,
            deals: people / 4,
            mess: options.mess,
            further,
        }
    }

    /// Draws of one record.
    pub(super) fn draws(&self, object: Object, index: u64) -> Draws {
        Draws::new(self.seed, object, index)
    }

    /// Id of a record: grows with its number, with gaps. Numbers past the end give ids that are not in the export.
    pub(super) fn id(&self, object: Object, index: u64) -> u64 {
        let gap = self.draws(object, index).below(slot::ID, 3);
        object.base() + index * 3 + gap
    }

    /// The damage of a row under `schedule`.
    pub(super) fn damage(&self, schedule: &RowMess, index: u64) -> Damage {
        if self.mess {
            schedule.damage(index)
        } else {
            Damage::None
        }
    }

    /// Whether a row has an older twin.
    pub(super) fn superseded(&self, schedule: &RowMess, index: u64) -> bool {
        self.mess && schedule.superseded(index)
    }

    /// Side of person `index`.
    pub(super) fn standing(&self, index: u64) -> Standing {
        let draws = self.draws(Object::Person, index);
        let passive = draws.chance(slot::PASSIVE, 40);
        let lifecycle = match draws.below(slot::LIFECYCLE, 1000) {
            0..460 => Lifecycle::Subscriber,
            460..740 => Lifecycle::Lead,
            _ if passive => Lifecycle::Subscriber,
            740..880 => Lifecycle::Mql,
            880..980 => Lifecycle::Customer,
            _ => Lifecycle::Evangelist,
        };
        let lifecycle = if !self.mess || passive {
            lifecycle
        } else if mess::LIFECYCLE_MISSING.hits(index) {
            Lifecycle::Missing
        } else if mess::LIFECYCLE_UNKNOWN.hits(index) {
            Lifecycle::Unknown
        } else {
            lifecycle
        };
        Standing {
            passive,
            lifecycle,
            damage: self.damage(&mess::PEOPLE, index),
        }
    }

    /// The company that is sure to have this person: the first fit person of every five belongs to the company of that
    /// number, so that only the companies that are meant to be empty are.
    pub(super) fn anchored_company(&self, person: u64) -> Option<u64> {
        let company = person / 5;
        if company >= self.companies || mess::COMPANY_WITHOUT_PEOPLE.hits(company) {
            return None;
        }
        let fit = |index: u64| {
            let standing = self.standing(index);
            let too_high = mess::COMPANY_OF_LEADS.hits(company) && standing.lifecycle.is_customer();
            let reachable = !standing.passive && !standing.damage.is_any();
            reachable && standing.lifecycle.is_known() && !too_high
        };
        (!(company * 5..person).any(fit) && fit(person)).then_some(company)
    }

    /// A company that may have such a person; `slot` picks it.
    pub(super) fn some_company(&self, draws: Draws, slot: u32, lifecycle: Lifecycle) -> u64 {
        let company = draws.below(slot, self.companies);
        // Neither schedule hits two neighbours, nor number 0.
        let unfit = mess::COMPANY_WITHOUT_PEOPLE.hits(company)
            || (lifecycle.is_customer() && mess::COMPANY_OF_LEADS.hits(company));
        if unfit { company - 1 } else { company }
    }
}
