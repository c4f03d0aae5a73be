//! What of the export nobody has decided, and which decisions are about nothing.
//!
//! In: the tables staged last, the decision files, what is known of the org. Out: every value of the export that a decision file has
//! no row for, with how many rows have it and what is proposed for it; warnings about rows for values that the export does
//! not have. What is written down of it is empty or proposed, so it decides nothing. Never: a change to a cell that holds
//! something.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use serde::Serialize;

use super::project::Project;
use super::proposed_decisions::{ExportValue, OrgValues, ProposedDecision, Proposer};
use super::reference_check::{is_any, texts};
use crate::config::nearest;
use crate::engine::{Session, View};
use crate::error::Error;
use crate::finding::Finding;
use crate::mapping::{
    DecisionFile, DecisionRow, FieldMap, Status, readable_rows, unmentioned, value_problem,
};
use crate::staging::{Snapshot, Staging};

/// The names that the export has for stages, by their numbers: a line of the matrix may have been written before it had any.
const STAGE_NAMES: &str = include_str!("../../queries/internal/stage_names.sql");

/// How alike two names are before one is taken for a misspelt other.
const ALIKE: f64 = 0.92;

/// A decision file about values of the export.
struct Subject {
    /// `config/<file>.csv`.
    file: &'static str,
    /// The columns of a row that say what it is about.
    key: &'static [&'static str],
    /// Values of the export by these columns, and `rows`.
    sql: &'static str,
    /// What has the value.
    what: &'static str,
    /// What becomes of it without a decision.
    otherwise: &'static str,
    /// Whether a file that decides nothing is no question: it is optional.
    optional: bool,
}

macro_rules! subject {
    ($file:literal, $key:expr, $what:literal, $otherwise:literal, $optional:literal) => {
        Subject {
            file: $file,
            key: &$key,
            sql: include_str!(concat!(
                "../../queries/internal/export_values/",
                $file,
                ".sql"
            )),
            what: $what,
            otherwise: $otherwise,
            optional: $optional,
        }
    };
}

const SUBJECTS: [Subject; 7] = [
    subject!(
        "lifecycle",
        ["lifecycle_stage"],
        "people",
        "they are held",
        false
    ),
    subject!(
        "stage_matrix",
        ["pipeline", "stage", "status"],
        "deals",
        "they are held",
        false
    ),
    subject!(
        "owners",
        ["owner_id", "owner_email"],
        "records",
        "they are held",
        false
    ),
    subject!(
        "rates",
        ["currency"],
        "deals and products",
        "they are held where the org lacks the currency",
        false
    ),
    subject!(
        "loss_reasons",
        ["loss_reason"],
        "deals",
        "the number goes to the org",
        true
    ),
    subject!(
        "activity_types",
        ["activity_type", "activity_type_id"],
        "activities",
        "they become plain tasks",
        true
    ),
    subject!(
        "countries",
        ["country"],
        "records",
        "the spelling goes to the org where it takes no codes, else to a field of our own",
        true
    ),
];

/// A value of the export that no decision names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenDecision {
    /// The decision file, without folder and ending.
    pub file: &'static str,
    /// Cells of the row that is missing, by column.
    pub cells: BTreeMap<String, String>,
    /// Rows of the export that have the value.
    pub rows: u64,
    /// What has the value, such as `people`.
    pub what: &'static str,
    /// What becomes of them without a decision.
    pub otherwise: &'static str,
    /// What is proposed; none where nothing that the file may name is like it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposed: Option<ProposedDecision>,
}

/// Attributes that the field map does not mention, with the rows that have a value.
pub(super) async fn attributes(
    project: &Project,
    staging: &Staging,
    snapshot: &Snapshot,
    map: &FieldMap,
) -> Result<Vec<OpenDecision>, Error> {
    let session = project.engine.session(staging, snapshot)?;
    let mut decisions = Vec::new();
    for (source, field) in unmentioned(map, snapshot) {
        let sql = format!(
            "select '{}' as source_field, count(t.\"{}\") as rows from usercom.{source} as t",
            field.replace('\'', "''"),
            field.replace('"', "\"\"")
        );
        for mut value in values(&session, &sql).await? {
            value.cells.insert("source".to_owned(), source.to_owned());
            decisions.push(OpenDecision {
                file: "field_map",
                cells: value.cells,
                rows: value.rows,
                what: "rows",
                otherwise: "nothing is sent before it is mapped or ignored",
                proposed: None,
            });
        }
    }
    Ok(decisions)
}

