//! The org's schema and tables as one snapshot, and who may see which field.
//!
//! In: the schema and the open tables. Out: [`Model`], replaced as a whole by a deployment, and [`Access`], the field-level
//! security of one user: a custom field is invisible until a permission set assigned to the user grants it
//! (reference/salesforce.md §5.2).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::ids::{Prefix, RecordId};
use super::schema::{Grant, SObject, Schema};
use super::store::{Row, Table};

/// Field grants of one permission set: (object, field), as spelled in the schema.
pub(crate) type Grants = HashMap<(String, String), Grant>;

/// Schema and tables, numbered alike.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) schema: Schema,
    pub(crate) tables: Vec<Arc<Table>>,
    /// By permission set name.
    pub(crate) grants: HashMap<String, Grants>,
    pub(crate) pod: Prefix,
}

impl Model {
    /// An object and its table by number.
    pub(crate) fn at(&self, object: usize) -> (&Arc<SObject>, &Arc<Table>) {
        (self.schema.object(object), &self.tables[object])
    }

    /// The table of an object by name.
    pub(crate) fn table(&self, object: &str) -> Option<(&Arc<SObject>, &Arc<Table>)> {
        self.schema.position(object).map(|at| self.at(at))
    }

    /// The id of the row at a position.
    pub(crate) fn id(&self, object: usize, position: u32) -> RecordId {
        RecordId::new(
            self.schema.object(object).prefix,
            self.pod,
            u64::from(position) + 1,
        )
    }

    /// The object and position an id stands for, if it was given out by this org.
    pub(crate) fn locate(&self, id: RecordId) -> Option<(usize, u32)> {
        let object = self.schema.by_prefix(id.prefix())?;
        let position = id.number(self.pod)?.checked_sub(1)?;
        Some((object, u32::try_from(position).ok()?))
    }

    /// The row an id stands for, deleted ones included.
    pub(crate) fn row(&self, id: RecordId) -> Option<Row> {
        let (object, position) = self.locate(id)?;
        self.tables[object].read().get(position).cloned()
    }

    /// Works out what a user may see and edit.
    pub(crate) fn access(&self, user: u32) -> Access {
        let mut access = Access::default();
        let granted = self.granted(user);
        for (number, object) in self.schema.objects().iter().enumerate() {
            for (at, field) in (0u16..)
                .zip(&object.fields)
                .filter(|(_, field)| field.custom && !field.required())
            {
                let grant = granted
                    .get(&(&object.name, &field.name))
                    .copied()
                    .unwrap_or_default();
                if !grant.readable {
                    access.hidden.insert((number, at));
                } else if !grant.editable {
                    access.fixed.insert((number, at));
                }
            }
        }
        access
    }

    fn granted(&self, user: u32) -> HashMap<(&String, &String), Grant> {
        let mut granted: HashMap<(&String, &String), Grant> = HashMap::new();
        for name in self.assigned(user) {
            for ((object, field), grant) in self.grants.get(&name).into_iter().flatten() {
                let sum = granted.entry((object, field)).or_default();
                sum.readable |= grant.readable;
                sum.editable |= grant.editable;
            }
        }
        granted
    }

    /// Names of the permission sets assigned to a user.
    fn assigned(&self, user: u32) -> Vec<String> {
        let (Some((assignment, rows)), Some(users)) = (
            self.table("PermissionSetAssignment"),
            self.schema.position("User"),
        ) else {
            return Vec::new();
        };
        let (Some(set), Some(assignee)) = (
            assignment.position("PermissionSetId"),
            assignment.position("AssigneeId"),
        ) else {
            return Vec::new();
        };
        let user = self.id(users, user).to_string();
        let rows: Vec<Row> = {
            let rows = rows.read();
            (0..rows.len())
                .filter_map(|at| rows.get(at).cloned())
                .collect()
        };
        let mine = rows
            .iter()
            .filter(|row| !row.deleted() && row.get(assignee) == Some(user.as_str()));
        mine.filter_map(|row| {
            let id = RecordId::parse(row.get(set)?)?;
            let name = self.table("PermissionSet")?.0.position("Name")?;
            self.row(id)?.get(name).map(str::to_owned)
        })
        .collect()
    }
}

/// What one user may not see or edit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    hidden: HashSet<(usize, u16)>,
    fixed: HashSet<(usize, u16)>,
}

impl Access {
    /// Whether the field exists for the user.
    pub(crate) fn visible(&self, object: usize, field: u16) -> bool {
        !self.hidden.contains(&(object, field))
    }

    /// Whether the user may change the field, as far as permission sets go.
    pub(crate) fn editable(&self, object: usize, field: u16) -> bool {
        self.visible(object, field) && !self.fixed.contains(&(object, field))
    }
}
