//! How many bytes a row of a plan takes in memory.
//!
//! In: a physical plan; of each table, how long its texts are on an average ([`Manifest::text_bytes`]). Out: bytes a row, guessed only
//! for what is computed. Statistics of Parquet files do not tell: a text that is there a thousand times is once in them.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::stats::Precision;
use datafusion::common::{JoinType, Statistics};
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use crate::staging::Manifest;

/// Bytes of a text that is computed.
const TEXT: usize = 16;

/// A scan that knows how long the texts of its table are.
pub(super) fn with_widths(
    scan: Arc<dyn ExecutionPlan>,
    manifest: &Manifest,
) -> Arc<dyn ExecutionPlan> {
    let config = scan
        .downcast_ref::<DataSourceExec>()
        .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>());
    let Some(config) = config else {
        return scan;
    };
    let mut statistics = config.statistics();
    let rows = usize::try_from(manifest.rows).unwrap_or(usize::MAX);
    let fields = manifest.schema.fields().iter();
    for (column, field) in statistics.column_statistics.iter_mut().zip(fields) {
        if field.data_type().is_primitive() {
            continue;
        }
        let texts = manifest
            .text_bytes(field.name())
            .and_then(|bytes| usize::try_from(bytes).ok());
        column.byte_size = texts.map_or(Precision::Absent, |bytes| {
            Precision::Inexact((bytes + fixed(field.data_type())).saturating_mul(rows))
        });
    }
    let config = FileScanConfigBuilder::from(config.clone()).with_statistics(statistics);
    DataSourceExec::from_data_source(config.build())
}

/// Bytes that a row of a plan takes.
pub(super) fn row_bytes(plan: &dyn ExecutionPlan) -> usize {
    let fields = plan.schema();
    let columns = (0..fields.fields().len()).map(|at| {
        let known = column_bytes(plan, at);
        known.unwrap_or_else(|| guess(fields.field(at).data_type()))
    });
    columns.sum()
}

/// Bytes that a value of a column takes, followed down to the table that it is of; none where it is of no table.
fn column_bytes(plan: &dyn ExecutionPlan, at: usize) -> Option<usize> {
    if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
        let statistics = scanned(scan).ok()?;
        let rows = *statistics.num_rows.get_value()?;
        let bytes = *statistics
            .column_statistics
            .get(at)?
            .byte_size
            .get_value()?;
        return Some(bytes / rows.max(1));
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let column = projection.expr().get(at)?.expr.downcast_ref::<Column>()?;
        return column_bytes(projection.input().as_ref(), column.index());
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let at = match &join.projection {
            Some(columns) => *columns.get(at)?,
            None => at,
        };
        let sides = [join.left(), join.right()];
        return side_bytes(sides, *join.join_type(), at);
    }
    if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        return side_bytes([join.left(), join.right()], join.join_type(), at);
    }
    let below = match plan
        .downcast_ref::<FilterExec>()
        .map(FilterExec::projection)
    {
        Some(Some(columns)) => *columns.get(at)?,
        _ => at,
    };
    let field = |plan: &dyn ExecutionPlan, at: usize| plan.schema().fields().get(at).cloned();
    match plan.children().as_slice() {
        [input] if field(input.as_ref(), below) == field(plan, at) => {
            column_bytes(input.as_ref(), below)
        }
        _ => None,
    }
}

fn side_bytes(
    [left, right]: [&Arc<dyn ExecutionPlan>; 2],
    join_type: JoinType,
    at: usize,
) -> Option<usize> {
    let columns = left.schema().fields().len();
    match join_type {
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
            column_bytes(right.as_ref(), at)
        }
        _ if at < columns => column_bytes(left.as_ref(), at),
        _ => column_bytes(right.as_ref(), at - columns),
    }
}

fn scanned(scan: &DataSourceExec) -> Result<Arc<Statistics>> {
    StatisticsContext::new().compute(scan, &StatisticsArgs::new())
}

/// Bytes of a value beside its texts.
fn fixed(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(children) => children.iter().map(|field| fixed(field.data_type())).sum(),
        DataType::List(child) => 4 + fixed(child.data_type()),
        other => other.primitive_width().unwrap_or(4),
    }
}

fn guess(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(children) => children.iter().map(|field| guess(field.data_type())).sum(),
        other => other.primitive_width().unwrap_or(TEXT),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

    use super::*;
    use crate::engine::{in_folder, with_rows};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_row_is_as_wide_as_the_texts_of_its_tables() {
        let folder = tempfile::tempdir().unwrap();
        let (staging, engine) = in_folder(folder.path());
        let rows = |length: usize| {
            let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..2_000));
            // The same text in every row is one text to Parquet.
            let texts = std::iter::repeat_n("x".repeat(length), 2_000);
            let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
            RecordBatch::try_from_iter([("id", ids), ("text", texts)]).unwrap()
        };
        let tables = [("short", rows(5)), ("long", rows(500))];
        let snapshot = with_rows(&staging, tables).await;
        let session = engine.session(&staging, &snapshot).unwrap();
        let joined = "from usercom.long as l left join usercom.short as s on s.id = l.id";
        for (sql, bytes) in [
            ("select id, text from usercom.long".to_owned(), 8 + 504),
            ("select text from usercom.short where id > 7".to_owned(), 9),
            (format!("select s.text as a, l.text as b {joined}"), 9 + 504),
            (
                format!("select upper(l.text) as a, l.id {joined}"),
                TEXT + 8,
            ),
        ] {
            let plan = session.plan("q", &sql).await.unwrap();
            let planned = session.frame(plan).create_physical_plan().await.unwrap();
            assert_eq!(row_bytes(planned.as_ref()), bytes, "{sql}");
        }
    }
}
