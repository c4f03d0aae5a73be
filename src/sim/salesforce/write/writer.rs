//! The plan for one operation on one object.
//!
//! In: resolved columns (the caller has turned header names or JSON keys into them). Out: [`Writer`], the plan that
//! [`super::apply`] carries out for each chunk: per column whether it may be written, in which order fields are encoded,
//! what is filled in.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::cascade::{self, Child};
use super::super::change::{Column, Operation};
use super::super::ids::RecordId;
use super::super::model::{Access, Model};
use super::super::org::Org;
use super::super::row_locks::Holder;
use super::super::rules::{self, Pair, Rule, WriteContext};
use super::super::schema::{FieldType, RECORD_TYPE, System};
use super::defaults::Defaults;

/// On whose behalf rows are written, and in which snapshot of the org.
pub(crate) struct Scope<'a> {
    pub(crate) org: &'a Arc<Org>,
    pub(crate) model: Arc<Model>,
    /// Field-level security; none = every field may be written.
    pub(crate) access: Option<&'a Access>,
    pub(crate) user: u32,
    /// Read-only fields may be set: seed files and the org's own set-up.
    pub(crate) trusted: bool,
}

impl<'a> Scope<'a> {
    /// The org itself writes.
    pub(crate) fn trusted(org: &'a Arc<Org>) -> Self {
        Self {
            org,
            model: org.model(),
            access: None,
            user: org.user,
            trusted: true,
        }
    }
}

/// The plan for one operation with one set of columns.
pub(crate) struct Writer {
    pub(crate) org: Arc<Org>,
    pub(crate) model: Arc<Model>,
    pub(crate) object: usize,
    pub(crate) operation: Operation,
    /// Upsert key; field 0 is `Id`.
    pub(crate) key: u16,
    pub(crate) user: u32,
    pub(crate) columns: Vec<Column>,
    /// Columns by rising field number.
    pub(super) order: Vec<usize>,
    pub(super) rights: Vec<Right>,
    pub(super) defaults: Defaults,
    /// Unique fields, with whether case counts.
    pub(super) unique: Vec<(u16, bool)>,
    /// The org itself writes.
    pub(super) trusted: bool,
    /// What is written follows from another change.
    pub(super) follows: bool,
    /// What the object does besides storing rows.
    pub(crate) rule: Option<&'static Rule>,
    /// Fields that only one row may have together.
    pub(super) pairs: Vec<Twins>,
    /// References that keep rows from being deleted.
    pub(super) restrictions: Vec<Child>,
    /// Record types that rows may be given; none = the column is not there, or the org itself writes.
    pub(super) record_types: Option<HashSet<RecordId>>,
    /// A field that the org numbers or names.
    pub(super) naming: Option<Naming>,
    /// The field that says that a row was converted and must not change any more.
    pub(super) converted: Option<u16>,
    /// Who holds the rows while they are written; none = the org plays no locks, or a row that follows from another.
    pub(super) holder: Option<Arc<Holder>>,
}

/// A [`Pair`] by field numbers, with whether case counts.
pub(super) struct Twins {
    pub(super) pair: &'static Pair,
    pub(super) fields: Vec<(u16, bool)>,
}

/// How rows get their names.
pub(super) enum Naming {
    /// By a number in a format such as `A-{0000}`.
    Number(u16, String),
    /// By their own id, if none is sent.
    Id(u16),
}

/// What may be done with a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Right {
    pub(super) insert: bool,
    pub(super) update: bool,
}

