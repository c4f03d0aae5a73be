//! Cells of the source that hold something which could not be read (`guide/rules.md` 19, 32, 39): such a cell is not empty, so that
//! what it feeds stays in a known record as it is. So does what a field cannot hold.
//!
//! In: which columns feed which fields, a batch of a load query joined with what is known of its rows' cells. Out: per row and
//! field whether nothing but such cells speaks for it, and an [`Altered`] entry per field. Never: a row held for them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};

use crate::encode::Altered;
use crate::rows::key_text;

/// Columns of the table of such rows.
pub const CELLS: &str = "_unread_cells";

/// One character per column: `1` where the row has no value in it.
pub const EMPTY: &str = "_unread_empty";

/// What stands between column and value, and between cells.
pub const BETWEEN: [char; 2] = ['\u{1f}', '\u{1e}'];

/// The flag of a row with such a cell.
pub(super) const CELL_UNREADABLE: &str = "cell_unreadable";

/// What such an entry says of a value.
const WHY: &str = "unreadable";

/// The rows of a load with cells that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// The table, `schema.name`: `key`, [`CELLS`], [`EMPTY`].
    pub table: String,
    /// The columns of the source that matter, in the order of [`EMPTY`].
    pub columns: Vec<String>,
    /// Field → places of the columns that feed it.
    pub fields: BTreeMap<String, Vec<usize>>,
}

impl Unreadable {
    /// The columns to select and the join of a query `q` with the table.
    pub(super) fn joined(&self, key: &[String]) -> (String, String) {
        (
            format!(", u.{CELLS}, u.{EMPTY}"),
            format!(
                " left join {} as u on u.key = {}",
                self.table,
                key_text("q", key)
            ),
        )
    }
}

/// How much of what feeds a field could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// All that the row says of it.
    All,
    /// Some of it.
    Some,
}

/// What is done with a value that its field cannot hold, unless a policy says otherwise.
const BLANKED: &str = "blanked";

/// What is said instead where the record keeps what it has.
const KEPT: &str = "kept";

/// Such cells of the rows of a batch.
#[derive(Debug, Default)]
pub(super) struct UnreadCells<'a> {
    wanted: Option<&'a Unreadable>,
    /// Field → rows whose value the field cannot hold, so that nothing is left to be sent.
    unfit: BTreeMap<String, BTreeSet<usize>>,
    rows: BTreeMap<usize, UnreadRow>,
}

#[derive(Debug)]
struct UnreadRow {
    /// Per column, its text if it could not be read.
    cells: Vec<Option<String>>,
    /// Per column, whether it has no value.
    empty: Vec<bool>,
}

impl<'a> UnreadCells<'a> {
    pub(super) fn of(batch: &RecordBatch, wanted: Option<&'a Unreadable>) -> Self {
        let text = |name: &str| {
            let column = batch.column_by_name(name);
            column.and_then(|column| column.as_string_opt::<i32>())
        };
        let (Some(wanted), Some(cells), Some(empty)) = (wanted, text(CELLS), text(EMPTY)) else {
            return Self::default();
        };
        let [within, between] = BETWEEN;
        let mut rows = BTreeMap::new();
        for row in (0..batch.num_rows()).filter(|&row| cells.is_valid(row)) {
            let found: BTreeMap<&str, &str> = cells
                .value(row)
                .split(between)
                .filter_map(|cell| cell.split_once(within))
                .collect();
            let names = wanted.columns.iter();
            let unread = UnreadRow {
                cells: names
                    .map(|name| found.get(name.as_str()).map(|text| (*text).to_owned()))
                    .collect(),
                empty: empty.value(row).chars().map(|is| is == '1').collect(),
            };
            rows.insert(row, unread);
        }
        Self {
            wanted: Some(wanted),
            rows,
            ..Self::default()
        }
    }

