//! A sample migration: some of the people with all that hangs on them; a run without `--sample` brings the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::org::Org;
use crate::rehearsal::{Project, Run};

/// Objects whose records have our key.
const OBJECTS: [&str; 6] = ["Account", "Lead", "Contact", "Opportunity", "Task", "Event"];

/// Keys of the records of each object; a key that two records have is refused.
fn keys(org: &Org) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for object in OBJECTS {
        let rows = org.rows(&format!(
            "SELECT usercom_id__c FROM {object} WHERE usercom_id__c != null"
        ));
        let keys: BTreeSet<String> = rows
            .iter()
            .map(|row| row["usercom_id__c"].clone())
            .collect();
        assert_eq!(keys.len(), rows.len(), "{object} has records twice");
        found.insert(object, keys);
    }
    found
}

/// What is held; a key that begins with its parent's id is named without it, since the id comes with the parent.
fn held(project: &Project) -> BTreeSet<String> {
    project.set(
        "select concat_ws(' | ', f.load, regexp_replace(f.key, '^.*[|]', ''), f.reason) from recon.fates as f \
         where f.fate = 'held'",
    )
}

fn gone(run: &Run) -> Vec<String> {
    let loads = run.summary["objects"].as_array().unwrap().iter();
    let gone = loads.filter(|load| load["gone"] != json!(0));
    gone.map(ToString::to_string).collect()
}

fn books(run: &Run) {
    for (table, loads) in [
        ("companies", &["account"][..]),
        ("people", &["lead", "contact"]),
        ("deals", &["opportunity"]),
        ("activities", &["task"]),
        ("events", &["event"]),
    ] {
        let fates = ["outbox", "held", "out_of_scope", "passive", "ignored"];
        let of = |load: &&str| fates.map(|fate| run.number(load, fate)).iter().sum::<u64>();
        let accounted: u64 = loads.iter().map(of).sum();
        assert_eq!(run.source(table)["staged"], json!(accounted), "{table}");
    }
}

#[test]
#[ignore = "long: several migrations"]
fn a_sample_is_whole_in_itself_and_the_next_run_goes_on_from_it() {
    let (project, _) = Project::generated(300, 11, false);
    let sampled = project.run_with(&["--sample", "40", "--seed", "7"]);
    assert_eq!(
        sampled.summary["sample"],
        json!({"people": 40, "seed": 7}),
        "{}",
        sampled.stdout
    );
    let people = project.set("select cast(s.id as varchar) from sample.people as s");
    assert_eq!(people.len(), 40);
    books(&sampled);
    let reasons = project.set(
        "select f.reason from recon.fates as f where f.fate = 'out_of_scope' group by f.reason",
    );
    assert_eq!(reasons, BTreeSet::from(["sample".to_owned()]));
    assert!(
        sampled.number("lead", "out_of_scope") + sampled.number("contact", "out_of_scope") == 260
    );
    assert!(sampled.number("task", "created") > 0 && sampled.number("opportunity", "created") > 0);
    let first = keys(&project.org());
    let persons: BTreeSet<String> = first["Lead"].union(&first["Contact"]).cloned().collect();
    assert!(
        persons.is_subset(&people) && persons.len() > 20,
        "{persons:?}"
    );
    let held_then = held(&project);
    let runs =
        project.table("select r.sample, r.seed from ledger.runs as r group by r.sample, r.seed");
    assert_eq!(runs, [["40", "7"]]);

    let whole = project.run();
    assert!(whole.summary["sample"].is_null());
    assert_eq!(gone(&whole), Vec::<String>::new());
    let all = keys(&project.org());
    for object in OBJECTS {
        assert!(all[object].is_superset(&first[object]), "{object}");
        assert!(all[object].len() > first[object].len(), "{object}");
    }
    for (load, object) in [
        ("lead", "Lead"),
        ("contact", "Contact"),
        ("account", "Account"),
    ] {
        let made = sampled.number(load, "created") + whole.number(load, "created");
        assert_eq!(made, all[object].len() as u64, "{load}");
    }
    // Whatever waits for a parent in the sample waits for it in a whole run too: none was left behind.
    let held_now = held(&project);
    let alone: Vec<&String> = held_then.difference(&held_now).collect();
    assert_eq!(alone, Vec::<&String>::new());

    // What a sample leaves out is not gone.
    let again = project.run_with(&["--sample", "10", "--seed", "3"]);
    assert_eq!(gone(&again), Vec::<String>::new());
    assert_eq!(
        again.total("created") + again.total("updated"),
        0,
        "{}",
        again.stdout
    );
    assert_eq!(keys(&project.org()), all);
}

