//! The rows of a load that did not land, as Data Loader gives them back: what was sent, column by column, then the error; and
//! what to do.
//!
//! In: the outbox and the ledger of a run. Out: small batches for a CSV file that people mend and send again. Never: more rows
//! than a person can look through.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::phase::Phases;
use crate::engine::Session;
use crate::error::Error;
use crate::load::remedy;
use crate::project::QueryFile;
use crate::reconcile::PhaseReport;
use crate::rows::{same_key, sent_columns};
use crate::staging::Manifest;

/// Rows of a file at most.
const MOST: usize = 10_000;

/// What the column with the error is called until its rows have their remedy.
const CODE: &str = "remedy";

impl Phases<'_> {
    /// Writes the rows that did not land as a file that people mend and send again.
    pub(super) async fn keep_failed(
        &mut self,
        file: &QueryFile,
        session: &Session,
        outbox: &Manifest,
        report: &PhaseReport,
    ) -> Result<(), Error> {
        let failed = report.failed + report.unprocessed;
        if failed == 0 {
            return Ok(());
        }
        let batches = rows(session, file, outbox, self.journal.run()).await?;
        let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if count == 0 {
            return Ok(());
        }
        let name = format!("failed-{}", file.name);
        let (place, _) = self
            .keep_sheet(&name, &batches, |error| Error::Defect {
                what: format!("the failed rows of {} are no CSV: {error}", file.name),
            })
            .await?;
        let share = match failed > count as u64 {
            true => format!("{count} of {failed}"),
            false => failed.to_string(),
        };
        self.notes.push(format!(
            "{}: {share} row(s) did not land; {place} has them as they were sent, each with its error and what to do",
            file.name
        ));
        Ok(())
    }
}

/// The failed rows of `run`, the first of them if there are many.
async fn rows(
    session: &Session,
    file: &QueryFile,
    outbox: &Manifest,
    run: &str,
) -> Result<Vec<RecordBatch>, Error> {
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
    let sql = format!(
        "select o._id as \"Id\", {}, concat_ws(': ', l.error_code, l.error) as error, l.error_code as {CODE} \
         from outbox.{load} as o inner join ledger.{load} as l on {} \
         where l.run_id = '{run}' and l.outcome in ('failed', 'unprocessed') order by {} limit {MOST}",
        columns.join(", "),
        same_key("o", "l", &file.key),
        keys.join(", "),
    );
    let batches = session.collect("the failed rows", &sql).await?;
    batches.iter().map(with_remedies).collect()
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
