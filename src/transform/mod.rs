//! The SQL project: which queries there are, in what order they run, and what their rows become.
//!
//! In: `queries/` (the defaults and the project's own) over the staged tables. Out: `prepare.*` tables and the
//! `outbox.*` parts that will be sent. Never: HTTP, or a second list of anything that a query already says.

mod custom_objects;
mod dead;
mod error;
mod fallback;
mod graph;
mod header;
mod lineage;
mod model;
mod notes;
mod outbox;
mod project;
mod query_file;
mod route;

pub use custom_objects::{
    CustomObject, Generated, MetadataKeys, generate as generate_custom_objects,
};
pub use dead::{Dead, Identity, identity};
pub use error::TransformError;
pub use graph::{Step, order};
pub use lineage::lineage;
pub use model::{write_model, write_table};
pub use outbox::{
    CANARY_ROWS, KEY_APART, Outbox, OutboxRequest, key_texts, outbox_schema, sent_columns,
    write_outbox,
};
pub use project::{GENERATED, Queries};
pub use query_file::{Api, DeclaredField, Kind, Operation, QueryFile};
pub use route::{AUDIT_FIELDS, Columns, FILE, RowOperation};
