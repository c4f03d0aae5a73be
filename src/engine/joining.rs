//! `||` and `[…]` with the limit of `growth`: they are no calls that it sees, and doubling a text thirty times asks for all memory.
//!
//! In: a plan whose types are settled. Out: the same plan, in which a function of the same meaning stands for each of them; columns
//! keep their names and types. A list or text that grows from row to row (`array_agg(…) over (order by …)`) is refused: each row holds
//! all before it, outside the memory pool.

use std::sync::Arc;

use arrow::compute::kernels::concat_elements::concat_elements_dyn;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{exec_datafusion_err, plan_err};
use datafusion::error::Result;
use datafusion::functions_nested::make_array::make_array_udf;
use datafusion::logical_expr::expr::{ScalarFunction, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::growth::Growth;
use super::instead::instead_of;

/// Puts the limited function in the place of the operator.
#[derive(Debug)]
pub(super) struct LimitJoining {
    joined: Arc<ScalarUDF>,
    list: Arc<ScalarUDF>,
}

/// Aggregates whose value holds every row that went in.
const COLLECTING: [&str; 2] = ["array_agg", "string_agg"];

/// Refuses an aggregate that holds, at each row, all rows before it.
fn refuse_growing(call: &WindowFunction) -> Result<()> {
    let name = call.fun.name();
    let grows = COLLECTING.contains(&name)
        && !call.params.order_by.is_empty()
        && !call.params.window_frame.end_bound.is_unbounded();
    match grows {
        true => plan_err!(
            "{name} over (order by …) would hold at each row all rows before it: write `{name}(… order by …)` with `group by`, or the \
             frame `rows between unbounded preceding and unbounded following`"
        ),
        false => Ok(()),
    }
}

impl Default for LimitJoining {
    fn default() -> Self {
        let signature = Signature::any(2, Volatility::Immutable);
        let joined = ScalarUDF::new_from_impl(Joined { signature });
        Self {
            joined: Arc::new(instead_of(Arc::new(joined), Growth::Sum)),
            list: Arc::new(instead_of(make_array_udf(), Growth::Sum)),
        }
    }
}

impl LimitJoining {
    fn rewrite(&self, expr: Expr) -> Result<Transformed<Expr>> {
        expr.transform_up(|expr| match expr {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::StringConcat,
                right,
            }) => {
                let call = ScalarFunction::new_udf(Arc::clone(&self.joined), vec![*left, *right]);
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            // The planner makes `[…]` of a function that no register knows.
            Expr::ScalarFunction(call)
                if call.func.name() == self.list.name() && call.func != self.list =>
            {
                let call = ScalarFunction::new_udf(Arc::clone(&self.list), call.args);
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            Expr::WindowFunction(call) => {
                refuse_growing(&call)?;
                Ok(Transformed::no(Expr::WindowFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        })
    }
}

impl AnalyzerRule for LimitJoining {
    fn name(&self) -> &str {
        "limit_joining"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let plan = plan.transform_up_with_subqueries(|plan| {
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(self.rewrite(expr)?.update_data(|expr| name.restore(expr)))
            })?
            .map_data(LogicalPlan::recompute_schema)
        })?;
        Ok(plan.data)
    }
}

/// Two texts, one behind the other; null where either is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    signature: Signature,
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &str {
        "||"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types
            .first()
            .cloned()
            .ok_or_else(|| exec_datafusion_err!("|| joins two values"))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args
            .arg_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        let field = Field::new(self.name(), self.return_type(&types)?, nullable);
        Ok(Arc::new(field))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [left, right] = arrays.as_slice() else {
            return Err(exec_datafusion_err!("|| joins two values"));
        };
        let joined = concat_elements_dyn(left, right)?;
        let is_constant = args
            .args
            .iter()
            .all(|value| matches!(value, ColumnarValue::Scalar(_)));
        if is_constant {
            let value = datafusion::common::ScalarValue::try_from_array(&joined, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(joined))
    }
}
