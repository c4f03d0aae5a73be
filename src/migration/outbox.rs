//! The outbox of one load, the same way in a phase and in a dry run.
//!
//! In: what a phase knows before it sends. Out: a written outbox, not published. Never: a request to the org.

use super::context::Context;
use super::{fields, gone, unreadable};
use crate::engine::Session;
use crate::error::Error;
use crate::project::QueryFile;
use crate::rows::Dead;
use crate::salesforce::ObjectDescribe;
use crate::staging::Snapshot;
use crate::transform::{Outbox, OutboxRequest, write_outbox};

/// Which outbox, and what is known before it is written.
pub(crate) struct OutboxFor<'a> {
    /// The load query.
    pub file: &'a QueryFile,
    /// The tables it reads, with its ledger.
    pub snapshot: &'a Snapshot,
    /// A session over them.
    pub session: &'a Session,
    /// The object as it is, or as it will be.
    pub describe: Option<&'a ObjectDescribe>,
    /// Records on which nothing is hung.
    pub dead: &'a Dead,
    /// Whether rows that landed are left alone.
    pub only_failed: bool,
}

/// Writes it.
///
/// # Errors
/// Whatever is wrong with the query or its rows; nothing is published.
pub(crate) async fn write(context: &Context<'_>, wanted: &OutboxFor<'_>) -> Result<Outbox, Error> {
    let file = wanted.file;
    let policy = fields::value_policy(wanted.session, wanted.describe, file.object()).await?;
    let unreadable = unreadable::rows(context, file, (wanted.snapshot, wanted.session)).await?;
    let outbox = Box::pin(write_outbox(&OutboxRequest {
        staging: context.staging(),
        session: wanted.session,
        file,
        columns: context.resolved.columns(file)?,
        ledger: wanted.snapshot.get("ledger", &file.name),
        last: wanted.snapshot.get("outbox", &file.name),
        gone: &gone::fields(context, file, wanted.snapshot),
        unreadable: unreadable.as_ref(),
        policy: &policy,
        part_rows: context.connection.destination.part_rows,
        dead: wanted.dead,
        references: &fields::references(wanted.describe),
        only_failed: wanted.only_failed,
        decided: &context.policies,
    }))
    .await?;
    Ok(outbox)
}
