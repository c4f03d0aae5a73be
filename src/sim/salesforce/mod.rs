//! A stateful Salesforce over HTTP.
//!
//! In: REST, Bulk API 2.0, Metadata and login requests, as any client of Salesforce sends them. Out: what the real service
//! would answer, following `guide/salesforce.md`; where that says "unknown", the most plausible behaviour, named as
//! such in the code. It behaves like the real thing where it hurts: results unordered and coerced, header errors only
//! after the upload, partial success, token expiry, field-level security, quotas.
//!
//! ```text
//! rest ──▶ write ──▶ rules, cascade ──▶ org (state) ──▶ model ──▶ schema: what exists
//!   │        │ ▲          │               │               └────▶ store: rows (rows/*.log)
//!   │        │ └─ effects ┘               ├──▶ blobs (blobs/*), jobs (jobs/*), sessions, faults, statistics
//!   │        └──▶ change: the words of them all
//!   ├──▶ bulk: workers ──▶ write          ├──▶ soql + view: reading
//!   └──▶ deploy, setup, life ──▶ write    └──▶ row_locks
//! ```
//!
//! The org is state and knows no rule; rules look at it and return effects as data; `write` alone applies them.
//!
//! The state folder holds `org.json` (identity and deployed metadata), `rows/` (a log per object), `jobs/` (uploads,
//! results, job states), `blobs/` (contents of files) and, with tls, `ca.pem`. A second start with the same folder meets the same org.
//!
//! [`SalesforceSimOptions`] decide which optional features the org has, which settings are on, how much it stores, whether it has several currencies, how long batches take and
//! whether rows and their parents are locked while they are written.
//!
//! Tests steer it through `/control/…`, which is no part of Salesforce: `POST /control/expire` ends all sessions,
//! `POST /control/faults` schedules faults (`{"method", "path" with *, "skip", "times", "delay_ms", "answer_delay_ms",
//! "status", "headers", "body", "drop": "before"|"after", "truncate", "expire"}`), `GET /control/statistics` counts requests and rows,
//! `POST /control/rows` edits or makes a row as a user would, `POST /control/jobs` schedules faults of Bulk
//! jobs (`{"object", "operation", "skip", "times"}` and `"fail_after"`, `"abort_after"`: a share of the rows, `"error"`,
//! `"batch_deaths"`, `"quota"`, `"late_results_ms"`, `"rows": {"every", "code", "message", "attempts"}`), [`SalesforceSimOptions::scenario`]
//! names a file with both kinds of faults; `POST /control/expire_jobs` forgets finished jobs; `POST /control/convert_lead`,
//! `merge`, `delete`, `undelete` do to records what users do meanwhile; `POST /control/settings` changes the life of sessions,
//! `POST /control/deployments` makes the next deployment slow or broken, `GET /control/lead_convert` shows how leads are
//! mapped.

mod assertion;
mod blobs;
mod bulk;
mod cascade;
mod change;
mod deploy;
mod edit;
mod error;
mod faults;
mod hold;
mod ids;
mod job_faults;
mod lead_convert;
mod life;
mod lock;
mod model;
mod options;
mod org;
mod persons;
mod picklists;
mod profiles;
mod record_types;
mod rest;
mod row_locks;
mod rules;
mod scenario;
mod schema;
mod server;
mod sessions;
mod setup;
mod soql;
mod stages;
mod state_file;
mod statistics;
mod storage;
mod store;
#[cfg(test)]
mod tests;
mod tls;
mod tooling;
mod upkeep;
mod view;
mod write;

pub use error::SimError;
pub use options::{
    Edition, Feature, SalesforceSimOptions, Setting, UnknownEdition, UnknownFeature, UnknownSetting,
};
pub use server::{CONTROL_TOKEN, OpenedOrg, Simulator};
