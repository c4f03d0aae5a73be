//! What becomes of each row of a load query's result.
//!
//! In: a batch of the query joined with the ledger. Out: for rows that move, the columns to be sent and the
//! operation; for all others their fate with its reason. One row has one fate (`design.md` §6).

use std::collections::BTreeSet;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch, StringArray, StructArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::{Api, Operation, QueryFile, TransformError};
use crate::mapping::CUSTOM;
use crate::salesforce::record_identity;

/// Columns of a load query that are not sent: what becomes of a row, the id of its record where the query knows it,
/// and the two of [`HIDDEN`].
pub(super) const RESERVED: [&str; 9] = [
    "_fate",
    "_reason",
    "_parent",
    "_flags",
    "_id",
    UNTIL_KNOWN,
    FALLBACKS,
    KEY,
    FILE,
];

/// True where a row's fate counts only until the ledger knows its record: what may be in the org already no longer
/// matters once we know that it is.
pub(super) const UNTIL_KNOWN: &str = "_until_known";

/// Fields whose value in a row is a fallback, `a;b`: see [`super::fallback`].
pub(super) const FALLBACKS: &str = "_fallbacks";

/// The key of a load whose object has no field for it; such rows go over REST, where answers come in order.
const KEY: &str = "_key";

/// Path of the file in the export that is the content of a record.
pub const FILE: &str = "_file";

/// Reserved columns that are kept in the outbox.
const HIDDEN: [&str; 2] = [KEY, FILE];

/// Columns that the engine adds from the ledger.
pub(super) const KNOWN: [&str; 5] = [
    "_known_id",
    "_known_live",
    "_known_fingerprint",
    "_known_written",
    "_known_outcome",
];

/// Create-only audit fields: rows that carry them are inserted, never upserted (`rules.md` 24).
pub const AUDIT_FIELDS: [&str; 2] = ["CreatedDate", "CreatedById"];

/// The columns of a load.
#[derive(Clone, Debug)]
pub struct Columns {
    /// What is sent: API name and Arrow type, in order.
    pub sent: Vec<Field>,
    /// How many of [`Self::sent`] come from the struct of custom fields; they stand last.
    pub custom: usize,
    /// Reserved columns that are kept in the outbox.
    pub hidden: Vec<Field>,
    /// Key column names.
    pub key: Vec<String>,
}

impl Columns {
    /// Reads and checks the columns of a load query's result; `confirmed` are the custom fields that the map
    /// confirms for this object, `dropped` the columns that this destination or these options do without.
    ///
    /// # Errors
    /// [`TransformError::Columns`].
    pub fn of(
        file: &QueryFile,
        schema: &Schema,
        confirmed: &[String],
        dropped: &BTreeSet<String>,
    ) -> Result<Self, TransformError> {
        let wrong = |reason: String, hint: &str| TransformError::Columns {
            path: file.path.clone(),
            reason,
            hint: hint.to_owned(),
        };
        let mut sent: Vec<Field> = Vec::new();
        let mut own: Vec<Field> = Vec::new();
        let mut hidden: Vec<Field> = Vec::new();
        for field in schema.fields() {
            match (field.name().as_str(), field.data_type()) {
                (name, _) if dropped.contains(name) => {}
                (name, _) if HIDDEN.contains(&name) => {
                    hidden.push(field.as_ref().clone().with_nullable(true))
                }
                (CUSTOM, DataType::Struct(children)) => own.extend(
                    children
                        .iter()
                        .filter(|child| confirmed.contains(child.name()))
                        .map(|child| child.as_ref().clone().with_nullable(true)),
                ),
                (name, _) if RESERVED.contains(&name) => {}
                (name, _) if name.starts_with('_') => {
                    return Err(wrong(
                        format!("`{name}` is not a reserved column"),
                        "reserved columns are _fate, _reason, _parent, _flags, _id, _until_known, _fallbacks, _key and _file; field names start with a letter",
                    ));
                }
                (name, DataType::Struct(_)) => {
                    return Err(wrong(
                        format!("`{name}` is a struct"),
                        "select its children, each under a field's API name",
                    ));
                }
                _ => sent.push(field.as_ref().clone().with_nullable(true)),
            }
        }
        let custom = own.len();
        sent.extend(own);
        for (index, field) in sent.iter().enumerate() {
            let twin = sent[..index]
                .iter()
                .find(|other| other.name().eq_ignore_ascii_case(field.name()));
            if let Some(twin) = twin {
                return Err(wrong(
                    format!(
                        "`{}` and `{}` are the same field",
                        twin.name(),
                        field.name()
                    ),
                    "Salesforce ignores case; send each field once (is it also in config/field_map.csv?)",
                ));
            }
        }
        if !hidden.is_empty() && file.api == Api::Bulk {
            return Err(wrong(
                format!("`{}` needs the header `-- api: rest`", hidden[0].name()),
                "a Bulk job matches its answers by columns that are sent, and takes no files",
            ));
        }
        for key in &file.key {
            if !sent.iter().chain(&hidden).any(|field| field.name() == key) {
                return Err(wrong(
                    format!("the key `{key}` is not among the columns"),
                    "the header `-- key:` names columns of the last select",
                ));
            }
        }
        for column in file.cluster_by.iter().chain(&file.order_by) {
            if !schema.fields().iter().any(|field| field.name() == column) {
                return Err(wrong(
                    format!("`{column}` in `cluster by` or `order by` is not among the columns"),
                    "these headers name columns of the last select",
                ));
            }
        }
        Ok(Self {
            sent,
            custom,
            hidden,
            key: file.key.clone(),
        })
    }

