//! SOQL, as far as clients of a migration use it (`guide/salesforce.md` §2, §4).
//!
//! In: the text of a query. Out: rows as JSON records or CSV. [`parse`] makes a tree of it, [`plan`] resolves names
//! against what the user may see, [`run`] scans, [`filter`] decides about a row, [`record`] writes results. Tables are
//! locked for a slice of rows at a time, never across a whole scan.

mod aggregate;
mod ast;
mod cursor;
mod filter;
mod lexer;
mod parse;
mod plan;
mod record;
mod run;

pub(crate) use ast::Query;
pub(crate) use cursor::{Cursor, Cursors};
pub(crate) use parse::parse;
pub(crate) use plan::Plan;
pub(crate) use record::{attributes, json_value};
