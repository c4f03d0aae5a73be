//! The org's schema and tables as one snapshot, and who may see which field.
//!
//! In: the schema and the open tables. Out: [`Model`], replaced as a whole by a deployment, and [`Access`], the field-level
//! security of one user: a custom field is invisible until a permission set assigned to the user grants it
//! (`guide/salesforce.md` §5.2), and so is a custom object.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::{Prefix, RecordId};
use super::lead_convert::LeadConvert;
use super::schema::{Grant, RECORD_TYPE, SObject, Schema, Verbs};
use super::store::{Row, Table};

/// What one permission set grants, by names as spelled in the schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Grants {
    /// By object and field.
    pub(crate) fields: HashMap<(String, String), Grant>,
    pub(crate) objects: HashMap<String, ObjectGrant>,
    /// Visible record types: object and developer name.
    pub(crate) record_types: BTreeSet<(String, String)>,
}

/// What a permission set says about one object.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ObjectGrant {
    pub(crate) read: bool,
    pub(crate) create: bool,
    pub(crate) edit: bool,
    pub(crate) delete: bool,
}

/// Schema and tables, numbered alike.
#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) schema: Schema,
    pub(crate) tables: Vec<Arc<Table>>,
    /// By permission set name.
    pub(crate) grants: HashMap<String, Grants>,
    pub(crate) lead_convert: Option<LeadConvert>,
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

    /// The position of an id among the rows of an object, if it is one of theirs.
    pub(crate) fn position(&self, object: usize, id: RecordId) -> Option<u32> {
        let own = id.prefix() == self.schema.object(object).prefix;
        // Notes share a table with content documents, so the number of the object is no measure.
        self.locate(id)
            .filter(|_| own)
            .map(|(_, position)| position)
    }

    /// The row an id stands for, deleted ones included.
    pub(crate) fn row(&self, id: RecordId) -> Option<Row> {
        let (object, position) = self.locate(id)?;
        self.tables[object].read().get(position).cloned()
    }

    /// Live rows of an object that have all of these values.
    pub(crate) fn rows_with(&self, object: &str, keys: &[(&str, &str)]) -> Vec<RecordId> {
        let Some(number) = self.schema.position(object) else {
            return Vec::new();
        };
        let (definition, table) = self.at(number);
        let keys: Vec<(Option<u16>, &str)> = keys
            .iter()
            .map(|(name, value)| (definition.position(name), *value))
            .collect();
        let rows = table.read();
        let fits = |position: &u32| {
            rows.get(*position).is_some_and(|row| {
                !row.deleted()
                    && keys
                        .iter()
                        .all(|(at, value)| at.and_then(|at| row.get(at)) == Some(*value))
            })
        };
        (0..rows.len())
            .filter(fits)
            .map(|position| self.id(number, position))
            .collect()
    }

    /// Works out what a user may see and edit.
    pub(crate) fn access(&self, user: u32) -> Access {
        let mut access = Access::default();
        let sets = self.assigned(user);
        let granted = self.granted(&sets);
        let record_types = self.record_types();
        let typed: HashSet<&str> = record_types.iter().map(|one| one.object.as_str()).collect();
        for (number, object) in self.schema.objects().iter().enumerate() {
            if object.custom && !object.gone {
                access
                    .objects
                    .insert(number, self.object_grant(&sets, &object.name));
            }
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
            let untyped = !typed.contains(object.name.as_str());
            let hidden = (0u16..)
                .zip(&object.fields)
                .filter(|(_, field)| field.gone || (untyped && field.name == RECORD_TYPE));
            access.hidden.extend(hidden.map(|(at, _)| (number, at)));
        }
        for one in record_types {
            let standard = one.is_standard();
            let name = (one.object, one.developer_name);
            let mut grants = sets.iter().filter_map(|set| self.grants.get(set));
            if standard || grants.any(|grants| grants.record_types.contains(&name)) {
                access.record_types.insert(one.id);
            }
        }
        access
    }

    fn object_grant(&self, sets: &[String], object: &str) -> ObjectGrant {
        let mut sum = ObjectGrant::default();
        let grants = sets.iter().filter_map(|set| self.grants.get(set));
        for grant in grants.filter_map(|grants| grants.objects.get(object)) {
            sum.read |= grant.read;
            sum.create |= grant.create;
            sum.edit |= grant.edit;
            sum.delete |= grant.delete;
        }
        sum
    }

    fn granted(&self, sets: &[String]) -> HashMap<(&String, &String), Grant> {
        let mut granted: HashMap<(&String, &String), Grant> = HashMap::new();
        for grants in sets.iter().filter_map(|set| self.grants.get(set)) {
            for ((object, field), grant) in &grants.fields {
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
    /// Custom objects; a system administrator may do everything with the standard ones.
    objects: HashMap<usize, ObjectGrant>,
    /// Record types besides `Master` that the user may give to rows.
    pub(crate) record_types: HashSet<RecordId>,
}

impl Access {
    /// What the user may do with an object; none = it does not exist for the user.
    pub(crate) fn verbs(&self, number: usize, object: &SObject) -> Option<Verbs> {
        let verbs = object.verbs;
        if object.gone || verbs.tooling {
            return None;
        }
        if !object.custom {
            return Some(verbs);
        }
        let grant = self.objects.get(&number).filter(|grant| grant.read)?;
        Some(Verbs {
            create: verbs.create && grant.create,
            update: verbs.update && grant.edit,
            delete: verbs.delete && grant.delete,
            ..verbs
        })
    }

    /// Whether the field exists for the user.
    pub(crate) fn visible(&self, object: usize, field: u16) -> bool {
        !self.hidden.contains(&(object, field))
    }

    /// Whether the user may change the field, as far as permission sets go.
    pub(crate) fn editable(&self, object: usize, field: u16) -> bool {
        self.visible(object, field) && !self.fixed.contains(&(object, field))
    }
}
