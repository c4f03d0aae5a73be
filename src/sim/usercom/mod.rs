//! A simulated User.com account over HTTP.
//!
//! In: requests that any client of User.com's REST API sends, under `/api/public/`. Out: what the real service would
//! answer, following `guide/usercom.md`; where that says "not found", the most plausible behaviour. The account's
//! rows are those of an export folder: whoever reads everything arrives at the same records.
//!
//! ```text
//! export files ─▶ reading ─▶ loading ─▶ table (rows on disk, their places in memory)
//!                  (rows)    (names,      │
//!                            cells)       ▼
//!                  request ─▶ http ─▶ lists · exports ─▶ shape (v1, v2) ─▶ paging ─▶ answer
//!                              │                                              ▲
//!                              └─▶ faults, throttle, stats     churn, changes ┘
//! ```
//!
//! - **Versions**: by the `Accept` header; v1 without `version=2`.
//! - **Rows**: one per id, the newest `updated_at` of the export's versions. Cells that are typed cleanly are JSON
//!   booleans, numbers and lists, odd ones texts as they stand; empty ones are null.
//! - **Lists** are in order of ids; what changes later comes to the front, so that rows shift between pages.
//! - **Tests** steer it through `/control/…` (see `control`), which is no part of User.com.
//!
//! The state folder holds `rows/` (one file per object, written anew at every start) and `exports/` (files of bulk exports).
//!
//! It shares no type and no function with the crate's client.

mod account;
mod broken;
mod call;
mod cell;
mod changes;
mod churn;
mod control;
mod definitions;
mod error;
mod export_files;
mod exports;
mod faults;
mod http;
mod lists;
mod loading;
mod lock;
mod objects;
mod options;
mod page;
mod paging;
mod reading;
mod record;
mod server;
mod shape;
mod stats;
mod table;
mod throttle;

pub use error::UsercomSimError;
pub use loading::Loaded;
pub use options::{
    Bug, ChangeKind, DEFAULT_TOKEN, ENDPOINTS, ExportPlace, RetryAfter, UnknownName,
    UsercomSimOptions,
};
pub use server::Server;
