//! The columns of a load: what is sent, what is kept beside it, what names a row.
//!
//! In: the schema of a load query's result, or of an outbox. Out: [`Columns`]. Never: a value.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{ArrayRef, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::encode::RAW_VALUES;
use crate::mapping::CUSTOM;
use crate::project::{Api, ProjectError, QueryFile};
use crate::staging::Manifest;

/// Columns of a load query that are not sent: what becomes of a row, the id of its record where the query knows it,
/// and those of [`HIDDEN`].
pub(crate) const RESERVED: [&str; 11] = [
    FATE,
    SOURCE,
    "_flags",
    "_id",
    UNTIL_KNOWN,
    FALLBACKS,
    KEY,
    FILE,
    LEAD,
    CONTACT,
    STATUS,
];

/// What becomes of a row: null where it is sent, else a struct with the [`FATE_PARTS`], or a list of such structs where a row
/// may wait for several things.
pub(crate) const FATE: &str = "_fate";

/// A fate, why a row has it, and the record that it waits for; texts all of them.
pub(crate) const FATE_PARTS: [&str; 3] = ["fate", "reason", "parent"];

/// Stands between several reasons of a row, and between what it waits for.
pub(crate) const BETWEEN_REASONS: &str = "; ";

/// How a query says a fate.
const FATE_FORM: &str = "write case when … then named_struct('fate', 'held', 'reason', '…', 'parent', …) end; several of them stand in make_array(…, …); null sends the row";

/// A fate as [`FATE`] that counts only until the ledger knows the row's record: what may be in the org already no longer
/// matters once we know that it is.
pub(crate) const UNTIL_KNOWN: &str = "_until_known";

/// Fields whose value in a row is a fallback, `a;b`: see `transform::fallback`.
pub(crate) const FALLBACKS: &str = "_fallbacks";

/// Which row of its source a row is, where its key does not say so: the columns that the header names (`source: … by …`), joined
/// with `|`.
pub(crate) const SOURCE: &str = "_source";

/// The key of a load whose object has no field for it; such rows go over REST, where answers come in order.
const KEY: &str = "_key";

/// Path of the file in the export that is the content of a record.
pub const FILE: &str = "_file";

/// The lead that a row converts.
pub const LEAD: &str = "_lead";

/// The contact that takes it, if there is one already.
pub const CONTACT: &str = "_contact";

/// The status that says that a lead is converted.
pub const STATUS: &str = "_status";

/// Reserved columns that are kept in the outbox.
pub(crate) const HIDDEN: [&str; 6] = [SOURCE, KEY, FILE, LEAD, CONTACT, STATUS];

/// Create-only audit fields: rows that carry them are inserted, never upserted (`guide/rules.md` 24).
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
    /// The object, whose custom fields are taken out of the structs.
    pub(super) object: String,
}

impl Columns {
    /// The same for the same columns.
    pub(crate) fn told(&self) -> String {
        let types = |fields: &[Field]| -> Vec<String> {
            let fields = fields.iter();
            fields
                .map(|field| format!("{} {}", field.name(), field.data_type()))
                .collect()
        };
        let (sent, hidden) = (types(&self.sent), types(&self.hidden));
        format!("{:?}", (sent, hidden, self.custom, &self.key, &self.object))
    }

