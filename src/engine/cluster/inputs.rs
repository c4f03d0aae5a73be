//! Whether the cluster sees the tables that a step reads.
//!
//! In: the tables of a step. Out: how many rows of each the cluster finds, by a plan that reads a column of every file. Never: a step over tables
//! that it sees otherwise: a scheduler that looks into another store takes a folder that is not there for a table without rows.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Column, exec_err};
use datafusion::datasource::{TableProvider, provider_as_source};
use datafusion::error::Result;
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

use crate::staging::Manifest;

/// A table that a step reads.
#[derive(Clone)]
pub(super) struct Input {
    pub(super) manifest: Arc<Manifest>,
    /// Its files, as any DataFusion reads them.
    pub(super) files: Arc<dyn TableProvider>,
}

impl Input {
    /// What tells its files from others; they never change.
    fn identity(&self) -> String {
        let files = self.manifest.files.iter();
        files.map(|file| file.path.as_str()).collect()
    }

    /// A column whose values have a text.
    fn column(&self) -> Option<Expr> {
        let fields = self.manifest.schema.fields().iter();
        let mut plain = fields.filter(|field| !field.data_type().is_nested());
        plain
            .next()
            .map(|field| Expr::Column(Column::from_name(field.name())))
    }
}

/// Tables that the cluster was found to see.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<HashSet<String>>>);

impl Seen {
    /// Those that nobody has asked for yet.
    pub(super) fn others(&self, inputs: &[Input]) -> Vec<Input> {
        let mut asked = HashSet::new();
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let others = inputs.iter().filter(|input| {
            let identity = input.identity();
            input.manifest.rows > 0 && !seen.contains(&identity) && asked.insert(identity)
        });
        others.cloned().collect()
    }

    pub(super) fn add(&self, inputs: &[Input]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(inputs.iter().map(Input::identity));
    }
}

/// A plan that counts the rows of each: its place among them, and how many. A count of rows alone would be answered by the scheduler, of
/// what files say of themselves.
pub(super) fn count_of(inputs: &[Input]) -> Result<Option<LogicalPlan>> {
    let mut all: Option<LogicalPlanBuilder> = None;
    for (place, input) in (0_i64..).zip(inputs) {
        let Some(column) = input.column() else {
            continue;
        };
        let texts = coalesce(vec![cast(column, DataType::Utf8), lit("")]);
        let files = provider_as_source(Arc::clone(&input.files));
        // A scheduler loses sight of a union of counts, and never ends it.
        let rows = LogicalPlanBuilder::scan("input", files, None)?
            .project(vec![lit(place).alias("place"), texts.alias("value")])?;
        all = Some(match all {
            None => rows,
            Some(before) => before.union(rows.build()?)?,
        });
    }
    let Some(all) = all else {
        return Ok(None);
    };
    let column = |name: &str| Expr::Column(Column::from_name(name));
    let rows = vec![count(column("value")).alias("rows")];
    Ok(Some(all.aggregate(vec![column("place")], rows)?.build()?))
}

/// Fails where what such a plan came to is not what the tables have.
pub(super) fn compare(inputs: &[Input], counted: &[RecordBatch]) -> Result<()> {
    let mut found = vec![None; inputs.len()];
    for batch in counted {
        let numbers = |column: usize| batch.column(column).as_primitive_opt::<Int64Type>();
        let (Some(places), Some(rows)) = (numbers(0), numbers(1)) else {
            return exec_err!("a count of tables came to something else");
        };
        for (place, rows) in places.iter().flatten().zip(rows.iter().flatten()) {
            let slot = usize::try_from(place).ok().and_then(|at| found.get_mut(at));
            if let Some(slot) = slot {
                *slot = Some(rows.unsigned_abs());
            }
        }
    }
    for (input, found) in inputs.iter().zip(found) {
        let (table, rows) = (input.manifest.name(), input.manifest.rows);
        let found = match (found, input.column()) {
            (_, None) => continue,
            (found, _) => found.unwrap_or(0),
        };
        if found != rows {
            return exec_err!(
                "the cluster sees {found} of the {rows} rows of {table}: scheduler and executors have to reach the same staging area, by the \
                 same address"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow::array::{ArrayRef, StringArray};
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::engine::catalog::listing_table;
    use crate::engine::in_folder;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_table_that_is_not_seen_whole_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (staging, _engine) = in_folder(folder.path());
        let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        let rows = RecordBatch::try_from_iter([("name", names)]).unwrap();
        let writer = staging.create("usercom", "people", rows.schema(), &[]);
        let mut writer = writer.await.unwrap();
        writer.write(&rows).await.unwrap();
        let manifest = Arc::new(writer.finish(BTreeMap::new()).await.unwrap());
        let input = Input {
            files: listing_table(&staging, &manifest).unwrap(),
            manifest,
        };
        let seen = Seen::default();
        let twice = [input.clone(), input.clone()];
        let inputs = seen.others(&twice);
        assert_eq!(inputs.len(), 1);
        let plan = count_of(&inputs).unwrap().unwrap();
        let context = SessionContext::new();
        context.register_object_store(staging.store_url(), staging.store());
        let counted = context.execute_logical_plan(plan).await.unwrap();
        let counted = counted.collect().await.unwrap();
        compare(&inputs, &counted).unwrap();
        let error = compare(&inputs, &[]).unwrap_err().to_string();
        assert!(
            error.contains("sees 0 of the 2 rows of usercom.people"),
            "{error}"
        );
        seen.add(&inputs);
        assert!(seen.others(&twice).is_empty());
    }
}