    /// Types of the key columns.
    pub fn key_fields(&self) -> impl Iterator<Item = &Field> {
        self.key.iter().filter_map(|key| {
            let mut fields = self.sent.iter().chain(&self.hidden);
            fields.find(|field| field.name() == key)
        })
    }

    /// Whether the object takes custom fields, and so the one that keeps values which had to be changed.
    #[must_use]
    pub fn keeps_raw(&self) -> bool {
        self.sent.iter().any(|field| field.name().ends_with("__c"))
    }

    /// Schema of what is sent.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        std::sync::Arc::new(Schema::new(self.sent.clone()))
    }

    /// Whether new rows are inserted rather than upserted: they carry create-only audit fields, or no single
    /// external id names them.
    #[must_use]
    pub fn insert_only(&self) -> bool {
        let mut names = self.sent.iter().map(Field::name);
        let unsent = |key: &String| self.hidden.iter().any(|field| field.name() == key);
        self.key.len() != 1
            || self.key.iter().any(unsent)
            || names.any(|name| AUDIT_FIELDS.contains(&name.as_str()))
    }

    /// The sent columns of a batch, custom fields flattened.
    pub(super) fn project(
        &self,
        batch: &RecordBatch,
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        let plain = self.sent.len() - self.custom;
        let empty = arrow::array::new_null_array(&DataType::Null, 0);
        let children: Option<(Vec<String>, Vec<ArrayRef>)> = batch
            .column_by_name(CUSTOM)
            .and_then(|column| column.as_any().downcast_ref::<StructArray>())
            .map(|custom| {
                let names = custom
                    .column_names()
                    .into_iter()
                    .map(str::to_owned)
                    .collect();
                // The struct's own nulls are pushed down into its children.
                let (_, columns) = custom.clone().flatten();
                (names, columns)
            });
        let columns = self.sent.iter().enumerate().map(|(index, field)| {
            if index < plain {
                return batch.column_by_name(field.name()).cloned();
            }
            let (names, columns) = children.as_ref()?;
            let position = names.iter().position(|name| name == field.name())?;
            columns.get(position).cloned()
        });
        RecordBatch::try_new(
            self.schema(),
            columns
                .map(|column| column.unwrap_or_else(|| ArrayRef::clone(&empty)))
                .collect(),
        )
    }
}

/// What is done with a row that moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowOperation {
    /// Create; the key is unknown.
    Insert,
    /// Create, or update if our key is there already.
    Upsert,
    /// Change a row whose id is known.
    Update,
    /// Same values as last sent: not sent again.
    Unchanged,
    /// Undo: give a record that stays ours the values it had.
    Restore,
    /// Undo: give a record that was the org's own the values it had, our key among them, and forget it.
    Release,
    /// Undo: delete a record that we created.
    Delete,
}

impl RowOperation {
    /// All, in the order in which they are sent.
    pub const ALL: [Self; 7] = [
        Self::Insert,
        Self::Upsert,
        Self::Update,
        Self::Unchanged,
        Self::Restore,
        Self::Release,
        Self::Delete,
    ];

    /// Whether rows are named by their record's id.
    #[must_use]
    pub fn by_id(self) -> bool {
        !matches!(self, Self::Insert | Self::Upsert)
    }

    /// Whether fields of a known record are set.
    #[must_use]
    pub fn updates(self) -> bool {
        matches!(self, Self::Update | Self::Restore | Self::Release)
    }

    /// The word used in tables and for Bulk jobs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Upsert => "upsert",
            Self::Update => "update",
            Self::Unchanged => "unchanged",
            Self::Restore => "restore",
            Self::Release => "release",
            Self::Delete => "delete",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.word() == word)
    }
}

/// What the ledger knows about the rows of a batch.
pub(super) struct Ledger<'a> {
    id: Option<&'a StringArray>,
    /// Ids that the query gives itself.
    given: Option<&'a StringArray>,
    live: Option<&'a StringArray>,
    fingerprint: Option<&'a Int64Array>,
    written: Option<&'a BinaryArray>,
    outcome: Option<&'a StringArray>,
    /// Whether the query says which record a row is, as loads do that only update.
    by_query: bool,
}

