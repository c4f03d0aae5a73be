//! Metadata deployments: a zip of XML changes the schema (reference/salesforce.md §5).
//!
//! In: a zip and deploy options. Out: a [`Deployment`] that passes through Pending and InProgress to its result, and, if
//! it succeeds and was no check, a new schema in force. [`package`] unpacks, [`xml`] reads, [`field`] and [`permission`]
//! turn elements into definitions, [`carry_out`] applies them all or, on error, none. Known so far: custom fields,
//! permission sets, standard value sets of stages and lead statuses; other types are component failures that say so.

mod carry_out;
mod component;
mod field;
mod object;
mod package;
mod permission;
mod status;
mod value_set;
mod xml;

pub(crate) use carry_out::carry_out;
pub(crate) use status::{Deployment, Deployments, Options};
