//! A person's fields as text.
//!
//! Comes in: a person, a field, the file's style. Goes out: the raw cell. Each field draws from slots of its own, so
//! it has the same value in every shape.

use super::calendar::{DAY, EXPORTED_AT, write_date};
use super::catalogue::{INTERESTS, LANGUAGES};
use super::cell::{CellKind, write_decimal, write_hex, write_json_string, write_number};
use super::company;
use super::conversation::Conversation;
use super::json::write_list;
use super::mail::Mail;
use super::mess::{self, Damage};
use super::person::{Email, Person};
use super::person_shapes::PersonField;
use super::population::{Lifecycle, slot};
use super::prose;
use super::random::{Object, mix};
use super::record::{Dialect, Record, Style};
use super::value::{Speller, number, some_of, text, word};
use super::vocabulary::{COLOURS, JOB_TITLES, LISTS, REFERRALS, TAGS, UNKNOWN_STAGES};

impl Record for Person<'_> {
    type Column = PersonField;

    fn damage(&self) -> Damage {
        if self.older {
            Damage::None
        } else {
            self.standing.damage
        }
    }

    fn cell(&self, field: PersonField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let draws = self.draws;
        let own = field.slot();
        let bits = draws.bits(own);
        let speller = Speller {
            style,
            mess: self.population.mess,
        };
        let filled = |per_mille| draws.chance(own + 1, per_mille);
        match field {
            PersonField::Id => number(out, self.id),
            PersonField::UserKey => {
                write_hex(out, bits);
                CellKind::Plain
            }
            PersonField::CustomId if filled(700) => {
                out.extend_from_slice(b"C-");
                write_number(out, 500_000 + self.index);
                CellKind::Plain
            }
            PersonField::Email => {
                self.write_email(out);
                match self.email {
                    Email::None => CellKind::Empty,
                    _ => CellKind::Plain,
                }
            }
            PersonField::Phone if self.has_phone => self.write_phone(out, bits),
            PersonField::Name => self.write_name(out),
            // A tenth of all rows has the name in one piece only, where there is a column for it.
            PersonField::FirstName if style.dialect == Dialect::Ui || filled(900) => {
                written(out, |out| self.write_first_name(out))
            }
            PersonField::LastName
                if style.dialect == Dialect::Ui
                    || draws.chance(PersonField::FirstName.slot() + 1, 900) =>
            {
                written(out, |out| self.write_last_name(out))
            }
            PersonField::Lifecycle => self.write_lifecycle(out, bits),
            PersonField::Status => {
                let visitor = self.standing.passive;
                let word = if visitor { "visitor" } else { "user" };
                speller.code(out, 1 + u64::from(!visitor), word)
            }
            PersonField::Gender => {
                let code = 1 + bits % 3;
                let word = ["unknown", "male", "female"][(bits % 3) as usize];
                speller.code(out, code, word)
            }
            PersonField::Score => number(out, (bits % 250) >> u32::from(self.older)),
            PersonField::PageViews => number(out, bits % 900),
            _ => self.reached(field, speller, out),
        }
    }
}

