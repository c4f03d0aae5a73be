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

/// The current versions of the project's models and the files of each.
fn models(project: &Project) -> BTreeMap<String, (u64, String)> {
    let mut found = BTreeMap::new();
    for path in files(&project.path(".transload")) {
        let Some(place) = path.split("/manifests/prepare/").nth(1) else {
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
    let settled = models(&project);
    assert!(settled.len() > 20, "{settled:?}");
    project.run();
    assert_eq!(models(&project), settled, "nothing changed");
    // One decision: only what reads it is made anew.
    let owners = project.read("config/lifecycle.csv");
    project.write(
        "config/lifecycle.csv",
        &format!("{owners}no such stage,Lead,\n"),
    );
    project.run();
    let now = models(&project);
    let anew: Vec<&String> = now
        .iter()
        .filter(|(name, made)| settled.get(*name) != Some(made))
        .map(|(name, _)| name)
        .collect();
    assert!(
        anew.iter()
            .any(|name| *name == "lifecycle" || *name == "person"),
        "{anew:?}"
    );
    assert!(anew.len() < now.len() / 2, "{anew:?}");
    project.run_with(&["--fresh"]).ended(0);
    let all = models(&project);
    assert!(
        all.iter().all(|(name, made)| now.get(name) != Some(made)),
        "{all:?}"
    );
}
