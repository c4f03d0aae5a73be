//! Batches handed from the engine's runtime to the rest of the program, a few at a time.

use std::pin::Pin;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::EngineError;

/// Batches in flight between the two runtimes.
const IN_FLIGHT: usize = 4;

/// A bounded stream of record batches; dropping it stops the query.
#[derive(Debug)]
pub struct BatchStream {
    schema: SchemaRef,
    receiver: mpsc::Receiver<Result<RecordBatch, EngineError>>,
    _worker: JoinSet<()>,
}

impl BatchStream {
    pub(super) fn drive(
        query: String,
        mut source: SendableRecordBatchStream,
        handle: &tokio::runtime::Handle,
    ) -> Self {
        let schema = source.schema();
        let (sender, receiver) = mpsc::channel(IN_FLIGHT);
        let mut worker = JoinSet::new();
        worker.spawn_on(
            async move {
                while let Some(batch) = source.next().await {
                    let batch = batch.map_err(|source| EngineError::Run {
                        query: query.clone(),
                        source: Box::new(source),
                    });
                    if sender.send(batch).await.is_err() {
                        return;
                    }
                }
            },
            handle,
        );
        Self {
            schema,
            receiver,
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
    /// [`EngineError::Run`].
    pub async fn next_batch(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        self.receiver.recv().await.transpose()
    }
}

impl Stream for BatchStream {
    type Item = Result<RecordBatch, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context)
    }
}
