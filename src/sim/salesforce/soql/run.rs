//! Carries out a plan: which rows, in which order.
//!
//! In: a [`Plan`]. Out: rows, one by one, to a visitor. Without `order by` rows come in the order of their ids and are
//! never collected; with it, their sort keys are. A lookup by id or by an indexed field touches only those rows.

use std::cmp::Ordering;

use super::super::ids::RecordId;
use super::super::schema::System;
use super::super::store::{Matches, Row};
use super::filter::{evaluate, ordering};
use super::plan::Plan;

/// Rows cloned (by reference count) under one lock.
const SLICE: u32 = 1024;

impl Plan {
    /// Visits the rows of the result until the visitor says no.
    pub(crate) fn scan(&self, mut visit: impl FnMut(u32, &Row) -> bool) {
        let (mut skip, mut left) = (self.offset, self.limit);
        if !self.order.is_empty() {
            let table = &self.view.model.tables[self.object];
            for position in self.sorted() {
                if skip > 0 {
                    skip -= 1;
                } else if left == 0 {
                    return;
                } else {
                    left -= 1;
                    let row = table.read().get(position).cloned();
                    if row.is_some_and(|row| !visit(position, &row)) {
                        return;
                    }
                }
            }
            return;
        }
        self.matching(|position, row| {
            if skip > 0 {
                skip -= 1;
                return true;
            }
            if left == 0 {
                return false;
            }
            left -= 1;
            visit(position, row)
        });
    }

    fn sorted(&self) -> Vec<u32> {
        let mut keyed: Vec<(Vec<Option<String>>, u32)> = Vec::new();
        self.matching(|position, row| {
            let value = |node| {
                evaluate(&self.view, node, self.object, position, row)
                    .map(|value| value.into_owned())
            };
            keyed.push((
                self.order
                    .iter()
                    .map(|(column, ..)| value(&column.node))
                    .collect(),
                position,
            ));
            true
        });
        keyed.sort_by(|(a, at), (b, bt)| {
            let terms = self.order.iter().zip(a.iter().zip(b)).map(
                |((column, descending, nulls_last), (a, b))| {
                    let nulls = if *nulls_last {
                        Ordering::Greater
                    } else {
                        Ordering::Less
                    };
                    match (a, b) {
                        (None, None) => Ordering::Equal,
                        (None, Some(_)) => nulls,
                        (Some(_), None) => nulls.reverse(),
                        (Some(a), Some(b)) if *descending => ordering(column.kind, b, a),
                        (Some(a), Some(b)) => ordering(column.kind, a, b),
                    }
                },
            );
            terms.fold(Ordering::Equal, Ordering::then).then(at.cmp(bt))
        });
        keyed.into_iter().map(|(_, position)| position).collect()
    }

    fn matching(&self, mut visit: impl FnMut(u32, &Row) -> bool) {
        let (view, object) = (&self.view, self.object);
        let table = &view.model.tables[object];
        // As an index on the stamp would: most questions are about what changed of late.
        let definition = view.model.schema.object(object);
        let since = self.filter.since(&|at| {
            let system = definition.field(at).system;
            matches!(system, Some(System::Modstamp | System::LastModifiedDate))
        });
        let fits = |position: u32, row: &Row| {
            (self.all || !row.deleted())
                && since.is_none_or(|since| row.head().modified >= since)
                && self.filter.passes(view, object, position, row)
        };
        if let Some(positions) = self.candidates() {
            for position in positions {
                let row = table.read().get(position).cloned();
                if row.is_some_and(|row| fits(position, &row) && !visit(position, &row)) {
                    return;
                }
            }
            return;
        }
        let mut start = 0;
        loop {
            let slice: Vec<(u32, Row)> = {
                let rows = table.read();
                start = since.map_or(start, |since| rows.changed_from(start, since));
                let end = rows.len().min(start.saturating_add(SLICE));
                (start..end)
                    .filter_map(|at| rows.get(at).map(|row| (at, row.clone())))
                    .collect()
            };
            let end = table.read().len();
            for (position, row) in &slice {
                if fits(*position, row) && !visit(*position, row) {
                    return;
                }
            }
            start += SLICE;
            if start >= end {
                return;
            }
        }
    }

    /// Positions that can match, if an index tells.
    fn candidates(&self) -> Option<Vec<u32>> {
        let (field, values) = self.filter.keys()?;
        let (definition, table) = self.view.model.at(self.object);
        let mut positions = Vec::new();
        if field == 0 {
            let ids = values.iter().filter_map(|value| RecordId::parse(value));
            positions.extend(
                ids.filter_map(|id| self.view.model.locate(id))
                    .map(|(_, position)| position),
            );
        } else {
            let definition = definition.field(field);
            // Indexes hold live rows only, and a case-sensitive one cannot answer a comparison that ignores case.
            if self.all || !definition.is_key() || definition.case_sensitive {
                return None;
            }
            for value in &values {
                match table.find(field, definition.case_sensitive, value) {
                    Matches::None => {}
                    Matches::One(position) => positions.push(position),
                    Matches::Many(all) => positions.extend(all),
                }
            }
        }
        positions.sort_unstable();
        positions.dedup();
        Some(positions)
    }
}

impl Plan {
    /// The row at a position of the queried object.
    pub(crate) fn row(&self, position: u32) -> Option<Row> {
        self.view.model.tables[self.object]
            .read()
            .get(position)
            .cloned()
    }
}
