//! Plain DataFusion programs that do the same work without rejects, accounting, fates or ledger.
//!
//! In: the clean CSV file, or a project after its run. Out: Parquet and CSV files, and the rows written on stdout. Settings
//! are the defaults but for two partitions, LZ4 as in ours, and what our SQL is refused with; no memory limit. Never: a row
//! changed or left out, also not one that ours keeps back.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::csv::reader::{Format, ReaderBuilder};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, UInt64Type};
use datafusion::common::ParamValues;
use datafusion::dataframe::{DataFrame, DataFrameWriteOptions};
use datafusion::datasource::MemTable;
use datafusion::functions::expr_fn::get_field;
use datafusion::functions_nested::expr_fn::{array_length, array_to_string};
use datafusion::prelude::{
    CsvReadOptions, Expr, ParquetReadOptions, SessionConfig, SessionContext, cast, ident, lit,
};
use transload::config::Config;
use transload::engine::View;
use transload::mapping::{FieldMap, mapped_views};
use transload::project::{Queries, QueryFile, QueryKind, Step, order};
use transload::reconcile::union_views;
use transload::rows::{key_text, same_key};
use transload::staging::{Snapshot, Staging};

/// Rows by which DataFusion tells the types of a CSV file, by default.
const TYPED_BY: usize = 1_000;

fn context() -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(2)
        .set_str("datafusion.execution.parquet.compression", "lz4_raw")
        // A union of which one branch has texts and the other views of texts is refused as ambiguous (DataFusion 55.2).
        .set_bool(
            "datafusion.execution.parquet.schema_force_view_types",
            false,
        )
        .set_bool("datafusion.sql_parser.map_string_types_to_utf8view", false)
        // Children of a struct above a join are otherwise named twice (DataFusion 55.2).
        .set_bool(
            "datafusion.optimizer.enable_leaf_expression_pushdown",
            false,
        );
    SessionContext::new_with_config(config)
}

/// The clean CSV file, types inferred, to Parquet. Prints the rows.
pub(super) async fn stage(source: &Path, target: &Path) {
    let context = context();
    let schema = types_of(source);
    // Rows are read in parallel where no value has a line end.
    let options = CsvReadOptions::new()
        .schema(&schema)
        .newlines_in_values(false);
    let frame = context
        .read_csv(source.to_str().unwrap(), options)
        .await
        .unwrap();
    let options = DataFrameWriteOptions::new();
    let target = target.to_str().unwrap();
    let written = frame.write_parquet(target, options, None).await.unwrap();
    println!("{}", rows(&written));
}

/// The types of a CSV file's columns, by the reader itself.
///
/// DataFusion's own inference cuts the file into lines first, and for that a backslash hides the quote behind it, whatever the
/// options say: where a value such as `{"do \""not\"" call"}` lies across two of its pieces of 8 KB, all that follows is one
/// value to it, which never ends. And it goes by form alone, so that reading stops at `2025-13-01T00:00:00Z`: where that comes
/// among the first rows, the column is text.
fn types_of(source: &Path) -> Schema {
    let open = || File::open(source).unwrap();
    let format = Format::default().with_header(true);
    let (told, _) = format.infer_schema(open(), Some(TYPED_BY)).unwrap();
    let text = |field: &FieldRef| Field::new(field.name(), DataType::Utf8, true);
    let texts = Schema::new(told.fields().iter().map(text).collect::<Vec<_>>());
    let reader = ReaderBuilder::new(Arc::new(texts))
        .with_header(true)
        .with_batch_size(TYPED_BY);
    let rows = reader.build(open()).unwrap().next().unwrap().unwrap();
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let typed = told.fields().iter().zip(rows.columns());
    let fields = typed.map(|(field, values)| {
        let held = cast_with_options(values, field.data_type(), &strict);
        match field.data_type().is_temporal() && held.is_err() {
            true => Arc::new(text(field)),
            false => storable(field),
        }
    });
    Schema::new(fields.collect::<Vec<_>>())
}

