//! Writes a chunk of checked rows while their table is locked.
//!
//! In: a [`Writer`] and [`Prepared`] rows. Out: one [`Outcome`] per row, in their order. A row that fails changes nothing;
//! the others of the chunk stand. The chunk reaches the log as one batch.

use std::io;
use std::sync::Arc;

use super::super::change::{Operation, Outcome, RowError, SentValue};
use super::super::ids::RecordId;
use super::super::rules::Refusal;
use super::super::schema::SObject;
use super::super::store::{Head, Mark, Matches, Row, RowBuilder, Transaction};
use super::prepare::{Prepared, PreparedRow};
use super::reference::ambiguous;
use super::writer::{Naming, Twins, Writer};

/// A chunk whose table is locked.
pub(super) struct Chunk<'a> {
    writer: &'a Writer,
    object: &'a Arc<SObject>,
    prepared: &'a Prepared,
    change: Transaction<'a>,
    builder: RowBuilder,
}

impl<'a> Chunk<'a> {
    /// Locks the table.
    pub(super) fn begin(writer: &'a Writer, prepared: &'a Prepared) -> Self {
        let (object, table) = writer.model.at(writer.object);
        let mut change = table.begin();
        for &(field, case_sensitive) in &writer.unique {
            change.index(field, case_sensitive);
        }
        for &(field, case_sensitive) in writer.pairs.iter().filter_map(|twins| twins.fields.first())
        {
            change.index(field, case_sensitive);
        }
        if writer.operation == Operation::Upsert && writer.key != 0 {
            change.index(writer.key, object.field(writer.key).case_sensitive);
        }
        Self {
            writer,
            object,
            prepared,
            change,
            builder: RowBuilder::default(),
        }
    }

    /// Writes all rows.
    pub(super) fn rows(&mut self) -> Vec<Outcome> {
        let rows = self.prepared.rows.iter();
        rows.map(|row| self.row(row)).collect()
    }

    /// Logs what was written and lets go of the table.
    pub(super) fn commit(self, mark: Option<&Mark>) -> io::Result<()> {
        self.change.commit(mark)
    }

    fn row(&mut self, row: &PreparedRow) -> Outcome {
        if let Some(error) = &row.error {
            return Outcome::Failed {
                position: row.id,
                error: error.clone(),
            };
        }
        let result = match self.writer.operation {
            Operation::Insert if row.id.is_some() => {
                let message = "cannot specify Id in an insert call";
                Err((
                    None,
                    RowError::on("INVALID_FIELD_FOR_INSERT_UPDATE", message, &["Id"]),
                ))
            }
            Operation::Insert => self.insert(row),
            Operation::Update => match row.id {
                Some(position) => self.update(row, position),
                None => Err((
                    None,
                    RowError::new("MISSING_ARGUMENT", "Id not specified in an update call"),
                )),
            },
            Operation::Upsert => self.upsert(row),
            Operation::Delete | Operation::HardDelete => match row.id {
                Some(position) => self.delete(position),
                None => Err((
                    None,
                    RowError::new("MISSING_ARGUMENT", "Id not specified in a delete call"),
                )),
            },
        };
        result.unwrap_or_else(|(position, error)| Outcome::Failed { position, error })
    }

    fn upsert(&mut self, row: &PreparedRow) -> Result<Outcome, (Option<u32>, RowError)> {
        let field = self.object.field(self.writer.key);
        if self.writer.key == 0 {
            return match row.id {
                Some(position) => self.update(row, position),
                None => self.insert(row),
            };
        }
        let Some(key) = row.key.clone() else {
            let message = format!("{} not specified", field.name);
            return Err((
                None,
                RowError::on("MISSING_ARGUMENT", message, &[&field.name]),
            ));
        };
        let found = self
            .change
            .rows()
            .find(self.writer.key, &self.prepared.text[key]);
        match found.unwrap_or(Matches::None) {
            Matches::None => self.insert(row),
            Matches::One(position) => self.update(row, position),
            Matches::Many(all) => Err((
                None,
                ambiguous(&self.writer.model, self.writer.object, field, &all),
            )),
        }
    }

