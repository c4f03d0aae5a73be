//! What a run would do to the tables, without doing it: every model and every outbox, in the order of the phases.
//!
//! In: staged tables, the org's describes. Out: a [`DryRun`] whose tables nobody else sees. Ledgers are projected: known
//! ids plus every row of the outbox under a placeholder id. A model that reads nothing projected is the very one that the run would
//! make: it is published, and stands for the run. Never: any other table published, a row sent; the caller removes the files.

use std::collections::BTreeMap;

use super::comparison::settle_outbox;
use super::connection::Connection;
use super::context::{Context, Reads};
use super::liveness;
use super::org::{ask_org, org_schema};
use super::outbox::{self, OutboxFor};
use crate::error::Error;
use crate::project::{QueryFile, Step};
use crate::rows::{PROJECTED, key_columns, key_text, ledger_schema, same_key};
use crate::salesforce::ObjectDescribe;
use crate::staging::{Manifest, Snapshot};
use crate::transform::{TransformError, write_model, write_table};

/// Operations of rows that are sent, as an outbox counts them.
const SENT: [&str; 4] = ["insert", "upsert", "update", "convert"];

/// The tables of a run that did not take place.
pub(crate) struct DryRun {
    /// All tables, with models, outboxes, notes and projected ledgers.
    pub snapshot: Snapshot,
    /// Outboxes by load.
    pub outboxes: BTreeMap<String, Manifest>,
    /// Outboxes that a run would not send.
    pub mistakes: Vec<TransformError>,
}

impl DryRun {
    /// Runs every model and load query. What was written is in `written`, also after an error.
    pub(crate) async fn of(
        context: &Context<'_>,
        describes: &BTreeMap<String, ObjectDescribe>,
        written: &mut Vec<Manifest>,
    ) -> Result<Self, Error> {
        let staging = context.staging();
        let mut dry_run = Self {
            snapshot: staging.snapshot().await?,
            outboxes: BTreeMap::new(),
            mistakes: Vec::new(),
        };
        let dead = liveness::known(context).await?;
        let snapshot = &mut dry_run.snapshot;
        for step in context.resolved.steps(snapshot)? {
            let file = step.file();
            context.progress.step(&format!("planning {}", file.name));
            let reads = Reads::Only(&file.references);
            let session = context.session_over(snapshot, reads).await?;
            match step {
                Step::Org(file) => snapshot.insert(ask_org(context.connection, file).await?),
                Step::Prepare(file) => {
                    let model = write_model(staging, &session, "prepare", file).await?;
                    let model = match follows_from_published(&model, snapshot) {
                        true => staging.publish(model).await?,
                        false => model,
                    };
                    written.push(model.clone());
                    snapshot.insert(model);
                }
                Step::Load(file) => {
                    let outbox = outbox::write(
                        context,
                        &OutboxFor {
                            file,
                            snapshot,
                            session: &session,
                            describe: describes.get(file.object()),
                            dead: &dead,
                            only_failed: context.only_failed,
                        },
                    )
                    .await?;
                    dry_run.mistakes.extend(outbox.mistake);
                    written.push(outbox.parts.clone());
                    written.extend(outbox.notes.iter().cloned());
                    let last = snapshot.get("outbox", &file.name).cloned();
                    snapshot.insert(outbox.parts.clone());
                    for notes in outbox.notes {
                        snapshot.insert(notes);
                    }
                    let parts =
                        settled(context, file, snapshot, last, outbox.parts, written).await?;
                    dry_run.outboxes.insert(file.name.clone(), parts);
                    // Where nothing is sent the ledger stays as it is.
                    let outbox = &dry_run.outboxes[&file.name];
                    let is_sent = SENT.iter().any(|operation| outbox.count(operation) > 0);
                    if is_sent || snapshot.get("ledger", &file.name).is_none() {
                        let ledger = project_ledger(context, file, snapshot).await?;
                        written.push(ledger.clone());
                        snapshot.insert(ledger);
                    }
                    if !file.read.is_empty() && snapshot.get("org", &file.name).is_none() {
                        let found = project_read_back(context, file, snapshot).await?;
                        written.push(found.clone());
                        snapshot.insert(found);
                    }
                }
            }
        }
        Ok(dry_run)
    }
}

