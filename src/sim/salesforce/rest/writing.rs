//! JSON records → the write path, for every REST resource that writes.
//!
//! In: JSON objects. Out: outcomes, and the JSON that tells them. A key that is no field the user can see is refused for
//! its record; a nested object under a relationship name is a reference by external id.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::super::change::{Batch, Cell, Column, Operation, Outcome, RowError};
use super::super::error::ApiError;
use super::super::model::{Access, Model};
use super::super::org::Org;
use super::super::row_locks::Holder;
use super::super::schema::FieldType;
use super::super::write::{Scope, Writer, apply};
use super::call::{Call, object_named};
use super::files;

/// A record ready to be written.
struct Record {
    columns: Vec<Column>,
    /// Text, or null.
    values: Vec<Option<String>>,
}

/// What to write where.
pub(super) struct Target<'a> {
    pub(super) call: &'a Call,
    pub(super) model: Arc<Model>,
    pub(super) access: Arc<Access>,
    pub(super) object: usize,
    pub(super) operation: Operation,
    /// Upsert key; 0 is `Id`.
    pub(super) key: u16,
}

impl<'a> Target<'a> {
    pub(super) fn new(
        call: &'a Call,
        object: &str,
        operation: Operation,
    ) -> Result<Self, ApiError> {
        let model = call.app.org.model();
        let object = object_named(call, &model, object)?;
        let access = call.app.org.access(call.user);
        let verbs = access.verbs(object, model.schema.object(object));
        let verbs = verbs.unwrap_or_default();
        let allowed = match operation {
            Operation::Insert => verbs.create,
            Operation::Update => verbs.update,
            Operation::Upsert => verbs.create && verbs.update,
            Operation::Delete | Operation::HardDelete => verbs.delete,
        };
        if !allowed {
            let message = format!(
                "entity type cannot be written: {}",
                model.schema.object(object).name
            );
            return Err(ApiError::bad(
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                message,
            ));
        }
        Ok(Self {
            call,
            model,
            access,
            object,
            operation,
            key: 0,
        })
    }

    /// Sets the upsert key by name.
    pub(super) fn keyed(mut self, name: &str) -> Result<Self, ApiError> {
        let found = self.model.schema.object(self.object).find(name);
        let found =
            found.filter(|(at, field)| field.is_key() && self.access.visible(self.object, *at));
        self.key = found.map(|(at, _)| at).ok_or_else(|| {
            let message =
                format!("Provided external ID field does not exist or is not accessible: {name}");
            ApiError::new(axum::http::StatusCode::NOT_FOUND, "NOT_FOUND", message)
        })?;
        Ok(self)
    }

    /// Writes records one by one, in order; each is a chunk of its own unless keys repeat among them.
    pub(super) fn write(&self, records: &[Map<String, Value>]) -> Result<Vec<Written>, ApiError> {
        let mut written = Vec::new();
        let mut at = 0;
        let prepared: Vec<Result<Record, RowError>> =
            records.iter().map(|record| self.record(record)).collect();
        while at < prepared.len() {
            let columns = match &prepared[at] {
                Ok(record) => record.columns.clone(),
                Err(error) => {
                    written.push(Written::refused(error.clone()));
                    at += 1;
                    continue;
                }
            };
            // Neighbours with the same columns make one chunk.
            let alike = |record: &&Result<Record, RowError>| matches!(record, Ok(record) if record.columns == columns);
            let count = prepared[at..].iter().take_while(alike).count();
            let chunk = prepared[at..at + count].iter().flatten();
            let cells: Vec<Cell<'_>> = chunk
                .flat_map(|record| &record.values)
                .map(|value| value.as_deref().map_or(Cell::Null, Cell::Text))
                .collect();
            let writer = Arc::new(self.writer(columns));
            let outcomes = if cells.is_empty() {
                // A record without a single field still counts as one.
                apply_patiently(
                    &writer,
                    &Batch {
                        cells: &vec![Cell::Absent; count],
                    },
                )?
            } else {
                apply_patiently(&writer, &Batch { cells: &cells })?
            };
            written.extend(outcomes.into_iter().map(|outcome| Written {
                outcome,
                writer: Some(Arc::clone(&writer)),
            }));
            at += count;
        }
        Ok(written)
    }

