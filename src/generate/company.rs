//! One company, and its two file shapes.
//!
//! Comes in: the population and a number. Goes out: the company's fields as text, and what the books should say about it.

use super::calendar::{DAY, EXPORTED_AT, Spelling, write_date};
use super::catalogue::{AGENTS, Attribute, COMPANY_ATTRIBUTES as CUSTOM, SEGMENTS};
use super::cell::{CellKind, write_decimal, write_number};
use super::mess::{self, Damage, Every};
use super::population::{Population, slot};
use super::prose;
use super::random::{Draws, Object};
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::CompaniesTruth;
use super::value::{Speller, number, some_of, text, write_team};
use super::vocabulary::{
    CATEGORIES, COMPANY_STEMS, COMPANY_TRADES, PLACES, Place, SENTENCES, STREETS, TAGS,
};

/// Fields of a company. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CompanyField {
    Id,
    CustomId,
    Name,
    Description,
    Domain,
    Email,
    PhoneNumbers,
    Address,
    City,
    Region,
    Country,
    PostalCode,
    Category,
    Size,
    Employees,
    AssignedTo,
    Tags,
    CreatedAt,
    UpdatedAt,
    Segment,
    IsPartner,
    FoundedOn,
    ContractValue,
    Team,
}

const ATTRIBUTES: &[(&Attribute, CompanyField)] = &[
    (&CUSTOM[0], CompanyField::Segment),
    (&CUSTOM[1], CompanyField::IsPartner),
    (&CUSTOM[2], CompanyField::FoundedOn),
    (&CUSTOM[3], CompanyField::ContractValue),
];

/// CSV with a byte order mark, as a spreadsheet saves it.
pub(super) const MARKED_CSV: Shape<CompanyField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Zulu,
    },
    mark: true,
    crlf: true,
    columns: &[
        ("id", CompanyField::Id),
        ("custom_id", CompanyField::CustomId),
        ("name", CompanyField::Name),
        ("description", CompanyField::Description),
        ("domain", CompanyField::Domain),
        ("email", CompanyField::Email),
        ("phone_numbers", CompanyField::PhoneNumbers),
        ("address", CompanyField::Address),
        ("city", CompanyField::City),
        ("region", CompanyField::Region),
        ("country", CompanyField::Country),
        ("postal_code", CompanyField::PostalCode),
        ("category", CompanyField::Category),
        ("size", CompanyField::Size),
        ("employees", CompanyField::Employees),
        ("assigned_to", CompanyField::AssignedTo),
        ("team_members", CompanyField::Team),
        ("tags", CompanyField::Tags),
        ("created_at", CompanyField::CreatedAt),
        ("updated_at", CompanyField::UpdatedAt),
    ],
    attributes: ATTRIBUTES,
};

/// CSV for gzip, in another order and with the names of API version 1 (`company_id` is the client's own id,
/// `approx_employees` the size; `guide/usercom.md` §2.2).
pub(super) const PLAIN_CSV: Shape<CompanyField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Offset,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("name", CompanyField::Name),
        ("id", CompanyField::Id),
        ("company_id", CompanyField::CustomId),
        ("domain", CompanyField::Domain),
        ("description", CompanyField::Description),
        ("email", CompanyField::Email),
        ("phone_numbers", CompanyField::PhoneNumbers),
        ("country", CompanyField::Country),
        ("region", CompanyField::Region),
        ("city", CompanyField::City),
        ("address", CompanyField::Address),
        ("postal_code", CompanyField::PostalCode),
        ("approx_employees", CompanyField::Size),
        ("employees", CompanyField::Employees),
        ("category", CompanyField::Category),
        ("assigned_to", CompanyField::AssignedTo),
        ("team_members", CompanyField::Team),
        ("tags", CompanyField::Tags),
        ("created_at", CompanyField::CreatedAt),
        ("updated_at", CompanyField::UpdatedAt),
    ],
    attributes: ATTRIBUTES,
};

/// Name of company `index`; depends on nothing else, so anybody can write it. Unique.
pub(super) fn write_name(out: &mut Vec<u8>, index: u64) {
    let stems = COMPANY_STEMS.len() as u64;
    let trades = COMPANY_TRADES.len() as u64;
    out.extend_from_slice(stem(index).shown.as_bytes());
    out.push(b' ');
    let trade = (index / stems % trades) as usize;
    out.extend_from_slice(COMPANY_TRADES[trade].as_bytes());
    let round = index / (stems * trades);
    if round > 0 {
        out.push(b' ');
        write_number(out, round + 1);
    }
}

