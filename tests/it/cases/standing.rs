//! What follows from what is as it was is not made again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use reqwest::Method;
use serde_json::json;

use crate::further;
use crate::rehearsal::{Project, Run};

/// All files below a folder.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => files(&path),
            path => vec![path.display().to_string()],
        })
        .collect()
}

/// The current versions of tables of a schema and the files of each.
fn tables(project: &Project, schema: &str) -> BTreeMap<String, (u64, String)> {
    let mut found = BTreeMap::new();
    for path in files(&project.path(".transload")) {
        let Some(place) = path.split(&format!("/manifests/{schema}/")).nth(1) else {
            continue;
        };
        let (model, version) = place.split_once('/').unwrap();
        let version: u64 = version.trim_end_matches(".json").parse().unwrap();
        let manifest: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let file = manifest["files"][0]["path"].as_str().unwrap().to_owned();
        let known = found.entry(model.to_owned()).or_insert((0, String::new()));
        if version > known.0 {
            *known = (version, file);
        }
    }
    found
}

#[test]
#[ignore = "long: several migrations"]
fn models_over_the_same_rows_stand_and_those_that_hang_on_a_change_do_not() {
    let project = further::project();
    project.run();
    project.run();
    let settled = tables(&project, "prepare");
    assert!(settled.len() > 20, "{settled:?}");
    let differences = |project: &Project| {
        let mut found = tables(project, "recon");
        found.retain(|name, _| {
            name.starts_with("differences_") || name.starts_with("changed_by_org_")
        });
        found
    };
    let compared = differences(&project);
    assert!(compared.len() > 40, "{compared:?}");
    // A plan makes the models that the run would make, and leaves those that stand.
    project.transload(&["plan"]).ended(0);
    assert_eq!(tables(&project, "prepare"), settled, "nothing changed");
    project.run();
    assert_eq!(tables(&project, "prepare"), settled, "nothing changed");
    assert_eq!(differences(&project), compared, "nothing changed");
    // One decision: only what reads it is made anew.
    project.append("config/rates.csv", "USD,0.9\n");
    let plan = project.transload(&["plan", "--why"]).ended(0);
    assert!(plan.stdout.contains("config.rates"), "{}", plan.stdout);
    project.run();
    let now = tables(&project, "prepare");
    let anew: Vec<&String> = now
        .iter()
        .filter(|(name, made)| settled.get(*name) != Some(made))
        .map(|(name, _)| name)
        .collect();
    assert!(anew.iter().any(|name| *name == "exchange_rate"), "{anew:?}");
    assert!(anew.len() < now.len() / 2, "{anew:?}");
    project.run_with(&["--fresh"]).ended(0);
    let all = tables(&project, "prepare");
    assert!(
        all.iter().all(|(name, made)| now.get(name) != Some(made)),
        "{all:?}"
    );
}

#[test]
#[ignore = "long: several migrations"]
fn a_plan_of_what_is_as_it_was_makes_no_outbox_again() {
    let project = further::project();
    let plan = |more: &[&str]| {
        let arguments = [&["plan", "--format", "json"], more].concat();
        let output = project.transload(&arguments).ended(0);
        let mut report: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        report.as_object_mut().unwrap().remove("why");
        let made = output.stderr.lines();
        let made = made.filter_map(|line| line.strip_prefix("planning "));
        let made: BTreeSet<String> = made.map(str::to_owned).collect();
        (report, made)
    };
    let (first, made) = plan(&[]);
    for load in ["account", "contact", "opportunity", "task"] {
        assert!(made.contains(load), "{made:?}");
    }
    let (again, made) = plan(&[]);
    assert_eq!(again, first);
    for load in ["account", "contact", "opportunity", "task", "item_link"] {
        assert!(!made.contains(load), "{load}: {made:?}");
    }
    // Looked at by itself, each table is made.
    let (fresh, made) = plan(&["--fresh"]);
    assert_eq!(fresh, first);
    assert!(made.contains("account"), "{made:?}");
    // What follows from a decision is made anew, and only that.
    project.append("config/rates.csv", "USD,0.9\n");
    let (_, made) = plan(&[]);
    assert!(made.contains("exchange_rate"), "{made:?}");
    // A file that somebody removed.
    let gone = files(&project.path(".transload"));
    let gone = gone.iter().filter(|path| path.contains("/outbox/account/"));
    assert!(gone.clone().count() > 0);
    gone.for_each(|path| std::fs::remove_file(path).unwrap());
    let (_, made) = plan(&[]);
    assert!(made.contains("account"), "{made:?}");
    assert!(!made.contains("campaign"), "{made:?}");
    let left = || {
        let left = files(&project.path(".transload"));
        left.iter().any(|path| path.ends_with("/dry_run.json"))
    };
    assert!(left());
    project.run();
    assert!(!left(), "a run makes the tables themselves");
}

/// The loads whose outbox a run wrote.
fn written(project: &Project, run: impl FnOnce(&Project) -> Run) -> (Run, BTreeSet<String>) {
    let before = tables(project, "outbox");
    let run = run(project);
    let now = tables(project, "outbox").into_iter();
    let anew = now.filter(|(load, made)| before.get(load) != Some(made));
    (run, anew.map(|(load, _)| load).collect())
}

/// Refuses a run that says something else than one that looks at every row and every record.
#[track_caller]
fn says_what_a_look_at_everything_says(project: &Project, run: &Run) {
    let whole = project.run_with(&["--fresh", "--full"]);
    assert_eq!(run.code, whole.code, "{}\n{}", run.stderr, whole.stderr);
    for key in ["status", "objects", "held", "warnings", "undecided"] {
        assert_eq!(run.summary[key], whole.summary[key], "{key}");
    }
}

