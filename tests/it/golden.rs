//! The product's own SQL: the cases of the projects under `tests/golden/`, run as `transload test` runs those of any project.
//!
//! `rules/` goes through the rules of the migration, theme by theme: its `tests/base/` has eight people, four companies and four
//! deals, among them one that is passive, one that is held and one that is out of scope. `split/` says of every person of a
//! case whether it becomes a Lead or a Contact, or why it does not move. `staging/` has exports in every form, with what is
//! staged, what is rejected, and what is counted and told (`stage.report`). A folder without a test here, or a file that no case
//! reads, fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use transload::migration::{CASES as FOLDER, CaseRequest, cases, run_cases};
use transload::progress::NoProgress;

use crate::rehearsal::runtime;

macro_rules! golden {
    ($project:ident: $($case:ident),+ $(,)?) => {
        mod $project {
            const PROJECT: &str = stringify!($project);
            const CASES: &[&str] = &[$(stringify!($case)),+];

            #[test]
            fn every_folder_is_a_case_and_has_nothing_else_in_it() {
                super::assert_cases(PROJECT, CASES);
            }

            $(
                #[test]
                fn $case() {
                    super::run_case(PROJECT, stringify!($case));
                }
            )+
        }
    };
}

golden!(
    rules:
    activities,
    chats_as_cases,
    chats_as_emails,
    custom_objects,
    files,
    lines,
    lines_with_the_rest,
    owners,
    roles,
    segments,
    tags,
    tags_in_a_field,
);

golden!(
    split:
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

golden!(
    staging:
    api_v1_jsonl,
    api_v2_jsonl,
    bad_rows,
    blobs,
    custom_objects,
    duplicates,
    further_objects_csv,
    further_objects_json,
    numbers_and_references,
    pipelines,
    ui_csv,
);

/// Tables of a split case, in which every person of its export has one row.
const PLACES: [&str; 4] = [
    "outbox.lead",
    "outbox.contact",
    "recon.fates_lead",
    "recon.fates_contact",
];

#[test]
fn every_person_of_a_split_case_is_expected_in_one_place() {
    for case in cases(&root("split")).unwrap() {
        let folder = root("split").join(FOLDER).join(&case);
        let first = |file: String| -> Vec<String> {
            let mut reader = csv::Reader::from_path(folder.join(&file)).unwrap();
            let rows = reader.records().map(|row| row.unwrap()[0].to_owned());
            rows.collect()
        };
        let expected = PLACES.map(|table| first(format!("expected/{table}.csv")));
        let mut expected: Vec<String> = expected.into_iter().flatten().collect();
        expected.sort();
        let mut people: Vec<String> = first("export/people.csv".to_owned());
        people.sort();
        people.dedup();
        assert_eq!(expected, people, "{case}");
    }
}

/// The parts of a case, and what their files end in.
const PARTS: [(&str, &[&str]); 5] = [
    ("export", &["csv", "jsonl", "md", "pdf", "txt", "bin"]),
    ("config", &["csv"]),
    ("org", &["csv"]),
    ("queries", &["sql"]),
    ("expected", &["csv"]),
];

fn assert_cases(project: &str, known: &[&str]) {
    assert_eq!(cases(&root(project)).unwrap(), known);
    let folder = root(project).join(FOLDER);
    for case in names(&folder) {
        for name in names(&folder.join(&case)) {
            let part = PARTS.iter().find(|(part, _)| *part == name);
            assert!(
                ["options.toml", "source.toml"].contains(&&*name) || part.is_some(),
                "{case}/{name} is read by nobody"
            );
            let Some((part, endings)) = part else {
                continue;
            };
            for file in names(&folder.join(&case).join(part)) {
                let known = endings
                    .iter()
                    .any(|ending| file.ends_with(&format!(".{ending}")));
                let is_folder = folder.join(&case).join(part).join(&file).is_dir();
                assert!(known || is_folder, "{case}/{part}/{file} is read by nobody");
            }
        }
    }
}

fn root(project: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(project)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        if from.join(&name).is_dir() {
            copy(&from.join(&name), &to.join(&name));
        } else {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

fn run_case(of: &str, name: &str) {
    let project = TempDir::new().unwrap();
    copy(&root(of), project.path());
    let request = CaseRequest {
        cases: vec![name.to_owned()],
        update: false,
    };
    let ran = run_cases(project.path(), &request, &NoProgress, |_| ());
    let reports = runtime()
        .block_on(Box::pin(ran))
        .unwrap_or_else(|error| panic!("{name}: {error}\n{:?}", error.hint()));
    let differences = reports.iter().flat_map(|report| &report.differences);
    let differences: String = differences.map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{name}:\n{differences}");
    assert!(reports[0].tables > 0);
}
