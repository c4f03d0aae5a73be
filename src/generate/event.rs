//! One calendar event with its attendees, and its two file shapes.
//!
//! Comes in: the population and a number. Goes out: the event's fields as text. In JSON the attendees are nested and
//! come as every kind of element (id, e-mail, person, agent, company); in CSV they are a list in one cell.

use super::calendar::{DAY, EXPORTED_AT, Spelling, write_date};
use super::catalogue::{AGENTS, Agent};
use super::cell::{CellKind, write_json_string, write_number};
use super::company;
use super::deal::Link;
use super::entry::{Entry, Shares, Subject, count_person, some_person};
use super::json::{JsonObject, write_list};
use super::mess;
use super::person::{Email, Person};
use super::phrases::{EVENT_NAMES, EVENT_PLACES};
use super::population::{Population, slot};
use super::prose;
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number, text};

/// Fields of an event. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventField {
    Id,
    CustomId,
    Name,
    Description,
    Location,
    Start,
    End,
    Duration,
    AllDay,
    Person,
    Company,
    Deal,
    AssignedTo,
    CreatedBy,
    Attendees,
    CreatedAt,
    UpdatedAt,
}

/// JSON Lines with the names of API version 1.
pub(super) const V1_JSON: Shape<EventField> = Shape {
    style: Style {
        format: Format::JsonLines,
        dialect: Dialect::V1,
        spelling: Spelling::ZuluMicros,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", EventField::Id),
        ("custom_id", EventField::CustomId),
        ("name", EventField::Name),
        ("description", EventField::Description),
        ("location", EventField::Location),
        ("start", EventField::Start),
        ("end", EventField::End),
        ("duration", EventField::Duration),
        ("all_day", EventField::AllDay),
        ("person", EventField::Person),
        ("company", EventField::Company),
        ("deal", EventField::Deal),
        ("assigned_to", EventField::AssignedTo),
        ("created_by", EventField::CreatedBy),
        ("attendees", EventField::Attendees),
        ("created_at", EventField::CreatedAt),
        ("updated_at", EventField::UpdatedAt),
    ],
    attributes: &[],
};

/// CSV as a calendar saves it.
pub(super) const V2_CSV: Shape<EventField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Offset,
    },
    mark: false,
    crlf: true,
    columns: &[
        ("id", EventField::Id),
        ("title", EventField::Name),
        ("content", EventField::Description),
        ("place", EventField::Location),
        ("start_date_time", EventField::Start),
        ("end_date_time", EventField::End),
        ("duration", EventField::Duration),
        ("is_all_day", EventField::AllDay),
        ("user_id", EventField::Person),
        ("company_id", EventField::Company),
        ("deal_id", EventField::Deal),
        ("owner", EventField::AssignedTo),
        ("attendees", EventField::Attendees),
        ("created_at", EventField::CreatedAt),
        ("updated_at", EventField::UpdatedAt),
    ],
    attributes: &[],
};

const SHARES: Shares = Shares {
    deal: 350,
    person: 850,
    company: 600,
};
const RESPONSES: [&str; 4] = ["accepted", "declined", "tentative", "none"];

/// One attendee.
enum Attendee {
    /// A bare id.
    Id(Link),
    /// An object with a person's id and an answer.
    Person(Link, &'static str),
    /// An agent.
    Agent(&'static Agent),
    /// A company.
    Company(u64),
    /// A bare e-mail address.
    Email(u64),
    /// An object with an address and a name that are no record's.
    Stranger(u64),
}

/// One event.
pub(super) struct Event<'a> {
    entry: Entry<'a>,
    subject: Subject,
    starts_at: i64,
    all_day: bool,
    /// Minutes; days for an event of whole days.
    length: u64,
}

impl<'a> Event<'a> {
    /// Event `index`.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        let entry = Entry::new(population, Object::Event, index);
        let draws = entry.draws;
        let all_day = draws.chance(slot::KIND, 150);
        let ahead = draws.below(slot::KIND + 1, 40 * DAY as u64) as i64;
        let length = match all_day {
            true => draws.below(slot::KIND + 2, 3),
            false => 15 * (1 + draws.below(slot::KIND + 2, 12)),
        };
        Self {
            entry,
            subject: Subject::new(&entry, SHARES, &mess::EVENT_PERSON),
            starts_at: (entry.created_at + ahead).min(EXPORTED_AT + 30 * DAY) / 900 * 900,
            all_day,
            length,
        }
    }

