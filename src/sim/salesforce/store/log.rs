//! The log of one table: an append-only file of batches, each written with one call.
//!
//! In: the rows a batch put or purged, and the results of the job chunk it came from. Out: the same, at the next start.
//! Bytes given to the system survive a killed process; nothing is forced to disk, so a power cut may cost the tail. A
//! batch cut short is dropped whole. Layout, little endian: `u32 length, u8 kind, body`; a `B` body is `u64 job,
//! u32 chunk, u32 results length, results`, then `u32 position, u32 length, row` repeated (length `u32::MAX` = purged);
//! an `F` body is the JSON list of field names that the numbers in later rows mean.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

const PURGED: u32 = u32::MAX;
const BATCH: u8 = b'B';
const FIELDS: u8 = b'F';

/// The chunk of a Bulk job that a batch carries out, with its results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Number of the job.
    pub(crate) job: u64,
    /// Number of the chunk within the job.
    pub(crate) chunk: u32,
    /// What the job's results file gets for the chunk.
    pub(crate) results: Vec<u8>,
}

/// One entry of a log, in the order of writing.
pub(super) enum Entry<'a> {
    Fields(Vec<String>),
    Mark(Mark),
    Put(u32, &'a [u8]),
    Purge(u32),
}

/// The open end of a log.
pub(super) struct Log {
    file: File,
    body: Vec<u8>,
}

impl Log {
    /// Opens a log for appending, cutting off everything after the last whole batch (`good` bytes).
    pub(super) fn append(path: &Path, good: u64) -> io::Result<Self> {
        let file = crate::private::options()
            .create(true)
            .append(true)
            .open(path)?;
        file.set_len(good)?;
        Ok(Self {
            file,
            body: Vec::new(),
        })
    }

    /// Says what field numbers mean from here on.
    pub(super) fn fields(&mut self, names: &[String]) -> io::Result<()> {
        let json = serde_json::to_vec(names).map_err(io::Error::other)?;
        self.write(FIELDS, &json)
    }

    pub(super) fn put(&mut self, position: u32, row: &[u8]) {
        self.body.extend_from_slice(&position.to_le_bytes());
        self.body.extend_from_slice(&length(row).to_le_bytes());
        self.body.extend_from_slice(row);
    }

    pub(super) fn purge(&mut self, position: u32) {
        self.body.extend_from_slice(&position.to_le_bytes());
        self.body.extend_from_slice(&PURGED.to_le_bytes());
    }

    /// Writes what was put and purged since the last call, if anything, as one batch.
    pub(super) fn commit(&mut self, mark: Option<&Mark>) -> io::Result<()> {
        if self.body.is_empty() && mark.is_none() {
            return Ok(());
        }
        let (job, chunk, results) =
            mark.map_or((0, 0, &[][..]), |m| (m.job, m.chunk, m.results.as_slice()));
        let mut head = Vec::with_capacity(16 + results.len() + self.body.len());
        head.extend_from_slice(&job.to_le_bytes());
        head.extend_from_slice(&chunk.to_le_bytes());
        head.extend_from_slice(&length(results).to_le_bytes());
        head.extend_from_slice(results);
        head.append(&mut self.body);
        self.write(BATCH, &head)
    }

    fn write(&mut self, kind: u8, body: &[u8]) -> io::Result<()> {
        let mut record = Vec::with_capacity(body.len() + 5);
        record.extend_from_slice(&length(body).to_le_bytes());
        record.push(kind);
        record.extend_from_slice(body);
        self.file.write_all(&record)
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(PURGED)
}

/// Reads a log from its start; returns the bytes of whole records. A missing file is an empty log.
pub(super) fn replay(path: &Path, mut each: impl FnMut(Entry<'_>)) -> io::Result<u64> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut good = 0u64;
    let mut body = Vec::new();
    while size - good >= 5 {
        let mut head = [0u8; 5];
        reader.read_exact(&mut head)?;
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        if size - good - 5 < u64::from(length) {
            break;
        }
        body.resize(usize::try_from(length).unwrap_or(0), 0);
        reader.read_exact(&mut body)?;
        let understood = match head[4] {
            FIELDS => serde_json::from_slice(&body)
                .map(|names| each(Entry::Fields(names)))
                .is_ok(),
            BATCH => batch(&body, &mut each).is_some(),
            _ => false,
        };
        if !understood {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "log holds a record that is no batch",
            ));
        }
        good += 5 + u64::from(length);
    }
    Ok(good)
}

fn batch(mut body: &[u8], each: &mut impl FnMut(Entry<'_>)) -> Option<()> {
    let (job, rest) = body.split_first_chunk::<8>()?;
    let (chunk, rest) = rest.split_first_chunk::<4>()?;
    let (results_length, rest) = rest.split_first_chunk::<4>()?;
    let (results, rest) =
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*results_length)).ok()?)?;
    let job = u64::from_le_bytes(*job);
    if job != 0 {
        each(Entry::Mark(Mark {
            job,
            chunk: u32::from_le_bytes(*chunk),
            results: results.to_vec(),
        }));
    }
    body = rest;
    while !body.is_empty() {
        let (position, rest) = body.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (position, length) = (u32::from_le_bytes(*position), u32::from_le_bytes(*length));
        if length == PURGED {
            each(Entry::Purge(position));
            body = rest;
        } else {
            let (row, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            each(Entry::Put(position, row));
            body = rest;
        }
    }
    Some(())
}