    /// Reads and checks the columns of a load query's result. Of the structs of custom fields those of this object are
    /// taken; `dropped` are the columns that this destination or these options do without.
    ///
    /// # Errors
    /// [`ProjectError::Columns`].
    pub fn of(
        file: &QueryFile,
        schema: &Schema,
        dropped: &BTreeSet<String>,
    ) -> Result<Self, ProjectError> {
        let wrong = |reason: String, hint: &str| ProjectError::Columns {
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
                (name, DataType::Struct(children)) if is_custom(name) => {
                    own.extend(children.iter().filter_map(|child| {
                        let name = field_of(child.name(), file.object())?;
                        let child = (!dropped.contains(name)).then_some(child)?;
                        Some(plain(child).with_name(name))
                    }));
                }
                (name @ (FATE | UNTIL_KNOWN), data_type) if !is_fate(data_type) => {
                    return Err(wrong(
                        format!(
                            "`{name}` is neither a struct of fate, reason and parent nor a list of them"
                        ),
                        FATE_FORM,
                    ));
                }
                (name, _) if RESERVED.contains(&name) => {}
                (name @ ("_reason" | "_parent"), _) => {
                    return Err(wrong(
                        format!("`{name}` is a part of `_fate`, not a column"),
                        FATE_FORM,
                    ));
                }
                (name, _) if name.starts_with('_') => {
                    return Err(wrong(
                        format!("`{name}` is not a reserved column"),
                        "reserved columns are _fate, _source, _flags, _id, _until_known, _fallbacks, _key, _file, _lead, _contact and _status; field names start with a letter",
                    ));
                }
                (name, DataType::Struct(_)) => {
                    return Err(wrong(
                        format!("`{name}` is a struct"),
                        "select its children, each under a field's API name",
                    ));
                }
                _ => sent.push(plain(field)),
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
        let mut of_rest = hidden.iter().filter(|field| field.name() != SOURCE);
        if let Some(field) = of_rest.next().filter(|_| file.api == Api::Bulk) {
            return Err(wrong(
                format!("`{}` needs the header `-- api: rest`", field.name()),
                "a Bulk job matches its answers by columns that are sent, and takes no files",
            ));
        }
        let is_told_apart = file
            .source
            .as_ref()
            .is_some_and(|source| source.by.is_some());
        if hidden.iter().any(|field| field.name() == SOURCE) && !is_told_apart {
            return Err(wrong(
                format!("`{SOURCE}` is no row of a source whose rows nothing tells apart"),
                "name the columns that do in the header: `-- source: TABLE by COLUMNS`",
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
            object: file.object().to_owned(),
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

    /// Whether new rows are inserted rather than upserted: they carry create-only audit fields or a file, or no single
    /// external id names them.
    #[must_use]
    pub fn insert_only(&self) -> bool {
        let mut names = self.sent.iter().map(Field::name);
        let unsent = |key: &String| self.hidden.iter().any(|field| field.name() == key);
        self.key.len() != 1
            || self.key.iter().any(unsent)
            || self.hidden.iter().any(|field| field.name() == FILE)
            || names.any(|name| AUDIT_FIELDS.contains(&name.as_str()))
    }

    /// The sent columns of a batch, custom fields flattened.
    pub(crate) fn project(
        &self,
        batch: &RecordBatch,
    ) -> Result<RecordBatch, arrow::error::ArrowError> {
        let plain = self.sent.len() - self.custom;
        let empty = arrow::array::new_null_array(&DataType::Null, 0);
        let mut children: BTreeMap<String, ArrayRef> = BTreeMap::new();
        let schema = batch.schema();
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let custom = column.as_any().downcast_ref::<StructArray>();
            let Some(custom) = custom.filter(|_| is_custom(field.name())) else {
                continue;
            };
            // The struct's own nulls are pushed down into its children.
            let (fields, columns) = custom.clone().flatten();
            for (field, column) in fields.iter().zip(columns) {
                if let Some(name) = field_of(field.name(), &self.object) {
                    children.insert(name.to_owned(), column);
                }
            }
        }
        let columns = self.sent.iter().enumerate().map(|(index, field)| {
            if index < plain {
                return batch.column_by_name(field.name()).cloned();
            }
            children.get(field.name()).cloned()
        });
        let columns = columns.zip(&self.sent).map(|(column, field)| {
            let column = column.unwrap_or_else(|| ArrayRef::clone(&empty));
            if column.data_type() == field.data_type() {
                return Ok(column);
            }
            arrow::compute::cast(&column, field.data_type())
        });
        RecordBatch::try_new(self.schema(), columns.collect::<Result<_, _>>()?)
    }
}

/// A column as it is kept and sent: one type per kind of value, so that every value of a kind is treated alike.
fn plain(field: &Field) -> Field {
    let data_type = plain_type(field.data_type());
    Field::new(field.name(), data_type, true).with_metadata(field.metadata().clone())
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Dictionary(_, value) => plain_type(value),
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64 => DataType::Int64,
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::List(item) | DataType::LargeList(item) => {
            DataType::List(Field::new(item.name(), plain_type(item.data_type()), true).into())
        }
        other => other.clone(),
    }
}

/// A batch whose texts are of one type: SQL functions answer in three, and whoever reads a column by its type would take the
/// others for absent.
pub(crate) fn with_plain_texts(
    batch: &RecordBatch,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = batch.schema();
    let plain: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            field
                .as_ref()
                .clone()
                .with_data_type(plain_text(field.data_type()))
        })
        .collect();
    let columns = batch.columns().iter().zip(&plain);
    let columns = columns
        .map(
            |(column, field)| match column.data_type() == field.data_type() {
                true => Ok(ArrayRef::clone(column)),
                false => arrow::compute::cast(column, field.data_type()),
            },
        )
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(std::sync::Arc::new(Schema::new(plain)), columns)
}

/// A type in which all texts are of one type.
pub(crate) fn plain_text(data_type: &DataType) -> DataType {
    match data_type {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Struct(parts) => {
            let plain = |part: &std::sync::Arc<Field>| {
                let data_type = plain_text(part.data_type());
                part.as_ref().clone().with_data_type(data_type)
            };
            DataType::Struct(parts.iter().map(plain).collect())
        }
        DataType::List(item) => {
            let plain = plain_text(item.data_type());
            DataType::List(std::sync::Arc::new(
                item.as_ref().clone().with_data_type(plain),
            ))
        }
        other => other.clone(),
    }
}

/// Whether a column holds custom fields.
pub(crate) fn is_custom(name: &str) -> bool {
    name == CUSTOM
        || name
            .strip_suffix(CUSTOM)
            .is_some_and(|rest| rest.ends_with('_'))
}

/// The field's name, if a child of a struct of custom fields is one of the object.
fn field_of<'a>(child: &'a str, object: &str) -> Option<&'a str> {
    let (of, field) = child.split_once('.')?;
    of.eq_ignore_ascii_case(object).then_some(field)
}