    /// Adds the values of `sent` that were blanked though no policy `asks` for it: they are no reason to clear a field either.
    pub(super) fn with_unfit(
        mut self,
        sent: &RecordBatch,
        altered: &[Altered],
        asks: impl Fn(&str) -> bool,
    ) -> Self {
        let blanked = altered.iter().filter(|change| change.done == BLANKED);
        for change in blanked.filter(|change| !asks(&change.field)) {
            let column = sent.column_by_name(&change.field);
            if column.is_some_and(|column| column.is_null(change.row)) {
                let rows = self.unfit.entry(change.field.clone()).or_default();
                rows.insert(change.row);
            }
        }
        self
    }

    /// Rows with such a value in a field.
    pub(super) fn unfit(&self, field: &str) -> impl Iterator<Item = usize> {
        self.unfit.get(field).into_iter().flatten().copied()
    }

    fn is_unfit(&self, row: usize, field: &str) -> bool {
        let rows = self.unfit.get(field);
        rows.is_some_and(|rows| rows.contains(&row))
    }

    /// Whether a row has such a cell or value.
    pub(super) fn concern(&self, row: usize) -> bool {
        let mut unfit = self.unfit.values();
        self.rows.contains_key(&row) || unfit.any(|rows| rows.contains(&row))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Rows that have any.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        self.rows.keys().copied()
    }

    fn places(&self, field: &str) -> &[usize] {
        let fields = self.wanted.map(|wanted| &wanted.fields);
        let places = fields.and_then(|fields| fields.get(field));
        places.map_or(&[], Vec::as_slice)
    }

    /// Whether such cells feed a field of any row.
    pub(super) fn feed(&self, field: &str) -> bool {
        let is_unfit = self.unfit.contains_key(field);
        is_unfit || (!self.rows.is_empty() && !self.places(field).is_empty())
    }

    /// What could not be read of a field in a row; none if nothing.
    pub(super) fn of_field(&self, row: usize, field: &str) -> Option<Unread> {
        if self.is_unfit(row, field) {
            return Some(Unread::All);
        }
        let unread = self.rows.get(&row)?;
        let places = self.places(field);
        let is = |flags: &[bool], place: usize| flags.get(place).copied().unwrap_or_default();
        let any = places.iter().any(|&place| unread.cells[place].is_some());
        let all = places.iter().all(|&place| is(&unread.empty, place));
        any.then_some(if all { Unread::All } else { Unread::Some })
    }

    /// An entry for each field of `sent` that such a cell feeds; `kept` are the columns of a row that stay as they were.
    pub(super) fn altered(
        &self,
        sent: &RecordBatch,
        kept: impl Fn(usize, usize) -> bool,
    ) -> Vec<Altered> {
        let schema = sent.schema();
        let mut entries = Vec::new();
        for (&row, unread) in &self.rows {
            for (place, field) in schema.fields().iter().enumerate() {
                let cells = self.places(field.name()).iter();
                let cells: Vec<&str> = cells
                    .filter_map(|&cell| unread.cells[cell].as_deref())
                    .collect();
                if cells.is_empty() {
                    continue;
                }
                let done = match (kept(row, place), sent.column(place).is_null(row)) {
                    (true, _) => KEPT,
                    (false, true) => BLANKED,
                    (false, false) => "left_out",
                };
                entries.push(Altered {
                    row,
                    field: field.name().clone(),
                    why: WHY,
                    done,
                    original: cells.join("; "),
                });
            }
        }
        entries
    }

    /// Says of values that their fields cannot hold where the record keeps what it has; the rows of those.
    pub(super) fn tell_kept(
        &self,
        altered: &mut [Altered],
        sent: &RecordBatch,
        kept: impl Fn(usize, usize) -> bool,
    ) -> BTreeSet<usize> {
        let mut rows = BTreeSet::new();
        let schema = sent.schema();
        for change in altered.iter_mut().filter(|change| change.done == BLANKED) {
            let is_unfit = self.is_unfit(change.row, &change.field);
            let place = schema.index_of(&change.field);
            if is_unfit && place.is_ok_and(|place| kept(change.row, place)) {
                change.done = KEPT;
                rows.insert(change.row);
            }
        }
        rows
    }
}
