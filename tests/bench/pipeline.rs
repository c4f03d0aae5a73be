//! `cargo bench`: the main job, step by step, on a generated export.
//!
//! In: `TRANSLOAD_BENCH_PEOPLE` people (default 1,000,000), the binary of the same build. Out: a Markdown table with
//! rows, seconds, rows/s and peak RSS per step, each step a process of its own so that its memory is its own. The
//! simulator is another process, without delays. `bare …` rows are a plain DataFusion program doing the same work
//! without rejects, accounting or ledger.
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

use datafusion::prelude::{CsvReadOptions, ParquetReadOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use serde_json::Value;
use transload::encode::RowEncoder;
use transload::load::{Event, Journal};
use transload::staging::Staging;
use transload::transform::sent_columns;

const BINARY: &str = env!("CARGO_BIN_EXE_transload");

struct Step {
    name: String,
    rows: u64,
    seconds: f64,
    peak_mb: u64,
}

#[expect(clippy::disallowed_methods, reason = "the benchmark's own switch")]
fn people() -> u64 {
    std::env::var("TRANSLOAD_BENCH_PEOPLE")
        .ok()
        .and_then(|text| text.replace(['_', ','], "").parse().ok())
        .unwrap_or(1_000_000)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("bare-stage") => runtime.block_on(bare_stage(&arguments[2], &arguments[3])),
        Some("bare-split") => runtime.block_on(bare_split(&arguments[2], &arguments[3])),
        Some("encode") => runtime.block_on(encode(&arguments[2])),
        _ => bench(&runtime),
    }
}

fn bench(runtime: &tokio::runtime::Runtime) {
    let people = people();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    let export = root.join(format!("export-{people}"));
    if !export.join("done").exists() {
        let _ = std::fs::remove_dir_all(&export);
        run(Command::new(BINARY)
            .args([
                "generate",
                "--seed",
                "7",
                "--people",
                &people.to_string(),
                "--out",
            ])
            .arg(&export));
        std::fs::write(export.join("done"), "").unwrap();
    }
    let project = root.join(format!("project-{people}"));
    let _ = std::fs::remove_dir_all(&project);
    make_project(&project, &export);
    let (mut simulator, url) = start_simulator(&project);
    let toml = project.join("migration.toml");
    let text = std::fs::read_to_string(&toml)
        .unwrap()
        .replace("http://127.0.0.1:1", &url);
    std::fs::write(&toml, text).unwrap();

    let mut steps = Vec::new();
    let staged = command(&project, &["stage", "--format", "json"]);
    let (seconds, peak_mb, out) = run(staged);
    let report: Value = serde_json::from_str(&out).unwrap();
    let count = |table: &str, field: &str| -> u64 {
        let tables = report["tables"].as_array().unwrap();
        tables
            .iter()
            .filter(|t| table.is_empty() || t["table"] == table)
            .map(|t| t[field].as_u64().unwrap())
            .sum()
    };
    steps.push(Step {
        name: "stage".into(),
        rows: count("", "source"),
        seconds,
        peak_mb,
    });

    let (seconds, peak_mb, out) = run(command(
        &project,
        &["plan", "--no-stage", "--format", "json"],
    ));
    let plan: Value = serde_json::from_str(&out).unwrap();
    let outbox = plan["loads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|load| load["outbox"].as_u64().unwrap())
        .sum();
    steps.push(Step {
        name: "transform to outbox (plan)".into(),
        rows: outbox,
        seconds,
        peak_mb,
    });

    let (seconds, peak_mb, out) = run(command(
        &project,
        &["run", "--no-stage", "--format", "json"],
    ));
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["status"], "ok", "{summary}");
    let sent = summary["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|load| load["sent"].as_u64().unwrap())
        .sum();
    let loading = runtime.block_on(loading_seconds(&project));
    steps.push(Step {
        name: "load: jobs, results, ledger".into(),
        rows: sent,
        seconds: loading,
        peak_mb,
    });
    steps.push(Step {
        name: "run: transform, load, read back, compare".into(),
        rows: sent,
        seconds,
        peak_mb,
    });

    let (seconds, peak_mb, _) = run(command(
        &project,
        &["run", "--no-stage", "--format", "json"],
    ));
    steps.push(Step {
        name: "run again: nothing to send".into(),
        rows: outbox,
        seconds,
        peak_mb,
    });
    simulator.kill().unwrap();
    simulator.wait().unwrap();

    let this = std::env::current_exe().unwrap();
    let work = project.join(".transload");
    let (seconds, peak_mb, out) = run(Command::new(&this).arg("encode").arg(&work));
    steps.push(Step {
        name: "encode".into(),
        rows: out.trim().parse().unwrap(),
        seconds,
        peak_mb,
    });
    let bare = root.join("bare");
    let _ = std::fs::remove_dir_all(&bare);
    std::fs::create_dir_all(&bare).unwrap();
    let (seconds, peak_mb, out) = run(Command::new(&this)
        .arg("bare-stage")
        .arg(&export)
        .arg(&bare));
    steps.push(Step {
        name: "bare DataFusion: people-1.csv to Parquet".into(),
        rows: out.trim().parse().unwrap(),
        seconds,
        peak_mb,
    });
    let (seconds, peak_mb, out) = run(Command::new(&this).arg("bare-split").arg(&work).arg(&bare));
    steps.push(Step {
        name: "bare DataFusion: split with joins to CSV".into(),
        rows: out.trim().parse().unwrap(),
        seconds,
        peak_mb,
    });

    println!(
        "| step ({people} people) | rows | seconds | rows/s | peak RSS |\n|---|---:|---:|---:|---:|"
    );
    for step in steps {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate"
        )]
        let rate = (step.rows as f64 / step.seconds) as u64;
        println!(
            "| {} | {} | {:.1} | {rate} | {} MB |",
            step.name, step.rows, step.seconds, step.peak_mb
        );
    }
}

