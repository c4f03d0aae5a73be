//! Batches handed from the engine's runtime to the rest of the program, a few at a time.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use futures::{FutureExt, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::EngineError;

/// Batches in flight between the two runtimes.
const IN_FLIGHT: usize = 8;

/// What the engine's task sends: batches, and `None` at the orderly end of the query.
type Message = Option<Result<RecordBatch, EngineError>>;

/// A bounded stream of record batches; dropping it stops the query.
#[derive(Debug)]
pub struct BatchStream {
    query: String,
    schema: SchemaRef,
    receiver: mpsc::Receiver<Message>,
    ended: bool,
    _worker: JoinSet<()>,
}

impl BatchStream {
    /// Runs a query on `handle`'s runtime. It is opened there, too: operators start their own tasks where they are
    /// opened, and those must not take the threads that serve HTTP.
    pub(super) fn drive(
        query: String,
        plan: Arc<dyn ExecutionPlan>,
        open: impl FnOnce() -> Result<SendableRecordBatchStream, DataFusionError> + Send + 'static,
        handle: &tokio::runtime::Handle,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(IN_FLIGHT);
        let schema = plan.schema();
        let mut worker = JoinSet::new();
        let name = query.clone();
        worker.spawn_on(
            async move {
                let failed = |source| EngineError::Run {
                    query: name.clone(),
                    source: Box::new(source),
                };
                let (began, mut busy, mut rows) = (Instant::now(), Duration::ZERO, 0);
                let mut source = match open() {
                    Ok(source) => source,
                    Err(error) => {
                        // Whoever stopped reading does not need the error.
                        let _ = sender.send(Some(Err(failed(error)))).await;
                        return;
                    }
                };
                let counted = counted(plan.as_ref());
                drop(plan);
                loop {
                    let asked = Instant::now();
                    let next = AssertUnwindSafe(source.next()).catch_unwind().await;
                    busy += asked.elapsed();
                    let batch = match next {
                        Ok(Some(batch)) => {
                            rows += batch.as_ref().map_or(0, RecordBatch::num_rows);
                            batch.map_err(failed)
                        }
                        Ok(None) => break,
                        Err(panic) => Err(EngineError::GaveUp {
                            query: name.clone(),
                            why: words(panic.as_ref()),
                        }),
                    };
                    if sender.send(Some(batch)).await.is_err() {
                        return;
                    }
                }
                // The rest of the time, whoever reads was not ready for more.
                let [busy, took] = [busy, began.elapsed()].map(|time| time.as_millis());
                let spilled = spilled(&counted);
                tracing::debug!(query = name, rows, busy, took, ?spilled, "a query ended");
                // Whoever stopped reading does not need the end.
                let _ = sender.send(None).await;
            },
            handle,
        );
        Self {
            query,
            schema,
            receiver,
            ended: false,
            _worker: worker,
        }
    }

    /// Schema of every batch.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    /// The next batch, `None` at the end.
    ///
    /// # Errors
    /// [`EngineError::Run`]; [`EngineError::GaveUp`] where an operator panicked; [`EngineError::Stopped`] when the query's task was lost, which must never look like
    /// the end of the rows.
    pub async fn next_batch(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        self.next().await.transpose()
    }
}

impl Stream for BatchStream {
    type Item = Result<RecordBatch, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let message = std::task::ready!(self.receiver.poll_recv(context));
        Poll::Ready(match message {
            Some(Some(batch)) => {
                self.ended = batch.is_err();
                Some(batch)
            }
            Some(None) => {
                self.ended = true;
                None
            }
            None => {
                self.ended = true;
                Some(Err(EngineError::Stopped {
                    query: self.query.clone(),
                }))
            }
        })
    }
}

/// What the operators of a plan that was opened count. The plan itself would keep what its joins hold.
fn counted(plan: &dyn ExecutionPlan) -> Vec<MetricsSet> {
    let mut all: Vec<_> = plan.metrics().into_iter().collect();
    let inputs = plan.children().into_iter();
    all.extend(inputs.flat_map(|input| counted(input.as_ref())));
    all
}

/// Files, rows and bytes that operators wrote because they had no room.
fn spilled(counted: &[MetricsSet]) -> [usize; 3] {
    let sum = |of: fn(&MetricsSet) -> Option<usize>| counted.iter().filter_map(of).sum();
    [
        sum(MetricsSet::spill_count),
        sum(MetricsSet::spilled_rows),
        sum(MetricsSet::spilled_bytes),
    ]
}

/// What an operator said when it gave up.
fn words(panic: &(dyn Any + Send)) -> String {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let said = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    said.unwrap_or("without a word").to_owned()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;
    use datafusion::physical_plan::empty::EmptyExec;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

    use super::*;

    #[tokio::test]
    async fn a_query_whose_task_panics_is_an_error_and_not_the_end_of_its_rows() {
        let schema = Arc::new(Schema::empty());
        let rows = futures::stream::once(async { panic!("as a defect of an operator would") });
        let rows_schema = Arc::clone(&schema);
        let open = || -> Result<SendableRecordBatchStream, DataFusionError> {
            Ok(Box::pin(RecordBatchStreamAdapter::new(rows_schema, rows)))
        };
        let handle = tokio::runtime::Handle::current();
        let plan = Arc::new(EmptyExec::new(schema));
        let mut stream = BatchStream::drive("q".to_owned(), plan, open, &handle);
        let error = stream.next_batch().await.unwrap_err();
        let told = "q: the engine gave up: as a defect of an operator would";
        assert_eq!(error.to_string(), told);
        assert!(error.hint().unwrap().contains("2 GB"), "{error}");
        assert!(stream.next_batch().await.unwrap().is_none());
    }
}
