//! What a run would do to the tables, without doing it: every model and every outbox, in the order of the phases.
//!
//! In: staged tables, the org's describes. Out: a [`Projection`] whose tables nobody else sees. Ledgers are projected: known
//! ids plus every row of the outbox under a placeholder id. Never: a table published, a row sent; the caller removes the
//! files.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::{Connection, Project};
use super::fields;
use super::liveness;
use super::pipeline::{self, Flow, Reads};
use super::progress::Progress;
use crate::error::Error;
use crate::project::{QueryFile, Step};
use crate::rows::{key_columns, key_text, ledger_schema, outbox_schema, same_key};
use crate::salesforce::ObjectDescribe;
use crate::staging::{Manifest, Snapshot};
use crate::transform::{OutboxRequest, write_model, write_outbox, write_table};

/// The tables of a run that did not take place.
pub(super) struct Projection {
    /// All tables, with models, outboxes, notes and projected ledgers.
    pub snapshot: Snapshot,
    /// Outboxes by load.
    pub outboxes: BTreeMap<String, Manifest>,
}

impl Projection {
    /// Runs every model and load query. What was written is in `written`, also after an error.
    pub(super) async fn of(
        project: &Project,
        connection: &Connection,
        flow: &Flow,
        describes: &BTreeMap<String, ObjectDescribe>,
        progress: &Arc<Progress>,
        written: &mut Vec<Manifest>,
    ) -> Result<Self, Error> {
        let staging = &connection.staging;
        let mut projection = Self {
            snapshot: staging.snapshot().await?,
            outboxes: BTreeMap::new(),
        };
        let dead = liveness::known(project, connection, flow, describes).await?;
        let snapshot = &mut projection.snapshot;
        for step in flow.steps(snapshot)? {
            let file = step.file();
            progress.step(&format!("planning {}", file.name));
            let reads = Reads::Only(&file.references);
            let session = pipeline::open_session(project, staging, flow, snapshot, reads).await?;
            match step {
                Step::Org(file) => snapshot.insert(pipeline::ask_org(connection, file).await?),
                Step::Prepare(file) => {
                    let manifest = write_model(staging, &session, "prepare", file).await?;
                    written.push(manifest.clone());
                    snapshot.insert(manifest);
                }
                Step::Load(file) => {
                    let describe = describes.get(file.object());
                    let policy = fields::value_policy(&session, describe, file.object()).await?;
                    let outbox = Box::pin(write_outbox(&OutboxRequest {
                        staging,
                        session: &session,
                        file,
                        columns: flow.columns(file)?,
                        ledger: snapshot.get("ledger", &file.name),
                        policy: &policy,
                        part_rows: connection.destination.part_rows,
                        dead: &dead,
                        references: &fields::references(describe),
                        only_failed: false,
                    }))
                    .await?;
                    written.push(outbox.parts.clone());
                    written.extend(outbox.notes.iter().cloned());
                    projection
                        .outboxes
                        .insert(file.name.clone(), outbox.parts.clone());
                    snapshot.insert(outbox.parts);
                    for notes in outbox.notes {
                        snapshot.insert(notes);
                    }
                    let ledger = project_ledger(project, connection, flow, file, snapshot).await?;
                    written.push(ledger.clone());
                    snapshot.insert(ledger);
                    if !file.read.is_empty() && snapshot.get("org", &file.name).is_none() {
                        let found =
                            project_read_back(project, connection, flow, file, snapshot).await?;
                        written.push(found.clone());
                        snapshot.insert(found);
                    }
                }
            }
        }
        Ok(projection)
    }
}

/// Removes the files of tables that were never published.
pub(super) async fn remove(connection: &Connection, written: &[Manifest]) {
    for manifest in written {
        connection.staging.remove(manifest).await;
    }
}

/// `ledger.<load>` as it would be if every row of the outbox landed.
async fn project_ledger(
    project: &Project,
    connection: &Connection,
    flow: &Flow,
    file: &QueryFile,
    snapshot: &Snapshot,
) -> Result<Manifest, Error> {
    let columns = flow.columns(file)?;
    let staging = &connection.staging;
    let session = project.engine.session(staging, snapshot)?;
    if snapshot.get("ledger", &file.name).is_none() {
        session.add_empty("ledger", &file.name, ledger_schema(columns))?;
    }
    let keys: Vec<String> = file.key.iter().map(|key| format!("\"{key}\"")).collect();
    let keys = keys.join(", ");
    let load = &file.name;
    debug_assert!(outbox_schema(columns).index_of("_id").is_ok());
    let (own, key) = (key_columns("o", &file.key), key_text("o", &file.key));
    let on = same_key("l", "o", &file.key);
    // Of what Salesforce answers, other queries may read whether a row landed. A row may have an id that the ledger does not
    // know: its record is in the org already.
    let sql = format!(
        "select {keys}, id, live, outcome from ledger.{load} where id is not null \
         union all select {own}, coalesce(o._id, concat('projected {load} ', {key})) as id, 'live' as live, \
         'created' as outcome from outbox.{load} as o left join ledger.{load} as l on {on} and l.id is not null \
         where l.id is null"
    );
    let name = ("ledger", load.as_str());
    Ok(write_table(
        staging,
        &session,
        name,
        "the projected ledger",
        &sql,
        &file.key,
    )
    .await?)
}

/// `org.<load>` as it would be read back, for loads of which others need what Salesforce fills in.
async fn project_read_back(
    project: &Project,
    connection: &Connection,
    flow: &Flow,
    file: &QueryFile,
    snapshot: &Snapshot,
) -> Result<Manifest, Error> {
    let staging = &connection.staging;
    let session = project.engine.session(staging, snapshot)?;
    let schema = pipeline::org_schema(file, flow.columns(file)?);
    let columns = schema.fields().iter().map(|field| {
        let name = field.name();
        if name == "_id" {
            return "l.id as \"_id\"".to_owned();
        }
        if file.key.contains(name) {
            return format!("l.\"{name}\"");
        }
        if file.read.contains(name) {
            return format!("concat(l.id, ' {name}') as \"{name}\"");
        }
        format!("cast(null as varchar) as \"{name}\"")
    });
    let columns: Vec<String> = columns.collect();
    let sql = format!(
        "select {} from ledger.{} as l",
        columns.join(", "),
        file.name
    );
    let name = ("org", file.name.as_str());
    Ok(write_table(
        staging,
        &session,
        name,
        "the projected records",
        &sql,
        &file.key,
    )
    .await?)
}
