//! Whether the records of a ledger are still there: deleted, merged and converted ones are marked, those that came back too.
//!
//! In: a ledger, and the org asked for what is gone since. Out: the ledger with `live` as the org has it, and with the record that
//! a merged or converted one became; outcomes stay as they are. Never: a row per live record asked for, where the org can say what
//! is gone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::{concat_batches, nullif, take_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

use super::LoadError;
use super::ledger::{selected, write_ledger};
use crate::engine::{Engine, Session};
use crate::rows::{Dead, Identity, Liveness, Outcome, for_load, identity, key_text, same_key};
use crate::salesforce::{Client, ObjectDescribe};
use crate::staging::{DataFile, Manifest, Staging};

/// The word of records that are there, for SQL.
pub(super) const LIVE: &str = Liveness::Live.word();

/// What stands for an operation in attempts that say nothing but the liveness of records.
const LOOKED_AT: &str = "liveness";

/// What a ledger says is dead.
const DEAD_RECORDS: &str = include_str!("../../queries/internal/dead_records.sql");

/// When the first record of a ledger landed.
const FIRST_LANDED: &str = include_str!("../../queries/internal/first_landed.sql");

/// The column with the record that another one became.
const SUCCESSOR: &str = "successor";

/// Ids in one query, so that its URL stays short.
pub(super) const IDS: usize = 200;

/// What the org says of a record that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) live: Liveness,
    /// The record that it became.
    pub(super) successor: Option<String>,
    /// Whether nobody knows its values any more.
    pub(super) is_forgotten: bool,
}

impl From<Liveness> for Gone {
    fn from(live: Liveness) -> Self {
        Self {
            live,
            successor: None,
            is_forgotten: false,
        }
    }
}

/// What is gone, by what it was.
pub(super) type AllGone = HashMap<Identity, Gone>;

/// A ledger to bring in line with the org.
pub struct LedgerRefresh<'a> {
    /// The staging area, with the organisation in view.
    pub staging: &'a Staging,
    /// Reads and folds the ledger.
    pub engine: &'a Engine,
    /// Connected to the destination.
    pub client: &'a Client,
    /// The load.
    pub load: &'a str,
    /// Its key columns.
    pub key: &'a [String],
    /// Its object's describe.
    pub describe: &'a ObjectDescribe,
}

/// What a look at the org came to.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// What is dead now, and is followed nowhere.
    pub dead: Dead,
    /// Records that were merged since the last look, and into which.
    pub merged: HashMap<Identity, String>,
}

