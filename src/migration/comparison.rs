//! One load read back and compared, the same way at the end of its phase and on any later day.
//!
//! In: the outbox and the ledger of a load, the org. Out: `org.<load>` and `recon.differences_<load>`, published. Never: a change
//! to the org.

use std::collections::BTreeSet;

use super::context::{Context, Reads};
use super::gone;
use crate::error::Error;
use crate::project::{Operation, QueryFile, QueryKind};
use crate::reconcile::{
    CHANGED_BY_ORG, DiffRequest, EditsRequest, LEFT_TO_ORG, ReadBack, ThreeWay, before_update,
    keep_absent, nothing_left, put_back, read_back, settle, strays, write_differences,
};
use crate::rows::SAME;
use crate::salesforce::ObjectDescribe;
use crate::staging::{Manifest, Snapshot};

/// What a comparison found.
#[derive(Default)]
pub(crate) struct Compared {
    /// Rows that were read back, those of others too.
    pub found: u64,
    /// Rows of `recon.differences_<load>`.
    pub differences: u64,
    /// Rows of `recon.changed_by_org_<load>`.
    pub changed_by_org: u64,
}

/// What is read back of a load whose outbox has so many rows.
pub(crate) fn read_back_request<'a>(
    context: &'a Context<'_>,
    file: &'a QueryFile,
    describe: &'a ObjectDescribe,
    outbox_rows: u64,
) -> Result<ReadBack<'a>, Error> {
    Ok(ReadBack {
        staging: context.staging(),
        engine: &context.project.engine,
        client: &context.connection.client,
        file,
        describe,
        columns: context.resolved.columns(file)?,
        outbox_rows,
        whole: context.whole,
        is_after_sending: false,
    })
}

/// As [`read_back_request`], for what has just been sent.
pub(crate) fn after_sending<'a>(
    context: &'a Context<'_>,
    file: &'a QueryFile,
    describe: &'a ObjectDescribe,
    outbox_rows: u64,
) -> Result<ReadBack<'a>, Error> {
    Ok(ReadBack {
        is_after_sending: true,
        ..read_back_request(context, file, describe, outbox_rows)?
    })
}

/// Reads back what a run that broke off had sent, before another outbox takes the place of its own.
pub(crate) async fn catch_up(context: &Context<'_>, file: &QueryFile) -> Result<(), Error> {
    let Some(describe) = context.describes.get(file.object()) else {
        return Ok(());
    };
    let request = read_back_request(context, file, describe, 0)?;
    let snapshot = context.staging().snapshot().await?;
    Ok(crate::reconcile::catch_up(&request, &snapshot).await?)
}

/// An outbox that was compared with the org.
pub(crate) struct SettledOutbox {
    /// What is sent.
    pub outbox: Manifest,
    /// What is told of fields that stay as they are in the org.
    pub told: Vec<Manifest>,
    /// The records that it changes, unsorted and as they are now; none if it changes nothing.
    pub now: Option<Manifest>,
}

/// Leaves out of the outbox in `snapshot` what stays as it is in the org; `last` is the one of last time. Nothing is published.
pub(crate) async fn settle_outbox(
    context: &Context<'_>,
    file: &QueryFile,
    describe: &ObjectDescribe,
    snapshot: &Snapshot,
    last: Option<&Manifest>,
    outbox: Manifest,
) -> Result<SettledOutbox, Error> {
    let request = read_back_request(context, file, describe, outbox.rows)?;
    let later = context.resolved.later(file);
    let (mut snapshot, mut outbox) = (snapshot.clone(), outbox);
    // A conversion has no values of its own to be compared.
    let converts = file.operation == Some(Operation::Convert);
    if !converts
        && let Some(more) = put_back(&request, &snapshot, last, &later, &context.policies).await?
    {
        snapshot.insert(more.clone());
        outbox = more;
    }
    let snapshot = &snapshot;
    let moved = came_from(context, file, snapshot);
    let silent: BTreeSet<String> = match moved {
        Some(_) => {
            let gone = gone::fields(context, file, snapshot);
            gone.0.into_keys().collect()
        }
        None => BTreeSet::new(),
    };
    let now = before_update(&request, snapshot).await?;
    let settled = match &now {
        Some(now) if !converts => {
            settle(&ThreeWay {
                request: &request,
                snapshot,
                last,
                now,
                later: &later,
                moved,
                silent: &silent,
                policies: &context.policies,
            })
            .await?
        }
        _ => None,
    };
    let (outbox, mut told) = match settled {
        Some(settled) => (settled.outbox, settled.told),
        None => (outbox, nothing_left(&request, snapshot).await?),
    };
    if !converts {
        keep_absent(&request, snapshot, last, &later, &mut told).await?;
    }
    Ok(SettledOutbox { outbox, told, now })
}

