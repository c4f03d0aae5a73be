//! When a phase stops.

use serde_json::{Value, json};
use transload_sim::salesforce::SalesforceSimOptions;

use crate::org::Org;
use crate::rehearsal::Project;

/// 400 people who become leads, and an org with faults of its jobs.
fn many(faults: Value) -> (Project, Org) {
    let project = Project::small();
    let people: Vec<String> = (100..500)
        .map(|id| format!("{id},p{id}@globex.example,P{id} Lane,lead\n"))
        .collect();
    project.write(
        "export/people-more.csv",
        &format!("id,email,name,lifecycle_stage\n{}", people.concat()),
    );
    let org = project.serve_org(SalesforceSimOptions::default());
    project.load_into(&org, "part_rows = 100\nconcurrent_jobs = 1\n");
    org.control(reqwest::Method::POST, "jobs", Some(faults));
    (project, org)
}

#[test]
fn the_canary_goes_by_the_gate() {
    // One row in forty: more than half a percent, less than five.
    let (project, org) = many(
        json!({"object": "Lead", "rows": {"every": 40, "code": "STRING_TOO_LONG", "attempts": null}}),
    );
    let run = project.run_with(&["--yes"]).ended(1);
    assert!(
        run.stderr.contains("too many of the first rows"),
        "{}",
        run.stderr
    );
    assert!(org.keys("Lead").len() <= 200, "{}", org.keys("Lead").len());
}

#[test]
fn a_refusal_by_the_orgs_set_up_stops_the_phase() {
    let (project, org) = many(json!({"object": "Lead", "skip": 1, "rows":
        {"every": 50, "code": "STORAGE_LIMIT_EXCEEDED", "attempts": null}}));
    project.edit(
        "migration.toml",
        "[options]",
        "[gates]\nmax_failed_percent = 50\n\n[options]",
    );
    let run = project.run_with(&["--yes"]).ended(1);
    assert!(
        run.stderr.contains("STORAGE_LIMIT_EXCEEDED"),
        "{}",
        run.stderr
    );
    assert!(org.keys("Lead").len() < 400, "{}", org.keys("Lead").len());
    assert!(org.keys("Contact").is_empty());
}
