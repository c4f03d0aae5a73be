//! `cargo bench`: the main job, step by step, on a generated export.
//!
//! In: `TRANSLOAD_BENCH_PEOPLE` people (default 1,000,000) with all that hangs on them, or as many activities and chat messages
//! as `TRANSLOAD_BENCH_ACTIVITIES` and `TRANSLOAD_BENCH_MESSAGES` say; the binary of the same build. Out: a Markdown table with
//! rows, seconds, processor seconds, rows/s and peak RSS per step, each step a process of its own so that its memory is its
//! own; the start of the process counts. The simulator is another process, which answers at once unless
//! `TRANSLOAD_BENCH_BATCH_MS` says how long a Bulk batch takes it. Runs with nothing to send and one for which an activity of a
//! thousand changed follow. Then a table of ratios: our steps beside other programs that do the same work, if they came to as many
//! rows. Of the transform those count, too, that we keep back: the bare program writes them.
//!
//! `bare` rows are plain DataFusion programs without memory limit that do the work without rejects, accounting, fates or ledger:
//! the CSV file to Parquet, and the project's own SQL files to Parquet models and CSV. With `TRANSLOAD_BENCH_OTHERS=1` DuckDB
//! and Polars write the CSV file as Parquet, too; they are installed under `target/bench/venv`. Without it, or where that
//! fails, their rows say so. Never: a benchmark that needs them.
//!
//! The export and the work folder stay under `target/bench/`; the export is reused by the next run.

#![allow(missing_docs, reason = "a program, not an interface")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints and may panic"
)]

// DataFusion alone.
mod bare;
// What a process takes.
mod measure;
// DuckDB and Polars.
mod others;
// The tables.
mod report;
// The org.
mod simulator;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::StreamExt;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use transload::encode::RowEncoder;
use transload::load::{Event, Journal};
use transload::rows::sent_columns;
use transload::staging::Staging;

use measure::{Taken, attempt, run, run_from};
use others::Others;
use report::{Report, Step};
use simulator::Simulator;

const BINARY: &str = env!("CARGO_BIN_EXE_transload");

#[expect(clippy::disallowed_methods, reason = "the benchmark's own switch")]
fn switch(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    text.replace(['_', ','], "").parse().ok()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let path = |place: usize| Path::new(&arguments[place]);
    match arguments.get(1).map(String::as_str) {
        Some("clean") => clean(path(2), path(3)),
        Some("bare-stage") => runtime.block_on(bare::stage(path(2), path(3))),
        Some("bare-transform") => runtime.block_on(bare::transform(path(2), path(3))),
        Some("encode") => runtime.block_on(encode(path(2))),
        _ => bench(&runtime),
    }
}

