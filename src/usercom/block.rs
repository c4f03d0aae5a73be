//! Whole records of a file, and the part of the file that is in memory while they are split off.
//!
//! In: a [`DecodedReader`]. Out: [`Block`]s: the text of whole records with their numbers and positions, and the
//! places where no record could be split off. Memory: one block and one record, both capped. Never: a format; where a
//! record ends is for the splitters to say.

use super::{DecodedReader, ExportError};

/// Bytes read at a time.
pub(super) const CHUNK: u64 = 256 * 1024;

/// Longest verbatim value that is kept for a reject.
pub const VALUE_CAP: usize = 64 * 1024;

/// One record inside a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSpan {
    /// Start in the block's bytes.
    pub start: u32,
    /// End in the block's bytes, line end excluded.
    pub end: u32,
    /// Number of the record in its file, from 1.
    pub row: u64,
    /// Position of its first byte in the file's text.
    pub byte: u64,
}

/// Why a whole record was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowFault {
    /// A quote that does not close, or closes in the middle of a value. The region up to the next line that is a record by itself counts as one record.
    UnclosedQuote,
    /// Longer than the cap. In CSV a quote that stays open counts as [`Self::UnclosedQuote`] instead.
    RecordTooLarge,
    /// Not UTF-8.
    BadEncoding,
    /// More or fewer values than the header.
    RaggedRow,
    /// Not a JSON object.
    UnparsableJson,
    /// Without an id.
    MissingId,
    /// With an id that is no positive whole number.
    UnparsableId,
    /// An older version of another row.
    Superseded,
}

impl RowFault {
    /// The code that goes into `rejects`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnclosedQuote => "unclosed_quote",
            Self::RecordTooLarge => "record_too_large",
            Self::BadEncoding => "bad_encoding",
            Self::RaggedRow => "ragged_row",
            Self::UnparsableJson => "unparsable_json",
            Self::MissingId => "missing_id",
            Self::UnparsableId => "unparsable_id",
            Self::Superseded => "superseded",
        }
    }
}

/// A record that could not be split off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitFault {
    /// Number of the record in its file, from 1.
    pub row: u64,
    /// Position of its first byte in the file's text.
    pub byte: u64,
    /// Why.
    pub fault: RowFault,
    /// Its first bytes, up to [`VALUE_CAP`].
    pub start: Vec<u8>,
    /// How long it is.
    pub length: u64,
}

/// Whole records of one file.
#[derive(Debug, Default)]
pub struct Block {
    /// Text of the records, line ends included.
    pub bytes: Vec<u8>,
    /// Where each record is.
    pub spans: Vec<RecordSpan>,
    /// Records that could not be split off.
    pub faults: Vec<SplitFault>,
    /// Bytes of the stored file that were read when the block was complete.
    pub stored: u64,
}

impl Block {
    /// Source rows in the block.
    #[must_use]
    pub fn rows(&self) -> u64 {
        (self.spans.len() + self.faults.len()) as u64
    }

    pub(super) fn push(&mut self, text: &[u8], length: usize, row: u64, byte: u64) {
        // Blocks are capped far below 4 GiB.
        let start = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let end = u32::try_from(self.bytes.len() + length).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(text);
        self.spans.push(RecordSpan {
            start,
            end,
            row,
            byte,
        });
    }

    pub(super) fn is_full(&self, limits: Limits) -> bool {
        self.rows() as usize >= limits.block_rows || self.bytes.len() >= limits.block_bytes
    }
}

/// Sizes of blocks and records.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most records in a block.
    pub block_rows: usize,
    /// Bytes after which a block is closed.
    pub block_bytes: usize,
    /// Longest record.
    pub record_bytes: usize,
}

/// The part of a file that is in memory: what was read and not yet split.
pub(super) struct Window {
    reader: DecodedReader,
    buffer: Vec<u8>,
    start: usize,
    at_end: bool,
}

impl Window {
    pub(super) fn new(reader: DecodedReader) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            start: 0,
            at_end: false,
        }
    }

    pub(super) fn file(&self) -> &str {
        self.reader.file()
    }

    pub(super) fn data(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Position of the first byte of [`Self::data`] in the file's text.
    pub(super) fn position(&self) -> u64 {
        self.reader.position() - self.data().len() as u64
    }

    pub(super) fn stored(&self) -> u64 {
        self.reader.stored()
    }

    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.buffer.len());
    }

    /// Reads more behind what is there.
    pub(super) fn fill(&mut self) -> Result<(), ExportError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.at_end = self.reader.read_some(CHUNK, &mut self.buffer)? == 0;
        Ok(())
    }
}
