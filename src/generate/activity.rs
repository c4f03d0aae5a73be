//! One activity, and its two file shapes.
//!
//! Comes in: the population and a number. Goes out: the activity's fields as text. In bulk it is CSV with the names of API
//! version 2, a smaller part JSON Lines with those of version 1 (`guide/usercom.md` §2.5).

use super::calendar::{DAY, EXPORTED_AT, Spelling};
use super::catalogue::{
    ACTIVITY_ATTRIBUTES as CUSTOM, ACTIVITY_TYPES, Attribute, CALL_OUTCOMES, NamedId,
};
use super::cell::{CellKind, write_number};
use super::entry::{Entry, Shares, Subject};
use super::json::JsonObject;
use super::mess;
use super::phrases::ACTIVITY_NAMES;
use super::population::{Population, slot};
use super::prose;
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number, text, word};

/// Fields of an activity. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActivityField {
    Id,
    CustomId,
    Name,
    Type,
    Description,
    Done,
    Status,
    Priority,
    DueAt,
    DoneAt,
    Duration,
    PushViews,
    ChatDuration,
    EmailOpens,
    Person,
    Company,
    Deal,
    AssignedTo,
    CreatedBy,
    CreatedAt,
    UpdatedAt,
    CallOutcome,
    Sentiment,
}

const ATTRIBUTES: &[(&Attribute, ActivityField)] = &[
    (&CUSTOM[0], ActivityField::CallOutcome),
    (&CUSTOM[1], ActivityField::Sentiment),
];

/// CSV with the names of API version 2.
pub(super) const V2_CSV: Shape<ActivityField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Zulu,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", ActivityField::Id),
        ("custom_id", ActivityField::CustomId),
        ("activity_type", ActivityField::Type),
        ("name", ActivityField::Name),
        ("description", ActivityField::Description),
        ("done", ActivityField::Done),
        ("activities_status", ActivityField::Status),
        ("priority", ActivityField::Priority),
        ("due_date", ActivityField::DueAt),
        ("done_date", ActivityField::DoneAt),
        ("duration", ActivityField::Duration),
        ("push_views", ActivityField::PushViews),
        ("chat_duration", ActivityField::ChatDuration),
        ("email_opens", ActivityField::EmailOpens),
        ("user_id", ActivityField::Person),
        ("company_id", ActivityField::Company),
        ("deal_id", ActivityField::Deal),
        ("assigned_to", ActivityField::AssignedTo),
        ("created_by", ActivityField::CreatedBy),
        ("created_at", ActivityField::CreatedAt),
        ("updated_at", ActivityField::UpdatedAt),
    ],
    attributes: ATTRIBUTES,
};

/// JSON Lines with the names of API version 1.
pub(super) const V1_JSON: Shape<ActivityField> = Shape {
    style: Style {
        format: Format::JsonLines,
        dialect: Dialect::V1,
        spelling: Spelling::ZuluMicros,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", ActivityField::Id),
        ("activity_type", ActivityField::Type),
        ("name", ActivityField::Name),
        ("datetime", ActivityField::DueAt),
        ("duration", ActivityField::Duration),
        ("description", ActivityField::Description),
        ("assigned_to", ActivityField::AssignedTo),
        ("deal", ActivityField::Deal),
        ("person", ActivityField::Person),
        ("company", ActivityField::Company),
        ("done", ActivityField::Done),
        ("done_date", ActivityField::DoneAt),
        ("activities_status", ActivityField::Status),
        ("priority", ActivityField::Priority),
        ("push_views", ActivityField::PushViews),
        ("chat_duration", ActivityField::ChatDuration),
        ("email_opens", ActivityField::EmailOpens),
        ("created_by", ActivityField::CreatedBy),
        ("created_at", ActivityField::CreatedAt),
        ("updated_at", ActivityField::UpdatedAt),
        ("custom_id", ActivityField::CustomId),
    ],
    attributes: ATTRIBUTES,
};

const SHARES: Shares = Shares {
    deal: 300,
    person: 930,
    company: 500,
};
/// Words of the status, by their number (`guide/usercom.md` §1.7).
const STATUSES: [&str; 4] = ["no planned", "planned", "recently finished", "overdue"];
const CALL: usize = 0;
const EMAIL: usize = 2;
const PUSH: usize = 4;
const CHAT: usize = 5;

/// One activity.
pub(super) struct Activity<'a> {
    entry: Entry<'a>,
    /// Position among the types.
    kind: usize,
    subject: Subject,
    due_at: i64,
    done: bool,
}