impl OpenDecision {
    /// What it is about: the cells of the row that is missing.
    #[must_use]
    pub fn value(&self) -> String {
        let cells = self.cells.iter().filter(|(_, cell)| !cell.is_empty());
        let cells: Vec<String> = cells
            .map(|(column, cell)| format!("{}: {cell}", column.replace('_', " ")))
            .collect();
        cells.join(", ")
    }
}

/// Rows of the field map that nobody has confirmed or ignored, with the rows that have a value.
pub(super) fn unconfirmed(snapshot: &Snapshot, map: &FieldMap) -> Vec<OpenDecision> {
    let rows = map.rows().filter(|row| row.status == Status::Proposed);
    let mut seen = BTreeSet::new();
    // A row for two objects is one question.
    let rows = rows.filter(|row| seen.insert((&row.source, &row.source_field)));
    rows.map(|row| {
        let table = snapshot.get("usercom", &row.source);
        let book = table.and_then(|table| table.columns.get(&row.source_field));
        let cells = [("source", &row.source), ("source_field", &row.source_field)];
        OpenDecision {
            file: "field_map",
            cells: cells
                .map(|(column, cell)| (column.to_owned(), cell.clone()))
                .into(),
            rows: book.map_or(0, |book| book.rows_with_value),
            what: "rows",
            otherwise: "nothing is sent before it is confirmed or ignored",
            proposed: None,
        }
    })
    .collect()
}

/// What was found out about decisions and the export.
#[derive(Default)]
pub(super) struct Open {
    pub(super) decisions: Vec<OpenDecision>,
    /// What is proposed where nothing needs to be decided.
    pub(super) offers: Vec<OpenDecision>,
    /// What nobody has to decide now and somebody may want to: written down where drafts are asked for.
    pub(super) drafts: Vec<OpenDecision>,
    pub(super) findings: Vec<Finding>,
    pub(super) not_checked: Vec<String>,
}

/// Compares the export with the decision files. `asked` is what an org said just now; what it did not say is known from when it
/// was met last.
pub(super) async fn of_export(
    project: &Project,
    staging: &Staging,
    snapshot: &Snapshot,
    asked: OrgValues,
) -> Result<Open, Error> {
    let folder = &project.config.project;
    let session = project
        .engine
        .session(staging, snapshot)?
        .with_parameters(project.config.options.parameters());
    let met = OrgValues::met(&session, snapshot).await?;
    let org = OrgValues {
        users: asked.users.or(met.users),
        stages: asked.stages.or(met.stages),
    };
    let iso = readable_rows(folder, "iso_countries");
    let mut open = Open::default();
    for subject in &SUBJECTS {
        let decided = decided(&session, folder, subject).await?;
        let values = match subject.file {
            "owners" => owners(&session, snapshot, subject.sql, &org, &mut open).await?,
            _ => values(&session, subject.sql).await?,
        };
        let is_known = subject.file != "owners" || org.users.is_some();
        let mut proposer = Proposer::of(subject.file, &decided, &org, &iso);
        for value in &values {
            let is_decided = decided.iter().any(|row| is_about(row, &value.cells));
            if is_decided || (subject.file == "countries" && is_country(&iso, value)) {
                continue;
            }
            let propose = |proposer: &mut Proposer| proposer.propose(value);
            let asked = match is_known {
                true => &mut open.decisions,
                // The org may have a user of this address.
                false => &mut open.drafts,
            };
            asked.push(OpenDecision {
                file: subject.file,
                cells: value.cells.clone(),
                rows: value.rows,
                what: subject.what,
                otherwise: subject.otherwise,
                proposed: proposer.as_mut().and_then(propose),
            });
        }
        if subject.optional && decided.is_empty() {
            let asked = std::mem::take(&mut open.decisions).into_iter();
            let (offers, decisions) = asked.partition(|decision| decision.file == subject.file);
            open.decisions = decisions;
            let offers: Vec<OpenDecision> = offers;
            open.drafts.extend(offers.iter().cloned());
            let is_proposed = |decision: &OpenDecision| decision.proposed.is_some();
            open.offers.extend(offers.into_iter().filter(is_proposed));
        }
        let odd = odd_rows(folder, subject, &decided, &values, &org);
        open.findings.extend(odd);
    }
    Ok(open)
}

