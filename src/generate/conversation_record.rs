//! A conversation with its messages as files have it: a record of its own, or within its person's.
//!
//! Its messages are nested in JSON (`guide/usercom.md` §2.6) and rows of their own in CSV (`message.rs`).

use super::calendar::Spelling;
use super::catalogue::Agent;
use super::cell::CellKind;
use super::conversation::Conversation;
use super::entry::{count_person, write_link};
use super::json::{JsonObject, write_agent, write_list};
use super::message::{Message, write_client};
use super::population::slot;
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number};

/// Fields of a conversation. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConversationField {
    Id,
    Person,
    Agent,
    Active,
    Channel,
    MessageCount,
    Messages,
    CreatedAt,
    UpdatedAt,
}

/// JSON Lines with everything inside.
pub(super) const JSON: Shape<ConversationField> = Shape {
    style: Style {
        format: Format::JsonLines,
        dialect: Dialect::V2,
        spelling: Spelling::ZuluMicros,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", ConversationField::Id),
        ("user", ConversationField::Person),
        ("agent", ConversationField::Agent),
        ("active", ConversationField::Active),
        ("source", ConversationField::Channel),
        ("messages", ConversationField::Messages),
        ("created_at", ConversationField::CreatedAt),
        ("updated_at", ConversationField::UpdatedAt),
    ],
    attributes: &[],
};

/// CSV, `messages` being a number.
pub(super) const CSV: Shape<ConversationField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Zulu,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", ConversationField::Id),
        ("user_id", ConversationField::Person),
        ("agent", ConversationField::Agent),
        ("active", ConversationField::Active),
        ("source", ConversationField::Channel),
        ("messages", ConversationField::MessageCount),
        ("created_at", ConversationField::CreatedAt),
        ("updated_at", ConversationField::UpdatedAt),
    ],
    attributes: &[],
};

impl<'a> Conversation<'a> {
    /// Adds it to the truth, its messages too if they are `nested`.
    pub(super) fn count(&self, nested: bool, truth: &mut FurtherTruth) {
        let table = "conversations";
        truth.add(table, 1);
        let population = self.entry.population;
        count_person(population, self.person, table, truth);
        if nested {
            for message in self.messages() {
                message.count(truth);
            }
        }
    }

    fn messages(&self) -> impl Iterator<Item = Message<'a>> + '_ {
        let numbers = self.messages.clone();
        numbers.map(|number| Message::of(self.clone(), number))
    }

    fn active(&self) -> bool {
        self.entry.draws.chance(slot::KIND + 2, 150)
    }

    fn answered(&self) -> Option<&'static Agent> {
        (!self.entry.draws.chance(slot::KIND + 3, 80)).then_some(self.agent)
    }

    fn write_messages(&self, out: &mut Vec<u8>, style: Style) -> CellKind {
        write_list(out, self.messages(), |out, message| {
            message.write_nested(out, style);
        })
    }

    /// The conversation as a person has it: no `user`, since that is the person.
    pub(super) fn write_bundled(&self, out: &mut Vec<u8>, style: Style) -> CellKind {
        let mut object = JsonObject::new(out);
        object.number("id", Some(self.entry.id));
        object.value("active", |out| {
            out.extend_from_slice(if self.active() { b"true" } else { b"false" });
            CellKind::Literal
        });
        object.agent("agent", self.answered());
        object.value("messages", |out| self.write_messages(out, style));
        object.end()
    }
}

impl Record for Conversation<'_> {
    type Column = ConversationField;

    fn cell(&self, field: ConversationField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let entry = &self.entry;
        let bits = entry.draws.bits(field as u32 * 4);
        let speller = Speller {
            style,
            mess: entry.population.mess,
        };
        let last = self.messages.end.saturating_sub(self.messages.start + 1);
        match field {
            ConversationField::Id => number(out, entry.id),
            ConversationField::Person if style.is_csv() => {
                write_link(out, entry.population, self.person, Object::Person)
            }
            ConversationField::Person => write_client(out, entry.population, self.person, style),
            ConversationField::Agent if style.is_csv() => speller.agent(out, self.answered(), bits),
            ConversationField::Agent => match self.answered() {
                Some(agent) => write_agent(out, agent),
                None => CellKind::Empty,
            },
            ConversationField::Active => speller.boolean(out, self.active(), bits),
            ConversationField::Channel => self.write_channel(out, speller),
            ConversationField::MessageCount => number(out, self.messages.end - self.messages.start),
            ConversationField::Messages => self.write_messages(out, style),
            ConversationField::CreatedAt => speller.instant(out, self.sent_at(0), bits),
            ConversationField::UpdatedAt => speller.instant(out, self.sent_at(last), bits),
        }
    }
}
