//! What a run would do to the tables, without doing it: every model and every outbox, in the order of the phases.
//!
//! In: staged tables, the org's describes. Out: a [`DryRun`] whose tables nobody else sees. Ledgers are projected: known
//! ids plus every row of the outbox under a placeholder id. A model that reads nothing projected is the very one that the run would
//! make: it is published, and stands for the run. A step whose tables the dry run before left, and that follows from the same, is not made
//! again. Never: any other table published, a row sent; the caller settles what was written.

use std::collections::BTreeMap;

use super::comparison::settle_outbox;
use super::context::{Context, Reads};
use super::kept::{KeptStep, Written};
use super::liveness;
use super::load_basis::{load_basis, own};
use super::org::{ask_org, org_schema};
use super::outbox::{self, OutboxFor};
use crate::engine::Session;
use crate::error::Error;
use crate::project::{QueryFile, Step};
use crate::rows::{PROJECTED, key_columns, key_text, ledger_schema, same_key};
use crate::salesforce::ObjectDescribe;
use crate::staging::{Manifest, Snapshot};
use crate::transform::{TransformError, model_basis, write_model, write_table};

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
        written: &mut Written,
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
            let reads = Reads::Only(&file.references);
            let session = context.session_over(snapshot, reads).await?;
            match step {
                Step::Org(file) => {
                    context.progress.step(&format!("planning {}", file.name));
                    snapshot.insert(ask_org(context.connection, file).await?);
                }
                Step::Prepare(file) => {
                    plan_model(context, (file, &session), snapshot, written).await?;
                }
                Step::Load(file) => {
                    let wanted = OutboxFor {
                        file,
                        snapshot: &snapshot.clone(),
                        session: &session,
                        describe: describes.get(file.object()),
                        dead: &dead,
                        only_failed: context.only_failed,
                    };
                    let outbox =
                        plan_load(context, &wanted, snapshot, &mut dry_run.mistakes, written);
                    let outbox = outbox.await?;
                    dry_run.outboxes.insert(file.name.clone(), outbox);
                }
            }
        }
        written.end();
        Ok(dry_run)
    }
}

/// Makes a model, unless it stands.
async fn plan_model(
    context: &Context<'_>,
    (file, session): (&QueryFile, &Session),
    snapshot: &mut Snapshot,
    written: &mut Written,
) -> Result<(), Error> {
    let staging = context.staging();
    if let Some(basis) = model_basis(session, file)
        .await?
        .filter(|_| !session.is_fresh())
    {
        let stands = written.standing(staging, &file.path, Some(&basis)).await?;
        if let Some(step) = stands {
            step.tables
                .into_iter()
                .for_each(|table| snapshot.insert(table));
            return Ok(());
        }
    }
    context.progress.step(&format!("planning {}", file.name));
    let model = write_model(staging, session, "prepare", file).await?;
    if follows_from_published(&model, snapshot) {
        snapshot.insert(staging.publish(model).await?);
        return Ok(());
    }
    written.add(&model);
    if let Some(basis) = &model.basis {
        let step = KeptStep {
            basis: basis.clone(),
            tables: vec![model.clone()],
            outbox: None,
        };
        written.keep(&file.path, step);
    }
    snapshot.insert(model);
    Ok(())
}

/// Makes the outbox of a load and what would follow from it, unless they stand.
async fn plan_load(
    context: &Context<'_>,
    wanted: &OutboxFor<'_>,
    snapshot: &mut Snapshot,
    mistakes: &mut Vec<TransformError>,
    written: &mut Written,
) -> Result<Manifest, Error> {
    let file = wanted.file;
    let basis = match wanted.session.is_fresh() {
        true => None,
        false => load_basis(context, wanted).await?,
    };
    let basis = basis.map(|mut basis| {
        basis.extend(own(snapshot, &file.name));
        basis
    });
    let stands = written.standing(context.staging(), &file.path, basis.as_ref());
    if let Some(KeptStep {
        tables,
        outbox: Some(outbox),
        ..
    }) = stands.await?
    {
        tables.into_iter().for_each(|table| snapshot.insert(table));
        return Ok(outbox);
    }
    context.progress.step(&format!("planning {}", file.name));
    let outbox = outbox::write(context, wanted).await?;
    let mut made = Made {
        snapshot,
        written,
        tables: Vec::new(),
    };
    let is_right = outbox.mistake.is_none();
    mistakes.extend(outbox.mistake);
    let last = made.snapshot.get("outbox", &file.name).cloned();
    made.add(outbox.parts.clone());
    outbox.notes.into_iter().for_each(|notes| made.add(notes));
    let describe = context.describes.get(file.object());
    // Before the first run there is nothing of ours to compare, and maybe no field for our key.
    let has_run = last.as_ref().is_some_and(|last| last.rows > 0);
    let compared = describe.filter(|_| has_run && outbox.parts.count("update") > 0);
    let parts = match compared {
        Some(describe) => settled(context, (file, describe), last, outbox.parts, &mut made).await?,
        None => outbox.parts,
    };
    // Where nothing is sent the ledger stays as it is.
    let is_sent = SENT.iter().any(|operation| parts.count(operation) > 0);
    if is_sent || made.snapshot.get("ledger", &file.name).is_none() {
        let ledger = project_ledger(context, file, made.snapshot).await?;
        made.add(ledger);
    }
    if !file.read.is_empty() && made.snapshot.get("org", &file.name).is_none() {
        let found = project_read_back(context, file, made.snapshot).await?;
        made.add(found);
    }
    // What was compared with the org is compared again each time.
    if let Some(basis) = basis.filter(|_| is_right && compared.is_none()) {
        let step = KeptStep {
            basis,
            tables: made.tables,
            outbox: Some(parts.clone()),
        };
        written.keep(&file.path, step);
    }
    Ok(parts)
}

/// The tables of a step as they are made.
struct Made<'a> {
    snapshot: &'a mut Snapshot,
    written: &'a mut Written,
    tables: Vec<Manifest>,
}

impl Made<'_> {
    fn add(&mut self, table: Manifest) {
        self.written.add(&table);
        self.tables.push(table.clone());
        self.snapshot.insert(table);
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

/// The outbox without what stays as it is in the org, as the run would read it; in the snapshot with what is told of the rest.
async fn settled(
    context: &Context<'_>,
    (file, describe): (&QueryFile, &ObjectDescribe),
    last: Option<Manifest>,
    outbox: Manifest,
    made: &mut Made<'_>,
) -> Result<Manifest, Error> {
    let last = last.as_ref();
    let settled = settle_outbox(context, file, describe, made.snapshot, last, outbox).await?;
    settled.now.iter().for_each(|now| made.written.add(now));
    settled.told.into_iter().for_each(|told| made.add(told));
    made.add(settled.outbox.clone());
    Ok(settled.outbox)
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
