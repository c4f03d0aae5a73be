//! Claims about the simulated org as a whole, over HTTP.

mod bulk;
mod control;
mod login;
mod metadata;
mod persistence;
mod query;
mod rows;
mod support;
