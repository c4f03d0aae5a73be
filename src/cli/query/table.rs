//! The first rows of a result as an aligned table.
//!
//! In: batches. Out: text with one line per row: numbers on the right, wide characters counted as such, long values
//! cut, control characters spelled out, so that data cannot steer a terminal.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{CellAlignment, Table, TableComponent, presets};

use super::encode::{INSTANT, nested_as_text};
use crate::error::{Error, QueryError};
use crate::report::plain;

/// Characters of a value that are shown.
const CELL_CHARACTERS: usize = 60;

/// How a missing value is shown, in contrast to an empty text.
const NULL: &str = "null";

/// Rows gathered for a table.
pub(super) struct TableRows {
    header: Vec<String>,
    numeric: Vec<bool>,
    rows: Vec<Vec<String>>,
    more: bool,
    /// Values are shown to their end, line by line.
    whole: bool,
}

impl TableRows {
    /// For batches of `schema`; `whole` shows values uncut and with their line ends (query plans).
    pub(super) fn new(schema: &Schema, whole: bool) -> Self {
        let fields = schema.fields();
        Self {
            header: fields
                .iter()
                .map(|field| plain(field.name(), false))
                .collect(),
            numeric: fields
                .iter()
                .map(|field| field.data_type().is_numeric())
                .collect(),
            rows: Vec::new(),
            more: false,
            whole,
        }
    }

    /// Takes rows of a batch until there are `limit`.
    pub(super) fn take(&mut self, batch: &RecordBatch, limit: usize) -> Result<(), Error> {
        let room = limit.saturating_sub(self.rows.len());
        self.more |= batch.num_rows() > room;
        let batch = batch.slice(0, batch.num_rows().min(room));
        let shown = self.format(&batch);
        Ok(shown.map_err(|source| QueryError::encode("a table", source))?)
    }

    fn format(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let batch = nested_as_text(batch)?;
        let options = FormatOptions::default()
            .with_null(NULL)
            .with_timestamp_format(Some(INSTANT));
        let columns = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            for column in &columns {
                let value = column.value(row).try_to_string()?;
                cells.push(if self.whole {
                    plain(&value, true)
                } else {
                    cut(&plain(&value, false))
                });
            }
            self.rows.push(cells);
        }
        Ok(())
    }

    /// Rows gathered.
    pub(super) fn count(&self) -> usize {
        self.rows.len()
    }

    /// Whether there were more rows than the limit.
    pub(super) fn more(&self) -> bool {
        self.more
    }

    /// Each row as a list of its columns, one a line.
    pub(super) fn expanded(&self) -> String {
        let widest = self.header.iter().map(|name| name.chars().count()).max();
        let widest = widest.unwrap_or_default();
        let mut text = String::new();
        for (number, row) in (1..).zip(&self.rows) {
            text.push_str(&format!("-- row {number} --\n"));
            for (name, cell) in self.header.iter().zip(row) {
                // Further lines of a value stand below its first.
                let cell = cell.replace('\n', &format!("\n{:widest$} | ", ""));
                text.push_str(&format!("{name:widest$} | {cell}\n"));
            }
        }
        text
    }

    /// The table.
    pub(super) fn text(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
        table.remove_style(TableComponent::HorizontalLines);
        table.remove_style(TableComponent::MiddleIntersections);
        table.set_header(&self.header);
        table.add_rows(&self.rows);
        for (column, numeric) in table.column_iter_mut().zip(&self.numeric) {
            if *numeric {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    fn table(columns: Vec<(&str, ArrayRef)>, limit: usize) -> TableRows {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut rows = TableRows::new(&batch.schema(), false);
        rows.take(&batch, limit).unwrap();
        rows
    }

    #[test]
    fn columns_align_by_width_and_numbers_on_the_right() {
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some("Zając"), Some("東京"), None]));
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![1, 22, 333]));
        insta::assert_snapshot!(table(vec![("name", names), ("count", counts)], 10).text(), @r"
        ───────────────
         name    count
        ═══════════════
         Zając       1
         東京       22
         null      333
        ───────────────
        ");
    }

    #[test]
    fn a_row_is_shown_as_a_list_with_its_values_uncut() {
        let notes: ArrayRef = Arc::new(StringArray::from(vec!["one\ntwo", "ż"]));
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![1, 22]));
        let batch = RecordBatch::try_from_iter(vec![("the_note", notes), ("n", counts)]).unwrap();
        let mut rows = TableRows::new(&batch.schema(), true);
        rows.take(&batch, 10).unwrap();
        insta::assert_snapshot!(rows.expanded(), @r"
        -- row 1 --
        the_note | one
                 | two
        n        | 1
        -- row 2 --
        the_note | ż
        n        | 22
        ");
    }

    #[test]
    fn rows_beyond_the_limit_are_known_but_not_kept() {
        let counts: ArrayRef = Arc::new(Int64Array::from_iter_values(0..50));
        let rows = table(vec![("n", counts)], 3);
        assert_eq!(rows.count(), 3);
        assert!(rows.more());
    }

    #[test]
    fn control_characters_cannot_steer_a_terminal() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a\nb", "\u{1b}[2Jgone"]));
        let text = table(vec![("t", texts)], 10).text();
        assert!(text.contains(r"a\nb"), "{text}");
        assert!(text.contains(r"\u{1b}[2Jgone"), "{text}");
    }

    #[test]
    fn long_values_are_cut_and_instants_end_in_z() {
        let long = "ż".repeat(100);
        let texts: ArrayRef = Arc::new(StringArray::from(vec![long]));
        let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_500_000]));
        let text = table(vec![("t", texts), ("at", instants)], 10).text();
        assert!(
            text.contains(&format!("{}…", "ż".repeat(CELL_CHARACTERS))),
            "{text}"
        );
        assert!(text.contains("1970-01-01T00:00:01.500Z"), "{text}");
    }
}
