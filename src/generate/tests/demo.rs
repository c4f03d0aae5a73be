//! The demo project and the generator agree: its export is made by this code, and its decisions cover what is in it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::super::catalogue::{
    ACTIVITY_ATTRIBUTES, AGENTS, COMPANY_ATTRIBUTES, DEAL_ATTRIBUTES, PERSON_ATTRIBUTES,
};
use super::read_back::contents;
use super::support::export;

/// Size and seed of `data/demo/export`.
const PEOPLE: u64 = 2_000;
const SEED: u64 = 2026;

fn demo(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../data/demo")
        .join(path)
}

/// Rows of a CSV file of the demo, each with these columns.
fn rows<const N: usize>(path: &str, columns: [&str; N]) -> Vec<[String; N]> {
    let mut reader = csv::Reader::from_path(demo(path)).unwrap();
    let headers = reader.headers().unwrap().clone();
    let places = columns.map(|column| headers.iter().position(|header| header == column).unwrap());
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            places.map(|place| record[place].to_owned())
        })
        .collect()
}

/// Unpacked, because another version of the packer may pack the same text differently.
#[test]
fn the_demo_export_is_what_the_generator_makes() {
    let (_folder, summary) = export(PEOPLE, SEED, true);
    let made = contents(&summary.out);
    let committed = contents(&demo("export"));
    let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
        files.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(&made), names(&committed));
    for (file, bytes) in &made {
        assert!(
            committed[file] == *bytes,
            "{file} differs: generate the demo export again"
        );
    }
}

#[test]
fn the_stage_matrix_covers_every_combination_of_the_demo() {
    let matrix = rows(
        "config/stage_matrix.csv",
        ["pipeline", "stage", "status", "probability"],
    );
    let keys: BTreeSet<(&str, &str, &str)> = matrix
        .iter()
        .map(|[pipeline, stage, status, _]| (pipeline.as_str(), stage.as_str(), status.as_str()))
        .collect();
    assert_eq!(keys.len(), matrix.len(), "one row per combination");
    let (_folder, summary) = export(PEOPLE, SEED, true);
    let occurring: BTreeSet<_> = summary.deals.combinations.keys().copied().collect();
    assert_eq!(keys, occurring);
    for [.., probability] in &matrix {
        assert!(probability.is_empty() || probability.parse::<u8>().unwrap() <= 100);
    }
}

#[test]
fn the_field_map_decides_about_every_attribute() {
    let map = rows(
        "config/field_map.csv",
        [
            "source",
            "source_field",
            "target_object",
            "target_field",
            "status",
        ],
    );
    let mapped: BTreeSet<(&str, &str, &str)> = map
        .iter()
        .map(|[source, field, object, ..]| (source.as_str(), field.as_str(), object.as_str()))
        .collect();
    let mut expected = BTreeSet::new();
    for attribute in &PERSON_ATTRIBUTES {
        expected.insert(("people", attribute.name_std, "Lead"));
        expected.insert(("people", attribute.name_std, "Contact"));
    }
    for attribute in &COMPANY_ATTRIBUTES {
        expected.insert(("companies", attribute.name_std, "Account"));
    }
    for attribute in &DEAL_ATTRIBUTES {
        expected.insert(("deals", attribute.name_std, "Opportunity"));
    }
    for attribute in &ACTIVITY_ATTRIBUTES {
        expected.insert(("activities", attribute.name_std, "Task"));
    }
    assert_eq!(mapped, expected);
    for [.., target, status] in &map {
        let name = target.strip_suffix("__c").unwrap();
        assert!(name.len() <= 40 && name.starts_with(|letter: char| letter.is_ascii_alphabetic()));
        assert!(
            name.chars()
                .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        );
        assert!(!name.contains("__") && !name.ends_with('_'), "{target}");
        assert_eq!(status, "confirmed");
    }
}

#[test]
fn every_agent_of_the_demo_has_a_user() {
    let users = rows("org/User.csv", ["Email", "IsActive", "UserType", "Alias"]);
    let mut same_case = 0;
    for agent in &AGENTS {
        let mut found = users
            .iter()
            .filter(|[email, ..]| email.eq_ignore_ascii_case(agent.email));
        let [email, active, kind, alias] = found.next().unwrap();
        assert!(found.next().is_none(), "{email} is one user's only");
        assert_eq!(active, if agent.active { "true" } else { "false" });
        assert_eq!(kind, "Standard");
        assert!(alias.len() <= 8);
        same_case += usize::from(email == agent.email);
    }
    assert_eq!(same_case, AGENTS.len() - 1, "one address differs in case");
    let overrides = rows("config/owners.csv", ["owner_email", "user_email"]);
    for [owner, user] in &overrides {
        assert!(AGENTS.iter().any(|agent| agent.email == owner));
        assert!(
            users
                .iter()
                .any(|[email, ..]| email.eq_ignore_ascii_case(user))
        );
    }
}

#[test]
fn every_lifecycle_stage_has_a_side() {
    let split = rows("config/lifecycle.csv", ["lifecycle_stage", "target"]);
    for (stage, target) in [
        ("subscriber", "Lead"),
        ("lead", "Lead"),
        ("mql", "Lead"),
        ("customer", "Contact"),
        ("evangelist", "Contact"),
    ] {
        assert!(
            split.contains(&[stage.to_owned(), target.to_owned()]),
            "{stage}"
        );
    }
    assert_eq!(split.len(), 8, "and three that are held by decision");
}