/// Rows of decisions that look like slips, against the tables staged last and what is known of the org since it was last met. What
/// sends says them too: a stage that is misspelt is deployed.
pub(super) async fn slips(
    project: &Project,
    staging: &Staging,
    snapshot: &Snapshot,
) -> Result<Vec<Finding>, Error> {
    let folder = &project.config.project;
    let subjects = SUBJECTS.iter().filter(|subject| {
        subject.file != "owners" && is_any(folder, &[subject.file]) && is_own(folder, subject)
    });
    let mut subjects = subjects.peekable();
    let mut findings = Vec::new();
    if subjects.peek().is_none() {
        return Ok(findings);
    }
    let session = project
        .engine
        .session(staging, snapshot)?
        .with_parameters(project.config.options.parameters());
    let org = OrgValues::met(&session, snapshot).await?;
    for subject in subjects {
        let decided = decided(&session, folder, subject).await?;
        let values = values(&session, subject.sql).await?;
        findings.extend(odd_rows(folder, subject, &decided, &values, &org));
    }
    Ok(findings)
}

/// What is decided, stages by the names that the export has for them now.
async fn decided(
    session: &Session,
    folder: &Path,
    subject: &Subject,
) -> Result<Vec<DecisionRow>, Error> {
    // Mistakes in a file are told elsewhere.
    let mut decided = readable_rows(folder, subject.file);
    if subject.file != "stage_matrix" {
        return Ok(decided);
    }
    for named in texts(session, "the names of stages", STAGE_NAMES).await? {
        let [pipeline_number, stage_number, pipeline, stage] = &named[..] else {
            continue;
        };
        for row in &mut decided {
            if row.get("pipeline") == pipeline_number && row.get("stage") == stage_number {
                row.cells.insert("pipeline".to_owned(), pipeline.clone());
                row.cells.insert("stage".to_owned(), stage.clone());
            }
        }
    }
    Ok(decided)
}

/// Whether the project has the file: what stands in the product's own is about no export in particular.
fn is_own(folder: &Path, subject: &Subject) -> bool {
    folder
        .join(format!("config/{}.csv", subject.file))
        .is_file()
}

/// Rows about nothing of the export, and stages that are almost one of the org's.
fn odd_rows(
    folder: &Path,
    subject: &Subject,
    decided: &[DecisionRow],
    values: &[ExportValue],
    org: &OrgValues,
) -> Vec<Finding> {
    let mut odd = Vec::new();
    if is_own(folder, subject) && subject.file != "owners" {
        let is_met = |row: &&DecisionRow| values.iter().any(|value| is_about(row, &value.cells));
        let without = decided.iter().filter(|row| !is_met(row));
        odd.extend(without.map(|row| about_nothing(subject, row, values)));
    }
    if subject.file == "stage_matrix" {
        let known = org.stages();
        let like = |row| like_a_stage(row, values, &known);
        odd.extend(decided.iter().filter_map(like));
    }
    odd
}

/// Whether it is a country by ISO 3166.
fn is_country(iso: &[DecisionRow], value: &ExportValue) -> bool {
    let is_it = |word: &str| word.eq_ignore_ascii_case(&value.cells["country"]);
    iso.iter()
        .any(|row| is_it(row.get("country")) || is_it(row.get("code")))
}

/// Columns of a query that are no cells of the decision file.
const NAME: &str = "_name";

