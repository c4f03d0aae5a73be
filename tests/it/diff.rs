//! Two versions of the rules over the same rows, as `transload diff` compares them.

use serde_json::Value;

use crate::rehearsal::{Project, Run};
use crate::support::git;

/// A project of forty people of two countries, staged; its rules are those of the first commit.
fn staged() -> Project {
    let project = Project::small();
    let mut people =
        "id,email,name,lifecycle_stage,company_id,country,unsubscribed,updated_at\n".to_owned();
    for id in 1..=40 {
        let (stage, country) = match id % 4 {
            0 => ("mql", "DE"),
            1 => ("customer", "PL"),
            _ => ("lead", "PL"),
        };
        people.push_str(&format!(
            "{id},p{id}@globex.example,Pat P{id},{stage},10,{country},f,2026-01-01T00:00:00Z\n"
        ));
    }
    project.write("export/people.csv", &people);
    std::fs::remove_file(project.path("export/deals.csv")).unwrap();
    project.write(
        "config/lifecycle.csv",
        "lifecycle_stage,target\nlead,Lead\nmql,Lead\ncustomer,Contact\n",
    );
    project.transload(&["stage"]).ended(0);
    project
}

fn committed() -> Project {
    let project = staged();
    git(&project.path(""), &["init", "-q"]);
    git(&project.path(""), &["add", "migration.toml", "config"]);
    git(&project.path(""), &["commit", "-q", "-m", "rules"]);
    project
}

/// The program sees git, as a person's shell does.
fn diff(project: &Project, more: &[&str]) -> (Run, Value) {
    let mut arguments = vec!["diff", "--format", "json"];
    arguments.extend(more);
    let mut command = project.command(&arguments);
    command.env("PATH", "/usr/bin:/bin:/usr/local/bin");
    let run = crate::rehearsal::Running::start(command).wait();
    let report = serde_json::from_str(&run.stdout).unwrap_or_default();
    (run, report)
}

fn source<'a>(report: &'a Value, name: &str) -> &'a Value {
    let mut sources = report["sources"].as_array().unwrap().iter();
    sources
        .find(|source| source["source"] == name)
        .unwrap_or_else(|| panic!("{report}"))
}

#[test]
#[ignore = "long: several migrations"]
fn people_who_would_move_are_counted_with_reasons_examples_and_what_they_have_in_common() {
    let project = committed();
    let (same, report) = diff(&project, &["--against", "HEAD", "--fail-over", "0%"]);
    let same = same.ended(0);
    assert_eq!(report["changed"], 0, "{}", same.stdout);
    assert!(report["rows"].as_u64().unwrap() > 40, "{report}");
    assert_eq!(
        report["computed"], 0,
        "what is the same is not computed again: {report}"
    );
    assert!(report["shared"].as_u64().unwrap() > 30, "{report}");

    project.edit("config/lifecycle.csv", "mql,Lead", "mql,Contact");
    let (run, report) = diff(&project, &["--against", "HEAD"]);
    run.ended(0);
    let people = source(&report, "usercom.people");
    assert_eq!(
        (&people["rows"], &people["changed"]),
        (&40.into(), &10.into())
    );
    let moves = people["moves"].as_array().unwrap();
    let moved: Vec<&Value> = moves
        .iter()
        .filter(|found| found["from"] != found["to"])
        .collect();
    assert_eq!(moved.len(), 1, "{moves:?}");
    assert_eq!(
        (&moved[0]["from"], &moved[0]["to"], &moved[0]["rows"]),
        (&"Lead sent".into(), &"Contact sent".into(), &10.into())
    );
    assert_eq!(
        moved[0]["reasons"],
        serde_json::json!([["lifecycle_mql", 10]])
    );
    assert_eq!(moved[0]["examples"].as_array().unwrap().len(), 10);
    let stay: u64 = moves
        .iter()
        .filter(|found| found["from"] == found["to"])
        .map(|found| found["rows"].as_u64().unwrap())
        .sum();
    assert_eq!(stay, 30);
    let country = &people["segments"]
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["column"] == "country");
    let country = country.unwrap();
    assert_eq!(
        (&country["value"], &country["percent_of_changed"]),
        (&"DE".into(), &100.0.into())
    );
    assert_eq!(country["percent_of_all"], 25.0);
    // Leads and contacts take the same storage each, so their loads change and the sum does not.
    let storage = report["storage"].as_array().unwrap();
    let sum = |side: &str| {
        storage
            .iter()
            .map(|load| load[side].as_i64().unwrap())
            .sum::<i64>()
    };
    assert_eq!(sum("before_kb"), sum("now_kb"));
    assert_eq!(storage.len(), 2, "{storage:?}");

    let (over, _) = diff(&project, &["--against", "HEAD", "--fail-over", "1%"]);
    let over = over.ended(1);
    assert!(
        over.stderr.contains("more than --fail-over 1 %"),
        "{}",
        over.stderr
    );
    let mut shown = project.command(&["diff", "--against", "HEAD", "--csv", "out"]);
    shown.env("PATH", "/usr/bin:/bin:/usr/local/bin");
    let shown = crate::rehearsal::Running::start(shown).wait().ended(0);
    for line in [
        "10 from Lead sent to Contact sent: 10 lifecycle_mql",
        "100 % of the changed rows have country = DE, 25 % of all",
    ] {
        assert!(shown.stdout.contains(line), "{line}: {}", shown.stdout);
    }
    assert!(
        project
            .read("out/moves.csv")
            .contains("usercom.people,Lead sent,Contact sent,lifecycle_mql,10\n")
    );
    assert_eq!(project.read("out/examples.csv").lines().count() - 1, 10);
    // Nothing is left behind, and the decisions that queries see are the working ones.
    assert!(!project.path(".transload/diff").exists());
    assert_eq!(
        project.table("select l.target from config.lifecycle as l where l.lifecycle_stage = 'mql'"),
        [["Contact"]]
    );
}

