//! One note about a person, a company or a deal.
//!
//! Comes in: the population and a number. Goes out: the note's fields as text.

use super::calendar::Spelling;
use super::cell::CellKind;
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
pub(super) enum NoteField {
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
pub(super) const JSON: Shape<NoteField> = Shape {
    style: Style {
        format: Format::JsonLines,
        dialect: Dialect::V2,
        spelling: Spelling::ZuluMicros,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", NoteField::Id),
        ("title", NoteField::Title),
        ("content", NoteField::Content),
        ("user_id", NoteField::Person),
        ("company_id", NoteField::Company),
        ("deal_id", NoteField::Deal),
        ("created_by", NoteField::CreatedBy),
        ("created_at", NoteField::CreatedAt),
        ("updated_at", NoteField::UpdatedAt),
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
    type Column = NoteField;

    fn cell(&self, field: NoteField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let entry = &self.entry;
        let draws = entry.draws;
        let own = field as u32 * 4;
        let bits = draws.bits(own);
        let speller = Speller {
            style,
            mess: entry.population.mess,
        };
        match field {
            NoteField::Id => number(out, entry.id),
            NoteField::Title => text(out, draws.word(own + 2, &NOTE_TITLES)),
            NoteField::Content if entry.messy(mess::NOTE_TEXT) => {
                prose::write_special_note(out, mess::NOTE_TEXT.turn(entry.index));
                CellKind::Text
            }
            NoteField::Content => {
                prose::write_note(out, bits);
                CellKind::Text
            }
            NoteField::Person => self.subject.write_person(out, entry.population),
            NoteField::Company => self.subject.write_company(out, entry.population),
            NoteField::Deal => self.subject.write_deal(out, entry.population),
            NoteField::CreatedBy => speller.agent(out, entry.agent(own + 1, 900), bits),
            NoteField::CreatedAt => entry.write_created(out, speller, bits),
            NoteField::UpdatedAt => entry.write_updated(out, speller, bits),
        }
    }
}
