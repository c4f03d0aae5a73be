//! The SQL that query files may rely on, as `.slt` files: what casts, functions and joins return, and what is refused.
//!
//! Each file of `tests/slt/` is read as sqllogictest does (`query TYPES`, `statement error TEXT`), and each of its
//! statements runs over `usercom.sample` with the options `$limit` and `$zone`. The library of that name is not used:
//! it would change features below DataFusion, which would then be built twice, once for the program and once for tests.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;
use tempfile::TempDir;
use transload::engine::{Engine, EngineSettings, Session};
use transload::staging::Staging;

use crate::rehearsal::runtime;

/// A session over the sample.
struct Database {
    session: Session,
    runtime: tokio::runtime::Runtime,
    _engine: Engine,
    _folder: TempDir,
}

impl Database {
    fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
        let settings = EngineSettings {
            memory_limit: 256 << 20,
            spill: folder.path().join("spill"),
            cluster: None,
            threads: 2,
        };
        let engine = Engine::start(settings, &staging).unwrap();
        let runtime = runtime();
        let session = runtime.block_on(async {
            let rows = sample();
            let mut table = staging
                .create("usercom", "sample", rows.schema(), &["id"])
                .await
                .unwrap();
            table.write(&rows).await.unwrap();
            table.publish(Default::default()).await.unwrap();
            let snapshot = staging.snapshot().await.unwrap();
            let options = [
                ("limit".to_owned(), ScalarValue::from(2_i64)),
                ("zone".to_owned(), ScalarValue::from("Europe/Warsaw")),
            ];
            let session = engine.session(&staging, &snapshot).unwrap();
            session.with_parameters(options.into_iter().collect())
        });
        Self {
            session,
            runtime,
            _engine: engine,
            _folder: folder,
        }
    }
}

/// Three rows: one complete, one of nulls, one with odd text.
fn sample() -> RecordBatch {
    let colour: ArrayRef = Arc::new(StringArray::from(vec![Some("red"), None, Some("")]));
    let size: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None, Some(-3)]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        (
            "name",
            Arc::new(StringArray::from(vec![
                Some("  Żofia Nowak "),
                None,
                Some("o'neil, \"x\""),
            ])),
        ),
        (
            "agreed",
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        ),
        (
            "at",
            Arc::new(
                // 2026-03-28T23:30Z, a day before the clocks go forward in Warsaw, and 1969-12-31T23:59:59.999999Z.
                TimestampMicrosecondArray::from(vec![Some(1_774_740_600_000_000), None, Some(-1)])
                    .with_timezone("UTC"),
            ),
        ),
        (
            "day",
            Arc::new(Date32Array::from(vec![Some(20_540), None, Some(-1)])),
        ),
        (
            "custom",
            Arc::new(
                StructArray::try_from(vec![("Colour__c", colour), ("Size__c", size)]).unwrap(),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

impl Database {
    /// Types (`I` whole number, `R` other number, `T` the rest) and rows of a query, or its error.
    fn run(&self, sql: &str) -> Result<(String, Vec<String>), String> {
        let found = self
            .runtime
            .block_on(self.session.collect("a test", sql))
            .map_err(|error| error.to_string())?;
        let kind = |data_type: &DataType| match data_type {
            whole if whole.is_integer() => 'I',
            number if number.is_numeric() => 'R',
            _ => 'T',
        };
        let types = found.first().map_or_else(String::new, |batch| {
            let schema = batch.schema();
            let fields = schema.fields().iter();
            fields.map(|field| kind(field.data_type())).collect()
        });
        let cell = |column: &ArrayRef, row: usize| {
            if column.is_null(row) {
                return "NULL".to_owned();
            }
            let text = array_value_to_string(column, row).unwrap();
            if text.is_empty() {
                "(empty)".to_owned()
            } else {
                text
            }
        };
        let rows = found.iter().flat_map(|batch| {
            (0..batch.num_rows()).map(|row| {
                let cells = batch.columns().iter().map(|column| cell(column, row));
                cells.collect::<Vec<_>>().join("  ")
            })
        });
        Ok((types, rows.collect()))
    }

    /// One statement of a file: what it says, and what it should.
    fn check(&self, place: &str, statement: &str) {
        let (head, body) = statement.split_once('\n').unwrap_or((statement, ""));
        if let Some(expected) = head.strip_prefix("statement error ") {
            let error = self.run(body).expect_err(place);
            assert!(error.contains(expected), "{place}: {error}");
            return;
        }
        let types = head
            .strip_prefix("query ")
            .unwrap_or_else(|| panic!("{place}: `{head}` is neither a query nor an error"));
        let (sql, expected) = body.split_once("\n----").expect(place);
        let (found_types, rows) = self
            .run(sql)
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        let expected: Vec<&str> = expected.trim_start().lines().collect();
        assert_eq!(rows, expected, "{place}");
        if !rows.is_empty() {
            assert_eq!(found_types, types, "{place}");
        }
    }
}

#[test]
fn every_file_of_sql_says_what_the_engine_does() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let database = Database::open();
    let mut statements = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut line = 1;
        for statement in text.split("\n\n") {
            let place = format!("{}:{line}", path.display());
            line += statement.lines().count() + 1;
            let statement = statement.trim();
            if !statement.is_empty() && !statement.starts_with('#') {
                database.check(&place, statement);
                statements += 1;
            }
        }
    }
    assert!(statements > 25, "{statements}");
}