    /// Adds it to the truth; `nested` if its file holds attendees as records.
    pub(super) fn count(&self, nested: bool, truth: &mut FurtherTruth) {
        let population = self.entry.population;
        truth.add("events", 1);
        self.subject.count(population, "events", truth);
        truth.note("events", "odd_text", self.entry.messy(mess::EVENT_TEXT));
        truth.note("events", "all_day", self.all_day);
        if !nested {
            return;
        }
        for attendee in self.attendees() {
            truth.add("event_attendees", 1);
            if let Attendee::Id(person) | Attendee::Person(person, _) = attendee {
                count_person(population, person, "event_attendees", truth);
                let own = person != Link::None && person == self.subject.person;
                truth.note("event_attendees", "own_person", own);
            }
        }
    }

    fn attendees(&self) -> Vec<Attendee> {
        let population = self.entry.population;
        let draws = self.entry.draws;
        let mut attendees = Vec::new();
        for turn in 0..draws.below(slot::KIND + 3, 6) as u32 {
            let first = slot::NESTED + turn * 12;
            let kind = draws.below(first, 8);
            let person = some_person(population, draws, first + 1);
            let attendee = match kind {
                _ if population.people == 0 => Attendee::Agent(draws.pick(first + 9, &AGENTS)),
                0 | 1 => Attendee::Id(Link::To(person)),
                2 | 3 => Attendee::Person(Link::To(person), draws.word(first + 9, &RESPONSES)),
                4 => Attendee::Email(person),
                5 if population.companies > 0 => {
                    Attendee::Company(draws.below(first + 9, population.companies))
                }
                6 => Attendee::Stranger(draws.below(first + 9, 900)),
                _ => Attendee::Agent(draws.pick(first + 9, &AGENTS)),
            };
            attendees.push(attendee);
        }
        if self.entry.messy(mess::ATTENDEE_GONE) {
            attendees.push(Attendee::Id(Link::Gone));
        }
        if self.entry.messy(mess::ATTENDEE_SELF) && matches!(self.subject.person, Link::To(_)) {
            attendees.push(Attendee::Person(self.subject.person, "accepted"));
        }
        attendees
    }

    fn write_attendee(&self, out: &mut Vec<u8>, attendee: &Attendee) {
        let population = self.entry.population;
        let person_id = |link: Link| link.id(population, Object::Person);
        match attendee {
            Attendee::Id(person) => write_number(out, person_id(*person).unwrap_or(0)),
            Attendee::Email(person) => {
                let email = email_of(population, *person);
                write_json_string(out, &email);
            }
            Attendee::Person(person, response) => {
                let mut object = JsonObject::new(out);
                object.text("type", "person");
                object.number("id", person_id(*person));
                object.text("status", response);
                object.end();
            }
            Attendee::Agent(agent) => {
                let mut object = JsonObject::new(out);
                object.text("type", "agent");
                object.number("id", Some(agent.id));
                object.text("email", agent.email);
                object.end();
            }
            Attendee::Company(company) => {
                let mut object = JsonObject::new(out);
                object.text("type", "company");
                object.number("id", Some(population.id(Object::Company, *company)));
                object.value("name", |out| {
                    company::write_name(out, *company);
                    CellKind::Text
                });
                object.end();
            }
            Attendee::Stranger(number) => {
                let mut object = JsonObject::new(out);
                object.value("email", |out| write_stranger(out, *number));
                object.text("name", "Gość, spoza firmy");
                object.end();
            }
        }
    }

    /// Ids and addresses as texts; companies have neither and are left out.
    fn listed(&self) -> Vec<String> {
        let population = self.entry.population;
        let email = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let attendees = self.attendees();
        attendees
            .iter()
            .filter_map(|attendee| match attendee {
                Attendee::Id(person) | Attendee::Person(person, _) => {
                    let id = person.id(population, Object::Person)?;
                    Some(id.to_string())
                }
                Attendee::Email(person) => Some(email(email_of(population, *person))),
                Attendee::Agent(agent) => Some(agent.email.to_owned()),
                Attendee::Company(_) => None,
                Attendee::Stranger(number) => {
                    let mut out = Vec::new();
                    write_stranger(&mut out, *number);
                    Some(email(out))
                }
            })
            .collect()
    }

