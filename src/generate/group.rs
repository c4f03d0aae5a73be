//! Tags, lists and segments, with the members of segments.
//!
//! Comes in: the population. Goes out: the small files of definitions, and members one by one. The first three segments
//! hold their members inside, taken from the first people only, so that no line grows with the export; the others have
//! them as rows.

use super::calendar::{DAY, EXPORTED_AT, Spelling, write_instant};
use super::cell::{CellKind, finish_csv, write_number};
use super::deal::Link;
use super::entry::{count_person, write_link};
use super::json::{JsonObject, write_list};
use super::population::{Population, slot};
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number, text};
use super::vocabulary::{LISTS, TAGS};

/// A group of people that changes by itself.
struct Segment {
    name: &'static str,
    description: &'static str,
    /// JSON, as the source keeps it.
    criteria: &'static str,
    /// Thousandths of the people.
    share: u64,
}

const fn segment(
    name: &'static str,
    description: &'static str,
    criteria: &'static str,
    share: u64,
) -> Segment {
    Segment {
        name,
        description,
        criteria,
        share,
    }
}

const SEGMENTS: [Segment; 6] = [
    segment(
        "Contacts",
        "Billable contacts",
        r#"{"operator":"or","conditions":[{"attribute":"email","lookup":"is_set"},{"attribute":"phone_number","lookup":"is_set"}]}"#,
        60,
    ),
    segment(
        "VIP, Polska",
        "Klienci VIP z Polski",
        r#"{"operator":"and","conditions":[{"attribute":"tags","lookup":"contains","value":"vip"},{"attribute":"country","lookup":"equals","value":"Poland"}]}"#,
        40,
    ),
    segment(
        "Trial; ending soon",
        "",
        r#"{"operator":"and","conditions":[{"attribute":"trial_ends_at","lookup":"in_next_days","value":7}]}"#,
        50,
    ),
    segment(
        "Newsletter readers",
        "Opened \"Newsletter March\"",
        r#"{"operator":"and","conditions":[{"event":"email_opened","count":{"gte":1}}]}"#,
        150,
    ),
    segment(
        "Promoters",
        "NPS 9–10",
        r#"{"operator":"and","conditions":[{"attribute":"nps_score","lookup":"gte","value":9}]}"#,
        120,
    ),
    segment(
        "Nieaktywni",
        "Bez wizyty od roku",
        r#"{"operator":"not","conditions":[{"attribute":"last_seen","lookup":"in_last_days","value":365}]}"#,
        80,
    ),
];

/// Segments with their members inside.
const NESTED: usize = 3;
/// Members inside come from so many people.
const NESTED_PEOPLE: u64 = 2_000;

fn id(position: usize) -> u64 {
    31 + position as u64
}

/// Whether person `index` is in segment `position`.
fn is_member(population: &Population, position: usize, index: u64) -> bool {
    let draws = population.draws(Object::Person, index);
    draws.chance(slot::SEGMENT + position as u32, SEGMENTS[position].share)
}

/// Members inside segment `position`; with mess one who is not in the export.
fn nested_members(population: &Population, position: usize) -> impl Iterator<Item = Link> {
    let people = 0..population.people.min(NESTED_PEOPLE);
    let gone = (population.mess && position == NESTED - 1).then_some(Link::Gone);
    people
        .filter(move |index| is_member(population, position, *index))
        .map(Link::To)
        .chain(gone)
}

/// `tags.csv`.
pub(super) fn tags_csv(mess: bool) -> (Vec<u8>, u64) {
    let mut out = b"id,name\n".to_vec();
    let more: &[&str] = if mess { &["VIP", "nieużywany"] } else { &[] };
    let mut rows = 0;
    for tag in TAGS.iter().chain(more) {
        rows += 1;
        write_number(&mut out, rows);
        out.push(b',');
        write_cell(&mut out, tag);
        out.push(b'\n');
    }
    (out, rows)
}

/// `lists.csv`.
pub(super) fn lists_csv() -> (Vec<u8>, u64) {
    let mut out = b"id,name,description\n".to_vec();
    for (position, list) in LISTS.iter().enumerate() {
        write_number(&mut out, position as u64 + 1);
        out.push(b',');
        write_cell(&mut out, list);
        out.extend_from_slice(if position == 0 { b",2025" } else { b"," });
        out.push(b'\n');
    }
    (out, LISTS.len() as u64)
}

