//! Golden exports: `tests/golden/staging/<case>/export/` is staged and compared with `expected/`, which holds one
//! CSV per table with rows (columns that are null throughout left out) and the report on the tables that have files. A case without
//! `expected/` gets one written, and fails, so that somebody reads it. `timezone.txt` sets the source's zone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::support::Bench;
use crate::stage::StageReport;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/staging");
    let mut cases: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn every_golden_export_stages_as_expected() {
    let cases = cases();
    assert!(cases.len() >= 6, "only {} cases found", cases.len());
    let mut failures = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let actual = run(&case).await;
        let expected = read_expected(&case.join("expected"));
        if expected.is_empty() {
            write_expected(&case.join("expected"), &actual);
            failures.push(format!(
                "{name}: had no expectations; they are written now, read them"
            ));
        } else if actual != expected {
            failures.push(format!("{name}:\n{}", difference(&expected, &actual)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

async fn run(case: &Path) -> BTreeMap<String, String> {
    let mut bench = Bench::new();
    if let Ok(zone) = std::fs::read_to_string(case.join("timezone.txt")) {
        bench.settings.zones.source = zone.trim().parse().unwrap();
    }
    bench.settings.batch_rows = 2;
    let report = bench.stage_folder(&case.join("export")).await.unwrap();
    let mut files = BTreeMap::new();
    for table in &report.tables {
        let name = &table.table;
        assert!(table.balances(), "{name}");
        for (file, order) in [
            ("usercom", "id"),
            ("rejects", "file, row, \"column\", reason"),
        ] {
            let sql = format!("select * from {file}.{name} order by {order}");
            let text = bench.csv(&sql).await;
            if text.lines().count() > 1 {
                files.insert(format!("{file}.{name}.csv"), text);
            }
        }
    }
    files.insert("report.txt".to_owned(), summary(&report));
    files
}

fn summary(report: &StageReport) -> String {
    let mut text = String::new();
    let used = report.tables.iter().filter(|table| {
        table.source_rows > 0 || !table.files.is_empty() || !table.warnings.is_empty()
    });
    for table in used {
        writeln!(
            text,
            "{}: {} source rows = {} staged + {} rejected ({} superseded); {} cells rejected; from [{}]",
            table.table,
            table.source_rows,
            table.staged,
            table.rejected_rows,
            table.superseded,
            table.rejected_cells,
            table.files.join(", "),
        )
        .unwrap();
        for warning in &table.warnings {
            writeln!(text, "  warning: {warning}").unwrap();
        }
    }
    for ignored in &report.ignored_files {
        writeln!(text, "ignored {}: {}", ignored.name, ignored.reason).unwrap();
    }
    text
}

fn read_expected(folder: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

fn write_expected(folder: &Path, files: &BTreeMap<String, String>) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn difference(expected: &BTreeMap<String, String>, actual: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for name in expected
        .keys()
        .chain(actual.keys().filter(|name| !expected.contains_key(*name)))
    {
        match (expected.get(name), actual.get(name)) {
            (Some(wanted), Some(got)) if wanted == got => {}
            (Some(_), None) => writeln!(
                text,
                "{name}: expected, but the table is empty or does not exist"
            )
            .unwrap(),
            (None, Some(got)) => writeln!(text, "{name}: not expected\n{got}").unwrap(),
            (wanted, got) => {
                let empty = String::new();
                let (wanted, got) = (wanted.unwrap_or(&empty), got.unwrap_or(&empty));
                writeln!(text, "{name}: expected\n{wanted}got\n{got}").unwrap();
            }
        }
    }
    text
}
