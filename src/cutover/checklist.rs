//! The checklist: `config/cutover.csv`, a decision file like others, or the preset where a project has none.
//!
//! In: one row per step. Out: [`Step`]s in their order, each with its threshold parsed; or every mistake with line and column.

use std::path::Path;
use std::str::FromStr;

use super::{CutoverError, FILE};
use crate::config::nearest;
use crate::finding::Finding;
use crate::mapping::{DecisionRow, MappingError, decision_rows};

/// The decision file, without folder and ending.
const NAME: &str = "cutover";

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Short name, by which it is signed.
    pub step: String,
    /// What has to be true.
    pub task: String,
    /// Who sees to it.
    pub owner: Option<String>,
    /// Minutes that it may take.
    pub planned_minutes: Option<u32>,
    /// What to type.
    pub command: Option<String>,
    /// The query in `queries/cutover/` that proves it; none = a person's word.
    pub evidence: Option<String>,
    /// What the query's number has to be.
    pub threshold: Option<Threshold>,
    /// How to go back.
    pub rollback: Option<String>,
}

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `>=`
    AtLeast,
    /// `>`
    More,
}

/// What the number of an evidence query has to be, such as `<= 0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// How.
    pub comparison: Comparison,
    /// With what.
    pub value: f64,
}

impl Threshold {
    /// Whether a number will do.
    #[must_use]
    pub fn holds(&self, number: f64) -> bool {
        match self.comparison {
            Comparison::Less => number < self.value,
            Comparison::AtMost => number <= self.value,
            Comparison::Equal => (number - self.value).abs() < f64::EPSILON,
            Comparison::AtLeast => number >= self.value,
            Comparison::More => number > self.value,
        }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = match self.comparison {
            Comparison::Less => "<",
            Comparison::AtMost => "<=",
            Comparison::Equal => "=",
            Comparison::AtLeast => ">=",
            Comparison::More => ">",
        };
        write!(out, "{sign} {}", self.value)
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let signs = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        let found = signs
            .iter()
            .find_map(|(sign, comparison)| Some((*comparison, text.strip_prefix(sign)?)));
        let (comparison, number) = found.ok_or("does not begin with <, <=, =, >= or >")?;
        // A spreadsheet may have made a decimal comma of it.
        let value = number.trim().replace(',', ".").parse::<f64>();
        let value = value.ok().filter(|value| value.is_finite());
        let value = value.ok_or("does not end with a number")?;
        Ok(Self { comparison, value })
    }
}

/// The steps, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Checklist {
    /// All of them.
    pub steps: Vec<Step>,
}

impl Checklist {
    /// Reads the project's checklist, or the preset.
    ///
    /// # Errors
    /// [`CutoverError::Mapping`] with everything that is wrong with it.
    pub fn load(project: &Path) -> Result<Self, CutoverError> {
        let mut findings = Vec::new();
        let rows = decision_rows(project, NAME)?;
        let steps = rows.iter().map(|row| step(row, &mut findings)).collect();
        if findings.is_empty() {
            Ok(Self { steps })
        } else {
            Err(MappingError::Decisions { findings }.into())
        }
    }

    /// A step by its name.
    ///
    /// # Errors
    /// [`CutoverError::NoStep`] with the nearest one.
    pub fn step(&self, name: &str) -> Result<&Step, CutoverError> {
        let found = self.steps.iter().find(|step| step.step == name);
        found.ok_or_else(|| CutoverError::NoStep {
            step: name.to_owned(),
            nearest: nearest(name, self.steps.iter().map(|step| step.step.as_str())),
        })
    }
}

fn step(row: &DecisionRow, findings: &mut Vec<Finding>) -> Step {
    let cell = |column: &str| Some(row.get(column).to_owned()).filter(|text| !text.is_empty());
    let mut wrong = |column: &str, problem: &str| {
        findings.push(Finding {
            value: cell(column),
            ..Finding::new(FILE, problem).line(row.line).column(column)
        });
    };
    let planned_minutes = cell("planned_minutes").and_then(|text| {
        let minutes = text.parse().ok();
        if minutes.is_none() {
            wrong("planned_minutes", "is no number of minutes");
        }
        minutes
    });
    let (evidence, text) = (cell("evidence"), cell("threshold"));
    match (&evidence, &text) {
        (Some(_), None) => wrong("threshold", "is empty, and evidence needs one"),
        (None, Some(_)) => wrong("evidence", "is empty, and a threshold needs it"),
        _ => {}
    }
    let threshold = text.and_then(|text| match text.parse() {
        Ok(threshold) => Some(threshold),
        Err(problem) => {
            let problem: String = problem;
            wrong("threshold", &problem);
            None
        }
    });
    Step {
        step: row.get("step").to_owned(),
        task: row.get("task").to_owned(),
        owner: cell("owner"),
        planned_minutes,
        command: cell("command"),
        evidence,
        threshold,
        rollback: cell("rollback"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "step,task,owner,planned_minutes,command,evidence,threshold,rollback\n";

    /// The checklist of a project with this file; none = the preset.
    fn load(text: Option<&str>) -> Result<Vec<Step>, CutoverError> {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            std::fs::create_dir_all(folder.path().join("config")).unwrap();
            std::fs::write(folder.path().join(FILE), text).unwrap();
        }
        Checklist::load(folder.path()).map(|checklist| checklist.steps)
    }

    #[test]
    fn the_preset_is_a_checklist_whose_evidence_exists() {
        let steps = load(None).unwrap();
        assert!(steps.len() > 10);
        for name in steps.iter().filter_map(|step| step.evidence.as_deref()) {
            let query = crate::project::default_text(&format!("cutover/{name}.sql"));
            assert!(query.is_some(), "{name}");
        }
    }

    #[test]
    fn what_a_spreadsheet_made_of_it_is_read() {
        let text = format!("\u{feff}{HEAD}go,Go,Ann,5,,held,#,\n").replace(',', ";");
        let steps = load(Some(&text.replace('#', "<= 0,5"))).unwrap();
        assert_eq!(steps[0].owner.as_deref(), Some("Ann"));
        let threshold = steps[0].threshold.map(|threshold| threshold.value);
        assert_eq!(threshold, Some(0.5));
    }

    #[test]
    fn mistakes_name_line_and_column() {
        for (line, words) in [
            ("go,Go,,soon,,,,", "line 2, column planned_minutes: `soon`"),
            (
                "go,Go,,-5,,,,",
                "column planned_minutes: `-5` is no number of minutes",
            ),
            (
                "go,Go,,,,held,,",
                "column threshold: is empty, and evidence needs one",
            ),
            (
                "go,Go,,,,,<= 1,",
                "column evidence: is empty, and a threshold needs it",
            ),
            (
                "go,Go,,,,held,about 1,",
                "column threshold: `about 1` does not begin with",
            ),
            ("go,Go,,,,held,<= NaN,", "does not end with a number"),
            ("go,Go,,,,,,\ngo,Go,,,,,,", "line 3, column step"),
            (",Go,,,,,,", "column step: is empty"),
        ] {
            let error = load(Some(&format!("{HEAD}{line}\n")))
                .unwrap_err()
                .to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
        let error = load(Some("stp,task\n")).unwrap_err().to_string();
        assert!(error.contains("no column `step`"), "{error}");
    }

    #[test]
    fn thresholds_compare() {
        let holds = |text: &str, number| text.parse::<Threshold>().unwrap().holds(number);
        assert!(holds("<= 0", 0.0) && !holds("< 0", 0.0) && holds(">=2", 2.0));
        assert!(holds("= 3", 3.0) && !holds("> 3", 3.0));
    }
}
