//! `cargo bench --bench locks`: how often rows fail because their parent is locked, clustered as by default and in the order
//! in which they come.
//!
//! In: 20,000 customers of 200 companies, two of which (1 %) have half of them; a simulator that locks as Salesforce does,
//! each batch a fixed time. Out: a Markdown table with lock failures, attempts and seconds of `contact` per order. Nothing is
//! left in Salesforce's place undone: both runs land every row.

#![allow(missing_docs, reason = "a program, not an interface")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints and may panic"
)]

// The users and the settings.
mod acme;
// The org.
mod simulator;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use simulator::Simulator;

const BINARY: &str = env!("CARGO_BIN_EXE_transload");
const PEOPLE: u64 = 20_000;
const COMPANIES: u64 = 200;

fn main() {
    println!("| order | lock failures | rows sent | seconds of jobs |\n|---|---:|---:|---:|");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench/locks");
    for (order, clustered) in [("as they come", false), ("clustered by lock parent", true)] {
        let project = folder.join(if clustered { "clustered" } else { "arrival" });
        let _ = std::fs::remove_dir_all(&project);
        make_project(&project, clustered);
        let (summary, statistics) = load(&project);
        let failures: u64 = statistics["lock_failures"]
            .as_object()
            .map_or(0, |objects| {
                objects.values().filter_map(Value::as_u64).sum()
            });
        let sent = summary["objects"].as_array().unwrap();
        let sent: u64 = sent.iter().filter_map(|load| load["sent"].as_u64()).sum();
        println!(
            "| {order} | {failures} | {sent} | {:.1} |",
            summary["effort"]["seconds_sending"].as_f64().unwrap()
        );
    }
}

/// People come in the order of their ids, which has nothing to do with their companies.
fn make_project(project: &Path, clustered: bool) {
    let write = |path: &str, text: &str| {
        let path = project.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let mut companies = "id,name\n".to_owned();
    for company in 1..=COMPANIES {
        writeln!(companies, "{company},Company {company}").unwrap();
    }
    write("export/companies.csv", &companies);
    let mut people = "id,email,name,lifecycle_stage,company_id\n".to_owned();
    for person in 1..=PEOPLE {
        let random = person.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let company = if random % 2 == 0 {
            1 + random / 2 % 2
        } else {
            1 + random / 2 % COMPANIES
        };
        writeln!(
            people,
            "{person},p{person}@x.example,Ann {person},customer,{company}"
        )
        .unwrap();
    }
    write("export/people.csv", &people);
    acme::write_users(project);
    if !clustered {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(root.join("queries/load/contact.sql")).unwrap();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("-- cluster by"))
            .collect();
        write("queries/load/contact.sql", &lines.join("\n"));
    }
}

/// Loads the project; the run's summary and the simulator's statistics.
fn load(project: &Path) -> (Value, Value) {
    let (state, seed) = (project.join("simulator"), project.join("org"));
    let simulator = Simulator::start(BINARY, &state, &seed, &["--locks", "--batch-ms", "3000"]);
    let url = &simulator.url;
    let more = "part_rows = 1000\nconcurrent_jobs = 4\n[gates]\nmax_failed_percent = 100.0\n";
    acme::write_settings(project, url, more);
    let output = Command::new(BINARY)
        .args(["run", "--yes", "--format", "json", "--project"])
        .arg(project)
        .env("SALESFORCE_CLIENT_ID", "transload")
        .env("SALESFORCE_CLIENT_SECRET", "simulator")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", output.status);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let statistics = runtime.block_on(async {
        let token = std::fs::read_to_string(state.join("control.token")).unwrap();
        let request = reqwest::Client::builder()
            .build()
            .unwrap()
            .get(format!("{url}/control/statistics"));
        let answer = request.bearer_auth(token).send().await.unwrap();
        answer.text().await.unwrap()
    });
    (
        serde_json::from_slice(&output.stdout).unwrap(),
        serde_json::from_str(&statistics).unwrap(),
    )
}