    fn write_attendees(&self, out: &mut Vec<u8>, speller: Speller, bits: u64) -> CellKind {
        if speller.style.is_csv() {
            let listed = self.listed();
            let texts: Vec<&str> = listed.iter().map(String::as_str).collect();
            return speller.texts(out, &texts, bits);
        }
        let attendees = self.attendees();
        write_list(out, &attendees, |out, attendee| {
            self.write_attendee(out, attendee);
        })
    }

    fn write_time(&self, out: &mut Vec<u8>, seconds: i64, speller: Speller, bits: u64) -> CellKind {
        if self.all_day {
            write_date(out, seconds.div_euclid(DAY));
            CellKind::Plain
        } else {
            speller.instant(out, seconds, bits & 0xffff_ffff)
        }
    }

    /// A timed event in ten has a duration only.
    fn has_end(&self) -> bool {
        self.all_day || self.entry.draws.chance(EventField::End as u32 * 4 + 1, 900)
    }

    fn ends_at(&self) -> i64 {
        let unit = if self.all_day { DAY } else { 60 };
        self.starts_at + self.length as i64 * unit
    }
}

/// A person's address; where there is none, one that is nobody's.
fn email_of(population: &Population, person: u64) -> Vec<u8> {
    let person = Person::new(population, person);
    let mut out = Vec::new();
    match person.email {
        Email::Own | Email::Untidy | Email::Shared => person.write_email(&mut out),
        Email::None | Email::Invalid => {
            write_stranger(&mut out, person.index);
        }
    }
    out.trim_ascii().to_vec()
}

fn write_stranger(out: &mut Vec<u8>, number: u64) -> CellKind {
    out.extend_from_slice(b"guest");
    write_number(out, number);
    out.extend_from_slice(b"@elsewhere.example");
    CellKind::Plain
}

impl Record for Event<'_> {
    type Column = EventField;

    fn cell(&self, field: EventField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let entry = &self.entry;
        let draws = entry.draws;
        let own = field as u32 * 4;
        let bits = draws.bits(own);
        let speller = Speller {
            style,
            mess: entry.population.mess,
        };
        let filled = |per_mille| draws.chance(own + 1, per_mille);
        match field {
            EventField::Id => number(out, entry.id),
            EventField::CustomId if filled(50) => {
                out.extend_from_slice(b"CAL-");
                write_number(out, entry.index);
                CellKind::Plain
            }
            EventField::Name => text(out, draws.word(own + 2, &EVENT_NAMES)),
            EventField::Description if entry.messy(mess::EVENT_TEXT) => {
                // Half of them with markup, the others of any kind.
                let turn = mess::EVENT_TEXT.turn(entry.index);
                let kind = if turn.is_multiple_of(2) { 6 } else { turn };
                prose::write_special_note(out, kind);
                CellKind::Text
            }
            EventField::Description if filled(400) => {
                prose::write_note(out, bits);
                CellKind::Text
            }
            EventField::Location if filled(600) => text(out, draws.word(own + 2, &EVENT_PLACES)),
            EventField::Start => self.write_time(out, self.starts_at, speller, bits),
            EventField::End if self.has_end() => {
                self.write_time(out, self.ends_at(), speller, bits)
            }
            EventField::Duration if !self.all_day && (filled(500) || !self.has_end()) => {
                number(out, self.length)
            }
            EventField::AllDay => speller.boolean(out, self.all_day, bits),
            EventField::Person => self.subject.write_person(out, entry.population),
            EventField::Company => self.subject.write_company(out, entry.population),
            EventField::Deal => self.subject.write_deal(out, entry.population),
            EventField::AssignedTo => speller.agent(out, entry.agent(own + 1, 950), bits),
            EventField::CreatedBy => speller.agent(out, entry.agent(own + 1, 700), bits),
            EventField::Attendees => self.write_attendees(out, speller, bits),
            EventField::CreatedAt => entry.write_created(out, speller, bits),
            EventField::UpdatedAt => entry.write_updated(out, speller, bits),
            _ => CellKind::Empty,
        }
    }
}
