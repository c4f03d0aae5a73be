//! `cargo bench --bench narrow`: one object of a hundred million rows, on one machine.
//!
//! In: `TRANSLOAD_BENCH_ROWS` activities (default 100,000,000) with seven columns, of a person for each thousand of them. Out: a Markdown
//! table with rows, seconds, processor seconds, peak RSS and the most that the staging area took with all that was spilled, for
//! staging, for the plan (models and outbox, without an org's jobs) and for the same plan again. Each step is a process of its own. Nothing is measured that does
//! not add up: each activity has to be in the outbox.

#![allow(missing_docs, reason = "a program, not an interface")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints and may panic"
)]

// The users and the settings.
mod acme;
// What a process takes.
#[allow(dead_code, reason = "other benchmarks ask it for more")]
mod measure;
// The org.
mod simulator;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use measure::{Taken, run};
use simulator::Simulator;

const BINARY: &str = env!("CARGO_BIN_EXE_transload");

/// So much that the plan does not shut its gate for want of it.
const STORAGE: [&str; 2] = ["--data-storage-mb", "1000000"];

/// Rows of a file.
const FILE: u64 = 10_000_000;

/// Activities of a person.
const EACH: u64 = 1_000;

#[expect(clippy::disallowed_methods, reason = "the benchmark's own switch")]
fn rows() -> u64 {
    let text = std::env::var("TRANSLOAD_BENCH_ROWS").unwrap_or_default();
    text.replace(['_', ','], "").parse().unwrap_or(100_000_000)
}

fn main() {
    let rows = rows();
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench/narrow");
    let _ = fs::remove_dir_all(&project);
    write_export(&project, rows);
    let state = project.join("simulator");
    let simulator = Simulator::start(BINARY, &state, &project.join("org"), &STORAGE);
    acme::write_settings(&project, &simulator.url, "");
    let export = megabytes(&project.join("export"));
    println!(
        "| {rows} activities, {export} MB | rows | seconds | CPU seconds | rows/s | peak RSS | disk |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let staged = step(&project, "stage", &["stage"], |report| {
        let tables = report["tables"].as_array().unwrap().iter();
        let tables = tables.filter(|table| table["table"] == "activities");
        tables.map(|table| table["staged"].as_u64().unwrap()).sum()
    });
    assert_eq!(staged, rows);
    let outbox = |report: &Value| {
        let loads = report["loads"].as_array().unwrap().iter();
        let loads = loads.filter(|load| load["load"] == "task");
        loads.map(|load| load["outbox"].as_u64().unwrap()).sum()
    };
    for name in ["transform to outbox (plan)", "plan again, nothing changed"] {
        let planned = step(&project, name, &["plan", "--no-stage"], outbox);
        assert_eq!(planned, rows);
    }
}

/// Runs a step and prints what it took; returns the rows that it tells of.
fn step(project: &Path, name: &str, arguments: &[&str], counted: fn(&Value) -> u64) -> u64 {
    let mut command = Command::new(BINARY);
    command
        .args(arguments)
        .args(["--format", "json", "--project"])
        .arg(project)
        .env("SALESFORCE_CLIENT_ID", "transload")
        .env("SALESFORCE_CLIENT_SECRET", "simulator");
    let watch = Disk::watch(project.join(".transload"));
    let (taken, out) = run(command);
    let disk = watch.most();
    let rows = counted(&serde_json::from_str(&out).unwrap());
    let Taken {
        seconds, peak_mb, ..
    } = taken;
    let processor = taken.processor.unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = rows as f64 / seconds;
    println!(
        "| {name} | {rows} | {seconds:.1} | {processor:.1} | {rate:.0} | {peak_mb} MB | {disk} MB |"
    );
    rows
}

/// The most that a folder takes while a step runs, looked at every second.
struct Disk {
    ended: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    watcher: std::thread::JoinHandle<()>,
}

impl Disk {
    fn watch(folder: PathBuf) -> Self {
        let (ended, most) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (end, peak) = (Arc::clone(&ended), Arc::clone(&most));
        let watcher = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                peak.fetch_max(megabytes(&folder), Ordering::Relaxed);
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        Self {
            ended,
            most,
            watcher,
        }
    }

    fn most(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        self.watcher.join().unwrap();
        self.most.load(Ordering::Relaxed)
    }
}

/// What the files of a folder and of those in it take.
fn megabytes(folder: &Path) -> u64 {
    fn bytes(folder: &Path) -> u64 {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let size = |entry: fs::DirEntry| match entry.metadata() {
            Ok(data) if data.is_dir() => bytes(&entry.path()),
            Ok(data) => data.len(),
            // It went while it was looked at.
            Err(_) => 0,
        };
        entries.map(size).sum()
    }
    bytes(folder) / 1_000_000
}

/// Activities in files of ten million, and who they are of.
fn write_export(project: &Path, rows: u64) {
    let file = |path: &str, header: &str| {
        let path = project.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut out = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
        writeln!(out, "{header}").unwrap();
        out
    };
    let people = rows.div_ceil(EACH);
    let mut out = file("export/people.csv", "id,email,name,lifecycle_stage");
    for person in 1..=people {
        writeln!(
            out,
            "{person},p{person}@x.example,Ann Person{person},customer"
        )
        .unwrap();
    }
    acme::write_users(project);
    for first in (0..rows).step_by(FILE as usize) {
        let mut out = file(
            &format!("export/activities-{}.csv", first / FILE + 1),
            "id,activity_type,name,done,due_date,user_id,updated_at",
        );
        for id in first + 1..=rows.min(first + FILE) {
            // Neither in the order of people nor of days.
            let person = id.wrapping_mul(2_654_435_761) % people + 1;
            let (day, minute) = (id * 7 % 28 + 1, id * 13 % 60);
            writeln!(
                out,
                "{id},Task,Call back {id},t,2025-03-{day:02}T10:{minute:02}:00Z,{person},2025-04-{day:02}T10:{minute:02}:00Z"
            )
            .unwrap();
        }
    }
}
