//! One activity, and its two file shapes.
//!
//! Comes in: the population and a number. Goes out: the activity's fields as text. In bulk it is CSV with the names of API
//! version 2, a smaller part JSON Lines with those of version 1 (`reference/usercom.md` §2.5).

use super::calendar::{DAY, EXPORTED_AT, Spelling};
use super::catalogue::{
    ACTIVITY_ATTRIBUTES as CUSTOM, ACTIVITY_TYPES, Attribute, CALL_OUTCOMES, NamedId,
};
use super::cell::{Kind, write_number};
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
pub(super) enum Field {
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

const ATTRIBUTES: &[(&Attribute, Field)] = &[
    (&CUSTOM[0], Field::CallOutcome),
    (&CUSTOM[1], Field::Sentiment),
];

/// CSV with the names of API version 2.
pub(super) const V2_CSV: Shape<Field> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Zulu,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", Field::Id),
        ("custom_id", Field::CustomId),
        ("activity_type", Field::Type),
        ("name", Field::Name),
        ("description", Field::Description),
        ("done", Field::Done),
        ("activities_status", Field::Status),
        ("priority", Field::Priority),
        ("due_date", Field::DueAt),
        ("done_date", Field::DoneAt),
        ("duration", Field::Duration),
        ("push_views", Field::PushViews),
        ("chat_duration", Field::ChatDuration),
        ("email_opens", Field::EmailOpens),
        ("user_id", Field::Person),
        ("company_id", Field::Company),
        ("deal_id", Field::Deal),
        ("assigned_to", Field::AssignedTo),
        ("created_by", Field::CreatedBy),
        ("created_at", Field::CreatedAt),
        ("updated_at", Field::UpdatedAt),
    ],
    attributes: ATTRIBUTES,
};

/// JSON Lines with the names of API version 1.
pub(super) const V1_JSON: Shape<Field> = Shape {
    style: Style {
        format: Format::JsonLines,
        dialect: Dialect::V1,
        spelling: Spelling::ZuluMicros,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", Field::Id),
        ("activity_type", Field::Type),
        ("name", Field::Name),
        ("datetime", Field::DueAt),
        ("duration", Field::Duration),
        ("description", Field::Description),
        ("assigned_to", Field::AssignedTo),
        ("deal", Field::Deal),
        ("person", Field::Person),
        ("company", Field::Company),
        ("done", Field::Done),
        ("done_date", Field::DoneAt),
        ("activities_status", Field::Status),
        ("priority", Field::Priority),
        ("push_views", Field::PushViews),
        ("chat_duration", Field::ChatDuration),
        ("email_opens", Field::EmailOpens),
        ("created_by", Field::CreatedBy),
        ("created_at", Field::CreatedAt),
        ("updated_at", Field::UpdatedAt),
        ("custom_id", Field::CustomId),
    ],
    attributes: ATTRIBUTES,
};

const SHARES: Shares = Shares {
    deal: 300,
    person: 930,
    company: 500,
};
/// Words of the status, by their number (`reference/usercom.md` §1.7).
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
    fn write_type(&self, out: &mut Vec<u8>, style: Style, bits: u64) -> Kind {
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
        let filled = |per_mille| draws.chance(own + 1, per_mille);
        match field {
            Field::Id => number(out, entry.id),
            Field::CustomId if filled(100) => {
                out.extend_from_slice(b"T-");
                write_number(out, entry.index);
                Kind::Plain
            }
            Field::Name => text(out, draws.word(own + 2, &ACTIVITY_NAMES[self.kind])),
            Field::Type => self.write_type(out, style, bits),
            Field::Description if entry.messy(mess::ACTIVITY_TEXT) => {
                prose::write_special_note(out, mess::ACTIVITY_TEXT.turn(entry.index));
                Kind::Text
            }
            Field::Description if filled(250) => {
                prose::write_note(out, bits);
                Kind::Text
            }
            Field::Done => speller.boolean(out, self.done, bits),
            Field::Status => speller.code(out, self.status() as u64, STATUSES[self.status()]),
            Field::Priority if filled(400) => {
                word(out, draws.word(own + 2, &["low", "normal", "high"]))
            }
            Field::DueAt => speller.instant(out, self.due_at, bits),
            Field::DoneAt if self.done => {
                let done_at = (self.due_at + (bits % 7_200) as i64).min(EXPORTED_AT - 1);
                speller.instant(out, done_at, bits)
            }
            Field::Duration if self.kind <= 1 && filled(800) => number(out, 5 * (1 + bits % 18)),
            Field::PushViews if self.kind == PUSH => number(out, bits % 40),
            Field::ChatDuration if self.kind == CHAT => number(out, 10 + bits % 1_800),
            Field::EmailOpens if self.kind == EMAIL => number(out, bits % 6),
            Field::Person => self.subject.write_person(out, entry.population),
            Field::Company => self.subject.write_company(out, entry.population),
            Field::Deal => self.subject.write_deal(out, entry.population),
            Field::AssignedTo => speller.agent(out, entry.agent(own + 1, 920), bits),
            Field::CreatedBy => speller.agent(out, entry.agent(own + 1, 850), bits),
            Field::CreatedAt => entry.write_created(out, speller, bits),
            Field::UpdatedAt => entry.write_updated(out, speller, bits),
            Field::CallOutcome if self.kind == CALL && self.done && filled(900) => {
                speller.choice(out, draws.word(own + 2, &CALL_OUTCOMES), bits)
            }
            Field::Sentiment if filled(200) => {
                out.extend_from_slice(if bits.is_multiple_of(3) { b"-" } else { b"" });
                number(out, 1 + bits % 5)
            }
            _ => Kind::Empty,
        }
    }
}
