//! Records that the runs deleted because the source no longer had their rows, and their way out of the recycle bin.
//!
//! In: the attempts of a load. Out: `outbox.recycled_<load>`, one part labelled `undelete`, not published; how many records of loads
//! whose object does not come out of the recycle bin. Never: a record that the runs had made themselves, or one that is back.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};

use super::load::{Load, goes_with};
use super::{Reviewer, RollbackError};
use crate::rows::{KEY_APART, RowOperation, TARGET, key_columns, same_key};
use crate::salesforce::ObjectDescribe;
use crate::staging::{Manifest, Snapshot};

/// How the names of these tables begin.
const RECYCLED: &str = "recycled_";

/// The deleted records of one load.
#[derive(Debug)]
pub struct Recycled {
    /// The load.
    pub load: String,
    /// How many.
    pub records: u64,
    /// What undeletes them; none if the object does not come out of the recycle bin.
    pub outbox: Option<Manifest>,
}

impl Reviewer<'_> {
    /// What of the runs' deletions is to come back, parents before children.
    ///
    /// # Errors
    /// [`RollbackError`].
    pub async fn recycled(&self) -> Result<Vec<Recycled>, RollbackError> {
        let snapshot = self.staging.snapshot().await?;
        let mut found = Vec::new();
        for load in self.loads.iter().rev().filter(|load| load.selected) {
            let attempts = format!("attempts_{}", load.file.name);
            let describe = self.described.get(load.file.object());
            let is_known = snapshot.get("ledger", &attempts).is_some();
            let Some(describe) = describe.filter(|_| is_known) else {
                continue;
            };
            let outbox = self.undeletions(load, &snapshot).await?;
            let records = outbox.rows;
            let keep = records > 0 && self.is_undeletable(describe).await?;
            if !keep {
                self.staging.remove(&outbox).await;
            }
            if records > 0 {
                found.push(Recycled {
                    load: load.file.name.clone(),
                    records,
                    outbox: keep.then_some(outbox),
                });
            }
        }
        Ok(found)
    }

    async fn is_undeletable(&self, describe: &ObjectDescribe) -> Result<bool, RollbackError> {
        let Some((object, _)) = goes_with(&describe.name) else {
            return Ok(describe.undeletable);
        };
        let described = self.client.describe(object).await;
        let described = described.map_err(|source| RollbackError::ReadOrg {
            what: format!("the fields of {object}"),
            source: Box::new(source),
        })?;
        Ok(described.undeletable)
    }

    async fn undeletions(
        &self,
        load: &Load,
        snapshot: &Snapshot,
    ) -> Result<Manifest, RollbackError> {
        let name = &load.file.name;
        let session = self.engine.session(self.staging, snapshot)?;
        let sql = sql(name, &load.file.key, &self.scope.runs);
        let query = format!("records of {name} to undelete");
        let mut stream = session.stream(&query, &sql, &[]).await?;
        let fields = stream.schema();
        let fields = fields.fields().iter();
        let fields = fields.map(|field| Field::new(field.name(), field.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let table = format!("{RECYCLED}{name}");
        let writer = self
            .staging
            .create("outbox", &table, Arc::clone(&schema), &[]);
        let mut writer = writer.await?.labelled(RowOperation::Undelete.word());
        while let Some(batch) = stream.next_batch().await? {
            let batch = RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec());
            let batch = batch.map_err(|source| RollbackError::Store {
                load: name.clone(),
                source,
            })?;
            writer.write(&batch).await?;
        }
        Ok(writer.finish(BTreeMap::new()).await?)
    }
}

/// SQL for the deletions of the runs: each names the record that had landed under its key before, and what was deleted for it.
fn sql(load: &str, key: &[String], runs: &[String]) -> String {
    let apart: Vec<String> = key
        .iter()
        .map(|name| format!("k.\"{name}\" as \"{KEY_APART}{name}\""))
        .collect();
    let runs: Vec<String> = runs.iter().map(|run| format!("'{run}'")).collect();
    let runs = runs.join(", ");
    let gone = format!(
        "(select {bare}, a.id as target, max(a.at) as at from ledger.attempts_{load} as a \
         where a.run_id in ({runs}) and a.outcome = 'deleted' group by {bare}, a.id)",
        bare = key_columns("a", key),
    );
    format!(
        "select {apart}, '{operation}' as _operation, k.id as _id, k.target as {TARGET}, cast(null as bigint) as _fingerprint, \
         k.written as _written from (select {bare}, g.target, max(g.at) as at, last_value(a.id order by a.at) as id, \
         last_value(a.written order by a.at) as written from {gone} as g \
         inner join ledger.attempts_{load} as a on {on} where a.at < g.at and a.id is not null \
         and a.outcome in ('created', 'updated', 'restored') group by {bare}, g.target) as k \
         left join (select a.id from ledger.attempts_{load} as a where a.run_id in ({runs}) and a.outcome = 'created' \
         group by a.id) as m on m.id = k.id \
         left join (select a.id, max(a.at) as at from ledger.attempts_{load} as a where a.operation = '{operation}' \
         and a.outcome = 'restored' group by a.id) as b on b.id = k.id and b.at >= k.at \
         where m.id is null and b.id is null",
        apart = apart.join(", "),
        operation = RowOperation::Undelete.word(),
        bare = key_columns("g", key),
        on = same_key("a", "g", key),
    )
}
