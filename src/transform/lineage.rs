//! Which source columns a column of a query comes from, read from the query's plan.
//!
//! In: a logical plan in which models are views, so that it reaches down to the staged tables. Out: for each output
//! column the `table.column`s it is computed from (join and filter conditions do not count). Nothing is listed twice:
//! the SQL says it.

use std::collections::BTreeSet;

use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Source columns of output column `index` of a plan.
#[must_use]
pub fn lineage(plan: &LogicalPlan, index: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    trace(plan, index, &mut found);
    found
}

fn trace(plan: &LogicalPlan, index: usize, found: &mut BTreeSet<String>) {
    match plan {
        LogicalPlan::Projection(node) => {
            if let Some(expr) = node.expr.get(index) {
                trace_expr(expr, &node.input, found);
            }
        }
        LogicalPlan::SubqueryAlias(node) => trace(&node.input, index, found),
        LogicalPlan::Join(node) => {
            let left = node.left.schema().fields().len();
            if index < left {
                trace(&node.left, index, found);
            } else {
                trace(&node.right, index - left, found);
            }
        }
        LogicalPlan::Aggregate(node) => {
            let groups = node.group_expr.len();
            let expr = if index < groups {
                node.group_expr.get(index)
            } else {
                node.aggr_expr.get(index - groups)
            };
            if let Some(expr) = expr {
                trace_expr(expr, &node.input, found);
            }
        }
        LogicalPlan::Window(node) => {
            let inputs = node.input.schema().fields().len();
            if index < inputs {
                trace(&node.input, index, found);
            } else if let Some(expr) = node.window_expr.get(index - inputs) {
                trace_expr(expr, &node.input, found);
            }
        }
        LogicalPlan::Union(node) => {
            for input in &node.inputs {
                trace(input, index, found);
            }
        }
        LogicalPlan::TableScan(node) => {
            let field = node.projected_schema.fields().get(index);
            if let Some(field) = field {
                // A view is a scan with its plan inside.
                match node.source.get_logical_plan() {
                    Some(inner) => {
                        let position = inner
                            .schema()
                            .fields()
                            .iter()
                            .position(|other| other.name() == field.name());
                        if let Some(position) = position {
                            trace(&inner, position, found);
                        }
                    }
                    None => {
                        found.insert(format!("{}.{}", node.table_name.table(), field.name()));
                    }
                }
            }
        }
        other => match other.inputs().as_slice() {
            // Filter, sort, limit, distinct, repartition: the same columns.
            [input] if input.schema().fields().len() == other.schema().fields().len() => {
                trace(input, index, found);
            }
            _ => {}
        },
    }
}

fn trace_expr(expr: &Expr, input: &LogicalPlan, found: &mut BTreeSet<String>) {
    for column in expr.column_refs() {
        if let Some(index) = position(input.schema(), column) {
            trace(input, index, found);
        }
    }
}

fn position(schema: &DFSchema, column: &Column) -> Option<usize> {
    schema.maybe_index_of_column(column)
}
