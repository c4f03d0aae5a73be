//! What all parts of a phase share: where rows come from, where they go, how they are named.
//!
//! In: a load, its outbox's schema, a connected client. Out: the context that every part is sent with. Never: a request.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use tokio::sync::Mutex;

use super::{Blobs, Journal, LoadError, PartError};
use crate::rows::AUDIT_FIELDS;
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::{DataFile, Staging};

/// Rows encoded before they go on the wire.
pub(super) const ENCODE_ROWS: usize = 4096;

/// What requests of a phase whose records have no key of ours must know of each other.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// Files of attempts that are not in the ledger yet.
    pub(super) answered: Vec<DataFile>,
}

/// What all parts of a phase share.
#[derive(Clone)]
pub(super) struct PartContext {
    pub staging: Staging,
    pub client: Client,
    pub journal: Journal,
    pub load: String,
    pub object: String,
    /// Key columns.
    pub key: Vec<String>,
    /// Sent columns.
    pub sent: Vec<String>,
    /// Schema of the outbox.
    pub outbox: SchemaRef,
    /// Schema of the ledger and its attempts.
    pub schema: SchemaRef,
    /// The object's describe.
    pub describe: Arc<ObjectDescribe>,
    /// Contents of files.
    pub blobs: Option<Arc<dyn Blobs>>,
    /// Whether deleted rows pass the recycle bin.
    pub hard_delete: bool,
    /// Held while a request is under way whose records have no key of ours.
    pub turn: Arc<Mutex<Turn>>,
    /// Ids of the phase's jobs; held while one is created.
    pub made: Arc<Mutex<BTreeSet<String>>>,
}

impl PartContext {
    pub(super) fn salesforce(
        &self,
        job: Option<&str>,
    ) -> impl Fn(crate::salesforce::Error) -> LoadError + use<> {
        let (load, object) = (self.load.clone(), self.object.clone());
        let job = job.map(str::to_owned);
        move |source| LoadError::Salesforce {
            load: load.clone(),
            object: object.clone(),
            job: job.clone(),
            source: Box::new(source),
        }
    }

    /// Columns that are sent; create-only ones are left out when a row is updated (`guide/rules.md` 24).
    pub(super) fn sent_with(&self, update: bool) -> Vec<String> {
        let changeable = |name: &String| {
            let field = self.describe.field(name);
            !AUDIT_FIELDS.contains(&name.as_str()) && field.is_none_or(|field| field.updateable)
        };
        let mut sent = self.sent.clone();
        sent.retain(|name| !update || changeable(name));
        sent
    }

    /// What is wrong with rows of `part`.
    pub(super) fn wrong<Source: Into<PartError>>(
        &self,
        part: &str,
    ) -> impl Fn(Source) -> LoadError {
        move |source| LoadError::Encode {
            load: self.load.clone(),
            part: part.to_owned(),
            source: source.into(),
        }
    }
}
