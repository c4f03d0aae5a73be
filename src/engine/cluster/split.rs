//! Functions that a stock executor does not have stay here.
//!
//! In: a plan. Out: what of it any executor can compute, and what is left to do with the rows that come of it: its last projection,
//! as far as that has such functions. Never: a row that is looked at twice, since what is left takes each row for itself.
//!
//! Executors of Ballista 55.0.0 know DataFusion's functions but for those of lists and maps (`make_array`, `array_sort`, …), of which
//! they refuse plans. Our queries put lists together in their last step: reasons why a row waits, tags of a person.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::functions_nested::all_default_nested_functions;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

/// Functions that executors do not know.
static UNKNOWN: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let functions = all_default_nested_functions().into_iter();
    functions
        .map(|function| function.name().to_owned())
        .collect()
});

/// A plan in two.
#[derive(Debug)]
pub(super) struct Split {
    /// What executors compute.
    pub(super) there: LogicalPlan,
    /// What is made of its columns here; nothing where they are the result.
    rest: Vec<Expr>,
    /// Columns of the result that executors compute, and what they are called there.
    called: HashMap<String, String>,
}

impl Split {
    /// The two parts, or the name of a function that is too deep in the plan.
    pub(super) fn of(plan: &LogicalPlan) -> Result<std::result::Result<Self, String>> {
        let Some(function) = unknown_in_plan(plan)? else {
            let fields = plan.schema().fields().iter();
            let called = fields.map(|field| (field.name().clone(), field.name().clone()));
            return Ok(Ok(Self {
                there: plan.clone(),
                rest: Vec::new(),
                called: called.collect(),
            }));
        };
        let LogicalPlan::Projection(last) = plan else {
            return Ok(Err(function));
        };
        if let Some(function) = unknown_in_plan(&last.input)? {
            return Ok(Err(function));
        }
        let mut there = Named::default();
        let (mut rest, mut called) = (Vec::new(), HashMap::new());
        for (expression, field) in last.expr.iter().zip(last.schema.fields()) {
            let name = field.name();
            let value = expression.clone().unalias();
            let here = match unknown_in(&value)? {
                None => {
                    let column = there.name(value);
                    called.insert(name.clone(), column.clone());
                    Expr::Column(Column::from_name(column))
                }
                Some(function) if has_query(&value)? => return Ok(Err(function)),
                Some(_) => there.name_columns(value)?,
            };
            rest.push(here.alias(name));
        }
        let input = LogicalPlanBuilder::from(last.input.as_ref().clone());
        Ok(Ok(Self {
            there: input.project(there.into_columns())?.build()?,
            rest,
            called,
        }))
    }

    /// Whether the rows are the result as they come.
    pub(super) fn is_whole(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left to do with the rows.
    pub(super) fn rest(self, rows: LogicalPlan) -> Result<LogicalPlan> {
        match self.is_whole() {
            true => Ok(rows),
            false => LogicalPlanBuilder::from(rows).project(self.rest)?.build(),
        }
    }

    /// What executors call the columns of an order; none if one of them is made here.
    pub(super) fn order(&self, columns: &[String]) -> Vec<String> {
        let called = columns.iter().map(|name| self.called.get(name).cloned());
        called.collect::<Option<_>>().unwrap_or_default()
    }
}

/// Values that executors compute, each once.
#[derive(Default)]
struct Named(Vec<Expr>);

impl Named {
    /// The name of a value.
    fn name(&mut self, value: Expr) -> String {
        let known = self.0.iter().position(|known| *known == value);
        let place = known.unwrap_or_else(|| {
            self.0.push(value);
            self.0.len() - 1
        });
        format!("c{place}")
    }

    /// A value that is computed here, over columns that come from there.
    fn name_columns(&mut self, value: Expr) -> Result<Expr> {
        let named = value.transform(|part| {
            Ok(match part {
                Expr::Column(_) => {
                    let column = self.name(part);
                    Transformed::yes(Expr::Column(Column::from_name(column)))
                }
                other => Transformed::no(other),
            })
        })?;
        Ok(named.data)
    }

    fn into_columns(self) -> Vec<Expr> {
        let named = self.0.into_iter().enumerate();
        named
            .map(|(place, value)| value.alias(format!("c{place}")))
            .collect()
    }
}

/// A function of a plan that executors do not know, if there is one.
fn unknown_in_plan(plan: &LogicalPlan) -> Result<Option<String>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            found = unknown_in(expression)?;
            Ok(stop_at(&found))
        })?;
        Ok(stop_at(&found))
    })?;
    Ok(found)
}

fn unknown_in(expression: &Expr) -> Result<Option<String>> {
    let mut found = None;
    expression.apply(|part| {
        if let Expr::ScalarFunction(call) = part
            && UNKNOWN.contains(call.func.name())
        {
            found = Some(call.func.name().to_owned());
        }
        Ok(stop_at(&found))
    })?;
    Ok(found)
}

fn stop_at(found: &Option<String>) -> TreeNodeRecursion {
    match found {
        Some(_) => TreeNodeRecursion::Stop,
        None => TreeNodeRecursion::Continue,
    }
}

fn has_query(expression: &Expr) -> Result<bool> {
    expression.exists(|part| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_)
        ))
    })
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn split(sql: &str) -> std::result::Result<Split, String> {
        let context = SessionContext::new();
        let plan = context.state().create_logical_plan(sql).await.unwrap();
        Split::of(&plan).unwrap()
    }

    #[tokio::test]
    async fn lists_are_put_together_here_and_all_else_there() {
        let whole = split("select 1 as id, upper('a') as name").await.unwrap();
        assert!(whole.is_whole());
        assert_eq!(whole.order(&["id".to_owned()]), ["id"]);
        let parts = split(
            "select t.id, upper(t.name) as name, make_array(t.name, t.id) as both \
             from (values (1, 'a')) as t (id, name)",
        );
        let parts = parts.await.unwrap();
        assert!(!parts.is_whole());
        let there: Vec<_> = parts.there.schema().fields().iter().collect();
        assert_eq!(there.len(), 3, "{there:?}");
        assert_eq!(unknown_in_plan(&parts.there).unwrap(), None);
        assert_eq!(parts.order(&["name".to_owned()]), ["c1"]);
        assert!(parts.order(&["both".to_owned()]).is_empty());
        let rows = parts.there.clone();
        let names = parts.rest(rows).unwrap();
        let names: Vec<_> = names.schema().fields().iter().collect();
        let names: Vec<_> = names.iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["id", "name", "both"]);
    }

    #[tokio::test]
    async fn a_list_deeper_in_the_query_keeps_it_here() {
        let deep =
            "select cardinality(t.list) + 1 as items from (select make_array(1) as list) as t";
        assert!(split(deep).await.is_err());
        let distinct = "select distinct make_array(1) as list";
        assert_eq!(split(distinct).await.unwrap_err(), "make_array");
    }
}
