//! What changed in the org since the rows of a load were read back last, so that reading costs what changed.
//!
//! In: `org.<load>` of last time, the org. Out: the rows of now, in the same order as before; none where every row has to be read:
//! the first time, after the query changed, after two weeks (deleted rows are known for 15 days), and where the counts do not
//! agree. Never: a change that is missed because it was committed late: of the minutes before the last look, the rows are counted by
//! who changed them, and read again where a count is another one (`guide/salesforce.md` §2). What our own login does in the very second
//! of a look, after it, is only seen when all is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use futures::{TryStreamExt, pin_mut};

use super::fetch::{fetch, key_start, keyed, ours};
use super::found_rows::{FoundRows, patiently};
use super::names::MODIFIED;
use super::request::STAMP;
use super::{ReadBack, ReconcileError};
use crate::engine::Session;
use crate::rows::{asked_by, key_columns, same_key};
use crate::salesforce::{ErrorClass, QueryScope, field_text};
use crate::staging::{Manifest, Snapshot};

/// How long a transaction may take that has its stamp from its beginning.
const OVERLAP: Duration = Duration::minutes(10);

/// Deleted rows can be asked for so long.
const REMEMBERED: Duration = Duration::days(14);

/// More rows than these are read by a Bulk query.
const FEW: u64 = 10_000;

/// Says whether a row was deleted.
const DELETED: &str = "IsDeleted";

/// The rows of now out of those of last time; none where all have to be read.
///
/// # Errors
/// [`ReconcileError`].
pub(super) async fn refresh(
    request: &ReadBack<'_>,
    schema: &SchemaRef,
    snapshot: &Snapshot,
    progress: &impl Fn(u64),
) -> Result<Option<Manifest>, ReconcileError> {
    let Some(refresh) = Refresh::start(request, schema, snapshot).await? else {
        return Ok(None);
    };
    match refresh.run(schema, progress).await {
        // An object that cannot be counted can still be read.
        Err(ReconcileError::ReadBack { source, .. }) if source.class() == ErrorClass::Refused => {
            tracing::info!(load = request.file.name, error = %source, "its changes cannot be asked for: reading all");
            Ok(None)
        }
        refreshed => refreshed,
    }
}

/// Rows that changed since they were read back last, deleted ones too, or every row where that cannot be asked for; not
/// published. None if there are none, or if none were ever read.
///
/// # Errors
/// [`ReconcileError`].
pub(super) async fn since(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
) -> Result<Option<Manifest>, ReconcileError> {
    if snapshot.get("org", &request.file.name).is_none() {
        return Ok(None);
    }
    let schema = request.schema();
    let found = patiently(request.client, async || {
        let Some(refresh) = Refresh::start(request, &schema, snapshot).await? else {
            return Ok(None);
        };
        match refresh.since(&schema).await {
            Err(ReconcileError::ReadBack { source, .. })
                if source.class() == ErrorClass::Refused =>
            {
                Ok(None)
            }
            since => since.map(Some),
        }
    });
    if let Some(since) = found.await? {
        return Ok(since);
    }
    let all = patiently(request.client, async || {
        fetch(request, &schema, |_| {}).await
    });
    Ok(Some(all.await?))
}

/// Whether the org has the rows of a load as they were read back last. False also where that cannot be told without reading them.
///
/// # Errors
/// [`ReconcileError`].
pub async fn is_as_read(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
) -> Result<bool, ReconcileError> {
    let Some(last) = snapshot.get("org", &request.file.name) else {
        return Ok(false);
    };
    if request.outbox_rows == 0 {
        return Ok(last.rows == 0);
    }
    let schema = request.schema();
    let asked = patiently(request.client, async || {
        let Some(refresh) = Refresh::start(request, &schema, snapshot).await? else {
            return Ok(false);
        };
        match refresh.is_as_read().await {
            Err(ReconcileError::ReadBack { source, .. })
                if source.class() == ErrorClass::Refused =>
            {
                Ok(false)
            }
            asked => asked,
        }
    });
    asked.await
}

struct Refresh<'a> {
    request: &'a ReadBack<'a>,
    last: &'a Manifest,
    session: Session,
    start: Option<String>,
}

impl<'a> Refresh<'a> {
    /// None where all rows have to be read.
    async fn start(
        request: &'a ReadBack<'a>,
        schema: &SchemaRef,
        snapshot: &'a Snapshot,
    ) -> Result<Option<Self>, ReconcileError> {
        let describe = request.describe;
        let has = |name: &str| describe.field(name).is_some();
        let can = !request.whole
            && !request.has_hidden_key()
            && asked_by(&describe.name).is_none()
            && [STAMP, DELETED, MODIFIED[0]].into_iter().all(has);
        let Some(last) = snapshot
            .get("org", &request.file.name)
            .filter(|last| can && last.rows > 0 && last.schema.fields() == schema.fields())
        else {
            return Ok(None);
        };
        if Utc::now() - last.published_at > REMEMBERED {
            return Ok(None);
        }
        let session = request.engine.session(request.staging, snapshot)?;
        let start = key_start(&session, request, "ledger").await?;
        Ok(Some(Self {
            request,
            last,
            session,
            start,
        }))
    }

