//! The outbox of known records against what is in the org now: fields that somebody changed there are left out of the update
//! (`guide/rules.md` 36).
//!
//! In: an outbox with updates, the records as they are now, the values sent and read back last time, policies and decisions.
//! Out: the outbox without what stays as it is in the org, `recon.conflicts_<load>` with every field that both sides have an opinion
//! of, `ledger.left_to_org_<load>` with the values that the org had accepted before, so that the question comes again until it
//! is answered; none of them published. Values are compared in their normal form, and told as they are sent and as the org has them;
//! who changed one is whoever was seen first with it, and never our own login. Never: more in memory than a part, or some small ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::compared::Compared;
use super::conflict::Shown;
use super::edits::is_nobody;
use super::left_out::{Record, of_files, rewrite, together};
use super::names::{CHANGED_BY_ORG, CONFLICTS, LEFT_TO_ORG, MODIFIED, as_last, each_entry};
use super::settled_rows::SettledRows;
use super::{ReadBack, ReconcileError, ThreeWay};
use crate::mapping::Alike;
use crate::project::QueryFile;
use crate::rows::{RowOperation, SAME, key_text, same_key, sent_columns, stands};
use crate::salesforce::record_identity;
use crate::staging::{DataFile, Manifest, Snapshot, TableWriter};

/// Fields of a contact and those of a lead that they come from when it is converted, where the names differ.
const OF_LEAD: [(&str, &str); 7] = [
    ("MailingStreet", "Street"),
    ("MailingCity", "City"),
    ("MailingState", "State"),
    ("MailingPostalCode", "PostalCode"),
    ("MailingCountry", "Country"),
    ("MailingCountryCode", "CountryCode"),
    ("MailingStateCode", "StateCode"),
];

/// Columns of `recon.conflicts_<load>`.
pub(super) const CONFLICT: [&str; 13] = [
    "object",
    "key",
    "id",
    "link",
    "field",
    "state",
    "why",
    "base",
    "ours",
    "theirs",
    "changed_by",
    "changed_at",
    "source_changed_at",
];

/// Columns of `ledger.left_to_org_<load>`.
pub(super) const LEFT: [&str; 3] = ["key", "field", "base"];