/// Whether a model follows from nothing that is projected.
fn follows_from_published(model: &Manifest, snapshot: &Snapshot) -> bool {
    let is_projected = |name: &str| {
        let table = name.split_once('.');
        let table = table.and_then(|(schema, table)| snapshot.get(schema, table));
        table.is_some_and(|table| table.version == 0)
    };
    let basis = model.basis.as_ref();
    basis.is_some_and(|basis| !basis.parts().any(is_projected))
}

/// The outbox without what stays as it is in the org, as the run would read it; in `snapshot` with what is told of the rest.
async fn settled(
    context: &Context<'_>,
    file: &QueryFile,
    snapshot: &mut Snapshot,
    last: Option<Manifest>,
    outbox: Manifest,
    written: &mut Vec<Manifest>,
) -> Result<Manifest, Error> {
    let describe = context.describes.get(file.object());
    // Before the first run there is nothing of ours to compare, and maybe no field for our key.
    let has_run = last.as_ref().is_some_and(|last| last.rows > 0);
    let Some(describe) = describe.filter(|_| has_run && outbox.count("update") > 0) else {
        return Ok(outbox);
    };
    let settled = settle_outbox(context, file, describe, snapshot, last.as_ref(), outbox).await?;
    written.extend(settled.now);
    for told in settled.told {
        written.push(told.clone());
        snapshot.insert(told);
    }
    written.push(settled.outbox.clone());
    snapshot.insert(settled.outbox.clone());
    Ok(settled.outbox)
}

/// Removes the files of tables that were never published.
pub(crate) async fn remove(connection: &Connection, written: &[Manifest]) {
    for manifest in written {
        connection.staging.remove(manifest).await;
    }
}

/// `ledger.<load>` as it would be if every row of the outbox landed.
async fn project_ledger(
    context: &Context<'_>,
    file: &QueryFile,
    snapshot: &Snapshot,
) -> Result<Manifest, Error> {
    let columns = context.resolved.columns(file)?;
    let staging = context.staging();
    let session = context.project.engine.session(staging, snapshot)?;
    if snapshot.get("ledger", &file.name).is_none() {
        session.add_empty("ledger", &file.name, ledger_schema(columns))?;
    }
    let keys: Vec<String> = file.key.iter().map(|key| format!("\"{key}\"")).collect();
    let keys = keys.join(", ");
    let load = &file.name;
    let (own, key) = (key_columns("o", &file.key), key_text("o", &file.key));
    let on = same_key("l", "o", &file.key);
    let none = "cast(null as varchar)";
    let known = snapshot.get("ledger", load);
    let (id, successor) = match known.map(|known| known.schema.field_with_name("successor")) {
        Some(Err(_)) => ("id", none),
        _ => (
            "case when live = 'merged' then coalesce(successor, id) else id end",
            "successor",
        ),
    };
    // Of what Salesforce answers, other queries may read whether a row landed. A row may have an id that the ledger does not
    // know: its record is in the org already.
    let sql = format!(
        "select {keys}, {id} as id, live, {successor} as successor, outcome from ledger.{load} where id is not null \
         union all select {own}, coalesce(o._id, concat('{PROJECTED}{load} ', {key})) as id, 'live' as live, \
         {none} as successor, 'created' as outcome from outbox.{load} as o left join ledger.{load} as l on {on} and l.id is not null \
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
    context: &Context<'_>,
    file: &QueryFile,
    snapshot: &Snapshot,
) -> Result<Manifest, Error> {
    let staging = context.staging();
    let session = context.project.engine.session(staging, snapshot)?;
    let schema = org_schema(file, context.resolved.columns(file)?);
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