fn make_project(project: &Path, export: &Path) {
    let demo = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/demo");
    std::fs::create_dir_all(project.join("config")).unwrap();
    for entry in std::fs::read_dir(demo.join("config")).unwrap().flatten() {
        std::fs::copy(entry.path(), project.join("config").join(entry.file_name())).unwrap();
    }
    let text = format!(
        "business_timezone = \"Europe/Warsaw\"\n[source]\nexport = {export:?}\n[source.files]\ndone = \"ignored\"\n\
         [gates]\nmax_differences = 0\n[options]\ndefault_owner = \"revops@northbeam.example\"\n\
         [destination.bench]\nkind = \"salesforce\"\nlogin_url = \"http://127.0.0.1:1\"\n"
    )
    .replace("[source.files]\ndone = \"ignored\"\n", "");
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
fn run(mut command: impl std::borrow::BorrowMut<Command>) -> (f64, u64, String) {
    let start = Instant::now();
    let mut child = command.borrow_mut().stdout(Stdio::piped()).spawn().unwrap();
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
    let seconds = start.elapsed().as_secs_f64();
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
    SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2))
}

/// A bare program: one clean CSV of the export, types inferred, to Parquet. Prints the rows.
async fn bare_stage(export: &str, out: &str) {
    // DataFusion's reader stops at the first ragged row, so damaged rows are taken out first; not timed apart.
    let source = Path::new(export).join("people-1.csv");
    let clean = Path::new(out).join("people.csv");
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(&source)
        .unwrap();
    let mut writer = csv::Writer::from_path(&clean).unwrap();
    let header = reader.byte_headers().unwrap().clone();
    writer.write_byte_record(&header).unwrap();
    for record in reader.byte_records() {
        let record = record.unwrap();
        if record.len() == header.len()
            && record.iter().all(|cell| std::str::from_utf8(cell).is_ok())
        {
            writer.write_byte_record(&record).unwrap();
        }
    }
    writer.flush().unwrap();
    let context = context();
    let options = CsvReadOptions::new().newlines_in_values(true);
    let start = Instant::now();
    let frame = context
        .read_csv(clean.to_str().unwrap(), options)
        .await
        .unwrap();
    let target = Path::new(out).join("people.parquet");
    frame
        .write_parquet(
            target.to_str().unwrap(),
            datafusion::dataframe::DataFrameWriteOptions::new(),
            None,
        )
        .await
        .unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let rows = context
        .read_parquet(target.to_str().unwrap(), ParquetReadOptions::default())
        .await
        .unwrap()
        .count()
        .await
        .unwrap();
    #[expect(clippy::print_stderr, reason = "the benchmark's own note")]
    {
        eprintln!("bare staging alone: {seconds:.2} s for {rows} rows");
    }
    println!("{rows}");
}

/// A bare program: the lead query's joins over the staged tables to CSV. Prints the rows.
async fn bare_split(work: &str, out: &str) {
    let context = context();
    let staging = Staging::open(work).unwrap();
    let snapshot = staging.snapshot().await.unwrap();
    for name in ["people", "companies"] {
        let file = staging.absolute(&snapshot.get("usercom", name).unwrap().files[0].path);
        context
            .register_parquet(name, format!("/{file}"), ParquetReadOptions::default())
            .await
            .unwrap();
    }
    let sql = "select p.id, p.first_name, p.last_name, p.name, p.email, p.phone_number, p.city, p.region, p.country, \
               p.unsubscribed, p.lifecycle_stage, p.custom_id, p.score, p.created_at, p.last_seen, c.name as company \
               from people as p left join companies as c on c.id = p.company_id \
               where lower(trim(p.lifecycle_stage)) in ('lead', 'subscriber', 'mql')";
    let target = Path::new(out).join("leads.csv");
    let frame = context.sql(sql).await.unwrap();
    frame
        .write_csv(
            target.to_str().unwrap(),
            datafusion::dataframe::DataFrameWriteOptions::new(),
            None,
        )
        .await
        .unwrap();
    let rows = context
        .sql("select count(*) from people")
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let rows =
        arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(rows[0].column(0))
            .value(0);
    println!("{rows}");
}
