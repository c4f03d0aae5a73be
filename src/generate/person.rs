//! One person: what is decided about it, before any file shape matters.
//!
//! Comes in: the population and a number. Goes out: the person, or its older version, and what the books should say
//! about it. `person_cells.rs` writes it.

use super::calendar::{DAY, EXPORTED_AT};
use super::catalogue::{AGENTS, Agent};
use super::company;
use super::mess::{self, Every};
use super::population::{Lifecycle, Population, Standing, slot};
use super::random::{Draws, Object};
use super::summary::PeopleTruth;
use super::vocabulary::{
    FIRST_NAMES, INVALID_EMAILS, LAST_NAMES, MAIL_DOMAINS, Name, ODD_LAST_NAMES, PLACES, Place,
};

/// Most companies that one person belongs to.
const MOST_COMPANIES: usize = 4;

/// A person's e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Email {
    /// None.
    None,
    /// Made of the name.
    Own,
    /// The same, in odd case or with spaces around it.
    Untidy,
    /// No address at all.
    Invalid,
    /// That of the person before, in capitals.
    Shared,
}

/// One person.
pub(super) struct Person<'a> {
    pub(super) population: &'a Population,
    pub(super) index: u64,
    pub(super) id: u64,
    pub(super) draws: Draws,
    pub(super) standing: Standing,
    pub(super) email: Email,
    pub(super) has_phone: bool,
    pub(super) place: &'static Place,
    /// Numbers of its companies, the primary one first.
    companies: [u64; MOST_COMPANIES],
    company_count: usize,
    /// Seconds since 1970.
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    /// This is the superseded version.
    pub(super) older: bool,
}

