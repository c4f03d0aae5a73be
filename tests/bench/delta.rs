//! `cargo bench --bench delta`: what a delta costs beside the first run.
//!
//! In: `TRANSLOAD_BENCH_PEOPLE` people (default 1,000,000), a tenth as many companies; then another telephone number for every
//! thousandth person in the source, and another city for the one behind each in the org, by a user. Out: a Markdown table with requests, rows
//! that queries gave out, rows sent and seconds of the first run, of the delta and of two deltas in which nothing has changed: the
//! first of them sees what the one before sent, the second nothing new. Each is
//! a process of its own; the simulator is another one, which answers at once unless `TRANSLOAD_BENCH_BATCH_MS` says how long a Bulk batch
//! of 10,000 rows takes there.
//!
//! Nothing is measured that is not right: each edit of the org has to be there after the delta, and each number of the source.

#![allow(missing_docs, reason = "a program, not an interface")]
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints and may panic"
)]

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

// The users and the settings.
mod acme;
// What a process takes.
#[allow(dead_code, reason = "other benchmarks ask it for more")]
mod measure;
// The org.
mod simulator;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use measure::{Taken, run};
use simulator::Simulator;

const BINARY: &str = env!("CARGO_BIN_EXE_transload");

/// One record in so many changes on each side.
const EVERY: u64 = 1_000;

#[expect(clippy::disallowed_methods, reason = "the benchmark's own switches")]
fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).unwrap_or_default();
    text.replace(['_', ','], "").parse().unwrap_or(default)
}

fn main() {
    let people = number("TRANSLOAD_BENCH_PEOPLE", 1_000_000);
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench/delta");
    let _ = std::fs::remove_dir_all(&project);
    write_export(&project, people, false);
    let org = Org::serve(&project);
    acme::write_settings(&project, &org.simulator.url, "");
    println!(
        "| {people} people | rows sent | requests | rows read | seconds | CPU seconds | peak RSS |\n|---|---:|---:|---:|---:|---:|---:|"
    );
    let first = measure(&org, &project, "first run");
    write_export(&project, people, true);
    let edited = org.edit(people);
    let delta = measure(&org, &project, "delta, 0.1 % on each side");
    assert_eq!(org.count("Phone LIKE '+49%'"), people / EVERY);
    assert_eq!(org.count("MailingCity = 'Lyon'"), edited);
    measure(&org, &project, "delta, nothing changed");
    measure(&org, &project, "the same again");
    println!(
        "\nThe delta took {:.1} % of the first run's time and read {:.2} % of its rows.",
        delta.0 * 100.0 / first.0,
        delta.1 * 100.0 / first.1
    );
}

/// Runs the project and prints what it took: seconds, rows read.
fn measure(org: &Org, project: &Path, name: &str) -> (f64, f64) {
    org.ask(Method::DELETE, "control/statistics", None);
    let mut command = Command::new(BINARY);
    command
        .args(["run", "--yes", "--format", "json", "--project"])
        .arg(project)
        .env("SALESFORCE_CLIENT_ID", "transload")
        .env("SALESFORCE_CLIENT_SECRET", "simulator");
    let (taken, out) = run(command);
    let summary: Value = serde_json::from_str(&out).unwrap();
    let loads = summary["objects"].as_array().unwrap();
    let sent: u64 = loads.iter().filter_map(|load| load["sent"].as_u64()).sum();
    let asked = org.ask(Method::GET, "control/statistics", None);
    let number = |name: &str| asked[name].as_u64().unwrap();
    let (calls, read) = (number("api_calls"), number("rows_read"));
    let Taken {
        seconds, peak_mb, ..
    } = taken;
    let processor = taken.processor.unwrap_or_default();
    println!(
        "| {name} | {sent} | {calls} | {read} | {seconds:.1} | {processor:.1} | {peak_mb} MB |"
    );
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let read = read as f64;
    (seconds, read)
}

