//! A deal's fields as text, and the two shapes of deal files.
//!
//! Comes in: a deal, a field, the file's style. Goes out: the raw cell.

use super::calendar::{DAY, EXPORTED_AT, Spelling, write_date};
use super::catalogue::{AGENTS, Attribute, DEAL_ATTRIBUTES as CUSTOM, SOURCES};
use super::cell::{CellKind, write_decimal, write_number};
use super::company;
use super::deal::{Deal, Link, STATUSES};
use super::line;
use super::mess::{self, Damage};
use super::person_cells::write_named_json;
use super::population::slot;
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::stage_change;
use super::value::{Speller, number, some_of, text, write_team};
use super::vocabulary::{CURRENCIES, LOSS_TEXTS, OFFERS, TAGS, WIN_REASONS};

/// Fields of a deal. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DealField {
    Id,
    CustomId,
    Name,
    Value,
    Currency,
    Pipeline,
    Stage,
    Status,
    Company,
    Person,
    Participants,
    AssignedTo,
    CreatedBy,
    LossReason,
    LossText,
    ExpectedClose,
    WonAt,
    LostAt,
    Tags,
    CreatedAt,
    UpdatedAt,
    WinReason,
    Source,
    Discount,
    Team,
    Lines,
    StageChanges,
}

const ATTRIBUTES: &[(&Attribute, DealField)] = &[
    (&CUSTOM[0], DealField::WinReason),
    (&CUSTOM[1], DealField::Source),
    (&CUSTOM[2], DealField::Discount),
];

/// CSV with the names of API version 2.
pub(super) const V2_CSV: Shape<DealField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::ZuluMicros,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", DealField::Id),
        ("custom_id", DealField::CustomId),
        ("name", DealField::Name),
        ("value", DealField::Value),
        ("currency", DealField::Currency),
        ("pipeline", DealField::Pipeline),
        ("stage", DealField::Stage),
        ("status", DealField::Status),
        ("company_id", DealField::Company),
        ("user_id", DealField::Person),
        ("participants", DealField::Participants),
        ("assigned_to", DealField::AssignedTo),
        ("team", DealField::Team),
        ("created_by", DealField::CreatedBy),
        ("loss_reason", DealField::LossReason),
        ("loss_reason_description", DealField::LossText),
        ("expected_close_date", DealField::ExpectedClose),
        ("won_at", DealField::WonAt),
        ("lost_at", DealField::LostAt),
        ("tags", DealField::Tags),
        ("created_at", DealField::CreatedAt),
        ("updated_at", DealField::UpdatedAt),
    ],
    attributes: ATTRIBUTES,
};

/// JSON Lines as API version 1 answers, with `person` and `company`.
pub(super) const V1_JSON: Shape<DealField> = Shape {
    style: Style {
        format: Format::JsonLines,
        dialect: Dialect::V1,
        spelling: Spelling::ZuluMicros,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", DealField::Id),
        ("custom_id", DealField::CustomId),
        ("name", DealField::Name),
        ("value", DealField::Value),
        ("currency", DealField::Currency),
        ("pipeline", DealField::Pipeline),
        ("stage", DealField::Stage),
        ("status", DealField::Status),
        ("company", DealField::Company),
        ("person", DealField::Person),
        ("participants", DealField::Participants),
        ("assigned_to", DealField::AssignedTo),
        ("agents", DealField::Team),
        ("created_by", DealField::CreatedBy),
        ("loss_reason", DealField::LossReason),
        ("loss_reason_description", DealField::LossText),
        ("expected_close_date", DealField::ExpectedClose),
        ("won_at", DealField::WonAt),
        ("lost_at", DealField::LostAt),
        ("tags", DealField::Tags),
        ("order_products", DealField::Lines),
        ("stage_changes", DealField::StageChanges),
        ("created_at", DealField::CreatedAt),
        ("updated_at", DealField::UpdatedAt),
    ],
    attributes: ATTRIBUTES,
};

