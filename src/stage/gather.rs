//! The parts of a table that other processes wrote, put in the place of those that this one would write.
//!
//! In: shares, and a table that is laid out. Out: its parts and its books. Never: shares of another layout, or some of them only.

use std::collections::BTreeMap;

use super::column_books::Filled;
use super::error::write_error;
use super::runs::{Parts, Run};
use super::share::{Shares, copy};
use super::stager::{Stager, Work};
use super::{StageError, latest, rejects};
use crate::staging::Manifest;

impl Stager<'_> {
    /// The parts of a table that other processes wrote.
    pub(super) async fn gather(
        &mut self,
        shares: &Shares,
        work: &mut Work<'_>,
    ) -> Result<Parts, StageError> {
        let name = work.object.name.as_ref();
        let write = |source| write_error(name, source);
        let mut rejects = self
            .staging
            .create("rejects", name, rejects::schema(), &[])
            .await
            .map_err(write)?;
        let mut parts = (Vec::new(), Vec::new(), Filled::default());
        let mut books = BTreeMap::new();
        for share in &shares.0 {
            let Some(table) = share.tables.get(name) else {
                continue;
            };
            let mut written = table.runs.iter().map(|run| &run.rows).chain(&table.late);
            if written.any(|rows| rows.schema != work.placed) {
                rejects.discard().await;
                return Err(StageError::OtherShard {
                    shard: share.shard.to_string(),
                    table: name.to_owned(),
                });
            }
            parts.0.extend(table.runs.iter().cloned());
            parts.1.extend(table.late.iter().cloned());
            parts.2.join(&table.filled);
            work.nothing.join(&table.nothing);
            work.unreadable.join(&table.unreadable);
            books.extend(table.books.iter().cloned());
            copy(self.staging, &table.rejects, &mut rejects).await?;
        }
        if books.len() != work.files.len() {
            rejects.discard().await;
            return Err(StageError::OtherShard {
                shard: "one of them".to_owned(),
                table: name.to_owned(),
            });
        }
        if parts.0.is_empty() {
            let empty = self
                .staging
                .create("usercom", name, latest::with_places(work.schema()), &["id"])
                .await
                .map_err(write)?;
            let rows = empty.finish(BTreeMap::new()).await.map_err(write)?;
            parts.0.push(Run { rows, span: None });
        }
        work.books = books.into_values().collect();
        let (runs, late, filled) = parts;
        Ok(Parts {
            runs,
            late,
            filled,
            rejects,
        })
    }

    /// Removes a table that is not published, but for what shares have.
    pub(super) async fn remove(&self, table: &Manifest) {
        match &self.shares {
            Some(shares) => self.staging.remove(&shares.without_shared(table)).await,
            None => self.staging.remove(table).await,
        }
    }
}
