//! Rows that Salesforce refuses for a while, jobs that end too early, results that are gone: every row lands once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::{Project, Run};

/// The small project, and an org with faults of its jobs.
fn faulty(faults: Value) -> (Project, Org) {
    let project = Project::small();
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "");
    org.control(reqwest::Method::POST, "jobs", Some(faults));
    (project, org)
}

/// All thirteen rows are there, once, and a second run has nothing to do.
#[track_caller]
fn assert_all_landed(run: &Run, project: &Project, org: &Org) {
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        run.total("failed") + run.total("unprocessed"),
        0,
        "{}",
        run.stdout
    );
    assert_eq!(run.total("created"), 13, "{}", run.stdout);
    for (object, rows) in [
        ("Account", 3),
        ("Lead", 3),
        ("Contact", 3),
        ("Opportunity", 2),
    ] {
        assert_eq!(
            org.rows(&format!("SELECT Id FROM {object}")).len(),
            rows,
            "{object}"
        );
    }
    assert_eq!(project.run().ended(0).total("sent"), 0);
}

fn attempts(project: &Project, load: &str) -> BTreeMap<String, u64> {
    let rows = project.table(&format!(
        "select a.outcome, max(a.attempt) from ledger.attempts_{load} as a group by a.outcome"
    ));
    rows.into_iter()
        .map(|row| (row[0].clone(), row[1].parse().unwrap()))
        .collect()
}

#[test]
#[ignore = "long: several migrations"]
fn rows_whose_parent_is_locked_land_at_another_attempt() {
    let (project, org) = faulty(
        json!({"object": "Lead", "rows": {"every": 1, "code": "UNABLE_TO_LOCK_ROW", "attempts": 2}}),
    );
    let run = project.run_with(&["--yes"]);
    assert_all_landed(&run, &project, &org);
    let attempts = attempts(&project, "lead");
    assert_eq!(
        (attempts["failed"], attempts["created"]),
        (2, 3),
        "{attempts:?}"
    );
}

#[test]
#[ignore = "long: several migrations"]
fn rows_that_are_locked_for_ever_are_given_up_after_six_attempts() {
    let (project, org) = faulty(
        json!({"object": "Lead", "rows": {"every": 1, "code": "UNABLE_TO_LOCK_ROW", "attempts": null}}),
    );
    let run = project.run_with(&["--yes"]).ended(1);
    assert_eq!(run.number("lead", "failed"), 3, "{}", run.stdout);
    assert_eq!(org.keys("Lead").len(), 0);
    assert_eq!(attempts(&project, "lead")["failed"], 6);
    let again = &run.summary["effort"]["sent_again"]["UNABLE_TO_LOCK_ROW"];
    assert_eq!(again, 15, "{}", run.stdout);
}

#[test]
fn a_refused_value_is_not_sent_again() {
    let (project, _org) = faulty(
        json!({"object": "Lead", "rows": {"every": 1, "code": "STRING_TOO_LONG", "attempts": null}}),
    );
    let run = project.run_with(&["--yes"]).ended(1);
    assert_eq!(run.number("lead", "failed"), 3);
    assert_eq!(attempts(&project, "lead")["failed"], 1);
}

#[test]
#[ignore = "long: several migrations"]
fn a_job_that_fails_half_way_keeps_what_landed_and_the_rest_follows() {
    let (project, org) = faulty(json!({"object": "Account", "fail_after": 0.5}));
    let run = project.run_with(&["--yes"]);
    assert_all_landed(&run, &project, &org);
    let attempts = attempts(&project, "account");
    assert_eq!(
        (attempts["unprocessed"], attempts["created"]),
        (1, 2),
        "{attempts:?}"
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_job_that_somebody_aborts_is_finished_by_another_one() {
    let (project, org) = faulty(json!({"object": "Contact", "abort_after": 0.4}));
    let run = project.run_with(&["--yes"]);
    assert_all_landed(&run, &project, &org);
}

#[test]
#[ignore = "long: several migrations"]
fn batches_that_die_of_time_are_sent_smaller() {
    let (project, org) = faulty(json!({"object": "Account", "batch_deaths": 21}));
    let run = project.run_with(&["--yes"]);
    assert_all_landed(&run, &project, &org);
}

#[test]
#[ignore = "long: several migrations"]
fn results_that_come_late_are_waited_for() {
    let (project, org) = faulty(json!({"object": "*", "times": 4, "late_results_ms": 700}));
    let run = project.run_with(&["--yes"]);
    assert_all_landed(&run, &project, &org);
    let sent = project.number("select count(*) from ledger.attempts_account");
    assert_eq!(sent, 3, "rows were sent a second time");
}

#[test]
#[ignore = "long: several migrations"]
fn a_used_up_quota_stops_the_run_and_the_next_one_goes_on() {
    let (project, org) = faulty(json!({"object": "Contact", "quota": true}));
    let stopped = project.run_with(&["--yes"]).ended(3);
    assert!(
        stopped.error().contains("EXCEEDEDQUOTA"),
        "{}",
        stopped.stderr
    );
    let run = project.run().ended(0);
    assert_eq!(run.number("lead", "unchanged"), 3);
    assert_eq!(org.rows("SELECT Id FROM Contact").len(), 3);
}

/// For records that can only be inserted, too: sent twice they would be there twice.
#[test]
#[ignore = "long: several migrations"]
fn rows_are_found_by_their_keys_when_the_results_have_expired() {
    let project = Project::small();
    let org = project.serve_org(SalesforceSimOptions {
        audit_fields: true,
        max_job_delay: Duration::from_millis(500),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "");
    let mut run = project.start(&["--yes"]);
    let reached = run.until(|| {
        project.journalled("created", "account") == 1
            && org.rows("SELECT Id FROM Account").len() == 3
    });
    run.signal("KILL");
    assert!(reached && run.wait().code.is_none());
    org.control(reqwest::Method::POST, "expire_jobs", None);
    let run = project.run().ended(0);
    assert_eq!(run.total("failed"), 0, "{}", run.stdout);
    assert_eq!(org.rows("SELECT Id FROM Account").len(), 3);
    let refused = "select count(*) from ledger.attempts_account as a where a.outcome = 'failed'";
    assert_eq!(
        project.number(refused),
        0,
        "rows were inserted a second time"
    );
    assert_eq!(project.run().ended(0).total("sent"), 0);
}

/// Locks as in Salesforce: jobs at the same time that touch one parent refuse each other's rows.
#[test]
#[ignore = "long: several migrations"]
fn every_row_lands_where_jobs_lock_each_others_parents() {
    let (project, _) = Project::generated(300, 5, false);
    let org = project.serve_org(SalesforceSimOptions {
        locks: true,
        batch_time: Duration::from_millis(400),
        ..SalesforceSimOptions::default()
    });
    project.load_into(&org, "part_rows = 40\nconcurrent_jobs = 4\n");
    let run = project.run_with(&["--yes"]).ended(0);
    assert_eq!(
        run.total("failed") + run.total("differences"),
        0,
        "{}",
        run.stdout
    );
    assert_eq!(project.run().ended(0).total("sent"), 0);
}
