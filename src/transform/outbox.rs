//! The outbox: exactly the rows that will be sent, written before any job is opened.
//!
//! In: a load query, the ledger of the same load, the destination's limits. Out: `outbox.<load>`, cut in parts (one
//! file = one Bulk job, one operation each, rows of one lock parent together), and the rows that do not move with
//! their reasons (`recon.fates_<load>`), flags (`recon.flags_<load>`) and changed values (`recon.altered_<load>`).
//! Never: a row in two places, or in none.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::error::ArrowError;

use super::TransformError;
use super::again::Again;
use super::base::{self, Base, OPT_OUT_KEPT, Settled};
use super::dead::Parents;
use super::fallback::without_fallbacks;
use super::fate::{Fate, Fates};
use super::keys::{Links, check_key};
use super::notes::{Notes, rejected};
use super::outbox_request::{OutboxRequest, misfit};
use super::parts::{OutboxRows, Parts};
use super::route::{KNOWN, Ledger, text, texts};
use super::unreadable::{CELL_UNREADABLE, UnreadCells};
use crate::encode::{Altered, Cells, Digests, EncodeError, RowEncoder};
use crate::engine::{BatchStream, Session};
use crate::project::{Operation, ProjectError};
use crate::rows::{
    Bits, RowOperation, SOURCE, is_set, key_texts, outbox_schema, same_key, sent_columns, set,
    with_plain_texts,
};
use crate::staging::Manifest;

/// The flag of a row whose record is made once and never changed, and that the source has changed since.
const CHANGED_SINCE: &str = "changed_since_it_was_sent";

/// A written outbox, not yet published.
#[derive(Debug)]
pub struct Outbox {
    /// `outbox.<load>`; each file is a part, its label the operation.
    pub parts: Manifest,
    /// `recon.fates_<load>`, `recon.flags_<load>`, `recon.altered_<load>`.
    pub notes: Vec<Manifest>,
    /// A key that is missing or there twice: these parts cannot be sent.
    pub mistake: Option<TransformError>,
}

/// Runs the load query and writes the outbox.
///
/// # Errors
/// [`TransformError`]; nothing is published.
pub async fn write_outbox(request: &OutboxRequest<'_>) -> Result<Outbox, TransformError> {
    let file = request.file;
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
    let session = request.session;
    let table = format!("{}_rows", file.name);
    let computed = match session.has_cluster() {
        true => {
            let plan = session.plan(&file.path, &file.sql).await?;
            let first = match Again::may_be(request) {
                true => &file.key,
                false => &order,
            };
            let computed = session.on_cluster(&file.path, &plan, ("outbox", &table), first);
            computed.await?
        }
        false => None,
    };
    let rows = match &computed {
        Some(computed) => {
            session.add_plan("outbox", &table, computed.rest.clone());
            &format!("select * from outbox.{table}")
        }
        None => &file.sql,
    };
    let routed = Box::pin(route(request, rows, &order)).await;
    if let Some(computed) = &computed {
        request.staging.remove(&computed.rows).await;
    }
    let mut outbox = routed?;
    outbox.mistake = check_key(request, &outbox.parts).await?;
    Ok(outbox)
}

/// Sends each row of the query its way. Of a load that ran before, all rows are looked at beside the ledger alone, in the order of their keys;
/// what that does not settle is looked at again, beside the values that were sent last and in the order in which it is sent.
async fn route(
    request: &OutboxRequest<'_>,
    rows: &str,
    order: &[String],
) -> Result<Outbox, TransformError> {
    let (session, path) = (request.session, &request.file.path);
    let mut writer = Writer::start(request).await?;
    let mut open = rows.to_owned();
    let mut again = None;
    if Again::may_be(request) {
        let sql = with_ledger(request, rows, false)?;
        let stream = session.stream(path, &sql, &request.file.key).await?;
        if let Some(mut others) = Again::start(request, &stream.schema()).await? {
            if let Err(error) = writer.route_all(stream, Some(&mut others)).await {
                others.discard().await;
                return Err(error);
            }
            writer.parts.end_key_order().await?;
            let others = others.finish().await?;
            session.register(request.staging, &others)?;
            open = format!("select * from {}", others.name());
            again = Some(others);
        }
    }
    let looked = match (&again, request.last) {
        (Some(again), _) if again.rows == 0 => Ok(()),
        (Some(again), Some(last)) => {
            let session = session.joining(again.rows, last.rows);
            writer.look(&session, &open, order).await
        }
        _ => writer.look(session, &open, order).await,
    };
    if let Some(again) = &again {
        request.staging.remove(again).await;
    }
    looked?;
    Box::pin(writer.finish()).await
}

