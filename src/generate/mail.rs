//! One e-mail or text message of the delivery logs, and their file shapes.
//!
//! Comes in: the population and a number. Goes out: fields as text. People of the API version 1 file have some e-mails
//! inside, with the few keys that it gives (`guide/usercom.md` §2.1).

use super::calendar::{EXPORTED_AT, Spelling};
use super::cell::{CellKind, write_number};
use super::deal::Link;
use super::entry::{Entry, Shares, Subject, count_person};
use super::json::JsonObject;
use super::mess;
use super::person::{Email as Address, Person};
use super::phrases::{MAIL_SUBJECTS, SMS_TEXTS};
use super::population::{Population, slot};
use super::prose;
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::summary::FurtherTruth;
use super::value::{Speller, number, text, word};
use super::vocabulary::SENTENCES;

/// Fields of an e-mail or a text message. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MailField {
    Id,
    Person,
    Subject,
    Content,
    From,
    To,
    Phone,
    Status,
    Direction,
    SentAt,
    OpenedAt,
    ClickedAt,
    UnsubscribedAt,
    Opens,
    Clicks,
    AssignedTo,
    CreatedAt,
}

const LOG: Style = Style {
    format: Format::Csv,
    dialect: Dialect::V2,
    spelling: Spelling::Postgres,
};

/// E-mails with their bodies.
pub(super) const EMAIL_CSV: Shape<MailField> = Shape {
    style: LOG,
    mark: false,
    crlf: false,
    columns: &[
        ("id", MailField::Id),
        ("user_id", MailField::Person),
        ("subject", MailField::Subject),
        ("html", MailField::Content),
        ("from_email", MailField::From),
        ("to_email", MailField::To),
        ("status", MailField::Status),
        ("direction", MailField::Direction),
        ("sent_at", MailField::SentAt),
        ("opened_at", MailField::OpenedAt),
        ("clicked_at", MailField::ClickedAt),
        ("unsubscribed_at", MailField::UnsubscribedAt),
        ("opens", MailField::Opens),
        ("clicks", MailField::Clicks),
        ("assigned_to", MailField::AssignedTo),
        ("created_at", MailField::CreatedAt),
    ],
    attributes: &[],
};

/// The delivery log: other names, no bodies.
pub(super) const EMAIL_LOG: Shape<MailField> = Shape {
    style: LOG,
    mark: false,
    crlf: true,
    columns: &[
        ("id", MailField::Id),
        ("client", MailField::Person),
        ("subject", MailField::Subject),
        ("sender", MailField::From),
        ("recipient", MailField::To),
        ("status", MailField::Status),
        ("timestamp", MailField::SentAt),
        ("opened_at", MailField::OpenedAt),
        ("clicked_at", MailField::ClickedAt),
        ("unsubscribed_at", MailField::UnsubscribedAt),
    ],
    attributes: &[],
};

/// Text messages.
pub(super) const SMS_LOG: Shape<MailField> = Shape {
    style: LOG,
    mark: false,
    crlf: false,
    columns: &[
        ("id", MailField::Id),
        ("user_id", MailField::Person),
        ("phone", MailField::Phone),
        ("text", MailField::Content),
        ("status", MailField::Status),
        ("direction", MailField::Direction),
        ("timestamp", MailField::SentAt),
        ("assigned_to", MailField::AssignedTo),
        ("created_at", MailField::CreatedAt),
    ],
    attributes: &[],
};

const SHARES: Shares = Shares {
    deal: 0,
    person: 1000,
    company: 0,
};
/// One person of so many has e-mails bundled.
const BUNDLE_PERIOD: u64 = 9;

/// One e-mail or text message.
pub(super) struct Mail<'a> {
    entry: Entry<'a>,
    table: &'static str,
    person: Link,
    inbound: bool,
    /// How far it got: 0 bounced, 1 sent, 2 delivered, 3 opened, 4 clicked.
    progress: u64,
}

impl<'a> Mail<'a> {
    /// E-mail `index` of those with a record of their own.
    pub(super) fn email(population: &'a Population, index: u64) -> Self {
        let entry = Entry::new(population, Object::Email, index);
        let subject = Subject::new(&entry, SHARES, &mess::EMAIL_PERSON);
        Self::with(entry, "emails", subject.person, 5)
    }

    /// Text message `index`.
    pub(super) fn sms(population: &'a Population, index: u64) -> Self {
        let entry = Entry::new(population, Object::Sms, index);
        let subject = Subject::new(&entry, SHARES, &mess::SMS_PERSON);
        Self::with(entry, "sms", subject.person, 3)
    }

    /// The e-mails inside person `person`: none, one or two. Numbers follow after those of all others.
    pub(super) fn bundled(population: &'a Population, person: u64) -> impl Iterator<Item = Self> {
        let count = match person % (2 * BUNDLE_PERIOD) {
            4 => 1,
            13 => 2,
            _ => 0,
        };
        let first = population.further.emails + person * 2;
        (first..first + count).map(move |number| {
            let entry = Entry::new(population, Object::Email, number);
            Self::with(entry, "emails", Link::To(person), 5)
        })
    }

