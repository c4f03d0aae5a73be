//! The destination schema: prepares an organisation for what the load queries will send. In come the columns that
//! they send, the stage matrix and the organisation's own description; out come a plan (create, change, permit, unchanged,
//! conflicting), a deployable package, and its deployment or removal. It creates, grants and enlarges fields of its own, and
//! never changes or deletes what somebody else made; it reads no rows.
//!
//! ```text
//! Wanted ─▶ derive ─▶ CustomField, Pipeline, Stage ┐
//!           inspect ─▶ OrgSchema ──────────────────┴▶ compare ─▶ SchemaPlan ─▶ Package ─▶ check | deploy ─▶ assign
//! ```
//!
//! The package holds what is missing and two permission sets: one lets the loader see the fields, since a field that
//! was only deployed is invisible to the API (`guide/salesforce.md` §5.2), the other one people. Deploying twice changes
//! nothing, because the second comparison finds nothing missing.

mod compare;
mod component;
mod conversion;
mod deploy;
mod derive;
mod error;
mod field_type;
mod inspect;
mod name;
mod package;
mod permission;
mod plan;
mod sales;
mod xml;

pub use compare::{OrgSchema, Wanted, compare, misfits, takes};
pub use conversion::LeadConversion;
pub use deploy::{DeployReport, apply, check, remove};
pub use derive::{CustomField, ValidationRule, WantedField, WantedObject};
pub use error::{ComponentFailure, Error, Result};
pub use field_type::{FieldType, ReadFieldTypeError};
pub use inspect::inspect;
pub use name::{definition_object, free_name, suggestion as field_name};
pub use package::Package;
pub use permission::{LOADER_SET, USERS_SET};
pub use plan::{Change, ComponentName, Conflict, FieldName, Notice, SchemaPlan};
pub use sales::{OrgSales, Pipeline, Stage, WantedStage};