    /// Rows with a later stamp than any that was read; none if there are none.
    async fn since(&self, schema: &SchemaRef) -> Result<Option<Manifest>, ReconcileError> {
        let Some(newest) = self.newest().await? else {
            return Ok(None);
        };
        let keyed = keyed(self.request, self.start.as_deref());
        let condition = format!("{keyed} AND {STAMP} > {}", literal(newest));
        let changed = self
            .count(&condition, QueryScope::WithDeletedAndArchived)
            .await?;
        match changed {
            0 => Ok(None),
            _ => Ok(Some(self.read(&condition, changed, schema, &|_| {}).await?)),
        }
    }

    /// Whether no row has a later stamp, none of the minutes before was missed, and there are as many as were read.
    async fn is_as_read(&self) -> Result<bool, ReconcileError> {
        let Some(newest) = self.newest().await? else {
            return Ok(false);
        };
        let keyed = keyed(self.request, self.start.as_deref());
        let later = format!("{keyed} AND {STAMP} > {}", literal(newest));
        let (condition, scope) = ours(self.request, self.start.as_deref());
        Ok(self
            .count(&later, QueryScope::WithDeletedAndArchived)
            .await?
            == 0
            && self.is_settled(newest - OVERLAP, newest, None).await?
            && self.count(&condition, scope).await? == self.last.rows)
    }

    async fn run(
        &self,
        schema: &SchemaRef,
        progress: &impl Fn(u64),
    ) -> Result<Option<Manifest>, ReconcileError> {
        let Some(newest) = self.newest().await? else {
            return Ok(None);
        };
        let cursor = literal(newest);
        let since = format!("{STAMP} > {cursor}");
        let keyed = keyed(self.request, self.start.as_deref());
        let deleted_too = QueryScope::WithDeletedAndArchived;
        let condition = format!("{keyed} AND {since}");
        let mut changed = self.count(&condition, deleted_too).await?;
        let mut found = None;
        if changed > 0 {
            found = Some(self.read(&condition, changed, schema, progress).await?);
        }
        let from = newest - OVERLAP;
        if !self.is_settled(from, newest, found.as_ref()).await? {
            if let Some(found) = &found {
                self.request.staging.remove(found).await;
            }
            let condition = format!("{keyed} AND {STAMP} >= {}", literal(from));
            changed = self.count(&condition, deleted_too).await?;
            found = Some(self.read(&condition, changed, schema, progress).await?);
        }
        let now = match found {
            Some(found) => {
                let now = self.merged(&found, schema).await;
                self.request.staging.remove(&found).await;
                now?
            }
            None => self.last.clone(),
        };
        let (condition, scope) = ours(self.request, self.start.as_deref());
        if self.count(&condition, scope).await? == now.rows {
            return Ok(Some(now));
        }
        if now.version == 0 {
            self.request.staging.remove(&now).await;
        }
        Ok(None)
    }

    /// The latest stamp of the rows that were read last time.
    async fn newest(&self) -> Result<Option<DateTime<Utc>>, ReconcileError> {
        let load = &self.request.file.name;
        let sql =
            format!("select max(substr(r.\"{STAMP}\", 1, 19)) as newest from org.{load} as r");
        let rows = self
            .session
            .collect(&format!("the cursor of {load}"), &sql)
            .await?;
        let newest = rows.iter().find_map(|batch| {
            let column = batch.column(0).as_string_opt::<i32>()?;
            (batch.num_rows() > 0 && column.is_valid(0)).then(|| column.value(0).to_owned())
        });
        let parsed =
            newest.and_then(|text| NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S").ok());
        Ok(parsed.map(|time| time.and_utc()))
    }

    /// Whether the rows of the minutes before the last look are those that were read then, except those in `found`.
    async fn is_settled(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        found: Option<&Manifest>,
    ) -> Result<bool, ReconcileError> {
        let request = self.request;
        let load = &request.file.name;
        let [by, _] = MODIFIED;
        let mut tables = Snapshot::default();
        tables.insert(self.last.clone());
        let mut without = String::new();
        if let Some(found) = found {
            tables.insert(found.clone());
            without = format!(
                " left join {} as d on substr(d._id, 1, 15) = substr(r._id, 1, 15) where d._id is null and",
                found.name()
            );
        }
        let second = |time: DateTime<Utc>| time.format("%Y-%m-%dT%H:%M:%S").to_string();
        let sql = format!(
            "select substr(r.\"{by}\", 1, 15) as who, count(*) as n from org.{load} as r{} \
             substr(r.\"{STAMP}\", 1, 19) between '{}' and '{}' group by substr(r.\"{by}\", 1, 15)",
            if without.is_empty() {
                " where"
            } else {
                &without
            },
            second(from),
            second(until),
        );
        let session = request.engine.session(request.staging, &tables)?;
        let mut known: BTreeMap<String, u64> = BTreeMap::new();
        for batch in session
            .collect(&format!("recent rows of {load}"), &sql)
            .await?
        {
            let who = batch.column(0).as_string::<i32>();
            let rows = batch.column(1).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let name = if who.is_valid(row) {
                    who.value(row)
                } else {
                    ""
                };
                known.insert(name.to_owned(), rows.value(row).unsigned_abs());
            }
        }
        let (condition, scope) = ours(request, self.start.as_deref());
        let soql = format!(
            "SELECT {by}, COUNT(Id) n FROM {} WHERE {condition} AND {STAMP} >= {} AND {STAMP} <= {} GROUP BY {by}",
            request.describe.name,
            literal(from),
            literal(until),
        );
        let mut there: BTreeMap<String, u64> = BTreeMap::new();
        let rows = request.client.query_in(&soql, scope);
        pin_mut!(rows);
        while let Some(row) = rows.try_next().await.map_err(|error| self.failed(error))? {
            let who = field_text(&row, by).unwrap_or_default();
            let count = field_text(&row, "n").and_then(|text| text.parse().ok());
            let who = crate::salesforce::record_identity(&who).to_owned();
            *there.entry(who).or_default() += count.unwrap_or(0);
        }
        Ok(known == there)
    }