#[test]
#[ignore = "long: several migrations"]
fn the_seed_alone_says_who_is_drawn_and_every_stage_has_its_share() {
    let (project, _) = Project::generated(300, 11, false);
    let drawn = |seed: &str, more: &[&str]| {
        let mut arguments = vec!["plan", "--sample", "50", "--seed", seed];
        arguments.extend(more);
        project.transload(&arguments);
        project.set("select cast(s.id as varchar) from sample.people as s")
    };
    let one = drawn("1", &[]);
    let other = drawn("2", &["--no-stage"]);
    assert_eq!(one.len(), 50);
    assert_eq!(other.len(), 50);
    assert!(one.intersection(&other).count() < 40);
    let shares = project.table(
        "select coalesce(lower(trim(p.lifecycle_stage)), ''), count(*), count(s.id) from usercom.people as p \
         left join sample.people as s on s.id = p.id group by coalesce(lower(trim(p.lifecycle_stage)), '')",
    );
    assert!(shares.len() > 3, "{shares:?}");
    for share in &shares {
        let [all, drawn] = [1, 2].map(|column| share[column].parse::<f64>().unwrap());
        assert!((all / 6.0 - drawn).abs() < 1.0, "{share:?}");
    }
    assert_eq!(drawn("1", &["--no-stage"]), one);
}

#[test]
#[ignore = "long: several migrations"]
fn a_sample_stays_within_the_scope_and_rollback_takes_it_back() {
    let project = Project::small();
    project.edit(
        "migration.toml",
        "[destination.simulator]",
        "[scope]\npeople = \"city <> 'Austin'\"\n\n[destination.simulator]",
    );
    let before = keys_of_small(&project);
    let run = project.run_with(&["--sample", "2"]);
    assert_eq!(run.summary["status"], json!("partial"), "{}", run.stdout);
    let fates = project.table(
        "select f.key, f.reason from recon.fates as f where f.load in ('lead', 'contact') order by f.key",
    );
    let scope: Vec<&String> = fates
        .iter()
        .filter(|fate| fate[1] == "scope")
        .map(|fate| &fate[0])
        .collect();
    assert_eq!(scope, ["2", "4"]);
    assert_eq!(fates.iter().filter(|fate| fate[1] == "sample").count(), 2);
    assert_eq!(
        run.number("lead", "created") + run.number("contact", "created"),
        2
    );
    assert_ne!(keys_of_small(&project), before);
    project.transload(&["rollback", "--yes"]).ended(0);
    assert_eq!(keys_of_small(&project), before);

    let refused = project.transload(&["run", "--sample", "0"]);
    assert!(
        refused.error().contains("0 is not in 1.."),
        "{}",
        refused.error()
    );
    let alone = project.transload(&["run", "--seed", "3"]);
    assert!(alone.error().contains("--sample <N>"), "{}", alone.error());
}

#[test]
fn whatever_hangs_on_what_the_sample_leaves_out_says_so() {
    let project = Project::small();
    let field = |(name, target): &(&str, &str)| json!({"name": name, "type": "reference", "reference_to": target});
    let object = |id: u8, name: &str, fields: &[(&str, &str)]| {
        let fields: Vec<Value> = fields.iter().map(field).collect();
        json!({"id": id, "name": name, "fields": fields})
    };
    let objects = [
        object(1, "car", &[("driver", "people")]),
        // Somebody else's car: either of the two may be outside the sample.
        object(2, "trip", &[("passenger", "people"), ("car", "car")]),
        object(3, "stop", &[("trip", "trip")]),
    ];
    let objects: String = objects.iter().map(|object| format!("{object}\n")).collect();
    project.write("export/custom_objects.jsonl", &objects);
    let rows = |row: &dyn Fn(u32) -> String| (1..=6).map(row).collect::<String>();
    for (file, head, rows) in [
        ("car", "driver", rows(&|id| format!("{id},Car {id},{id}\n"))),
        (
            "trip",
            "passenger,car",
            rows(&|id| format!("{id},Trip {id},{id},{}\n", id % 6 + 1)),
        ),
        ("stop", "trip", rows(&|id| format!("{id},Stop {id},{id}\n"))),
    ] {
        project.write(
            &format!("export/co_{file}.csv"),
            &format!("id,name,{head}\n{rows}"),
        );
    }
    project.run_with(&["--sample", "2"]);
    let fates = project.table(
        "select f.load, f.fate, f.reason, count(*) from recon.fates as f where f.load like 'co\\_%' \
         group by f.load, f.fate, f.reason order by f.load",
    );
    let org = project.org();
    for (load, object) in [
        ("co_car", "car__c"),
        ("co_trip", "trip__c"),
        ("co_stop", "stop__c"),
    ] {
        let there = org.rows(&format!("SELECT Id FROM {object}")).len();
        let left: Vec<&Vec<String>> = fates.iter().filter(|fate| fate[0] == load).collect();
        let expected = vec![
            load.to_owned(),
            "out_of_scope".to_owned(),
            "sample".to_owned(),
            (6 - there).to_string(),
        ];
        assert_eq!(left, [&expected], "{fates:?}");
    }
}

fn keys_of_small(project: &Project) -> Vec<usize> {
    if !project.path(".transload").exists() {
        return vec![0; 4];
    }
    let org = project.org();
    let count = |object: &&str| org.rows(&format!("SELECT Id FROM {object}")).len();
    ["Account", "Lead", "Contact", "Opportunity"]
        .iter()
        .map(count)
        .collect()
}
