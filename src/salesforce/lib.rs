//! The Salesforce client: transport only. Settings and streams of bytes go in; tokens, typed answers and streams of
//! bytes come out. It knows the shapes of the API (`guide/salesforce.md` §1–§5) and what may be repeated after
//! a failure, but not what a row means, and it keeps nothing on disk.
//!
//! ```text
//! Settings ─▶ Client ─┬─ describe, query, limits, organization, rows   REST
//!                     ├─ ingest()      create ▸ upload ▸ close ▸ wait ▸ results
//!                     ├─ bulk_query()  create ▸ wait ▸ pages
//!                     └─ metadata()    deploy ▸ wait
//!             every request: session (renewed on 401) ▸ retry policy ▸ http
//! ```
//!
//! One ingest job from beginning to end:
//!
//! ```no_run
//! use bytes::Bytes;
//! use futures::stream;
//! use transload_salesforce::{Client, CsvRows, Operation, ResultSet, Settings, WaitOptions};
//!
//! # async fn load(settings: Settings) -> transload_salesforce::Result<()> {
//! let client = Client::connect(settings).await?;
//! let ingest = client.ingest();
//! let job = ingest.create("Account", Operation::Upsert, Some("usercom_id__c")).await?;
//! let rows = || stream::iter([Ok(Bytes::from("usercom_id__c,Name\n1,Acme\n"))]);
//! ingest.upload(&job.id, None, rows).await?;
//! ingest.close(&job.id).await?;
//! ingest.wait(&job.id, WaitOptions::default(), |job| tracing::info!(%job.state)).await?;
//!
//! let mut failed = CsvRows::open(ingest.results(&job.id, ResultSet::Failed).await?).await?;
//! let key = failed.column("usercom_id__c");
//! while let Some(batch) = failed.next_batch().await? {
//!     for row in &batch {
//!         let _key = key.map(|column| &row[column]);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - A [`Client`] is one login to one organisation; clones share session, connections and the count of requests.
//! - Uploads and results are streams; [`CsvRows`] turns a result into batches of rows.
//! - A failure says through [`Error::class`] what kind of answer it calls for. A request that may have taken effect
//!   is [`Error::is_ambiguous`], and the caller reads the server's state before it goes on.
//! - [`net`] is the toolbox that the client of User.com shares: retry, back-off, `Retry-After`, clock, secrets.
//! - Errors and logs carry paths without query strings and messages without record values; see [`Secret`].

mod auth;
mod blob;
mod body;
mod bulk_query;
mod call;
mod client;
mod convert;
mod csv_stream;
mod describe;
mod error;
mod failure;
mod ingest;
mod job;
mod jwt;
mod login;
mod metadata;
#[cfg(test)]
mod mock_org;
pub mod net;
mod organization;
mod query;
mod redact;
mod rows;
mod settings;
mod soap;
mod undelete;
mod usage;
mod wait;

use bytes::Bytes;
use futures::stream::BoxStream;

pub use auth::Identity;
pub use blob::Blob;
pub use bulk_query::{BulkQuery, ResultPage};
pub use client::Client;
pub use convert::{ConversionResult, LeadConversion, MAX_CONVERSIONS};
pub use csv_stream::CsvRows;
pub use describe::{
    ChildRelationship, FieldDescribe, ObjectDescribe, ObjectSummary, PicklistValue, RecordType,
};
pub use error::{Error, ErrorClass, RequestFailure, Result};
pub use ingest::{Ingest, ResultSet};
pub use job::{JobInfo, JobState, Operation};
pub use jwt::PrivateKeyFault;
pub use metadata::{
    ComponentMessage, DeployDetails, DeployOptions, DeployResult, Metadata, TestLevel,
};
pub use net::{Clock, FailureKind, RetryConfig, Secret, SystemClock};
pub use organization::{Limit, Organization};
pub use query::{QueryScope, Row, field_text, is_same_record, record_identity};
pub use rows::{Atomicity, MAX_COLLECTION_ROWS, RowError, RowResult};
pub use settings::{Auth, Settings, Timeouts};
pub use usage::{ApiUsage, Usage};
pub use wait::WaitOptions;

/// A body as it arrives. Ends with an error if it breaks off.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;
