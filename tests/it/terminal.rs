//! What a run tells while it works and when it is over: progress, its log, its reports, whoever wants to be told.

use crate::support::Project;

#[test]
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