impl LedgerRefresh<'_> {
    /// Brings `live` in line with the org; returns what is dead now.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn refresh(&self) -> Result<Refreshed, LoadError> {
        let snapshot = self.staging.snapshot().await?;
        let Some(ledger) = snapshot
            .get("ledger", self.load)
            .filter(|ledger| ledger.rows > 0)
        else {
            return Ok(Refreshed::default());
        };
        let session = self.engine.session(self.staging, &snapshot)?;
        let Some(since) = self.since(&session).await? else {
            return Ok(Refreshed::default());
        };
        let gone = Box::pin(self.gone(&session, since)).await?;
        let differences = format!("differences_{}", self.load);
        let missing = snapshot
            .get("recon", &differences)
            .is_some_and(|table| table.rows > 0);
        let changes = Box::pin(self.changes(&session, &gone, missing)).await?;
        if changes.is_empty() {
            return Ok(Refreshed {
                dead: self.dead_in(&session).await?,
                ..Refreshed::default()
            });
        }
        let file = self.attempts(&session, ledger, &changes).await?;
        let schema = current(&ledger.schema);
        write_ledger(self.staging, self.engine, self.load, self.key, schema, file).await?;
        let merged = changes.into_iter().filter_map(|(id, gone)| {
            let successor = gone.successor.filter(|_| gone.live == Liveness::Merged)?;
            Some((id, successor))
        });
        Ok(Refreshed {
            merged: merged.collect(),
            dead: self.dead().await?,
        })
    }

    /// Forgets records that none of `makers`, the loads that made them, knows any more, and those that one of `converters` took
    /// back, from which the rows came.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn forget(&self, makers: &[String], converters: &[String]) -> Result<(), LoadError> {
        let snapshot = self.staging.snapshot().await?;
        let Some(ledger) = snapshot.get("ledger", self.load) else {
            return Ok(());
        };
        let session = self.engine.session(self.staging, &snapshot)?;
        let (load, undone) = (self.load, Liveness::Undone.word());
        let mut parts: Vec<String> = converters
            .iter()
            .map(|maker| {
                format!(
                    "select l.id from ledger.{load} as l inner join ledger.{maker} as m on {} \
                     where l.id is not null and m.live = '{undone}'",
                    same_key("m", "l", self.key)
                )
            })
            .collect();
        if !makers.is_empty() {
            let made: Vec<String> = makers
                .iter()
                .map(|maker| format!("select m.id from ledger.{maker} as m where m.id is not null"))
                .collect();
            parts.push(format!(
                "select l.id from ledger.{load} as l left join ({}) as m on m.id = l.id where l.id is not null and m.id is null",
                made.join(" union all ")
            ));
        }
        match parts.is_empty() {
            true => Ok(()),
            false => {
                let those = parts.join(" union all ");
                self.mark(&session, ledger, &those, Liveness::Undone).await
            }
        }
    }

    /// Forgets the values of records that `other`, a load of the same records, has sent since; with [`Liveness::Undone`] the records
    /// altogether. Forgotten once, they are not looked at again until they are sent.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn forget_sent_by(&self, other: &str, live: Liveness) -> Result<(), LoadError> {
        let snapshot = self.staging.snapshot().await?;
        let ledgers = [self.load, other].map(|load| snapshot.get("ledger", load));
        let [Some(ledger), Some(_)] = ledgers else {
            return Ok(());
        };
        let session = self.engine.session(self.staging, &snapshot)?;
        let sql = format!(
            "select l.id from {} where l.id is not null",
            sent_since(self.load, other, self.key)
        );
        self.mark(&session, ledger, &sql, live).await
    }

    /// Says of the records whose ids `sql` returns that they are there or not, and that nobody knows their values.
    async fn mark(
        &self,
        session: &Session,
        ledger: &Manifest,
        sql: &str,
        live: Liveness,
    ) -> Result<(), LoadError> {
        let name = format!("records of {} that are forgotten", self.load);
        let mut rows = session.stream(&name, sql, &[]).await?;
        let mut changes = AllGone::new();
        while let Some(batch) = rows.next_batch().await? {
            let ids = batch.column(0).as_string::<i32>().iter().flatten();
            let ids = ids.filter_map(identity);
            changes.extend(ids.map(|id| {
                let marked = Gone {
                    is_forgotten: true,
                    ..Gone::from(live)
                };
                (id, marked)
            }));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let file = self.attempts(session, ledger, &changes).await?;
        let schema = current(&ledger.schema);
        write_ledger(self.staging, self.engine, self.load, self.key, schema, file).await?;
        Ok(())
    }

    /// What the ledger says is dead.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn dead(&self) -> Result<Dead, LoadError> {
        let snapshot = self.staging.snapshot().await?;
        let session = self.engine.session(self.staging, &snapshot)?;
        self.dead_in(&session).await
    }

    async fn dead_in(&self, session: &Session) -> Result<Dead, LoadError> {
        let sql = for_load(DEAD_RECORDS, self.load);
        let mut dead = Dead::new();
        let name = format!("dead records of {}", self.load);
        let mut rows = session.stream(&name, &sql, &[]).await?;
        while let Some(batch) = rows.next_batch().await? {
            let [ids, live] = [0, 1].map(|column| batch.column(column).as_string::<i32>());
            for row in 0..batch.num_rows() {
                let live = Liveness::parse(live.value(row)).filter(|live| live.is_dead());
                if let (Some(id), Some(live)) = (identity(ids.value(row)), live) {
                    dead.insert(id, live);
                }
            }
        }
        Ok(dead)
    }

    /// When the first record landed that the ledger knows; a day earlier, since this machine's clock may be hours ahead of the org's.
    async fn since(&self, session: &Session) -> Result<Option<DateTime<Utc>>, LoadError> {
        let sql = for_load(FIRST_LANDED, self.load);
        let name = format!("first record of {}", self.load);
        let rows = session.collect(&name, &sql).await?;
        let first = rows.iter().find_map(|batch| {
            let at: &Int64Array = batch.column(0).as_primitive_opt::<Int64Type>()?;
            (batch.num_rows() > 0 && at.is_valid(0)).then(|| at.value(0))
        });
        let first = first.and_then(DateTime::from_timestamp_micros);
        Ok(first.map(|first| first - chrono::Duration::days(1)))
    }

    pub(super) fn read(&self) -> impl Fn(crate::salesforce::Error) -> LoadError + use<> {
        let what = format!("which records of {} are gone", self.describe.name);
        move |source| LoadError::ReadOrg {
            what: what.clone(),
            source: Box::new(source),
        }
    }

    /// Records whose liveness is another one than the ledger says. `missing` if the last read-back missed some.
    async fn changes(
        &self,
        session: &Session,
        gone: &AllGone,
        missing: bool,
    ) -> Result<AllGone, LoadError> {
        let mut changes = AllGone::new();
        let mut doubtful = BTreeMap::<String, (Liveness, String)>::new();
        let (load, key) = (self.load, key_text("l", self.key));
        let asked = self.asked();
        // Where nothing is gone, only what may have come back is looked at.
        let which = if gone.is_empty() {
            format!(" and l.live <> '{LIVE}'")
        } else {
            String::new()
        };
        let mut questions = vec![format!(
            "select l.*, {asked} as asked, false as missing from ledger.{load} as l where l.id is not null{which}"
        )];
        if missing {
            // Purged from the recycle bin: nothing in the org speaks of them any more.
            questions.push(format!(
                "select l.*, {asked} as asked, true as missing from ledger.{load} as l inner join recon.differences_{load} as d \
                 on d.key = {key} where l.id is not null and l.live = '{LIVE}' and d.kind = 'missing'"
            ));
        }
        for sql in questions {
            let name = format!("liveness of {load}");
            let mut rows = session.stream(&name, &sql, &[]).await?;
            while let Some(batch) = rows.next_batch().await? {
                let text = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>();
                let [ids, asked, live, successors] = ["id", "asked", "live", "successor"].map(text);
                let cell = |column: Option<&StringArray>, row: usize| {
                    let column = column.filter(|column| column.is_valid(row));
                    column.map(|column| column.value(row).to_owned())
                };
                let missing = batch.column_by_name("missing").map(|it| it.as_boolean());
                for row in 0..batch.num_rows() {
                    let Some(text) = cell(ids, row) else { continue };
                    let Some(id) = identity(&text) else { continue };
                    let known = cell(live, row).and_then(|word| Liveness::parse(&word));
                    let known = Gone {
                        successor: cell(successors, row),
                        ..Gone::from(known.unwrap_or(Liveness::Live))
                    };
                    let is_missing = missing.is_some_and(|missing| missing.value(row));
                    match finding(&known, gone.get(&id), is_missing) {
                        Finding::Changed(now) => {
                            changes.insert(id, now);
                        }
                        Finding::Doubtful => {
                            let asked = cell(asked, row).unwrap_or_default();
                            doubtful.insert(text, (known.live, asked));
                        }
                        Finding::Same => {}
                    }
                }
            }
        }
        let asked = doubtful.values().map(|(_, asked)| asked.clone());
        let there = self.there(&asked.collect()).await?;
        for (id, &(known, _)) in &doubtful {
            let Some(id) = identity(id) else { continue };
            let now = confirmed(known, there.contains(&id));
            changes.extend(now.map(|now| (id, now.into())));
        }
        Ok(changes)
    }

    /// A file of attempts that says nothing but the liveness of these records.
    async fn attempts(
        &self,
        session: &Session,
        ledger: &Manifest,
        changes: &AllGone,
    ) -> Result<Vec<DataFile>, LoadError> {
        let schema = &current(&ledger.schema);
        let columns = selected(schema, ledger, |name| format!("l.\"{name}\""));
        let sql = format!(
            "select {columns} from ledger.{} as l where l.id is not null",
            self.load
        );
        let table = format!("attempts_{}", self.load);
        let mut writer = self
            .staging
            .create("ledger", &table, Arc::clone(schema), &[])
            .await?;
        let name = format!("records of {}", self.load);
        let mut rows = session.stream(&name, &sql, &[]).await?;
        while let Some(batch) = rows.next_batch().await? {
            let marked =
                self.marked(&batch, schema, changes)
                    .map_err(|error| LoadError::Encode {
                        load: self.load.to_owned(),
                        part: "of its ledger".to_owned(),
                        source: error.into(),
                    })?;
            if marked.num_rows() > 0 {
                writer.write(&marked).await?;
            }
        }
        Ok(writer.finish(BTreeMap::new()).await?.files)
    }

    fn marked(
        &self,
        batch: &RecordBatch,
        schema: &SchemaRef,
        changes: &AllGone,
    ) -> Result<RecordBatch, ArrowError> {
        let ids = batch.column(self.key.len()).as_string::<i32>();
        let (mut places, mut live) = (Vec::new(), StringBuilder::new());
        let (mut successor, mut forgotten) = (StringBuilder::new(), Vec::new());
        for row in 0..batch.num_rows() {
            let now = identity(ids.value(row)).and_then(|id| changes.get(&id));
            if let Some(now) = now {
                places.push(u32::try_from(row).unwrap_or(u32::MAX));
                live.append_value(now.live.word());
                successor.append_option(now.successor.as_deref());
                forgotten.push(now.is_forgotten);
            }
        }
        let rows = take_record_batch(batch, &UInt32Array::from(places))?;
        let rows = concat_batches(schema, [&rows])?;
        let (count, forgotten) = (rows.num_rows(), BooleanArray::from(forgotten));
        let live: ArrayRef = Arc::new(live.finish());
        let successor: ArrayRef = Arc::new(successor.finish());
        let operation: StringArray = std::iter::repeat_n(Some(LOOKED_AT), count).collect();
        let now = vec![Utc::now().timestamp_micros(); count];
        let columns = schema.fields().iter().zip(rows.columns());
        let columns = columns.map(|(field, column)| -> Result<ArrayRef, ArrowError> {
            Ok(match field.name().as_str() {
                "live" => Arc::clone(&live),
                "successor" => Arc::clone(&successor),
                "operation" => Arc::new(operation.clone()),
                "at" => Arc::new(TimestampMicrosecondArray::from(now.clone()).with_timezone("UTC")),
                "outcome" | "error_code" | "error" | "job_id" | "attempt" | "run_id" => {
                    new_null_array(field.data_type(), count)
                }
                "fingerprint" => nullif(column, &forgotten)?,
                _ => Arc::clone(column),
            })
        });
        RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, _>>()?)
    }
}

