//! How far a job came before the process ended.
//!
//! In: its results file, and marks in the logs of tables. Out: the file, complete, and where in the upload to go on.

use std::io;

use super::super::lock::lock;
use super::super::org::Org;
use super::job::IngestJob;
use super::results::{ResultsFile, chunks};

/// The results file of a job and where to go on.
pub(super) struct Resumed {
    pub(super) results: ResultsFile,
    pub(super) chunk: u32,
    /// Where in the upload to go on.
    pub(super) position: Option<u64>,
}

impl Resumed {
    /// Opens the file of a job, with what reached a table's log and not the file.
    pub(super) fn open(org: &Org, job: &IngestJob) -> io::Result<Self> {
        let path = job.file("results");
        let known = chunks(&path)?;
        let mut results = ResultsFile::open(&path, &known)?;
        let mut all = known;
        // A chunk that reached the table's log, but whose results were not written any more.
        for mark in org.ingest.marks(job.number()) {
            if usize::try_from(mark.chunk).is_ok_and(|at| at >= all.len()) {
                results.append(&mark.results)?;
                all = chunks(&path)?;
            }
        }
        let mut status = lock(&job.status);
        status.processed = all.iter().map(|chunk| u64::from(chunk.span.rows)).sum();
        status.failed = all.iter().map(|chunk| u64::from(chunk.failed)).sum();
        Ok(Self {
            results,
            chunk: u32::try_from(all.len()).unwrap_or(u32::MAX),
            position: all
                .last()
                .map(|chunk| chunk.span.start + u64::from(chunk.span.length)),
        })
    }
}
