//! A part of a run: what was selected goes through, what was not is neither loaded nor lost.

use std::collections::BTreeSet;

use transload::config::Config;
use transload::migration::{Migration, PlanReport, PlanRequest, RunReport, RunRequest};
use transload::project::Selection;
use transload::rows::RunStatus;

use crate::rehearsal::{Project, runtime};

fn selection(select: &[&str], exclude: &[&str]) -> Selection {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    Selection {
        select: words(select),
        exclude: words(exclude),
    }
}

fn migration(project: &Project) -> Migration {
    Migration::open(&Config::load(&project.path(""), None).unwrap()).unwrap()
}

fn plan(project: &Project, select: &[&str]) -> PlanReport {
    let request = PlanRequest {
        selection: selection(select, &[]),
        ..PlanRequest::default()
    };
    let migration = migration(project);
    let planned = runtime().block_on(Box::pin(migration.plan(&request)));
    planned.unwrap()
}

fn run(project: &Project, select: &[&str], exclude: &[&str]) -> RunReport {
    let request = RunRequest {
        selection: selection(select, exclude),
        ..RunRequest::default()
    };
    let migration = migration(project);
    let ran = runtime().block_on(Box::pin(migration.run(&request)));
    ran.unwrap()
}

fn created(report: &RunReport, load: &str) -> Option<u64> {
    let loads = &report.summary.objects;
    let found = loads.iter().find(|found| found.load == load);
    found.map(|found| found.created)
}

#[test]
#[ignore = "long: several migrations"]
fn what_is_selected_is_loaded_with_the_ids_of_earlier_runs_and_the_rest_is_named() {
    let project = Project::small();
    // Without their companies they wait as in any run, and the plan says for what.
    let early = plan(&project, &["contact"]);
    let loads: Vec<&str> = early.loads.iter().map(|load| load.load.as_str()).collect();
    assert_eq!(loads, ["contact"]);
    assert_eq!(early.loads[0].insert, 0);
    let reasons = &early.loads[0].reasons;
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(reasons[0].name, "held: account_missing");
    assert!(early.not_selected.contains(&"account".to_owned()));
    assert!(!early.not_selected.contains(&"contact".to_owned()));
    let customers = early.loads[0].held;
    assert!(customers > 0);

    let accounts = run(&project, &["account"], &[]);
    assert_eq!(accounts.summary.status, RunStatus::Partial);
    assert_eq!(created(&accounts, "account"), Some(3));
    assert_eq!(accounts.summary.objects.len(), 1);
    let others: BTreeSet<&String> = accounts.summary.not_selected.iter().collect();
    assert!(others.contains(&"contact".to_owned()) && !others.contains(&"account".to_owned()));
    let notes = accounts.notes.join("\n");
    let unasked =
        "queries/reconcile/split.sql was not asked: contact was never loaded and is not selected";
    assert!(notes.contains(unasked), "{notes}");
    let summary = project.report("summary.md");
    assert!(
        summary.contains("Not selected, so neither loaded nor lost: "),
        "{summary}"
    );

    // Ids come from the earlier run; leads are people of the same export, whose books stay open.
    let contacts = run(&project, &["contact"], &[]);
    assert_eq!(
        contacts.summary.status,
        RunStatus::Partial,
        "{:?}",
        contacts.notes
    );
    assert_eq!(created(&contacts, "contact"), Some(customers));
    let open = "the books of usercom.people stay open without lead";
    assert!(
        contacts.notes.iter().any(|note| note == open),
        "{:?}",
        contacts.notes
    );
    let org = project.org();
    let rows = org.rows("SELECT AccountId FROM Contact");
    assert!(
        rows.iter().all(|row| row["AccountId"].starts_with("001")),
        "{rows:?}"
    );
    assert_eq!(org.keys("Account").len(), 3);
    assert!(org.keys("Lead").is_empty());
    drop(org);

    // A whole run afterwards is as any other.
    let rest = run(&project, &[], &[]);
    assert_eq!(rest.summary.status, RunStatus::Ok, "{:?}", rest.notes);
    assert!(rest.summary.not_selected.is_empty());
    assert_eq!(created(&rest, "account"), Some(0));
    assert_eq!(created(&rest, "contact"), Some(0));
    assert_eq!(created(&rest, "opportunity"), Some(2));
    let runs = "select distinct r.status from ledger.runs as r order by 1";
    assert_eq!(project.table(runs), [["ok"], ["partial"]]);
}
