//! Rows that go elsewhere.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use serde::Serialize;

use crate::engine::Session;
use crate::error::Error;

/// How many rows go from one place to another, by reason.
const MOVES: &str = include_str!("../../../queries/internal/diff/moves.sql");

/// Some of them.
const MOVED_ROWS: &str = include_str!("../../../queries/internal/diff/moved_rows.sql");

/// Rows that were at one place and are at another, or stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// Object and fate before, such as `Lead sent`; `absent` for rows that the earlier rules do not make.
    pub from: String,
    /// Object and fate now.
    pub to: String,
    /// How many.
    pub rows: u64,
    /// Why, with how many, most first; of rows that stay none.
    pub reasons: Vec<(String, u64)>,
    /// Some of them, of rows that stay none.
    pub examples: Vec<MoveExample>,
}

/// A row that moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MoveExample {
    /// Its key.
    pub key: String,
    /// Why it was where it was.
    pub reason_before: Option<String>,
    /// Why it is where it is.
    pub reason_now: Option<String>,
}

impl Move {
    /// Whether rows go elsewhere.
    #[must_use]
    pub fn is_move(&self) -> bool {
        self.from != self.to
    }

    /// `412 row(s) from Lead sent to Contact sent: 398 lifecycle_customer, 14 has_deal`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let reasons: Vec<String> = self
            .reasons
            .iter()
            .map(|(reason, rows)| format!("{rows} {reason}"))
            .collect();
        let why = match reasons.is_empty() {
            true => String::new(),
            false => format!(": {}", reasons.join(", ")),
        };
        format!("{} from {} to {}{why}", self.rows, self.from, self.to)
    }
}

fn place(object: Option<&str>, fate: &str) -> String {
    match object {
        Some(object) => format!("{object} {}", fate.replace('_', " ")),
        None => fate.to_owned(),
    }
}

/// Every place before and now with its rows, moves first.
pub(super) async fn count(session: &Session) -> Result<Vec<Move>, Error> {
    let mut counts: BTreeMap<(String, String), BTreeMap<String, u64>> = BTreeMap::new();
    for batch in session.collect("the moves", MOVES).await? {
        let texts: Vec<_> = (0..5)
            .map(|at| batch.column(at).as_string::<i32>())
            .collect();
        let cell = |at: usize, row: usize| texts[at].is_valid(row).then(|| texts[at].value(row));
        let rows = batch.column(5).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let from = place(cell(0, row), cell(1, row).unwrap_or_default());
            let to = place(cell(2, row), cell(3, row).unwrap_or_default());
            let reason = cell(4, row).unwrap_or_default().to_owned();
            let reasons = counts.entry((from, to)).or_default();
            *reasons.entry(reason).or_default() +=
                u64::try_from(rows.value(row)).unwrap_or_default();
        }
    }
    let mut moves: Vec<Move> = counts
        .into_iter()
        .map(|((from, to), reasons)| {
            let rows = reasons.values().sum();
            let mut reasons: Vec<(String, u64)> = match from == to {
                true => Vec::new(),
                false => reasons
                    .into_iter()
                    .filter(|(reason, _)| !reason.is_empty())
                    .collect(),
            };
            reasons.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
            Move {
                from,
                to,
                rows,
                reasons,
                examples: Vec::new(),
            }
        })
        .collect();
    moves.sort_by_key(|found| (!found.is_move(), std::cmp::Reverse(found.rows)));
    for batch in session.collect("rows that move", MOVED_ROWS).await? {
        let texts: Vec<_> = (0..7)
            .map(|at| batch.column(at).as_string::<i32>())
            .collect();
        let cell = |at: usize, row: usize| texts[at].is_valid(row).then(|| texts[at].value(row));
        for row in 0..batch.num_rows() {
            let from = place(cell(0, row), cell(1, row).unwrap_or_default());
            let to = place(cell(2, row), cell(3, row).unwrap_or_default());
            let found = moves
                .iter_mut()
                .find(|found| found.from == from && found.to == to);
            if let Some(found) = found {
                found.examples.push(MoveExample {
                    key: cell(4, row).unwrap_or_default().to_owned(),
                    reason_before: cell(5, row).map(str::to_owned),
                    reason_now: cell(6, row).map(str::to_owned),
                });
            }
        }
    }
    for found in &mut moves {
        found
            .examples
            .sort_by(|left, right| left.key.cmp(&right.key));
    }
    Ok(moves)
}
