//! The split and the SQL project: golden folders under `tests/golden/split/`, one project each.
//!
//! A case is `export/` and, where it differs from the base, `config/` and `options.toml` (lines for `[options]`). Its
//! `expected.csv` says of every person where it went, or which fate it has and why. A folder without a test, or a file
//! that no case reads, fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::org::Org;
use crate::rehearsal::Project;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/split")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

macro_rules! golden {
    ($($case:ident),+ $(,)?) => {
        const CASES: &[&str] = &[$(stringify!($case)),+];
        $(
            #[test]
            fn $case() {
                run_case(stringify!($case));
            }
        )+
    };
}

golden!(
    companies_are_found_by_id_and_by_unique_name,
    companyless_customers_are_held,
    companyless_customers_become_private_contacts,
    companyless_customers_share_a_placeholder,
    deals_leave_their_people_leads,
    deals_make_their_people_contacts,
    lifecycle_decides_the_side,
    names_are_split,
    passive_people_move_when_asked,
    passive_people_stay,
    the_customer_changes_the_rule,
);

#[test]
fn every_golden_folder_is_a_case_and_has_nothing_else_in_it() {
    let cases: BTreeSet<String> = CASES.iter().map(|&case| case.to_owned()).collect();
    assert_eq!(names(&folder()), cases);
    for case in cases {
        for name in names(&folder().join(&case)) {
            let known = ["config", "expected.csv", "export", "options.toml"];
            assert!(known.contains(&&*name), "{case}/{name} is read by nobody");
        }
    }
}

const COLUMNS: [&str; 8] = [
    "person",
    "object",
    "fate",
    "reason",
    "parent",
    "first_name",
    "last_name",
    "company",
];

fn run_case(case: &str) {
    let project = Project::small();
    let folder = folder().join(case);
    // The base's people would only be in the way; its other tables stay unless the case brings its own.
    for part in ["export", "config"] {
        for name in names(&folder.join(part)) {
            let text = std::fs::read_to_string(folder.join(part).join(&name)).unwrap();
            project.write(&format!("{part}/{name}"), &text);
        }
    }
    if !folder.join("export/deals.csv").exists() {
        std::fs::remove_file(project.path("export/deals.csv")).unwrap();
    }
    if let Ok(options) = std::fs::read_to_string(folder.join("options.toml")) {
        project.edit(
            "migration.toml",
            "[options]\n",
            &format!("[options]\n{options}"),
        );
    }
    let expected = std::fs::read_to_string(folder.join("expected.csv")).unwrap();
    // A stage that nobody has decided about is the only reason here that waits for a person.
    let waits = expected.contains(",held,lifecycle_unknown,");
    let run = project.run().ended(i32::from(waits));
    assert_eq!(
        run.total("read_back"),
        run.total("created"),
        "{}",
        run.stdout
    );
    let actual = outcome(&project, &project.org());
    assert!(
        actual == expected,
        "{case} came to\n{actual}\nbut was expected to come to\n{expected}"
    );
    let people = project.number("select count(*) from usercom.people as p");
    assert_eq!(actual.lines().count() as u64, people + 1, "{}", run.stdout);
}

/// One line per person, by id, as `expected.csv` has it.
fn outcome(project: &Project, org: &Org) -> String {
    let mut people: BTreeMap<u64, [String; 8]> = BTreeMap::new();
    for (object, load, company) in [
        ("Lead", "lead", "Company"),
        ("Contact", "contact", "Account.Name"),
    ] {
        let soql = format!(
            "SELECT usercom_id__c, FirstName, LastName, usercom_split_reason__c, {company} FROM {object}"
        );
        let cell = |row: &BTreeMap<String, String>, name: &str| {
            row.get(name)
                .filter(|cell| *cell != "∅")
                .cloned()
                .unwrap_or_default()
        };
        for row in org.rows(&soql) {
            let line = [
                row["usercom_id__c"].clone(),
                object.to_owned(),
                String::new(),
                cell(&row, "usercom_split_reason__c"),
                String::new(),
                cell(&row, "FirstName"),
                cell(&row, "LastName"),
                cell(&row, company),
            ];
            assert!(
                people.insert(line[0].parse().unwrap(), line).is_none(),
                "twice: {row:?}"
            );
        }
        let fates = format!(
            "select f.key, '{object}', f.fate, f.reason, f.parent from recon.fates_{load} as f"
        );
        for row in project.table(&fates) {
            let mut line: [String; 8] = Default::default();
            for (cell, value) in line.iter_mut().zip(row) {
                *cell = if value == "∅" { String::new() } else { value };
            }
            let key = line[0].parse().unwrap();
            assert!(people.insert(key, line).is_none(), "{key} has two places");
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).unwrap();
    for line in people.values() {
        writer.write_record(line).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}
