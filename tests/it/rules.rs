//! The rules of the migration, theme by theme: the cases of the project under `tests/golden/rules/`, run as `transload test` runs
//! those of any project.
//!
//! `tests/base/` has eight people, four companies and four deals, among them one that is passive, one that is held and one that is out
//! of scope. A folder without a test here, or a file that no case reads, fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use transload::migration::{CASES as FOLDER, CaseRequest, cases, run_cases};
use transload::progress::NoProgress;

use crate::rehearsal::runtime;

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

/// The parts of a case, and what their files end in.
const PARTS: [(&str, &[&str]); 5] = [
    ("export", &["csv", "jsonl", "pdf", "txt"]),
    ("config", &["csv"]),
    ("org", &["csv"]),
    ("queries", &["sql"]),
    ("expected", &["csv"]),
];

#[test]
fn every_golden_rule_is_a_case_and_has_nothing_else_in_it() {
    assert_eq!(cases(&root()).unwrap(), CASES);
    let folder = root().join(FOLDER);
    for case in names(&folder) {
        for name in names(&folder.join(&case)) {
            let part = PARTS.iter().find(|(part, _)| *part == name);
            assert!(
                name == "options.toml" || part.is_some(),
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/rules")
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

fn run_case(name: &str) {
    let project = TempDir::new().unwrap();
    copy(&root(), project.path());
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