impl Person<'_> {
    /// Where a person is and how it can be reached.
    fn reached(&self, field: PersonField, speller: Speller, out: &mut Vec<u8>) -> CellKind {
        let draws = self.draws;
        let own = field.slot();
        let bits = draws.bits(own);
        let filled = |per_mille| draws.chance(own + 1, per_mille);
        match field {
            PersonField::Country => word(out, self.place.country),
            PersonField::Region => word(out, self.place.region),
            PersonField::City => {
                word(out, self.place.city);
                if self.damage() == Damage::BadByte {
                    out.extend_from_slice(b" G\xf3ra"); // "ó" as ISO 8859-2 has it
                }
                CellKind::Plain
            }
            PersonField::Timezone => word(out, self.place.timezone),
            PersonField::Language => word(out, self.place.language),
            PersonField::Facebook if filled(100) => {
                self.write_profile(out, "https://facebook.example/")
            }
            PersonField::Linkedin if filled(300) => {
                self.write_profile(out, "https://linkedin.example/in/")
            }
            PersonField::Twitter if filled(80) => {
                self.write_profile(out, "https://twitter.example/")
            }
            PersonField::Unsubscribed if filled(970) => {
                speller.boolean(out, draws.chance(own + 2, 120), bits)
            }
            PersonField::Notifications if filled(900) => {
                speller.boolean(out, draws.chance(own + 2, 500), bits)
            }
            PersonField::WebPush => {
                let subscribed = if self.standing.passive {
                    self.reach() == 0
                } else {
                    draws.chance(own + 2, 150)
                };
                speller.boolean(out, subscribed, bits)
            }
            PersonField::FcmKey if self.standing.passive && self.reach() == 1 || filled(30) => {
                out.extend_from_slice(b"fcm:");
                write_hex(out, bits);
                write_hex(out, mix(bits));
                CellKind::Plain
            }
            PersonField::LastIp if filled(800) => {
                let net: &[u8] =
                    [&b"192.0.2."[..], b"198.51.100.", b"203.0.113."][bits as usize % 3];
                out.extend_from_slice(net);
                write_number(out, (bits >> 8) % 254 + 1);
                CellKind::Plain
            }
            _ => self.linked(field, speller, out),
        }
    }

    /// What hangs on a person, and when it was there.
    fn linked(&self, field: PersonField, speller: Speller, out: &mut Vec<u8>) -> CellKind {
        let draws = self.draws;
        let own = field.slot();
        let bits = draws.bits(own);
        let filled = |per_mille| draws.chance(own + 1, per_mille);
        match field {
            PersonField::CompanyId => match self.companies().first() {
                Some(company) => number(out, self.population.id(Object::Company, *company)),
                None => CellKind::Empty,
            },
            PersonField::CompanyName => match self.companies().first() {
                Some(company) => {
                    company::write_name(out, *company);
                    CellKind::Text
                }
                None => CellKind::Empty,
            },
            PersonField::Companies => self.write_companies(out, speller, bits),
            PersonField::AssignedTo => speller.agent(out, self.agent(own + 1), bits),
            PersonField::Tags => self.write_tags(out, speller, bits),
            PersonField::Lists => self.write_lists(out, speller, bits),
            PersonField::Conversations => {
                let bundled = (!self.older)
                    .then(|| Conversation::bundled(self.population, self.index))
                    .flatten();
                write_list(out, bundled, |out, conversation| {
                    conversation.write_bundled(out, speller.style);
                })
            }
            PersonField::Emails => {
                let bundled = Mail::bundled(self.population, self.index).filter(|_| !self.older);
                write_list(out, bundled, |out, mail| {
                    mail.write_bundled(out, speller.style)
                })
            }
            PersonField::FirstSeen => {
                let before = (bits >> 40) as i64 % (90 * DAY);
                speller.instant(out, self.created_at - before, bits)
            }
            PersonField::LastSeen => speller.instant(out, self.since_created(bits), bits),
            // Chat visitors were heard from; everybody else in half of the cases.
            PersonField::LastContacted
                if self.standing.passive && self.reach() == 2 || filled(500) =>
            {
                speller.instant(out, self.since_created(bits), bits)
            }
            PersonField::CreatedAt => speller.instant(out, self.created_at, bits),
            PersonField::UpdatedAt => speller.instant(out, self.updated_at, bits),
            _ => self.attribute(field, speller, out),
        }
    }

    /// Attributes of the customer's own.
    fn attribute(&self, field: PersonField, speller: Speller, out: &mut Vec<u8>) -> CellKind {
        let draws = self.draws;
        let own = field.slot();
        let bits = draws.bits(own);
        let filled = |per_mille| draws.chance(own + 1, per_mille);
        match field {
            PersonField::Nps if self.messy(mess::BAD_NPS) => text(out, "12,5x"),
            PersonField::Nps if filled(500) => number(out, bits % 11),
            PersonField::Consent if self.messy(mess::BAD_CONSENT) => text(out, "maybe"),
            PersonField::Consent if filled(670) => {
                speller.boolean(out, draws.chance(own + 2, 600), bits)
            }
            PersonField::PreferredLanguage if self.messy(mess::CHOICE_UNLISTED) => {
                speller.choice(out, "Esperanto", bits)
            }
            PersonField::PreferredLanguage if filled(800) => {
                speller.choice(out, draws.word(own + 2, &LANGUAGES), bits)
            }
            PersonField::Interests => {
                let mut chosen = [""; 3];
                let items = some_of(&INTERESTS, (bits >> 40) % 4, bits >> 50, &mut chosen);
                speller.texts(out, items, bits)
            }
            PersonField::Birthday if self.messy(mess::BAD_BIRTHDAY) => text(
                out,
                ["2023-02-30", "31.12.1990", "soon"][(bits % 3) as usize],
            ),
            PersonField::Birthday if filled(400) => {
                write_date(out, -3650 + (bits % 14_600) as i64);
                CellKind::Plain
            }
            PersonField::TrialEndsAt if self.messy(mess::BAD_TRIAL) => {
                text(out, "2025-13-01T00:00:00Z")
            }
            PersonField::TrialEndsAt if filled(250) => {
                speller.instant(out, self.created_at + 14 * DAY, bits)
            }
            PersonField::AnnualBudget if self.messy(mess::BAD_BUDGET) => text(out, "n/a (ask Ewa)"),
            PersonField::AnnualBudget if filled(300) => {
                write_decimal(out, (bits % 50_000_000) * 5);
                CellKind::Literal
            }
            PersonField::Notes => self.write_notes(out, bits, filled(350)),
            PersonField::JobTitle if self.messy(mess::JOB_TITLE_LONG) => {
                for _ in 0..5 {
                    out.extend_from_slice("Deputy Head of Regional Sales, ".as_bytes());
                }
                text(out, "EMEA")
            }
            PersonField::JobTitle if filled(500) => word(out, draws.word(own + 2, &JOB_TITLES)),
            PersonField::Referral if self.is_literal_na() => text(out, "#N/A"),
            PersonField::Referral if filled(400) => text(out, draws.word(own + 2, &REFERRALS)),
            PersonField::Colour if filled(300) => word(out, draws.word(own + 2, &COLOURS)),
            _ => CellKind::Empty,
        }
    }

    /// First and last name with a blank between them.
    fn write_name(&self, out: &mut Vec<u8>) -> CellKind {
        let start = out.len();
        self.write_first_name(out);
        let first = out.len();
        self.write_last_name(out);
        if out.len() > first && first > start {
            out.insert(first, b' ');
        }
        match out.len() == start {
            true => CellKind::Empty,
            false => CellKind::Plain,
        }
    }

    /// How a passive person can be reached: 0 web push, 1 mobile push, 2 chat.
    fn reach(&self) -> u64 {
        self.draws.below(slot::PASSIVE + 100, 3)
    }

    fn since_created(&self, bits: u64) -> i64 {
        self.created_at + ((bits >> 20) % (EXPORTED_AT - self.created_at) as u64) as i64
    }

    fn write_lifecycle(&self, out: &mut Vec<u8>, bits: u64) -> CellKind {
        let lifecycle = self.standing.lifecycle;
        match lifecycle {
            Lifecycle::Missing => return CellKind::Empty,
            Lifecycle::Unknown => {
                return text(out, UNKNOWN_STAGES[bits as usize % UNKNOWN_STAGES.len()]);
            }
            _ => {}
        }
        let word = lifecycle.word().as_bytes();
        let start = out.len();
        match bits % 40 {
            0 if self.population.mess => out.extend_from_slice(&[b"  ", word, b" "].concat()),
            1 if self.population.mess => {
                out.extend_from_slice(word);
                out[start..].make_ascii_uppercase();
            }
            2 if self.population.mess => {
                out.extend_from_slice(word);
                out[start..].make_ascii_lowercase();
                out[start..=start].make_ascii_uppercase();
            }
            _ => out.extend_from_slice(word),
        }
        CellKind::Text
    }

    fn write_phone(&self, out: &mut Vec<u8>, bits: u64) -> CellKind {
        let digits = 500_000_000 + bits % 400_000_000;
        if self.messy(mess::PHONE_LONG) {
            out.extend_from_slice(self.place.prefix.as_bytes());
            write_number(out, digits);
            return text(out, " wew. 12, po 15:00 prosić panią Annę");
        }
        match (bits >> 40) % 20 {
            0 if self.population.mess => write_number(out, digits),
            1 if self.population.mess => {
                for (part, separator) in [
                    (digits / 1_000_000, "("),
                    (digits / 1000 % 1000, ") "),
                    (digits % 1000, "-"),
                ] {
                    out.extend_from_slice(separator.as_bytes());
                    write_number(out, part);
                }
            }
            2 if self.population.mess => {
                out.extend_from_slice("tel. ".as_bytes());
                write_number(out, digits);
            }
            _ => {
                out.extend_from_slice(self.place.prefix.as_bytes());
                write_number(out, digits);
            }
        }
        CellKind::Plain
    }

    fn write_profile(&self, out: &mut Vec<u8>, site: &str) -> CellKind {
        out.extend_from_slice(site.as_bytes());
        out.extend_from_slice(self.last_name().ascii.as_bytes());
        write_number(out, self.index);
        CellKind::Plain
    }

    /// Ids in CSV, objects in JSON (`guide/usercom.md` §2.1).
    fn write_companies(&self, out: &mut Vec<u8>, speller: Speller, bits: u64) -> CellKind {
        let companies = self.companies();
        let mut ids = [0; 4];
        for (id, company) in ids.iter_mut().zip(companies) {
            *id = self.population.id(Object::Company, *company);
        }
        if speller.style.is_csv() {
            return speller.numbers(out, &ids[..companies.len()], bits);
        }
        out.push(b'[');
        for (position, (id, company)) in ids.iter().zip(companies).enumerate() {
            out.extend_from_slice(if position > 0 {
                b",{\"id\":"
            } else {
                b"{\"id\":"
            });
            write_number(out, *id);
            out.extend_from_slice(b",\"name\":");
            let mut name = Vec::new();
            company::write_name(&mut name, *company);
            write_json_string(out, &name);
            out.extend_from_slice(b",\"member_since\":\"");
            write_date(out, self.created_at / DAY + position as i64);
            out.extend_from_slice(b"\"}");
        }
        out.push(b']');
        CellKind::Literal
    }

    /// Up to two of `names`; most people have none.
    fn named<'n>(
        names: &'static [&'static str],
        (bits, dice): (u64, u64),
        chosen: &'n mut [&'static str; 3],
    ) -> &'n [&'static str] {
        let count = match dice % 10 {
            0..=5 => 0,
            6..=8 => 1,
            _ => 2,
        };
        some_of(names, count, bits >> 50, chosen)
    }

    /// Tags: texts in CSV, where one may come twice, `{id, name}` in JSON.
    fn write_tags(&self, out: &mut Vec<u8>, speller: Speller, bits: u64) -> CellKind {
        let mut chosen = [""; 3];
        let items = Self::named(&TAGS, (bits, bits >> 40), &mut chosen);
        if !speller.style.is_csv() {
            write_named_json(out, &TAGS, items)
        } else if self.messy(mess::TAG_TWICE) {
            speller.texts_twice(out, items, bits)
        } else {
            speller.texts(out, items, bits)
        }
    }

    /// Whether the CSV row has a tag twice.
    pub(super) fn has_tag_twice(&self) -> bool {
        let bits = self.draws.bits(PersonField::Tags.slot());
        let mut chosen = [""; 3];
        let items = Self::named(&TAGS, (bits, bits >> 40), &mut chosen);
        self.messy(mess::TAG_TWICE) && !items.is_empty()
    }

    /// Lists: texts in CSV, `{id, name}` in JSON.
    fn write_lists(&self, out: &mut Vec<u8>, speller: Speller, bits: u64) -> CellKind {
        let mut chosen = [""; 3];
        let items = Self::named(&LISTS, (bits, (bits >> 40) * 2), &mut chosen);
        if speller.style.is_csv() {
            speller.texts(out, items, bits)
        } else {
            write_named_json(out, &LISTS, items)
        }
    }

    fn write_notes(&self, out: &mut Vec<u8>, bits: u64, filled: bool) -> CellKind {
        if self.messy(mess::NOTE_HUGE) {
            prose::write_huge_note(out);
        } else if self.messy(mess::NOTE_SPECIAL) {
            prose::write_special_note(out, mess::NOTE_SPECIAL.turn(self.index));
        } else if filled {
            prose::write_note(out, bits);
        } else {
            return CellKind::Empty;
        }
        CellKind::Text
    }
}

/// A cell that is empty if nothing is written.
fn written(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> CellKind {
    let start = out.len();
    write(out);
    if out.len() == start {
        CellKind::Empty
    } else {
        CellKind::Plain
    }
}

/// Tags or lists as the API gives them: `[{"id":1,"name":"vip"}]`.
pub(super) fn write_named_json(out: &mut Vec<u8>, names: &[&str], items: &[&str]) -> CellKind {
    out.push(b'[');
    for (position, item) in items.iter().enumerate() {
        out.extend_from_slice(if position > 0 {
            b",{\"id\":"
        } else {
            b"{\"id\":"
        });
        let id = names.iter().position(|name| name == item).unwrap_or(0);
        write_number(out, id as u64 + 1);
        out.extend_from_slice(b",\"name\":");
        write_json_string(out, item.as_bytes());
        out.push(b'}');
    }
    out.push(b']');
    CellKind::Literal
}
