//! One message of a conversation, nested or as a row.
//!
//! Comes in: the population and a number, from which its conversation follows. Goes out: the message's fields as text. An
//! author without `key` is an agent (`guide/usercom.md` §2.6).

use super::calendar::Spelling;
use super::cell::{CellKind, write_hex};
use super::conversation::Conversation;
use super::deal::Link;
use super::entry::{count_person, write_link};
use super::json::{JsonObject, write_agent};
use super::mess;
use super::person::Person;
use super::person_shapes;
use super::phrases::{ANSWERS, QUESTIONS};
use super::population::{Population, slot};
use super::prose;
use super::quantity::conversation_of;
use super::random::{Draws, Object};
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number, text, word};

/// Fields of a message. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageField {
    Id,
    Conversation,
    Client,
    AuthorId,
    AuthorKey,
    AuthorEmail,
    AuthorName,
    AuthorType,
    Direction,
    Content,
    Channel,
    SentAt,
}

/// CSV.
pub(super) const CSV: Shape<MessageField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::ZuluMicros,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", MessageField::Id),
        ("conversation_id", MessageField::Conversation),
        ("client_id", MessageField::Client),
        ("author_id", MessageField::AuthorId),
        ("author_key", MessageField::AuthorKey),
        ("author_email", MessageField::AuthorEmail),
        ("author_name", MessageField::AuthorName),
        ("author_type", MessageField::AuthorType),
        ("direction", MessageField::Direction),
        ("content", MessageField::Content),
        ("source", MessageField::Channel),
        ("timestamp", MessageField::SentAt),
    ],
    attributes: &[],
};

/// One message.
pub(super) struct Message<'a> {
    conversation: Conversation<'a>,
    number: u64,
    id: u64,
    draws: Draws,
    /// The client wrote it.
    inbound: bool,
}

impl<'a> Message<'a> {
    /// Message `number` of those in conversations with a record of their own.
    pub(super) fn new(population: &'a Population, number: u64) -> Self {
        let conversation = Conversation::new(population, conversation_of(number));
        Self::of(conversation, number)
    }

    /// Message `number` of `conversation`.
    pub(super) fn of(conversation: Conversation<'a>, number: u64) -> Self {
        let population = conversation.entry.population;
        let draws = population.draws(Object::Message, number);
        let inbound = number == conversation.messages.start || draws.chance(slot::KIND, 450);
        Self {
            id: population.id(Object::Message, number),
            conversation,
            number,
            draws,
            inbound,
        }
    }

    /// Adds it to the truth.
    pub(super) fn count(&self, truth: &mut FurtherTruth) {
        let table = "messages";
        truth.add(table, 1);
        let conversation = &self.conversation;
        let population = conversation.entry.population;
        count_person(population, conversation.person, table, truth);
        truth.note(table, "no_author", self.messy(mess::MESSAGE_NO_AUTHOR));
        truth.note(table, "no_time", self.messy(mess::MESSAGE_NO_TIME));
        truth.note(table, "odd_text", self.messy(mess::MESSAGE_TEXT));
    }

    fn messy(&self, every: mess::Every) -> bool {
        self.conversation.entry.population.mess && every.hits(self.number)
    }

    /// The message inside its conversation.
    pub(super) fn write_nested(&self, out: &mut Vec<u8>, style: Style) {
        let mut object = JsonObject::new(out);
        for (key, field) in [
            ("id", MessageField::Id),
            ("chat", MessageField::Conversation),
            ("content", MessageField::Content),
            ("source", MessageField::Channel),
            ("timestamp", MessageField::SentAt),
        ] {
            object.value(key, |out| self.cell(field, style, out));
        }
        object.value("user", |out| self.write_author(out, style));
        object.end();
    }

    fn write_author(&self, out: &mut Vec<u8>, style: Style) -> CellKind {
        let conversation = &self.conversation;
        if self.messy(mess::MESSAGE_NO_AUTHOR) {
            CellKind::Empty
        } else if self.inbound {
            let population = conversation.entry.population;
            write_client(out, population, conversation.person, style)
        } else {
            write_agent(out, conversation.agent)
        }
    }