fn bench(runtime: &tokio::runtime::Runtime) {
    let people = switch("TRANSLOAD_BENCH_PEOPLE").unwrap_or(1_000_000);
    let mut size = people.to_string();
    let mut more = Vec::new();
    for (name, flag) in [
        ("TRANSLOAD_BENCH_ACTIVITIES", "--activities"),
        ("TRANSLOAD_BENCH_MESSAGES", "--messages"),
    ] {
        if let Some(count) = switch(name) {
            size.push_str(&format!("-{count}"));
            more.extend([flag.to_owned(), count.to_string()]);
        }
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let export = root.join(format!("export-{size}"));
    // Made under another name first: an export that was cut short must not be measured.
    if !export.exists() {
        let making = root.join("making");
        let _ = std::fs::remove_dir_all(&making);
        let count = people.to_string();
        let arguments = ["generate", "--seed", "7", "--people", &count, "--out"];
        let mut command = Command::new(BINARY);
        run(command.args(arguments).arg(&making).args(&more));
        std::fs::rename(&making, &export).unwrap();
    }
    let project = root.join(format!("project-{size}"));
    let bare = root.join("bare");
    for folder in [&project, &bare] {
        let _ = std::fs::remove_dir_all(folder);
    }
    make_project(&project, &export, "http://127.0.0.1:1");
    let others = Others::find(&root, switch("TRANSLOAD_BENCH_OTHERS") == Some(1));
    let mut report = Report::default();
    let (taken, out) = run(command(&project, &["stage", "--format", "json"]));
    report.add("stage", staged(&out, "source", |_| true), taken);
    one_file_steps(&mut report, &others, &export, &bare);

    let seed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/demo/org");
    let state = project.join("simulator");
    // Storage for exports of every size: a plan that does not fit ends with a finding.
    let batch = switch("TRANSLOAD_BENCH_BATCH_MS").unwrap_or(0).to_string();
    let settings = [
        "--inactive-owners",
        "--data-storage-mb",
        "1000000",
        "--batch-ms",
        &batch,
    ];
    let simulator = Simulator::start(BINARY, &state, &seed, &settings);
    make_project(&project, &export, &simulator.url);
    let planned = loading_steps(&mut report, runtime, &project, &export);
    drop(simulator);
    transform_steps(&mut report, planned, &project, &bare);
    report.print(&size);
    assert!(report.is_whole(), "a step of ours failed");
}

/// What a report of staging counts of the tables that `wanted` names.
fn staged(out: &str, count: &str, wanted: impl Fn(&str) -> bool) -> u64 {
    let staged: Value = serde_json::from_str(out).unwrap();
    let tables = staged["tables"].as_array().unwrap().iter();
    let tables = tables.filter(|table| wanted(table["table"].as_str().unwrap()));
    tables.map(|table| table[count].as_u64().unwrap()).sum()
}

/// This program again, as a process of its own.
fn this(step: &str, paths: &[&Path]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(step).args(paths);
    command
}

/// One clean CSV file to Parquet, by us and by others.
fn one_file_steps(report: &mut Report, others: &Others, export: &Path, bare: &Path) {
    let one_file = bare.join("export");
    std::fs::create_dir_all(&one_file).unwrap();
    run(this("clean", &[export, &one_file]));
    let small = bare.join("project");
    make_project(&small, &one_file, "http://127.0.0.1:1");
    let ours = "stage people.csv alone";
    let (taken, out) = run(command(&small, &["stage", "--format", "json"]));
    // The file that says what the attributes are makes a table, too.
    let people = |table: &str| table == "people";
    report.add(ours, staged(&out, "source", people), taken);
    // Rows that were rejected or of which a later version is there are not written by us.
    let rows = staged(&out, "staged", people);
    let mine = Step { rows, taken };

    let source = one_file.join("people.csv");
    let target = bare.join("datafusion.parquet");
    let (taken, _) = run(this("bare-stage", &[&source, &target]));
    let rows = rows_of(&target);
    report.add("bare: people.csv to Parquet", rows, taken);
    let name = format!("{ours} / bare DataFusion");
    report.compare(&name, mine, Ok(Step { rows, taken }));
    for other in others::NAMES {
        let version = others.version(other).unwrap_or_default();
        let name = format!("{other} {version}");
        let name = name.trim_end();
        let target = bare.join(format!("{other}.parquet"));
        let theirs = match version.is_empty() {
            true => Err(others::MISSING),
            false => others.convert(other, &source, &target),
        };
        let theirs = theirs.map(|taken| Step {
            rows: rows_of(&target),
            taken,
        });
        let row = format!("{name}: people.csv to Parquet");
        match theirs {
            Ok(Step { rows, taken }) => report.add(&row, rows, taken),
            Err(why) => report.without(&row, why),
        }
        report.compare(&format!("{ours} / {name}"), mine, theirs);
    }
}

/// Rows of a Parquet file, by its footer.
fn rows_of(path: &Path) -> u64 {
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let rows = reader.metadata().file_metadata().num_rows();
    rows.try_into().unwrap()
}

/// The transform and the encoding of what is sent, beside a bare program that writes models and CSV.
fn transform_steps(report: &mut Report, planned: Step, project: &Path, bare: &Path) {
    let (encoding, out) = run(this("encode", &[project]));
    report.add("encode every part as CSV", number(&out), encoding);
    let (taken, out) = run(this("bare-transform", &[project, &bare.join("transform")]));
    let name = "bare: the same SQL to Parquet models and CSV";
    let rows = number(&out);
    report.add(name, rows, taken);
    let ours = Step {
        rows: planned.rows,
        taken: planned.taken.then(encoding),
    };
    let name = "transform to outbox + encode / bare DataFusion";
    report.compare(name, ours, Ok(Step { rows, taken }));
}

/// Plans and runs the project twice. Returns the plan as it is compared: with the rows that do not move.
fn loading_steps(
    report: &mut Report,
    runtime: &tokio::runtime::Runtime,
    project: &Path,
    export: &Path,
) -> Step {
    let sum = |list: &Value, field: &str| -> u64 {
        let list = list.as_array().unwrap();
        list.iter().map(|load| load[field].as_u64().unwrap()).sum()
    };
    // From the first model on: logging in and comparing fields is not the transform.
    let planned = command(project, &["plan", "--no-stage", "--format", "json"]);
    let (taken, out) = run_from(planned, "planning ");
    let plan: Value = serde_json::from_str(&out).unwrap();
    let outbox = sum(&plan["loads"], "outbox");
    report.add("transform to outbox (plan)", outbox, taken);
    let staying = ["held", "out_of_scope", "passive", "ignored"];
    let staying = staying.map(|fate| sum(&plan["loads"], fate));
    let planned = Step {
        rows: outbox + staying.iter().sum::<u64>(),
        taken,
    };

    let again = || command(project, &["run", "--no-stage", "--format", "json"]);
    let (taken, out) = run(again());
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["status"], "ok", "{summary}");
    let sent = sum(&summary["objects"], "sent");
    let loading = Taken {
        seconds: runtime.block_on(loading_seconds(project)),
        processor: None,
        ..taken
    };
    report.add("load: jobs, results, ledger", sent, loading);
    let name = "run: transform, load, read back, compare";
    report.add(name, sent, taken);

    let name = "run again: nothing to send";
    match attempt(again(), "") {
        Ok((taken, out)) => {
            let summary: Value = serde_json::from_str(&out).unwrap();
            assert_eq!(sum(&summary["objects"], "sent"), 0, "{summary}");
            report.add(name, outbox, taken);
        }
        // It has said why on stderr. What the first run left can be measured all the same.
        Err(_) => report.fail(name),
    }
    let (taken, out) = run(again());
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(sum(&summary["objects"], "sent"), 0, "{summary}");
    report.add("the third time: everything stands", 0, taken);

    let changed = ChangedExport::of(export);
    let (taken, out) = run(command(project, &["run", "--format", "json"]));
    let summary: Value = serde_json::from_str(&out).unwrap();
    let sent = sum(&summary["objects"], "sent");
    assert!(sent > 0, "{summary}");
    report.add("one of a thousand activities changed", sent, taken);
    drop(changed);
    planned
}