    async fn count(&self, condition: &str, scope: QueryScope) -> Result<u64, ReconcileError> {
        let soql = format!(
            "SELECT COUNT(Id) n FROM {} WHERE {condition}",
            self.request.describe.name
        );
        let rows = self.request.client.query_in(&soql, scope);
        pin_mut!(rows);
        let row = rows.try_next().await.map_err(|error| self.failed(error))?;
        let count = row.and_then(|row| field_text(&row, "n")?.parse().ok());
        Ok(count.unwrap_or(0))
    }

    /// Rows that meet a condition, deleted ones too.
    async fn read(
        &self,
        condition: &str,
        rows: u64,
        schema: &SchemaRef,
        progress: &impl Fn(u64),
    ) -> Result<Manifest, ReconcileError> {
        let request = self.request;
        let mut fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
        if !fields.iter().any(|field| field.name() == DELETED) {
            fields.push(Arc::new(Field::new(DELETED, DataType::Utf8, true)));
        }
        let schema = Arc::new(Schema::new(fields));
        let name = format!("{}_changed", request.file.name);
        let mut found = FoundRows::start(
            request.staging,
            request.client,
            request.describe,
            &name,
            &schema,
            &request.columns.key,
        )
        .await?;
        let scope = QueryScope::WithDeletedAndArchived;
        if rows > FEW {
            found.in_bulk(condition, scope, progress).await?;
        } else {
            found.over_rest(condition, scope, None).await?;
            progress(found.count());
        }
        found.finish().await
    }

    /// The rows of last time, with those that were found in their place, without deleted ones; not published.
    async fn merged(
        &self,
        found: &Manifest,
        schema: &SchemaRef,
    ) -> Result<Manifest, ReconcileError> {
        let request = self.request;
        let load = &request.file.name;
        let mut tables = Snapshot::default();
        tables.insert(self.last.clone());
        tables.insert(found.clone());
        let session = request.engine.session(request.staging, &tables)?;
        let columns = |alias: &str| -> String {
            let names = schema.fields().iter();
            let names: Vec<String> = names
                .map(|field| format!("{alias}.\"{}\"", field.name()))
                .collect();
            names.join(", ")
        };
        let key = &request.columns.key;
        // A key that another record has by now is no longer that of the one that had it: of the version before, for instance.
        let sql = format!(
            "select {} from org.{load} as r left join {found} as d on substr(d._id, 1, 15) = substr(r._id, 1, 15) \
             left join (select {}, k._id from {found} as k where coalesce(k.\"{DELETED}\", '') <> 'true') as k on {} \
             where d._id is null and k._id is null \
             union all select {} from {found} as d where coalesce(d.\"{DELETED}\", '') <> 'true'",
            columns("r"),
            key_columns("k", key),
            same_key("k", "r", key),
            columns("d"),
            found = found.name(),
        );
        let sorted_by: Vec<&str> = key.iter().map(String::as_str).collect();
        let mut rows = session
            .stream(&format!("rows of {load}"), &sql, key)
            .await?;
        let mut writer = request
            .staging
            .create("org", load, Arc::clone(schema), &sorted_by)
            .await?;
        while let Some(batch) = rows.next_batch().await? {
            writer.write(&batch).await?;
        }
        Ok(writer.finish(BTreeMap::new()).await?)
    }

    fn failed(&self, source: crate::salesforce::Error) -> ReconcileError {
        ReconcileError::ReadBack {
            object: self.request.describe.name.clone(),
            source: Box::new(source),
        }
    }
}

/// An instant in SOQL.
fn literal(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
