//! One checked row before its table is locked, as the rules of its object see it.
//!
//! In: a row's own values and, if it exists, the row they are for. Out: what a rule wants changed about it
//! ([`Amendments`]). That a row with the same key appears between this look and the lock is left out of account: it
//! needs two jobs that write one row at one time.

use super::super::change::{Operation, SentValue};
use super::super::ids::RecordId;
use super::super::model::Model;
use super::super::schema::SObject;
use super::super::store::{Matches, Row};
use super::context::WriteContext;

/// A row that is about to be written.
pub(crate) struct Draft<'a> {
    context: WriteContext<'a>,
    object: &'a SObject,
    old: Option<Row>,
    text: &'a str,
    sent: &'a [SentValue],
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

/// What a rule wants changed about a row.
pub(crate) struct Amendments {
    /// Fields and their values; a later one counts.
    pub(crate) set: Vec<(u16, Option<String>)>,
    /// Fields whose sent values are left out.
    pub(crate) ignored: Vec<u16>,
}

impl<'a> Draft<'a> {
    /// A row with the values sent for it; `old` is the row that is there.
    pub(crate) fn new(
        context: WriteContext<'a>,
        old: Option<Row>,
        text: &'a str,
        sent: &'a [SentValue],
    ) -> Self {
        Self {
            context,
            object: context.model.schema.object(context.object),
            old,
            text,
            sent,
            set: Vec::new(),
            ignored: Vec::new(),
        }
    }

    /// What the rule wants changed, if anything.
    pub(crate) fn amendments(self) -> Option<Amendments> {
        let untouched = self.set.is_empty() && self.ignored.is_empty();
        (!untouched).then_some(Amendments {
            set: self.set,
            ignored: self.ignored,
        })
    }

    /// Whether the row is new.
    pub(crate) fn inserting(&self) -> bool {
        self.old.is_none()
    }

    /// Whether the row goes.
    pub(crate) fn deleting(&self) -> bool {
        matches!(
            self.context.operation,
            Operation::Delete | Operation::HardDelete
        )
    }

    /// The org at this moment.
    pub(crate) fn model(&self) -> &'a Model {
        self.context.model
    }

    /// Who writes, and where.
    pub(crate) fn context(&self) -> WriteContext<'a> {
        self.context
    }

    /// The object's name.
    pub(crate) fn object_name(&self) -> &'a str {
        &self.object.name
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
