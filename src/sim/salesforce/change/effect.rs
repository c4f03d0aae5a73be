//! What follows from a change, as data: rows of other objects to be made, changed or deleted.
//!
//! In: names and values, from the rule that looked at rows that were written. Out: [`Effect`]s in the order in which they
//! are carried out. A rule cannot know the id of a row that is yet to be made: a later effect of the same list refers to
//! it by [`EffectCell::Made`].

use super::super::model::Model;
use super::operation::{Column, Operation};

/// A value of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EffectCell {
    /// A text; the empty one is not sent to new rows and is null to others.
    Text(String),
    /// The id of a row that an earlier effect makes; what refers to a row that was refused is left out.
    Made {
        /// The effect, by its number in the list.
        effect: usize,
        /// The row, by its number in the effect.
        row: usize,
    },
}

impl From<String> for EffectCell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for EffectCell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Rows of one object, written past field rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) object: usize,
    pub(crate) operation: Operation,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<EffectCell>>,
    /// Whether the rules of the object apply.
    pub(crate) ruled: bool,
    /// In whose name, if not in that of who wrote.
    pub(crate) user: Option<u32>,
}

/// Effects of one change, in order.
pub(crate) struct Effects<'a> {
    model: &'a Model,
    list: Vec<Effect>,
}

impl<'a> Effects<'a> {
    /// None yet.
    pub(crate) fn new(model: &'a Model) -> Self {
        Self {
            model,
            list: Vec::new(),
        }
    }

    /// The list.
    pub(crate) fn list(self) -> Vec<Effect> {
        self.list
    }

    /// Makes rows with all rules of their object; returns the number of the effect.
    pub(crate) fn insert<C: Into<EffectCell>>(
        &mut self,
        object: &str,
        columns: &[&str],
        rows: Vec<Vec<C>>,
    ) -> usize {
        self.add(object, Operation::Insert, columns, rows, true)
    }

    /// Changes rows by id, the first column, past the rules of their object.
    pub(crate) fn update<C: Into<EffectCell>>(
        &mut self,
        object: &str,
        columns: &[&str],
        rows: Vec<Vec<C>>,
    ) {
        self.add(object, Operation::Update, columns, rows, false);
    }

    /// Deletes rows by id, past the rules of their object.
    pub(crate) fn delete(&mut self, object: &str, ids: Vec<String>) {
        let rows = ids.into_iter().map(|id| vec![id]).collect();
        self.add(object, Operation::Delete, &["Id"], rows, false);
    }

    /// Takes rows away for good by id.
    pub(crate) fn purge(&mut self, object: &str, ids: Vec<String>) {
        let rows = ids.into_iter().map(|id| vec![id]).collect();
        self.add(object, Operation::HardDelete, &["Id"], rows, true);
    }

    /// Has all effects so far done in the name of a user.
    pub(crate) fn by(mut self, user: u32) -> Self {
        for effect in &mut self.list {
            effect.user = Some(user);
        }
        self
    }

    /// An object that the org does not have takes no rows, a field that it does not have no values.
    fn add<C: Into<EffectCell>>(
        &mut self,
        object: &str,
        operation: Operation,
        names: &[&str],
        rows: Vec<Vec<C>>,
        ruled: bool,
    ) -> usize {
        let number = self.list.len();
        let found = self.model.schema.position(object);
        let columns = names.iter().map(|name| {
            let definition = self.model.schema.object(found?);
            Some(match definition.position(name)? {
                0 => Column::Id,
                at => Column::Field(at),
            })
        });
        let columns: Vec<Option<Column>> = columns.collect();
        let known = |row: Vec<C>| -> Vec<EffectCell> {
            let cells = row.into_iter().zip(&columns);
            let cells = cells.filter(|(_, column)| column.is_some());
            cells.map(|(cell, _)| cell.into()).collect()
        };
        let rows = rows.into_iter().filter(|_| found.is_some());
        self.list.push(Effect {
            object: found.unwrap_or_default(),
            operation,
            rows: rows.map(known).collect(),
            columns: columns.into_iter().flatten().collect(),
            ruled,
            user: None,
        });
        number
    }
}
