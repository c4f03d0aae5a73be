//! The page on which people decide the field map, and proposed rows of other decision files, row by row.
//!
//! In: a project, what its staged columns hold, the org's fields, a socket on loopback. Out: a server, until it is told to
//! stop; it writes `config/field_map.csv`, `config/value_map.csv`, the other files that were decided and, if there is one, the user's history. Never: an
//! answer to a request without the token in its path, from another host or another origin; a resource from elsewhere; a
//! decision about a version of a file that the page has not shown.

mod document;
mod server;

pub use document::{ReviewField, ReviewTargets};
pub use server::{Review, serve};

#[cfg(test)]
mod tests;
