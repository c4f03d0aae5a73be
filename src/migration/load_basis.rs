//! What the outbox of a load follows from, part by part: the same parts, the same rows.
//!
//! In: a load, the tables that its query reads, the settings. Out: a [`Basis`], none where nobody knows; another one of the tables that its phase
//! leaves. Never: what the org has now: whoever goes by it asks for that besides.

use super::context::Context;
use super::gone;
use super::outbox::OutboxFor;
use crate::error::Error;
use crate::project::Operation;
use crate::reconcile::{CHANGED_BY_ORG, CONFLICTS, LEFT_TO_ORG};
use crate::staging::{Basis, Snapshot, digest_of};

/// Tables that a phase leaves: schema, and how the name begins.
const OWN: [(&str, &str); 10] = [
    ("ledger", ""),
    ("ledger", LEFT_TO_ORG),
    ("org", ""),
    ("outbox", ""),
    ("recon", "altered_"),
    ("recon", CHANGED_BY_ORG),
    ("recon", CONFLICTS),
    ("recon", "differences_"),
    ("recon", "fates_"),
    ("recon", "flags_"),
];

/// What the rows follow from, and what they are judged by.
pub(super) async fn load_basis(
    context: &Context<'_>,
    wanted: &OutboxFor<'_>,
) -> Result<Option<Basis>, Error> {
    let (file, snapshot) = (wanted.file, wanted.snapshot);
    let converts = file.operation == Some(Operation::Convert);
    if wanted.only_failed || converts || file.instead_of.is_some() {
        return Ok(None);
    }
    let plan = wanted.session.plan(&file.path, &file.sql).await?;
    let Some(mut basis) = wanted.session.basis(&plan, &file.key) else {
        return Ok(None);
    };
    let staged = file.source.as_ref().and_then(|source| source.staged());
    let is_source = |schema: &str| ["rejects", "usercom"].contains(&schema);
    for table in snapshot.iter() {
        let schema = table.schema_name.as_str();
        if schema == "config" || (is_source(schema) && staged == Some(&*table.table)) {
            basis.add(table.name(), table.digest());
        }
    }
    let mut dead: Vec<String> = wanted.dead.iter().map(|dead| format!("{dead:?}")).collect();
    dead.sort_unstable();
    let gone = gone::fields(context, file, snapshot);
    for (name, told) in [
        ("the settings", settings(context)),
        ("the fields", context.resolved.columns(file)?.told()),
        ("the object", format!("{:?}", wanted.describe)),
        ("records that are gone", format!("{dead:?}")),
        ("columns that are gone", format!("{gone:?}")),
    ] {
        basis.add(name, digest_of(&told));
    }
    Ok(Some(basis))
}

/// Whatever else decides about rows, in every load.
fn settings(context: &Context<'_>) -> String {
    let config = &context.project.config;
    let loads = context.resolved.loads().map(|file| {
        let takes_part = context.resolved.takes_part(file);
        (&file.path, &file.source, takes_part)
    });
    format!(
        "{:?}",
        (
            (&config.options, &config.gates, config.sample),
            &config.business_timezone,
            &context.connection.client.identity().user_id,
            context.connection.destination.part_rows,
            &context.policies,
            &context.resolved.map,
            &context.resolved.exclusions.dropped,
            loads.collect::<Vec<_>>(),
        )
    )
}

/// The tables that the phase of a load leaves.
pub(super) fn own(snapshot: &Snapshot, load: &str) -> Basis {
    let mut basis = Basis::default();
    for (schema, prefix) in OWN {
        let table = snapshot.get(schema, &format!("{prefix}{load}"));
        let told = table.map_or("none".to_owned(), |table| {
            format!("{} rows, {}", table.rows, table.digest())
        });
        basis.add(format!("left: {schema}.{prefix}{load}"), told);
    }
    basis
}