/// The query joined with what is known of its rows: their records, whether these have what was sent last, and its `values`.
fn with_ledger(
    request: &OutboxRequest<'_>,
    rows: &str,
    values: bool,
) -> Result<String, TransformError> {
    let file = request.file;
    let unread = request.unreadable;
    let (unread, its_join) = unread.map_or_else(Default::default, |rows| rows.joined(&file.key));
    if request.ledger.is_none() {
        return Ok(match its_join.as_str() {
            "" => rows.to_owned(),
            join => format!("select q.*{unread} from (\n{rows}\n) as q{join}"),
        });
    }
    let [id, live, fingerprint, written, outcome] = KNOWN;
    let (mut columns, mut join) = (String::new(), String::new());
    if let Some(last) = request.last.filter(|last| last.rows > 0) {
        let mut table = last.clone();
        table.table = format!("{}_last", file.name);
        request.session.register(request.staging, &table)?;
        let sent = match values {
            true => sent_columns(&last.schema),
            false => Vec::new(),
        };
        columns = base::selected(&sent);
        join = format!(
            " left join {} as b on {}",
            table.name(),
            same_key("b", "q", &file.key)
        );
    }
    Ok(format!(
        "select q.*, l.id as {id}, l.live as {live}, l.fingerprint as {fingerprint}, l.written as {written}, \
         l.outcome as {outcome}{columns}{unread} \
         from (\n{rows}\n) as q left join ledger.{} as l on {}{join}{its_join}",
        file.name,
        same_key("l", "q", &file.key)
    ))
}

struct Writer<'a> {
    request: &'a OutboxRequest<'a>,
    /// Position in the new column list of each column of the ledger's.
    remap: Vec<Option<usize>>,
    /// Sent columns of the outbox of last time.
    last: Vec<String>,
    /// Columns that are always sent: by them a row is found again.
    always: Vec<bool>,
    notes: Notes,
    parts: Parts<'a>,
    links: Links,
}

/// Rows of a batch that may move.
struct OpenRows {
    batch: RecordBatch,
    keys: Vec<String>,
    /// What each is held for so far.
    held: Vec<Option<Fate>>,
}

/// Rows of a batch that may move, and what is known of them.
struct Moving<'b> {
    keys: &'b [String],
    sources: Option<&'b StringArray>,
    ledger: &'b Ledger<'b>,
    base: &'b Base,
    /// The last values as text cells.
    last: Vec<Option<Cells>>,
    /// Per row, columns that keep what they have though they have no value now.
    kept: Vec<Option<Bits>>,
    /// Reasons that came of values which do not fit, by row.
    rejected: BTreeMap<usize, Vec<String>>,
    parents: Parents<'b>,
    encoder: &'b RowEncoder,
    digests: Digests,
}