    fn with(entry: Entry<'a>, table: &'static str, person: Link, steps: u64) -> Self {
        Self {
            entry,
            table,
            person,
            inbound: entry.draws.chance(slot::KIND, 250),
            progress: entry.draws.below(slot::KIND + 1, steps),
        }
    }

    /// Adds it to the truth.
    pub(super) fn count(&self, truth: &mut FurtherTruth) {
        truth.add(self.table, 1);
        count_person(self.entry.population, self.person, self.table, truth);
    }

    /// The e-mail inside its person.
    pub(super) fn write_bundled(&self, out: &mut Vec<u8>, style: Style) {
        let mut object = JsonObject::new(out);
        for (key, field) in [
            ("id", MailField::Id),
            ("status", MailField::Status),
            ("created_at", MailField::CreatedAt),
            ("sent_at", MailField::SentAt),
            ("opened_at", MailField::OpenedAt),
            ("clicked_at", MailField::ClickedAt),
            ("subject", MailField::Subject),
        ] {
            object.value(key, |out| self.cell(field, style, out));
        }
        object.end();
    }

    fn write_client(&self, out: &mut Vec<u8>) -> CellKind {
        let Link::To(index) = self.person else {
            out.extend_from_slice(b"gone@elsewhere.example");
            return CellKind::Plain;
        };
        let person = Person::new(self.entry.population, index);
        person.write_email(out);
        if person.email == Address::None {
            CellKind::Empty
        } else {
            CellKind::Plain
        }
    }

    fn write_ours(&self, out: &mut Vec<u8>) -> CellKind {
        match self.entry.agent(slot::KIND + 2, 800) {
            Some(agent) => word(out, agent.email),
            None => word(out, "hello@northbeam.example"),
        }
    }

    fn write_html(&self, out: &mut Vec<u8>, bits: u64) -> CellKind {
        out.extend_from_slice("<p>Dzień dobry,</p><p>".as_bytes());
        text(out, self.entry.draws.word(slot::KIND + 3, &SENTENCES));
        if bits.is_multiple_of(4) {
            text(
                out,
                " <a href=\"https://northbeam.example/?a=1&amp;b=2\">Szczegóły</a>",
            );
        }
        text(out, "</p>")
    }

    /// Some hours after it was sent, for what got as far as `step`.
    fn write_step(&self, out: &mut Vec<u8>, speller: Speller, step: u64, bits: u64) -> CellKind {
        if self.inbound || self.progress < step {
            return CellKind::Empty;
        }
        let at = self.entry.created_at + (step * 3_600 + bits % 3_600) as i64;
        speller.instant(out, at.min(EXPORTED_AT), bits)
    }
}

impl Record for Mail<'_> {
    type Column = MailField;

    fn cell(&self, field: MailField, style: Style, out: &mut Vec<u8>) -> CellKind {
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
            MailField::Id => number(out, entry.id),
            MailField::Person => {
                super::entry::write_link(out, entry.population, self.person, Object::Person)
            }
            MailField::Subject => text(out, draws.word(own + 2, &MAIL_SUBJECTS)),
            MailField::Content if self.table == "sms" => text(out, draws.word(own + 2, &SMS_TEXTS)),
            MailField::Content if filled(600) => self.write_html(out, bits),
            MailField::Content => {
                prose::write_note(out, bits);
                CellKind::Text
            }
            MailField::From if self.inbound => self.write_client(out),
            MailField::From => self.write_ours(out),
            MailField::To if self.inbound => self.write_ours(out),
            MailField::To => self.write_client(out),
            MailField::Phone if filled(950) => {
                out.extend_from_slice(b"+48");
                write_number(out, 500_000_000 + bits % 400_000_000);
                CellKind::Plain
            }
            MailField::Status if self.inbound => word(out, "received"),
            MailField::Status => {
                let words = ["bounced", "sent", "delivered", "opened", "clicked"];
                word(out, words[self.progress as usize % words.len()])
            }
            MailField::Direction if self.inbound => word(out, "inbound"),
            MailField::Direction => word(out, "outbound"),
            MailField::SentAt => speller.instant(out, entry.created_at, bits),
            MailField::OpenedAt => self.write_step(out, speller, 3, bits),
            MailField::ClickedAt => self.write_step(out, speller, 4, bits),
            MailField::UnsubscribedAt if filled(100) => self.write_step(out, speller, 4, bits),
            MailField::Opens if !self.inbound && self.progress >= 3 => number(out, 1 + bits % 4),
            MailField::Clicks if !self.inbound && self.progress >= 4 => number(out, 1 + bits % 2),
            MailField::AssignedTo => speller.agent(out, entry.agent(own + 1, 800), bits),
            MailField::CreatedAt => speller.instant(out, entry.created_at, bits),
            _ => CellKind::Empty,
        }
    }
}
