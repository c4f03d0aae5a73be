//! The client of User.com's REST API: transport and the shape of its pages, nothing else.
//!
//! In: an address, a token, paths. Out: answers whose body is known to be JSON, cut into rows verbatim. It keeps the
//! rate, leaves repeating to the toolbox that it shares with the Salesforce client, and says in words what a refusal means. Never: a token or a record's value in an
//! error, a log line or `Debug`; a request to any origin but the account's own; anything on disk.
//!
//! ```text
//! Client ──pace──▶ request ──retry──▶ Answer ──▶ Page { count, next, rows }
//! ```

mod client;
mod error;
#[cfg(test)]
pub(super) mod mock_account;
// The server is the same for the tests of both clients.
#[cfg(test)]
#[expect(dead_code, reason = "the other client's tests use the rest")]
#[path = "../../salesforce/net/mock_server.rs"]
pub(super) mod mock_server;
mod pace;
mod page;

pub use client::{Answer, BASE_PATH, Client, ClientSettings, Version};
pub use error::{ApiError, TOKEN_VARIABLE};
pub use page::{Page, row_id};