    fn insert(&mut self, row: &PreparedRow) -> Result<Outcome, (Option<u32>, RowError)> {
        let values = &self.prepared.values[row.values.clone()];
        let refused = |error| (None, error);
        let blocked = self.writer.blocked(|right| right.insert);
        self.check_rights(values, blocked).map_err(refused)?;
        let missing: Vec<&str> = (0u16..)
            .zip(&self.object.fields)
            .filter(|(at, field)| {
                field.required() && !values.iter().any(|(f, value)| f == at && value.is_some())
            })
            .map(|(_, field)| field.name.as_str())
            .collect();
        if !missing.is_empty() {
            return Err((None, RowError::required(&missing)));
        }
        self.check_unique(values, None).map_err(refused)?;
        let head = self.head(values).map_err(refused)?;
        let mut filled = self.filled(values, true);
        self.name(values, &mut filled);
        let row = self.merge(head, None, values, &filled);
        if let Some((twins, other)) = self.twin(&row, None) {
            if matches!(twins.pair.refusal, Refusal::Update) {
                return self.replace(row, values, other);
            }
            return Err((None, self.refused(twins, other)));
        }
        let position = self.change.insert(row);
        Ok(Outcome::Done {
            position,
            created: true,
            before: None,
        })
    }

    fn update(
        &mut self,
        row: &PreparedRow,
        position: u32,
    ) -> Result<Outcome, (Option<u32>, RowError)> {
        let refused = |error| (Some(position), error);
        let values = &self.prepared.values[row.values.clone()];
        let before = self.change.rows().get(position).cloned();
        let before = before.ok_or_else(|| (Some(position), RowError::unknown_id(&[])))?;
        if before.deleted() {
            return Err((Some(position), RowError::deleted()));
        }
        let converted = |at: u16| before.get(at) == Some("true");
        if self.writer.converted.is_some_and(converted) {
            return Err((Some(position), RowError::converted_lead()));
        }
        // The key of an upsert names the row, it is not a change to it.
        let blocked = self.writer.blocked(|right| right.update);
        let blocked = blocked.filter(|&field| field != self.writer.key || field == 0);
        self.check_rights(values, blocked).map_err(refused)?;
        let emptied: Vec<&str> = values
            .iter()
            .filter(|(_, value)| value.is_none())
            .map(|(at, _)| self.object.field(*at))
            .filter(|field| !field.nillable)
            .map(|field| field.name.as_str())
            .collect();
        if !emptied.is_empty() {
            return Err((Some(position), RowError::required(&emptied)));
        }
        self.check_unique(values, Some(position)).map_err(refused)?;
        let filled = self.filled(values, false);
        let now = self.writer.org.now();
        let head = Head {
            modified: now,
            modified_by: self.writer.user,
            ..before.head()
        };
        let row = self.merge(head, Some(&before), values, &filled);
        if let Some((twins, other)) = self.twin(&row, Some(position)) {
            return Err((Some(position), self.refused(twins, other)));
        }
        self.change.set(position, Some(row));
        Ok(Outcome::Done {
            position,
            created: false,
            before: Some(before),
        })
    }

    /// Inserting what is there already changes it.
    fn replace(
        &mut self,
        new: Row,
        values: &[SentValue],
        position: u32,
    ) -> Result<Outcome, (Option<u32>, RowError)> {
        let before = self.change.rows().get(position).cloned();
        let before = before.ok_or_else(|| (None, RowError::unknown_id(&[])))?;
        let (now, user) = (new.head().modified, new.head().modified_by);
        let head = Head {
            modified: now,
            modified_by: user,
            ..before.head()
        };
        let row = self.merge(head, Some(&before), values, &[]);
        self.change.set(position, Some(row));
        Ok(Outcome::Done {
            position,
            created: false,
            before: Some(before),
        })
    }

    /// Another row with the same values in fields that only one row may have together.
    fn twin(&self, row: &Row, own: Option<u32>) -> Option<(&Twins, u32)> {
        for twins in &self.writer.pairs {
            let first = twins.fields.first().map(|(at, _)| *at);
            let Some((field, value)) = first.and_then(|at| Some((at, row.get(at)?))) else {
                continue;
            };
            let candidates = match self.change.rows().find(field, value) {
                Some(Matches::One(position)) => vec![position],
                Some(Matches::Many(positions)) => positions,
                _ => continue,
            };
            let same = |position: &u32| {
                let other = self.change.rows().get(*position);
                Some(*position) != own
                    && other.is_some_and(|other| {
                        twins.fields.iter().all(|&(at, case_sensitive)| {
                            match (row.get(at), other.get(at)) {
                                (Some(a), Some(b)) if !case_sensitive => a.eq_ignore_ascii_case(b),
                                (a, b) => a == b,
                            }
                        })
                    })
            };
            if let Some(position) = candidates.into_iter().find(same) {
                return Some((twins, position));
            }
        }
        None
    }

