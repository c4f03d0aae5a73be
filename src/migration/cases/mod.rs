//! The tests of a project's SQL: `tests/<case>/`, each an export with what must come out of it.
//!
//! In: a project, its cases. Out: a [`CaseReport`] per case with the rows that are missing, that are too many and whose cells are others;
//! on demand the expectations as they are now. Never: an org, the project's own export, or its staging area.
//!
//! ```text
//! tests/base/            what all cases begin with: the same parts, none of them needed
//! tests/<case>/export/   export files
//!              config/   decision files in place of the project's
//!              queries/  queries in place of the project's
//!              org/      tables of the org, `<table>.csv`; what is not there has no rows
//!              options.toml   lines for [options]
//!              source.toml    lines for [source]
//!              expected/ `<schema>.<table>.csv`: the columns of its header, every row
//! ```
//!
//! What was sent has landed, under an id of its load and key: `account 10`.

mod compare;
mod error;
mod folder;
mod outcome;
mod staged;

pub use compare::{RowDifference, RowProblem, TableDifference};
pub use error::CaseError;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use self::folder::Scratch;
use crate::config::nearest;
use crate::error::Error;
use crate::progress::Progress;

/// The folder of a project's cases.
pub const CASES: &str = "tests";

/// What all cases begin with.
const BASE: &str = "base";

/// The folder of a case with the tables that must come out.
const EXPECTED: &str = "expected";

/// Which cases.
#[derive(Clone, Debug, Default)]
pub struct CaseRequest {
    /// Their names; all of them if empty.
    pub cases: Vec<String>,
    /// Whether what comes out now becomes what is expected.
    pub update: bool,
}

/// What one case came to.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// Its name.
    pub case: String,
    /// Tables that were compared.
    pub tables: usize,
    /// Tables that came out otherwise.
    pub differences: Vec<TableDifference>,
    /// Files that were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub updated: Vec<String>,
}

impl CaseReport {
    /// Whether everything came out as expected, or was written down.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Names of a project's cases, in order.
///
/// # Errors
/// [`CaseError::NoCases`].
pub fn cases(project: &Path) -> Result<Vec<String>, CaseError> {
    let folder = project.join(CASES);
    let found: Vec<String> = folder::names(&folder)
        .into_iter()
        .filter(|name| name != BASE && !name.starts_with('.') && folder.join(name).is_dir())
        .collect();
    match found.is_empty() {
        true => Err(CaseError::NoCases { folder }),
        false => Ok(found),
    }
}

/// Runs cases of a project; `told` hears of each as soon as it is through.
///
/// # Errors
/// [`CaseError`], and whatever keeps the queries from running. Rows that are others are in the reports and no error.
pub async fn run_cases(
    project: &Path,
    request: &CaseRequest,
    progress: &dyn Progress,
    mut told: impl FnMut(&CaseReport),
) -> Result<Vec<CaseReport>, Error> {
    let known = cases(project)?;
    if let Some(name) = request.cases.iter().find(|name| !known.contains(name)) {
        return Err(CaseError::UnknownCase {
            case: name.clone(),
            nearest: nearest(name, known.iter().map(String::as_str)),
        }
        .into());
    }
    let asked = |case: &String| request.cases.is_empty() || request.cases.contains(case);
    let mut reports = Vec::new();
    for case in known.into_iter().filter(asked) {
        progress.step(&format!("testing {case}"));
        let report = Box::pin(run_case(project, &case, request.update)).await?;
        told(&report);
        reports.push(report);
    }
    Ok(reports)
}

async fn run_case(project: &Path, case: &str, update: bool) -> Result<CaseReport, Error> {
    let scratch = Scratch::of(project, case)?;
    let folder = project.join(CASES).join(case).join(EXPECTED);
    let wanted = expectations(project, case)?;
    if wanted.is_empty() && !update {
        return Err(CaseError::NothingExpected {
            case: case.to_owned(),
        }
        .into());
    }
    let found = Box::pin(outcome::of(&scratch, case, &wanted)).await?;
    let mut report = CaseReport {
        case: case.to_owned(),
        tables: found.len(),
        differences: Vec::new(),
        updated: Vec::new(),
    };
    for (table, found) in found {
        let file = format!("{table}.csv");
        let difference = match wanted.get(&table) {
            Some(wanted) => compare::compare(&table, wanted, &found),
            None => Some(TableDifference::new_table(&table)),
        };
        let Some(difference) = difference else {
            continue;
        };
        if update {
            folder::write(&folder.join(&file), &found.csv())?;
            report.updated.push(file);
        } else {
            report.differences.push(difference);
        }
    }
    Ok(report)
}

/// Rows of a table as texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CaseRows {
    /// Names of its columns.
    pub header: Vec<String>,
    /// Columns that tell one row from another.
    pub key: Vec<String>,
    /// Its cells.
    pub rows: Vec<Vec<String>>,
}

impl CaseRows {
    fn csv(&self) -> Vec<u8> {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        // Writing into memory cannot fail.
        let _ = writer.write_record(&self.header);
        for row in &self.rows {
            let _ = writer.write_record(row);
        }
        writer.into_inner().unwrap_or_default()
    }
}

/// What a case expects, by table.
fn expectations(project: &Path, case: &str) -> Result<BTreeMap<String, CaseRows>, CaseError> {
    let folder: PathBuf = project.join(CASES).join(case).join(EXPECTED);
    let mut expected = BTreeMap::new();
    for file in folder::names(&folder) {
        let Some(table) = file.strip_suffix(".csv").filter(|name| name.contains('.')) else {
            return Err(CaseError::UnknownFile {
                case: case.to_owned(),
                file: format!("{EXPECTED}/{file}"),
            });
        };
        expected.insert(table.to_owned(), folder::csv(&folder.join(&file))?);
    }
    Ok(expected)
}

/// Names of tables, for the nearest of them.
fn near(name: &str, known: &BTreeSet<String>) -> Option<String> {
    nearest(name, known.iter().map(String::as_str))
}