/// Values by column, those of the key; and how many rows have them.
async fn values(session: &Session, sql: &str) -> Result<Vec<ExportValue>, Error> {
    let mut found = Vec::new();
    for batch in session.collect("the values of the export", sql).await? {
        let schema = batch.schema();
        let (keys, counts) = (batch.num_columns() - 1, batch.columns().last());
        let counts = counts.and_then(|column| column.as_primitive_opt::<Int64Type>());
        for row in 0..batch.num_rows() {
            let cells = (0..keys).filter_map(|at| {
                let column = batch.column(at).as_string_opt::<i32>()?;
                let cell = column.is_valid(row).then(|| column.value(row).to_owned())?;
                Some((schema.field(at).name().clone(), cell))
            });
            let mut cells: BTreeMap<String, String> = cells.collect();
            let rows = counts.map_or(0, |counts| counts.value(row));
            found.push(ExportValue {
                name: cells.remove(NAME),
                cells,
                rows: u64::try_from(rows).unwrap_or_default(),
            });
        }
    }
    Ok(found)
}

/// Owners that the export names and no user of the org is; once the org was met.
async fn owners(
    session: &Session,
    snapshot: &Snapshot,
    sql: &str,
    org: &OrgValues,
    open: &mut Open,
) -> Result<Vec<ExportValue>, Error> {
    if org.users.is_none() {
        open.not_checked.push(
            "owners: which users the org has is known once it was met (`transload plan`)"
                .to_owned(),
        );
    }
    let users = org.users.iter().flatten();
    let addresses: BTreeSet<&str> = users.map(|user| user.address.as_str()).collect();
    session.add_view(&assigned_owners(snapshot)).await?;
    let mut owners = values(session, sql).await?;
    owners.retain(|owner| {
        let address = owner.cells.get("owner_email");
        address.is_none_or(|address| !addresses.contains(address.as_str()))
    });
    Ok(owners)
}

/// `prepare.assigned_owner`: one row per table and owner that its records name, by number or address.
pub(super) fn assigned_owners(snapshot: &Snapshot) -> View {
    let tables = snapshot.schema("usercom").filter(|table| {
        let has = |name: &str| table.schema.field_with_name(name).is_ok();
        has("assigned_to_id") && has("assigned_to_email")
    });
    let parts = tables.map(|table| {
        format!(
            "select '{0}' as source, t.assigned_to_id as id, t.assigned_to_email as email, count(*) as rows from usercom.{0} as t \
             where t.assigned_to_id is not null or trim(t.assigned_to_email) <> '' \
             group by t.assigned_to_id, t.assigned_to_email",
            table.table
        )
    });
    View {
        schema: "prepare".to_owned(),
        name: "assigned_owner".to_owned(),
        sql: parts.collect::<Vec<_>>().join(" union all "),
    }
}

/// Whether a row decides about these cells.
fn is_about(row: &DecisionRow, cells: &BTreeMap<String, String>) -> bool {
    let named = cells.keys().filter(|column| !row.get(column).is_empty());
    let mut named = named.peekable();
    // An owner is named by one of two columns, a stage by all three.
    let alternatives = ["owner_id", "activity_type_id"];
    if cells
        .keys()
        .any(|column| alternatives.contains(&column.as_str()))
    {
        return named.any(|column| row.get(column).eq_ignore_ascii_case(&cells[column]));
    }
    named.peek().is_some()
        && cells
            .iter()
            .all(|(column, cell)| row.get(column).to_lowercase() == cell.to_lowercase())
}

/// A row for a value that the export does not have, with one that it has and that is like it.
fn about_nothing(subject: &Subject, row: &DecisionRow, values: &[ExportValue]) -> Finding {
    let shown = |cells: &dyn Fn(&str) -> String| {
        let cells = subject.key.iter().map(|column| cells(column));
        let cells: Vec<String> = cells.filter(|cell| !cell.is_empty()).collect();
        cells.join(" / ")
    };
    let value = shown(&|column| row.get(column).to_owned());
    let cell = |value: &ExportValue, column: &str| value.cells.get(column).cloned();
    let others = values
        .iter()
        .map(|value| shown(&|column| cell(value, column).unwrap_or_default()));
    let near = others
        .map(|other| {
            let alike = strsim::jaro_winkler(&value.to_lowercase(), &other.to_lowercase());
            (alike, other)
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, other)| other);
    let problem = "is about nothing in the export";
    let finding = Finding::new(format!("config/{}.csv", subject.file), problem)
        .line(row.line)
        .column(subject.key.join(", "))
        .value(value)
        .nearest(near);
    finding.warning()
}

