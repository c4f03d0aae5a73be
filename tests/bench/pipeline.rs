//! `cargo bench`: the main job, step by step, on a generated export.
//!
//! In: `TRANSLOAD_BENCH_PEOPLE` people (default 1,000,000) with all that hangs on them, or as many activities and chat messages
//! as `TRANSLOAD_BENCH_ACTIVITIES` and `TRANSLOAD_BENCH_MESSAGES` say; the binary of the same build. Out: a Markdown table with
//! rows, seconds, rows/s and peak RSS per step, each step a process of its own so that its memory is its own; the
//! start of the process counts. The simulator is another process, without delays. `bare` rows are plain DataFusion
//! programs with default settings and no memory limit that do the same work without rejects, accounting, fates or
//! ledger: the CSV file to Parquet, and the project's own SQL files to Parquet models and CSV.
//!
//! The export and the work folder stay under `target/bench/`; the export is reused by the next run.

#![allow(missing_docs, reason = "a program, not an interface")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints and may panic"
)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arrow::datatypes::DataType;
use datafusion::common::ParamValues;
use datafusion::dataframe::{DataFrame, DataFrameWriteOptions};
use datafusion::functions::expr_fn::get_field;
use datafusion::functions_nested::expr_fn::array_to_string;
use datafusion::prelude::{
    CsvReadOptions, Expr, ParquetReadOptions, SessionConfig, SessionContext, col, ident, lit,
};
use futures::StreamExt;
use serde_json::Value;
use transload::config::Config;
use transload::encode::RowEncoder;
use transload::load::{Event, Journal};
use transload::mapping::{CUSTOM, FieldMap, mapped_views};
use transload::project::{Queries, Step as Query, order};
use transload::rows::sent_columns;
use transload::staging::{Snapshot, Staging};

const BINARY: &str = env!("CARGO_BIN_EXE_transload");

/// Steps measured so far.
#[derive(Default)]
struct Report {
    lines: Vec<String>,
}

impl Report {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::print_stderr,
        reason = "a rate, told as soon as it is known"
    )]
    fn add(&mut self, name: &str, rows: u64, seconds: f64, peak_mb: u64) {
        let rate = (rows as f64 / seconds) as u64;
        let line = format!("| {name} | {rows} | {seconds:.1} | {rate} | {peak_mb} MB |");
        eprintln!("{line}");
        self.lines.push(line);
    }
}

#[expect(clippy::disallowed_methods, reason = "the benchmark's own switch")]
fn switch(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    text.replace(['_', ','], "").parse().ok()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("clean") => clean(Path::new(&arguments[2]), Path::new(&arguments[3])),
        Some("bare-stage") => runtime.block_on(bare_stage(Path::new(&arguments[2]))),
        Some("bare-transform") => {
            runtime.block_on(bare_transform(
                Path::new(&arguments[2]),
                Path::new(&arguments[3]),
            ));
        }
        Some("encode") => runtime.block_on(encode(&arguments[2])),
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
    let mut report = Report::default();
    staging_steps(&mut report, &project);
    // A small file is cut by the bare reader in the middle of a quoted line.
    if more.is_empty() {
        one_file_steps(&mut report, &export, &bare);
    }

    let (mut simulator, url) = start_simulator(&project);
    make_project(&project, &export, &url);
    loading_steps(&mut report, runtime, &project);
    simulator.kill().unwrap();
    simulator.wait().unwrap();

    let this = std::env::current_exe().unwrap();
    let work = project.join(".transload");
    let (seconds, peak_mb, out) = run(Command::new(&this).arg("encode").arg(&work));
    report.add("encode every part as CSV", number(&out), seconds, peak_mb);
    let (seconds, peak_mb, out) = run(Command::new(&this)
        .arg("bare-transform")
        .arg(&project)
        .arg(&bare));
    let name = "bare: the same SQL to Parquet models and CSV";
    report.add(name, number(&out), seconds, peak_mb);

    println!("| step ({size} people) | rows | seconds | rows/s | peak RSS |");
    println!("|---|---:|---:|---:|---:|");
    for line in report.lines {
        println!("{line}");
    }
}

fn staged_rows(out: &str) -> u64 {
    let staged: Value = serde_json::from_str(out).unwrap();
    let tables = staged["tables"].as_array().unwrap();
    tables.iter().map(|t| t["source"].as_u64().unwrap()).sum()
}

/// Staging of the whole export.
fn staging_steps(report: &mut Report, project: &Path) {
    let (seconds, peak_mb, out) = run(command(project, &["stage", "--format", "json"]));
    report.add("stage", staged_rows(&out), seconds, peak_mb);
}