/// The project's SQL files in their order, models to Parquet and loads to CSV, over the tables that the run left behind.
/// Prints the rows of the CSV files.
pub(super) async fn transform(project: &Path, out: &Path) {
    let config = Config::load(project, None).unwrap();
    let staging = super::staging_of(project);
    let snapshot = staging.snapshot().await.unwrap();
    let queries = Queries::load(project).unwrap();
    let steps = made(&queries, &snapshot);
    let read: BTreeSet<&str> = steps
        .iter()
        .flat_map(|step| step.file().references.iter().map(String::as_str))
        .collect();

    let context = context();
    register(&context, &staging, &snapshot, &read).await;
    let map = FieldMap::load(project).unwrap();
    let mut views = mapped_views(&config, &map, &snapshot).unwrap();
    views.extend(known_views(&queries, &snapshot));
    views.extend(union_views(&snapshot));
    for view in views {
        let name = format!("{}.{}", view.schema, view.name);
        if read.contains(name.as_str()) {
            let frame = context.sql(&view.sql).await.unwrap();
            context.register_table(name, frame.into_view()).unwrap();
        }
    }
    for name in read {
        if !context.table_exist(name).unwrap() {
            let (schema, _) = name.split_once('.').unwrap();
            let table = MemTable::try_new(columns_like(&snapshot, schema), vec![vec![]]).unwrap();
            context.register_table(name, Arc::new(table)).unwrap();
        }
    }

    let parameters: Vec<_> = config.options.parameters().into_iter().collect();
    let mut sent = 0;
    for step in steps {
        let file = step.file();
        let mut frame = context.sql(&file.sql).await.unwrap();
        if !file.parameters.is_empty() {
            let parameters = ParamValues::from(parameters.clone());
            frame = frame.with_param_values(parameters).unwrap();
        }
        let frame = with_storable_types(frame);
        match step {
            Step::Load(_) => sent += write_load(frame, &out.join(&file.name)).await,
            _ => write_model(&context, frame, &file.name, out).await,
        }
    }
    println!("{sent}");
}

/// The queries of which the run left a table, in their order: what it left out is left out here.
fn made<'q>(queries: &'q Queries, snapshot: &Snapshot) -> Vec<Step<'q>> {
    let all: BTreeSet<String> = queries
        .iter()
        .flat_map(|file| file.references.iter().cloned())
        .collect();
    let left = |schema: &str, file: &QueryFile| snapshot.get(schema, &file.name).is_some();
    let steps = order(queries, &all).unwrap().into_iter();
    steps
        .filter(|step| match step {
            Step::Prepare(file) => left("prepare", file),
            Step::Load(file) => left("outbox", file),
            Step::Org(_) => false,
        })
        .collect()
}

/// Writes a model, which later queries read, as one file: a model without rows has one, too, where a folder would be empty.
async fn write_model(context: &SessionContext, frame: DataFrame, name: &str, out: &Path) {
    let target = out.join(format!("{name}.parquet"));
    let target = target.to_str().unwrap();
    let options = DataFrameWriteOptions::new();
    frame.write_parquet(target, options, None).await.unwrap();
    let options = ParquetReadOptions::default();
    let written = context.read_parquet(target, options).await.unwrap();
    let name = format!("prepare.{name}");
    context.deregister_table(&name).unwrap();
    context.register_table(name, written.into_view()).unwrap();
}

/// Writes what a load sends, and counts its rows.
async fn write_load(frame: DataFrame, folder: &Path) -> u64 {
    let options = DataFrameWriteOptions::new();
    let folder = folder.to_str().unwrap();
    let written = flat(frame).write_csv(folder, options, None).await.unwrap();
    rows(&written)
}

/// Registers the tables that the run left behind, and the schemas of all that is `read`.
async fn register(
    context: &SessionContext,
    staging: &Staging,
    snapshot: &Snapshot,
    read: &BTreeSet<&str>,
) {
    let named = read.iter().filter_map(|name| name.split_once('.'));
    let left = snapshot.iter().map(|table| table.schema_name.as_str());
    let schemas: BTreeSet<&str> = named.map(|(schema, _)| schema).chain(left).collect();
    for schema in schemas {
        let sql = format!("create schema {schema}");
        context.sql(&sql).await.unwrap().collect().await.unwrap();
    }
    for table in snapshot.iter() {
        let files: Vec<String> = table
            .files
            .iter()
            .map(|file| format!("/{}", staging.absolute(&file.path)))
            .collect();
        let options = ParquetReadOptions::default();
        let frame = context.read_parquet(files, options).await.unwrap();
        context
            .register_table(table.name(), frame.into_view())
            .unwrap();
    }
}

