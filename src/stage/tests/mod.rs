//! Staging as a whole: golden exports, bad input, books under generated mess.

mod books;
mod columns;
mod golden;
mod refusals;
mod support;