/// SQL for the live records of a load (`l`) with the values of its ledger that `other`, a load of the same records (`m`), sent after it.
pub fn sent_since(load: &str, other: &str, key: &[String]) -> String {
    let [created, updated] = [Outcome::Created, Outcome::Updated].map(Outcome::word);
    format!(
        "(select l.* from ledger.{load} as l inner join ledger.{other} as m on {} where l.live = '{LIVE}' \
         and l.fingerprint is not null and m.outcome in ('{created}', '{updated}') and m.at > l.at) as l",
        same_key("m", "l", key)
    )
}

/// The schema of a ledger that an older version wrote, with the column of successors.
fn current(schema: &SchemaRef) -> SchemaRef {
    if schema.field_with_name(SUCCESSOR).is_ok() {
        return Arc::clone(schema);
    }
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    let place = schema.index_of("written").map_or(fields.len(), |at| at + 1);
    fields.insert(place, Arc::new(Field::new(SUCCESSOR, DataType::Utf8, true)));
    Arc::new(Schema::new(fields).with_metadata(schema.metadata().clone()))
}

/// What the org's answer says about a record that the ledger knows.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// The ledger is right.
    Same,
    /// It is something else now.
    Changed(Gone),
    /// The record itself has to be asked for.
    Doubtful,
}

