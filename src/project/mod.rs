//! The SQL project: which queries there are, what their headers say, in what order they run, and where their columns come from.
//!
//! In: `queries/`, the defaults and the project's own. Out: parsed [`QueryFile`]s and their order. Never: a query that
//! is run, or a second list of anything that a query already says.

mod error;
#[cfg(test)]
mod form_tests;
mod header;
mod lineage;
mod misplaced;
mod order;
mod provenance;
mod queries;
mod query_file;
mod select;
mod syntax;
mod way;

pub use error::ProjectError;
pub use lineage::{Lineage, Lineages, lineages};
pub use order::{Step, order};
pub use provenance::{Provenance, provenance};
pub use queries::{GENERATED, Origin, Queries};
pub(crate) use queries::{default_text, own_or_default};
pub use query_file::{Api, DeclaredField, DeclaredRule, Grain, Operation, QueryFile, QueryKind};
pub use select::Selection;
pub(crate) use select::loads_behind;
pub(crate) use syntax::{parameters, with_parameters};
pub use way::Way;
