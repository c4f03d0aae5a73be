//! The stages that a deal went through: nested in JSON deals, as rows for those in CSV.
//!
//! Comes in: a deal. Goes out: one record for each stage up to where the deal stands, for one deal of three (an export of
//! this history has a first day). Deals in a stage that is gone have none.

use super::calendar::Spelling;
use super::catalogue::AGENTS;
use super::cell::CellKind;
use super::deal::Deal;
use super::json::{JsonObject, write_list};
use super::population::Population;
use super::random::Object;
use super::record::{Dialect, Format, Record, Shape, Style};
use super::value::{Speller, number, text};

/// More than any pipeline has stages.
const MOST_STAGES: u64 = 8;
/// One deal of so many has a history.
const PERIOD: u64 = 3;

/// Fields of a stage change. Four slots of draws belong to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StageChangeField {
    Id,
    Deal,
    DealName,
    Stage,
    StageName,
    ChangedBy,
    EnteredAt,
    LeftAt,
}

/// CSV.
pub(super) const CSV: Shape<StageChangeField> = Shape {
    style: Style {
        format: Format::Csv,
        dialect: Dialect::V2,
        spelling: Spelling::Offset,
    },
    mark: false,
    crlf: false,
    columns: &[
        ("id", StageChangeField::Id),
        ("deal_id", StageChangeField::Deal),
        ("deal_name", StageChangeField::DealName),
        ("stage", StageChangeField::Stage),
        ("stage_name", StageChangeField::StageName),
        ("changed_by", StageChangeField::ChangedBy),
        ("entered_at", StageChangeField::EnteredAt),
        ("left_at", StageChangeField::LeftAt),
    ],
    attributes: &[],
};

/// One stage of one deal.
pub(super) struct StageChange<'a> {
    deal: Deal<'a>,
    position: usize,
    last: bool,
}

/// How many stage changes a deal has.
pub(super) fn count(deal: &Deal<'_>) -> u64 {
    match deal.stage {
        Some(stage) if deal.index.is_multiple_of(PERIOD) && !deal.older => stage as u64 + 1,
        _ => 0,
    }
}

/// The stage changes of one deal.
fn changes(
    population: &Population,
    index: u64,
    count: u64,
) -> impl Iterator<Item = StageChange<'_>> {
    (0..count).map(move |position| StageChange {
        deal: Deal::new(population, index),
        position: position as usize,
        last: position + 1 == count,
    })
}

/// The stage changes of some deals, one after the other.
pub(super) fn rows(
    population: &Population,
    deals: std::ops::Range<u64>,
) -> impl Iterator<Item = StageChange<'_>> {
    deals.flat_map(move |index| {
        let count = count(&Deal::new(population, index));
        changes(population, index, count)
    })
}

/// A deal's stage changes as it has them inside.
pub(super) fn write_nested(out: &mut Vec<u8>, deal: &Deal<'_>, style: Style) -> CellKind {
    let changes = changes(deal.population, deal.index, count(deal));
    write_list(out, changes, |out, change| {
        let mut object = JsonObject::new(out);
        for (key, field) in [
            ("id", StageChangeField::Id),
            ("stage", StageChangeField::Stage),
            ("stage_name", StageChangeField::StageName),
            ("changed_by", StageChangeField::ChangedBy),
            ("entered_at", StageChangeField::EnteredAt),
            ("left_at", StageChangeField::LeftAt),
        ] {
            object.value(key, |out| change.cell(field, style, out));
        }
        object.end();
    })
}

impl StageChange<'_> {
    fn number(&self) -> u64 {
        self.deal.index * MOST_STAGES + self.position as u64
    }

    /// When the deal came into stage number `position`; all stages take equally long.
    fn entered(&self, position: usize) -> i64 {
        let deal = &self.deal;
        let stages = deal.pipeline.stages.len() as i64;
        deal.created_at + (deal.updated_at - deal.created_at) / stages * position as i64
    }
}

impl Record for StageChange<'_> {
    type Column = StageChangeField;

    fn cell(&self, field: StageChangeField, style: Style, out: &mut Vec<u8>) -> CellKind {
        let population = self.deal.population;
        let draws = population.draws(Object::StageChange, self.number());
        let bits = draws.bits(field as u32 * 4);
        let speller = Speller {
            style,
            mess: population.mess,
        };
        let stage = self.deal.pipeline.stages.get(self.position);
        match field {
            StageChangeField::Id => number(out, population.id(Object::StageChange, self.number())),
            StageChangeField::Deal => number(out, population.id(Object::Deal, self.deal.index)),
            StageChangeField::DealName => self.deal.write_shown_name(out),
            StageChangeField::Stage => stage.map_or(CellKind::Empty, |stage| number(out, stage.id)),
            StageChangeField::StageName => {
                stage.map_or(CellKind::Empty, |stage| text(out, stage.name))
            }
            // Automations change stages too, and are nobody.
            StageChangeField::ChangedBy if bits.is_multiple_of(6) => CellKind::Empty,
            StageChangeField::ChangedBy => text(out, draws.pick(1, &AGENTS).name),
            StageChangeField::EnteredAt => speller.instant(out, self.entered(self.position), bits),
            StageChangeField::LeftAt if self.last => CellKind::Empty,
            StageChangeField::LeftAt => speller.instant(out, self.entered(self.position + 1), bits),
        }
    }
}
