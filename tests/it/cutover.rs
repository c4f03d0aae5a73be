//! The checklist of the day: evidence that is shown, signatures that fit it.

use reqwest::Method;
use serde_json::{Value, json};

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
    let report = project.transload(&["cutover", "report"]).ended(0);
    let place = report.stderr.split_once("kept as ").unwrap().1.trim_end();
    assert!(std::path::Path::new(place).is_file(), "{place}");
    let report = report.stdout;
    assert!(report.contains("Nobody edits \\| any more"), "{report}");
    assert!(
        report.contains("signed by Ann \\| Ash on differences = 0"),
        "{report}"
    );
    assert!(report.contains(", which has to be = 3"), "{report}");
    assert!(report.contains("Open: differences, companies."), "{report}");

    // The newest signature is taken out: there is no later entry to miss it.
    let org = project.orgs()[0].clone();
    let folder = project.path(&format!(".transload/orgs/{org}/cutover"));
    let entries = std::fs::read_dir(&folder).unwrap();
    let entries = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let newest = entries.filter(|name| name.starts_with('0')).max().unwrap();
    let aside = project.path("aside");
    std::fs::rename(folder.join(&newest), &aside).unwrap();
    let short = project.transload(&["cutover", "status"]).ended(3);
    let number: u64 = newest.trim_end_matches(".json").parse().unwrap();
    assert!(
        short
            .error()
            .contains(&format!("entry {number} of the cutover log is missing")),
        "{}",
        short.stderr
    );
    std::fs::rename(&aside, folder.join(&newest)).unwrap();

    // Somebody wants to have signed earlier.
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

#[test]
#[ignore = "long: several migrations"]
fn a_step_whose_threshold_or_text_was_changed_since_it_was_shown_is_not_signed() {
    let project = Project::loaded();
    let checklist = |task: &str, threshold: &str| {
        let head = CHECKLIST.lines().next().unwrap();
        let steps = format!("{head}\ncompanies;{task};;5;;companies;{threshold};\n");
        project.write("config/cutover.csv", &steps);
    };
    project.write(
        "queries/cutover/companies.sql",
        "select count(*) as companies from ledger.account where id is not null",
    );
    checklist("All are there", "= 4");
    assert_eq!(states(&project, 1)[0].1, "red");
    for (task, threshold) in [("All are there", "<= 99"), ("Some are there", "<= 99")] {
        checklist(task, threshold);
        let refused = sign(&project, "companies", 1);
        assert!(refused.contains("its threshold"), "{refused}");
        states(&project, 1);
    }
    sign(&project, "companies", 0);
    assert_eq!(states(&project, 0)[0].1, "signed");
    // What was signed was about another threshold.
    checklist("Some are there", "<= 999");
    assert_eq!(states(&project, 1)[0].1, "changed");
}

/// A checklist of the product's own evidence.
fn preset(project: &Project) {
    let head = CHECKLIST.lines().next().unwrap();
    let steps = ["run_not_ok", "rows_held", "differences", "hypercare"];
    let steps = steps.map(|name| format!("{name};As it has to be;;5;;{name};<= 0;\n"));
    project.write("config/cutover.csv", &format!("{head}\n{}", steps.concat()));
}

fn state(project: &Project, step: &str) -> String {
    let states = states(project, 1).into_iter();
    let mut states = states.filter(|(name, _)| name == step);
    states.next().unwrap().1
}

#[test]
#[ignore = "long: several migrations"]
fn a_run_that_is_held_or_of_a_part_is_not_done_and_what_waits_is_not_decided() {
    let project = Project::loaded();
    preset(&project);
    let both = |project: &Project| [state(project, "run_not_ok"), state(project, "rows_held")];
    assert_eq!(both(&project), ["ready", "ready"]);
    project.run_with(&["--select", "account"]).ended(0);
    assert_eq!(both(&project), ["red", "ready"], "a part");

    // A field that both sides changed.
    let org = project.org();
    let id = org.row("Contact", "3", "Name")["Id"].clone();
    let edit = json!({"object": "Contact", "id": id, "fields": {"Phone": "+48 9"}, "user": "ann@acme.example.crm"});
    org.control(Method::POST, "rows", Some(edit));
    drop(org);
    project.edit("export/people.csv", "+48 600 100 200", "+48 8");
    project.run().ended(1);
    assert_eq!(both(&project), ["red", "red"], "a conflict");
    project.write(
        "config/decisions.csv",
        "object,key,field,ours,theirs,decision\nContact,3,Phone,+48 8,+48 9,org\n",
    );
    project.run().ended(0);
    assert_eq!(both(&project), ["ready", "ready"]);

    // More is gone than may go without a question.
    project.edit(
        "migration.toml",
        "\n[options]\n",
        "\n[source]\ncomplete = true\n\n[options]\n",
    );
    let people = project.read("export/people.csv");
    let kept: Vec<&str> = people
        .lines()
        .filter(|line| !line.starts_with("6,"))
        .collect();
    project.write("export/people.csv", &(kept.join("\n") + "\n"));
    let run = project.run().ended(1);
    assert_eq!(both(&project), ["red", "red"], "{}", run.stderr);
    let why = json!([{
        "reason": "gone_beyond_max_delete_share",
        "rows": 1,
        "decide_in": "max_delete_share under [gates] in migration.toml",
    }]);
    assert_eq!(run.summary["undecided"], why, "{}", run.stderr);
    assert_eq!(run.number("lead", "gone_waiting"), 1);
}

#[test]
#[ignore = "long: several migrations"]
fn what_a_reconciliation_finds_turns_its_steps_red_until_a_later_one_finds_nothing() {
    let project = Project::loaded();
    preset(&project);
    let both = |project: &Project| [state(project, "differences"), state(project, "hypercare")];
    assert_eq!(both(&project), ["ready", "red"], "nobody looked yet");
    let look = |code: i32| {
        project
            .transload(&["reconcile", "--since", "last"])
            .ended(code);
    };
    look(0);
    assert_eq!(both(&project), ["ready", "ready"]);

    // Somebody finds a way to ask for what is wrong, and it is mended.
    project.write(
        "queries/reconcile/odd.sql",
        "-- grain: one row per account that should not be there\n         select account.id as id from ledger.account as account where account.usercom_id__c = '12'\n",
    );
    project.transload(&["reconcile"]).ended(1);
    assert_eq!(both(&project), ["red", "ready"]);
    look(1);
    assert_eq!(both(&project), ["red", "red"]);
    project.edit("queries/reconcile/odd.sql", "'12'", "'999'");
    look(0);
    assert_eq!(both(&project), ["ready", "ready"]);

    // A record is taken out of the org, and out of its bin.
    let org = project.org();
    let id = org.row("Contact", "3", "Name")["Id"].clone();
    org.control(Method::POST, "delete", Some(json!({"id": id})));
    org.control(Method::POST, "purge", Some(json!({"id": id})));
    drop(org);
    project.transload(&["reconcile"]).ended(1);
    assert_eq!(both(&project), ["red", "ready"]);
    look(1);
    assert_eq!(both(&project), ["red", "red"]);
    let found = "select r.reads, r.findings from ledger.reconciliations as r where r.name = 'contact' order by r.at";
    assert_eq!(
        project.table(found),
        [
            ["changes", "0"],
            ["all", "0"],
            ["changes", "0"],
            ["changes", "0"],
            ["all", "1"],
            ["changes", "1"]
        ]
    );
}
