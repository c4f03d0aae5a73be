//! The outbox: exactly the rows that will be sent, written before any job is opened.
//!
//! In: a load query, the ledger of the same load, the destination's limits. Out: `outbox.<load>`, cut in parts (one
//! file = one Bulk job, one operation each, rows of one lock parent together), and the rows that do not move with
//! their reasons (`recon.fates_<load>`), flags (`recon.flags_<load>`) and changed values (`recon.altered_<load>`).
//! Never: a row in two places, or in none.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::TransformError;
use super::base::{self, Base, GoneFields, OPT_OUT_KEPT, Settled};
use super::dead::Parents;
use super::fallback::without_fallbacks;
use super::fate::{Fate, Fates};
use super::notes::Notes;
use super::outbox_rows::OutboxRows;
use super::route::{KNOWN, Ledger, text, texts};
use super::unreadable::{CELL_UNREADABLE, UnreadCells, Unreadable};
use crate::encode::{EncodeError, RowEncoder, ValuePolicy};
use crate::engine::Session;
use crate::mapping::EditPolicies;
use crate::project::{Operation, ProjectError, QueryFile};
use crate::rows::{
    Bits, CANARY_ROWS, Columns, Dead, RowOperation, SOURCE, is_set, key_columns, key_text,
    key_texts, outbox_schema, same_key, sent_columns, set, with_plain_texts,
};
use crate::staging::{Manifest, Staging, TableWriter};

/// Most bytes of CSV in one part, below the 100 MB a Bulk job takes (`guide/salesforce.md` §1.8).
const PART_BYTES: usize = 95_000_000;

/// The flag of a row whose record is made once and never changed, and that the source has changed since.
const CHANGED_SINCE: &str = "changed_since_it_was_sent";

/// What an outbox is made from.
pub struct OutboxRequest<'a> {
    /// Where it goes.
    pub staging: &'a Staging,
    /// Sees every table the query reads, and `ledger.<load>` if there is one.
    pub session: &'a Session,
    /// The load query.
    pub file: &'a QueryFile,
    /// Its columns.
    pub columns: &'a Columns,
    /// The load's ledger so far.
    pub ledger: Option<&'a Manifest>,
    /// The load's outbox of last time.
    pub last: Option<&'a Manifest>,
    /// Fields whose columns the export no longer has.
    pub gone: &'a GoneFields,
    /// Rows with cells that could not be read.
    pub unreadable: Option<&'a Unreadable>,
    /// What the destination's fields hold.
    pub policy: &'a ValuePolicy,
    /// Most rows in one part.
    pub part_rows: usize,
    /// Records on which nothing is hung.
    pub dead: &'a Dead,
    /// Sent columns that name other records.
    pub references: &'a [String],
    /// Whether rows that landed are left alone, whatever their values are now.
    pub only_failed: bool,
    /// What a person decided, about records that somebody deleted in the org among others.
    pub decided: &'a EditPolicies,
}

/// A written outbox, not yet published.
#[derive(Clone, Debug)]
pub struct Outbox {
    /// `outbox.<load>`; each file is a part, its label the operation.
    pub parts: Manifest,
    /// `recon.fates_<load>`, `recon.flags_<load>`, `recon.altered_<load>`.
    pub notes: Vec<Manifest>,
}

/// Runs the load query and writes the outbox.
///
/// # Errors
/// [`TransformError`]; nothing is published.
pub async fn write_outbox(request: &OutboxRequest<'_>) -> Result<Outbox, TransformError> {
    let file = request.file;
    let sql = with_ledger(request)?;
    let mut order: Vec<String> = Vec::new();
    for name in file
        .cluster_by
        .iter()
        .chain(&file.order_by)
        .chain(&file.key)
    {
        if !order.contains(name) {
            order.push(name.clone());
        }
    }
    let mut stream = request.session.stream(&file.path, &sql, &order).await?;
    let mut writer = Writer::start(request).await?;
    while let Some(batch) = stream.next_batch().await? {
        let batch = with_plain_texts(&batch).map_err(|error| writer.arrow(error))?;
        writer.route(&batch).await?;
    }
    let outbox = Box::pin(writer.finish()).await?;
    check_key(request, &outbox.parts).await?;
    Ok(outbox)
}

