//! What people and automations do to records while a client is at work.
//!
//! In: an [`Edit`], made at once or by a fault on a request; [`Automation`]s, which set fields of rows whenever they are
//! written. Out: plain data. It writes nothing by itself.

use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::lock::{read, write};

/// A user's edit of a row, or a new row of theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    pub(crate) object: String,
    /// The row; none = a new one.
    #[serde(default)]
    pub(crate) id: Option<String>,
    pub(crate) fields: Map<String, Value>,
    /// Username; none = the running user.
    #[serde(default)]
    pub(crate) user: Option<String>,
}

/// When an automation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Trigger {
    /// A row is made.
    Insert,
    /// A row is changed.
    Update,
}

/// A flow of the org before a row is saved: it sets fields, whatever was sent for them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Automation {
    pub(crate) object: String,
    pub(crate) on: Vec<Trigger>,
    /// Fields and their values as the org keeps them; null clears.
    pub(crate) set: Map<String, Value>,
}

/// The automations that are active.
#[derive(Default)]
pub(crate) struct Automations(RwLock<Arc<Vec<Automation>>>);

impl Automations {
    /// Adds some.
    pub(crate) fn add(&self, more: Vec<Automation>) {
        let mut all = write(&self.0);
        *all = Arc::new(all.iter().cloned().chain(more).collect());
    }

    /// Ends all.
    pub(crate) fn clear(&self) {
        *write(&self.0) = Arc::default();
    }

    /// Those that are active.
    pub(crate) fn all(&self) -> Arc<Vec<Automation>> {
        Arc::clone(&read(&self.0))
    }
}
