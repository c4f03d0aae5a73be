//! How much memory each sort of a plan may count on, and how many rows go at once.
//!
//! In: a physical plan, the size of the pool. Out: the context in which it runs. A sort sets memory aside for its merge as soon as it has
//! one row; eleven of them, each with as much as a sort alone may have, leave nothing for the rows. So all sorts of a plan together
//! count on the quarter that the pool keeps for them, and where each gets less, batches are smaller in the same measure, since a
//! merge holds batches.
//! Never: another result.

use std::sync::Arc;

use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::prelude::SessionContext;

use super::BATCH_ROWS;
use super::pool::KEPT;

/// What a sort may count on while it merges: a few batches of the widest tables.
pub(super) const SORT_BYTES: usize = 12 << 20;

/// Fewest rows of a batch.
const LEAST_ROWS: usize = 64;

/// The context for a plan within a pool of so many bytes.
pub(super) fn context_of(
    plan: &dyn ExecutionPlan,
    pool: usize,
    context: &SessionContext,
) -> Arc<TaskContext> {
    let each = pool / KEPT / sorts(plan).max(1);
    if each >= SORT_BYTES {
        return context.task_ctx();
    }
    let mut state = context.state();
    let rows = (BATCH_ROWS * each / SORT_BYTES).max(LEAST_ROWS);
    let rows = rows.min(state.config().batch_size());
    let mut config = state.config().clone().with_batch_size(rows);
    let execution = &mut config.options_mut().execution;
    execution.sort_spill_reservation_bytes = each;
    *state.config_mut() = config;
    state.task_ctx()
}

fn sorts(plan: &dyn ExecutionPlan) -> usize {
    let below: usize = plan
        .children()
        .into_iter()
        .map(|input| sorts(input.as_ref()))
        .sum();
    below + usize::from(plan.is::<SortExec>())
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;
    use crate::engine::{in_folder, with_rows};

    const ROWS: i64 = 60_000;

    /// Rows of 200 bytes, each of which names another one.
    fn rows() -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
        let others = (0..ROWS).map(|id| (id * 7919 + 13) % ROWS);
        let others: ArrayRef = Arc::new(Int64Array::from_iter_values(others));
        let texts = (0..ROWS).map(|id| format!("{id:0200}"));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        RecordBatch::try_from_iter([("id", ids), ("other", others), ("text", texts)]).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_plan_of_many_sorts_runs_in_a_pool_that_holds_none_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let (staging, engine) = in_folder(folder.path());
        let tables = ["a", "b", "c", "d", "e", "f", "g"].map(|table| (table, rows()));
        let snapshot = with_rows(&staging, tables).await;
        let session = engine.session(&staging, &snapshot).unwrap();
        let sql = "select a.id, a.text, b.text as b, c.text as c, d.text as d, e.text as e, f.text as f, g.text as g \
                   from usercom.a join usercom.b on b.id = a.other join usercom.c on c.id = b.other \
                   join usercom.d on d.id = c.other join usercom.e on e.id = d.other join usercom.f on f.id = e.other \
                   join usercom.g on g.id = f.other";
        let mut stream = session.stream("q", sql, &["g".to_owned()]).await.unwrap();
        let (mut found, mut sum) = (0, 0);
        while let Some(batch) = stream.next_batch().await.unwrap() {
            found += batch.num_rows();
            sum += batch
                .column(0)
                .as_primitive::<Int64Type>()
                .values()
                .iter()
                .sum::<i64>();
        }
        assert_eq!((found, sum), (60_000, ROWS * (ROWS - 1) / 2));
    }
}