/// A schema of texts.
pub(super) fn texts(names: &[&str]) -> SchemaRef {
    let fields = names.iter();
    let fields: Vec<Field> = fields
        .map(|name| Field::new(*name, DataType::Utf8, true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// What came of it.
#[derive(Debug)]
pub struct Settled {
    /// The outbox that is sent.
    pub outbox: Manifest,
    /// `recon.conflicts_<load>` and `ledger.left_to_org_<load>`.
    pub told: Vec<Manifest>,
}

/// Says that nothing is left to the org, where something was.
///
/// # Errors
/// [`ReconcileError`].
pub async fn nothing_left(
    request: &ReadBack<'_>,
    snapshot: &Snapshot,
) -> Result<Vec<Manifest>, ReconcileError> {
    let load = &request.file.name;
    let mut tables = Vec::new();
    for (schema, table) in [
        ("recon", format!("{CONFLICTS}{load}")),
        ("ledger", format!("{LEFT_TO_ORG}{load}")),
    ] {
        if let Some(before) = snapshot
            .get(schema, &table)
            .filter(|before| before.rows > 0)
        {
            let columns = Arc::clone(&before.schema);
            let writer = request.staging.create(schema, &table, columns, &[]).await?;
            tables.push(writer.finish(BTreeMap::new()).await?);
        }
    }
    Ok(tables)
}

/// Takes out of an outbox what stays as it is in the org.
///
/// # Errors
/// [`ReconcileError`].
pub async fn settle(wanted: &ThreeWay<'_>) -> Result<Option<Settled>, ReconcileError> {
    let load = &wanted.request.file.name;
    let Some(outbox) = wanted.snapshot.get("outbox", load) else {
        return Ok(None);
    };
    let staging = wanted.request.staging;
    let conflicts = format!("{CONFLICTS}{load}");
    let left = format!("{LEFT_TO_ORG}{load}");
    let mut settle = Settle {
        wanted,
        places: sent_columns(&outbox.schema),
        written: wanted
            .snapshot
            .get("ledger", load)
            .map_or_else(Vec::new, |ledger| sent_columns(&ledger.schema)),
        conflicts: staging
            .create("recon", &conflicts, texts(&CONFLICT), &[])
            .await?,
        left: staging.create("ledger", &left, texts(&LEFT), &[]).await?,
    };
    let is_update = |file: &&DataFile| {
        file.label.as_deref() == Some(RowOperation::Update.word()) && file.rows > 0
    };
    let updates: Vec<&DataFile> = outbox.files.iter().filter(is_update).collect();
    let mut rewritten: BTreeMap<&str, Vec<DataFile>> = BTreeMap::new();
    for parts in together(&updates) {
        let records = settle.records(outbox, parts).await?;
        // Rows of which nothing is sent are in it only if something was sent before.
        if wanted.last.is_none() && !records.values().any(Record::is_changed) {
            continue;
        }
        for part in parts {
            let files = rewrite(wanted, &settle.places, outbox, part, &records).await?;
            rewritten.insert(&part.path, files);
        }
    }
    let files: Vec<DataFile> = outbox
        .files
        .iter()
        .flat_map(|file| {
            let files = rewritten.remove(file.path.as_str());
            files.unwrap_or_else(|| vec![file.clone()])
        })
        .collect();
    let mut settled = outbox.clone();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for file in &files {
        *counts
            .entry(file.label.as_deref().unwrap_or_default())
            .or_default() += file.rows;
    }
    for operation in [RowOperation::Update, RowOperation::Unchanged] {
        let rows = counts.get(operation.word()).copied().unwrap_or_default();
        settled.counts.insert(operation.word().to_owned(), rows);
    }
    if files.len() > outbox.files.len() {
        settled.sorted_by.clear();
    }
    settled.files = files;
    Ok(Some(Settled {
        outbox: settled,
        told: vec![
            settle.conflicts.finish(BTreeMap::new()).await?,
            settle.left.finish(BTreeMap::new()).await?,
        ],
    }))
}

struct Settle<'a> {
    wanted: &'a ThreeWay<'a>,
    /// Names of the sent columns.
    places: Vec<String>,
    /// Names of the columns of which the ledger knows whether they were written.
    written: Vec<String>,
    conflicts: TableWriter,
    left: TableWriter,
}

impl Settle<'_> {
    /// The rows of parts of which a field is another one in the org, judged; notes what is to be told.
    async fn records(
        &mut self,
        outbox: &Manifest,
        parts: &[&DataFile],
    ) -> Result<BTreeMap<String, Record>, ReconcileError> {
        let request = self.wanted.request;
        let parts: Vec<DataFile> = parts.iter().map(|part| (*part).clone()).collect();
        let part = of_files(outbox, &parts);
        let Some((sql, snapshot)) = self.entries(&part) else {
            return Ok(BTreeMap::new());
        };
        let all = snapshot.get("ledger", &request.file.name);
        let session = request.engine.session(request.staging, &snapshot)?;
        let session = session.joining(part.rows, all.map_or(0, |all| all.rows));
        let object = &request.describe.name;
        let mut records: BTreeMap<String, Record> = BTreeMap::new();
        let mut stream = session
            .stream(
                &format!("the three-way comparison of {}", request.file.name),
                &sql,
                &[],
            )
            .await?;
        while let Some(batch) = stream.next_batch().await? {
            let rows = SettledRows::of(&batch).map_err(|source| self.store(source))?;
            for row in 0..batch.num_rows() {
                let key = rows.text("key", row).unwrap_or_default();
                let mut entry = rows.entry(row, &self.written);
                if let Some(field) = request.describe.field(&entry.field) {
                    entry.alike = Alike::of(&field.field_type, i64::from(field.scale));
                }
                self.say_who(&mut entry.shown, &rows, row);
                let Some(verdict) = entry.judge(object, &key, self.wanted.policies) else {
                    if entry.has_company() {
                        records.entry(key).or_default().silent.push(entry);
                    }
                    continue;
                };
                if verdict.writes
                    && verdict.told.is_none()
                    && !entry.is_same
                    && !entry.has_company()
                {
                    continue;
                }
                let record = records.entry(key).or_default();
                if record.entries.is_empty() {
                    record.id = rows.text("id", row).unwrap_or_default();
                    record.source_changed_at = rows.text("source_changed_at", row);
                }
                record.entries.push((entry, verdict));
            }
        }
        records.values_mut().for_each(Record::keep_together);
        records.retain(|_, record| !record.entries.is_empty());
        self.note(&records).await?;
        Ok(records)
    }

    /// Who changed a value: whom the comparisons before named, while it is the same value; else whoever changed the record last, if
    /// that was not us.
    fn say_who(&self, shown: &mut Shown, rows: &SettledRows<'_>, row: usize) {
        let user = &self.wanted.request.client.identity().user_id;
        let is_us = |by: &String| record_identity(by) == record_identity(user);
        for [by, at] in [["first_by", "first_at"], ["changed_by", "changed_at"]] {
            let by = rows.text(by, row).filter(|by| !is_us(by));
            if by.is_some() {
                (shown.changed_by, shown.changed_at) = (by, rows.text(at, row));
                return;
            }
        }
    }

    /// SQL for one row per field of an update that is another one in the org, and the tables it reads; none if no field can be
    /// compared.
    fn entries(&self, part: &Manifest) -> Option<(String, Snapshot)> {
        let ThreeWay {
            request,
            snapshot,
            last,
            now,
            later,
            moved,
            silent,
            ..
        } = self.wanted;
        let (load, key) = (&request.file.name, &request.columns.key);
        let mut tables = Snapshot::default();
        tables.insert(part.clone());
        tables.insert((*now).clone());
        let mut take = |schema: &str, table: &str| {
            let found = snapshot.get(schema, table).filter(|table| table.rows > 0);
            found.inspect(|table| tables.insert((*table).clone()))
        };
        let ledger = take("ledger", load);
        if ledger.is_none() && moved.is_none() {
            return None;
        }
        let read_back = take("org", load);
        let left = take("ledger", &format!("{LEFT_TO_ORG}{load}"));
        let edited = take("recon", &format!("{CHANGED_BY_ORG}{load}"));
        let told = take("recon", &format!("{CONFLICTS}{load}"));
        let last = last.filter(|last| last.rows > 0);
        let last = last.map(|last| as_last(last, load));
        // A column that had another type was another column.
        let has = |table: Option<&Manifest>, name: &str, data_type: &DataType| {
            let column = table.and_then(|table| table.schema.field_with_name(name).ok());
            column.is_some_and(|column| column.data_type() == data_type)
        };
        let mut entries = Vec::new();
        for (place, name) in self.places.iter().enumerate() {
            let field = part.schema.field_with_name(name).ok()?;
            let compared = Compared::of(request.describe, name)
                .filter(|_| !later.contains(name) && !key.contains(name));
            let Some(compared) = compared else {
                continue;
            };
            let target = request.describe.field(name);
            let can_be_emptied =
                target.is_some_and(|target| target.nillable) && !silent.contains(name);
            let (ours, theirs) = compared.forms(field, "o", "r");
            let known = |has: bool, there: &str, form: String, shown: String| match has {
                true => format!(
                    "case when {there} then named_struct('value', cast({form} as varchar), \
                     'shown', cast({shown} as varchar)) end"
                ),
                false => "cast(null as struct<value varchar, shown varchar>)".to_owned(),
            };
            let sent = known(
                has(
                    last.as_ref()
                        .filter(|_| ledger.is_some() && compared.is_comparable()),
                    name,
                    field.data_type(),
                ),
                "p._fingerprint is not null",
                compared.forms(field, "p", "r").0,
                compared.sent(field, "p"),
            );
            // What was sent to the lead that a contact was may have to be emptied: that is known further on.
            let says_something = match (moved, can_be_emptied) {
                (Some(_), true) => String::new(),
                (Some(_), false) => format!("cast({ours} as varchar) <> '' and "),
                (None, _) => {
                    format!("((cast({ours} as varchar) <> '') or o._clear is not null) and ")
                }
            };
            let (columns, accepted) = compared.accepted(field, "i");
            let found = known(
                columns
                    .into_iter()
                    .all(|name| has(read_back, name, &DataType::Utf8)),
                "i._id is not null",
                accepted.clone(),
                match &compared {
                    Compared::Value(_) => compared.shown(field, "i"),
                    Compared::Body(_) => accepted,
                },
            );
            entries.push(format!(
                "case when {says_something}{ours} is distinct from {theirs} \
                 then named_struct('place', {place}, 'field', '{name}', 'ours', cast({ours} as varchar), \
                 'theirs', cast({theirs} as varchar), 'source', {}, 'org', cast({} as varchar), \
                 'sent', {sent}, 'read_back', {found}) end",
                compared.sent(field, "o"),
                compared.shown(field, "r"),
            ));
        }
        if entries.is_empty() {
            return None;
        }
        let (mut joins, mut landed) = (String::new(), "cast(null as bigint)");
        let mut written = "cast(null as bytea)";
        if ledger.is_some() {
            (landed, written) = ("l.fingerprint", "l.written");
            joins.push_str(&format!(
                " left join ledger.{load} as l on {} and substr(l.id, 1, 15) = substr(o._id, 1, 15)",
                same_key("l", "o", key)
            ));
        }
        if let (Some(last), Some(_)) = (&last, ledger) {
            joins.push_str(&format!(
                " left join {} as p on {} and {}",
                last.name(),
                same_key("p", "o", key),
                stands("p", "l")
            ));
            tables.insert(last.clone());
        }
        if read_back.is_some() {
            joins.push_str(&format!(
                " left join org.{load} as i on {}",
                same_key("i", "o", key)
            ));
        }
        let none = "cast(null as varchar)";
        let [by, at] = MODIFIED.map(|name| match now.schema.field_with_name(name) {
            Ok(_) => format!("r.\"{name}\""),
            Err(_) => none.to_owned(),
        });
        let mut sql = format!(
            "select {key} as key, r._id as id, o._clear as clear, o.{SAME} as same, {by} as changed_by, {at} as changed_at, \
             {landed} as landed, {written} as written, make_array({entries}) as entries \
             from outbox.{load} as o inner join {now} as r on substr(r._id, 1, 15) = substr(o._id, 1, 15){joins}",
            key = key_text("o", key),
            entries = entries.join(",\n "),
            now = now.name(),
        );
        sql = each_entry(&sql);
        sql = format!("select e.* from ({sql}) as e where e.entry is not null");
        let (mut columns, mut joins) = (String::new(), String::new());
        match left {
            Some(_) => {
                columns.push_str(", b.key is not null as is_left, b.base as base");
                joins.push_str(&format!(
                    " left join ledger.{LEFT_TO_ORG}{load} as b on b.key = e.key and b.field = e.entry['field']"
                ));
            }
            None => columns.push_str(&format!(", false as is_left, {none} as base")),
        }
        match edited {
            Some(_) => {
                columns.push_str(", x.key is not null as is_edited, x.sent as edited");
                joins.push_str(&format!(
                    " left join (select c.key, c.field, max(c.sent) as sent from recon.{CHANGED_BY_ORG}{load} as c \
                     group by c.key, c.field) as x on x.key = e.key and x.field = e.entry['field']"
                ));
            }
            None => columns.push_str(&format!(", false as is_edited, {none} as edited")),
        }
        columns.push_str(&match told {
            Some(_) => ", q.base as told_base".to_owned(),
            None => format!(", {none} as told_base"),
        });
        if told.is_some() {
            joins.push_str(&format!(
                " left join (select c.key, c.field, max(c.base) as base from recon.{CONFLICTS}{load} as c \
                 group by c.key, c.field) as q on q.key = e.key and q.field = e.entry['field']"
            ));
        }
        let seen: Vec<String> = [(told, CONFLICTS, "theirs"), (edited, CHANGED_BY_ORG, "found")]
            .into_iter()
            .filter(|(table, _, _)| table.is_some())
            .map(|(_, prefix, value)| {
                format!(
                    "select c.key, c.field, coalesce(c.{value}, '') as found, c.changed_by, c.changed_at \
                     from recon.{prefix}{load} as c"
                )
            })
            .collect();
        match seen.is_empty() {
            true => columns.push_str(&format!(", {none} as first_by, {none} as first_at")),
            false => {
                columns.push_str(", w.changed_by as first_by, w.changed_at as first_at");
                joins.push_str(&format!(
                    " left join (select c.key, c.field, c.found, first_value(c.changed_by order by c.changed_at) as changed_by, \
                     min(c.changed_at) as changed_at from ({seen}) as c where {nobody} = 0 group by c.key, c.field, c.found) as w \
                     on w.key = e.key and w.field = e.entry['field'] and w.found = coalesce(e.entry['org'], '')",
                    seen = seen.join(" union all "),
                    nobody = is_nobody("c", &request.client.identity().user_id),
                ));
            }
        }
        if let Some(moved) = moved {
            let names = OF_LEAD.iter();
            let names = names.map(|(contact, lead)| format!(" when '{lead}' then '{contact}'"));
            columns.push_str(
                ", y.key is not null as is_moved, z.key is not null as was_sent, z.base as moved_base",
            );
            joins.push_str(&format!(
                " left join (select distinct m.key from {table} as m) as y on y.key = e.key \
                 left join (select m.key, case m.field{} else m.field end as field, m.base from {table} as m) as z \
                 on z.key = e.key and z.field = e.entry['field']",
                names.collect::<String>(),
                table = moved.name(),
            ));
            tables.insert((*moved).clone());
        }
        let source = source_of(request.file, snapshot);
        match source {
            Some(source) => {
                columns.push_str(", s.updated_at as source_changed_at");
                joins.push_str(&format!(
                    " left join (select cast(s.id as varchar) as key, cast(s.updated_at as varchar) as updated_at \
                     from {} as s) as s on s.key = e.key",
                    source.name()
                ));
                tables.insert(source.clone());
            }
            None => columns.push_str(&format!(", {none} as source_changed_at")),
        }
        let mut sql = format!("select e.*{columns} from ({sql}) as e{joins}");
        if moved.is_some() {
            sql.push_str(
                " where e.entry['ours'] <> '' or e.clear is not null or z.base is not null",
            );
        }
        Some((sql, tables))
    }

    /// Notes what people should know, and what the org had accepted of fields that are left to it.
    async fn note(&mut self, records: &BTreeMap<String, Record>) -> Result<(), ReconcileError> {
        let request = self.wanted.request;
        let object = request.describe.name.as_str();
        let mut told: Vec<StringBuilder> = CONFLICT.iter().map(|_| StringBuilder::new()).collect();
        let mut left: Vec<StringBuilder> = LEFT.iter().map(|_| StringBuilder::new()).collect();
        for (key, record) in records {
            let link = request.client.record_url(&record.id).await;
            for (entry, verdict) in &record.entries {
                if !verdict.writes {
                    let cells = [Some(key), Some(&entry.field), verdict.base.as_ref()];
                    for (column, cell) in left.iter_mut().zip(cells) {
                        column.append_option(cell);
                    }
                }
                let Some(tell) = verdict.told else {
                    continue;
                };
                let base = entry.shown_base(&verdict.base);
                let cells = [
                    Some(object),
                    Some(key.as_str()),
                    Some(record.id.as_str()),
                    Some(link.as_str()),
                    Some(entry.field.as_str()),
                    Some(tell.state),
                    Some(tell.why),
                    base.as_deref(),
                    entry.shown.ours.as_deref(),
                    entry.shown.theirs.as_deref(),
                    entry.shown.changed_by.as_deref(),
                    entry.shown.changed_at.as_deref(),
                    record.source_changed_at.as_deref(),
                ];
                for (column, cell) in told.iter_mut().zip(cells) {
                    column.append_option(cell);
                }
            }
        }
        for (writer, names, builders) in [
            (&mut self.conflicts, CONFLICT.as_slice(), &mut told),
            (&mut self.left, LEFT.as_slice(), &mut left),
        ] {
            let columns = builders.iter_mut();
            let columns: Vec<ArrayRef> = columns
                .map(|builder| Arc::new(builder.finish()) as ArrayRef)
                .collect();
            let batch = RecordBatch::try_new(texts(names), columns).map_err(|source| {
                ReconcileError::Store {
                    object: object.to_owned(),
                    source,
                }
            })?;
            writer.write(&batch).await?;
        }
        Ok(())
    }

    fn store(&self, source: ArrowError) -> ReconcileError {
        ReconcileError::Store {
            object: self.wanted.request.describe.name.clone(),
            source,
        }
    }
}

/// The staged table of a load's rows, if it says when each was changed.
fn source_of<'a>(file: &QueryFile, snapshot: &'a Snapshot) -> Option<&'a Manifest> {
    let (schema, table) = file.source.as_ref()?.table.as_ref()?;
    let source = snapshot.get(schema, table)?;
    let has = |name: &&str| source.schema.field_with_name(name).is_ok();
    (schema == "usercom" && ["id", "updated_at"].iter().all(has)).then_some(source)
}
