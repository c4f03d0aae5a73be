//! The key of a load as an expression over the table that its grain is made of.
//!
//! In: the plan of a load, the column of its key. Out: the same value, computed from the source's own columns. Never: a key that
//! anything else takes part in, such as the id of a record in the org.

use datafusion::common::TableReference;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan};

/// The key of a load as expressions over the columns of `schema.table`; none if it is made of more than these.
#[must_use]
pub fn source_keys(plan: &LogicalPlan, key: &[String], table: (&str, &str)) -> Option<Vec<Expr>> {
    let key = key.iter().map(|name| {
        let mut fields = plan.schema().fields().iter();
        let place = fields.position(|field| field.name() == name)?;
        source_key(plan, place, table)
    });
    key.collect()
}

/// Output column `index` of a plan over the columns of `schema.table`; none if it is made of more than these.
fn source_key(plan: &LogicalPlan, index: usize, (schema, table): (&str, &str)) -> Option<Expr> {
    match plan {
        LogicalPlan::Projection(node) => {
            let expr = node.expr.get(index)?.clone().unalias();
            over(expr, &node.input, (schema, table))
        }
        LogicalPlan::Aggregate(node) => {
            let expr = node.group_expr.get(index)?.clone().unalias();
            over(expr, &node.input, (schema, table))
        }
        // The side whose rows all stay.
        LogicalPlan::Join(node) => {
            let width = node.left.schema().fields().len();
            match (node.join_type, index < width) {
                (JoinType::Inner | JoinType::Left | JoinType::LeftSemi, true) => {
                    source_key(&node.left, index, (schema, table))
                }
                (JoinType::Inner | JoinType::Right, false) => {
                    source_key(&node.right, index - width, (schema, table))
                }
                _ => None,
            }
        }
        LogicalPlan::TableScan(node) => {
            let field = node.projected_schema.fields().get(index)?;
            if is_table(&node.table_name, schema, table) {
                return Some(Expr::Column(Column::new_unqualified(field.name())));
            }
            let inner = node.source.get_logical_plan()?;
            let mut fields = inner.schema().fields().iter();
            let place = fields.position(|other| other.name() == field.name())?;
            source_key(&inner, place, (schema, table))
        }
        // Rows of several queries have one key only if each computes it alike.
        LogicalPlan::Union(node) => {
            let mut keys = node
                .inputs
                .iter()
                .map(|input| source_key(input, index, (schema, table)));
            let first = keys.next()??;
            keys.all(|key| key.as_ref() == Some(&first))
                .then_some(first)
        }
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Distinct(_) => match plan.inputs().as_slice() {
            [input] => source_key(input, index, (schema, table)),
            _ => None,
        },
        _ => None,
    }
}

fn is_table(name: &TableReference, schema: &str, table: &str) -> bool {
    name.schema() == Some(schema) && name.table() == table
}

/// An expression with each of its columns traced further down.
fn over(expr: Expr, input: &LogicalPlan, table: (&str, &str)) -> Option<Expr> {
    let lost = || DataFusionError::Plan("not of the source".to_owned());
    let traced = expr.transform_up(|part| match part {
        Expr::Column(column) => {
            let place = input.schema().maybe_index_of_column(&column);
            let found = place.and_then(|place| source_key(input, place, table));
            found.map(Transformed::yes).ok_or_else(lost)
        }
        Expr::ScalarSubquery(_) => Err(lost()),
        other => Ok(Transformed::no(other)),
    });
    traced.ok().map(|traced| traced.data)
}
