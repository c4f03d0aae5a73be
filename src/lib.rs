//! `transload` moves a company's CRM from User.com (now Positive User) to Salesforce Sales Cloud.
//!
//! Everything is a table. Each step reads tables and writes tables; the staging area is the only interface between
//! steps, so any step can be run again, inspected with SQL, or run on another machine.
//!
//! ```text
//! export ─▶ usercom ─▶ stage ─▶ transform ─▶ load ─▶ Salesforce
//!                       │           │          │         │
//!                    usercom.*   prepare.*  ledger.*   org.*
//!                    rejects.*   outbox.*      └── reconcile ─▶ recon.* ─▶ report
//! ```
//!
//! The modules, in the order in which data flows:

pub mod error;

// `migration.toml` and the environment → settings.
pub mod config;
// DataFusion with bounded memory on a runtime of its own.
pub mod engine;
// Where tables live: paths, the one Parquet writer, manifests.
pub mod staging;

// What a migration is: open, plan, run, compare, take back; drives the steps.
pub mod migration;
// How far a step is.
pub mod progress;

pub mod cli;
// Pages for people: `transload help TOPIC`.
pub mod guide;

// Rows → what Salesforce accepts.
pub mod encode;
// Jobs, journal, ledger.
pub mod load;
// The customer's decisions, the field map, the `custom` struct.
pub mod mapping;
// Read-back, differences, accounting, gates.
pub mod reconcile;
// A run taken back: what we created goes, what we changed is as it was.
pub mod rollback;
// Documents for people.
pub mod report;
// The Salesforce API client: transport only.
pub use transload_salesforce as salesforce;
// The destination's fields: derive, compare, deploy.
pub mod schema;
// Export rows → typed Parquet and rejects.
pub mod stage;
// The SQL project: files, headers, order.
pub mod project;
// What load, reconcile and rollback share: columns, key, operation, schemas, identity.
pub mod rows;
// Models and outboxes.
pub mod transform;
// The source: export reader, declared schema, header aliases.
pub mod usercom;