impl Record for Deal<'_> {
    type Column = DealField;

    fn damage(&self) -> Damage {
        if self.older {
            Damage::None
        } else {
            self.population.damage(&mess::DEALS, self.index)
        }
    }

    fn cell(&self, field: DealField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let draws = self.draws;
        let own = field as u32 * 4;
        let bits = draws.bits(own);
        let speller = Speller {
            style,
            mess: self.population.mess,
        };
        let filled = |per_mille| draws.chance(own + 1, per_mille);
        match field {
            DealField::Id => number(out, self.population.id(Object::Deal, self.index)),
            DealField::CustomId if filled(400) => {
                out.extend_from_slice(b"D/");
                write_number(out, 2_000 + self.index);
                CellKind::Plain
            }
            DealField::Name => self.write_shown_name(out),
            DealField::Value if self.messy(mess::BAD_VALUE) => text(out, "12,5x"),
            DealField::Value => match self.value() {
                Some(value) => {
                    write_decimal(out, value);
                    CellKind::Plain
                }
                None => CellKind::Empty,
            },
            DealField::Currency => text(out, self.currency().unwrap_or_default()),
            DealField::Pipeline => number(out, self.pipeline.id),
            DealField::Stage => match self.stage {
                Some(stage) => number(out, self.pipeline.stages[stage].id),
                None => number(out, 999),
            },
            DealField::Status => self.write_status(out, style, bits),
            DealField::Company => match self.company.id(self.population, Object::Company) {
                Some(id) => number(out, id),
                None => CellKind::Empty,
            },
            DealField::Person => match self.person.id(self.population, Object::Person) {
                Some(id) => number(out, id),
                None => CellKind::Empty,
            },
            DealField::Participants => {
                let people = self.population.people.max(1);
                let ids = [0, 1, 2].map(|turn: u32| {
                    let person = (bits >> (16 * turn)) % people;
                    self.population.id(Object::Person, person)
                });
                let count = (bits >> 60) as usize % 4;
                speller.numbers(out, &ids[..count], bits)
            }
            DealField::AssignedTo => {
                let agent = filled(930).then(|| draws.pick(own + 2, &AGENTS));
                speller.agent(out, agent, bits)
            }
            DealField::CreatedBy => number(out, draws.pick(own + 2, &AGENTS).id),
            DealField::Team => write_team(out, draws, own, speller),
            DealField::Lines => line::write_nested(out, self, style),
            DealField::StageChanges => stage_change::write_nested(out, self, style),
            DealField::LossReason if self.status == 3 && filled(900) => number(out, bits % 6 + 1),
            DealField::LossText if self.status == 3 && self.messy(mess::LOSS_TEXT_ODD) => {
                text(out, "Powiedzieli: \"za drogo\";\nwracamy w Q3")
            }
            DealField::LossText if self.status == 3 && filled(700) => {
                text(out, draws.word(own + 2, &LOSS_TEXTS))
            }
            DealField::ExpectedClose if self.messy(mess::BAD_CLOSE_DATE) => text(out, "2023-02-30"),
            DealField::ExpectedClose if filled(750) => {
                write_date(out, self.created_at / DAY + (bits % 180) as i64);
                CellKind::Plain
            }
            DealField::WonAt if self.status == 2 && filled(920) => {
                speller.instant(out, self.closed_at(), bits)
            }
            DealField::LostAt if self.status == 3 && filled(920) => {
                speller.instant(out, self.closed_at(), bits)
            }
            DealField::Tags => {
                let mut chosen = [""; 3];
                let items = Self::tags(bits, &mut chosen);
                if style.is_csv() && self.messy(mess::TAG_TWICE) {
                    speller.texts_twice(out, items, bits)
                } else if style.is_csv() {
                    speller.texts(out, items, bits)
                } else {
                    write_named_json(out, &TAGS, items)
                }
            }
            DealField::CreatedAt => speller.instant(out, self.created_at, bits),
            DealField::UpdatedAt => {
                speller.instant(out, self.updated_at, bits);
                if self.damage() == Damage::BadByte {
                    out.push(0xff);
                }
                CellKind::Text
            }
            DealField::WinReason if self.status == 2 && filled(800) => {
                text(out, draws.word(own + 2, &WIN_REASONS))
            }
            DealField::Source if filled(800) => {
                speller.choice(out, draws.word(own + 2, &SOURCES), bits)
            }
            DealField::Discount if self.messy(mess::BAD_DISCOUNT) => text(out, "ten %"),
            DealField::Discount if filled(400) => {
                write_decimal(out, bits % 60 * 50);
                CellKind::Literal
            }
            _ => CellKind::Empty,
        }
    }
}