    /// The plan for records with these columns.
    pub(super) fn writer(&self, columns: Vec<Column>) -> Writer {
        let org = &self.call.app.org;
        let model = Arc::clone(&self.model);
        Writer::new(
            Scope {
                org,
                model,
                access: Some(&self.access),
                user: self.call.user,
                trusted: false,
            },
            self.object,
            self.operation,
            columns,
        )
        .keyed(self.key)
        .held_by(patient(org))
    }

    fn record(&self, fields: &Map<String, Value>) -> Result<Record, RowError> {
        let object = self.model.schema.object(self.object);
        let mut record = Record {
            columns: Vec::new(),
            values: Vec::new(),
        };
        for (name, value) in fields.iter().filter(|(name, _)| *name != "attributes") {
            let unknown = || {
                let message = format!("No such column '{name}' on sobject of type {}", object.name);
                RowError::new("INVALID_FIELD", message)
            };
            let (column, text) = match value {
                Value::Object(parent) => self.parent(name, parent).ok_or_else(unknown)?,
                value => {
                    let found = object
                        .find(name)
                        .filter(|(at, _)| self.access.visible(self.object, *at));
                    let (at, field) = found.ok_or_else(unknown)?;
                    let text = if field.kind == FieldType::Base64 {
                        files::stored(self.call, &field.label, value)?
                    } else {
                        scalar(value)
                    };
                    (
                        if at == 0 {
                            Column::Id
                        } else {
                            Column::Field(at)
                        },
                        text,
                    )
                }
            };
            record.columns.push(column);
            record.values.push(text);
        }
        Ok(record)
    }

    /// `{"Account": {"Ext__c": "x"}}`.
    fn parent(&self, name: &str, fields: &Map<String, Value>) -> Option<(Column, Option<String>)> {
        let (field, reference) = self.model.schema.object(self.object).relationship(name)?;
        let stated = fields
            .get("attributes")
            .and_then(|attributes| attributes["type"].as_str());
        let target = match (stated, reference.references.as_slice()) {
            (Some(kind), several) => several
                .iter()
                .find(|name| name.eq_ignore_ascii_case(kind))?,
            (None, [only]) => only,
            _ => return None,
        };
        let object = self.model.schema.position(target)?;
        let (key, value) = fields.iter().find(|(name, _)| *name != "attributes")?;
        let found = self.model.schema.object(object).find(key);
        let (key, _) =
            found.filter(|(at, field)| field.is_key() && self.access.visible(object, *at))?;
        Some((Column::Parent { field, object, key }, scalar(value)))
    }
}

/// Who holds the rows of a request, if the org plays locks.
pub(super) fn patient(org: &Org) -> Option<Arc<Holder>> {
    let options = &org.options;
    options
        .locks
        .then(|| Arc::new(org.locks.request(options.lock_wait)))
}

/// Writes rows; other requests go on while these wait for the rows of somebody else.
pub(super) fn apply_patiently(writer: &Writer, batch: &Batch<'_>) -> std::io::Result<Vec<Outcome>> {
    let work = || apply(writer, batch, |_| None);
    let several = Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if writer.org.options.locks && several {
        return tokio::task::block_in_place(work);
    }
    work()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// One record's outcome, and the plan it was written with.
pub(super) struct Written {
    pub(super) outcome: Outcome,
    pub(super) writer: Option<Arc<Writer>>,
}

impl Written {
    /// A record that was refused before it could be written.
    pub(super) fn refused(error: RowError) -> Self {
        Self {
            outcome: Outcome::Failed {
                position: None,
                error,
            },
            writer: None,
        }
    }

    /// The id of the row, 18 characters.
    pub(super) fn id(&self) -> Option<String> {
        let writer = self.writer.as_ref()?;
        match &self.outcome {
            Outcome::Done { position, .. } => {
                Some(writer.model.id(writer.object, *position).to_string())
            }
            Outcome::Failed { position, .. } => {
                position.map(|at| writer.model.id(writer.object, at).to_string())
            }
        }
    }

    /// The `SaveResult` (with `created` if it was an upsert).
    pub(super) fn save_result(&self) -> Value {
        match &self.outcome {
            Outcome::Done { created, .. } => {
                let mut result = json!({"id": self.id(), "success": true, "errors": []});
                if self
                    .writer
                    .as_ref()
                    .is_some_and(|writer| writer.operation == Operation::Upsert)
                {
                    result["created"] = json!(created);
                }
                result
            }
            Outcome::Failed { error, .. } => {
                json!({"success": false, "errors": [{"statusCode": error.code, "message": error.message, "fields": error.fields}]})
            }
        }
    }
}
