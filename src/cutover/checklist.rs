//! The checklist: `config/cutover.csv`, or the preset where a project has none.
//!
//! In: CSV with one line per step. Out: [`Step`]s in their order, each with its threshold parsed. A step that is named twice, a
//! threshold without evidence, or minutes that are no number are refused with file, line and column.

use std::path::Path;
use std::str::FromStr;

use super::{CutoverError, FILE};
use crate::config::nearest;

/// The checklist of a project that has none of its own.
pub const PRESET: &str = include_str!("checklist.csv");

/// Columns, all of them needed.
const COLUMNS: [&str; 8] = [
    "step",
    "task",
    "owner",
    "planned_minutes",
    "command",
    "evidence",
    "threshold",
    "rollback",
];

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
        let (comparison, number) = found.ok_or("a threshold begins with <, <=, =, >= or >")?;
        // A spreadsheet may have made a decimal comma of it.
        let value = number.trim().replace(',', ".").parse::<f64>();
        let value = value.ok().filter(|value| value.is_finite());
        let value = value.ok_or("a threshold ends with a number")?;
        Ok(Self { comparison, value })
    }
}

/// The steps, and whether they are the project's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Checklist {
    /// In their order.
    pub steps: Vec<Step>,
    /// False = the preset.
    pub own: bool,
}

impl Checklist {
    /// Reads the project's checklist, or the preset.
    ///
    /// # Errors
    /// [`CutoverError`] of the first thing that is wrong.
    pub fn load(project: &Path) -> Result<Self, CutoverError> {
        match std::fs::read(project.join(FILE)) {
            Ok(bytes) => Ok(Self {
                steps: parse(&bytes)?,
                own: true,
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self {
                steps: parse(PRESET.as_bytes())?,
                own: false,
            }),
            Err(error) => Err(CutoverError::Read {
                source: error.into(),
            }),
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

/// The sign between cells: the header tells, since a spreadsheet may have written semicolons or tabs.
fn delimiter(bytes: &[u8]) -> u8 {
    let header = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let count = |sign: u8| header.iter().filter(|byte| **byte == sign).count();
    [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|sign| (count(*sign), *sign == b','))
        .unwrap_or(b',')
}

fn parse(bytes: &[u8]) -> Result<Vec<Step>, CutoverError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .delimiter(delimiter(bytes))
        .from_reader(bytes);
    let read = |source| CutoverError::Read { source };
    let header = reader.headers().map_err(read)?.clone();
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let found = header
            .iter()
            .position(|name| name.eq_ignore_ascii_case(column));
        *place = found.ok_or(CutoverError::Column { column })?;
    }
    let mut steps: Vec<Step> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(read)?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize| record.get(places[column]).unwrap_or_default();
        let optional =
            |column: usize| Some(cell(column).to_owned()).filter(|text| !text.is_empty());
        let wrong = |column: usize, problem: &str| CutoverError::Cell {
            line,
            column: COLUMNS[column],
            value: cell(column).to_owned(),
            problem: problem.to_owned(),
        };
        let step = cell(0).to_owned();
        if step.is_empty() {
            return Err(wrong(0, "a step needs a name"));
        }
        if steps.iter().any(|other| other.step == step) {
            return Err(wrong(0, "a step of this name is there already"));
        }
        let planned_minutes = optional(3)
            .map(|text| {
                text.parse()
                    .map_err(|_| wrong(3, "minutes are a whole number"))
            })
            .transpose()?;
        let threshold: Option<Threshold> = optional(6)
            .map(|text| text.parse().map_err(|problem: String| wrong(6, &problem)))
            .transpose()?;
        let evidence = optional(5);
        match (&evidence, threshold) {
            (Some(_), None) => return Err(wrong(6, "evidence needs a threshold")),
            (None, Some(_)) => return Err(wrong(5, "a threshold needs evidence")),
            _ => {}
        }
        steps.push(Step {
            step,
            task: cell(1).to_owned(),
            owner: optional(2),
            planned_minutes,
            command: optional(4),
            evidence,
            threshold,
            rollback: optional(7),
        });
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "step,task,owner,planned_minutes,command,evidence,threshold,rollback\n";

    #[test]
    fn the_preset_is_a_checklist_whose_evidence_exists() {
        let steps = parse(PRESET.as_bytes()).unwrap();
        assert!(steps.len() > 10);
        for name in steps.iter().filter_map(|step| step.evidence.as_deref()) {
            assert!(
                super::super::evidence::default_query(name).is_some(),
                "{name}"
            );
        }
    }

    #[test]
    fn what_a_spreadsheet_made_of_it_is_read() {
        let text = format!("\u{feff}{HEAD}go,Go,Ann,5,,held,\"<= 0,5\",\n").replace(',', ";");
        let text = text.replace("0;5", "0,5");
        let steps = parse(text.as_bytes()).unwrap();
        assert_eq!(steps[0].owner.as_deref(), Some("Ann"));
        assert_eq!(
            steps[0].threshold.map(|threshold| threshold.value),
            Some(0.5)
        );
    }

    #[test]
    fn mistakes_name_line_and_column() {
        for (line, words) in [
            ("go,Go,,soon,,,,", "line 2, column planned_minutes"),
            (
                "go,Go,,,,held,,",
                "column threshold: evidence needs a threshold",
            ),
            (
                "go,Go,,,,,<= 1,",
                "column evidence: a threshold needs evidence",
            ),
            (
                "go,Go,,,,held,about 1,",
                "column threshold: a threshold begins with",
            ),
            ("go,Go,,,,held,<= NaN,", "ends with a number"),
            ("go,Go,,,,,,\ngo,Go,,,,,,", "line 3, column step"),
            (",Go,,,,,,", "a step needs a name"),
        ] {
            let error = parse(format!("{HEAD}{line}\n").as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
        let error = parse(b"step,task\n").unwrap_err().to_string();
        assert!(error.contains("no column owner"), "{error}");
    }

    #[test]
    fn thresholds_compare() {
        let holds = |text: &str, number| text.parse::<Threshold>().unwrap().holds(number);
        assert!(holds("<= 0", 0.0) && !holds("< 0", 0.0) && holds(">=2", 2.0));
        assert!(holds("= 3", 3.0) && !holds("> 3", 3.0));
    }
}