/// Domain of company `index`, clean and unique.
pub(super) fn write_domain(out: &mut Vec<u8>, index: u64) {
    out.extend_from_slice(stem(index).ascii.as_bytes());
    write_number(out, index);
    out.extend_from_slice(b".example");
}

fn stem(index: u64) -> &'static super::vocabulary::Name {
    &COMPANY_STEMS[(index % COMPANY_STEMS.len() as u64) as usize]
}

/// One company.
pub(super) struct Company<'a> {
    population: &'a Population,
    index: u64,
    draws: Draws,
    place: &'static Place,
    created_at: i64,
    updated_at: i64,
    older: bool,
}

impl<'a> Company<'a> {
    /// Company `index`.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        let draws = population.draws(Object::Company, index);
        let created_at = EXPORTED_AT - 60 - draws.below(slot::CREATED, 2500 * DAY as u64) as i64;
        let updated_at =
            created_at + draws.below(slot::UPDATED, (EXPORTED_AT - created_at) as u64) as i64;
        Self {
            population,
            index,
            draws,
            place: draws.pick(slot::PLACE, &PLACES),
            created_at,
            updated_at,
            older: false,
        }
    }

    /// The version that an earlier export had; free of other mess.
    pub(super) fn older(population: &'a Population, index: u64) -> Self {
        let mut company = Self::new(population, index);
        company.older = true;
        company.updated_at -= DAY * (1 + company.draws.below(slot::OLDER, 400) as i64);
        company
    }

    fn messy(&self, every: Every) -> bool {
        self.population.mess && !self.older && every.hits(self.index)
    }

    /// Adds a readable, newest row to the truth.
    pub(super) fn count(&self, truth: &mut CompaniesTruth) {
        truth.without_people += u64::from(mess::COMPANY_WITHOUT_PEOPLE.hits(self.index));
        truth.shared_domains += u64::from(self.messy(mess::DOMAIN_SHARED));
        for (column, every) in [
            ("contract_value", mess::BAD_CONTRACT),
            ("founded_on", mess::BAD_FOUNDED),
        ] {
            if self.messy(every) {
                *truth.rows.unparsable.entry(column).or_default() += 1;
            }
        }
    }

    fn write_shown_name(&self, out: &mut Vec<u8>) -> CellKind {
        if !self.messy(mess::COMPANY_NAME_ODD) {
            write_name(out, self.index);
            return CellKind::Text;
        }
        let (before, after) = match mess::COMPANY_NAME_ODD.turn(self.index) % 4 {
            0 => ("\"", "\", oddział Kraków"),
            1 => ("  ", "  "),
            2 => ("Grupa; ", " 🏢"),
            _ => ("", "\n(dawniej: Sowa)"),
        };
        out.extend_from_slice(before.as_bytes());
        write_name(out, self.index);
        text(out, after);
        CellKind::Text
    }

    fn write_shown_domain(&self, out: &mut Vec<u8>) -> CellKind {
        let start = out.len();
        if self.messy(mess::DOMAIN_SHARED) && self.index > 0 {
            write_domain(out, self.index - 1);
        } else if !self.messy(mess::DOMAIN_ODD) {
            write_domain(out, self.index);
        } else if mess::DOMAIN_ODD.turn(self.index).is_multiple_of(2) {
            out.extend_from_slice(b"https://www.");
            write_domain(out, self.index);
            out.extend_from_slice(b"/pl/");
        } else {
            write_domain(out, self.index);
            out[start..].make_ascii_uppercase();
        }
        CellKind::Plain
    }

    /// The one person who is sure to work here.
    fn anchor(&self) -> Option<u64> {
        let first = self.index * 5;
        (first..first + 5)
            .find(|person| self.population.anchored_company(*person) == Some(self.index))
            .map(|person| self.population.id(Object::Person, person))
    }
}