/// The query joined with what is known of its rows: their records, and the values that were sent last.
fn with_ledger(request: &OutboxRequest<'_>) -> Result<String, TransformError> {
    let file = request.file;
    let unread = request.unreadable;
    let (unread, its_join) = unread.map_or_else(Default::default, |rows| rows.joined(&file.key));
    if request.ledger.is_none() {
        return Ok(match its_join.as_str() {
            "" => file.sql.clone(),
            join => format!("select q.*{unread} from (\n{}\n) as q{join}", file.sql),
        });
    }
    let [id, live, fingerprint, written, outcome] = KNOWN;
    let (mut columns, mut join) = (String::new(), String::new());
    if let Some(last) = request.last.filter(|last| last.rows > 0) {
        let mut table = last.clone();
        table.table = format!("{}_last", file.name);
        request.session.register(request.staging, &table)?;
        columns = base::selected(&sent_columns(&last.schema));
        join = format!(
            " left join {} as b on {}",
            table.name(),
            same_key("b", "q", &file.key)
        );
    }
    Ok(format!(
        "select q.*, l.id as {id}, l.live as {live}, l.fingerprint as {fingerprint}, l.written as {written}, \
         l.outcome as {outcome}{columns}{unread} \
         from (\n{}\n) as q left join ledger.{} as l on {}{join}{its_join}",
        file.sql,
        file.name,
        same_key("l", "q", &file.key)
    ))
}

/// Every row to be sent has a key of its own.
async fn check_key(request: &OutboxRequest<'_>, parts: &Manifest) -> Result<(), TransformError> {
    let session = request.session;
    session.register(request.staging, parts)?;
    let key = &request.file.key;
    let (list, text) = (key_columns("o", key), key_text("o", key));
    let table = parts.name();
    let nulls = key
        .iter()
        .map(|name| format!("o.\"{name}\" is null"))
        .collect::<Vec<_>>()
        .join(" or ");
    let checks = [
        (
            "is null",
            format!("select count(*) as n, min({text}) as sample from {table} as o where {nulls}"),
        ),
        (
            "is not unique",
            format!(
                "select count(*) as n, min(d.sample) as sample from (select {text} as sample from {table} as o group by {list} having count(*) > 1) as d"
            ),
        ),
    ];
    for (problem, sql) in checks {
        let batches = session.collect(&request.file.path, &sql).await?;
        let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
            continue;
        };
        let rows = batch
            .column(0)
            .as_primitive::<arrow::datatypes::Int64Type>()
            .value(0);
        if rows > 0 {
            let sample = batch.column(1).as_string_opt::<i32>();
            return Err(TransformError::Key {
                path: request.file.path.clone(),
                key: request.file.key.join(", "),
                problem,
                rows: rows.unsigned_abs(),
                sample: sample
                    .filter(|column| column.is_valid(0))
                    .map(|column| column.value(0).to_owned())
                    .unwrap_or_default(),
            });
        }
    }
    Ok(())
}

struct Writer<'a> {
    request: &'a OutboxRequest<'a>,
    schema: SchemaRef,
    /// Position in the new column list of each column of the ledger's.
    remap: Vec<Option<usize>>,
    /// Sent columns of the outbox of last time.
    last: Vec<String>,
    /// Columns that are always sent: by them a row is found again.
    always: Vec<bool>,
    lanes: BTreeMap<RowOperation, Lane>,
    notes: Notes,
    canary_cut: bool,
}

/// The parts of one operation.
struct Lane {
    table: TableWriter,
    rows: usize,
    bytes: usize,
    cluster: Vec<u8>,
}

