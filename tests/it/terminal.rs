//! What a run tells while it works and when it is over: progress, its log, its reports, whoever wants to be told.

use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};

use transload::staging::Staging;

use crate::rehearsal;
use crate::support::Project;

#[test]
#[ignore = "long: several migrations"]
fn a_run_keeps_a_log_tells_where_its_reports_are_and_notifies() {
    let project = Project::small();
    let told = project.path("told.txt");
    let settings = std::fs::read_to_string(project.path("migration.toml")).unwrap();
    let notify = format!(
        "\n[notify]\ncommand = 'echo \"$TRANSLOAD_COMMAND $TRANSLOAD_STATUS $TRANSLOAD_MESSAGE\" >> \"{}\"'\n",
        told.display()
    );
    std::fs::write(project.path("migration.toml"), settings + &notify).unwrap();
    let run = project.run(["run", "-vv"]);
    assert_eq!(run.code, Some(0), "{run}");
    let reports = run
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("reports: "));
    let reports = reports.unwrap().strip_prefix("[PROJECT]/").unwrap();
    assert!(
        project.path(reports).join("summary.md").is_file(),
        "{reports}"
    );
    assert!(run.stderr.contains("phase 1 of "), "{run}");
    assert!(run.stderr.contains("answered request=\"POST "), "{run}");
    let told = std::fs::read_to_string(told).unwrap();
    assert!(told.starts_with("run ok "), "{told}");
    // Everything that was told on the way is kept with the time, and nothing of the data.
    let logs = std::fs::read_dir(project.path(".transload/logs")).unwrap();
    let logs: Vec<_> = logs.flatten().map(|entry| entry.path()).collect();
    let [log] = logs.as_slice() else {
        panic!("{logs:?}");
    };
    assert!(log.to_string_lossy().ends_with("-run.log"), "{log:?}");
    let log = std::fs::read_to_string(log).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("phase 1 of "))
        .unwrap();
    assert!(
        line.starts_with("20") && line[..24].ends_with('Z'),
        "{line}"
    );
    assert!(!log.contains('@'), "{log}");
    for line in run.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }

    let quiet = project.run(["run", "-q"]);
    assert_eq!(
        (quiet.code, quiet.stderr.as_str()),
        (Some(0), ""),
        "{quiet}"
    );
}

#[test]
#[ignore = "long: several migrations"]
fn status_watches_a_command_at_work_to_its_end_and_says_why_a_gate_is_shut() {
    let project = rehearsal::Project::small();
    project.write(
        "config/value_policy.csv",
        "object,field,policy,note\nLead,LastName,blank_and_keep_raw,\n",
    );
    project.edit(
        "export/people.csv",
        "Lee Lane",
        &format!("Lee {}", "o".repeat(90)),
    );
    project.carry().ended(1);
    let staging = Staging::open(&project.path(".transload").to_string_lossy()).unwrap();
    let lease = rehearsal::runtime().block_on(staging.lease("run")).unwrap();
    let told = project.path("told.txt");
    let mut command = project.command(&["status", "--watch"]);
    command.stdout(Stdio::null());
    command.stderr(File::create(&told).unwrap());
    let mut watching = command.spawn().unwrap();
    let started = Instant::now();
    let looks = || {
        std::fs::read_to_string(&told)
            .unwrap()
            .matches("at work: transload run, process ")
            .count()
    };
    while looks() < 2 {
        assert_eq!(
            watching.try_wait().unwrap(),
            None,
            "it ended while a command was at work"
        );
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "it looked {} times",
            looks()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    rehearsal::runtime().block_on(lease.release()).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(0));
    let told = std::fs::read_to_string(&told).unwrap();
    assert!(
        told.contains("the gate of lead is shut: lead: 1 of 3 rows failed"),
        "{told}"
    );
}

#[test]
fn a_shell_completes_the_names_of_the_project() {
    let project = rehearsal::Project::loaded();
    // As fish asks: the words so far, the last of them unfinished.
    let candidates = |words: &[&str]| -> Vec<String> {
        let words = [&["--", "transload"], words].concat();
        let mut command = project.command(&words);
        let answer = command.env("COMPLETE", "fish").output().unwrap();
        assert!(answer.status.success(), "{answer:?}");
        let text = String::from_utf8(answer.stdout).unwrap();
        let words = text.lines().filter_map(|line| line.split('\t').next());
        let names = words.filter(|word| !word.starts_with('-'));
        names.map(str::to_owned).collect()
    };
    assert_eq!(candidates(&["recon"]), ["reconcile"]);
    assert_eq!(
        candidates(&["load", "--select", "opportunity_t"]),
        ["opportunity_team_member"]
    );
    assert_eq!(candidates(&["run", "--target", ""]), ["simulator"]);
    let runs = candidates(&["rollback", ""]);
    let known = project.table("select distinct r.run from ledger.runs as r order by 1");
    assert!(!runs.is_empty());
    assert_eq!(runs, known.concat());
    assert_eq!(
        candidates(&["docs", "tables", "usercom.peop"]),
        ["usercom.people"]
    );
    assert_eq!(
        candidates(&["docs", "tables", "recon.fates_opportunity_team_"]),
        ["recon.fates_opportunity_team_member"]
    );
    assert_eq!(
        candidates(&["docs", "reasons", "demoted"]),
        ["demoted_in_source"]
    );
    assert_eq!(candidates(&["explain", "peo"]), ["people"]);
}