fn write_cell(out: &mut Vec<u8>, value: &str) {
    let start = out.len();
    let kind = text(out, value);
    finish_csv(out, start, kind);
}

/// `segments.jsonl`.
pub(super) fn segments_jsonl(population: &Population, truth: &mut FurtherTruth) -> (Vec<u8>, u64) {
    let mut out = Vec::new();
    for (position, segment) in SEGMENTS.iter().enumerate() {
        let made_at = EXPORTED_AT - DAY * (400 + 17 * position as i64);
        let instant = |out: &mut Vec<u8>, seconds: i64| {
            write_instant(out, seconds, 0, Spelling::ZuluMicros);
            CellKind::Plain
        };
        let mut object = JsonObject::new(&mut out);
        object.number("id", Some(id(position)));
        object.text("name", segment.name);
        object.value("description", |out| text(out, segment.description));
        object.value("criteria", |out| {
            out.extend_from_slice(segment.criteria.as_bytes());
            CellKind::Literal
        });
        object.text("type", "people");
        object.value("created_at", |out| instant(out, made_at));
        object.value("updated_at", |out| instant(out, made_at + 90 * DAY));
        if position < NESTED {
            object.value("users", |out| write_users(out, population, position, truth));
        }
        object.end();
        out.push(b'\n');
        truth.add("segments", 1);
    }
    (out, SEGMENTS.len() as u64)
}

/// Bare ids; one in four an object that says since when.
fn write_users(
    out: &mut Vec<u8>,
    population: &Population,
    position: usize,
    truth: &mut FurtherTruth,
) -> CellKind {
    write_list(out, nested_members(population, position), |out, person| {
        truth.add("segment_members", 1);
        count_person(population, person, "segment_members", truth);
        let id = person.id(population, Object::Person);
        match id {
            Some(id) if id % 4 > 0 => write_number(out, id),
            _ => {
                let mut object = JsonObject::new(out);
                object.number("id", id);
                object.value("member_since", |out| {
                    let since = EXPORTED_AT - DAY * (id.unwrap_or(0) % 300) as i64;
                    write_instant(out, since, 0, Spelling::Zulu);
                    CellKind::Plain
                });
                object.end();
            }
        }
    })
}

/// Fields of a member. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupField {
    Segment,
    Person,
    Since,
}

/// Members as rows, without an id of their own.
pub(super) const MEMBERS: Shape<GroupField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Zulu,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("segment_id", GroupField::Segment),
        ("user_id", GroupField::Person),
        ("member_since", GroupField::Since),
    ],
    attributes: &[],
};

/// A person in a segment.
pub(super) struct Member<'a> {
    population: &'a Population,
    position: usize,
    person: Link,
}

/// Members of the segments that have them as rows; with mess one of each who is not in the export.
pub(super) fn members(population: &Population) -> impl Iterator<Item = Member<'_>> {
    (NESTED..SEGMENTS.len()).flat_map(move |position| {
        let gone = population.mess.then_some(Link::Gone);
        (0..population.people)
            .filter(move |index| is_member(population, position, *index))
            .map(Link::To)
            .chain(gone)
            .map(move |person| Member {
                population,
                position,
                person,
            })
    })
}

impl Member<'_> {
    /// Adds it to the truth.
    pub(super) fn count(&self, truth: &mut FurtherTruth) {
        truth.add("segment_members", 1);
        count_person(self.population, self.person, "segment_members", truth);
    }
}

impl Record for Member<'_> {
    type Column = GroupField;

    fn cell(&self, field: GroupField, style: Style, out: &mut Vec<u8>) -> CellKind {
        match field {
            GroupField::Segment => number(out, id(self.position)),
            GroupField::Person => write_link(out, self.population, self.person, Object::Person),
            GroupField::Since => {
                let Link::To(index) = self.person else {
                    return CellKind::Empty;
                };
                let draws = self.population.draws(Object::Person, index);
                let bits = draws.bits(slot::SEGMENT + 6 + self.position as u32);
                let speller = Speller {
                    style,
                    mess: self.population.mess,
                };
                let days = (bits >> 40) as i64 % 700;
                speller.instant(out, EXPORTED_AT - days * DAY - 60, bits & 0xffff_ffff)
            }
        }
    }
}
