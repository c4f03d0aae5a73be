//! Which source rows a row of a query comes from: the query's plan, made to carry their ids beside its own columns.
//!
//! In: a plan in which models are views, the columns whose way down is followed, tables to read in place of what lies off
//! that way. Out: a plan with the same rows and one column more per source table on the way. Never: a row added or dropped;
//! where rows are pooled, one of them stands for all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::functions_aggregate::expr_fn::min;
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder,
    Projection, SubqueryAlias, TableScan, Union, cast,
};

const CARRIED: &str = "_source_row_";

/// A plan that carries the ids of the source rows.
#[derive(Debug)]
pub struct Provenance {
    /// The plan; the carried columns come after its own.
    pub plan: LogicalPlan,
    /// Carried column → name of the `usercom` table whose id it has.
    pub carried: BTreeMap<String, String>,
}

/// Makes a plan carry the ids of the source rows that its columns `wanted` come from. `tables` are read in place of models
/// and ledgers off the way, by `schema.table`. `lookups` follows also what a looked-up row was chosen by.
///
/// # Errors
/// What the engine says of the plan.
pub fn provenance(
    plan: &LogicalPlan,
    wanted: &BTreeSet<usize>,
    tables: &BTreeMap<String, LogicalPlan>,
    lookups: bool,
) -> Result<Provenance, DataFusionError> {
    let mut carrier = Carrier {
        tables,
        lookups,
        carried: BTreeMap::new(),
    };
    let (plan, columns) = carrier.carry(plan, wanted)?;
    let mut carried = carrier.carried;
    carried.retain(|name, _| columns.contains(name));
    Ok(Provenance { plan, carried })
}

type Carried = (LogicalPlan, Vec<String>);

struct Carrier<'a> {
    tables: &'a BTreeMap<String, LogicalPlan>,
    lookups: bool,
    carried: BTreeMap<String, String>,
}

