//! What staging says of a case's export, as a table that a case may expect: `stage.report`.
//!
//! In: the report of staging, the staged tables. Out: a row per table that files were read for, and per file that none was
//! read from. Never: a table that queries see.

use super::{CaseError, CaseRows, near};
use crate::stage::{StageReport, TableReport};
use crate::staging::Snapshot;

/// The name under which it is expected.
pub(super) const REPORT: &str = "stage.report";

/// Its columns; `columns` are those that have a value, `told` is what people are told.
const COLUMNS: [&str; 9] = [
    "name",
    "files",
    "source_rows",
    "staged",
    "rejected_rows",
    "superseded",
    "rejected_cells",
    "columns",
    "told",
];

/// The rows, of the columns that are asked.
pub(super) fn report(
    case: &str,
    staged: &StageReport,
    snapshot: &Snapshot,
    header: &[String],
) -> Result<CaseRows, CaseError> {
    let place = |name: &String| {
        let found = COLUMNS.iter().position(|column| column == name);
        found.ok_or_else(|| CaseError::UnknownColumn {
            case: case.to_owned(),
            table: REPORT.to_owned(),
            column: name.clone(),
            nearest: near(name, &COLUMNS.map(str::to_owned).into()),
        })
    };
    let places: Vec<usize> = header.iter().map(place).collect::<Result<_, _>>()?;
    let is_used = |table: &&TableReport| {
        table.source_rows > 0 || !table.files.is_empty() || !table.warnings.is_empty()
    };
    let tables = staged.tables.iter().filter(is_used);
    let tables = tables.map(|table| of_table(table, snapshot));
    let ignored = staged.ignored_files.iter().map(|file| {
        let mut cells = COLUMNS.map(|_| String::new());
        cells[0].clone_from(&file.name);
        cells[COLUMNS.len() - 1] = file.reason.to_string();
        cells
    });
    let pick = |cells: [String; COLUMNS.len()]| {
        let picked = places.iter().map(|&place| cells[place].clone());
        picked.collect()
    };
    Ok(CaseRows {
        header: header.to_vec(),
        key: vec!["name".to_owned()],
        rows: tables.chain(ignored).map(pick).collect(),
    })
}

fn of_table(table: &TableReport, snapshot: &Snapshot) -> [String; COLUMNS.len()] {
    let manifest = snapshot.get("usercom", &table.table);
    let columns = manifest.into_iter().flat_map(|manifest| {
        let names = manifest.schema.fields().iter().map(|field| field.name());
        names.filter(|name| {
            let book = manifest.columns.get(*name);
            book.is_some_and(|book| book.rows_with_value > 0)
        })
    });
    let columns: Vec<&str> = columns.map(String::as_str).collect();
    let told: Vec<String> = table.warnings.iter().map(ToString::to_string).collect();
    [
        table.table.clone(),
        table.files.join("; "),
        table.source_rows.to_string(),
        table.staged.to_string(),
        table.rejected_rows.to_string(),
        table.superseded.to_string(),
        table.rejected_cells.to_string(),
        columns.join("; "),
        told.join("; "),
    ]
}
