//! Rows as CSV for people, in the reports of a run.
//!
//! In: rows of a query. Out: a file with harmless cells, its place and its text. Never: more rows than it was given.

use arrow::array::RecordBatch;

use crate::error::Error;
use crate::report::spreadsheet;
use crate::staging::Staging;

/// A file that was written.
pub(super) struct Sheet {
    /// Where it is.
    pub(super) place: String,
    /// What is in it.
    pub(super) csv: Vec<u8>,
}

/// Writes `<name>.csv` into the reports of `run`. `wrong` says what it means that a column cannot be CSV.
///
/// # Errors
/// Such a column, or the store.
pub(super) async fn keep_sheet(
    staging: &Staging,
    run: &str,
    name: &str,
    rows: &[RecordBatch],
    wrong: impl Fn(String) -> Error,
) -> Result<Sheet, Error> {
    let mut csv = Vec::new();
    {
        let mut writer = arrow::csv::WriterBuilder::new()
            .with_header(true)
            .build(&mut csv);
        for batch in rows {
            let written = writer.write(batch);
            written.map_err(|error| wrong(error.to_string()))?;
        }
    }
    let csv = spreadsheet(&csv).map_err(|error| wrong(error.to_string()))?;
    let place = keep_text(staging, run, name, csv.clone()).await?;
    Ok(Sheet { place, csv })
}

/// Writes a CSV that is one already into the reports of `run`; where it is.
///
/// # Errors
/// The store.
pub(super) async fn keep_text(
    staging: &Staging,
    run: &str,
    name: &str,
    csv: Vec<u8>,
) -> Result<String, Error> {
    let path = staging.org_path(&["reports", run, &format!("{name}.csv")]);
    staging.write_document(&path, csv.into()).await?;
    Ok(staging.place(&path))
}
