//! Chooses sort-merge joins where a hash join's build side might not fit in memory.
//!
//! In: a physical plan in which DataFusion has chosen join sides. Out: the same plan with each hash join whose
//! build side is estimated above the limit replaced by a sort-merge join, which streams and spills; over tables
//! published sorted by key it needs no sort at all. Small lookups keep their hash join. A hash join never spills
//! and a global `prefer_hash_join = false` ruins lookups (`guide/engine.md` 1), so the choice is made join by join.

use std::sync::Arc;

use arrow::compute::SortOptions;
use datafusion::common::JoinType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{
    HashJoinExec, NestedLoopJoinExec, PartitionMode, SortMergeJoinExec,
};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use super::widths::row_bytes;
use super::{BATCH_ROWS, seeks_few};

/// The rule; runs right after DataFusion's own join selection.
#[derive(Debug)]
pub(super) struct JoinChoice {
    /// Bytes of the pool.
    pub pool: usize,
}

/// What is left for build sides of a plan.
struct Room {
    /// Most bytes of one.
    one: usize,
    /// Of all that are more than small: the last quarter is kept for merges (`pool`).
    left: usize,
    /// What is built whatever else is: a lookup as a merge join would sort all that looks up.
    small: usize,
}

impl Room {
    fn of(pool: usize) -> Self {
        Self {
            one: pool / 5 * 3,
            left: pool / 4 * 3,
            small: pool / 16,
        }
    }

    /// Takes what a build side needs; false if there is no room for it.
    fn takes(&mut self, bytes: usize) -> bool {
        if bytes <= self.small {
            return true;
        }
        let fits = bytes <= self.one && bytes <= self.left;
        if fits {
            self.left -= bytes;
        }
        fits
    }
}

impl JoinChoice {
    /// Whether a hash join of this type, whose left side is the build side, may build from a node.
    fn may_build(
        plan: &dyn ExecutionPlan,
        join_type: JoinType,
        few: bool,
        room: &mut Room,
    ) -> bool {
        let row = ENTRY_BYTES + COPIES * row_bytes(plan);
        let rows = estimated_rows(plan, few);
        let most = match gives_out_build_rows(join_type) {
            true => MOST_AT_ONCE,
            false => usize::MAX,
        };
        rows <= most && room.takes(rows.saturating_mul(row))
    }

    fn rewrite(
        plan: Arc<dyn ExecutionPlan>,
        few: bool,
        room: &mut Room,
    ) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            // It holds its left side in memory. A join with a constant condition (a fallback value) has no statistics
            // to put the small side there by itself.
            let (left, right) = (
                estimated_rows(join.left().as_ref(), few),
                estimated_rows(join.right().as_ref(), few),
            );
            if right < left {
                return Ok(Transformed::yes(join.swap_inputs()?));
            }
            return Ok(Transformed::no(plan));
        }
        let Some(join) = plan.downcast_ref::<HashJoinExec>() else {
            return Ok(Transformed::no(plan));
        };
        let join_type = *join.join_type();
        if join.on().is_empty() || Self::may_build(join.left().as_ref(), join_type, few, room) {
            return Ok(Transformed::no(plan));
        }
        // The build side is the left one. Above a merge join there are no statistics by which DataFusion would have
        // put the small side there.
        if !join.null_aware && Self::may_build(join.right().as_ref(), join_type.swap(), few, room) {
            return Ok(Transformed::yes(
                join.swap_inputs(PartitionMode::CollectLeft)?,
            ));
        }
        let order = SortOptions {
            descending: false,
            nulls_first: true,
        };
        let merge: Arc<dyn ExecutionPlan> = Arc::new(SortMergeJoinExec::try_new(
            Arc::clone(join.left()),
            Arc::clone(join.right()),
            join.on().to_vec(),
            join.filter().cloned(),
            join_type,
            vec![order; join.on().len()],
            join.null_equality(),
        )?);
        let Some(columns) = &join.projection else {
            return Ok(Transformed::yes(merge));
        };
        let schema = merge.schema();
        let columns = columns.iter().map(|&index| {
            let name = schema.field(index).name();
            let column = Arc::new(Column::new(name, index))
                as Arc<dyn datafusion::physical_plan::PhysicalExpr>;
            (column, name.clone())
        });
        let projected = ProjectionExec::try_new(columns.collect::<Vec<_>>(), merge)?;
        Ok(Transformed::yes(Arc::new(projected)))
    }
}

impl PhysicalOptimizerRule for JoinChoice {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let few = seeks_few(config);
        let mut room = Room::of(self.pool);
        plan.transform_up(|node| Self::rewrite(node, few, &mut room))
            .data()
    }

    fn name(&self) -> &'static str {
        "join_choice"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Bytes a row takes in a hash table beside its cells: its hash and place, in a table that is half full, and the next of its like.
const ENTRY_BYTES: usize = 60;

/// How many times the rows of a build side are in memory while they become one batch.
const COPIES: usize = 2;

/// Most rows of a build side that is given out at the end: all that has found no partner, or some, comes in one batch, whatever the size of
/// others (DataFusion 55.2, `hash_join/stream.rs`), and what takes it needs room for twice as much.
const MOST_AT_ONCE: usize = 8 * BATCH_ROWS;

