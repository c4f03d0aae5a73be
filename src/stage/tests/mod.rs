//! Staging as a whole: golden exports, bad input, books under generated mess.

mod books;
mod columns;
mod golden;
mod reading;
mod refusals;
mod shards;
mod standing;
mod support;
