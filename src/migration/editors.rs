//! Who edited links that are about to go, asked before anything new is sent: Salesforce changes links along with others (one
//! primary role a deal), and we would be the last who changed them.
//!
//! In: a link load's ledger and its outbox of this run. Out: `ledger.edited_<load>` with the keys that somebody else changed last.
//! Never: a question where the outbox sends nothing new, or where nothing vanished.

use arrow::datatypes::DataType;

use super::comparison::read_back_request;
use super::context::Reads;
use super::gone::EDITED;
use super::phase::Phases;
use crate::error::Error;
use crate::project::QueryFile;
use crate::reconcile::{counts, look_up};
use crate::rows::{RowOperation, asked_by, key_text, same_key};
use crate::salesforce::ObjectDescribe;
use crate::staging::Manifest;
use crate::transform::write_table;

/// The field that says who changed a record last.
const MODIFIED_BY: &str = "LastModifiedById";

impl Phases<'_> {
    /// Remembers which links that the outbox lacks were changed by others.
    pub(super) async fn keep_editors(
        &self,
        file: &QueryFile,
        describe: &ObjectDescribe,
        outbox: &Manifest,
    ) -> Result<(), Error> {
        let context = self.context;
        let load = &file.name;
        let sends = outbox.files.iter().any(|part| {
            let operation = part.label.as_deref().and_then(RowOperation::parse);
            part.rows > 0 && operation != Some(RowOperation::Unchanged)
        });
        if file.link.is_empty() || !sends || describe.field(MODIFIED_BY).is_none() {
            return Ok(());
        }
        let (mut snapshot, session) = context.session(Reads::Tables).await?;
        if snapshot
            .get("ledger", load)
            .is_none_or(|ledger| ledger.rows == 0)
        {
            return Ok(());
        }
        let absent = format!(
            "from ledger.{load} as l left join outbox.{load} as o on {} \
             where l.id is not null and l.live = 'live' and o._fingerprint is null",
            same_key("o", "l", &file.key)
        );
        let sql = format!(
            "select 'gone' as name, count(*) as n {absent} \
             union all select 'all' as name, count(*) as n from ledger.{load} as l where l.id is not null"
        );
        let found = counts(&session, load, &sql).await?;
        let count = |name: &str| found.get(name).copied().unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let percent = count("gone") as f64 * 100.0 / count("all").max(1) as f64;
        // Of more, none goes before people have looked.
        if count("gone") == 0 || percent > context.project.config.gates.max_delete_share {
            return Ok(());
        }
        let request = read_back_request(context, file, describe, outbox.rows)?;
        let asked = asked_by(&describe.name)
            .map_or_else(|| "l.id".to_owned(), |field| format!("l.\"{field}\""));
        let sql = format!(
            "select {asked} as asked, max({key}) as key {absent} group by {asked}",
            key = key_text("l", &file.key)
        );
        let now = look_up(&request, &session, &sql).await?;
        let has = |name: &str| {
            let field = now.schema.field_with_name(name);
            field.is_ok_and(|field| !matches!(field.data_type(), DataType::Null))
        };
        let readable = has(MODIFIED_BY) && file.key.iter().all(|key| has(key));
        if readable && now.rows > 0 {
            snapshot.insert(now.clone());
            let staging = context.staging();
            let session = context.project.engine.session(staging, &snapshot)?;
            let users = self.context.loaders().await?.users;
            let users = users
                .iter()
                .map(|user| format!("'{}'", user.get(..15).unwrap_or(user)));
            let table = format!("{EDITED}{load}");
            let known = match snapshot.get("ledger", &table) {
                Some(_) => format!(" union all select k.key from ledger.{table} as k"),
                None => String::new(),
            };
            let sql = format!(
                "select e.key from (select {key} as key from {now} as r \
                 where substr(r.\"{MODIFIED_BY}\", 1, 15) not in ({users}){known}) as e group by e.key",
                key = key_text("r", &file.key),
                now = now.name(),
                users = users.collect::<Vec<_>>().join(", "),
            );
            let what = "links that somebody edited";
            let table = write_table(staging, &session, ("ledger", &table), what, &sql, &[]).await?;
            staging.publish(table).await?;
        }
        context.staging().remove(&now).await;
        Ok(())
    }
}