impl<'a> Writer<'a> {
    async fn start(request: &'a OutboxRequest<'a>) -> Result<Self, TransformError> {
        let schema = outbox_schema(request.columns);
        let now = sent_columns(&schema);
        let remap = request.ledger.map_or_else(Vec::new, |ledger| {
            sent_columns(&ledger.schema)
                .iter()
                .map(|name| now.iter().position(|other| other == name))
                .collect()
        });
        let key = &request.columns.key;
        Ok(Self {
            request,
            always: now.iter().map(|name| key.contains(name)).collect(),
            last: request
                .last
                .map_or_else(Vec::new, |last| sent_columns(&last.schema)),
            schema,
            remap,
            lanes: BTreeMap::new(),
            notes: Notes::start(request.staging, request.file).await?,
            canary_cut: false,
        })
    }

    async fn route(&mut self, batch: &RecordBatch) -> Result<(), TransformError> {
        let keys = self.keys(batch)?;
        let fates = Fates::of(batch);
        let sources = texts(batch, SOURCE);
        let mut held = Vec::with_capacity(keys.len());
        let mut moving = Vec::with_capacity(keys.len());
        let mut looked_at = Vec::with_capacity(keys.len());
        for (row, key) in keys.into_iter().enumerate() {
            let fate = fates.row(row);
            let is_final = fate.as_ref().filter(|fate| !fate.is_held());
            looked_at.push(is_final.is_none());
            match is_final {
                Some(fate) => self.notes.fate((&key, text(sources, row)), fate)?,
                None => {
                    held.push(fate);
                    moving.push(key);
                }
            }
        }
        self.notes.flush().await?;
        let keys = moving;
        if keys.is_empty() {
            return Ok(());
        }
        let batch = filter_record_batch(batch, &BooleanArray::from(looked_at))
            .map_err(|error| self.arrow(error))?;
        let sources = texts(&batch, SOURCE);
        let sent = self
            .request
            .columns
            .project(&batch)
            .and_then(|sent| without_fallbacks(&batch, sent, &self.remap))
            .and_then(|sent| self.request.policy.apply(&sent))
            .map_err(|error| self.arrow(error))?;
        let (mut sent, mut altered) = sent;
        if !self.request.columns.keeps_raw() {
            sent.remove_column(sent.num_columns() - 1);
        }
        let wanted = self.request.file.operation.unwrap_or(Operation::Upsert);
        let ledger = Ledger::of_load(&batch, wanted);
        let base = Base::of(&batch, &sent, &ledger, &self.last);
        let unread = UnreadCells::of(&batch, self.request.unreadable);
        let Settled {
            sent,
            kept,
            opted_out,
            unread: left,
        } = base
            .settle(
                &batch,
                &sent,
                &ledger,
                &self.remap,
                self.request.gone,
                &unread,
            )
            .map_err(|error| self.arrow(error))?;
        let encoder =
            RowEncoder::new(&sent, sent.num_columns()).map_err(|error| self.encode(error))?;
        let last = base.cells().map_err(|error| self.encode(error))?;
        if !unread.is_empty() {
            altered.extend(unread.altered(&sent, |row, place| left.contains(&(row, place))));
        }
        let rejected = self.notes.altered(&altered, &keys, &held).await?;
        self.notes.flags(&batch, &keys, &held).await?;
        for row in opted_out.into_iter().filter(|row| held[*row].is_none()) {
            self.notes.flag(&keys[row], OPT_OUT_KEPT);
        }
        for row in unread.rows().filter(|row| held[*row].is_none()) {
            self.notes.flag(&keys[row], CELL_UNREADABLE);
        }

        let hidden: Vec<ArrayRef> = self
            .request
            .columns
            .hidden
            .iter()
            .filter_map(|field| batch.column_by_name(field.name()).cloned())
            .collect();
        let insert_only = self.request.columns.insert_only();
        let parents = Parents::of(&sent, self.request.references, self.request.dead);
        let digests = encoder.digests();
        let mut routed: BTreeMap<RowOperation, OutboxRows> = BTreeMap::new();
        for (row, key) in keys.iter().enumerate() {
            let fingerprint = digests.fingerprints[row];
            let object = self.request.file.object();
            let deleted = ledger.deleted(row);
            let recreates =
                deleted.is_some_and(|id| self.request.decided.recreates(object, key, id));
            let compared = (!base.is_unsent(row)).then_some(fingerprint);
            let decided = match self.request.only_failed {
                true => ledger.decide_failed(row, compared, wanted, insert_only, recreates),
                false => ledger.decide(row, compared, wanted, insert_only, recreates),
            };
            // All that keeps a row back is told at once.
            let mut waits = held[row].take();
            let mut wait = |reason: &str, parent: Option<&str>| {
                waits
                    .get_or_insert_with(Fate::held)
                    .add(Some(reason), parent);
            };
            for why in rejected.get(&row).into_iter().flatten() {
                wait(why, None);
            }
            if let Err(reason) = decided {
                wait(reason, None);
            }
            for (reason, parent) in parents.dead(row) {
                wait(reason, Some(&parent));
            }
            let operation = match (decided, waits) {
                (Ok(operation), None) => operation,
                (_, waits) => {
                    let named = (key.as_str(), text(sources, row));
                    self.notes.fate(named, &waits.unwrap_or_else(Fate::held))?;
                    continue;
                }
            };
            let landed = ledger.fingerprint(row);
            if wanted == Operation::Insert && landed.is_some_and(|landed| landed != fingerprint) {
                self.notes.flag(key, CHANGED_SINCE);
            }
            let mut present = digests.present(row).to_vec();
            for (byte, kept) in present.iter_mut().zip(kept[row].iter().flatten()) {
                *byte |= kept;
            }
            let updates = operation == RowOperation::Update;
            let clear = match updates {
                true => self.cleared(ledger.written(row), base.said(row, &last), &present),
                false => None,
            };
            let same = updates
                .then(|| base.same(row, &last, encoder.columns(), &self.always))
                .flatten();
            let rows = routed.entry(operation).or_default();
            rows.push(
                row,
                ledger.id(row).filter(|_| !recreates),
                fingerprint,
                digests.bytes[row],
            );
            rows.written.append_value(&present);
            rows.clear.append_option(clear);
            rows.same.append_option(same);
        }
        self.notes.flush().await?;
        for (operation, rows) in routed {
            self.write_rows(operation, rows, &sent, &hidden, &encoder)
                .await?;
        }
        Ok(())
    }

