//! What staging did, in numbers that must add up.

use super::file_books::FileBook;
use crate::usercom::{Ignored, layout::Renamed};

/// The result of staging an export.
#[derive(Clone, Debug, Default)]
pub struct StageReport {
    /// One entry per declared object, in the order staged.
    pub tables: Vec<TableReport>,
    /// One entry per file and table.
    pub files: Vec<FileBook>,
    /// Files of which more rows could not be read than the gates allow; nothing is sent while there are any.
    pub objections: Vec<String>,
    /// Files of the export that map to nothing.
    pub ignored_files: Vec<Ignored>,
}

impl StageReport {
    /// The entry of one table.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TableReport> {
        self.tables.iter().find(|table| table.table == name)
    }
}

/// One table: `source_rows = staged + rejected_rows`, always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableReport {
    /// Name without schema.
    pub table: String,
    /// Files it came from.
    pub files: Vec<String>,
    /// Records found in the files.
    pub source_rows: u64,
    /// Rows in `usercom.<table>`.
    pub staged: u64,
    /// Records rejected whole, superseded ones included.
    pub rejected_rows: u64,
    /// Older versions of staged rows; part of `rejected_rows`.
    pub superseded: u64,
    /// Cells that became null because they did not fit; their rows are staged.
    pub rejected_cells: u64,
    /// Cells that were read as something else than they say.
    pub altered_cells: u64,
    /// Cells with a word for nothing, by column.
    pub nothing_words: Vec<(String, u64)>,
    /// What people should know besides.
    pub warnings: Vec<Warning>,
}

impl TableReport {
    /// Whether the books of this table balance.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.source_rows == self.staged + self.rejected_rows
    }
}

impl TableReport {
    /// What was read as something else than it says, in a sentence each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.nothing_words.is_empty() {
            let cells: u64 = self.nothing_words.iter().map(|(_, cells)| cells).sum();
            let columns: Vec<String> = self
                .nothing_words
                .iter()
                .map(|(column, cells)| format!("{column} {cells}"))
                .collect();
            remarks.push(format!(
                "{}: {cells} cell(s) hold a word that means nothing and count as empty: {}; the words are nothing_words under [source]",
                self.table,
                columns.join(", ")
            ));
        }
        if self.altered_cells > 0 {
            remarks.push(format!(
                "{}: {} cell(s) were read as something else than they say: transload query \"select * from staged.altered where source \
                 = '{}'\"",
                self.table, self.altered_cells, self.table
            ));
        }
        remarks
    }
}

/// Something that is no error but should be seen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A file without any record.
    #[error("{file} has no records")]
    EmptyFile {
        /// Name inside the export.
        file: String,
    },
    /// An attribute that could not have the column name it would get.
    #[error("attribute {:?} is column {}, because its name is taken", .0.attribute, .0.column)]
    Renamed(Renamed),
}