    fn refused(&self, twins: &Twins, other: u32) -> RowError {
        match twins.pair.refusal {
            Refusal::Text(code, message) => RowError::new(code, message),
            Refusal::Value | Refusal::Update => {
                let id = self.writer.model.id(self.writer.object, other);
                let name = twins.pair.fields.first().copied().unwrap_or_default();
                duplicate(name, id)
            }
        }
    }

    /// Numbers a new row, or names it by its id.
    fn name(&self, values: &[SentValue], filled: &mut Vec<(u16, String)>) {
        let position = self.change.rows().len();
        let (field, text) = match &self.writer.naming {
            None => return,
            Some(Naming::Number(field, format)) => (*field, numbered(format, position + 1)),
            Some(Naming::Id(field)) => {
                let id = self.writer.model.id(self.writer.object, position);
                (*field, id.to_string())
            }
        };
        if !values
            .iter()
            .any(|(at, value)| *at == field && value.is_some())
        {
            filled.push((field, text));
            filled.sort_by_key(|(at, _)| *at);
        }
    }

    fn delete(&mut self, position: u32) -> Result<Outcome, (Option<u32>, RowError)> {
        let before = self.change.rows().get(position).cloned();
        let before = before.ok_or_else(|| (Some(position), RowError::unknown_id(&[])))?;
        if before.deleted() {
            return Err((Some(position), RowError::deleted()));
        }
        let gone = (self.writer.operation == Operation::Delete).then(|| {
            let now = self.writer.org.now();
            let head = Head {
                deleted: true,
                followed: self.writer.follows,
                modified: now,
                modified_by: self.writer.user,
                ..before.head()
            };
            self.merge(head, Some(&before), &[], &[])
        });
        self.change.set(position, gone);
        Ok(Outcome::Done {
            position,
            created: false,
            before: Some(before),
        })
    }

    /// Refuses values of columns that may not be written. Upsert learns only here whether it inserts or updates; the
    /// other operations were checked before.
    fn check_rights(
        &self,
        values: &[SentValue],
        mut blocked: impl Iterator<Item = u16>,
    ) -> Result<(), RowError> {
        if self.writer.operation != Operation::Upsert {
            return Ok(());
        }
        let sent = blocked.find(|blocked| values.iter().any(|(field, _)| field == blocked));
        match sent {
            Some(field) => Err(RowError::not_writable(&self.object.field(field).name)),
            None => Ok(()),
        }
    }

    fn check_unique(&self, values: &[SentValue], own: Option<u32>) -> Result<(), RowError> {
        for &(field, _) in &self.writer.unique {
            if field == self.writer.key {
                continue;
            }
            let Some((_, Some(range))) = values.iter().find(|(at, _)| *at == field) else {
                continue;
            };
            let other = match self
                .change
                .rows()
                .find(field, &self.prepared.text[range.clone()])
            {
                Some(Matches::One(other)) => Some(other),
                Some(Matches::Many(others)) => others.into_iter().find(|&other| Some(other) != own),
                _ => None,
            };
            if let Some(other) = other.filter(|&other| Some(other) != own) {
                let id = self.writer.model.id(self.writer.object, other);
                let name = &self.object.field(field).name;
                return Err(duplicate(name, id));
            }
        }
        Ok(())
    }