impl<'a> Ledger<'a> {
    pub(super) fn of(batch: &'a RecordBatch) -> Self {
        let text = |name: &str| {
            batch
                .column_by_name(name)
                .and_then(|column| column.as_string_opt::<i32>())
        };
        Self {
            id: text("_known_id"),
            given: text("_id"),
            live: text("_known_live"),
            fingerprint: batch
                .column_by_name("_known_fingerprint")
                .and_then(|column| column.as_primitive_opt()),
            written: batch
                .column_by_name("_known_written")
                .and_then(|column| column.as_binary_opt::<i32>()),
            outcome: text("_known_outcome"),
            by_query: false,
        }
    }

    /// For a load that means records which others made: after one was made anew, the ledger speaks of the old one.
    pub(super) fn of_load(batch: &'a RecordBatch, wanted: Operation) -> Self {
        Self {
            by_query: wanted == Operation::Update,
            ..Self::of(batch)
        }
    }

    pub(super) fn id(&self, row: usize) -> Option<&'a str> {
        text(self.given, row)
            .filter(|_| !self.is_known(row))
            .or_else(|| text(self.id, row))
    }

    /// Whether the ledger speaks of the record that the query means.
    fn is_known(&self, row: usize) -> bool {
        match (text(self.id, row), text(self.given, row)) {
            (Some(known), Some(given)) if self.by_query => {
                record_identity(known) == record_identity(given)
            }
            (known, _) => known.is_some(),
        }
    }

    fn live(&self, row: usize) -> Option<&'a str> {
        text(self.live, row).filter(|_| self.is_known(row))
    }

    pub(super) fn written(&self, row: usize) -> Option<&'a [u8]> {
        self.written
            .filter(|written| written.is_valid(row) && self.is_known(row))
            .map(|written| written.value(row))
    }

    /// As [`Self::decide`], where only what failed and what was never sent is sent.
    pub(super) fn decide_failed(
        &self,
        row: usize,
        fingerprint: i64,
        wanted: Operation,
        insert_only: bool,
    ) -> Result<RowOperation, &'static str> {
        match (text(self.outcome, row), self.id(row)) {
            (None | Some("failed" | "unprocessed"), _) => {
                self.decide(row, fingerprint, wanted, insert_only)
            }
            (Some(_), Some(_)) => Ok(RowOperation::Unchanged),
            (Some(_), None) => Err("was_taken_back"),
        }
    }

    /// The operation for a row, or the reason why it is held.
    pub(super) fn decide(
        &self,
        row: usize,
        fingerprint: i64,
        wanted: Operation,
        insert_only: bool,
    ) -> Result<RowOperation, &'static str> {
        let same = self
            .fingerprint
            .is_some_and(|known| known.is_valid(row) && known.value(row) == fingerprint)
            && self.is_known(row);
        match (self.id(row), self.live(row).unwrap_or("live"), wanted) {
            (Some(_), "deleted", _) => Err("deleted_in_salesforce"),
            (Some(_), "merged", _) => Err("merged_in_salesforce"),
            (Some(_), "converted", _) => Err("converted_in_salesforce"),
            (Some(_), _, Operation::Insert) => Ok(RowOperation::Unchanged),
            (Some(_), _, _) if same => Ok(RowOperation::Unchanged),
            (Some(_), _, _) => Ok(RowOperation::Update),
            (None, _, Operation::Update) => Err("id_not_known"),
            (None, _, Operation::Upsert) if !insert_only => Ok(RowOperation::Upsert),
            (None, _, _) => Ok(RowOperation::Insert),
        }
    }
}

fn text(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column
        .filter(|column| column.is_valid(row))
        .map(|column| column.value(row))
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    fn file() -> QueryFile {
        let sql = "-- grain: x\n-- object: Account\n-- operation: upsert\n-- key: usercom_id__c\nselect c.id as usercom_id__c from usercom.companies as c";
        QueryFile::parse("queries/load/account.sql", Kind::Load, sql).unwrap()
    }

    #[test]
    fn only_confirmed_custom_fields_are_sent() {
        let children = vec![
            Field::new("Size__c", DataType::Int64, true),
            Field::new("Secret__c", DataType::Utf8, true),
            Field::new("_", DataType::Boolean, true),
        ];
        let schema = Schema::new(vec![
            Field::new("usercom_id__c", DataType::Int64, false),
            Field::new("custom", DataType::Struct(children.into()), true),
            Field::new("_fate", DataType::Utf8, true),
        ]);
        let columns =
            Columns::of(&file(), &schema, &["Size__c".to_owned()], &BTreeSet::new()).unwrap();
        let names: Vec<&str> = columns
            .sent
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        assert_eq!(names, ["usercom_id__c", "Size__c"]);
    }

    #[test]
    fn the_same_field_twice_is_refused() {
        let schema = Schema::new(vec![
            Field::new("usercom_id__c", DataType::Int64, false),
            Field::new("Name", DataType::Utf8, true),
            Field::new("name", DataType::Utf8, true),
        ]);
        let error = Columns::of(&file(), &schema, &[], &BTreeSet::new()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`Name` and `name` are the same field"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_key_column_is_refused() {
        let schema = Schema::new(vec![Field::new("Name", DataType::Utf8, true)]);
        assert!(Columns::of(&file(), &schema, &[], &BTreeSet::new()).is_err());
    }
}
