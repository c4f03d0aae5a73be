//! One deal: what is decided about it, before any file shape matters.
//!
//! Comes in: the population and a number. Goes out: the deal with its person, company, pipeline, stage and status, and what
//! the books should say about it. `deal_cells.rs` writes it.

use super::calendar::{DAY, EXPORTED_AT};
use super::catalogue::{PIPELINES, Pipeline};
use super::mess::{self, Damage, Every};
use super::person::Person;
use super::population::{Population, slot};
use super::random::{Draws, Object};
use super::summary::DealsTruth;

/// Words of the deal status, by their number (`guide/usercom.md` §1.7).
pub(super) const STATUSES: [&str; 5] = ["abandoned", "in progress", "won", "lost", "archived"];

/// A reference to another record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// None.
    None,
    /// To record number so and so.
    To(u64),
    /// To a record that the export does not have.
    Gone,
}

impl Link {
    /// The id as the deal has it.
    pub(super) fn id(self, population: &Population, object: Object) -> Option<u64> {
        match self {
            Self::None => None,
            Self::To(index) => Some(population.id(object, index)),
            Self::Gone => Some(population.id(object, population.people + 1_000)),
        }
    }
}

/// One deal.
pub(super) struct Deal<'a> {
    pub(super) population: &'a Population,
    pub(super) index: u64,
    pub(super) draws: Draws,
    pub(super) person: Link,
    pub(super) company: Link,
    pub(super) pipeline: &'static Pipeline,
    /// Position among the pipeline's stages; none when the stage is gone.
    pub(super) stage: Option<usize>,
    /// Number of the status.
    pub(super) status: usize,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) older: bool,
}

impl<'a> Deal<'a> {
    /// Deal `index`.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        let draws = population.draws(Object::Deal, index);
        let (pipeline, stage, status) = position(draws);
        let created_at = EXPORTED_AT - 60 - draws.below(slot::CREATED, 1500 * DAY as u64) as i64;
        let updated_at =
            created_at + draws.below(slot::UPDATED, (EXPORTED_AT - created_at) as u64) as i64;
        let mut deal = Self {
            population,
            index,
            draws,
            person: Link::None,
            company: Link::None,
            pipeline,
            stage: Some(stage),
            status,
            created_at,
            updated_at,
            older: false,
        };
        deal.attach();
        if deal.messy(mess::DEAL_STAGE_GONE) {
            deal.stage = None;
        }
        deal
    }

    /// The version that an earlier export had; free of other mess.
    pub(super) fn older(population: &'a Population, index: u64) -> Self {
        let mut deal = Self::new(population, index);
        deal.older = true;
        deal.updated_at -= DAY * (1 + deal.draws.below(slot::OLDER, 400) as i64);
        deal
    }

    /// Most deals belong to a customer, the others to anybody; their company is the person's.
    fn attach(&mut self) {
        let population = self.population;
        let draws = self.draws;
        if population.people == 0 {
            return;
        }
        let wants_customer = draws.chance(slot::PERSON, 600);
        let candidate = |turn: u32| draws.below(slot::CANDIDATE + turn, population.people);
        let person = (0..8)
            .map(candidate)
            .find(|person| {
                let standing = population.standing(*person);
                !standing.passive && (!wants_customer || standing.lifecycle.is_customer())
            })
            .unwrap_or_else(|| candidate(0));
        self.person = if draws.chance(slot::PERSON + 200, 40) {
            Link::None
        } else {
            Link::To(person)
        };
        let primary = Person::new(population, person).companies().first().copied();
        let other = population.companies > 0 && draws.chance(slot::COMPANY, 300);
        self.company = match primary {
            Some(company) => Link::To(company),
            None if other => Link::To(draws.below(slot::COMPANY + 1, population.companies)),
            None => Link::None,
        };
        if self.messy(mess::DEAL_PERSON_GONE) {
            self.person = Link::Gone;
        }
        if self.messy(mess::DEAL_COMPANY_GONE) {
            self.company = Link::Gone;
        }
    }

    /// Whether this row shows a kind of mess.
    pub(super) fn messy(&self, every: Every) -> bool {
        self.population.mess && !self.older && every.hits(self.index)
    }

    /// Adds a readable, newest row to the truth.
    pub(super) fn count(&self, truth: &mut DealsTruth) {
        let population = self.population;
        truth.missing_names += u64::from(self.messy(mess::DEAL_NAME_MISSING));
        truth.long_names +=
            u64::from(self.messy(mess::DEAL_NAME_LONG) && !self.messy(mess::DEAL_NAME_MISSING));
        truth.company_missing += u64::from(match self.company {
            Link::None => false,
            Link::To(company) => population.damage(&mess::COMPANIES, company).is_fatal(),
            Link::Gone => true,
        });
        truth.person_missing += u64::from(match self.person {
            Link::None => false,
            Link::To(person) => population.damage(&mess::PEOPLE, person).is_fatal(),
            Link::Gone => true,
        });
        truth.without_company += u64::from(self.company == Link::None);
        match self.stage {
            None => truth.stage_missing += 1,
            Some(stage) => {
                let key = (
                    self.pipeline.name,
                    self.pipeline.stages[stage].name,
                    STATUSES[self.status],
                );
                *truth.combinations.entry(key).or_default() += 1;
            }
        }
        if self.population.damage(&mess::DEALS, self.index) == Damage::BadByte {
            // The byte is in this cell, which is no instant then.
            *truth.rows.unparsable.entry("updated_at").or_default() += 1;
        }
        for (column, every) in [
            ("discount_percent", mess::BAD_DISCOUNT),
            ("expected_close_date", mess::BAD_CLOSE_DATE),
            ("value", mess::BAD_VALUE),
        ] {
            if self.messy(every) {
                *truth.rows.unparsable.entry(column).or_default() += 1;
            }
        }
    }
}

/// Pipeline, stage and status that go together: won deals are in the last stage, open ones before it, lost and
/// abandoned ones wherever they got to.
fn position(draws: Draws) -> (&'static Pipeline, usize, usize) {
    let pipeline = &PIPELINES[usize::from(draws.chance(slot::PIPELINE, 300))];
    let (status, stages): (usize, &'static [usize]) = match draws.below(slot::STATUS, 100) {
        0..8 => (0, &[0, 1, 2]),
        8..48 => (1, &[0, 1, 2, 3]),
        48..73 => (2, &[4]),
        73..95 => (3, &[1, 2, 3]),
        _ => (4, &[2, 4]),
    };
    (pipeline, *draws.pick(slot::STAGE, stages), status)
}
