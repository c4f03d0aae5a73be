//! Splitting a file into whole records, in blocks, so that the parsing of values can go on in parallel behind it.
//!
//! In: a file's text. Out: [`Block`]s. Every record of the file is in exactly one block, as a span or as a fault, with a
//! number of its own: this is what the books count as source rows.

use super::ExportError;
use super::block::{Block, Limits};
use super::csv_splitter::CsvSplitter;
use super::json_splitter::{JsonSplitter, NestedSplitter};

/// A splitter of either format.
pub enum Splitter {
    /// Separated values.
    Csv(Box<CsvSplitter>),
    /// JSON Lines.
    Json(JsonSplitter),
    /// Records inside the records of JSON Lines.
    Nested(NestedSplitter),
}

impl Splitter {
    /// The next block, `None` at the end of the file.
    ///
    /// # Errors
    /// [`ExportError::ReadFile`], [`ExportError::DamagedGzip`].
    pub fn next_block(&mut self, limits: Limits) -> Result<Option<Block>, ExportError> {
        match self {
            Self::Csv(splitter) => splitter.next_block(limits),
            Self::Json(splitter) => splitter.next_block(limits),
            Self::Nested(splitter) => splitter.next_block(limits),
        }
    }
}
