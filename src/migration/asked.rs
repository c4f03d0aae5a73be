//! What is asked without the destination: tables, views, and those that cannot be made.
//!
//! In: what `ask` opened. Out: the same, for every page and command that reads it. Never: a table that is opened here.

use crate::engine::Session;
use crate::error::Error;
use crate::staging::{Snapshot, Staging};

/// Tables that could not be made, and why.
#[derive(Debug)]
pub struct Unavailable {
    /// Beginning of their names, as `schema.` or `schema.table`.
    pub prefix: String,
    /// Why.
    pub error: Error,
}

/// What is asked.
pub struct Asked {
    /// The staging area, with the organisation in view if there is one.
    pub staging: Staging,
    /// Its tables at this moment.
    pub snapshot: Snapshot,
    /// They, and the views over them.
    pub session: Session,
    /// Views that cannot be made, such as `mapped.*` while the map waits for a person.
    pub unavailable: Vec<Unavailable>,
    /// Which organisation, where there are several.
    pub note: Option<String>,
}