    /// The person, if the person wrote it and is in the export.
    fn author(&self) -> Option<Person<'a>> {
        match self.conversation.person {
            Link::To(index) if self.inbound => {
                Some(Person::new(self.conversation.entry.population, index))
            }
            _ => None,
        }
    }

    fn write_author_part(&self, field: MessageField, style: Style, out: &mut Vec<u8>) -> CellKind {
        if self.messy(mess::MESSAGE_NO_AUTHOR) {
            return CellKind::Empty;
        }
        let conversation = &self.conversation;
        if !self.inbound {
            let agent = conversation.agent;
            return match field {
                MessageField::AuthorId => number(out, agent.id),
                MessageField::AuthorEmail => word(out, agent.email),
                MessageField::AuthorName => text(out, agent.name),
                MessageField::AuthorType => word(out, "agent"),
                _ => CellKind::Empty,
            };
        }
        let part = match field {
            MessageField::AuthorId => {
                let population = conversation.entry.population;
                return write_link(out, population, conversation.person, Object::Person);
            }
            MessageField::AuthorType => return word(out, "person"),
            MessageField::AuthorKey => person_shapes::PersonField::UserKey,
            MessageField::AuthorEmail => person_shapes::PersonField::Email,
            _ => person_shapes::PersonField::Name,
        };
        match self.author() {
            Some(person) => person.cell(part, style, out),
            None => CellKind::Empty,
        }
    }
}

/// A client as conversations show one: with a key.
pub(super) fn write_client(
    out: &mut Vec<u8>,
    population: &Population,
    link: Link,
    style: Style,
) -> CellKind {
    let Some(id) = link.id(population, Object::Person) else {
        return CellKind::Empty;
    };
    let mut object = JsonObject::new(out);
    object.number("id", Some(id));
    if let Link::To(index) = link {
        let person = Person::new(population, index);
        for (key, field) in [
            ("key", person_shapes::PersonField::UserKey),
            ("email", person_shapes::PersonField::Email),
            ("name", person_shapes::PersonField::Name),
        ] {
            object.value(key, |out| person.cell(field, style, out));
        }
    } else {
        object.value("key", |out| {
            write_hex(out, id);
            CellKind::Plain
        });
    }
    object.end()
}

impl Record for Message<'_> {
    type Column = MessageField;

    fn cell(&self, field: MessageField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let conversation = &self.conversation;
        let population = conversation.entry.population;
        let own = field as u32 * 4;
        let bits = self.draws.bits(own);
        let speller = Speller {
            style,
            mess: population.mess,
        };
        match field {
            MessageField::Id => number(out, self.id),
            MessageField::Conversation => number(out, conversation.entry.id),
            MessageField::Client => {
                write_link(out, population, conversation.person, Object::Person)
            }
            MessageField::AuthorId
            | MessageField::AuthorKey
            | MessageField::AuthorEmail
            | MessageField::AuthorName
            | MessageField::AuthorType => self.write_author_part(field, style, out),
            MessageField::Direction if self.messy(mess::MESSAGE_NO_AUTHOR) => CellKind::Empty,
            MessageField::Direction if self.inbound => word(out, "inbound"),
            MessageField::Direction => word(out, "outbound"),
            MessageField::Content if self.messy(mess::MESSAGE_TEXT) => {
                prose::write_special_note(out, mess::MESSAGE_TEXT.turn(self.number) + 4);
                CellKind::Text
            }
            MessageField::Content if self.inbound => {
                text(out, self.draws.word(own + 2, &QUESTIONS))
            }
            MessageField::Content => text(out, self.draws.word(own + 2, &ANSWERS)),
            MessageField::Channel => conversation.write_channel(out, speller),
            MessageField::SentAt if self.messy(mess::MESSAGE_NO_TIME) => CellKind::Empty,
            MessageField::SentAt => {
                let position = self.number - conversation.messages.start;
                speller.instant(out, conversation.sent_at(position), bits)
            }
        }
    }
}
