//! Claims about the simulated org as a whole, over HTTP.

mod activities;
pub(super) mod assertions;
mod bulk;
mod campaigns;
mod contacts;
mod control;
mod custom_objects;
mod delta;
mod deployments;
mod destructive;
mod emails;
mod features;
mod files;
mod job_faults;
mod life;
mod locks;
mod login;
mod metadata;
mod persistence;
mod preflight;
mod products;
mod query;
mod record_types;
mod rows;
mod settings;
mod support;
mod topics;
