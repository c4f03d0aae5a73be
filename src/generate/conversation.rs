//! One conversation with its messages, alone or bundled inside a person, and its two file shapes.
//!
//! Comes in: the population and a number. Goes out: the conversation's fields as text. Its messages are nested in JSON
//! (`guide/usercom.md` §2.6) and rows of their own in CSV (`message.rs`).

use std::ops::Range;

use super::calendar::{DAY, EXPORTED_AT, Spelling};
use super::catalogue::{AGENTS, Agent};
use super::cell::CellKind;
use super::deal::Link;
use super::entry::{Entry, Shares, Subject, write_link};
use super::json::{JsonObject, write_agent, write_list};
use super::mess;
use super::message::{Message, write_client};
use super::population::{Population, slot};
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number};

/// Channels, by their number less one (`guide/usercom.md` §1.7).
const CHANNELS: [&str; 5] = ["chat", "email", "api", "sms", "slack"];
/// Most messages of one conversation.
const MOST_MESSAGES: u64 = 8;
const SHARES: Shares = Shares {
    deal: 0,
    person: 1000,
    company: 0,
};

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

/// One conversation.
#[derive(Clone)]
pub(super) struct Conversation<'a> {
    pub(super) entry: Entry<'a>,
    pub(super) person: Link,
    /// Who answers.
    pub(super) agent: &'static Agent,
    /// Number of the channel less one.
    pub(super) channel: usize,
    /// Numbers of its messages.
    pub(super) messages: Range<u64>,
    started_at: i64,
}

impl<'a> Conversation<'a> {
    /// Conversation `index` of those that have a record of their own.
    pub(super) fn new(population: &'a Population, index: u64) -> Self {
        let entry = Entry::new(population, Object::Conversation, index);
        let subject = Subject::new(&entry, SHARES, &mess::CONVERSATION_PERSON);
        Self::with(entry, subject.person, population.further.messages_of(index))
    }

    /// The conversation inside person `person`, if it has one. Numbers follow after those of all others.
    pub(super) fn bundled(population: &'a Population, person: u64) -> Option<Self> {
        let count = population.further.bundled_messages(person)?;
        let further = &population.further;
        let entry = Entry::new(
            population,
            Object::Conversation,
            further.conversations + person,
        );
        let first = further.messages + person * MOST_MESSAGES;
        Some(Self::with(entry, Link::To(person), first..first + count))
    }

    fn with(entry: Entry<'a>, person: Link, messages: Range<u64>) -> Self {
        let draws = entry.draws;
        let channel = match draws.below(slot::KIND, 100) {
            0..70 => 0,
            70..88 => 1,
            88..91 => 2,
            91..97 => 3,
            _ => 4,
        };
        Self {
            entry,
            person,
            agent: draws.pick(slot::KIND + 1, &AGENTS),
            channel,
            messages,
            // A day is left for the messages, which come within some hours.
            started_at: entry.created_at.min(EXPORTED_AT - DAY),
        }
    }

    /// Adds it to the truth, its messages too if they are `nested`.
    pub(super) fn count(&self, nested: bool, truth: &mut FurtherTruth) {
        let table = "conversations";
        truth.add(table, 1);
        let population = self.entry.population;
        super::entry::count_person(population, self.person, table, truth);
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

    /// When message number `position` was sent.
    pub(super) fn sent_at(&self, position: u64) -> i64 {
        self.started_at + (position * 1_740) as i64
    }

    /// The channel as files of this style have it.
    pub(super) fn write_channel(&self, out: &mut Vec<u8>, speller: Speller) -> CellKind {
        let word = CHANNELS.get(self.channel).copied().unwrap_or_default();
        speller.code(out, self.channel as u64 + 1, word)
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