impl Deal<'_> {
    fn closed_at(&self) -> i64 {
        let open = (EXPORTED_AT - self.created_at) as u64;
        self.created_at + self.draws.below(slot::UPDATED + 100, open) as i64
    }

    /// Up to two tags.
    fn tags<'n>(bits: u64, chosen: &'n mut [&'static str; 3]) -> &'n [&'static str] {
        let count = ((bits >> 40) % 4).saturating_sub(1);
        some_of(&TAGS, count, bits >> 50, chosen)
    }

    /// Whether the CSV row has a tag twice.
    pub(super) fn has_tag_twice(&self) -> bool {
        let bits = self.draws.bits(DealField::Tags as u32 * 4);
        let mut chosen = [""; 3];
        self.messy(mess::TAG_TWICE) && !Self::tags(bits, &mut chosen).is_empty()
    }

    /// The value in hundredths; none if the cell is empty or holds no number.
    pub(super) fn value(&self) -> Option<u64> {
        let own = DealField::Value as u32 * 4;
        let draws = self.draws;
        if self.messy(mess::BAD_VALUE) || !draws.chance(own + 1, 960) {
            return None;
        }
        let free = draws.chance(own + 2, 20);
        Some(if free {
            0
        } else {
            (draws.bits(own) % 2_000_000) * 25
        })
    }

    /// The currency; none if the cell is empty.
    pub(super) fn currency(&self) -> Option<&'static str> {
        let own = DealField::Currency as u32 * 4;
        let filled = self.draws.chance(own + 1, 980);
        filled.then(|| self.draws.word(own + 2, &CURRENCIES))
    }

    /// The name; empty if it is missing.
    pub(super) fn write_shown_name(&self, out: &mut Vec<u8>) -> CellKind {
        if self.messy(mess::DEAL_NAME_MISSING) {
            return CellKind::Empty;
        }
        let bits = self.draws.bits(DealField::Name as u32 * 4);
        let offer = OFFERS[bits as usize % OFFERS.len()];
        out.extend_from_slice(offer.as_bytes());
        if let Link::To(company) = self.company {
            out.extend_from_slice(" – ".as_bytes());
            company::write_name(out, company);
        }
        if self.messy(mess::DEAL_NAME_LONG) {
            for part in &OFFERS {
                out.extend_from_slice(b" + ");
                out.extend_from_slice(part.as_bytes());
            }
        }
        CellKind::Text
    }

    /// Numbers; where spellings vary also words in CSV and a quoted number in JSON (`guide/usercom.md` §0.5).
    fn write_status(&self, out: &mut Vec<u8>, style: Style, bits: u64) -> CellKind {
        let varies = self.population.mess && bits % 10 >= 7;
        if !varies {
            return number(out, self.status as u64);
        }
        if !style.is_csv() {
            write_number(out, self.status as u64);
            return CellKind::Plain;
        }
        let start = out.len();
        text(out, STATUSES[self.status]);
        if (bits >> 8).is_multiple_of(2) {
            out[start..=start].make_ascii_uppercase();
        }
        CellKind::Plain
    }
}
