//! What all further records have in common: number, id, draws, times, and whom they are about.
//!
//! Comes in: the population, an object and a number. Goes out: an [`Entry`], and a [`Subject`] with its person, company and
//! deal. A deal's entry is about the deal's own person and company.

use super::calendar::{DAY, EXPORTED_AT};
use super::catalogue::{AGENTS, Agent};
use super::cell::CellKind;
use super::deal::{Deal, Link};
use super::mess::{Every, PersonMess};
use super::person::Person;
use super::population::{Population, slot};
use super::random::{Draws, Object};
use super::summary::FurtherTruth;
use super::value::{Speller, number};

/// One record of any further object.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) population: &'a Population,
    pub(super) index: u64,
    pub(super) id: u64,
    pub(super) draws: Draws,
    /// Seconds since 1970.
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
}

impl<'a> Entry<'a> {
    /// Record `index` of `object`.
    pub(super) fn new(population: &'a Population, object: Object, index: u64) -> Self {
        let draws = population.draws(object, index);
        let created_at = EXPORTED_AT - 60 - draws.below(slot::CREATED, 1200 * DAY as u64) as i64;
        let since = (EXPORTED_AT - created_at) as u64;
        Self {
            population,
            index,
            id: population.id(object, index),
            draws,
            created_at,
            updated_at: created_at + draws.below(slot::UPDATED, since) as i64,
        }
    }

    /// Whether this record shows a kind of mess.
    pub(super) fn messy(&self, every: Every) -> bool {
        self.population.mess && every.hits(self.index)
    }

    /// An agent, for `per_mille` of a thousand records.
    pub(super) fn agent(&self, slot: u32, per_mille: u64) -> Option<&'static Agent> {
        self.draws
            .chance(slot, per_mille)
            .then(|| self.draws.pick(slot + 1, &AGENTS))
    }

    /// Creation, in the file's spelling.
    pub(super) fn write_created(&self, out: &mut Vec<u8>, speller: Speller, bits: u64) -> CellKind {
        speller.instant(out, self.created_at, bits)
    }

    /// Last change, in the file's spelling.
    pub(super) fn write_updated(&self, out: &mut Vec<u8>, speller: Speller, bits: u64) -> CellKind {
        speller.instant(out, self.updated_at, bits)
    }
}

/// How many of a thousand records have what.
#[derive(Clone, Copy)]
pub(super) struct Shares {
    /// Are about a deal.
    pub(super) deal: u64,
    /// Without a deal: are about a person.
    pub(super) person: u64,
    /// With a person but no deal: name the person's company.
    pub(super) company: u64,
}

/// Whom a record is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    pub(super) person: Link,
    pub(super) company: Link,
    pub(super) deal: Link,
}

impl Subject {
    const NOBODY: Self = Self {
        person: Link::None,
        company: Link::None,
        deal: Link::None,
    };

    /// The subject of `entry`.
    pub(super) fn new(entry: &Entry<'_>, shares: Shares, mess: &PersonMess) -> Self {
        let population = entry.population;
        let draws = entry.draws;
        if population.people == 0 {
            return Self::NOBODY;
        }
        if let Some(person) = troubled(entry, mess) {
            return Self {
                person,
                ..Self::NOBODY
            };
        }
        if population.deals > 0 && draws.chance(slot::SUBJECT, shares.deal) {
            let index = draws.below(slot::SUBJECT + 1, population.deals);
            let deal = Deal::new(population, index);
            return Self {
                person: deal.person,
                company: deal.company,
                deal: Link::To(index),
            };
        }
        if draws.chance(slot::SUBJECT + 2, shares.person) {
            let index = some_person(population, draws, slot::SUBJECT + 3);
            let named = draws.chance(slot::SUBJECT + 11, shares.company);
            let companies = named.then(|| Person::new(population, index));
            let primary = companies.and_then(|person| person.companies().first().copied());
            return Self {
                person: Link::To(index),
                company: primary.map_or(Link::None, Link::To),
                deal: Link::None,
            };
        }
        if population.companies > 0 {
            let index = draws.below(slot::SUBJECT + 12, population.companies);
            return Self {
                company: Link::To(index),
                ..Self::NOBODY
            };
        }
        Self::NOBODY
    }

    /// The person's id.
    pub(super) fn write_person(&self, out: &mut Vec<u8>, population: &Population) -> CellKind {
        write_link(out, population, self.person, Object::Person)
    }

    /// The company's id.
    pub(super) fn write_company(&self, out: &mut Vec<u8>, population: &Population) -> CellKind {
        write_link(out, population, self.company, Object::Company)
    }

    /// The deal's id.
    pub(super) fn write_deal(&self, out: &mut Vec<u8>, population: &Population) -> CellKind {
        write_link(out, population, self.deal, Object::Deal)
    }

    /// Notes what is wrong with the person.
    pub(super) fn count(
        &self,
        population: &Population,
        table: &'static str,
        truth: &mut FurtherTruth,
    ) {
        count_person(population, self.person, table, truth);
    }
}

/// Notes what is wrong with a person that a record of `table` names.
pub(super) fn count_person(
    population: &Population,
    person: Link,
    table: &'static str,
    truth: &mut FurtherTruth,
) {
    truth.note(table, "person_missing", person == Link::Gone);
    if let Link::To(index) = person {
        let standing = population.standing(index);
        let rejected = standing.damage.is_fatal();
        truth.note(table, "person_rejected", rejected);
        truth.note(table, "person_passive", standing.passive && !rejected);
    }
}

/// Writes the id of a linked record.
pub(super) fn write_link(
    out: &mut Vec<u8>,
    population: &Population,
    link: Link,
    object: Object,
) -> CellKind {
    match link.id(population, object) {
        Some(id) => number(out, id),
        None => CellKind::Empty,
    }
}

/// A person who can be reached and read, if eight tries find one. Takes eight slots.
pub(super) fn some_person(population: &Population, draws: Draws, slot: u32) -> u64 {
    let candidate = |turn: u32| draws.below(slot + turn, population.people);
    (0..8)
        .map(candidate)
        .find(|person| {
            let standing = population.standing(*person);
            !standing.passive && !standing.damage.is_any()
        })
        .unwrap_or_else(|| candidate(0))
}

/// The troublesome person of a record, if it is its turn to have one.
fn troubled(entry: &Entry<'_>, mess: &PersonMess) -> Option<Link> {
    if entry.messy(mess.gone) {
        return Some(Link::Gone);
    }
    let population = entry.population;
    let near = |fits: &dyn Fn(u64) -> bool| {
        let start = entry.draws.below(slot::SUBJECT + 13, population.people);
        (0..population.people.min(1_000))
            .map(|step| (start + step) % population.people)
            .find(|person| fits(*person))
            .map(Link::To)
    };
    if entry.messy(mess.passive) {
        return near(&|person| {
            let standing = population.standing(person);
            standing.passive && !standing.damage.is_any()
        });
    }
    if entry.messy(mess.rejected) {
        return near(&|person| population.standing(person).damage.is_any());
    }
    None
}
