//! The customer's decisions as tables, and the confirmed field map as the `mapped.*` views.
//!
//! In: `config/*.csv` and the staged tables' schemas. Out: `config.*` tables, and for each source table a view
//! with its standard columns, `in_scope`, a business-day twin of every instant (`won_at` → `won_on`) and one
//! struct column `custom` whose children are the confirmed fields, named and typed for Salesforce.
//! Never: a field that nobody confirmed.

mod decisions;
mod edit_policy;
mod error;
mod field_map;
mod ignored;
mod views;

pub use decisions::{
    DecisionRow, Finding, check_decisions, decision_rows, publish_decisions, template, templates,
};
pub use edit_policy::{Decided, EditPolicies, FieldPolicy, Side};
pub use error::MappingError;
pub use field_map::{FieldMap, MapRow, Status};
pub use ignored::IgnoredColumns;
pub use views::{CUSTOM, mapped_views};