    /// Bits of fields that were written before, or had a value of the source that the org came to have by itself, and are null
    /// now.
    fn cleared(&self, written: Option<&[u8]>, said: Bits, present: &[u8]) -> Option<Vec<u8>> {
        let mut had = said;
        for (before, now) in self.remap.iter().enumerate() {
            if let (Some(written), Some(now)) = (written, now)
                && is_set(written, before)
            {
                set(&mut had, *now);
            }
        }
        let mut clear = vec![0_u8; present.len()];
        for (clear, (had, present)) in clear.iter_mut().zip(had.iter().zip(present)) {
            *clear = had & !present;
        }
        clear.iter().any(|&byte| byte != 0).then_some(clear)
    }

    async fn write_rows(
        &mut self,
        operation: RowOperation,
        rows: OutboxRows,
        sent: &RecordBatch,
        hidden: &[ArrayRef],
        encoder: &RowEncoder,
    ) -> Result<(), TransformError> {
        if !self.lanes.contains_key(&operation) {
            let table = self
                .request
                .staging
                .create(
                    "outbox",
                    &self.request.file.name,
                    Arc::clone(&self.schema),
                    &[],
                )
                .await?
                .labelled(operation.word());
            let lane = Lane {
                table,
                rows: 0,
                bytes: 0,
                cluster: Vec::new(),
            };
            self.lanes.insert(operation, lane);
        }
        let batch = rows
            .batch(sent, hidden, operation, &self.schema)
            .map_err(|error| self.arrow(error))?;
        let cluster_columns: Vec<usize> = self
            .request
            .file
            .cluster_by
            .iter()
            .filter_map(|name| sent.schema().index_of(name).ok())
            .collect();
        let part_rows = self.request.part_rows;
        let canary_cut = &mut self.canary_cut;
        let Some(lane) = self.lanes.get_mut(&operation) else {
            return Ok(());
        };
        let mut start = 0;
        let mut cluster = Vec::new();
        for position in 0..batch.num_rows() {
            cluster.clear();
            for &column in &cluster_columns {
                encoder.columns()[column].write(rows.index[position] as usize, &mut cluster);
                cluster.push(0);
            }
            // The canary is sent alone, so it may split a lock parent's rows; other parts may not.
            let canary_full =
                !*canary_cut && operation != RowOperation::Unchanged && lane.rows >= CANARY_ROWS;
            let full = lane.rows >= part_rows || lane.bytes >= PART_BYTES;
            let boundary = cluster_columns.is_empty() || cluster != lane.cluster;
            if canary_full || (full && boundary) {
                lane.table
                    .write(&batch.slice(start, position - start))
                    .await?;
                lane.table.next_file().await?;
                start = position;
                (lane.rows, lane.bytes) = (0, 0);
                *canary_cut |= canary_full;
            }
            lane.rows += 1;
            lane.bytes += rows.bytes[position];
            std::mem::swap(&mut lane.cluster, &mut cluster);
        }
        lane.table
            .write(&batch.slice(start, batch.num_rows() - start))
            .await?;
        Ok(())
    }