/// Staging of one clean CSV file beside a bare program.
fn one_file_steps(report: &mut Report, export: &Path, bare: &Path) {
    let one_file = bare.join("export");
    std::fs::create_dir_all(&one_file).unwrap();
    let this = std::env::current_exe().unwrap();
    run(Command::new(&this).arg("clean").arg(export).arg(&one_file));
    let small = bare.join("project");
    make_project(&small, &one_file, "http://127.0.0.1:1");
    let (seconds, peak_mb, out) = run(command(&small, &["stage", "--format", "json"]));
    report.add(
        "stage people.csv alone",
        staged_rows(&out),
        seconds,
        peak_mb,
    );
    let (seconds, peak_mb, out) = run(Command::new(&this).arg("bare-stage").arg(&one_file));
    report.add(
        "bare: people.csv to Parquet",
        number(&out),
        seconds,
        peak_mb,
    );
}

fn loading_steps(report: &mut Report, runtime: &tokio::runtime::Runtime, project: &Path) {
    let sum = |list: &Value, field: &str| -> u64 {
        let list = list.as_array().unwrap();
        list.iter().map(|load| load[field].as_u64().unwrap()).sum()
    };
    // From the first model on: logging in and comparing fields is not the transform.
    let planned = command(project, &["plan", "--no-stage", "--format", "json"]);
    let (seconds, peak_mb, out) = run_from(planned, "planning ");
    let plan: Value = serde_json::from_str(&out).unwrap();
    let outbox = sum(&plan["loads"], "outbox");
    report.add("transform to outbox (plan)", outbox, seconds, peak_mb);

    let again = || command(project, &["run", "--no-stage", "--format", "json"]);
    let (seconds, peak_mb, out) = run(again());
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["status"], "ok", "{summary}");
    let sent = sum(&summary["objects"], "sent");
    let loading = runtime.block_on(loading_seconds(project));
    report.add("load: jobs, results, ledger", sent, loading, peak_mb);
    let name = "run: transform, load, read back, compare";
    report.add(name, sent, seconds, peak_mb);

    let (seconds, peak_mb, out) = run(again());
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(sum(&summary["objects"], "sent"), 0, "{summary}");
    report.add("run again: nothing to send", outbox, seconds, peak_mb);
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

fn start_simulator(project: &Path) -> (Child, String) {
    let seed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/demo/org");
    let mut child = Command::new(BINARY)
        .args([
            "sim",
            "salesforce",
            "--port",
            "0",
            "--inactive-owners",
            "--state",
        ])
        .arg(project.join("simulator"))
        .arg("--seed")
        .arg(seed)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().to_owned())
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

/// Runs a process: seconds, peak resident megabytes, stdout.
fn run(command: impl std::borrow::BorrowMut<Command>) -> (f64, u64, String) {
    run_from(command, "")
}

/// The same, with seconds counted from the first line on stderr that begins with `mark`.
fn run_from(
    mut command: impl std::borrow::BorrowMut<Command>,
    mark: &'static str,
) -> (f64, u64, String) {
    let start = Instant::now();
    let command = command.borrow_mut();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let log = std::thread::spawn(move || {
        let mut begun = mark.is_empty().then_some(start);
        for line in stderr.lines().map_while(Result::ok) {
            if begun.is_none() && line.starts_with(mark) {
                begun = Some(Instant::now());
            }
            #[expect(clippy::print_stderr, reason = "the process's own log")]
            {
                eprintln!("{line}");
            }
        }
        begun.unwrap_or(start)
    });
    let status = format!("/proc/{}/status", child.id());
    let mut stdout = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stdout, &mut text).unwrap();
        text
    });
    let mut peak = 0;
    let code = loop {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes =
                line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            peak = peak.max(kilobytes.unwrap_or(0) / 1024);
        }
        if let Some(code) = child.try_wait().unwrap() {
            break code;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let end = Instant::now();
    let seconds = (end - log.join().unwrap()).as_secs_f64();
    let text = reader.join().unwrap();
    assert!(code.success(), "{code}: {text}");
    (seconds, peak, text)
}

