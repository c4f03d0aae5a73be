//! What follows from what is as it was is not made again.

use std::collections::BTreeMap;
use std::path::Path;

use crate::further;
use crate::rehearsal::Project;

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
