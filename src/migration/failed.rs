//! The rows of a load that did not land, as Data Loader gives them back: what was sent, column by column, then the error; and
//! what to do.
//!
//! In: the outbox and the ledger of a run. Out: a CSV file with all of them, that people mend and send again. Never: more of them in
//! memory than a batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::phase::Phases;
use crate::engine::Session;
use crate::error::Error;
use crate::load::remedy;
use crate::project::QueryFile;
use crate::reconcile::PhaseReport;
use crate::report::{UTF8_MARK, spreadsheet_rows};
use crate::rows::{same_key, sent_columns};
use crate::staging::Manifest;

/// What the column with the error is called until its rows have their remedy.
const CODE: &str = "remedy";

impl Phases<'_> {
    /// Writes the rows that did not land as a file that people mend and send again; a line that says so.
    pub(super) async fn keep_failed(
        &self,
        file: &QueryFile,
        session: &Session,
        outbox: &Manifest,
        report: &PhaseReport,
    ) -> Result<Option<String>, Error> {
        if report.failed + report.unprocessed == 0 {
            return Ok(None);
        }
        let sql = failed_rows(file, outbox, self.journal.run());
        // Whether a spreadsheet needs the mark is known once all of it was seen.
        let (mut rows, mut is_ascii) = (0, true);
        let mut stream = session.stream("the failed rows", &sql, &[]).await?;
        while let Some(batch) = stream.next_batch().await? {
            is_ascii &= lines(&batch, false)?.is_ascii();
            rows += batch.num_rows();
        }
        if rows == 0 {
            return Ok(None);
        }
        let staging = self.context.staging();
        let name = format!("failed-{}.csv", file.name);
        let path = staging.org_path(&["reports", self.journal.run(), &name]);
        let mut sheet = staging.document(&path);
        if !is_ascii {
            sheet.write(UTF8_MARK).await?;
        }
        let mut is_first = true;
        let mut stream = session.stream("the failed rows", &sql, &[]).await?;
        while let Some(batch) = stream.next_batch().await? {
            sheet.write(&lines(&batch, is_first)?).await?;
            is_first = false;
        }
        sheet.finish().await?;
        Ok(Some(format!(
            "{}: {rows} row(s) did not land; {} has them as they were sent, each with its error and what to do",
            file.name,
            staging.place(&path)
        )))
    }
}

/// The query for the rows of `run` that failed, in the order of their keys.
fn failed_rows(file: &QueryFile, outbox: &Manifest, run: &str) -> String {
    let load = &file.name;
    let is_list = |name: &str| {
        let field = outbox.schema.field_with_name(name);
        field.is_ok_and(|field| matches!(field.data_type(), DataType::List(_)))
    };
    let columns: Vec<String> = sent_columns(&outbox.schema)
        .into_iter()
        .map(|name| match is_list(&name) {
            true => format!("array_to_string(o.\"{name}\", ';') as \"{name}\""),
            false => format!("o.\"{name}\""),
        })
        .collect();
    let keys: Vec<String> = file
        .key
        .iter()
        .map(|name| format!("l.\"{name}\""))
        .collect();
    format!(
        "select o._id as \"Id\", {}, concat_ws(': ', l.error_code, l.error) as error, l.error_code as {CODE} \
         from outbox.{load} as o inner join ledger.{load} as l on {} \
         where l.run_id = '{run}' and l.outcome in ('failed', 'unprocessed') order by {}",
        columns.join(", "),
        same_key("o", "l", &file.key),
        keys.join(", "),
    )
}

/// Failed rows as lines of the file, with its head if they are the first.
fn lines(batch: &RecordBatch, with_head: bool) -> Result<Vec<u8>, Error> {
    let wrong = |error: String| Error::Defect {
        what: format!("failed rows are no CSV: {error}"),
    };
    let mut csv = Vec::new();
    let mut writer = arrow::csv::WriterBuilder::new()
        .with_header(with_head)
        .build(&mut csv);
    let written = writer.write(&with_remedies(batch)?);
    written.map_err(|error| wrong(error.to_string()))?;
    drop(writer);
    spreadsheet_rows(&csv).map_err(|error| wrong(error.to_string()))
}

/// The batch with what to do in place of the code.
fn with_remedies(batch: &RecordBatch) -> Result<RecordBatch, Error> {
    let wrong = |what: String| Error::Defect { what };
    let last = batch.num_columns().saturating_sub(1);
    let codes = batch
        .column(last)
        .as_string_opt::<i32>()
        .ok_or_else(|| wrong("an error code is no text".to_owned()))?;
    let remedies: StringArray = codes.iter().map(|code| code.map(remedy)).collect();
    let mut columns: Vec<ArrayRef> = batch.columns()[..last].to_vec();
    columns.push(Arc::new(remedies));
    let schema = batch.schema();
    let mut fields: Vec<_> = schema.fields()[..last].to_vec();
    fields.push(Arc::new(Field::new(CODE, DataType::Utf8, true)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| wrong(format!("failed rows are no table: {error}")))
}
