//! Several processes stage what one would have, whatever the order they end in, and nothing while one is missing.

use super::support::Bench;
use crate::progress::NoProgress;
use crate::stage::{Shard, ShardReport, StageError, StageReport, stage_shard, stage_shares};
use crate::usercom::Export;

/// Ids that repeat within files and over them, cells that do not fit, attributes that another file declares.
fn export(bench: &Bench) {
    bench
        .file("attributes.csv", "id,name,type\n1,Score,int\n")
        .file(
            "people-1.csv",
            "id,email,updated_at,Score\n1,a@acme.example,2024-01-01T00:00:00Z,5\n3,c@acme.example,2024-01-03T00:00:00Z,x\n\
             3,older@acme.example,2023-01-03T00:00:00Z,6\n",
        )
        .file(
            "people-2.csv",
            "id,email,updated_at,Score\n2,b@acme.example,2024-01-01T00:00:00Z,5\n1,newer@acme.example,2024-05-01T00:00:00Z,7\n",
        )
        .file(
            "people-3.csv",
            "id,email,updated_at\n10,d@acme.example,2024-01-01T00:00:00Z\n11,e@acme.example\n12,f@acme.example,never\n",
        )
        .file("companies.csv", "id,name,employees\n1,A,=\"12\"\n2,B,x\n")
        .file("deals.jsonl", "{\"id\":1,\"products\":[{\"id\":7}]}\n{\"id\":2}\n");
}

async fn share(bench: &Bench, number: u32, of: u32) -> ShardReport {
    let folder = Export::Folder(bench.export_folder());
    let area = (&bench.staging, &bench.engine);
    let shard = Shard { number, of };
    let staged = stage_shard(&bench.settings, &folder, area, &NoProgress, shard);
    staged.await.unwrap()
}

async fn put_together(bench: &Bench, of: u32) -> Result<StageReport, StageError> {
    let folder = Export::Folder(bench.export_folder());
    let area = (&bench.staging, &bench.engine);
    stage_shares(&bench.settings, &folder, area, &NoProgress, of).await
}

/// Every table as SQL sees it.
async fn tables(bench: &Bench) -> Vec<String> {
    let mut all = Vec::new();
    for (table, order) in [
        ("usercom.people", "id"),
        ("usercom.companies", "id"),
        ("usercom.deals", "id"),
        ("usercom.deal_products", "id"),
        ("usercom.attributes", "name"),
        ("rejects.people", "file, \"row\", \"column\""),
        ("rejects.companies", "file, \"row\", \"column\""),
        ("staged.altered", "source, id, \"column\""),
        ("staged.files", "source, file"),
        ("staged.columns", "source, \"column\""),
        ("staged.inputs", "file"),
    ] {
        let columns = match table {
            // The clock has a say in the third column.
            "staged.inputs" => "file, size, digest",
            _ => "*",
        };
        let sql = format!("select {columns} from {table} order by {order}");
        all.push(format!("{table}\n{}", bench.csv(&sql).await));
    }
    all
}

fn told(report: &StageReport) -> Vec<String> {
    let tables = report.tables.iter().map(|table| format!("{table:?}"));
    let files = report.files.iter().map(|file| format!("{file:?}"));
    tables.chain(files).collect()
}

#[tokio::test]
async fn shares_make_the_tables_and_books_of_one_process() {
    let whole = Bench::new();
    export(&whole);
    let one = whole.stage().await.unwrap();
    for order in [[1, 2, 3], [3, 1, 2]] {
        let bench = Bench::new();
        export(&bench);
        for number in order {
            share(&bench, number, 3).await;
        }
        let many = put_together(&bench, 3).await.unwrap();
        assert_eq!(told(&one), told(&many));
        assert_eq!(tables(&whole).await, tables(&bench).await);
        assert!(one.table("people").unwrap().superseded > 0);
        // Nothing of them is left, and what one process stages next stands.
        let left = bench.staging.list(&bench.staging.absolute("shards")).await;
        assert_eq!(left.unwrap(), Vec::new());
        let swept = bench.staging.sweep_leftovers(std::time::Duration::ZERO);
        assert_eq!(swept.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_missing_share_is_named_and_nothing_is_published() {
    let bench = Bench::new();
    export(&bench);
    assert_eq!(share(&bench, 1, 3).await.missing, ["2/3", "3/3"]);
    assert_eq!(share(&bench, 3, 3).await.missing, ["2/3"]);
    let error = put_together(&bench, 3).await.unwrap_err();
    assert!(error.to_string().contains("2/3"), "{error}");
    assert!(error.is_input() && error.hint().unwrap().contains("--shard"));
    let snapshot = bench.staging.snapshot().await.unwrap();
    assert_eq!(snapshot.iter().count(), 0);
    // The others stand: what they staged is not read again.
    assert!(share(&bench, 1, 3).await.stood);
    let second = share(&bench, 2, 3).await;
    assert!(!second.stood && second.missing.is_empty());
    put_together(&bench, 3).await.unwrap();
}

#[tokio::test]
async fn shares_of_different_exports_are_not_put_together() {
    let bench = Bench::new();
    export(&bench);
    share(&bench, 1, 2).await;
    bench.file("notes.csv", "id,content\n1,hello\n");
    let second = share(&bench, 2, 2).await;
    assert_eq!(second.missing.len(), 1, "{second:?}");
    assert!(second.missing[0].contains("other files"), "{second:?}");
    assert!(!share(&bench, 1, 2).await.stood);
    put_together(&bench, 2).await.unwrap();
}

#[tokio::test]
async fn a_share_whose_files_are_gone_is_missing() {
    let bench = Bench::new();
    export(&bench);
    share(&bench, 1, 2).await;
    let swept = bench.staging.sweep_leftovers(std::time::Duration::ZERO);
    assert!(swept.await.unwrap() > 0);
    let second = share(&bench, 2, 2).await;
    assert!(second.missing[0].contains("gone"), "{second:?}");
}

#[tokio::test]
async fn more_processes_than_files_share_them_too() {
    let bench = Bench::new();
    bench.file("people.csv", "id,email\n1,a@acme.example\n");
    let mut files = 0;
    for number in 1..=5 {
        files += share(&bench, number, 5).await.files;
    }
    assert_eq!(files, 1);
    let report = put_together(&bench, 5).await.unwrap();
    assert_eq!(report.table("people").unwrap().staged, 1);
}
