//! The golden exports under `tests/golden/staging/`, whose expectations `transload test` compares, staged in blocks of two rows:
//! tables, rejects and counts are those of one block.

use std::path::{Path, PathBuf};

use super::support::Bench;

fn exports() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/staging/tests");
    let cases = std::fs::read_dir(root).unwrap();
    cases
        .map(|case| case.unwrap().path().join("export"))
        .collect()
}

/// Every table and its rejects as CSV, and what was counted.
async fn staged(export: &Path, block: usize) -> Vec<String> {
    let mut bench = Bench::new();
    bench.settings.batch_rows = block;
    let report = bench.stage_folder(export).await.unwrap();
    let mut texts = vec![format!("{:?} {:?}", report.tables, report.ignored_files)];
    for table in &report.tables {
        assert!(table.balances(), "{}", table.table);
        for (schema, order) in [
            ("usercom", "id"),
            ("rejects", "file, row, \"column\", reason"),
        ] {
            let sql = format!("select * from {schema}.{} order by {order}", table.table);
            texts.push(bench.csv(&sql).await);
        }
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn golden_exports_stage_alike_in_blocks_of_two_rows_and_at_once() {
    let exports = exports();
    assert!(exports.len() >= 6, "only {} cases found", exports.len());
    for export in exports {
        assert_eq!(
            staged(&export, 2).await,
            staged(&export, 1_024).await,
            "{}",
            export.display()
        );
    }
}
