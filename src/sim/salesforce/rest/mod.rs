//! The REST surface: one file per resource, one place that knows all paths.
//!
//! In: any request. Out: its answer. Every request is counted, may be struck by a fault, needs a live session unless it is
//! a login, and takes one API call of the daily allocation. Paths match whatever their case in the fixed parts, with or
//! without a slash at the end (`guide/salesforce.md` §1.1).

mod auth;
mod blocks;
mod call;
mod collections;
mod composite;
mod control;
mod deploy;
mod describe;
mod fault;
mod files;
mod ingest;
mod limits;
mod notes;
mod page;
mod query;
mod query_jobs;
mod records;
mod replication;
mod resource;
mod rows;
mod service;
mod soap;
mod soap_convert;
mod soap_undelete;
mod soap_xml;
mod tree;
mod versions;
mod writing;

use axum::Router;

pub(crate) use call::App;

/// The service of one org.
pub(crate) fn router(app: App) -> Router {
    Router::new().fallback(service::serve).with_state(app)
}