#[test]
fn fields_with_other_values_are_counted_and_only_what_changed_is_computed() {
    let project = committed();
    project.override_query("queries/load/lead.sql", |text| {
        text.replace("person.city as \"City\"", "'Town' as \"City\"")
    });
    let (run, report) = diff(&project, &["--against", "HEAD"]);
    run.ended(0);
    let people = source(&report, "usercom.people");
    assert_eq!(people["changed"], 30);
    let fields = people["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 1, "{fields:?}");
    assert_eq!(
        (&fields[0]["load"], &fields[0]["field"], &fields[0]["rows"]),
        (&"lead".into(), &"City".into(), &30.into())
    );
    let examples = fields[0]["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 20);
    assert_eq!(
        (&examples[0]["before"], &examples[0]["now"]),
        (&Value::Null, &"Town".into())
    );
    let moved = people["moves"]
        .as_array()
        .unwrap()
        .iter()
        .any(|found| found["from"] != found["to"]);
    assert!(!moved, "{people}");
    assert!(report["computed"].as_u64().unwrap() > 0);
    // Accounts come before leads and know nothing of the query.
    assert!(report["shared"].as_u64().unwrap() > 10, "{report}");
}

#[test]
#[ignore = "long: several migrations"]
fn the_rules_of_the_last_run_are_kept_and_so_are_those_of_a_folder() {
    let project = staged();
    let (none, _) = diff(&project, &[]);
    let none = none.ended(2);
    assert!(
        none.stderr.contains("no run has kept its rules"),
        "{}",
        none.stderr
    );
    assert!(
        none.stderr.contains("hint: name them: --against DIR"),
        "{}",
        none.stderr
    );
    project.run().ended(0);
    let (same, report) = diff(&project, &[]);
    same.ended(0);
    assert_eq!(report["changed"], 0, "{report}");
    assert!(
        report["against"]
            .as_str()
            .unwrap()
            .starts_with("the rules of run ")
    );
    project.append("config/lifecycle.csv", "subscriber,Lead\n");
    project.edit("config/lifecycle.csv", "customer,Contact", "customer,Hold");
    let (held, report) = diff(&project, &[]);
    held.ended(0);
    let people = source(&report, "usercom.people");
    let held = &people["moves"][0];
    assert_eq!(
        (&held["from"], &held["to"], &held["rows"]),
        (&"Contact sent".into(), &"Lead held".into(), &10.into())
    );
    assert_eq!(
        held["reasons"],
        serde_json::json!([["lifecycle_on_hold", 10]])
    );
    // A folder is a project of its own; its destination and source do not matter.
    for file in [
        "migration.toml",
        "config/lifecycle.csv",
        "config/stage_matrix.csv",
    ] {
        project.write(&format!("other/{file}"), &project.read(file));
    }
    let (folder, report) = diff(&project, &["--against", "other"]);
    folder.ended(0);
    assert_eq!(
        (&report["changed"], &report["against"]),
        (&0.into(), &"the rules in other".into())
    );
}

#[test]
fn rules_that_are_not_there_are_bad_input() {
    let project = Project::small();
    let refused = |project: &Project, against: &str, message: &str| {
        let (run, _) = diff(project, &[&format!("--against={against}")]);
        let run = run.ended(2);
        assert!(run.stderr.contains(message), "{against}: {}", run.stderr);
    };
    refused(&project, "HEAD", "nothing is staged");
    project.transload(&["stage"]).ended(0);
    refused(&project, "HEAD", "the project's folder is in no repository");
    git(&project.path(""), &["init", "-q"]);
    git(&project.path(""), &["add", "config"]);
    git(&project.path(""), &["commit", "-q", "-m", "half"]);
    refused(&project, "nowhere", "the repository has no such revision");
    refused(&project, "--all", "a revision does not begin with a dash");
    refused(
        &project,
        "HEAD",
        "it has no migration.toml in the project's folder",
    );
    project.write("broken/migration.toml", &project.read("migration.toml"));
    project.write(
        "broken/queries/load/lead.sql",
        "-- object: Lead\nselect from\n",
    );
    refused(&project, "broken", "the rules in broken cannot be tried");
    let mut command = project.command(&["diff", "--against", "HEAD"]);
    command.env("PATH", "/nowhere");
    let run = crate::rehearsal::Running::start(command).wait().ended(2);
    assert!(
        run.stderr.contains("git cannot be started"),
        "{}",
        run.stderr
    );
}
