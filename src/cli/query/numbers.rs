//! A number beside a text: `where key = 100437` means the key `100437`, and no cast of every key to a number, which fails on
//! the first `message:7`.
//!
//! In: a plan as it was parsed. Out: the same with such literals as texts; in an order (`key > 9`) texts that are whole numbers count
//! as such, and others are null. Never: a change to two columns that are compared.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, try_cast};

/// Compares texts with the text of whole numbers.
pub(super) fn compare_as_texts(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        let mut schema = merge_schema(&node.inputs());
        if let LogicalPlan::TableScan(scan) = &node {
            schema.merge(&scan.projected_schema);
        }
        node.map_expressions(|expr| expr.transform_up(|expr| Ok(compared(expr, &schema))))
    })
    .data()
}

fn compared(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(mut binary) if is_equality(binary.op) => {
            if is_text(&binary.left, schema)
                && let Some(text) = as_text(&binary.right)
            {
                *binary.right = text;
                return Transformed::yes(Expr::BinaryExpr(binary));
            }
            if is_text(&binary.right, schema)
                && let Some(text) = as_text(&binary.left)
            {
                *binary.left = text;
                return Transformed::yes(Expr::BinaryExpr(binary));
            }
            Transformed::no(Expr::BinaryExpr(binary))
        }
        Expr::BinaryExpr(mut binary) if is_order(binary.op) => {
            let (left, right) = (&mut binary.left, &mut binary.right);
            let text = match (is_text(left, schema), is_text(right, schema)) {
                (true, false) if as_text(right).is_some() => left,
                (false, true) if as_text(left).is_some() => right,
                _ => return Transformed::no(Expr::BinaryExpr(binary)),
            };
            **text = try_cast(text.as_ref().clone(), DataType::Int64);
            Transformed::yes(Expr::BinaryExpr(binary))
        }
        Expr::Between(mut between)
            if is_text(&between.expr, schema)
                && as_text(&between.low).is_some()
                && as_text(&between.high).is_some() =>
        {
            *between.expr = try_cast(between.expr.as_ref().clone(), DataType::Int64);
            Transformed::yes(Expr::Between(between))
        }
        Expr::InList(mut list) if is_text(&list.expr, schema) => {
            let mut changed = false;
            for item in &mut list.list {
                if let Some(text) = as_text(item) {
                    *item = text;
                    changed = true;
                }
            }
            let list = Expr::InList(list);
            if changed {
                Transformed::yes(list)
            } else {
                Transformed::no(list)
            }
        }
        expr => Transformed::no(expr),
    }
}

fn is_equality(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq | Operator::NotEq | Operator::IsDistinctFrom | Operator::IsNotDistinctFrom
    )
}

fn is_order(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
    )
}

fn is_text(expr: &Expr, schema: &DFSchema) -> bool {
    !matches!(expr, Expr::Literal(..)) && expr.get_type(schema).is_ok_and(|kind| kind.is_string())
}

fn as_text(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(number)), metadata) => Some(Expr::Literal(
            ScalarValue::from(number.to_string()),
            metadata.clone(),
        )),
        Expr::Literal(ScalarValue::UInt64(Some(number)), metadata) => Some(Expr::Literal(
            ScalarValue::from(number.to_string()),
            metadata.clone(),
        )),
        _ => None,
    }
}
