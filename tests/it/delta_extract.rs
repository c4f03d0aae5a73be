//! `transload delta` where the source is an account: it extracts what changed, plans, and sends.

use std::fs;

use serde_json::json;
use transload_sim::usercom::DEFAULT_TOKEN;

use crate::extract::FAST;
use crate::rehearsal::{Project, Run, Running, copy};
use crate::support;
use crate::usercom_account::Account;

/// The small project over an account that has its export; people keep what no API gives in a folder of their own.
fn over_an_account() -> (Project, Account) {
    let project = Project::small();
    let served = support::Project::empty();
    copy(&project.path("export"), &served.path("export"));
    let account = Account::of(served, &[]);
    fs::create_dir_all(project.path("manual")).unwrap();
    for name in ["agents.csv", "pipelines.jsonl"] {
        fs::copy(
            project.path("export").join(name),
            project.path("manual").join(name),
        )
        .unwrap();
    }
    fs::remove_dir_all(project.path("export")).unwrap();
    let api = format!("[source.api]\nurl = \"{}\"\n{FAST}\n", account.url);
    project.edit(
        "migration.toml",
        "\n[options]\n",
        &format!("\n{api}\n[options]\n"),
    );
    (project, account)
}

fn delta(project: &Project, more: &[&str]) -> Run {
    delta_with(project, DEFAULT_TOKEN, more)
}

fn delta_with(project: &Project, token: &str, more: &[&str]) -> Run {
    let mut arguments = vec!["delta"];
    arguments.extend(more);
    let mut command = project.command(&arguments);
    command.env("USERCOM_API_TOKEN", token);
    Running::start(command).wait()
}

#[test]
#[ignore = "long: several migrations"]
fn a_delta_reads_what_changed_in_the_account_then_plans_and_sends_it() {
    let (project, account) = over_an_account();
    let run = delta(&project, &[]).ended(0);
    assert!(run.stderr.contains("reading everything"), "{}", run.stderr);
    assert!(run.stdout.contains("Plan for simulator"), "{}", run.stdout);
    let city = || project.org().row("Contact", "4", "MailingCity")["MailingCity"].clone();
    assert_eq!(city(), "Austin");

    account.change(
        json!({"object": "people", "action": "touch", "id": 4, "fields": {"city": "Nice"}}),
    );
    // A dry run reads the account too: it plans what a delta would send.
    let run = delta(&project, &["--dry-run"]).ended(0);
    assert!(
        run.stderr.contains("reading what changed since extract"),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("contact: MailingCity (1)"),
        "{}",
        run.stdout
    );
    assert_eq!(city(), "Austin");
    delta(&project, &[]).ended(0);
    assert_eq!(city(), "Nice");

    // Without the account, what was extracted last is read again.
    account.change(
        json!({"object": "people", "action": "touch", "id": 4, "fields": {"city": "Lyon"}}),
    );
    let run = delta(&project, &["--no-extract"]).ended(0);
    assert!(!run.stderr.contains("extract "), "{}", run.stderr);
    assert_eq!(city(), "Nice");
    // An account that lets nobody in stops the delta before anything is planned.
    let run = delta_with(&project, "wrong", &[]).ended(2);
    assert!(run.error().contains("401"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    assert_eq!(city(), "Nice");
}

#[test]
#[ignore = "long: several migrations"]
fn a_delta_sends_nothing_to_a_real_org_before_somebody_has_seen_the_plan_and_said_yes() {
    let (project, org, _) = Project::loaded_into_an_org();
    project.edit("export/companies.csv", "10,Globex,", "10,Globex Inc,");
    let name = || org.row("Account", "10", "Name")["Name"].clone();
    let asked = project.transload(&["delta"]).ended(2);
    assert!(asked.stdout.contains("Plan for served"), "{}", asked.stdout);
    assert!(
        asked.stdout.contains("account: Name (1)"),
        "{}",
        asked.stdout
    );
    let said = "nothing was sent: served is a real org";
    assert!(asked.error().contains(said), "{}", asked.stderr);
    let asked = project.transload(&["delta", "--format", "json"]).ended(2);
    assert!(asked.error().contains(said), "{}", asked.stderr);
    project.transload(&["delta", "--yes", "--dry-run"]).ended(0);
    assert_eq!(name(), "Globex");
    project.transload(&["delta", "--yes"]).ended(0);
    assert_eq!(name(), "Globex Inc");
}
