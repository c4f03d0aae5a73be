//! The checklist of the day: evidence that is shown, signatures that fit it.

use serde_json::Value;

use crate::rehearsal::Project;

const CHECKLIST: &str = "step;task;owner;planned_minutes;command;evidence;threshold;rollback\n\
    freeze;Nobody edits | any more;Ann;15;;;;\n\
    differences;Nothing differs;Ben;30;transload reconcile;differences;<= 0;\n\
    companies;All companies are there;;5;;companies;= 3;\n";

fn states(project: &Project, code: i32) -> Vec<(String, String)> {
    let run = project
        .transload(&["cutover", "status", "--format", "json"])
        .ended(code);
    let steps = run.summary["steps"].as_array().unwrap();
    let text = |step: &Value, name: &str| step[name].as_str().unwrap_or_default().to_owned();
    steps
        .iter()
        .map(|step| (text(step, "step"), text(step, "state")))
        .collect()
}

fn sign(project: &Project, step: &str, code: i32) -> String {
    let run = project.transload(&["cutover", "sign", "--step", step, "--name", "Ann | Ash"]);
    run.ended(code).stderr
}

#[test]
#[ignore = "long: several migrations"]
fn a_step_is_signed_on_evidence_that_was_shown_and_has_not_changed_since() {
    let project = Project::loaded();
    project.write("config/cutover.csv", CHECKLIST);
    project.write(
        "queries/cutover/companies.sql",
        "select count(*) as companies from ledger.account where id is not null",
    );
    let unseen = sign(&project, "companies", 1);
    assert!(unseen.contains("has not been shown"), "{unseen}");
    let ready = |step: &str| (step.to_owned(), "ready".to_owned());
    let all = states(&project, 1);
    assert_eq!(
        all,
        [ready("freeze"), ready("differences"), ready("companies")]
    );
    for step in ["freeze", "differences", "companies"] {
        sign(&project, step, 0);
    }
    let signed = states(&project, 0);
    assert!(
        signed.iter().all(|(_, state)| state == "signed"),
        "{signed:?}"
    );

    // A fourth company comes: what was signed is not what is there.
    project.append("export/companies.csv", "13,Umbrella,umbrella.example,,\n");
    project.carry().ended(0);
    let now = states(&project, 1);
    assert_eq!(now[2].1, "changed");
    let red = sign(&project, "companies", 1);
    assert!(
        red.contains("companies = 4") && red.contains("= 3"),
        "{red}"
    );

    let nearest = sign(&project, "compaines", 2);
    assert!(nearest.contains("did you mean `companies`?"), "{nearest}");
    let report = project.transload(&["cutover", "report"]).ended(0).stdout;
    assert!(report.contains("Nobody edits \\| any more"), "{report}");
    assert!(
        report.contains("signed by Ann \\| Ash on differences = 0"),
        "{report}"
    );
    assert!(report.contains("Open: differences, companies."), "{report}");

    // Somebody wants to have signed earlier.
    let org = project.orgs()[0].clone();
    let entry = format!(".transload/orgs/{org}/cutover/00000002.json");
    project.edit(&entry, "freeze", "companies");
    let touched = project.transload(&["cutover", "status"]).ended(3);
    assert!(
        touched.error().contains("entry 2 of the cutover log"),
        "{}",
        touched.stderr
    );
}

#[test]
#[ignore = "long: several migrations"]
fn evidence_that_changed_since_it_was_shown_is_not_signed_though_it_is_green() {
    let project = Project::loaded();
    project.write("config/cutover.csv", &CHECKLIST.replace("= 3", ">= 3"));
    project.write(
        "queries/cutover/companies.sql",
        "select count(*) as companies from ledger.account where id is not null",
    );
    states(&project, 1);
    project.append("export/companies.csv", "13,Umbrella,umbrella.example,,\n");
    project.carry().ended(0);
    let refused = sign(&project, "companies", 1);
    assert!(
        refused.contains("has changed since it was shown"),
        "{refused}"
    );
    states(&project, 1);
    sign(&project, "companies", 0);
}

#[test]
fn a_checklist_before_the_first_run_and_one_that_is_wrong_are_bad_input() {
    let project = Project::small();
    let early = project.transload(&["cutover", "status"]).ended(2);
    assert!(
        early.error().contains("nothing has been run yet"),
        "{}",
        early.stderr
    );
    project.write("config/cutover.csv", &CHECKLIST.replace("<= 0", "none"));
    let wrong = project.transload(&["cutover", "status"]).ended(2);
    assert!(
        wrong.error().contains("line 3, column threshold"),
        "{}",
        wrong.stderr
    );
}
