//! Bulk API 2.0 behind its REST resources: jobs, their processing and their results.
//!
//! In: an uploaded CSV in the state folder, or a query. Out: rows written in chunks of 200 and a results file
//! ([`process`], [`chunk`], [`results`]), at the org's [`pace`], or a result CSV ([`query`]). Jobs survive a restart ([`job`]): a job that was in progress
//! goes on after the last chunk that reached its table's log. Work is done on threads of its own ([`workers`]); requests
//! only look.
//!
//! ```text
//! Open ─upload─▶ Open ─close─▶ UploadComplete ─thread─▶ InProgress ─▶ JobComplete | Failed
//!                      └─abort─▶ Aborted ◀─abort──┘
//! ```

mod chunk;
mod header;
mod job;
mod pace;
mod process;
mod query;
mod query_run;
mod results;
mod resumed;
mod workers;

pub(crate) use job::{IngestJob, IngestJobs, Spec, State, timestamp};
pub(crate) use query::{QueryJob, QueryJobs, QuerySpec};
pub(crate) use results::{ResultKind, ResultStream};
pub(crate) use workers::{Task, Workers};