/// A stage that would be new in the org, and is like one that it has.
fn like_a_stage(row: &DecisionRow, values: &[ExportValue], known: &[String]) -> Option<Finding> {
    let stage = row.get("stage_name");
    if known.iter().any(|known| known.eq_ignore_ascii_case(stage)) {
        return None;
    }
    let near = nearest(stage, known.iter().map(String::as_str))?;
    if strsim::jaro_winkler(stage, &near) < ALIKE {
        return None;
    }
    let deals = values.iter().find(|value| is_about(row, &value.cells));
    let deals = deals.map_or(0, |value| value.rows);
    let problem = format!("would be a new stage of the org, for {deals} deal(s)");
    let finding = Finding::new("config/stage_matrix.csv", problem)
        .line(row.line)
        .column("stage_name")
        .value(stage)
        .nearest(Some(near));
    Some(finding.warning())
}

/// Writes what is open into the decision files, each as a row that decides nothing: with what is proposed, or without a
/// decision. A row that stands there gets a proposal where it has no decision. Lines by file.
pub(super) fn write(
    folder: &Path,
    open: &[OpenDecision],
) -> Result<BTreeMap<String, usize>, Error> {
    let mut written = BTreeMap::new();
    let files = SUBJECTS.iter().map(|subject| subject.file);
    for name in files.chain(["field_map"]) {
        let of_file = || open.iter().filter(|decision| decision.file == name);
        if of_file().next().is_none() {
            continue;
        }
        let mut file = DecisionFile::open(folder, name)?;
        let before = file.len();
        let mut changed = 0;
        for decision in of_file() {
            let is_asked = |row: &usize| {
                let mut cells = decision.cells.iter();
                cells.all(|(column, cell)| file.get(*row, column).eq_ignore_ascii_case(cell))
            };
            // A question that stands there is not asked again.
            // What the file cannot hold is told and not written: the file would be a mistake.
            let mut cells = decision.cells.iter();
            let row = match (0..before).find(is_asked) {
                Some(row) => row,
                None if cells.any(|(column, cell)| value_problem(name, column, cell).is_some()) => {
                    continue;
                }
                None => {
                    changed += 1;
                    add(&mut file, decision)
                }
            };
            if let Some(proposed) = &decision.proposed
                && file.get(row, proposed.column).is_empty()
            {
                changed += usize::from(row < before);
                let rows = decision.rows.to_string();
                for (column, cell) in [
                    (proposed.column, proposed.value.as_str()),
                    ("class", &proposed.class),
                    ("reasons", &proposed.reasons),
                    ("rows", &rows),
                    ("confirmed_by", ""),
                    ("confirmed_at", ""),
                ] {
                    file.fill(row, column, cell);
                }
            }
        }
        if changed > 0 {
            file.save()?;
            written.insert(format!("config/{name}.csv"), changed);
        }
    }
    Ok(written)
}

/// Adds a row without a decision.
fn add(file: &mut DecisionFile, decision: &OpenDecision) -> usize {
    let note = format!("{} {}", decision.rows, decision.what);
    let cells = decision.cells.iter();
    let mut row: BTreeMap<&str, &str> = cells
        .map(|(column, cell)| (column.as_str(), cell.as_str()))
        .collect();
    row.entry("note").or_insert(&note);
    row.entry("status").or_insert("proposed");
    let row: Vec<(&str, &str)> = row
        .into_iter()
        .filter(|(column, _)| file.has(column))
        .collect();
    let has_note = file.has("note");
    let row = file.add(&row);
    if !has_note {
        file.set(row, "rows", &decision.rows.to_string());
    }
    row
}