/// Compares what the ledger says with `gone`, what the org says of records that are not there any more; `missing` if the last
/// read-back did not find the record.
fn finding(known: &Gone, gone: Option<&Gone>, missing: bool) -> Finding {
    match gone {
        Some(now) if now != known => Finding::Changed(now.clone()),
        Some(_) => Finding::Same,
        // It may have come back, or have left the recycle bin.
        None if known.live != Liveness::Live || missing => Finding::Doubtful,
        None => Finding::Same,
    }
}

/// What a doubtful record is after it was asked for; none if the ledger is right.
fn confirmed(known: Liveness, there: bool) -> Option<Liveness> {
    match (there, known) {
        (true, Liveness::Live) => None,
        (true, _) => Some(Liveness::Live),
        (false, Liveness::Live) => Some(Liveness::Deleted),
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Liveness::{Converted, Deleted, Live, Merged};

    #[test]
    fn what_the_org_says_is_gone_is_marked_and_what_is_marked_already_stays() {
        let live = Gone::from(Live);
        for now in [Deleted, Merged, Converted].map(Gone::from) {
            let changed = finding(&live, Some(&now), false);
            assert_eq!(changed, Finding::Changed(now.clone()));
            assert_eq!(finding(&now, Some(&now), false), Finding::Same);
        }
        let merged = Gone::from(Merged);
        assert_eq!(
            finding(&Deleted.into(), Some(&merged), false),
            Finding::Changed(merged.clone()),
            "restored, then merged"
        );
        let further = Gone {
            successor: Some("001A00000000009AAA".to_owned()),
            ..merged.clone()
        };
        assert_eq!(
            finding(&merged, Some(&further), false),
            Finding::Changed(further.clone()),
            "its successor was merged, too"
        );
    }

    #[test]
    fn a_live_record_that_nobody_speaks_of_is_not_asked_for() {
        assert_eq!(finding(&Live.into(), None, false), Finding::Same);
    }

    #[test]
    fn a_record_that_read_back_missed_is_asked_for_and_deleted_if_it_is_not_there() {
        assert_eq!(finding(&Live.into(), None, true), Finding::Doubtful);
        assert_eq!(confirmed(Live, false), Some(Deleted));
        assert_eq!(confirmed(Live, true), None);
    }

    #[test]
    fn a_record_that_is_out_of_the_recycle_bin_is_live_again() {
        for known in [Deleted, Merged, Converted] {
            assert_eq!(finding(&known.into(), None, false), Finding::Doubtful);
            assert_eq!(confirmed(known, true), Some(Live));
            assert_eq!(confirmed(known, false), None, "purged for good");
        }
    }
}