/// Seconds from the first job of each phase to its ledger, by the journal of the last run.
async fn loading_seconds(project: &Path) -> f64 {
    let staging = Staging::open(&project.join(".transload").to_string_lossy()).unwrap();
    let orgs = std::fs::read_dir(project.join(".transload/orgs")).unwrap();
    let org = orgs
        .flatten()
        .next()
        .unwrap()
        .file_name()
        .into_string()
        .unwrap();
    let run = Journal::runs(&staging.with_org(&org))
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
async fn encode(work: &str) {
    let staging = Staging::open(work).unwrap();
    let org = std::fs::read_dir(Path::new(work).join("orgs"))
        .unwrap()
        .flatten()
        .next()
        .unwrap();
    let staging = staging.with_org(&org.file_name().into_string().unwrap());
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

fn context() -> SessionContext {
    let config = SessionConfig::new()
        .with_target_partitions(2)
        // Children of a struct above a join are otherwise named twice (DataFusion 55.2).
        .set_bool(
            "datafusion.optimizer.enable_leaf_expression_pushdown",
            false,
        );
    SessionContext::new_with_config(config)
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

/// A bare program: the clean CSV, types inferred, to Parquet. Prints the rows.
async fn bare_stage(folder: &Path) {
    let context = context();
    let options = CsvReadOptions::new().newlines_in_values(true);
    let source = folder.join("people.csv");
    let frame = context
        .read_csv(source.to_str().unwrap(), options)
        .await
        .unwrap();
    let target = folder.join("people.parquet");
    let target = target.to_str().unwrap();
    let options = DataFrameWriteOptions::new();
    frame.write_parquet(target, options, None).await.unwrap();
    let options = ParquetReadOptions::default();
    let written = context.read_parquet(target, options).await.unwrap();
    println!("{}", written.count().await.unwrap());
}

/// A bare program: the project's SQL files in their order, models to Parquet and loads to CSV, over the tables that the
/// run left behind. Prints the rows of the CSV files.
async fn bare_transform(project: &Path, out: &Path) {
    let config = Config::load(project, None).unwrap();
    let staging = Staging::open(&config.staging).unwrap();
    let org = std::fs::read_dir(project.join(".transload/orgs"))
        .unwrap()
        .flatten()
        .next()
        .unwrap();
    let staging = staging.with_org(org.file_name().to_str().unwrap());
    let snapshot = staging.snapshot().await.unwrap();
    let context = context();
    register(&context, &staging, &snapshot).await;
    let map = FieldMap::load(project).unwrap();
    for view in mapped_views(&config, &map, &snapshot).unwrap() {
        let frame = context.sql(&view.sql).await.unwrap();
        let name = format!("mapped.{}", view.name);
        context.register_table(name, frame.into_view()).unwrap();
    }
    let queries = Queries::load(project).unwrap();
    let mut known: std::collections::BTreeSet<String> =
        snapshot.iter().map(|table| table.name()).collect();
    known.extend(
        snapshot
            .schema("usercom")
            .map(|t| format!("mapped.{}", t.table)),
    );
    known.insert("ledger.attempts".to_owned());
    let parameters: Vec<_> = config.options.parameters().into_iter().collect();
    let mut rows = 0;
    let steps = order(&queries, &known).unwrap();
    // What the run left out is left out here.
    let mut read = std::collections::BTreeSet::new();
    let mut kept = Vec::new();
    for step in steps.into_iter().rev() {
        let file = step.file();
        let needed = match step {
            Query::Load(_) => snapshot.get("outbox", &file.name).is_some(),
            Query::Prepare(_) => read.contains(&format!("prepare.{}", file.name)),
            Query::Org(_) => false,
        };
        if needed {
            read.extend(file.references.iter().cloned());
            kept.push(step);
        }
    }
    for step in kept.into_iter().rev() {
        let file = step.file();
        let frame = context.sql(&file.sql).await.unwrap();
        let frame = match frame
            .logical_plan()
            .get_parameter_names()
            .unwrap()
            .is_empty()
        {
            true => frame,
            false => frame
                .with_param_values(ParamValues::from(parameters.clone()))
                .unwrap(),
        };
        let target = out.join(&file.name);
        let target = target.to_str().unwrap();
        let options = DataFrameWriteOptions::new();
        match step {
            Query::Prepare(_) => {
                frame.write_parquet(target, options, None).await.unwrap();
                let options = ParquetReadOptions::default();
                let written = context.read_parquet(target, options).await.unwrap();
                let name = format!("prepare.{}", file.name);
                context.deregister_table(&name).unwrap();
                context.register_table(name, written.into_view()).unwrap();
            }
            Query::Org(_) => {}
            Query::Load(_) => {
                let written = flat(frame).write_csv(target, options, None).await.unwrap();
                rows += written
                    .iter()
                    .map(|batch| {
                        arrow::array::AsArray::as_primitive::<arrow::datatypes::UInt64Type>(
                            batch.column(0),
                        )
                        .value(0)
                    })
                    .sum::<u64>();
            }
        }
    }
    println!("{rows}");
}

async fn register(context: &SessionContext, staging: &Staging, snapshot: &Snapshot) {
    for schema in [
        "usercom", "rejects", "config", "mapped", "prepare", "outbox", "ledger", "org", "recon",
    ] {
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

/// Columns that CSV can hold: children of the struct one by one, lists joined.
fn flat(frame: DataFrame) -> DataFrame {
    let schema = frame.schema().as_arrow().clone();
    let columns: Vec<Expr> = schema
        .fields()
        .iter()
        .flat_map(|field| match field.data_type() {
            DataType::Struct(children) => children
                .iter()
                .map(|child| {
                    let value = get_field(col(CUSTOM), child.name().as_str());
                    match child.data_type() {
                        DataType::List(_) => array_to_string(value, lit(";")).alias(child.name()),
                        _ => value.alias(child.name()),
                    }
                })
                .collect(),
            DataType::List(_) => {
                let text = array_to_string(ident(field.name()), lit(";"));
                vec![text.alias(field.name())]
            }
            _ => vec![ident(field.name())],
        })
        .collect();
    frame.select(columns).unwrap()
}