impl Moving<'_> {
    /// The record that a person decided to make anew.
    fn recreates(&self, row: usize, request: &OutboxRequest<'_>) -> bool {
        let (object, key) = (request.file.object(), &self.keys[row]);
        let deleted = self.ledger.deleted(row);
        deleted.is_some_and(|id| request.decided.recreates(object, key, id))
    }

    /// The operation for a row, or the reason why its record keeps it back.
    fn operation(
        &self,
        row: usize,
        request: &OutboxRequest<'_>,
    ) -> Result<RowOperation, &'static str> {
        let wanted = request.file.operation.unwrap_or(Operation::Upsert);
        let insert_only = request.columns.insert_only();
        let recreates = self.recreates(row, request);
        let fingerprint = self.digests.fingerprints[row];
        let compared = (!self.base.is_unsent(row)).then_some(fingerprint);
        let ledger = self.ledger;
        match request.only_failed {
            true => ledger.decide_failed(row, compared, wanted, insert_only, recreates),
            false => ledger.decide(row, compared, wanted, insert_only, recreates),
        }
    }

    /// Whether a row's values are those that landed last and nothing keeps it back, so that what was sent last says no more of it.
    fn is_settled(&self, row: usize, request: &OutboxRequest<'_>) -> bool {
        self.ledger.fingerprint(row) == Some(self.digests.fingerprints[row])
            && self.operation(row, request) == Ok(RowOperation::Unchanged)
            && !self.rejected.contains_key(&row)
            && self.parents.dead(row).next().is_none()
    }
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
            remap,
            notes: Notes::start(request.staging, request.file).await?,
            parts: Parts::of(request, schema),
            links: Links::of(request.file),
        })
    }

    /// Routes all rows beside what was sent last of them.
    async fn look(
        &mut self,
        session: &Session,
        rows: &str,
        order: &[String],
    ) -> Result<(), TransformError> {
        let sql = with_ledger(self.request, rows, true)?;
        let stream = session.stream(&self.request.file.path, &sql, order).await?;
        self.route_all(stream, None).await
    }

    /// Routes all rows of a stream; those that `again` takes are not told of yet.
    async fn route_all(
        &mut self,
        mut stream: BatchStream,
        mut again: Option<&mut Again<'_>>,
    ) -> Result<(), TransformError> {
        while let Some(batch) = stream.next_batch().await? {
            let batch = with_plain_texts(&batch).map_err(|error| self.arrow(error))?;
            Box::pin(self.route(&batch, again.as_deref_mut())).await?;
        }
        Ok(())
    }

    async fn route(
        &mut self,
        batch: &RecordBatch,
        again: Option<&mut Again<'_>>,
    ) -> Result<(), TransformError> {
        let Some(open) = self.note_final(batch).await? else {
            return Ok(());
        };
        let OpenRows {
            batch,
            keys,
            mut held,
        } = open;
        let batch = &batch;
        let (sent, mut altered) = self.projected(batch)?;
        let wanted = self.request.file.operation.unwrap_or(Operation::Upsert);
        let ledger = Ledger::of_load(batch, wanted);
        let base = Base::of(batch, &sent, &ledger, &self.last);
        let policy = &self.request.policy;
        let unread =
            UnreadCells::of(batch, self.request.unreadable)
                .with_unfit(&sent, &altered, |field| policy.blanks(field));
        let Settled {
            sent,
            kept,
            opted_out,
            unread: left,
        } = base
            .settle(
                batch,
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
        let keeps = |row, place| left.contains(&(row, place));
        let unfit = unread.tell_kept(&mut altered, &sent, keeps);
        if !unread.is_empty() {
            altered.extend(unread.altered(&sent, keeps));
        }
        let hidden: Vec<ArrayRef> = self
            .request
            .columns
            .hidden
            .iter()
            .filter_map(|field| batch.column_by_name(field.name()).cloned())
            .collect();
        let moving = Moving {
            keys: &keys,
            sources: texts(batch, SOURCE),
            ledger: &ledger,
            base: &base,
            last,
            kept,
            rejected: rejected(&altered),
            parents: Parents::of(&sent, self.request.references, self.request.dead),
            digests: encoder.digests(),
            encoder: &encoder,
        };
        let mut open = vec![false; keys.len()];
        if let Some(again) = again {
            for (row, open) in open.iter_mut().enumerate() {
                // A field that keeps what was sent last is empty at the first look: the row is settled where that was empty, too.
                *open = match held[row] {
                    Some(_) => ledger.has_values(row),
                    None => unread.concern(row) || !moving.is_settled(row, self.request),
                };
            }
            again.add(batch, &open).await?;
            altered.retain(|change| !open[change.row]);
        }
        self.notes.altered(&altered, &keys, &held).await?;
        let moves = |row: usize| !open[row] && held[row].is_none();
        self.notes.flags(batch, &keys, moves).await?;
        for row in opted_out.into_iter().filter(|row| moves(*row)) {
            self.notes.flag(&keys[row], OPT_OUT_KEPT);
        }
        let unreadable: BTreeSet<usize> = unread.rows().chain(unfit).collect();
        for row in unreadable.into_iter().filter(|row| moves(*row)) {
            self.notes.flag(&keys[row], CELL_UNREADABLE);
        }
        let mut routed: BTreeMap<RowOperation, OutboxRows> = BTreeMap::new();
        for (row, held) in held.iter_mut().enumerate().filter(|(row, _)| !open[*row]) {
            if let Some(operation) = self.decide(&moving, row, held.take())? {
                let rows = routed.entry(operation).or_default();
                self.add(&moving, row, operation, rows);
            }
        }
        self.notes.flush().await?;
        for (operation, rows) in routed {
            self.parts
                .write(operation, &rows, &sent, &hidden, &encoder)
                .await?;
        }
        Ok(())
    }

    /// Notes the rows that do not move, whatever else is the case; the others, if there are any.
    async fn note_final(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<Option<OpenRows>, TransformError> {
        let keys = self.keys(batch)?;
        let fates = Fates::of(batch);
        let sources = texts(batch, SOURCE);
        let mut held = Vec::with_capacity(keys.len());
        let mut moving = Vec::with_capacity(keys.len());
        let mut looked_at = Vec::with_capacity(keys.len());
        for (row, key) in keys.into_iter().enumerate() {
            let fate = match self.links.is_made(&key) {
                true => Some(Fate::same_link()),
                false => fates.row(row),
            };
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
        if moving.is_empty() {
            return Ok(None);
        }
        let batch = filter_record_batch(batch, &BooleanArray::from(looked_at))
            .map_err(|error| self.arrow(error))?;
        Ok(Some(OpenRows {
            batch,
            keys: moving,
            held,
        }))
    }

    /// The columns that are sent, as the destination's fields hold them, and what was altered for that.
    fn projected(
        &self,
        batch: &RecordBatch,
    ) -> Result<(RecordBatch, Vec<Altered>), TransformError> {
        let columns = self.request.columns;
        let (mut sent, altered) = columns
            .project(batch)
            .and_then(|sent| without_fallbacks(batch, sent, &self.remap))
            .and_then(|sent| self.request.policy.apply(&sent))
            .map_err(|error| self.arrow(error))?;
        if !columns.keeps_raw() {
            sent.remove_column(sent.num_columns() - 1);
        }
        Ok((sent, altered))
    }

    /// What is done with a row; none if it is held, which is noted: all that keeps it back is told at once.
    fn decide(
        &mut self,
        moving: &Moving<'_>,
        row: usize,
        mut waits: Option<Fate>,
    ) -> Result<Option<RowOperation>, TransformError> {
        let request = self.request;
        let decided = moving.operation(row, request);
        let mut wait = |reason: &str, parent: Option<&str>| {
            waits
                .get_or_insert_with(Fate::held)
                .add(Some(reason), parent);
        };
        for why in moving.rejected.get(&row).into_iter().flatten() {
            wait(why, None);
        }
        if let Err(reason) = decided {
            wait(reason, None);
        }
        for (reason, parent) in moving.parents.dead(row) {
            wait(reason, Some(&parent));
        }
        match (decided, waits) {
            (Ok(operation), None) => Ok(Some(operation)),
            (_, waits) => {
                let named = (moving.keys[row].as_str(), text(moving.sources, row));
                self.notes.fate(named, &waits.unwrap_or_else(Fate::held))?;
                Ok(None)
            }
        }
    }

    /// Adds a row to those that take its way.
    fn add(
        &mut self,
        moving: &Moving<'_>,
        row: usize,
        operation: RowOperation,
        rows: &mut OutboxRows,
    ) {
        let Moving { ledger, base, .. } = moving;
        let fingerprint = moving.digests.fingerprints[row];
        let landed = ledger.fingerprint(row);
        let is_new = self.request.file.operation == Some(Operation::Insert);
        if is_new && landed.is_some_and(|landed| landed != fingerprint) {
            self.notes.flag(&moving.keys[row], CHANGED_SINCE);
        }
        let mut present = moving.digests.present(row).to_vec();
        for (byte, kept) in present.iter_mut().zip(moving.kept[row].iter().flatten()) {
            *byte |= kept;
        }
        let updates = operation == RowOperation::Update;
        let clear = match updates {
            true => {
                let said = base.said(row, &moving.last);
                self.cleared(ledger.written(row), said, &present)
            }
            false => None,
        };
        let same = updates
            .then(|| base.same(row, &moving.last, moving.encoder.columns(), &self.always))
            .flatten();
        let recreates = moving.recreates(row, self.request);
        rows.push(
            row,
            ledger.id(row).filter(|_| !recreates),
            fingerprint,
            moving.digests.bytes[row],
        );
        rows.written.append_value(&present);
        rows.clear.append_option(clear);
        rows.same.append_option(same);
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

    async fn finish(self) -> Result<Outbox, TransformError> {
        let mut parts = self.parts.finish().await?;
        let (notes, noted) = self.notes.finish().await?;
        parts.counts.extend(noted);
        Ok(Outbox {
            parts,
            notes,
            mistake: None,
        })
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
        misfit(self.request.file, source)
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
