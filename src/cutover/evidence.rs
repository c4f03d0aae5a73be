//! Evidence: a query whose one number says whether a step is done.
//!
//! In: a query in `queries/cutover/`, the project's own or the product's, and the tables of the organisation. Out: the number
//! with whatever stands beside it, and a digest of the step's text, the threshold, the query and its answer: what a signature is about. A query that fails because a table is not there yet
//! is red, not an error.

use std::path::Path;

use arrow::array::{ArrayRef, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use xxhash_rust::xxh3::Xxh3;

use super::Step;
use crate::engine::Session;
use crate::project::own_or_default;

/// What a query answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Its cells as `column = value`, or why there are none.
    pub told: String,
    /// Whether the threshold holds.
    pub green: bool,
    /// Of what the step says and its threshold, of the query's text and its answer.
    pub digest: String,
}

/// Asks for a step's evidence; none if it has none.
pub(super) async fn ask(session: &Session, project: &Path, step: &Step) -> Option<Evidence> {
    let (name, threshold) = (step.evidence.as_deref()?, step.threshold?);
    let path = format!("queries/cutover/{name}.sql");
    let sql = match own_or_default(project, &path) {
        Ok(Some(text)) => text,
        Ok(None) => return Some(Evidence::red(step, "", format!("there is no {path}"))),
        Err(error) => {
            let told = format!("{path} cannot be read: {error}");
            return Some(Evidence::red(step, "", told));
        }
    };
    let batches = match session.collect(&path, &sql).await {
        Ok(batches) => batches,
        Err(error) => return Some(Evidence::red(step, &sql, causes(&error))),
    };
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    let batch = batches.iter().find(|batch| batch.num_rows() > 0);
    let Some(batch) = batch.filter(|batch| rows == 1 && batch.num_columns() > 0) else {
        let told = format!("evidence is one row with a number, and the query answered {rows} rows");
        return Some(Evidence::red(step, &sql, told));
    };
    let told: Vec<String> = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| format!("{} = {}", field.name(), shown(column)))
        .collect();
    let told = told.join(", ");
    let green = number(batch.column(0)).is_some_and(|number| threshold.holds(number));
    Some(Evidence {
        digest: digest(step, &sql, &told),
        told,
        green,
    })
}

impl Evidence {
    fn red(step: &Step, sql: &str, told: String) -> Self {
        Self {
            digest: digest(step, sql, &told),
            told,
            green: false,
        }
    }
}

fn shown(column: &ArrayRef) -> String {
    let options = FormatOptions::default().with_null("null");
    ArrayFormatter::try_new(column, &options).map_or_else(
        |error| error.to_string(),
        |cells| cells.value(0).to_string(),
    )
}

fn number(column: &ArrayRef) -> Option<f64> {
    let numbers = cast(column, &DataType::Float64).ok()?;
    let numbers = numbers.as_any().downcast_ref::<Float64Array>()?;
    numbers.iter().next().flatten()
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_told = cause.to_string();
        if !told.contains(&cause_told) {
            told = format!("{told}: {cause_told}");
        }
        next = cause.source();
    }
    // One line of a table.
    told.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The digest of a step that rests on a person's word: of what it says.
pub(super) fn of_text(step: &Step) -> String {
    digest(step, "", "")
}

fn digest(step: &Step, sql: &str, told: &str) -> String {
    let threshold = step.threshold.map(|threshold| threshold.to_string());
    let mut sum = Xxh3::new();
    for part in [
        &step.task,
        step.evidence.as_deref().unwrap_or_default(),
        threshold.as_deref().unwrap_or_default(),
        sql,
        told,
    ] {
        sum.update(part.as_bytes());
        sum.update(&[0]);
    }
    format!("{:032x}", sum.digest128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_another_one_once_anything_that_was_shown_is() {
        let step = |task: &str, threshold: &str| Step {
            step: "held".to_owned(),
            task: task.to_owned(),
            owner: None,
            planned_minutes: None,
            command: None,
            evidence: Some("rows_held".to_owned()),
            threshold: threshold.parse().ok(),
            rollback: None,
        };
        let shown = digest(&step("Nothing waits", "<= 0"), "select 5", "held = 5");
        for (task, threshold, sql, told) in [
            ("Nothing waits", "<= 99", "select 5", "held = 5"),
            ("Little waits", "<= 0", "select 5", "held = 5"),
            ("Nothing waits", "<= 0", "select 4 + 1", "held = 5"),
            ("Nothing waits", "<= 0", "select 5", "held = 4"),
        ] {
            let now = digest(&step(task, threshold), sql, told);
            assert_ne!(now, shown, "{task} {threshold} {sql} {told}");
        }
        let again = digest(&step("Nothing waits", "<= 0"), "select 5", "held = 5");
        assert_eq!(again, shown);
    }
}
