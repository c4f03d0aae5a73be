//! One file through the pipeline: a reading thread, converters in parallel, batches in the order of the file.
//!
//! In: a file and its [`Conversion`]. Out: a stream of [`Converted`]. At most a few blocks are in flight; dropping
//! the stream stops the reader at its next block.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::convert::{Conversion, Converted};
use super::input::InputFile;
use super::{Settings, StageError};
use crate::staging::read_ahead;
use crate::usercom::{Block, Export, ExportError, Limits, Splitter, keys};

/// Blocks that were cut and wait for a converter.
const WAITING: usize = 4;

/// Most bytes of a block.
const BLOCK_BYTES: usize = 512 << 10;

pub(super) fn limits(settings: &Settings) -> Limits {
    Limits {
        block_rows: settings.batch_rows.max(1),
        block_bytes: BLOCK_BYTES,
        record_bytes: settings.record_bytes.max(1024),
    }
}

/// Reads and converts one file.
pub(super) fn convert_file(
    settings: &Settings,
    export: &Export,
    input: &InputFile,
    conversion: Arc<Conversion>,
) -> impl Stream<Item = Result<Converted, StageError>> + Unpin + use<> {
    let (sender, receiver) = mpsc::channel::<Result<Block, ExportError>>(WAITING);
    let mut reader = JoinSet::new();
    let (export, input, limits) = (export.clone(), input.clone(), limits(settings));
    let plan = Arc::clone(&conversion);
    reader.spawn_blocking(move || {
        let mut result = open(&export, &input, limits, &plan);
        loop {
            let next = match &mut result {
                Ok(Some(splitter)) => splitter.next_block(limits).transpose(),
                Ok(None) => None,
                Err(_) => None,
            };
            match next {
                Some(block) => {
                    let failed = block.is_err();
                    if sender.blocking_send(block).is_err() || failed {
                        return;
                    }
                }
                None => break,
            }
        }
        if let Err(error) = result {
            // The receiver may be gone; then nobody waits for the error.
            let _ = sender.blocking_send(Err(error));
        }
    });
    let blocks = stream::unfold(
        (receiver, reader),
        |(mut receiver, mut reader)| async move {
            match receiver.recv().await {
                Some(block) => Some((block.map_err(StageError::from), (receiver, reader))),
                None => {
                    // The reader has ended; a panic in it must not look like the end of the file.
                    if let Some(Err(error)) = reader.join_next().await
                        && error.is_panic()
                    {
                        std::panic::resume_unwind(error.into_panic());
                    }
                    None
                }
            }
        },
    );
    let in_flight = settings.threads.max(1) + 1;
    let converted = blocks
        .map(move |block| convert(block, Arc::clone(&conversion)))
        .buffered(in_flight);
    // While the caller writes, nobody would poll the converters.
    read_ahead(converted, WAITING)
}

fn open(
    export: &Export,
    input: &InputFile,
    limits: Limits,
    conversion: &Conversion,
) -> Result<Option<Splitter>, ExportError> {
    let opened = keys::open(
        export,
        &input.file,
        input.nested,
        limits.record_bytes,
        Arc::default(),
    )?;
    Ok(opened.map(|(mut splitter, _)| {
        if let Splitter::Csv(csv) = &mut splitter {
            let id = conversion
                .plan
                .sources
                .first()
                .and_then(|sources| sources.first());
            csv.set_id_column(id.map(|source| source.input), conversion.text_keys);
        }
        splitter
    }))
}

async fn convert(
    block: Result<Block, StageError>,
    conversion: Arc<Conversion>,
) -> Result<Converted, StageError> {
    let block = block?;
    let table = conversion.table.clone();
    let mut worker = JoinSet::new();
    worker.spawn_blocking(move || conversion.convert(&block));
    match worker.join_next().await {
        Some(Ok(converted)) => converted,
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        _ => Err(StageError::Stopped { table }),
    }
}
