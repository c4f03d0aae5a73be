//! `transload extract` against a simulated account, over HTTP only: what is staged from the extract is what is staged
//! from the export that the account holds.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::support::{Project, SETTINGS};

/// What no API gives; people put it into the folder `manual`.
const MANUAL: [&str; 9] = [
    "Agents",
    "blobs",
    "co_",
    "custom_objects",
    "events",
    "files",
    "notes",
    "pipelines",
    "sms",
];

const SEEDS: [u64; 5] = [1, 2, 3, 4, 5];

/// A simulated account, ended when dropped.
pub(crate) struct Account {
    child: Child,
    pub(crate) url: String,
}

impl Account {
    pub(crate) fn start(project: &Project, arguments: &[&str]) -> Self {
        Self::on_port(project, 0, arguments)
    }

    pub(crate) fn on_port(project: &Project, port: u16, arguments: &[&str]) -> Self {
        let port = port.to_string();
        let fixed = [
            "sim", "usercom", "--token", "key", "--state", "account", "--port", &port,
        ];
        let mut child = project
            .command(fixed.iter().chain(arguments))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        Self {
            child,
            url: url.trim().to_owned(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.url.rsplit_once(':').unwrap().1.parse().unwrap()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A generated export in `direct/export`, and beside it the project `live`, which has of it only what people make.
pub(crate) fn generated(people: u64, seed: u64) -> Project {
    let project = Project::empty()
        .file("direct/migration.toml", SETTINGS)
        .variable("USERCOM_API_TOKEN", "key");
    let (people, seed) = (people.to_string(), seed.to_string());
    let run = project.run([
        "generate",
        "--people",
        &people,
        "--seed",
        &seed,
        "--clean",
        "--out",
        "direct/export",
    ]);
    assert_eq!(run.code, Some(0), "{run}");
    copy_manual(&project.path("direct/export"), &project.path("live/manual"));
    project
}

fn copy_manual(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_inside = to.ends_with("blobs");
        if !is_inside && !MANUAL.iter().any(|stem| name.starts_with(stem)) {
            continue;
        }
        if entry.path().is_dir() {
            copy_manual(&entry.path(), &to.join(&name));
        } else {
            fs::copy(entry.path(), to.join(&name)).unwrap();
        }
    }
}

/// Points the project `live` at an account.
fn point(project: &Project, account: &Account, settings: &str) {
    let text = format!(
        "{SETTINGS}\n[source.api]\nurl = \"{}\"\nconcurrency = 4\n{settings}\n",
        account.url
    );
    fs::create_dir_all(project.path("live")).unwrap();
    fs::write(project.path("live/migration.toml"), text).unwrap();
}

pub(crate) const FAST: &str = "requests_per_second = 5000";

fn extract(project: &Project, arguments: &[&str]) -> Value {
    let fixed = ["extract", "--project", "live", "--format", "json"];
    let output = project
        .command(fixed.iter().chain(arguments))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn object<'v>(summary: &'v Value, name: &str) -> &'v Value {
    let objects = summary["objects"].as_array().unwrap();
    objects
        .iter()
        .find(|object| object["object"] == name)
        .unwrap()
}

/// Every staged row of a project by table, column names first.
type Tables = BTreeMap<String, Vec<BTreeMap<String, String>>>;

fn staged(project: &Project, name: &str) -> Tables {
    let run = project.run(["stage", "--project", name]);
    assert_eq!(run.code, Some(0), "{run}");
    let query = |sql: &str| -> Vec<BTreeMap<String, String>> {
        let run = project.run(["query", "--project", name, "--format", "csv", sql]);
        assert_eq!(run.code, Some(0), "{run}");
        let mut reader = csv::Reader::from_reader(run.stdout.as_bytes());
        reader.deserialize().map(Result::unwrap).collect()
    };
    let tables = query(
        "select table_name from information_schema.tables where table_schema = 'usercom' order by table_name",
    );
    tables
        .iter()
        .map(|table| {
            let table = &table["table_name"];
            let rows = query(&format!("select * from usercom.{table} order by id"));
            (table.clone(), rows)
        })
        .collect()
}

/// Asserts that both projects stage the same. A conversation that an export holds together with its messages does not
/// say how many they are; the API does.
fn assert_same(project: &Project, leave_out: &[&str], context: &str) {
    let (mut direct, mut live) = (staged(project, "direct"), staged(project, "live"));
    assert!(direct["people"].len() > 3, "{context}");
    assert_eq!(
        direct.keys().collect::<Vec<_>>(),
        live.keys().collect::<Vec<_>>(),
        "{context}"
    );
    for row in direct.get_mut("conversations").into_iter().flatten() {
        if row["message_count"].is_empty() {
            let id = &row["id"];
            let messages = live["messages"].iter();
            let count = messages
                .filter(|message| message["conversation_id"] == *id)
                .count();
            row.insert("message_count".to_owned(), count.to_string());
        }
    }
    for (table, rows) in &mut direct {
        let others = live.get_mut(table).unwrap();
        for row in rows.iter_mut().chain(others.iter_mut()) {
            for column in leave_out {
                row.remove(*column);
            }
        }
        assert_eq!(rows.len(), others.len(), "{table}: {context}");
        for (row, other) in rows.iter().zip(others.iter()) {
            assert_eq!(row, other, "{table}: {context}");
        }
    }
}

#[test]
#[ignore = "long: several migrations"]
fn what_is_staged_from_the_api_is_what_is_staged_from_the_export() {
    for seed in SEEDS {
        let project = generated(150, seed);
        let account = Account::start(&project, &["--export", "direct/export"]);
        point(
            &project,
            &account,
            &format!("{FAST}\nexports = {}", seed % 2 == 0),
        );
        let summary = extract(&project, &[]);
        assert_eq!(summary["status"], "ok", "{summary}");
        assert_same(&project, &[], &format!("seed {seed}"));
    }
}

#[test]
#[ignore = "long: several migrations"]
fn faults_and_kills_on_the_way_change_nothing() {
    for seed in SEEDS {
        let project = generated(60, seed);
        let fault_seed = seed.to_string();
        let account = Account::start(
            &project,
            &[
                "--export",
                "direct/export",
                "--page-size",
                "10",
                "--fault-percent",
                "5",
                "--fault-seed",
                &fault_seed,
            ],
        );
        point(
            &project,
            &account,
            "requests_per_second = 100\nexports = false",
        );
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for kill in 1..=3 {
            let mut child = project
                .command(["extract", "--project", "live"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // The look around takes some time before anything is written.
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(20) && !has_state(&project) {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(random.random_range(50..400)));
            child.kill().unwrap();
            let status = child.wait().unwrap();
            assert_eq!(
                status.code(),
                None,
                "seed {seed}: it ended before kill {kill}"
            );
        }
        let summary = extract(&project, &[]);
        assert_eq!(summary["status"], "ok", "seed {seed}: {summary}");
        assert_same(&project, &[], &format!("seed {seed}"));
        let extracts = fs::read_dir(project.path("live/extracts")).unwrap();
        assert_eq!(extracts.count(), 2, "the state and one extract");
    }
}

fn has_state(project: &Project) -> bool {
    let state = project.path("live/extracts/.state");
    fs::read_dir(state).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().join("run.json").exists())
    })
}

#[test]
fn rows_that_move_while_they_are_read_are_all_there() {
    let project = generated(150, 7);
    let account = Account::start(
        &project,
        &[
            "--export",
            "direct/export",
            "--page-size",
            "10",
            "--churn",
            "2",
            "--churn-kinds",
            "move,touch",
        ],
    );
    point(&project, &account, FAST);
    let summary = extract(&project, &[]);
    assert_eq!(summary["status"], "ok", "{summary}");
    assert_same(&project, &["updated_at"], "moved");
}

#[test]
fn rows_that_come_and_go_while_they_are_read_leave_a_closed_set() {
    let project = generated(400, 8);
    let account = Account::start(
        &project,
        &[
            "--export",
            "direct/export",
            "--page-size",
            "10",
            "--churn",
            "3",
            "--churn-kinds",
            "insert,delete,move",
        ],
    );
    point(&project, &account, FAST);
    let summary = extract(&project, &[]);
    let people = object(&summary, "people");
    assert_eq!(people["missing"], 0, "{summary}");
    let staged = staged(&project, "live");
    assert_eq!(
        staged["people"].len() as u64,
        people["rows"].as_u64().unwrap()
    );
}

#[test]
fn the_rate_is_kept_and_a_limit_is_lived_with() {
    let project = generated(60, 9);
    let account = Account::start(&project, &["--export", "direct/export", "--rate", "60"]);
    point(
        &project,
        &account,
        "requests_per_second = 40\nexports = false",
    );
    let started = Instant::now();
    let summary = extract(&project, &[]);
    let took = started.elapsed().as_secs_f64();
    let requests = summary["requests"].as_f64().unwrap();
    assert_eq!(summary["refused"], 0, "{summary}");
    assert!(
        took >= (requests - 1.0) / 40.0,
        "{requests} requests in {took} s"
    );
    point(
        &project,
        &account,
        "requests_per_second = 1000\nexports = false",
    );
    let summary = extract(&project, &["--full"]);
    assert!(summary["refused"].as_u64().unwrap() > 0, "{summary}");
    assert_same(&project, &[], "limited");
}

#[test]
fn an_account_that_answers_in_version_1_is_read_all_the_same() {
    let project = generated(60, 10);
    let account = Account::start(
        &project,
        &["--export", "direct/export", "--bugs", "v1_only,last_next"],
    );
    point(&project, &account, FAST);
    let summary = extract(&project, &[]);
    assert_eq!(object(&summary, "people")["api_version"], 1);
    let (direct, live) = (staged(&project, "direct"), staged(&project, "live"));
    for (table, rows) in &direct {
        assert_eq!(rows.len(), live[table].len(), "{table}");
    }
    let custom = |tables: &Tables| -> Vec<[String; 4]> {
        tables["people"]
            .iter()
            .map(|row| ["custom_id", "email", "nps_score", "interests"].map(|key| row[key].clone()))
            .collect()
    };
    assert_eq!(custom(&direct), custom(&live));
}

/// A small account by hand: rows of two deals and three people.
fn by_hand(now: &str, is_later: bool) -> Vec<(&'static str, String)> {
    let person = |id: u64, name: &str, at: &str| {
        format!(
            "{{\"id\":{id},\"name\":\"{name}\",\"email\":\"p{id}@example.com\",\"lifecycle_stage\":\"lead\",\"unsubscribed\":false,\"updated_at\":\"{at}\"}}\n"
        )
    };
    let deal = |id: u64, at: &str| {
        format!("{{\"id\":{id},\"name\":\"D\",\"user_id\":1,\"updated_at\":\"{at}\"}}\n")
    };
    let before = "2026-01-01T00:00:00Z";
    let mut people: String = (1..=30).map(|id| person(id, "Old", before)).collect();
    let mut deals = deal(7, before) + &deal(8, before);
    let mut changes = "id,deal_id,stage,stage_name,entered_at\n71,7,1,A,2026-01-01T00:00:00Z\n81,8,1,A,2026-01-01T00:00:00Z\n".to_owned();
    if is_later {
        people = (1..=30)
            .filter(|id| *id != 2)
            .map(|id| match id {
                3 => person(id, "New", now),
                _ => person(id, "Old", before),
            })
            .collect();
        people.push_str(&person(31, "Created", now));
        deals = deal(7, now);
        changes = changes.replace("81,8,1,A", "72,7,2,B");
    }
    vec![
        ("people.jsonl", people),
        ("deals.jsonl", deals),
        ("stage_changes.csv", changes),
        ("attributes.jsonl", "{\"id\":1,\"name\":\"Plan\",\"name_std\":\"plan\",\"value_type\":\"string\",\"content_type\":\"clientuser\"}\n".to_owned()),
    ]
}

fn write_by_hand(project: &Project, is_later: bool) {
    let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    for (name, text) in by_hand(&now, is_later) {
        let path = project.path(&format!("direct/export/{name}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
#[ignore = "long: several migrations"]
fn a_second_extract_reads_what_changed_and_drops_what_was_deleted() {
    let project = Project::empty()
        .file("direct/migration.toml", SETTINGS)
        .variable("USERCOM_API_TOKEN", "key");
    write_by_hand(&project, false);
    let arguments = ["--export", "direct/export", "--without", "exports"];
    let account = Account::start(&project, &arguments);
    let port = account.port();
    point(&project, &account, FAST);
    let first = extract(&project, &[]);
    assert_eq!(object(&first, "people")["mode"], "full");
    assert_same(&project, &[], "first");
    // Nothing changed: people are not listed again.
    let second = extract(&project, &[]);
    assert_eq!(object(&second, "people")["mode"], "changes", "{second}");
    assert!(second["requests"].as_u64() < first["requests"].as_u64());
    assert_same(&project, &[], "second");
    drop(account);
    write_by_hand(&project, true);
    let account = Account::on_port(&project, port, &arguments);
    assert_eq!(account.port(), port);
    let third = extract(&project, &[]);
    assert_eq!(object(&third, "people")["deleted"], 1, "{third}");
    assert_eq!(object(&third, "deals")["deleted"], 1, "{third}");
    assert_same(&project, &[], "third");
}

#[test]
fn a_probe_says_what_the_account_offers_and_extracts_believe_it() {
    let project = generated(60, 11);
    let account = Account::start(
        &project,
        &[
            "--export",
            "direct/export",
            "--without",
            "segments,exports",
            "--rate",
            "30",
            "--page-size",
            "20",
        ],
    );
    point(&project, &account, "requests_per_second = 25");
    let probe = extract(&project, &["--probe"]);
    let known = &probe["capabilities"];
    assert_eq!(known["endpoints"]["users/"], 200);
    assert_eq!(known["endpoints"]["segments/"], 404);
    assert_eq!(known["page_size"], 20);
    assert_eq!(known["page_parameters"][0], "cursor");
    assert_eq!(known["changes"], "search");
    assert!(known["exports"].is_null());
    assert!(known["burst"].as_u64().unwrap() <= 60, "{known}");
    let report = fs::read_to_string(project.path("live/extracts/probe.md")).unwrap();
    assert!(report.contains("# What http://127.0.0.1"), "{report}");
    assert!(!report.contains('@'), "no e-mail address: {report}");
    let run = project.run(["extract", "--project", "live", "--dry-run"]);
    assert!(run.stderr.contains("segments are not extracted"), "{run}");
    assert!(
        !project
            .path("live/extracts/.state")
            .join("run.json")
            .exists()
    );
}

#[test]
fn an_account_whose_clock_is_an_hour_ahead_is_believed() {
    let project = generated(20, 13);
    let account = Account::start(
        &project,
        &["--export", "direct/export", "--date-skew", "3600"],
    );
    point(&project, &account, FAST);
    let summary = extract(&project, &[]);
    let folder = summary["folder"].as_str().unwrap();
    let manifest = fs::read(Path::new(folder).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let at: chrono::DateTime<chrono::Utc> =
        manifest["started_at"].as_str().unwrap().parse().unwrap();
    let ahead = at - chrono::Utc::now();
    assert!(ahead > chrono::Duration::minutes(55), "{ahead}");
}