#[test]
#[ignore = "long: several migrations"]
fn a_load_with_nothing_to_do_stands_until_its_rows_its_records_or_its_rules_change() {
    let project = further::project();
    project.run();
    project.run();
    let (run, anew) = written(&project, Project::run);
    let all: BTreeSet<String> = tables(&project, "outbox").into_keys().collect();
    let stand: BTreeSet<&String> = all.difference(&anew).collect();
    assert!(stand.len() > 25, "{anew:?}");
    assert!(
        run.stderr.contains("loads stand as they were"),
        "{}",
        run.stderr
    );
    assert_eq!(run.total("sent"), 0);
    says_what_a_look_at_everything_says(&project, &run);

    // After a look at everything, what it found stands again.
    let (_, anew) = written(&project, Project::run);
    let among = |anew: &BTreeSet<String>, loads: &[&str]| -> Vec<bool> {
        loads.iter().map(|load| anew.contains(*load)).collect()
    };
    let looked_at = ["lead", "contact", "account", "product", "task", "event"];
    assert_eq!(among(&anew, &looked_at), [false; 6], "{anew:?}");

    // Somebody edits a contact.
    let org = project.org();
    let id = org.row("Contact", "3", "Name")["Id"].clone();
    let edit = json!({"object": "Contact", "id": id, "fields": {"Phone": "+48 999"}, "user": "ann@acme.example.crm"});
    org.control(Method::POST, "rows", Some(edit));
    drop(org);
    let (run, anew) = written(&project, Project::run);
    assert_eq!(
        among(&anew, &["contact", "lead", "product"]),
        [true, false, false],
        "{anew:?}"
    );
    assert_eq!(run.number("contact", "changed_by_org"), 1);
    let told = project.table("select c.field, c.found from recon.changed_by_org_contact as c");
    assert_eq!(told, [["Phone", "+48 999"]]);
    // It is told as long as it is so, by a load that stands, too.
    let edits = [true, false].map(|looked_at| {
        let (run, anew) = written(&project, Project::run);
        assert_eq!(run.number("contact", "changed_by_org"), 1);
        assert!(
            run.stderr
                .contains("contact: 1 value(s) were changed in the org"),
            "{}",
            run.stderr
        );
        (anew.contains("contact") == looked_at, run)
    });
    assert!(edits[1].0, "it has left what it found");
    let [_, (_, run)] = edits;
    says_what_a_look_at_everything_says(&project, &run);

    // A cell of the export: what hangs on people is looked at, what does not stands.
    project.edit(
        "export/people.csv",
        "Lee Lane,lead,10,,Paris",
        "Lee Lane,lead,10,,Lyon",
    );
    let (run, anew) = written(&project, Project::run);
    assert_eq!(
        among(&anew, &["lead", "product", "pricebook"]),
        [true, false, false],
        "{anew:?}"
    );
    assert_eq!(run.number("lead", "updated"), 1);
    assert_eq!(project.org().row("Lead", "1", "City")["City"], "Lyon");

    // A rule.
    project.run();
    project.write(
        "config/field_policy.csv",
        "object,field,policy\nLead,City,org_wins\n",
    );
    let (_, anew) = written(&project, Project::run);
    assert_eq!(among(&anew, &["lead", "product"]), [true, true], "{anew:?}");

    // A record that is gone.
    let org = project.org();
    let lead = org.row("Lead", "1", "Name")["Id"].clone();
    org.delete("Lead", &lead);
    drop(org);
    let (run, anew) = written(&project, Project::run);
    assert!(anew.contains("lead"), "{anew:?}");
    let held =
        project.table("select h.reason from recon.held as h where h.load = 'lead' and h.key = '1'");
    assert_eq!(held, [["deleted_in_salesforce"]]);
    says_what_a_look_at_everything_says(&project, &run);
}

#[test]
#[ignore = "long: several migrations"]
fn what_a_rollback_took_back_or_a_table_that_was_touched_does_not_stand() {
    let project = Project::small();
    let first = project.run().ended(0);
    let sent = first.total("sent");
    let (run, anew) = written(&project, Project::run);
    assert_eq!(run.total("sent"), 0);
    assert!(
        anew.contains("lead"),
        "what has just landed is looked at: {anew:?}"
    );
    let (_, anew) = written(&project, Project::run);
    assert!(!anew.contains("lead"), "{anew:?}");
    let run = first.summary["run"].as_str().unwrap();
    project.transload(&["rollback", run, "--yes"]).ended(0);
    let again = project.run().ended(0);
    assert_eq!(again.total("sent"), sent, "all of it is sent again");
    let (run, _) = written(&project, Project::run);
    assert_eq!(run.total("sent"), 0);
    says_what_a_look_at_everything_says(&project, &run);
    // The read-back of another day is newer than what stands.
    let org = project.org();
    let id = org.row("Contact", "3", "Name")["Id"].clone();
    let edit = json!({"object": "Contact", "id": id, "fields": {"Phone": "+48 999"}, "user": "ann@acme.example.crm"});
    org.control(Method::POST, "rows", Some(edit));
    drop(org);
    project.transload(&["reconcile"]);
    let (run, anew) = written(&project, Project::run);
    assert!(anew.contains("contact"), "{anew:?}");
    assert_eq!(run.number("contact", "changed_by_org"), 1);
}
