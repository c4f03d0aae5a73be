//! Rows of `ledger.changes` that no comparison of an outbox finds: flags, and what a rollback puts back.
//!
//! In: SQL over tables that are about to be sent. Out: `ledger.before_<load>` with these rows behind the others. It only grows.
//! Never: a row that was there before.

use crate::engine::Session;
use crate::error::Error;
use crate::reconcile::PRE_IMAGE;
use crate::rollback::{CHANGES, UNDO};
use crate::rows::KEY_APART;
use crate::staging::{Snapshot, Staging};
use crate::transform::write_table;

/// Why a rollback changes a value.
const WHY: &str = "undo";

/// Adds rows: run, key, id, field, the value before, the value that is written.
pub(super) async fn add(
    staging: &Staging,
    snapshot: &Snapshot,
    session: &Session,
    load: &str,
    sql: &str,
) -> Result<(), Error> {
    let table = format!("{PRE_IMAGE}{load}");
    let what = format!("the values of {load} before they are changed");
    // What is put back or set is shown as it is compared.
    let sql = format!("select c.*, c.wrote as sent from ({sql}) as c");
    let mut kept = write_table(staging, session, ("ledger", &table), &what, &sql, &[]).await?;
    if let Some(before) = snapshot.get("ledger", &table) {
        kept.files.splice(0..0, before.files.iter().cloned());
        kept.rows += before.rows;
    }
    staging.publish(kept).await?;
    Ok(())
}

/// SQL for the values that `outbox.undo_<load>` is about to put back, as rows of [`add`].
pub(super) fn undone(load: &str, key: &[String], run: &str) -> String {
    let keys = |prefix: &str| {
        let names = key.iter();
        let names: Vec<String> = names
            .map(|name| format!("{prefix}\"{KEY_APART}{name}\" as \"{name}\""))
            .collect();
        names.join(", ")
    };
    let bare: Vec<String> = key.iter().map(|name| format!("c.\"{name}\"")).collect();
    format!(
        "select '{run}' as run_id, {bare}, c.id, c.entry['field'] as field, c.entry['old'] as before, \
         c.entry['new'] as wrote, '{WHY}' as why from (select {keys}, u._id as id, unnest(u.{CHANGES}) as entry \
         from outbox.{UNDO}{load} as u where u._operation in ('restore', 'release')) as c",
        bare = bare.join(", "),
        keys = keys("u."),
    )
}