impl<'a> Activity<'a> {
    /// Activity `index`.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        let entry = Entry::new(population, Object::Activity, index);
        let draws = entry.draws;
        let kind = match draws.below(slot::KIND, 100) {
            0..30 => CALL,
            30..42 => 1,
            42..62 => EMAIL,
            62..90 => 3,
            90..94 => PUSH,
            94..98 => CHAT,
            _ => 6,
        };
        let ahead = draws.chance(slot::KIND + 1, 60);
        let due_at = if ahead {
            EXPORTED_AT + draws.below(slot::KIND + 2, 60 * DAY as u64) as i64
        } else {
            entry.created_at + draws.below(slot::KIND + 2, 30 * DAY as u64) as i64
        };
        Self {
            entry,
            kind,
            subject: Subject::new(&entry, SHARES, &mess::ACTIVITY_PERSON),
            due_at,
            done: due_at < EXPORTED_AT && draws.chance(slot::KIND + 3, 850),
        }
    }

    /// Adds it to the truth.
    pub(super) fn count(&self, truth: &mut FurtherTruth) {
        let table = "activities";
        truth.add(table, 1);
        self.subject.count(self.entry.population, table, truth);
        truth.note(table, "odd_text", self.entry.messy(mess::ACTIVITY_TEXT));
    }

    fn kind(&self) -> &'static NamedId {
        &ACTIVITY_TYPES[self.kind]
    }

    fn status(&self) -> usize {
        let recent = self.due_at > EXPORTED_AT - 7 * DAY;
        match (self.done, self.due_at > EXPORTED_AT) {
            (true, _) if recent => 2,
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 3,
        }
    }

    /// By id in CSV, as an object in JSON; where spellings vary now and then by name.
    fn write_type(&self, out: &mut Vec<u8>, style: Style, bits: u64) -> CellKind {
        let kind = self.kind();
        if self.entry.population.mess && bits.is_multiple_of(12) {
            return word(out, kind.name);
        }
        if style.is_csv() || bits % 12 < 4 {
            return number(out, kind.id);
        }
        let mut object = JsonObject::new(out);
        object.number("id", Some(kind.id));
        object.text("name", kind.name);
        object.end()
    }
}

impl Record for Activity<'_> {
    type Column = ActivityField;

    fn cell(&self, field: ActivityField, style: Style, out: &mut Vec<u8>) -> CellKind {
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
            ActivityField::Id => number(out, entry.id),
            ActivityField::CustomId if filled(100) => {
                out.extend_from_slice(b"T-");
                write_number(out, entry.index);
                CellKind::Plain
            }
            ActivityField::Name => text(out, draws.word(own + 2, &ACTIVITY_NAMES[self.kind])),
            ActivityField::Type => self.write_type(out, style, bits),
            ActivityField::Description if entry.messy(mess::ACTIVITY_TEXT) => {
                prose::write_special_note(out, mess::ACTIVITY_TEXT.turn(entry.index));
                CellKind::Text
            }
            ActivityField::Description if filled(250) => {
                prose::write_note(out, bits);
                CellKind::Text
            }
            ActivityField::Done => speller.boolean(out, self.done, bits),
            ActivityField::Status => {
                speller.code(out, self.status() as u64, STATUSES[self.status()])
            }
            ActivityField::Priority if filled(400) => {
                word(out, draws.word(own + 2, &["low", "normal", "high"]))
            }
            ActivityField::DueAt => speller.instant(out, self.due_at, bits),
            ActivityField::DoneAt if self.done => {
                let done_at = (self.due_at + (bits % 7_200) as i64).min(EXPORTED_AT - 1);
                speller.instant(out, done_at, bits)
            }
            ActivityField::Duration if self.kind <= 1 && filled(800) => {
                number(out, 5 * (1 + bits % 18))
            }
            ActivityField::PushViews if self.kind == PUSH => number(out, bits % 40),
            ActivityField::ChatDuration if self.kind == CHAT => number(out, 10 + bits % 1_800),
            ActivityField::EmailOpens if self.kind == EMAIL => number(out, bits % 6),
            ActivityField::Person => self.subject.write_person(out, entry.population),
            ActivityField::Company => self.subject.write_company(out, entry.population),
            ActivityField::Deal => self.subject.write_deal(out, entry.population),
            ActivityField::AssignedTo => speller.agent(out, entry.agent(own + 1, 920), bits),
            ActivityField::CreatedBy => speller.agent(out, entry.agent(own + 1, 850), bits),
            ActivityField::CreatedAt => entry.write_created(out, speller, bits),
            ActivityField::UpdatedAt => entry.write_updated(out, speller, bits),
            ActivityField::CallOutcome if self.kind == CALL && self.done && filled(900) => {
                speller.choice(out, draws.word(own + 2, &CALL_OUTCOMES), bits)
            }
            ActivityField::Sentiment if filled(200) => {
                out.extend_from_slice(if bits.is_multiple_of(3) { b"-" } else { b"" });
                number(out, 1 + bits % 5)
            }
            _ => CellKind::Empty,
        }
    }
}
