//! The source: what a User.com export may look like, and how it is read.
//!
//! In: files of an export, a folder or a prefix in an object store (`guide/usercom.md` §6). Out: records cut
//! from those files, blobs as streams, the declared tables, and parsers that turn one cell into one typed value or a reason why
//! not. Nothing here but `extract`, which makes such files, writes anything, and nothing knows Arrow builders; `stage` does.
//!
//! ```text
//! User.com ──api──▶ pages ──extract──▶ export files
//! export ──list──▶ ExportFile ──decode──▶ bytes ──split──▶ Block (whole records) ──▶ stage
//!                      │                    CSV: csv_splitter, JSON Lines: json_splitter
//!                      └─ object, format
//! schema + objects (declared columns, aliases)  ─┐
//! attributes, custom (the customer's definitions)├─layout──▶ Arrow schema, one plan of sources per file
//! header (normalised and sanitised names)       ─┘
//! ```

pub mod api;
mod attribute_names;
pub mod attributes;
mod blobs;
mod block;
pub mod capabilities;
pub mod cell;
pub mod code_page;
mod csv_splitter;
pub mod custom;
mod decode;
mod error;
mod export;
pub mod extract;
pub mod header;
mod json_scan;
mod json_splitter;
pub mod json_text;
pub mod keys;
pub mod layout;
mod objects;
pub mod probe;
pub mod schema;
mod split;

pub use blobs::{Blob, Blobs, MeasuredBlob};
pub use block::{Block, Limits, RecordSpan, RowFault, SplitFault, VALUE_CAP};
pub use decode::DecodedReader;
pub use error::ExportError;
pub use export::{Export, ExportFile, Format, Ignored, IgnoredReason, Listing};
pub use header::sanitise;
pub use keys::{FileKeys, read_keys};
pub use objects::{OBJECTS, object};
pub use split::Splitter;
