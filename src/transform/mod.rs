//! Models and outboxes: what the rows of the queries become.
//!
//! In: the queries of the project over the staged tables. Out: `prepare.*` tables and the `outbox.*` parts that will be
//! sent. Never: HTTP.

mod again;
mod base;
mod custom_object;
mod custom_object_sql;
mod custom_objects;
mod dead;
mod error;
mod fallback;
mod fate;
mod keys;
mod model;
mod notes;
mod outbox;
mod outbox_request;
mod parts;
mod route;
mod source_key;
mod unreadable;

pub use base::GoneFields;
pub use custom_object::{Constraint, CustomObject};
pub use custom_objects::{Generated, MetadataKeys, generate as generate_custom_objects};
pub use error::TransformError;
pub use model::{model_basis, write_model, write_table};
pub use outbox::{Outbox, write_outbox};
pub use outbox_request::OutboxRequest;
pub use source_key::source_keys;
pub use unreadable::{BETWEEN, CELLS, EMPTY, Unreadable};
