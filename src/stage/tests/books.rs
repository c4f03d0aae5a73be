//! The books balance, whatever the files hold, and order and memory do not change the result.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use proptest::prelude::*;

use super::support::Bench;
use crate::progress::NoProgress;
use crate::stage::{StageReport, stage};
use crate::usercom::{Export, OBJECTS};

/// Columns that every custom object has: id, name, owner twice, two times.
const RECORD_FIELDS: usize = 6;

fn on_a_runtime<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(task)
}

async fn count(bench: &Bench, sql: &str) -> i64 {
    bench.query(sql).await[0]
        .column(0)
        .as_primitive::<Int64Type>()
        .value(0)
}

/// Source rows = staged + whole-row rejects, in the report and in the tables.
async fn assert_books(bench: &Bench, report: &StageReport) {
    for table in &report.tables {
        assert!(table.balances(), "{table:?}");
        if table.source_rows == 0 {
            continue;
        }
        let name = &table.table;
        let staged = count(bench, &format!("select count(*) from usercom.{name}")).await;
        let distinct = count(
            bench,
            &format!("select count(distinct id) from usercom.{name}"),
        )
        .await;
        assert_eq!(staged, distinct, "{name}");
        assert_eq!(staged.cast_unsigned(), table.staged, "{name}");
        let rows = count(
            bench,
            &format!("select count(*) from rejects.{name} where \"column\" is null"),
        )
        .await;
        assert_eq!(rows.cast_unsigned(), table.rejected_rows, "{name}");
        let cells = count(
            bench,
            &format!("select count(*) from rejects.{name} where \"column\" is not null"),
        )
        .await;
        assert_eq!(cells.cast_unsigned(), table.rejected_cells, "{name}");
    }
}

fn messy_cell() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-zż ]{0,6}",
        1 => Just("#N/A".to_owned()),
        1 => Just("\"quoted, and\nbroken\"".to_owned()),
        1 => Just("\"open".to_owned()),
        1 => Just("a\"b\"".to_owned()),
        1 => Just("x,y".to_owned()),
        1 => Just("{a,\"b}".to_owned()),
        1 => Just("\"\"".to_owned()),
    ]
}

