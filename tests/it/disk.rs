//! A disk that is full, files that are gone, a project at another place.

use std::process::Command;

use crate::faults::{assert_as_if_nothing_had_happened, slow};
use crate::rehearsal::{Project, Run, Running};

/// The program may write files of at most this many kilobytes, as on a disk that is full.
fn with_file_limit(project: &Project, kilobytes: u32, arguments: &[&str]) -> Run {
    let program = project.command(arguments);
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg(format!(
            "trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\""
        ))
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(program.get_current_dir().unwrap());
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap());
    }
    Running::start(command).wait()
}

#[test]
#[ignore = "long: several migrations"]
fn a_full_disk_while_staging_stops_the_run_and_the_next_one_goes_on() {
    let (project, org) = slow(0);
    let run = with_file_limit(&project, 8, &["run", "--yes"]).ended(3);
    assert!(run.error().contains("hint: "), "{}", run.stderr);
    assert_eq!(org.rows("SELECT Id FROM Account").len(), 0);
    project.run_with(&["--yes"]).ended(0);
    assert_as_if_nothing_had_happened(&project, &org);
}

#[test]
#[ignore = "long: several migrations"]
fn a_full_disk_while_loading_stops_the_run_and_the_next_one_goes_on() {
    let (project, org) = slow(0);
    project.transload(&["stage"]).ended(0);
    let run = with_file_limit(&project, 32, &["run", "--yes", "--no-stage"]).ended(3);
    assert!(run.error().contains("hint: "), "{}", run.stderr);
    project.run_with(&["--yes"]).ended(0);
    assert_as_if_nothing_had_happened(&project, &org);
}

#[test]
fn a_missing_table_file_is_an_error_and_not_an_empty_table() {
    let project = Project::loaded();
    let ledger = project
        .path(".transload/orgs")
        .join(&project.orgs()[0])
        .join("tables/ledger/account");
    std::fs::remove_dir_all(ledger).unwrap();
    let run = project.run().ended(3);
    assert!(run.error().contains("ledger.account"), "{}", run.stderr);
}

#[test]
#[ignore = "long: several migrations"]
fn a_project_that_was_moved_goes_on_where_it_stopped() {
    let project = Project::loaded();
    let moved = project.moved();
    let run = moved.run().ended(0);
    assert_eq!(run.total("sent"), 0, "{}", run.stdout);
}
