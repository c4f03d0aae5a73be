//! A sheet of records that somebody checked by eye, as a spreadsheet left it → rows of `config/verified.csv`.
//!
//! In: the CSV of a sample with its last columns filled in. Out: the rows with a verdict, each with the line of the sheet, and how
//! many lines nobody filled in; or every mistake at once. Never: a look at the values of the sheet, which spreadsheets rewrite.

use super::declare::declared;
use super::{DecisionRow, check, text};
use crate::finding::Finding;
use crate::mapping::MappingError;

/// Columns that people fill in.
pub const FILLED_IN: [&str; 4] = ["verdict", "checked_by", "checked_on", "remark"];

/// What a filled-in sheet says.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Lines with a verdict, as rows of `config/verified.csv`.
    pub rows: Vec<DecisionRow>,
    /// Lines that nobody filled in.
    pub open: u64,
}

/// Reads a sheet; `shown` is what people call the file.
///
/// # Errors
/// [`MappingError::Decisions`] with every mistake in it.
pub fn read_sheet(shown: &str, bytes: &[u8]) -> Result<Sheet, MappingError> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut sheet = Sheet::default();
    if let (Some(mut text), Some(declared)) = (
        text::read(shown, bytes, &mut findings),
        declared("verified"),
    ) {
        for name in &mut text.header {
            if name == "salesforce_id" {
                *name = "record_id".to_owned();
            }
        }
        let place = |name: &str| text.header.iter().position(|column| column == name);
        let filled: Vec<usize> = FILLED_IN.iter().filter_map(|name| place(name)).collect();
        let before = text.rows.len();
        text.rows
            .retain(|row| filled.iter().any(|at| !row.cells[*at].is_empty()));
        sheet.open = (before - text.rows.len()) as u64;
        text::complete(shown, &mut text, declared, &mut findings);
        check::check(shown, declared, &mut text, &mut findings);
        sheet.rows = text.into_rows();
        let is_ours = |name: &String| declared.columns.iter().any(|column| column.name == name);
        for row in &mut sheet.rows {
            row.cells.retain(|name, _| is_ours(name));
        }
    }
    match findings.iter().any(Finding::is_error) {
        true => Err(MappingError::Decisions { findings }),
        false => Ok(sheet),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_read_as_a_spreadsheet_left_it() {
        let sheet = "\u{feff}load;object;key;salesforce_id;field;in_org;verdict;checked_by;checked_on;remark\r\n\
                     lead;Lead;1;00Q000000000001AAA;LastName;Lane;Right;Ann;24.11.2026;\r\n\
                     lead;Lead;1;00Q000000000001AAA;Email;4,86E+10;wrong;Ann;2026-11-24;another address\r\n\
                     lead;Lead;2;00Q000000000002AAA;Email;;;;;\r\n";
        let read = read_sheet("sample.csv", sheet.as_bytes()).unwrap();
        assert_eq!(read.open, 1);
        let told = |row: &DecisionRow| {
            [
                "record_id",
                "field",
                "verdict",
                "checked_by",
                "checked_on",
                "remark",
            ]
            .map(|name| row.get(name).to_owned())
        };
        assert_eq!(
            read.rows.iter().map(told).collect::<Vec<_>>(),
            [
                [
                    "00Q000000000001AAA",
                    "LastName",
                    "right",
                    "Ann",
                    "2026-11-24",
                    ""
                ],
                [
                    "00Q000000000001AAA",
                    "Email",
                    "wrong",
                    "Ann",
                    "2026-11-24",
                    "another address"
                ],
            ]
        );
        assert_eq!(read.rows[1].line, 3);
    }

    #[test]
    fn every_mistake_of_a_sheet_is_told_with_its_line() {
        let sheet = "load,key,salesforce_id,field,verdict,checked_by,checked_on\n\
                     lead,1,00Q000000000001AAA,LastName,rihgt,Ann,2026-11-24\n\
                     lead,1,00Q000000000001AAA,Email,right,,11/12/2026\n\
                     lead,2,00Q000000000002AAA,Email,,Ann,2026-11-24\n";
        let MappingError::Decisions { findings } =
            read_sheet("sample.csv", sheet.as_bytes()).unwrap_err()
        else {
            panic!();
        };
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        for (line, problem) in [
            (2, "did you mean `right`?"),
            (3, "column checked_by: is empty"),
            (3, "is no day"),
            (4, "column verdict: is empty"),
        ] {
            let found = told
                .iter()
                .any(|told| told.contains(&format!("line {line}")) && told.contains(problem));
            assert!(found, "{line} {problem}: {told:#?}");
        }
    }
}
