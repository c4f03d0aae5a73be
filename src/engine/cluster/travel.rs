//! A plan made fit for the way to another machine.
//!
//! In: a bound plan over this session's tables. Out: the same plan over the files themselves, as any DataFusion reads them, with tables
//! that are in memory as values; or why it stays. Never: a table of this machine under a name that another machine takes otherwise.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::{MemTable, provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableScan, lit};

use super::inputs::Input;
use crate::engine::version::Version;

/// Cells of a table in memory up to which it travels as values.
const CELLS: usize = 100_000;

/// A plan, and what goes with it.
pub(in crate::engine) struct Trip {
    pub(super) plan: LogicalPlan,
    /// Rows of the tables that it reads.
    pub(super) rows: u64,
    /// Those tables.
    pub(super) inputs: Vec<Input>,
    /// Why it cannot go.
    pub(super) stays: Option<String>,
}

impl Trip {
    pub(super) fn of(plan: &LogicalPlan) -> Result<Self> {
        let (mut rows, mut inputs, mut stays) = (0, Vec::new(), None);
        let plan = plan.clone().transform_up_with_subqueries(|node| {
            let scan = match node {
                LogicalPlan::TableScan(scan) => scan,
                LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => {
                    return Ok(Transformed::yes(one_row()?));
                }
                other => return Ok(Transformed::no(other)),
            };
            let table = source_as_provider(&scan.source)?;
            if let Some(version) = table.downcast_ref::<Version>() {
                rows += version.manifest.rows;
                let input = Input {
                    manifest: Arc::clone(&version.manifest),
                    files: Arc::new(version.files.clone()),
                };
                let scan = TableScan {
                    source: provider_as_source(Arc::clone(&input.files)),
                    ..scan
                };
                inputs.push(input);
                return Ok(Transformed::yes(LogicalPlan::TableScan(scan)));
            }
            if table.is::<EmptyTable>() {
                return Ok(Transformed::yes(values(&scan, &[])?));
            }
            if let Some(memory) = table.downcast_ref::<MemTable>() {
                let cells = |batch: &RecordBatch| batch.num_rows() * batch.num_columns();
                let few = held(memory)
                    .filter(|batches| batches.iter().map(cells).sum::<usize>() <= CELLS);
                if let Some(batches) = few {
                    return Ok(Transformed::yes(values(&scan, &batches)?));
                }
            }
            stays = Some(format!("{} is not in the staging area", scan.table_name));
            Ok(Transformed::no(LogicalPlan::TableScan(scan)))
        })?;
        Ok(Self {
            plan: plan.data,
            rows,
            inputs,
            stays,
        })
    }
}

/// The row of a `select` without `from`. As an operator of its own beside others in a union it has the scheduler wait for ever: tasks of
/// the same stage have different numbers of operators then, which it takes for a mistake and tells nobody.
fn one_row() -> Result<LogicalPlan> {
    LogicalPlanBuilder::values(vec![vec![lit(true)]])?.build()
}

/// The rows of a table in memory; none while something writes to it.
fn held(memory: &MemTable) -> Option<Vec<RecordBatch>> {
    let mut rows = Vec::new();
    for part in &memory.batches {
        rows.extend(part.try_read().ok()?.iter().cloned());
    }
    Some(rows)
}

/// The rows of a scan as values under the scan's name. A relation without rows loses its columns on the way: one row that is filtered
/// out stands for it.
fn values(scan: &TableScan, batches: &[RecordBatch]) -> Result<LogicalPlan> {
    let schema = scan.source.schema();
    let mut rows: Vec<Vec<Expr>> = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter();
            let cells = cells.map(|column| Ok(lit(ScalarValue::try_from_array(column, row)?)));
            rows.push(cells.collect::<Result<_>>()?);
        }
    }
    let is_empty = rows.is_empty();
    if is_empty {
        let nulls = schema.fields().iter();
        let nulls = nulls.map(|field| Ok(lit(ScalarValue::try_from(field.data_type())?)));
        rows.push(nulls.collect::<Result<_>>()?);
    }
    let named = schema.fields().iter().enumerate().map(|(index, field)| {
        Expr::Column(Column::from_name(format!("column{}", index + 1))).alias(field.name())
    });
    let mut plan = LogicalPlanBuilder::values(rows)?.project(named.collect::<Vec<_>>())?;
    if is_empty {
        plan = plan.filter(lit(false))?;
    }
    plan = plan.alias(scan.table_name.clone())?;
    if let Some(projection) = &scan.projection {
        let kept = projection.iter().map(|&index| {
            let name = schema.field(index).name();
            Expr::Column(Column::new(Some(scan.table_name.clone()), name))
        });
        plan = plan.project(kept.collect::<Vec<_>>())?;
    }
    plan.build()
}