    /// The head of a new row: now and the running user, unless audit fields were sent.
    fn head(&self, values: &[SentValue]) -> Result<Head, RowError> {
        let (now, user) = (self.writer.org.now(), self.writer.user);
        let mut head = Head {
            deleted: false,
            followed: false,
            created: now,
            modified: now,
            created_by: user,
            modified_by: user,
        };
        let mut modified_sent = false;
        for (field, range) in values
            .iter()
            .take_while(|(field, _)| usize::from(*field) < SYSTEM_FIELDS)
        {
            let Some(text) = range.clone().map(|range| &self.prepared.text[range]) else {
                continue;
            };
            let instant = || {
                chrono::DateTime::parse_from_rfc3339(text)
                    .map(|at| at.timestamp_millis())
                    .unwrap_or(now)
            };
            let person = || RecordId::parse(text).and_then(|id| self.writer.model.locate(id));
            match field {
                2 => head.created = instant(),
                3 => head.created_by = person().map_or(user, |(_, position)| position),
                4 => (head.modified, modified_sent) = (instant(), true),
                5 => head.modified_by = person().map_or(user, |(_, position)| position),
                _ => {}
            }
        }
        if modified_sent && head.modified < head.created {
            let message = "Last Modified Date cannot be earlier than Created Date";
            return Err(RowError::on(
                "FIELD_INTEGRITY_EXCEPTION",
                message,
                &["LastModifiedDate"],
            ));
        }
        Ok(head)
    }

    /// Values that were not sent and are filled in.
    fn filled(&self, values: &[SentValue], inserting: bool) -> Vec<(u16, String)> {
        let defaults = &self.writer.defaults;
        if !inserting && !defaults.derives() {
            return Vec::new();
        }
        let sent = |at: u16| values.iter().find(|(field, _)| *field == at);
        let mut filled: Vec<(u16, String)> = if inserting {
            let absent = |at: u16| sent(at).is_none_or(|(_, value)| value.is_none());
            defaults
                .fixed
                .iter()
                .filter(|(at, _)| absent(*at))
                .cloned()
                .collect()
        } else {
            Vec::new()
        };
        if defaults.derives() {
            let text = |at| {
                sent(at)
                    .and_then(|(_, value)| value.clone())
                    .map(|range| self.prepared.text[range].to_owned())
            };
            filled.extend(
                defaults
                    .derived(text)
                    .into_iter()
                    .filter(|(at, _)| sent(*at).is_none()),
            );
            filled.sort_by_key(|(at, _)| *at);
        }
        filled
    }

    /// Old values, overlaid with filled ones, overlaid with sent ones.
    fn merge(
        &mut self,
        head: Head,
        old: Option<&Row>,
        sent: &[SentValue],
        filled: &[(u16, String)],
    ) -> Row {
        self.builder.start(head);
        let inserting = old.is_none();
        let text = &self.prepared.text;
        let mut old = old.into_iter().flat_map(Row::fields).peekable();
        let (mut sent, mut filled) = (sent.iter().peekable(), filled.iter().peekable());
        loop {
            let candidates = [
                old.peek().map(|v| v.0),
                sent.peek().map(|v| v.0),
                filled.peek().map(|v| v.0),
            ];
            let Some(field) = candidates.into_iter().flatten().min() else {
                break;
            };
            let mut value = old.next_if(|v| v.0 == field).map(|v| v.1);
            while let Some((_, default)) = filled.next_if(|v| v.0 == field) {
                value = Some(default.as_bytes());
            }
            // A null on insert leaves the default alone; the same field may be sent in two columns, the last one counts.
            while let Some((_, range)) = sent.next_if(|v| v.0 == field) {
                let cleared = if inserting { value } else { None };
                value = range
                    .clone()
                    .map_or(cleared, |range| Some(text[range].as_bytes()));
            }
            if let Some(value) = value.filter(|_| usize::from(field) >= SYSTEM_FIELDS) {
                self.builder.push(field, value);
            }
        }
        self.builder.finish()
    }
}

fn duplicate(field: &str, id: RecordId) -> RowError {
    let message = format!(
        "duplicate value found: {field} duplicates value on record with id: {}",
        id.short()
    );
    RowError::new("DUPLICATE_VALUE", message)
}

/// `A-{0000}` and 7 → `A-0007`.
fn numbered(format: &str, number: u32) -> String {
    match format
        .split_once('{')
        .map(|(a, rest)| (a, rest.split_once('}')))
    {
        Some((before, Some((zeros, after)))) => {
            format!("{before}{number:0width$}{after}", width = zeros.len())
        }
        _ => format!("{format}{number}"),
    }
}

/// The first fields of every object live in the row's head.
const SYSTEM_FIELDS: usize = 7;
