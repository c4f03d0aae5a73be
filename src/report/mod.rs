//! Documents for people: a Markdown report per phase and the run's summary.
//!
//! In: counted reports. Out: text. Never: a number of its own.

mod document;
mod effort;
mod phase;
mod plain;
mod reasons;
mod segments;
mod summary;
mod table;

pub use document::{Cell, Column, Document, Part, SHOWN_ROWS, Table, html, markdown_document};
pub use effort::Effort;
pub use phase::phase_document;
pub use plain::{
    UTF8_MARK, markdown, plain, spreadsheet, spreadsheet_cell, spreadsheet_rows, without_apostrophe,
};
pub use reasons::{Reason, reason, reasons};
pub use segments::{SegmentText, segments_document};
pub use summary::{FATE_HEAD, OUTCOME_HEAD, RunSummary, SOURCE_HEAD, TableRow};
pub use table::{fitted, number, table};
