//! What people found who checked a sample by eye: a filled-in sheet becomes rows of `config/verified.csv`.
//!
//! In: the sheet, the sample that was drawn last. Out: decisions, and how many. Never: a verdict about a record that was not drawn.

use std::collections::BTreeSet;
use std::path::Path;

use arrow::array::{AsArray, StringArray};

use super::first_error::first;
use super::open::Migration;
use crate::error::Error;
use crate::finding::Finding;
use crate::mapping::{DecisionFile, MappingError, Sheet, publish_decisions, read_sheet};

/// Fields of the sample that was drawn last.
const DRAWN: &str = include_str!("../../queries/internal/samples_drawn.sql");

/// What a filled-in sheet brought.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Records with a verdict.
    pub records: u64,
    /// Fields with a verdict.
    pub fields: u64,
    /// Of these, fields that are wrong.
    pub wrong: u64,
    /// Lines of the sheet that nobody filled in.
    pub open: u64,
}

impl Migration {
    /// Takes the verdicts of a filled-in sheet into `config/verified.csv`; a field that was checked before gets its new one.
    ///
    /// # Errors
    /// The file cannot be read, a line says nothing that can be understood, or is about no record that was drawn.
    pub async fn take_verdicts(
        &self,
        target: Option<&str>,
        file: &Path,
    ) -> Result<Verified, Error> {
        let shown = file.display().to_string();
        let bytes = std::fs::read(file).map_err(|source| Error::File {
            action: "read",
            path: shown.clone(),
            source,
        })?;
        let sheet = read_sheet(&shown, &bytes)?;
        let drawn = self.drawn(target).await?;
        let strangers = sheet.rows.iter().filter(|row| {
            let place = ["load", "key", "record_id", "field"].map(|name| row.get(name));
            !drawn.contains(&place.map(str::to_owned))
        });
        let strangers: Vec<Finding> = strangers
            .map(|row| {
                let problem = "is about no record of the sample that was drawn last: draw it again with the same seed, or take the line out";
                Finding {
                    column: Some("salesforce_id".to_owned()),
                    value: Some(row.get("record_id").to_owned()),
                    ..Finding::new(&shown, problem).line(row.line)
                }
            })
            .collect();
        if !strangers.is_empty() {
            return Err(MappingError::Decisions {
                findings: strangers,
            }
            .into());
        }
        let lease = self.staging().lease("reconcile --verified").await?;
        let kept = async {
            self.keep_verdicts(&sheet)?;
            publish_decisions(&self.config().project, self.staging()).await?;
            Ok(())
        }
        .await;
        let released = lease.release().await.map_err(Error::from);
        first(kept, released)?;
        let records: BTreeSet<&str> = sheet.rows.iter().map(|row| row.get("record_id")).collect();
        let wrong = sheet
            .rows
            .iter()
            .filter(|row| row.get("verdict") == "wrong");
        Ok(Verified {
            records: records.len() as u64,
            fields: sheet.rows.len() as u64,
            wrong: wrong.count() as u64,
            open: sheet.open,
        })
    }

    /// Load, key, id and field of the sample that was drawn last.
    async fn drawn(&self, target: Option<&str>) -> Result<BTreeSet<[String; 4]>, Error> {
        let asked = self.ask(target).await?;
        if asked.snapshot.get("recon", "samples").is_none() {
            return Err(Error::NotYet {
                what: "no sample was drawn so far".to_owned(),
                hint: "`transload reconcile --sample 50` draws one and writes the sheet".to_owned(),
            });
        }
        let mut drawn = BTreeSet::new();
        for batch in asked.session.collect("the sample", DRAWN).await? {
            let columns = batch.columns().iter();
            let columns: Vec<&StringArray> = columns.map(|column| column.as_string()).collect();
            for row in 0..batch.num_rows() {
                drawn.insert([0, 1, 2, 3].map(|at: usize| columns[at].value(row).to_owned()));
            }
        }
        Ok(drawn)
    }

    fn keep_verdicts(&self, sheet: &Sheet) -> Result<(), Error> {
        let mut file = DecisionFile::open(&self.config().project, "verified")?;
        let place = |record: &str, field: &str| (record.to_owned(), field.to_lowercase());
        let new: BTreeSet<(String, String)> = sheet
            .rows
            .iter()
            .map(|row| place(row.get("record_id"), row.get("field")))
            .collect();
        file.retain(|file, row| {
            !new.contains(&place(file.get(row, "record_id"), file.get(row, "field")))
        });
        for row in &sheet.rows {
            let cells = row.cells.iter();
            let cells: Vec<(&str, &str)> = cells
                .map(|(name, cell)| (name.as_str(), cell.as_str()))
                .collect();
            file.add(&cells);
        }
        file.save()?;
        Ok(())
    }
}
