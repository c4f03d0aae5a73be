//! The day itself: a checklist whose steps rest on evidence, signed by name.
//!
//! In: `config/cutover.csv`, the queries in `queries/cutover/`, the tables of the organisation, the signatures so far. Out:
//! where each step stands ([`Standing`]), signatures in a log that only grows ([`Log`]), and the document to sign off. It
//! runs none of the commands that the checklist names, and it never signs for anybody.
//!
//! ```text
//! checklist ─┐
//! evidence  ─┼─▶ standing ─▶ status, sign, report
//! log       ─┘
//! ```

mod checklist;
mod error;
mod evidence;
mod log;
mod report;
mod standing;

pub use checklist::{Checklist, Comparison, Step, Threshold};
pub use error::CutoverError;
pub use evidence::Evidence;
pub use log::{Entry, Event, Head, Log};
pub use report::document;
pub use standing::{Standing, State, signable, standings, wanted};

/// The checklist's file in a project.
pub const FILE: &str = "config/cutover.csv";