impl<'a> Person<'a> {
    /// Person `index`.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        let draws = population.draws(Object::Person, index);
        let standing = population.standing(index);
        let email = email(population, index, draws, standing);
        let has_phone = !standing.passive
            && (matches!(email, Email::None | Email::Invalid) || draws.chance(slot::PHONE, 600));
        let created_at = EXPORTED_AT - 60 - draws.below(slot::CREATED, 2000 * DAY as u64) as i64;
        let updated_at =
            created_at + draws.below(slot::UPDATED, (EXPORTED_AT - created_at) as u64) as i64;
        let mut person = Self {
            population,
            index,
            id: population.id(Object::Person, index),
            draws,
            standing,
            email,
            has_phone,
            place: draws.pick(slot::PLACE, &PLACES),
            companies: [0; MOST_COMPANIES],
            company_count: 0,
            created_at,
            updated_at,
            older: false,
        };
        person.join_companies();
        person
    }

    /// The version of the person that an earlier export had; free of other mess.
    pub(super) fn older(population: &'a Population, index: u64) -> Self {
        let mut person = Self::new(population, index);
        person.older = true;
        person.standing.lifecycle = Lifecycle::Subscriber;
        person.updated_at -= DAY * (1 + person.draws.below(slot::OLDER, 400) as i64);
        person
    }

    fn join_companies(&mut self) {
        let population = self.population;
        if population.companies == 0 {
            return;
        }
        let lifecycle = self.standing.lifecycle;
        let per_mille = if lifecycle.is_customer() { 940 } else { 550 };
        let first = population.anchored_company(self.index).or_else(|| {
            let joins = !self.standing.passive && self.draws.chance(slot::HAS_COMPANY, per_mille);
            joins.then(|| population.some_company(self.draws, slot::COMPANY, lifecycle))
        });
        let Some(first) = first else { return };
        self.companies[0] = first;
        self.company_count = 1;
        // Two thirds have a company at all, and some draw the same one twice: this makes 5 % of everybody.
        let extra = match self.draws.below(slot::MORE_COMPANIES, 1000) {
            0..52 => 1,
            52..70 => 2,
            70..80 => 3,
            _ => 0,
        };
        for more in 1..=extra {
            let company = population.some_company(self.draws, slot::COMPANY + more, lifecycle);
            if !self.companies().contains(&company) {
                self.companies[self.company_count] = company;
                self.company_count += 1;
            }
        }
    }

    /// Numbers of its companies, the primary one first.
    pub(super) fn companies(&self) -> &[u64] {
        &self.companies[..self.company_count]
    }

    /// Whether this row shows a kind of mess.
    pub(super) fn messy(&self, every: Every) -> bool {
        self.population.mess && !self.older && every.hits(self.index)
    }

    pub(super) fn first_name(&self) -> &'static Name {
        self.draws.pick(slot::FIRST_NAME, &FIRST_NAMES)
    }

    pub(super) fn last_name(&self) -> &'static Name {
        self.draws.pick(slot::LAST_NAME, &LAST_NAMES)
    }

    /// First name as written; empty if missing.
    pub(super) fn write_first_name(&self, out: &mut Vec<u8>) {
        if self.messy(mess::NAME_MISSING) {
            return;
        }
        let spaced = self.messy(mess::NAME_SPACES);
        out.extend_from_slice(if spaced { b"  " } else { b"" });
        out.extend_from_slice(self.first_name().shown.as_bytes());
        out.extend_from_slice(if spaced { b" " } else { b"" });
    }

    /// Last name as written; empty if missing.
    pub(super) fn write_last_name(&self, out: &mut Vec<u8>) {
        if self.messy(mess::NAME_MISSING) || self.messy(mess::NAME_ONE_WORD) {
            return;
        }
        let name = if self.messy(mess::NAME_ODD) {
            self.draws.word(slot::LAST_NAME, &ODD_LAST_NAMES)
        } else {
            self.last_name().shown
        };
        out.extend_from_slice(name.as_bytes());
        if self.messy(mess::NAME_LONG) {
            for _ in 0..9 {
                out.extend_from_slice("-Wielopolska".as_bytes());
            }
        }
        out.extend_from_slice(if self.messy(mess::NAME_SPACES) {
            b" "
        } else {
            b""
        });
    }

    /// E-mail address as written; empty if there is none.
    pub(super) fn write_email(&self, out: &mut Vec<u8>) {
        let start = out.len();
        match self.email {
            Email::None => {}
            Email::Own => self.write_own_email(out),
            Email::Untidy => {
                out.push(b' ');
                self.write_own_email(out);
                out[start..].make_ascii_uppercase();
            }
            Email::Invalid => {
                let invalid = self.draws.word(slot::EMAIL, &INVALID_EMAILS);
                out.extend_from_slice(invalid.as_bytes());
            }
            Email::Shared => {
                Self::new(self.population, self.index - 1).write_own_email(out);
                out[start..].make_ascii_uppercase();
            }
        }
    }

    fn write_own_email(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.first_name().ascii.as_bytes());
        out.push(b'.');
        out.extend_from_slice(self.last_name().ascii.as_bytes());
        super::cell::write_number(out, self.index);
        out.push(b'@');
        match self.companies().first() {
            Some(company) => company::write_domain(out, *company),
            None => {
                let domain = self.draws.word(slot::EMAIL, &MAIL_DOMAINS);
                out.extend_from_slice(domain.as_bytes());
            }
        }
    }

    /// The agent who looks after this person, for nine of ten.
    pub(super) fn agent(&self, slot: u32) -> Option<&'static Agent> {
        (!self.draws.chance(slot, 100)).then(|| self.draws.pick(slot + 1, &AGENTS))
    }

    /// Adds a readable, newest row to the truth.
    pub(super) fn count(&self, truth: &mut PeopleTruth) {
        let Standing {
            passive, lifecycle, ..
        } = self.standing;
        let stage = match lifecycle {
            Lifecycle::Missing => "missing",
            Lifecycle::Unknown => "unknown",
            Lifecycle::Mql => "mql",
            known => known.word(),
        };
        *truth.lifecycle.entry(stage).or_default() += 1;
        truth.passive += u64::from(passive);
        truth.several_companies += u64::from(self.company_count > 1);
        truth.customers_without_company +=
            u64::from(lifecycle.is_customer() && self.company_count == 0);
        truth.invalid_emails += u64::from(self.email == Email::Invalid);
        truth.shared_emails += u64::from(self.email == Email::Shared);
        truth.missing_names += u64::from(self.messy(mess::NAME_MISSING));
        truth.long_last_names += u64::from(
            self.messy(mess::NAME_LONG)
                && !self.messy(mess::NAME_MISSING)
                && !self.messy(mess::NAME_ONE_WORD),
        );
        truth.long_job_titles += u64::from(self.messy(mess::JOB_TITLE_LONG));
        truth.huge_notes += u64::from(self.messy(mess::NOTE_HUGE));
        truth.literal_na += u64::from(self.is_literal_na());
        let gone = self.companies().first().is_some_and(|company| {
            self.population
                .damage(&mess::COMPANIES, *company)
                .is_fatal()
        });
        truth.primary_company_unreadable += u64::from(gone);
        for (column, every) in [
            ("annual_budget", mess::BAD_BUDGET),
            ("birthday", mess::BAD_BIRTHDAY),
            ("newsletter_consent", mess::BAD_CONSENT),
            ("nps_score", mess::BAD_NPS),
            ("trial_ends_at", mess::BAD_TRIAL),
        ] {
            if self.messy(every) {
                *truth.rows.unparsable.entry(column).or_default() += 1;
            }
        }
    }

    /// Whether `referral_source` is the one literal `#N/A`.
    pub(super) fn is_literal_na(&self) -> bool {
        self.population.mess && !self.older && self.index == mess::NA_LITERAL_AT
    }
}

fn email(population: &Population, index: u64, draws: Draws, standing: Standing) -> Email {
    if standing.passive {
        return Email::None;
    }
    let own = !draws.chance(slot::EMAIL, 80);
    if !population.mess {
        return if own { Email::Own } else { Email::None };
    }
    if mess::EMAIL_INVALID.hits(index) {
        return Email::Invalid;
    }
    if mess::EMAIL_SHARED.hits(index) && index > 0 {
        // The one before is never itself a shared one, so this looks back one step only.
        let before = email(
            population,
            index - 1,
            population.draws(Object::Person, index - 1),
            population.standing(index - 1),
        );
        if matches!(before, Email::Own | Email::Untidy) {
            return Email::Shared;
        }
    }
    match own {
        true if draws.chance(slot::EMAIL + 100, 30) => Email::Untidy,
        true => Email::Own,
        false => Email::None,
    }
}
