//! Metadata deployments: a zip of XML changes the schema (`guide/salesforce.md` §5).
//!
//! In: a zip and deploy options. Out: a [`Deployment`] that passes through Pending and InProgress to its result, and, if
//! it succeeds and was no check, a new schema in force. [`package`] unpacks, [`xml`] reads, [`field`], [`record_type`],
//! [`permission`] and their like turn elements into definitions, [`draft`] and [`destruction`] gather them,
//! [`carry_out`] applies them all or, on error, none. Known: custom objects and fields, business processes, record
//! types, permission sets, five standard value sets, the mapping of converted leads; other types are component failures
//! that say so. [`hold`] makes deployments slow or broken for tests.

mod carry_out;
mod component;
mod destruction;
mod draft;
mod field;
mod hold;
mod lead_convert;
mod object;
mod package;
mod permission;
mod record_type;
mod status;
mod validation_rule;
mod value_set;
mod xml;

pub(crate) use carry_out::carry_out;
pub(crate) use hold::Trial;
pub(crate) use status::{DeployOptions, Deployment, Deployments};