    async fn finish(self) -> Result<Outbox, TransformError> {
        let mut lanes = self.lanes;
        if lanes.is_empty() {
            let table = self
                .request
                .staging
                .create(
                    "outbox",
                    &self.request.file.name,
                    Arc::clone(&self.schema),
                    &[],
                )
                .await?
                .labelled(RowOperation::Unchanged.word());
            lanes.insert(
                RowOperation::Unchanged,
                Lane {
                    table,
                    rows: 0,
                    bytes: 0,
                    cluster: Vec::new(),
                },
            );
        }
        // Rows come clustered, then by key; each operation has its own share of them.
        let file = self.request.file;
        let by_key = lanes.len() == 1 && file.cluster_by.is_empty() && file.order_by.is_empty();
        let mut parts: Option<Manifest> = None;
        let mut counts = BTreeMap::new();
        for (operation, lane) in lanes {
            let manifest = lane.table.finish(BTreeMap::new()).await?;
            counts.insert(operation.word().to_owned(), manifest.rows);
            match &mut parts {
                None => parts = Some(manifest),
                Some(parts) => {
                    parts.rows += manifest.rows;
                    parts.files.extend(manifest.files);
                }
            }
        }
        let (notes, noted) = self.notes.finish().await?;
        counts.extend(noted);
        let mut parts = parts.ok_or_else(|| {
            TransformError::Project(ProjectError::Columns {
                path: self.request.file.path.clone(),
                reason: "no outbox was written".to_owned(),
                hint: String::new(),
            })
        })?;
        parts.counts = counts;
        if by_key {
            parts.sorted_by.clone_from(&self.request.file.key);
        }
        Ok(Outbox { parts, notes })
    }

    /// Keys of a batch's rows as text, columns joined with `|`.
    fn keys(&self, batch: &RecordBatch) -> Result<Vec<String>, TransformError> {
        key_texts(batch, &self.request.file.key).map_err(|source| {
            TransformError::Project(ProjectError::Values {
                path: self.request.file.path.clone(),
                hint: "a key is a text or a whole number".to_owned(),
                source: source.into(),
            })
        })
    }

    fn encode(&self, source: EncodeError) -> TransformError {
        TransformError::Project(ProjectError::Values {
            path: self.request.file.path.clone(),
            hint: source.hint().unwrap_or_default(),
            source: source.into(),
        })
    }

    fn arrow(&self, source: ArrowError) -> TransformError {
        TransformError::Project(ProjectError::Values {
            path: self.request.file.path.clone(),
            hint: "cast the column to the type its field needs".to_owned(),
            source: source.into(),
        })
    }
}