/// An export in which one of a thousand activities has another name, until it is dropped.
struct ChangedExport {
    file: PathBuf,
    /// What it was, beside the export.
    kept: PathBuf,
}

impl ChangedExport {
    /// One of 333 in the first of three files.
    const ONE_OF: u64 = 333;

    fn of(export: &Path) -> Self {
        let (file, kept) = (
            export.join("activities-1.csv"),
            export.with_extension("kept"),
        );
        std::fs::rename(&file, &kept).unwrap();
        let mut rows = BufReader::new(File::open(&kept).unwrap());
        let mut out = BufWriter::new(File::create(&file).unwrap());
        let (mut line, mut count) = (Vec::new(), 0);
        while rows.read_until(b'\n', &mut line).unwrap() > 0 {
            let cells: Vec<&[u8]> = line.splitn(5, |&byte| byte == b',').collect();
            if let [id, custom, kind, name, rest] = cells.as_slice()
                && id.iter().all(u8::is_ascii_digit)
                && !name.is_empty()
                && !name.contains(&b'"')
            {
                count += 1;
                if count % Self::ONE_OF == 0 {
                    let name = [*name, b" (changed)"].concat();
                    line = [*id, *custom, *kind, name.as_slice(), *rest].join(&b',');
                }
            }
            out.write_all(&line).unwrap();
            line.clear();
        }
        out.flush().unwrap();
        Self { file, kept }
    }
}