impl Writer {
    /// Plans an operation.
    pub(crate) fn new(
        scope: Scope<'_>,
        object: usize,
        operation: Operation,
        columns: Vec<Column>,
    ) -> Self {
        let Scope {
            org,
            model,
            access,
            user,
            trusted,
        } = scope;
        let definition = Arc::clone(model.schema.object(object));
        let audit = org.options.audit_fields && definition.verbs.audit;
        let rights = columns.iter().map(|column| {
            let at = match column {
                Column::Id => {
                    return Right {
                        insert: true,
                        update: true,
                    };
                }
                Column::Field(at) | Column::Parent { field: at, .. } => *at,
            };
            let field = definition.field(at);
            let editable = access.is_none_or(|access| access.editable(object, at));
            let audited = matches!(
                field.system,
                Some(
                    System::CreatedDate
                        | System::CreatedById
                        | System::LastModifiedDate
                        | System::LastModifiedById
                )
            );
            Right {
                insert: trusted || (editable && (field.createable || (audited && audit))),
                update: trusted || (editable && field.updateable),
            }
        });
        let rights = rights.collect();
        let target = |column: &Column| match column {
            Column::Id => 0,
            Column::Field(at) | Column::Parent { field: at, .. } => *at,
        };
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_by_key(|&at| target(&columns[at]));
        let unique = (0u16..)
            .zip(&definition.fields)
            .filter(|(_, field)| field.unique);
        let unique = unique
            .map(|(at, field)| (at, field.case_sensitive))
            .collect();
        let defaults = Defaults::new(org, &model, object, user);
        let rule = rules::of(&definition.name, &org.options);
        let pairs = rule.map(|rule| rule.pairs).unwrap_or_default().iter();
        let pairs = pairs.filter_map(|pair| {
            let fields = pair.fields.iter().filter_map(|name| definition.find(name));
            let fields: Vec<(u16, bool)> = fields
                .map(|(at, field)| (at, field.kind != FieldType::String))
                .collect();
            (!fields.is_empty()).then_some(Twins { pair, fields })
        });
        let pairs = pairs.collect();
        let deletes = matches!(operation, Operation::Delete | Operation::HardDelete);
        let mut restrictions = Vec::new();
        if deletes && !trusted {
            restrictions = cascade::children(&model, object);
            restrictions.retain(Child::restricts);
        }
        let typed = definition.position(RECORD_TYPE);
        let typed = typed.filter(|at| !trusted && columns.iter().any(|one| target(one) == *at));
        let record_types = typed.map(|_| {
            let visible = match access {
                Some(access) => access.record_types.clone(),
                None => org.access(user).record_types.clone(),
            };
            model.usable(&definition.name, &visible)
        });
        let naming =
            (0u16..)
                .zip(&definition.fields)
                .find_map(|(at, field)| match &field.auto_number {
                    Some(format) => Some(Naming::Number(at, format.clone())),
                    None if definition.custom && field.name_field => Some(Naming::Id(at)),
                    None => None,
                });
        let converted = (definition.name == "Lead" && !trusted)
            .then(|| definition.position("IsConverted"))
            .flatten();
        Self {
            org: Arc::clone(org),
            model,
            object,
            operation,
            key: 0,
            user,
            columns,
            order,
            rights,
            defaults,
            unique,
            trusted,
            follows: false,
            rule,
            pairs,
            restrictions,
            record_types,
            naming,
            converted,
            holder: None,
        }
    }

    /// Fields of columns for which a right is missing.
    pub(super) fn blocked(&self, right: impl Fn(&Right) -> bool) -> impl Iterator<Item = u16> {
        let columns = self.columns.iter().zip(&self.rights);
        columns.filter_map(move |(column, held)| match column {
            _ if right(held) => None,
            Column::Id => None,
            Column::Field(at) | Column::Parent { field: at, .. } => Some(*at),
        })
    }

    /// Leaves out the rules of the object: for values that follow from a rule.
    pub(crate) fn plain(mut self) -> Self {
        self.rule = None;
        self
    }

    /// Marks what is deleted as gone with its parent.
    pub(super) fn following(mut self) -> Self {
        self.follows = true;
        self
    }

    /// What rules are told.
    pub(super) fn context(&self) -> WriteContext<'_> {
        WriteContext {
            org: &self.org,
            model: &self.model,
            object: self.object,
            operation: self.operation,
            columns: &self.columns,
            user: self.user,
            trusted: self.trusted,
        }
    }

    /// Holds what is written against others.
    pub(crate) fn held_by(mut self, holder: Option<Arc<Holder>>) -> Self {
        self.holder = holder;
        self
    }

    /// Lets go of what a batch held.
    pub(crate) fn let_go(&self) {
        if let Some(holder) = &self.holder {
            holder.release();
        }
    }

    /// Sets the upsert key.
    pub(crate) fn keyed(mut self, key: u16) -> Self {
        self.key = key;
        self
    }
}