impl Carrier<'_> {
    fn carry(
        &mut self,
        plan: &LogicalPlan,
        wanted: &BTreeSet<usize>,
    ) -> Result<Carried, DataFusionError> {
        if wanted.is_empty() {
            return Ok((self.off_the_way(plan)?, Vec::new()));
        }
        match plan {
            LogicalPlan::Projection(node) => {
                let below = wanted.iter().filter_map(|&index| node.expr.get(index));
                let (input, carried) = self.carry(&node.input, &columns(below, &node.input))?;
                let mut exprs = node.expr.clone();
                exprs.extend(exprs_of(&input, &carried));
                let node = Projection::try_new(exprs, Arc::new(input))?;
                Ok((LogicalPlan::Projection(node), carried))
            }
            LogicalPlan::Join(node) => self.join(plan, node, wanted),
            LogicalPlan::Aggregate(node) => {
                let exprs = || node.group_expr.iter().chain(&node.aggr_expr);
                let below = wanted.iter().filter_map(|&index| exprs().nth(index));
                let (input, carried) = self.carry(&node.input, &columns(below, &node.input))?;
                self.pooled(input, &node.group_expr, &node.aggr_expr, carried)
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let (below, carried) = self.carry(input, wanted)?;
                self.pooled(below, &own(input), &[], carried)
            }
            LogicalPlan::Distinct(Distinct::On(node)) => {
                let below = wanted
                    .iter()
                    .filter_map(|&index| node.select_expr.get(index));
                let (input, carried) = self.carry(&node.input, &columns(below, &node.input))?;
                let mut exprs = node.select_expr.clone();
                exprs.extend(exprs_of(&input, &carried));
                let sort = node.sort_expr.clone();
                let node = DistinctOn::try_new(node.on_expr.clone(), exprs, sort, Arc::new(input))?;
                Ok((LogicalPlan::Distinct(Distinct::On(node)), carried))
            }
            LogicalPlan::Window(node) => {
                let inputs = node.input.schema().fields().len();
                let (own, computed): (Vec<usize>, Vec<usize>) =
                    wanted.iter().partition(|&&index| index < inputs);
                let exprs = computed
                    .iter()
                    .filter_map(|index| node.window_expr.get(index - inputs));
                let mut below = columns(exprs, &node.input);
                below.extend(own);
                self.through(plan, &node.input, &below)
            }
            LogicalPlan::Unnest(node) => {
                let below = wanted.iter();
                let below = below.filter_map(|&index| node.dependency_indices.get(index).copied());
                self.through(plan, &node.input, &below.collect())
            }
            LogicalPlan::Union(node) => self.union(node, wanted),
            LogicalPlan::TableScan(node) => self.scan(plan, node, wanted),
            LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Repartition(_) => match plan.inputs().as_slice() {
                [input] => self.through(plan, input, wanted),
                _ => Ok((self.off_the_way(plan)?, Vec::new())),
            },
            other => Ok((self.off_the_way(other)?, Vec::new())),
        }
    }

    /// A node that hands on all columns of its input.
    fn through(
        &mut self,
        plan: &LogicalPlan,
        input: &LogicalPlan,
        wanted: &BTreeSet<usize>,
    ) -> Result<Carried, DataFusionError> {
        let (input, carried) = self.carry(input, wanted)?;
        Ok((
            plan.with_new_exprs(plan.expressions(), vec![input])?,
            carried,
        ))
    }

    fn join(
        &mut self,
        plan: &LogicalPlan,
        node: &Join,
        wanted: &BTreeSet<usize>,
    ) -> Result<Carried, DataFusionError> {
        use JoinType::{LeftAnti, LeftMark, LeftSemi, RightAnti, RightMark, RightSemi};
        let width = node.left.schema().fields().len();
        let (mut left, mut right) = (BTreeSet::new(), BTreeSet::new());
        match node.join_type {
            LeftSemi | LeftAnti | LeftMark => {
                left.extend(wanted.iter().filter(|&&index| index < width));
            }
            RightSemi | RightAnti | RightMark => right.clone_from(wanted),
            _ => {
                left.extend(wanted.iter().filter(|&&index| index < width));
                right.extend(wanted.iter().filter_map(|&index| index.checked_sub(width)));
            }
        }
        if self.lookups && matches!(node.join_type, JoinType::Inner | JoinType::Left) {
            let conditions: Vec<&Expr> = node
                .on
                .iter()
                .flat_map(|(left, right)| [left, right])
                .chain(&node.filter)
                .collect();
            if !right.is_empty() {
                left.extend(columns(conditions.into_iter(), &node.left));
            }
        }
        let (left, mut carried) = self.carry(&node.left, &left)?;
        let (right, more) = self.carry(&node.right, &right)?;
        carried.extend(more);
        Ok((
            plan.with_new_exprs(plan.expressions(), vec![left, right])?,
            carried,
        ))
    }

    /// Rows in groups: the first of a group's rows stands for it.
    fn pooled(
        &mut self,
        input: LogicalPlan,
        group: &[Expr],
        aggregates: &[Expr],
        carried: Vec<String>,
    ) -> Result<Carried, DataFusionError> {
        let mut aggregates = aggregates.to_vec();
        let firsts = exprs_of(&input, &carried).zip(&carried);
        aggregates.extend(firsts.map(|(expr, name)| min(expr).alias(name)));
        let node = Aggregate::try_new(Arc::new(input), group.to_vec(), aggregates)?;
        Ok((LogicalPlan::Aggregate(node), carried))
    }

    fn union(
        &mut self,
        node: &Union,
        wanted: &BTreeSet<usize>,
    ) -> Result<Carried, DataFusionError> {
        let mut branches = Vec::new();
        let mut all = Vec::new();
        for input in &node.inputs {
            let (below, carried) = self.carry(input, wanted)?;
            all.extend(carried.iter().cloned());
            branches.push((input, below, carried));
        }
        let mut inputs = Vec::new();
        for (input, below, carried) in branches {
            // Columns of a union meet by position and are named by its own schema.
            let names = node.schema.fields().iter();
            let mut exprs: Vec<Expr> = own(input)
                .into_iter()
                .zip(names)
                .map(|(expr, field)| expr.alias(field.name()))
                .collect();
            for name in &all {
                exprs.push(match carried.contains(name) {
                    true => column(&below, name),
                    false => Expr::Literal(ScalarValue::Utf8(None), None).alias(name),
                });
            }
            let branch = Projection::try_new(exprs, Arc::new(below))?;
            inputs.push(Arc::new(LogicalPlan::Projection(branch)));
        }
        let node = Union::try_new_with_loose_types(inputs)?;
        Ok((LogicalPlan::Union(node), all))
    }

    fn scan(
        &mut self,
        plan: &LogicalPlan,
        node: &TableScan,
        wanted: &BTreeSet<usize>,
    ) -> Result<Carried, DataFusionError> {
        if let Some(inner) = node.source.get_logical_plan() {
            let fields = inner.schema().fields();
            let wanted = wanted.iter().filter_map(|&index| {
                let name = node.projected_schema.fields().get(index)?.name();
                fields.iter().position(|field| field.name() == name)
            });
            let (inner, carried) = self.carry(&inner, &wanted.collect())?;
            let alias = SubqueryAlias::try_new(Arc::new(inner), node.table_name.clone())?;
            return Ok((LogicalPlan::SubqueryAlias(alias), carried));
        }
        let is_source = node.table_name.schema() == Some("usercom");
        let id = Column::new(Some(node.table_name.clone()), "id");
        if !is_source || !node.projected_schema.has_column(&id) {
            return Ok((self.off_the_way(plan)?, Vec::new()));
        }
        let name = format!("{CARRIED}{}", self.carried.len());
        let table = node.table_name.table().to_owned();
        self.carried.insert(name.clone(), table);
        let mut exprs = own(plan);
        exprs.push(cast(Expr::Column(id), DataType::Utf8).alias(&name));
        let node = Projection::try_new(exprs, Arc::new(plan.clone()))?;
        Ok((LogicalPlan::Projection(node), vec![name]))
    }

    /// What is not followed is read from the tables that the run has made.
    fn off_the_way(&self, plan: &LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
        let replaced = plan.clone().transform_up(|node| {
            let LogicalPlan::TableScan(scan) = &node else {
                return Ok(Transformed::no(node));
            };
            let schema = scan.table_name.schema().unwrap_or_default();
            let name = format!("{schema}.{}", scan.table_name.table());
            let Some(table) = self.tables.get(&name) else {
                return Ok(Transformed::no(node));
            };
            let table = LogicalPlanBuilder::from(table.clone()).alias(scan.table_name.clone())?;
            Ok(Transformed::yes(table.build()?))
        });
        Ok(replaced?.data)
    }
}

/// Places in the schema of `input` of the columns that expressions name.
fn columns<'e>(exprs: impl Iterator<Item = &'e Expr>, input: &LogicalPlan) -> BTreeSet<usize> {
    exprs
        .flat_map(Expr::column_refs)
        .filter_map(|column| input.schema().maybe_index_of_column(column))
        .collect()
}

/// All columns of a plan as expressions.
fn own(plan: &LogicalPlan) -> Vec<Expr> {
    let columns = plan.schema().columns().into_iter();
    columns.map(Expr::Column).collect()
}

/// A carried column of a plan, whatever alias it has got on the way.
fn column(plan: &LogicalPlan, name: &str) -> Expr {
    let columns = plan.schema().columns();
    let found = columns.into_iter().find(|column| column.name == name);
    Expr::Column(found.unwrap_or_else(|| Column::new_unqualified(name)))
}

fn exprs_of<'p>(plan: &'p LogicalPlan, names: &'p [String]) -> impl Iterator<Item = Expr> + 'p {
    names.iter().map(|name| column(plan, name))
}
