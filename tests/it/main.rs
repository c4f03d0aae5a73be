//! The program as its users meet it: one module per area, one binary because linking the engine takes long.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

/// Exit codes and messages of commands and of bad input.
mod cli;
/// `query` and `status`.
mod query;
/// A project in a temporary folder, the program run in it, snapshots of what it said.
mod support;
