//! Rows → what Salesforce accepts.
//!
//! In: record batches of an outbox. Out: CSV bytes for Bulk API 2.0 (`guide/salesforce.md` §1.6), and a
//! fingerprint of each row's bytes. Null is an empty cell, a cleared field is `#N/A`, an instant has milliseconds
//! and `Z`, a list is joined with `;`. Never: trimming, positional meaning, or a value changed in silence: what
//! does not fit a field is changed by its [`policy`](ValuePolicy) and listed.

mod address;
mod cell;
mod error;
mod fit;
mod html;
mod limit;
mod policy;
mod row;
mod text;

pub use address::address_in;
pub use cell::Cells;
pub use error::EncodeError;
pub use html::{note_html, visible_text};
pub use limit::{Altered, FieldLimit, Policy};
pub use policy::{RAW_VALUES, ValuePolicy};
pub use row::{Digests, RowEncoder};
pub use text::is_invisible;