impl Drop for ChangedExport {
    fn drop(&mut self) {
        std::fs::rename(&self.kept, &self.file).unwrap();
    }
}

fn number(out: &str) -> u64 {
    out.trim().parse().unwrap()
}

fn make_project(project: &Path, export: &Path, login_url: &str) {
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    std::fs::create_dir_all(project.join("config")).unwrap();
    for entry in std::fs::read_dir(demo.join("config")).unwrap().flatten() {
        std::fs::copy(entry.path(), project.join("config").join(entry.file_name())).unwrap();
    }
    let text = format!(
        "business_timezone = \"Europe/Warsaw\"\n[source]\nexport = {export:?}\n[gates]\nmax_differences = 0\n\
         [options]\ndefault_owner = \"revops@northbeam.example\"\n\
         [destination.bench]\nkind = \"salesforce\"\nlogin_url = {login_url:?}\n"
    );
    std::fs::write(project.join("migration.toml"), text).unwrap();
}

fn command(project: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .args(["--project".as_ref(), project.as_os_str()])
        .env("SALESFORCE_CLIENT_ID", "transload")
        .env("SALESFORCE_CLIENT_SECRET", "simulator");
    if arguments[0] == "run" {
        command.arg("--yes");
    }
    command
}

/// The project's staging area with its only org in view.
fn staging_of(project: &Path) -> Staging {
    let work = project.join(".transload");
    let org = std::fs::read_dir(work.join("orgs"))
        .unwrap()
        .flatten()
        .next()
        .unwrap();
    let staging = Staging::open(&work.to_string_lossy()).unwrap();
    staging.with_org(&org.file_name().to_string_lossy())
}

/// Seconds from the first job of each phase to its ledger, by the journal of the last run.
async fn loading_seconds(project: &Path) -> f64 {
    let run = Journal::runs(&staging_of(project))
        .await
        .unwrap()
        .pop()
        .unwrap();
    let mut seconds = 0.0;
    let mut started = None;
    for event in run.events {
        match event {
            Event::PhaseStarted { at, .. } => started = Some(at),
            Event::PhaseLoaded { at, .. } => {
                let start = started.unwrap();
                seconds += (at - start).as_seconds_f64();
            }
            _ => {}
        }
    }
    seconds
}

/// Encodes every outbox part to CSV, as the sender does, and throws it away; prints the rows.
async fn encode(project: &Path) {
    let staging = staging_of(project);
    let snapshot = staging.snapshot().await.unwrap();
    let mut rows = 0;
    for table in snapshot.schema("outbox") {
        let sent = sent_columns(&table.schema);
        let names: Vec<&str> = sent.iter().map(String::as_str).collect();
        for file in &table.files {
            let mut batches = staging.read_file(file, &names, 4096).await.unwrap();
            while let Some(batch) = batches.next().await {
                let batch = batch.unwrap();
                let encoder = RowEncoder::new(&batch, batch.num_columns()).unwrap();
                let mut out = Vec::with_capacity(batch.num_rows() * 256);
                for row in 0..batch.num_rows() {
                    encoder.write(row, None, &mut out);
                }
                rows += batch.num_rows();
                std::hint::black_box(&out);
            }
        }
    }
    println!("{rows}");
}

/// One CSV file of the export without its damaged rows, at which DataFusion's reader would stop, and without values of
/// several lines, so that it can read the file in parallel.
fn clean(export: &Path, out: &Path) {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(export.join("people-1.csv"))
        .unwrap();
    let mut writer = csv::Writer::from_path(out.join("people.csv")).unwrap();
    let header = reader.byte_headers().unwrap().clone();
    writer.write_byte_record(&header).unwrap();
    for record in reader.byte_records() {
        let record = record.unwrap();
        let readable = record
            .iter()
            .all(|cell| std::str::from_utf8(cell).is_ok() && !cell.contains(&b'\n'));
        if record.len() == header.len() && readable {
            writer.write_byte_record(&record).unwrap();
        }
    }
    writer.flush().unwrap();
    std::fs::copy(
        export.join("attributes.jsonl"),
        out.join("attributes.jsonl"),
    )
    .unwrap();
}
