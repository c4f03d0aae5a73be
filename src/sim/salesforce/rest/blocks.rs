//! CSV answers, made block by block.
//!
//! In: the results of an ingest job, or spans of a result file. Out: a streamed answer, compressed only if asked for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::stream;

use super::super::bulk::ResultStream;
use super::call::Call;

/// Spans of a file, read one after the other.
pub(super) struct FilePart {
    pub(super) file: File,
    /// From and until.
    pub(super) spans: Vec<(u64, u64)>,
}

impl FilePart {
    /// The next block; none at the end.
    fn block(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        while self.spans.first().is_some_and(|(start, end)| start >= end) {
            self.spans.remove(0);
        }
        let Some((start, end)) = self.spans.first_mut() else {
            return Ok(None);
        };
        let length = (*end - *start).min(1 << 18);
        let mut block = vec![0; usize::try_from(length).unwrap_or(0)];
        self.file.seek(SeekFrom::Start(*start))?;
        self.file.read_exact(&mut block)?;
        *start += length;
        Ok(Some(block))
    }
}

/// Where a CSV answer comes from.
pub(super) enum BlockSource {
    Results(Box<ResultStream>),
    /// Blocks ready to be read from a file.
    File(FilePart),
}

impl BlockSource {
    fn block(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        match self {
            Self::Results(stream) => stream.block(),
            Self::File(part) => part.block(),
        }
    }
}

/// A CSV answer, made block by block off the async threads, compressed only if asked for.
pub(super) fn csv(call: &Call, source: BlockSource) -> Response {
    let gzip = call
        .header("accept-encoding")
        .is_some_and(|accepted| accepted.contains("gzip"));
    let encoder = gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
    let blocks = stream::try_unfold(Some((source, encoder)), |state| async move {
        let Some((source, encoder)) = state else {
            return Ok(None);
        };
        let work = move || next_block(source, encoder);
        tokio::task::spawn_blocking(work)
            .await
            .map_err(std::io::Error::other)?
    });
    let mut response = Response::new(Body::from_stream(blocks));
    response.headers_mut().insert(
        "content-type",
        HeaderValue::from_static("text/csv; charset=UTF-8"),
    );
    if gzip {
        response
            .headers_mut()
            .insert("content-encoding", HeaderValue::from_static("gzip"));
    }
    response
}

type Streaming = Option<(BlockSource, Option<GzEncoder<Vec<u8>>>)>;

fn next_block(
    mut source: BlockSource,
    mut encoder: Option<GzEncoder<Vec<u8>>>,
) -> std::io::Result<Option<(Bytes, Streaming)>> {
    let Some(block) = source.block()? else {
        return match encoder {
            Some(encoder) => Ok(Some((Bytes::from(encoder.finish()?), None))),
            None => Ok(None),
        };
    };
    let bytes = match &mut encoder {
        Some(encoder) => {
            encoder.write_all(&block)?;
            std::mem::take(encoder.get_mut())
        }
        None => block,
    };
    Ok(Some((Bytes::from(bytes), Some((source, encoder)))))
}