fn messy_id() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => (1_u32..40).prop_map(|id| id.to_string()),
        1 => Just(String::new()),
        1 => Just("x7".to_owned()),
        1 => Just("0".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn source_rows_are_staged_or_rejected_over_messy_csv(
        rows in proptest::collection::vec((messy_id(), messy_cell(), messy_cell()), 1..40),
        bad_byte in proptest::option::of(0_usize..400),
        batch_rows in 1_usize..9,
    ) {
        let mut text = String::from("id,name,updated_at\n");
        for (id, name, updated) in &rows {
            text.push_str(&format!("{id},{name},{updated}\n"));
        }
        let mut bytes = text.into_bytes();
        if let Some(at) = bad_byte && at + 20 < bytes.len() {
            bytes[at + 20] = 0xff;
        }
        on_a_runtime(async {
            let mut bench = Bench::new();
            bench.settings.batch_rows = batch_rows;
            bench.file("people.csv", &bytes).file("people-2.csv", "id,name\n1000000,last\n");
            match bench.stage().await {
                Ok(report) => assert_books(&bench, &report).await,
                Err(error) => assert!(error.to_string().contains("is not UTF-8"), "{error}"),
            }
        });
    }

    #[test]
    fn source_rows_are_staged_or_rejected_over_messy_json(
        lines in proptest::collection::vec(prop_oneof![
            (1_u32..30, "[a-z\\\\\"ż]{0,8}").prop_map(|(id, name)| format!("{{\"id\":{id},\"name\":\"{name}\"}}")),
            (1_u32..30).prop_map(|id| format!("{{\"id\":{id},\"attributes\":[{{\"name\":\"Plan\",\"value\":[1]}}],\"x\":{{}}}}")),
            (1_u32..30, 1_u32..9).prop_map(|(id, inner)| format!("{{\"id\":{id},\"emails\":[{{\"id\":{inner}}},{inner}]}}")),
            (1_u32..9, 1_u32..9).prop_map(|(id, inner)| format!(
                "{{\"id\":{id},\"conversations\":[{{\"id\":{inner},\"messages\":[{{\"id\":{id}}},{{}}]}},null,{{\"messages\":[{{\"id\":{inner}}}]}}]}}"
            )),
            Just("{\"name\":\"nobody\"}".to_owned()),
            Just("{\"id\":".to_owned()),
            Just("[1]".to_owned()),
            Just(String::new()),
        ], 1..30),
    ) {
        on_a_runtime(async {
            let bench = Bench::new();
            bench.file("people.jsonl", format!("{{\"id\":500}}\n{}", lines.join("\n"))).file("people-2.csv", "id\n1000000\n");
            let report = bench.stage().await.unwrap();
            assert_books(&bench, &report).await;
            let filled = lines.iter().filter(|line| !line.is_empty()).count() as u64;
            assert_eq!(report.table("people").unwrap().source_rows, filled + 2);
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_in_any_order_gives_the_same_table() {
    let row = |id: u32, day: u32| format!("{id},Name {id},2024-01-{day:02}T00:00:00Z\n");
    let header = "id,name,updated_at\n";
    let ordered: String = (1..=500).map(|id| row(id, id % 28 + 1)).collect();
    let shuffled: String = (1..=500)
        .map(|index| index * 211 % 503)
        .filter(|id| *id <= 500)
        .map(|id| row(id, id % 28 + 1))
        .collect();
    let missing: String = (1..=500)
        .filter(|id| !shuffled.contains(&format!("\n{id},")))
        .map(|id| row(id, 1))
        .collect();
    let sql = "select id, name, updated_at from usercom.people order by id";

    let bench = Bench::new();
    bench.file("people.csv", format!("{header}{ordered}"));
    bench.stage().await.unwrap();
    let expected = bench.csv(sql).await;

    let bench = Bench::new();
    bench
        .file("people-1.csv", format!("{header}{shuffled}{missing}"))
        .file("people-2.csv", format!("{header}{ordered}"));
    let report = bench.stage().await.unwrap();
    assert_books(&bench, &report).await;
    assert_eq!(
        report.table("people").unwrap().superseded,
        report.table("people").unwrap().source_rows - 500
    );
    assert_eq!(bench.csv(sql).await, expected);
    // The files of the table, not only the query, are in order.
    let manifest = bench
        .staging
        .snapshot()
        .await
        .unwrap()
        .get("usercom", "people")
        .unwrap()
        .clone();
    assert_eq!(manifest.sorted_by, ["id"]);
    assert_eq!(
        manifest.count("superseded"),
        report.table("people").unwrap().superseded
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_and_a_packed_export_are_the_same() {
    use std::io::Write as _;
    let text = "{\"id\":1,\"name\":\"Ann\"}\n{\"id\":2,\"name\":\"Bob\"}\n";
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let sql = "select id, name from usercom.people order by id";
    let mut tables = Vec::new();
    for (name, content) in [
        ("people.jsonl", text.as_bytes()),
        ("People-2024.JSONL.gz", &packed),
        ("users/part-0.ndjson.gz", &packed),
    ] {
        let bench = Bench::new();
        bench.file(name, content);
        bench.stage().await.unwrap();
        tables.push(bench.csv(sql).await);
    }
    assert_eq!(tables[0], "id,name\n1,Ann\n2,Bob\n");
    assert!(tables.iter().all(|table| *table == tables[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_in_an_object_store_is_the_same_as_one_in_a_folder() {
    use object_store::ObjectStoreExt as _;
    let text = format!("id,name\n{}", "7,x\n".repeat(3));
    let files = "id,path\n1,blobs/a.pdf\n2,../outside.pdf\n3,blobs/b.pdf\n".to_owned();
    let store = Arc::new(object_store::memory::InMemory::new());
    for (path, content) in [
        ("crm/export/people.csv", text.clone()),
        ("crm/export/companies/1.csv", text),
        ("crm/export/files.csv", files),
        ("crm/export/blobs/a.pdf", "seven b".to_owned()),
        ("crm/outside.pdf", "secret".to_owned()),
    ] {
        store.put(&path.into(), content.into()).await.unwrap();
    }
    let bench = Bench::new();
    let export = Export::Store {
        store,
        prefix: "crm/export".into(),
        location: "s3://crm/export".to_owned(),
    };
    let report = stage(
        &bench.settings,
        &export,
        &bench.staging,
        &bench.engine,
        &NoProgress,
    )
    .await
    .unwrap();
    assert_books(&bench, &report).await;
    assert_eq!(report.table("people").unwrap().superseded, 2);
    assert_eq!(
        report.table("companies").unwrap().files,
        ["companies/1.csv"]
    );
    assert_eq!(report.ignored_files, []);
    assert_eq!(
        bench
            .csv("select id, stored_size from usercom.files order by id")
            .await,
        "id,stored_size\n1,7\n2,\n3,\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_objects_still_have_their_tables() {
    let bench = Bench::new();
    bench
        .file("people.csv", "id\n1\n")
        .file("deals.csv", "id,name\n")
        .file("agents.jsonl", "");
    let report = bench.stage().await.unwrap();
    for object in OBJECTS.iter().filter(|object| object.name != "people") {
        let table = &object.name;
        assert_eq!(
            count(&bench, &format!("select count(*) from usercom.{table}")).await,
            0
        );
        assert_eq!(
            count(&bench, &format!("select count(*) from rejects.{table}")).await,
            0
        );
    }
    assert_eq!(
        report.table("deals").unwrap().warnings[0].to_string(),
        "deals.csv has no records"
    );
    assert_eq!(report.table("agents").unwrap().warnings.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_object_that_is_gone_has_no_rows_left() {
    let bench = Bench::new();
    bench
        .file("people.csv", "id\n1\n")
        .file("co_pet.csv", "id,name\n1,Rex\n");
    bench.stage().await.unwrap();
    let rows = "select count(*) from usercom.co_pet";
    assert_eq!(count(&bench, rows).await, 1);
    std::fs::remove_file(bench.export_folder().join("co_pet.csv")).unwrap();
    let report = bench.stage().await.unwrap();
    assert_eq!(count(&bench, rows).await, 0);
    assert_books(&bench, &report).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_people_are_not_read_for_what_they_do_not_hold() {
    let bench = Bench::new();
    bench
        .file("people-1.jsonl", "{\"id\":1,\"emails\":[{\"id\":5}]}\n")
        .file("people-2.jsonl", "{\"id\":2}\n");
    let report = bench.stage().await.unwrap();
    let files = |table: &str| report.table(table).unwrap().files.clone();
    assert_eq!(files("emails"), ["people-1.jsonl"]);
    assert!(files("conversations").is_empty());
    assert_eq!(
        bench.csv("select id, person_id from usercom.emails").await,
        "id,person_id\n5,1\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_object_without_files_has_a_typed_table() {
    let bench = Bench::new();
    bench
        .file("people.csv", "id\n1\n")
        .file("custom_objects.jsonl", "{\"id\":1,\"name\":\"Pet\",\"fields\":[{\"name\":\"born\",\"type\":\"date\"},{\"type\":\"text\"},{\"name\":\"owner_2\",\"type\":\"reference\",\"target\":\"people\"}]}\n");
    bench.stage().await.unwrap();
    let snapshot = bench.staging.snapshot().await.unwrap();
    let table = snapshot.get("usercom", "co_pet").unwrap();
    let fields: Vec<_> = table
        .schema
        .fields()
        .iter()
        .skip(RECORD_FIELDS)
        .map(|field| (field.name().as_str(), field.data_type().clone()))
        .collect();
    assert_eq!(
        fields,
        [("born", DataType::Date32), ("owner_2", DataType::Int64)]
    );
    assert_eq!(table.rows, 0);
}
