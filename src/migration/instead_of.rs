//! A load that sends some fields of records while another one, `-- instead of:`, holds their rows back: what either of them sent is
//! what the other goes by.
//!
//! In: the ledgers of both, what was read back of the one that stands in. Out: ledgers that say of no record what the other load made
//! of it since, and the rows of the org with the values that it took. Never: a record sent.

use std::collections::BTreeMap;

use super::context::{Context, Reads};
use super::liveness::ledger;
use crate::error::Error;
use crate::project::QueryFile;
use crate::rows::same_key;

/// Before the load that stands in: of records that the other one sent since, it says nothing any more.
pub(super) async fn forget_sent_since(
    context: &Context<'_>,
    file: &QueryFile,
) -> Result<(), Error> {
    let other = file.instead_of.as_deref();
    if let (Some(other), Some(ledger)) = (other, ledger(context, &file.name)) {
        ledger.forget_sent_by(other).await?;
    }
    Ok(())
}

/// After it: the other one sends these records again when their rows go on, and what the org took of them is what it had accepted.
pub(super) async fn pass_on(
    context: &Context<'_>,
    file: &QueryFile,
    run: &str,
) -> Result<(), Error> {
    let other = file.instead_of.as_deref();
    let Some((other, ledger)) = other.and_then(|other| Some((other, ledger(context, other)?)))
    else {
        return Ok(());
    };
    ledger.forget_values_sent_by(&file.name, run).await?;
    let (snapshot, session) = context.session(Reads::Tables).await?;
    let read = [other, &file.name].map(|load| snapshot.get("org", load));
    let [Some(theirs), Some(own)] = read else {
        return Ok(());
    };
    let sent = context.resolved.columns(file)?.sent.iter();
    let sent: Vec<&String> = sent
        .map(|field| field.name())
        .filter(|name| !file.key.contains(name) && own.schema.field_with_name(name).is_ok())
        .collect();
    let fields = theirs.schema.fields().iter();
    let columns: Vec<String> = fields
        .map(|field| match field.name() {
            name if sent.contains(&name) => format!(
                "case when n._id is not null then n.\"{name}\" else r.\"{name}\" end as \"{name}\""
            ),
            name => format!("r.\"{name}\""),
        })
        .collect();
    let load = &file.name;
    let sql = format!(
        "select {} from org.{other} as r left join (select n.* from org.{load} as n inner join ledger.{load} as l on {} \
         where l.run_id = '{run}' and l.outcome = 'updated') as n on n._id = r._id",
        columns.join(", "),
        same_key("l", "n", &file.key),
    );
    let name = format!("what {load} sent instead of {other}");
    let sorted_by: Vec<&str> = theirs.sorted_by.iter().map(String::as_str).collect();
    let mut rows = session.stream(&name, &sql, &theirs.sorted_by).await?;
    let schema = std::sync::Arc::clone(&theirs.schema);
    let mut writer = context
        .staging()
        .create("org", other, schema, &sorted_by)
        .await?;
    while let Some(batch) = rows.next_batch().await? {
        writer.write(&batch).await?;
    }
    let table = writer.finish(BTreeMap::new()).await?;
    context.staging().publish(table).await?;
    Ok(())
}