impl Record for Company<'_> {
    type Column = CompanyField;

    fn damage(&self) -> Damage {
        if self.older {
            Damage::None
        } else {
            self.population.damage(&mess::COMPANIES, self.index)
        }
    }

    fn cell(&self, field: CompanyField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let draws = self.draws;
        let own = field as u32 * 4;
        let bits = draws.bits(own);
        let speller = Speller {
            style,
            mess: self.population.mess,
        };
        let filled = |per_mille| draws.chance(own + 1, per_mille);
        match field {
            CompanyField::Id => number(out, self.population.id(Object::Company, self.index)),
            CompanyField::CustomId if filled(600) => {
                out.extend_from_slice(b"ACC-");
                write_number(out, 9_000 + self.index);
                CellKind::Plain
            }
            CompanyField::Name => self.write_shown_name(out),
            CompanyField::Description if self.messy(mess::DESCRIPTION_ODD) => {
                prose::write_special_description(out, mess::DESCRIPTION_ODD.turn(self.index));
                CellKind::Text
            }
            CompanyField::Description if filled(500) => text(out, draws.word(own + 2, &SENTENCES)),
            CompanyField::Domain if filled(930) || self.messy(mess::DOMAIN_SHARED) => {
                self.write_shown_domain(out)
            }
            CompanyField::Email if filled(600) => {
                out.extend_from_slice(b"biuro@");
                write_domain(out, self.index);
                CellKind::Plain
            }
            CompanyField::PhoneNumbers if filled(700) => {
                let phone = |shift: u32| {
                    let digits = 200_000_000 + (bits >> shift) % 400_000_000;
                    format!("{}{digits}", self.place.prefix)
                };
                let (first, second) = (phone(0), phone(20));
                let both = [first.as_str(), second.as_str()];
                speller.texts(out, &both[..1 + (bits >> 60) as usize % 2], bits)
            }
            CompanyField::Address if filled(800) => {
                out.extend_from_slice(draws.word(own + 2, &STREETS).as_bytes());
                out.push(b' ');
                write_number(out, bits % 120 + 1);
                if bits.is_multiple_of(3) {
                    text(out, ", lok. 4");
                }
                CellKind::Text
            }
            CompanyField::City => {
                text(out, self.place.city);
                if self.damage() == Damage::BadByte {
                    out.extend_from_slice(b" G\xf3ra"); // "ó" as ISO 8859-2 has it
                }
                CellKind::Text
            }
            CompanyField::Region => text(out, self.place.region),
            CompanyField::Country => text(out, self.place.country),
            CompanyField::PostalCode if filled(800) => {
                write_number(out, 10 + bits % 90);
                out.push(b'-');
                write_number(out, 100 + (bits >> 8) % 900);
                CellKind::Plain
            }
            CompanyField::Category if filled(800) => text(out, draws.word(own + 2, &CATEGORIES)),
            CompanyField::Size if filled(800) => number(out, 1 + (bits % 40) * (bits >> 8) % 5_000),
            CompanyField::Employees => match self.anchor() {
                Some(person) => speller.numbers(out, &[person], bits),
                None => speller.numbers(out, &[], bits),
            },
            CompanyField::AssignedTo => {
                let agent = filled(880).then(|| draws.pick(own + 2, &AGENTS));
                speller.agent(out, agent, bits)
            }
            CompanyField::Tags => {
                let mut chosen = [""; 3];
                let count = (bits >> 40) % 3;
                let items = some_of(&TAGS, count, bits >> 50, &mut chosen);
                speller.texts(out, items, bits)
            }
            CompanyField::Team => write_team(out, draws, own, speller),
            CompanyField::CreatedAt => speller.instant(out, self.created_at, bits),
            CompanyField::UpdatedAt => speller.instant(out, self.updated_at, bits),
            CompanyField::Segment if filled(750) => {
                speller.choice(out, draws.word(own + 2, &SEGMENTS), bits)
            }
            CompanyField::IsPartner if filled(600) => {
                speller.boolean(out, draws.chance(own + 2, 300), bits)
            }
            CompanyField::FoundedOn if self.messy(mess::BAD_FOUNDED) => text(out, "2023-02-30"),
            CompanyField::FoundedOn if filled(500) => {
                write_date(out, 3650 + (bits % 14_600) as i64);
                CellKind::Plain
            }
            CompanyField::ContractValue if self.messy(mess::BAD_CONTRACT) => text(out, "12,5x"),
            CompanyField::ContractValue if filled(450) => {
                write_decimal(out, (bits % 20_000_000) * 10);
                CellKind::Literal
            }
            _ => CellKind::Empty,
        }
    }
}