/// Whether rows of the build side are given out when all others are through.
fn gives_out_build_rows(join_type: JoinType) -> bool {
    matches!(
        join_type,
        JoinType::Left
            | JoinType::Full
            | JoinType::LeftSemi
            | JoinType::LeftAnti
            | JoinType::LeftMark
    )
}

/// Rows a node may return: its own statistics, or else the largest of its inputs. A filter's estimate can be far
/// too low, so statistics count only where they are exact or come from a scan. Where `few` rows are sought, a join is with at most
/// one row for each of them.
fn estimated_rows(plan: &dyn ExecutionPlan, few: bool) -> usize {
    let inputs = plan.children();
    if inputs.is_empty() {
        let own = StatisticsContext::new()
            .compute(plan, &StatisticsArgs::new())
            .ok()
            .and_then(|statistics| statistics.num_rows.get_value().copied());
        if let Some(rows) = own {
            return rows;
        }
    }
    let rows = inputs.into_iter();
    let rows: Vec<usize> = rows.map(|one| estimated_rows(one.as_ref(), few)).collect();
    let most = rows.iter().copied().max().unwrap_or(usize::MAX);
    match (join_type(plan).filter(|_| few), rows.as_slice()) {
        (Some(JoinType::Left), [left, _]) => *left,
        (Some(JoinType::Right), [_, right]) => *right,
        (Some(JoinType::Inner), [left, right]) => *left.min(right),
        _ => most,
    }
}

fn join_type(plan: &dyn ExecutionPlan) -> Option<JoinType> {
    let hash = plan.downcast_ref::<HashJoinExec>();
    let merge = plan.downcast_ref::<SortMergeJoinExec>();
    hash.map(|join| *join.join_type())
        .or_else(|| merge.map(SortMergeJoinExec::join_type))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};

    use datafusion::physical_plan::displayable;

    use super::*;
    use crate::engine::{Session, in_folder, with_rows};

    /// Rows of 300 bytes.
    fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
        let texts = ids
            .clone()
            .map(|id| format!("{:0300}", (id * 7919) % 30_000));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
        RecordBatch::try_from_iter([("id", ids), ("text", texts)]).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rows_without_a_partner_do_not_come_all_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (staging, engine) = in_folder(folder.path());
        // The fewer rows, which would be the build side, have no partner.
        let tables = [("few", rows(0..12_000)), ("many", rows(50_000..130_000))];
        let snapshot = with_rows(&staging, tables).await;
        let session = engine.session(&staging, &snapshot).unwrap();
        let sql = "select few.id, few.text, many.id as other from usercom.few left join usercom.many on many.id = few.id";
        let order = ["text".to_owned()];
        let mut stream = session.stream("q", sql, &order).await.unwrap();
        let (mut found, mut largest) = (0, 0);
        while let Some(batch) = stream.next_batch().await.unwrap() {
            found += batch.num_rows();
            largest = largest.max(batch.num_rows());
        }
        assert_eq!(found, 12_000);
        let mut stream = session.stream("q", sql, &[]).await.unwrap();
        while let Some(batch) = stream.next_batch().await.unwrap() {
            largest = largest.max(batch.num_rows());
        }
        assert!(largest <= 8 * BATCH_ROWS, "{largest}");
    }

    #[test]
    fn build_sides_of_a_plan_fit_into_the_pool_together_and_lookups_are_built_whatever_else_is() {
        let mut room = Room::of(1600);
        assert!(!room.takes(961));
        assert!(room.takes(900));
        assert!(!room.takes(301));
        assert!(room.takes(300));
        assert!(room.takes(100) && !room.takes(101));
    }

    /// What a query gives out, and how often its plan says a word.
    async fn told(session: &Session, sql: &str, words: [&str; 2]) -> (Vec<String>, [usize; 2]) {
        let plan = session.plan("q", sql).await.unwrap();
        let planned = session.frame(plan).create_physical_plan().await.unwrap();
        let planned = displayable(planned.as_ref()).indent(false).to_string();
        let batches = session.collect("q", sql).await.unwrap();
        let mut rows = Vec::new();
        for batch in batches {
            rows.extend((0..batch.num_rows()).map(|row| format!("{:?}", batch.slice(row, 1))));
        }
        rows.sort();
        (rows, words.map(|word| planned.matches(word).count()))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_few_rows_find_in_large_tables_is_sought_and_not_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let (staging, engine) = in_folder(folder.path());
        let tables = [
            ("few", rows(59_900..60_100)),
            ("one", rows(0..60_000)),
            ("other", rows(20_000..90_000)),
        ];
        let snapshot = with_rows(&staging, tables).await;
        let session = engine.session(&staging, &snapshot).unwrap();
        let sql = "select few.id, one.id as one, one.text, other.id as other, other.text as more from usercom.few \
                   left join usercom.one on one.id = few.id left join usercom.other on other.id = few.id";
        let words = ["HashJoinExec", "DynamicFilter"];
        let (expected, _) = told(&session, sql, words).await;
        let (found, counts) = told(&session.joining(200, 70_000), sql, words).await;
        assert_eq!((found.len(), counts), (200, [2, 2]));
        assert_eq!(found, expected);
    }
}
