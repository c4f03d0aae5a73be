//! How many rows there are and what they hold, whatever their order: two results with the same count and sum have the same rows.
//!
//! In: a plan. Out: a plan of one row, made of functions that every DataFusion has, so that a cluster and this program can say the
//! same. Never: a proof against somebody who means it.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{Column, DFSchema, exec_err};
use datafusion::error::Result;
use datafusion::functions::expr_fn::{
    character_length, coalesce, concat_ws, get_field, md5, strpos, substring,
};
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};

/// Digits of a row's digest that are counted, 32 bits: the sum of two billion rows stays below 64.
const DIGITS: i64 = 8;

/// Count and sum of some rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    pub(super) sum: i64,
}

/// The sum over rows of one schema.
pub(super) struct RowSum(Vec<Expr>);

impl RowSum {
    pub(super) fn of(schema: &DFSchema) -> Self {
        let mut parts = Vec::new();
        for (qualifier, field) in schema.iter() {
            add(
                &mut parts,
                &Expr::Column(Column::from((qualifier, field))),
                field,
            );
        }
        Self(parts)
    }

    /// The plan of the sum over a plan.
    pub(super) fn over(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let row = match self.0.len() {
            0 => lit(""),
            _ => concat_ws(lit("\u{1f}"), self.0.clone()),
        };
        let digest = LogicalPlanBuilder::from(plan).project(vec![md5(row).alias("digest")])?;
        let number = (1..=DIGITS)
            .map(|digit| {
                let letter = substring(col("digest"), lit(digit), lit(1_i64));
                let value = cast(strpos(lit("0123456789abcdef"), letter), DataType::Int64);
                (value - lit(1_i64)) * lit(16_i64.pow(u32::try_from(digit - 1).unwrap_or(0)))
            })
            .reduce(|one, other| one + other)
            .unwrap_or_else(|| lit(0_i64));
        digest
            .aggregate(
                Vec::<Expr>::new(),
                vec![count(lit(1_i64)).alias("rows"), sum(number).alias("sum")],
            )?
            .build()
    }

    /// What such a plan came to.
    pub(super) fn read(&self, batches: &[RecordBatch]) -> Result<Sum> {
        let mut rows = batches.iter().filter(|batch| batch.num_rows() > 0);
        let (Some(batch), None) = (rows.next(), rows.next()) else {
            return exec_err!("a count came to no row, or to several");
        };
        let number = |column: usize| {
            let column = batch.column(column).as_primitive_opt::<Int64Type>();
            column
                .and_then(|column| column.iter().next())
                .flatten()
                .unwrap_or_default()
        };
        Ok(Sum {
            rows: number(0).unsigned_abs(),
            sum: number(1),
        })
    }
}

fn col(name: &str) -> Expr {
    Expr::Column(Column::from_name(name))
}

/// The texts of a column: of a struct those of its fields, of a list how long it is, of a list of structs whether it is there.
fn add(parts: &mut Vec<Expr>, column: &Expr, field: &FieldRef) {
    match field.data_type() {
        DataType::Struct(fields) => {
            for field in fields {
                add(parts, &get_field(column.clone(), field.name()), field);
            }
        }
        DataType::List(item) if item.data_type().is_nested() => {
            parts.push(cast(column.clone().is_null(), DataType::Utf8));
        }
        // An aggregate puts its list together in any order, another one each time: all that is asked is how long it is.
        DataType::List(_) => {
            let letters = character_length(cast(column.clone(), DataType::Utf8));
            parts.push(coalesce(vec![cast(letters, DataType::Utf8), lit("\u{1}")]));
        }
        _ => parts.push(coalesce(vec![
            cast(column.clone(), DataType::Utf8),
            lit("\u{1}"),
        ])),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, ListBuilder, StringArray, StringBuilder};
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn of(rows: &[(i64, Option<&str>)]) -> Sum {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)));
        let names: ArrayRef = Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1)));
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in rows {
            lists.append_value([row.1, None]);
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        let batch = RecordBatch::try_from_iter([("id", ids), ("name", names), ("list", lists)]);
        let frame = SessionContext::new().read_batch(batch.unwrap()).unwrap();
        let sum = RowSum::of(frame.schema());
        let (state, plan) = frame.into_parts();
        let plan = sum.over(plan).unwrap();
        let counted = datafusion::dataframe::DataFrame::new(state, plan)
            .collect()
            .await;
        sum.read(&counted.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn the_same_rows_in_any_order_have_the_same_sum_and_others_do_not() {
        let whole = of(&[(1, Some("a")), (2, None), (3, Some(""))]).await;
        assert_eq!(whole.rows, 3);
        assert_eq!(of(&[(3, Some("")), (1, Some("a")), (2, None)]).await, whole);
        assert_ne!(
            of(&[(1, Some("a")), (2, Some("")), (3, Some(""))]).await,
            whole
        );
        assert_ne!(of(&[(1, Some("a")), (2, None)]).await, whole);
        assert_ne!(of(&[(1, None), (2, Some("a")), (3, Some(""))]).await, whole);
        assert_eq!(of(&[]).await, Sum { rows: 0, sum: 0 });
    }
}
