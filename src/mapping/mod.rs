//! The customer's decisions as tables, and the confirmed field map as the `mapped.*` views.
//!
//! In: `config/*.csv` and the staged tables' schemas. Out: `config.*` tables, and for each source table a view
//! with its standard columns, `in_scope` and why not (`scope_reason`), a business-day twin of every instant (`won_at` → `won_on`) and one
//! struct column `custom` whose children are the confirmed fields, named and typed for Salesforce.
//! Never: a field that nobody confirmed.

mod confirm;
mod decisions;
mod edit_policy;
mod error;
mod field_map;
mod history;
mod ignored;
mod known_fields;
mod proposals;
mod proposed_rows;
mod sample;
mod value_map;
mod views;

pub use confirm::{
    Action, Facts, Signature, StagedTypes, decide_fields, decide_values, field_state,
    save_decisions, value_state,
};
pub(crate) use decisions::value_problem;
pub use decisions::{
    DecisionFile, DecisionRow, DeclaredColumn, DeclaredFile, FILLED_IN, PLACE, Sheet,
    check_decisions, decision_rows, declared_files, further_files, proposed_column,
    publish_decisions, read_sheet, readable_rows, template, templates,
};
pub use edit_policy::{Alike, Decided, EditPolicies, FieldPolicy, Side};
pub use error::MappingError;
pub(crate) use error::{CORRECT, told};
pub use field_map::{FieldMap, MapRow, Status};
pub use history::UserHistory;
pub use ignored::IgnoredColumns;
pub use known_fields::{FieldProblem, KnownField, KnownFields, is_custom};
pub use proposals::{FIELD_MAP, ProposedField, ProposedValue, write_fields, write_values};
pub use proposed_rows::ProposedRows;
pub use sample::{SAMPLE, SampleQuery, sample_queries};
pub use value_map::{VALUE_MAP, ValueMap, ValueRow};
pub use views::{
    CUSTOM, mapped_views, misfits, scope_rule, scope_table, stale, type_word, unmapped, unmentioned,
};