/// What the org had accepted of rows that another load of the same source had sent before: of leads that became contacts.
fn came_from<'a>(
    context: &Context<'_>,
    file: &QueryFile,
    snapshot: &'a Snapshot,
) -> Option<&'a Manifest> {
    let mut others = context.resolved.loads().filter(|other| {
        file.source.is_some()
            && other.source == file.source
            && other.name != file.name
            && other.key == file.key
    });
    others.find_map(|other| {
        let left = snapshot.get("ledger", &format!("{LEFT_TO_ORG}{}", other.name));
        left.filter(|left| left.rows > 0)
    })
}

/// Reads a load's records back and compares them; `rows` hears how many were read.
pub(crate) async fn compare(
    context: &Context<'_>,
    request: &ReadBack<'_>,
    rows: impl Fn(u64),
) -> Result<Compared, Error> {
    let (file, describe, outbox_rows) = (request.file, request.describe, request.outbox_rows);
    // What a lead became was looked at when it was converted; the load of the contacts compares their values.
    if file.operation == Some(Operation::Convert) {
        return Ok(Compared::default());
    }
    let found = read_back(request, rows).await?;
    let strays = strays(request).await?;
    let (snapshot, session) = context.session(Reads::Tables).await?;
    let resolved = &context.resolved;
    let siblings: Vec<(String, Vec<String>)> = resolved
        .queries
        .kind(QueryKind::Load)
        .filter(|other| other.key.len() == 1)
        .filter(|other| other.object() == file.object() && other.name != file.name)
        .filter(|other| snapshot.get("ledger", &other.name).is_some())
        .map(|other| (other.name.clone(), other.key.clone()))
        .collect();
    let name = &file.name;
    let has = |schema: &str, table: &str, column: &str| {
        let table = snapshot.get(schema, table);
        table.is_some_and(|table| table.schema.field_with_name(column).is_ok())
    };
    let sent = request.columns.sent.iter().map(|field| field.name());
    let automation = context.policies.automation(file.object(), sent);
    let edits = EditsRequest {
        user: &context.connection.client.identity().user_id,
        modified: has("org", name, "LastModifiedById") && has("org", name, "LastModifiedDate"),
        same: has("outbox", name, SAME),
        before: ["differences_", CHANGED_BY_ORG]
            .map(|table| has("recon", &format!("{table}{name}"), "key")),
        left: snapshot
            .get("ledger", &format!("{LEFT_TO_ORG}{name}"))
            .is_some_and(|left| left.rows > 0),
        automation: &automation,
    };
    let differences = write_differences(&DiffRequest {
        staging: context.staging(),
        session: &session,
        load: &file.name,
        rows: outbox_rows,
        columns: request.columns,
        describe,
        siblings: &siblings,
        leads: &resolved.leads_before(file, &snapshot),
        later: &resolved.later(file),
        strays: &strays,
        edits: Some(edits),
    })
    .await?;
    let snapshot = context.staging().snapshot().await?;
    let edits = snapshot.get("recon", &format!("{CHANGED_BY_ORG}{name}"));
    Ok(Compared {
        found: found.rows,
        differences: differences.rows,
        changed_by_org: edits.map_or(0, |edits| edits.rows),
    })
}
