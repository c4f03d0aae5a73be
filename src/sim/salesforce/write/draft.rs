//! One checked row before its table is locked, as the rules of its object see it.
//!
//! In: a row's own values and, if it exists, the row they are for. Out: the values as the rules leave them, or the reason
//! why the row is refused. Rules may read every table here, since none is locked. That a row with the same key appears
//! between this look and the lock is left out of account: it needs two jobs that write one row at one time.

use super::super::cascade::restricted;
use super::super::ids::RecordId;
use super::super::model::Model;
use super::super::rules::Check;
use super::super::schema::SObject;
use super::super::store::{Matches, Row};
use super::batch::{Operation, Writer};
use super::error::RowError;
use super::prepare::{Prepared, PreparedRow, Value};

/// A row that is about to be written.
pub(crate) struct Draft<'a> {
    writer: &'a Writer,
    object: &'a SObject,
    old: Option<Row>,
    text: &'a str,
    sent: &'a [Value],
    set: Vec<(u16, Option<String>)>,
    ignored: Vec<u16>,
}

/// A row that another one refers to.
pub(crate) struct Parent<'a> {
    pub(crate) object: &'a SObject,
    pub(crate) row: Row,
}

impl Parent<'_> {
    /// The value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.row.get(self.object.position(name)?)
    }

    /// Whether a boolean field is set.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

impl<'a> Draft<'a> {
    /// Whether the row is new.
    pub(crate) fn inserting(&self) -> bool {
        self.old.is_none()
    }

    /// Whether the row goes.
    pub(crate) fn deleting(&self) -> bool {
        matches!(
            self.writer.operation,
            Operation::Delete | Operation::HardDelete
        )
    }

    /// The org at this moment.
    pub(crate) fn model(&self) -> &'a Model {
        &self.writer.model
    }

    /// The plan the row is part of.
    pub(crate) fn writer(&self) -> &'a Writer {
        self.writer
    }

    /// Whether the object has a field.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.position(name).is_some()
    }

    /// Whether a value was sent, null included.
    pub(crate) fn sent(&self, name: &str) -> bool {
        let at = self.object.position(name);
        self.sent.iter().any(|(field, _)| Some(*field) == at)
    }

    /// Whether a value other than null was sent.
    pub(crate) fn given(&self, name: &str) -> bool {
        let at = self.object.position(name);
        self.sent
            .iter()
            .any(|(field, value)| Some(*field) == at && value.is_some())
    }

    /// The value the row will have: set by a rule, else sent, else stored, else the default of a new row.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let at = self.object.position(name)?;
        if let Some((_, value)) = self.set.iter().rfind(|(field, _)| *field == at) {
            return value.as_deref();
        }
        let ignored = self.ignored.contains(&at);
        let sent = self
            .sent
            .iter()
            .rfind(|(field, _)| *field == at && !ignored);
        match (sent, &self.old) {
            (Some((_, Some(range))), _) => self.text.get(range.clone()),
            (Some((_, None)), Some(_)) => None,
            (None, Some(old)) => old.get(at),
            (_, None) => self.object.field(at).default.as_deref(),
        }
    }

    /// Whether a boolean field will be set.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// The value before.
    pub(crate) fn before(&self, name: &str) -> Option<&str> {
        self.old.as_ref()?.get(self.object.position(name)?)
    }

    /// Fields that will change, as far as they were sent.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.sent.iter().filter_map(|(at, value)| {
            let new = value.clone().and_then(|range| self.text.get(range));
            let old = self.old.as_ref().and_then(|old| old.get(*at));
            (new != old).then(|| self.object.field(*at).name.as_str())
        })
    }

    /// Gives a field a value, or null.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) {
        if let Some(at) = self.object.position(name) {
            self.set.push((at, value.map(str::to_owned)));
        }
    }

    /// Leaves a sent value out.
    pub(crate) fn ignore(&mut self, name: &str) {
        self.ignored.extend(self.object.position(name));
    }

    /// The live row an id stands for.
    pub(crate) fn parent(&self, id: &str) -> Option<Parent<'a>> {
        let id = RecordId::parse(id)?;
        let model = self.model();
        let (object, _) = model.locate(id)?;
        let row = model.row(id).filter(|row| !row.deleted())?;
        Some(Parent {
            object: model.schema.object(object),
            row,
        })
    }

    /// The live row that a reference field of this row will point to.
    pub(crate) fn referred(&self, field: &str) -> Option<Parent<'a>> {
        self.parent(self.get(field)?)
    }

    /// Live rows of an object that have a value in a field.
    pub(crate) fn rows(&self, object: &str, field: &str, value: &str) -> Vec<Parent<'a>> {
        let Some((object, table)) = self.model().table(object) else {
            return Vec::new();
        };
        let Some((at, field)) = object.find(field) else {
            return Vec::new();
        };
        let positions = match table.find(at, !field.references.is_empty(), value) {
            Matches::None => Vec::new(),
            Matches::One(position) => vec![position],
            Matches::Many(positions) => positions,
        };
        let rows = table.read();
        positions
            .into_iter()
            .filter_map(|position| rows.get(position).cloned())
            .map(|row| Parent { object, row })
            .collect()
    }
}