/// `known.<load>` and `known.created_<load>`: what the ledgers say of records.
fn known_views(queries: &Queries, snapshot: &Snapshot) -> Vec<View> {
    let view = |name: String, sql: String| View {
        schema: "known".to_owned(),
        name,
        sql,
    };
    let of_load = |file: &QueryFile| {
        let (load, key) = (&file.name, &file.key);
        let known = view(
            load.clone(),
            format!(
                "select {key} as key, try_cast({key} as bigint) as number, l.id, l.live, l.successor \
                 from ledger.{load} as l where l.id is not null",
                key = key_text("l", key)
            ),
        );
        let created = view(
            format!("created_{load}"),
            format!(
                "select distinct {} as key from ledger.attempts_{load} as a inner join ledger.{load} as l on {} \
                 where a.outcome = 'created' and l.id is not null",
                key_text("a", key),
                same_key("l", "a", key)
            ),
        );
        let there = |table: &str| snapshot.get("ledger", table).is_some();
        let made = there(load) && there(&format!("attempts_{load}"));
        let known = there(load).then_some(known);
        known.into_iter().chain(made.then_some(created))
    };
    queries.kind(QueryKind::Load).flat_map(of_load).collect()
}

/// Columns for a table that the run did not make, of a load that it left out: it has no rows, so any types will do.
fn columns_like(snapshot: &Snapshot, schema: &str) -> Arc<Schema> {
    let mut fields: Vec<FieldRef> = vec![Arc::new(Field::new("number", DataType::Int64, true))];
    for field in ["key", "id", "live", "successor"] {
        fields.push(Arc::new(Field::new(field, DataType::Utf8, true)));
    }
    for table in snapshot.schema(schema) {
        for field in table.schema.fields() {
            if fields.iter().all(|other| other.name() != field.name()) {
                fields.push(Arc::clone(field));
            }
        }
    }
    Arc::new(Schema::new(fields))
}

/// The frame with columns that Parquet can hold and that can be read back.
fn with_storable_types(frame: DataFrame) -> DataFrame {
    let schema = frame.schema().as_arrow().clone();
    let stored: Vec<FieldRef> = schema.fields().iter().map(storable).collect();
    if stored.iter().eq(schema.fields()) {
        return frame;
    }
    let columns: Vec<Expr> = stored
        .iter()
        .map(|field| cast(ident(field.name()), field.data_type().clone()).alias(field.name()))
        .collect();
    frame.select(columns).unwrap()
}

/// A column that is null in every row has no type of its own, nor has such a child of a struct: text, as in ours.
fn storable(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Null => DataType::Utf8,
        DataType::List(item) => DataType::List(storable(item)),
        DataType::Struct(children) => DataType::Struct(children.iter().map(storable).collect()),
        other => other.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// Columns that CSV can hold: children of the structs one by one, lists of texts joined, other lists counted.
fn flat(frame: DataFrame) -> DataFrame {
    let schema = frame.schema().as_arrow().clone();
    let columns: Vec<Expr> = schema
        .fields()
        .iter()
        .flat_map(|field| match field.data_type() {
            DataType::Struct(children) => children
                .iter()
                .map(|child| {
                    let value = get_field(ident(field.name()), child.name().as_str());
                    let name = format!("{}.{}", field.name(), child.name());
                    cell(value, child.data_type()).alias(name)
                })
                .collect(),
            other => vec![cell(ident(field.name()), other).alias(field.name())],
        })
        .collect();
    frame.select(columns).unwrap()
}

fn cell(value: Expr, data_type: &DataType) -> Expr {
    match data_type {
        DataType::List(item) if item.data_type().is_nested() => array_length(value),
        DataType::List(_) => array_to_string(value, lit(";")),
        _ => value,
    }
}

/// Rows written, as DataFusion tells them.
fn rows(written: &[RecordBatch]) -> u64 {
    let counts = written
        .iter()
        .map(|batch| batch.column(0).as_primitive::<UInt64Type>().value(0));
    counts.sum()
}
