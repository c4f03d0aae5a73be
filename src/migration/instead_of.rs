//! A load that sends some fields of records while another one, `-- instead of:`, holds their rows back: what either of them sent is
//! what the other goes by.
//!
//! In: the ledgers of both, what was read back of the one that stands in. Out: before either of them, ledgers that say nothing of a
//! record that the other one sent since, and the rows of the org with the values that it took. Never: a record sent. All of it follows
//! from the tables, so that a run which broke off in between loses nothing.

use super::context::{Context, Reads};
use super::liveness::ledger;
use crate::error::Error;
use crate::load::sent_since;
use crate::project::QueryFile;
use crate::rows::Liveness;
use crate::transform::write_table;

/// Before the phase of a load: of what the other one sent since, it goes by that.
pub(super) async fn catch_up(context: &Context<'_>, file: &QueryFile) -> Result<(), Error> {
    let own = ledger(context, &file.name);
    if let (Some(other), Some(ledger)) = (file.instead_of.as_deref(), &own) {
        ledger.forget_sent_by(other, Liveness::Undone).await?;
    }
    let mut loads = context.resolved.loads();
    let stands_in = loads.find(|other| other.instead_of.as_deref() == Some(&*file.name));
    if let (Some(stands_in), Some(ledger)) = (stands_in, own) {
        take_over(context, file, stands_in).await?;
        ledger
            .forget_sent_by(&stands_in.name, Liveness::Live)
            .await?;
    }
    Ok(())
}

/// What the org took of a load that stood in is what it had accepted.
async fn take_over(
    context: &Context<'_>,
    file: &QueryFile,
    stands_in: &QueryFile,
) -> Result<(), Error> {
    let (load, other) = (&file.name, &stands_in.name);
    let (snapshot, session) = context.session(Reads::Tables).await?;
    let has = |schema: &str, load: &str| snapshot.get(schema, load).is_some();
    let (Some(read), Some(theirs)) = (snapshot.get("org", load), snapshot.get("org", other)) else {
        return Ok(());
    };
    if !has("ledger", load) || !has("ledger", other) {
        return Ok(());
    }
    let since = sent_since(load, other, &file.key);
    let some = format!("select l.id from {since} limit 1");
    let some = session
        .collect("records that another load sent", &some)
        .await?;
    if some.iter().all(|batch| batch.num_rows() == 0) {
        return Ok(());
    }
    let sent = &context.resolved.columns(stands_in)?.sent;
    let is_sent = |name: &String| {
        !stands_in.key.contains(name)
            && theirs.schema.field_with_name(name).is_ok()
            && sent.iter().any(|field| field.name() == name)
    };
    let fields = read.schema.fields().iter();
    let columns: Vec<String> = fields
        .map(|field| match field.name() {
            name if is_sent(name) => format!(
                "case when n._id is not null then n.\"{name}\" else r.\"{name}\" end as \"{name}\""
            ),
            name => format!("r.\"{name}\""),
        })
        .collect();
    let sql = format!(
        "select {} from org.{load} as r left join (select n.* from org.{other} as n inner join {since} on l.id = n._id) as n \
         on n._id = r._id",
        columns.join(", "),
    );
    let what = format!("what {other} sent instead of {load}");
    let staging = context.staging();
    let name = ("org", load.as_str());
    let table = write_table(staging, &session, name, &what, &sql, &read.sorted_by).await?;
    staging.publish(table).await?;
    Ok(())
}