/// Runs the check of an object's rule on the rows of a chunk.
pub(super) fn check(writer: &Writer, prepared: &mut Prepared) {
    restrict(writer, prepared);
    let Some(check) = writer.rule.and_then(|rule| rule.before) else {
        return;
    };
    let object = writer.model.schema.object(writer.object);
    for at in 0..prepared.rows.len() {
        if prepared.rows[at].error.is_some() {
            continue;
        }
        match checked(writer, object, prepared, at, check) {
            Ok(None) => {}
            Ok(Some((set, ignored))) => amend(prepared, at, set, &ignored),
            Err(error) => prepared.rows[at].error = Some(error),
        }
    }
}

/// Refuses to delete rows that others must not lose.
fn restrict(writer: &Writer, prepared: &mut Prepared) {
    if writer.restrictions.is_empty() {
        return;
    }
    for row in &mut prepared.rows {
        let Some(position) = row.id else { continue };
        let by = restricted(&writer.model, &writer.restrictions, writer.object, position);
        if let Some(children) = by {
            let label = &writer.model.schema.object(writer.object).label;
            let message = format!(
                "Your attempt to delete {label} could not be completed because it is associated with the following {children}"
            );
            row.error
                .get_or_insert(RowError::new("DELETE_FAILED", message));
        }
    }
}

type Amendments = Option<(Vec<(u16, Option<String>)>, Vec<u16>)>;

fn checked(
    writer: &Writer,
    object: &SObject,
    prepared: &Prepared,
    at: usize,
    check: Check,
) -> Result<Amendments, RowError> {
    let row = &prepared.rows[at];
    let mut draft = Draft {
        writer,
        object,
        old: existing(writer, object, prepared, row),
        text: &prepared.text,
        sent: &prepared.values[row.values.clone()],
        set: Vec::new(),
        ignored: Vec::new(),
    };
    let changes = matches!(
        writer.operation,
        Operation::Update | Operation::Delete | Operation::HardDelete
    );
    // What is not there is refused under the lock, with the right words.
    if changes && draft.old.is_none() {
        return Ok(None);
    }
    check(&mut draft)?;
    let untouched = draft.set.is_empty() && draft.ignored.is_empty();
    Ok((!untouched).then_some((draft.set, draft.ignored)))
}

/// The row that will be changed, if it is there.
fn existing(
    writer: &Writer,
    object: &SObject,
    prepared: &Prepared,
    row: &PreparedRow,
) -> Option<Row> {
    if writer.operation == Operation::Insert {
        return None;
    }
    let (_, table) = writer.model.at(writer.object);
    let position = match (&row.key, row.id) {
        (Some(key), _) if writer.operation == Operation::Upsert => {
            let case_sensitive = object.field(writer.key).case_sensitive;
            match table.find(writer.key, case_sensitive, &prepared.text[key.clone()]) {
                Matches::One(position) => position,
                _ => return None,
            }
        }
        (_, id) => id?,
    };
    let row = table.read().get(position).cloned();
    row.filter(|row| !row.deleted())
}

/// Replaces the values of a row by the amended ones, in the order of their fields.
fn amend(prepared: &mut Prepared, at: usize, set: Vec<(u16, Option<String>)>, ignored: &[u16]) {
    let mut values: Vec<Value> = prepared.values[prepared.rows[at].values.clone()]
        .iter()
        .filter(|(field, _)| {
            !ignored.contains(field) && !set.iter().any(|(other, _)| other == field)
        })
        .cloned()
        .collect();
    for (field, value) in set {
        let range = value.map(|value| {
            let start = prepared.text.len();
            prepared.text.push_str(&value);
            start..prepared.text.len()
        });
        // A later word of a rule replaces an earlier one.
        values.retain(|(other, _)| *other != field);
        values.push((field, range));
    }
    values.sort_by_key(|(field, _)| *field);
    let start = prepared.values.len();
    prepared.values.extend(values);
    prepared.rows[at].values = start..prepared.values.len();
}
