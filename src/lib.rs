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
//! A whole migration in process; the command line does the same ([`migration`] has the picture):
//!
//! ```
//! use transload::config::Config;
//! use transload::migration::{Migration, ReconcileRequest, RunRequest};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir().join(format!("transload-example-{}", std::process::id()));
//! # std::fs::create_dir_all(folder.join("export"))?;
//! # std::fs::write(folder.join("migration.toml"), "business_timezone = \"Europe/Warsaw\"\n[destination.simulator]\nkind = \"simulator\"\n")?;
//! # std::fs::write(folder.join("export/people.csv"), "id,name,email,lifecycle_stage\n1,Ada Nowak,ada@example.com,lead\n")?;
//! let config = Config::load(&folder, None)?;
//! let migration = Migration::open(&config)?;
//! # tokio::runtime::Runtime::new()?.block_on(Box::pin(async {
//! let run = migration.run(&RunRequest::default()).await?;
//! println!("{}: {}", run.summary.run, run.summary.sentence());
//! let found = migration.reconcile(&ReconcileRequest::default()).await?;
//! assert!(!found.differs());
//! # Ok::<(), transload::error::Error>(())
//! # }))?;
//! # drop(migration);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok(())
//! # }
//! ```
//!
//! The modules, in the order in which data flows:

pub mod error;
// What is wrong in a project's files, and where.
pub mod finding;

// `migration.toml` and the environment → settings.
pub mod config;
pub mod cutover;
// DataFusion with bounded memory on a runtime of its own.
pub mod engine;
// Where tables live: paths, the one Parquet writer, manifests.
pub mod staging;
// How far a step is, told by steps.
pub mod progress;

// The source: export reader, declared schema, header aliases.
pub mod usercom;
// Export rows → typed Parquet and rejects.
pub mod stage;
// The customer's decisions, the field map, the `custom` struct.
pub mod mapping;
// A language model's opinion on proposals; off unless it is set up.
pub mod llm;
// The SQL project: files, headers, order.
pub mod project;
// What load, reconcile and rollback share: columns, key, operation, schemas, identity.
pub mod rows;
// Models and outboxes.
pub mod transform;
// Rows → what Salesforce accepts.
pub mod encode;
// The Salesforce API client: transport only.
pub use transload_salesforce as salesforce;
// The destination's fields: derive, compare, deploy.
pub mod schema;
// Jobs, journal, ledger.
pub mod load;
// Read-back, differences, accounting, gates.
pub mod reconcile;
// A run taken back: what we created goes, what we changed is as it was.
pub mod rollback;
// Documents for people.
pub mod report;

// What a migration is: open, plan, run, compare, take back; drives the steps.
pub mod migration;
// Every table and column, from declarations; the project as one page.
pub mod dictionary;
// The page on which people decide the field map.
pub mod review;
// One file per verb: parse, call, print.
pub mod cli;
// Pages for people and for maintainers: `transload help TOPIC`.
pub mod guide;