/// People of companies; every thousandth has another number the second time.
fn write_export(project: &Path, people: u64, is_later: bool) {
    let file = |path: &str| {
        let path = project.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        BufWriter::new(std::fs::File::create(path).unwrap())
    };
    let mut text = String::new();
    let mut out = file("export/companies.csv");
    writeln!(out, "id,name").unwrap();
    for company in 1..=people.div_ceil(10) {
        writeln!(out, "{company},Company {company}").unwrap();
    }
    let mut out = file("export/people.csv");
    writeln!(
        out,
        "id,email,name,lifecycle_stage,company_id,phone_number,city"
    )
    .unwrap();
    for person in 1..=people {
        let land = match is_later && person % EVERY == 0 {
            true => 49,
            false => 48,
        };
        text.clear();
        write!(
            text,
            "{person},p{person}@x.example,Ann Person{person},customer,{},+{land} {:09},Paris",
            person.div_ceil(10),
            person
        )
        .unwrap();
        writeln!(out, "{text}").unwrap();
    }
    acme::write_users(project);
}

/// The simulated org, and how to ask it.
struct Org {
    simulator: Simulator,
    token: String,
    http: reqwest::Client,
    runtime: Runtime,
}

impl Org {
    fn serve(project: &Path) -> Self {
        let state = project.join("simulator");
        let batch = number("TRANSLOAD_BENCH_BATCH_MS", 0).to_string();
        let further = ["--batch-ms", batch.as_str()];
        let simulator = Simulator::start(BINARY, &state, &project.join("org"), &further);
        Self {
            token: std::fs::read_to_string(state.join("control.token")).unwrap(),
            simulator,
            http: reqwest::Client::builder().build().unwrap(),
            runtime: Runtime::new().unwrap(),
        }
    }

    fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.send(method, path, &self.token, body)
    }

    fn send(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Value {
        self.runtime.block_on(async {
            let request = self
                .http
                .request(method, format!("{}/{path}", self.simulator.url));
            let request = request.bearer_auth(token);
            let request = match body {
                Some(body) => request.body(body.to_string()),
                None => request,
            };
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(status.is_success(), "{path}: {text}");
            serde_json::from_str(&text).unwrap_or_default()
        })
    }

    /// A session of the org for queries.
    fn session(&self) -> String {
        let form = "grant_type=client_credentials&client_id=transload&client_secret=simulator";
        self.runtime.block_on(async {
            let request = self
                .http
                .post(format!("{}/services/oauth2/token", self.simulator.url))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form);
            let text = request.send().await.unwrap().text().await.unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap();
            answer["access_token"].as_str().unwrap().to_owned()
        })
    }

    fn query(&self, soql: &str) -> Value {
        let text: String = soql
            .bytes()
            .map(|byte| match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect();
        let path = format!("services/data/v66.0/query?q={text}");
        self.send(Method::GET, &path, &self.session(), None)
    }

    fn count(&self, condition: &str) -> u64 {
        let found = self.query(&format!("SELECT COUNT() FROM Contact WHERE {condition}"));
        found["totalSize"].as_u64().unwrap()
    }

    /// A user gives every thousandth contact but one another city; how many there are.
    fn edit(&self, people: u64) -> u64 {
        let keys: Vec<u64> = (1..=people).filter(|person| person % EVERY == 1).collect();
        for chunk in keys.chunks(100) {
            let keys: Vec<String> = chunk.iter().map(|key| format!("'{key}'")).collect();
            let soql = format!(
                "SELECT Id FROM Contact WHERE usercom_id__c IN ({})",
                keys.join(", ")
            );
            let found = self.query(&soql);
            for row in found["records"].as_array().unwrap() {
                let edit = json!({"object": "Contact", "id": row["Id"], "fields": {"MailingCity": "Lyon"},
                    "user": "ann@acme.example.crm"});
                self.ask(Method::POST, "control/rows", Some(edit));
            }
        }
        keys.len() as u64
    }
}
