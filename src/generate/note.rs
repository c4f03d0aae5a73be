//! One note about a person, a company or a deal.
//!
//! Comes in: the population and a number. Goes out: the note's fields as text.

use super::calendar::Spelling;
use super::cell::Kind;
use super::entry::{Entry, Shares, Subject};
use super::mess;
use super::phrases::NOTE_TITLES;
use super::population::Population;
use super::prose;
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number, text};

/// Fields of a note. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Id,
    Title,
    Content,
    Person,
    Company,
    Deal,
    CreatedBy,
    CreatedAt,
    UpdatedAt,
}

/// JSON Lines.
pub(super) const JSON: Shape<Field> = Shape {
    style: Style {
        format: Format::JsonLines,
        dialect: Dialect::V2,
        spelling: Spelling::ZuluMicros,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", Field::Id),
        ("title", Field::Title),
        ("content", Field::Content),
        ("user_id", Field::Person),
        ("company_id", Field::Company),
        ("deal_id", Field::Deal),
        ("created_by", Field::CreatedBy),
        ("created_at", Field::CreatedAt),
        ("updated_at", Field::UpdatedAt),
    ],
    attributes: &[],
};

const SHARES: Shares = Shares {
    deal: 300,
    person: 600,
    company: 300,
};

/// One note.
pub(super) struct Note<'a> {
    entry: Entry<'a>,
    subject: Subject,
}

impl<'a> Note<'a> {
    /// Note `index`.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        let entry = Entry::new(population, Object::Note, index);
        Self {
            entry,
            subject: Subject::new(&entry, SHARES, &mess::NOTE_PERSON),
        }
    }

    /// Adds it to the truth.
    pub(super) fn count(&self, truth: &mut FurtherTruth) {
        truth.add("notes", 1);
        self.subject.count(self.entry.population, "notes", truth);
        truth.note("notes", "odd_text", self.entry.messy(mess::NOTE_TEXT));
    }
}

impl Record for Note<'_> {
    type Field = Field;

    fn cell(&self, field: Field, style: Style, out: &mut Vec<u8>) -> Kind {
        let entry = &self.entry;
        let draws = entry.draws;
        let own = field as u32 * 4;
        let bits = draws.bits(own);
        let speller = Speller {
            style,
            mess: entry.population.mess,
        };
        match field {
            Field::Id => number(out, entry.id),
            Field::Title => text(out, draws.word(own + 2, &NOTE_TITLES)),
            Field::Content if entry.messy(mess::NOTE_TEXT) => {
                prose::write_special_note(out, mess::NOTE_TEXT.turn(entry.index));
                Kind::Text
            }
            Field::Content => {
                prose::write_note(out, bits);
                Kind::Text
            }
            Field::Person => self.subject.write_person(out, entry.population),
            Field::Company => self.subject.write_company(out, entry.population),
            Field::Deal => self.subject.write_deal(out, entry.population),
            Field::CreatedBy => speller.agent(out, entry.agent(own + 1, 900), bits),
            Field::CreatedAt => entry.write_created(out, speller, bits),
            Field::UpdatedAt => entry.write_updated(out, speller, bits),
        }
    }
}
