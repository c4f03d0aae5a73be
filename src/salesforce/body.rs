//! Bodies in motion: an upload that is watched for standstill and for errors of the caller's own stream, and
//! a download handed out chunk by chunk. Neither is ever held in memory as a whole; answers that are have a limit.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use reqwest::Response;
use tokio::time::Instant;

use super::{Error, Result, call, failure::Failure};

/// Bytes of the longest answer that is read as a whole. The longest that Salesforce gives are pages of 2,000 rows with long texts
/// and descriptions of objects, some ten megabytes; results of jobs and files are streams.
const LONGEST_ANSWER: usize = 256 << 20;

/// Follows an upload: when its last byte was taken, and whether the caller's stream failed.
#[derive(Clone)]
pub(super) struct Watch {
    moved: Arc<Mutex<Instant>>,
    error: Arc<Mutex<Option<io::Error>>>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            moved: Arc::new(Mutex::new(Instant::now())),
            error: Arc::default(),
        }
    }
}

impl Watch {
    pub(super) fn follow(
        &self,
        source: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let watch = self.clone();
        source.map(move |item| {
            *lock(&watch.moved) = Instant::now();
            item.map_err(|error| {
                let kind = error.kind();
                *lock(&watch.error) = Some(error);
                kind.into()
            })
        })
    }

    pub(super) fn take_error(&self) -> Option<io::Error> {
        lock(&self.error).take()
    }

    /// Completes when nothing has moved for `idle`.
    pub(super) async fn stalled(&self, idle: Duration) {
        loop {
            let deadline = *lock(&self.moved) + idle;
            if Instant::now() >= deadline {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }
}

/// A response body being read.
pub(super) struct Chunks {
    response: Response,
    request: String,
    received: u64,
    idle: Duration,
}

impl Chunks {
    /// The body of `response` as a stream that ends with an error when nothing arrives for `idle`.
    pub(super) fn stream(
        response: Response,
        request: String,
        idle: Duration,
    ) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        let body = Self {
            response,
            request,
            received: 0,
            idle,
        };
        stream::try_unfold(body, Self::next)
    }

    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        let source = match tokio::time::timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                self.received += chunk.len() as u64;
                return Ok(Some((chunk, self)));
            }
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(error)) => Some(Arc::new(error.without_url())),
            Err(_) => None,
        };
        Err(Error::ReadBody {
            request: self.request,
            received: self.received,
            source,
        })
    }
}

/// Reads a whole body, however long it takes as long as something arrives within `idle`. One that does not end is no answer of
/// the API.
pub(super) async fn read_all(response: Response, idle: Duration) -> Result<Bytes, Failure> {
    read_up_to(response, idle, LONGEST_ANSWER).await
}

async fn read_up_to(
    mut response: Response,
    idle: Duration,
    longest: usize,
) -> Result<Bytes, Failure> {
    let mut body = Vec::new();
    loop {
        match tokio::time::timeout(idle, response.chunk()).await {
            Ok(Ok(Some(chunk))) if body.len() + chunk.len() > longest => {
                let status = response.status().as_u16();
                return Err(Failure {
                    message: Some(format!(
                        "more than {longest} bytes, which no answer of the API has"
                    )),
                    ..call::malformed(status)
                });
            }
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Ok(Ok(None)) => return Ok(body.into()),
            Ok(Err(error)) => return Err(call::transport_failure(error)),
            Err(_) => return Err(call::idle_failure()),
        }
    }
}

/// Locks for a moment; the data behind these locks is whole after every statement.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_longer_than_any_of_the_api_is_given_up() {
        let idle = Duration::from_secs(5);
        let answer = |chunks: usize| {
            let chunk = || Ok::<_, io::Error>(Bytes::from_static(&[b'x'; 100]));
            let body = reqwest::Body::wrap_stream(stream::repeat_with(chunk).take(chunks));
            Response::from(axum::http::Response::new(body))
        };
        let failure = read_up_to(answer(11), idle, 1000).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.kind, super::super::FailureKind::Malformed);
        assert!(failure.message.unwrap().contains("more than 1000 bytes"));
        let whole = read_up_to(answer(10), idle, 1000).await;
        assert_eq!(whole.unwrap().len(), 1000);
    }
}