/// Whether a column can say what becomes of a row. One that is null in every row has no type of its own.
fn is_fate(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null => true,
        DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)) => {
            is_fate(item.data_type())
        }
        DataType::Struct(parts) => {
            let is_text = |data_type: &DataType| data_type.is_string() || data_type.is_null();
            parts.len() == FATE_PARTS.len()
                && FATE_PARTS.iter().all(|name| {
                    let part = parts.iter().find(|part| part.name() == name);
                    part.is_some_and(|part| is_text(part.data_type()))
                })
        }
        _ => false,
    }
}

/// The columns of a load, from its outbox.
#[must_use]
pub fn columns_of(outbox: &Manifest, key: &[String]) -> Columns {
    let sent = outbox
        .schema
        .fields()
        .iter()
        .filter(|field| !field.name().starts_with('_') && field.name() != RAW_VALUES)
        .map(|field| field.as_ref().clone())
        .collect();
    let hidden = outbox
        .schema
        .fields()
        .iter()
        .filter(|field| field.name().starts_with('_') && key.contains(field.name()))
        .map(|field| field.as_ref().clone())
        .collect();
    Columns {
        sent,
        custom: 0,
        hidden,
        key: key.to_vec(),
        object: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;

    use super::*;
    use crate::project::QueryKind;

    fn file() -> QueryFile {
        let sql = "-- grain: x\n-- object: Account\n-- operation: upsert\n-- key: usercom_id__c\nselect c.id as usercom_id__c from usercom.companies as c";
        QueryFile::parse("queries/load/account.sql", QueryKind::Load, sql).unwrap()
    }

    fn fate(parts: &[&str], data_type: &DataType) -> DataType {
        let parts = parts
            .iter()
            .map(|name| Field::new(*name, data_type.clone(), true));
        DataType::Struct(parts.collect())
    }

    /// What is said of a load query that has these columns beside its key.
    fn refusal(columns: &[(&str, DataType)]) -> Option<String> {
        let mut fields = vec![Field::new("usercom_id__c", DataType::Int64, false)];
        let column =
            |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
        fields.extend(columns.iter().map(column));
        let error = Columns::of(&file(), &Schema::new(fields), &BTreeSet::new()).err()?;
        Some(format!(
            "{error}\nhint: {}",
            error.hint().unwrap_or_default()
        ))
    }

    #[test]
    fn a_fate_that_is_said_in_three_columns_is_refused_with_the_form_to_write() {
        let text = DataType::Utf8;
        let old = refusal(&[("_fate", text.clone()), ("_reason", text.clone())]).unwrap();
        insta::assert_snapshot!(old, @r"
        queries/load/account.sql: `_fate` is neither a struct of fate, reason and parent nor a list of them
        hint: write case when … then named_struct('fate', 'held', 'reason', '…', 'parent', …) end; several of them stand in make_array(…, …); null sends the row
        ");
        let whole = ("_fate", fate(&FATE_PARTS, &text));
        for name in ["_reason", "_parent"] {
            let left = refusal(&[whole.clone(), (name, text.clone())]).unwrap();
            assert!(
                left.contains(&format!("`{name}` is a part of `_fate`, not a column")),
                "{left}"
            );
            assert!(left.contains("\nhint: write case when"), "{left}");
        }
    }

    #[test]
    fn a_fate_has_three_parts_and_all_of_them_are_texts() {
        let text = DataType::Utf8;
        for parts in [&["fate", "reason"][..], &["fate", "reason", "who"]] {
            assert!(
                refusal(&[("_fate", fate(parts, &text))]).is_some(),
                "{parts:?}"
            );
        }
        assert!(refusal(&[("_fate", fate(&FATE_PARTS, &DataType::Int64))]).is_some());
        assert_eq!(refusal(&[("_fate", fate(&FATE_PARTS, &text))]), None);
        let several = |item| DataType::List(std::sync::Arc::new(Field::new("item", item, true)));
        for name in ["_fate", "_until_known"] {
            assert_eq!(refusal(&[(name, several(fate(&FATE_PARTS, &text)))]), None);
            assert!(refusal(&[(name, several(text.clone()))]).is_some());
        }
        assert!(refusal(&[("_until_known", DataType::Boolean)]).is_some());
        assert_eq!(
            refusal(&[("_fate", DataType::Null)]),
            None,
            "every row is sent"
        );
    }

    #[test]
    fn a_row_names_its_source_only_where_the_header_says_what_tells_rows_apart() {
        let refused = refusal(&[("_source", DataType::Utf8)]).unwrap();
        assert!(
            refused.contains("`-- source: TABLE by COLUMNS`"),
            "{refused}"
        );
        let sql = "-- grain: x\n-- source: usercom.companies by id\n-- object: Account\n-- operation: upsert\n-- key: usercom_id__c\nselect 1";
        let file = QueryFile::parse("queries/load/account.sql", QueryKind::Load, sql).unwrap();
        let schema = Schema::new(vec![
            Field::new("usercom_id__c", DataType::Int64, false),
            Field::new("_source", DataType::Utf8, true),
        ]);
        let columns = Columns::of(&file, &schema, &BTreeSet::new()).unwrap();
        assert_eq!(
            (columns.sent.len(), columns.hidden[0].name().as_str()),
            (1, "_source")
        );
    }

    #[test]
    fn custom_fields_of_other_objects_stay_behind() {
        let children = vec![
            Field::new("Account.Size__c", DataType::Int64, true),
            Field::new("Contact.Size__c", DataType::Utf8, true),
            Field::new("Contact.Secret__c", DataType::Utf8, true),
            Field::new("_", DataType::Boolean, true),
        ];
        let schema = Schema::new(vec![
            Field::new("usercom_id__c", DataType::Int64, false),
            Field::new("custom", DataType::Struct(children.into()), true),
            Field::new("_fate", fate(&FATE_PARTS, &DataType::Utf8), true),
        ]);
        let columns = Columns::of(&file(), &schema, &BTreeSet::new()).unwrap();
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
        let error = Columns::of(&file(), &schema, &BTreeSet::new()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`Name` and `name` are the same field"),
            "{error}"
        );
    }

    #[test]
    fn texts_are_of_one_type_whatever_a_function_answered() {
        let long: ArrayRef = std::sync::Arc::new(arrow::array::LargeStringArray::from(vec!["a;b"]));
        let view: ArrayRef = std::sync::Arc::new(arrow::array::StringViewArray::from(vec!["held"]));
        let field = |name: &str, data_type: &DataType| Field::new(name, data_type.clone(), true);
        let part = std::sync::Arc::new(field("fate", view.data_type()));
        let fate = StructArray::from(vec![(part, view)]);
        let schema = Schema::new(vec![
            field("_flags", long.data_type()),
            field(FATE, fate.data_type()),
        ]);
        let columns: Vec<ArrayRef> = vec![long, std::sync::Arc::new(fate)];
        let batch = RecordBatch::try_new(std::sync::Arc::new(schema), columns).unwrap();
        let plain = with_plain_texts(&batch).unwrap();
        let types: Vec<DataType> = plain
            .schema()
            .fields()
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let parts = vec![field("fate", &DataType::Utf8)];
        assert_eq!(types, [DataType::Utf8, DataType::Struct(parts.into())]);
    }

    #[test]
    fn a_missing_key_column_is_refused() {
        let schema = Schema::new(vec![Field::new("Name", DataType::Utf8, true)]);
        assert!(Columns::of(&file(), &schema, &BTreeSet::new()).is_err());
    }
}
