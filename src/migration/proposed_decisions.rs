//! Decisions about values of the export, proposed: for each value that nobody decided, one that the decision file may name.
//!
//! In: a decision file's rows, what is known of the org, countries by ISO 3166. Out: a [`ProposedDecision`], or none. Every file
//! goes the same way: the values that its column may hold are a closed list, each with the names that it goes by, and what
//! people decided about one text is a name for the next. Never: a decision; a value that file and org do not know, but for
//! stages, which an org takes new ones of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use transload_propose::{Choice, Class, ValueMatch, country_names, match_values};

use super::reference_check::texts;
use crate::engine::Session;
use crate::error::Error;
use crate::mapping::{DecisionRow, proposed_column};
use crate::staging::Snapshot;

/// A value of the export.
#[derive(Clone, Debug, Default)]
pub(super) struct ExportValue {
    /// Cells of its row, by column.
    pub(super) cells: BTreeMap<String, String>,
    /// What the export calls it besides.
    pub(super) name: Option<String>,
    /// Rows of the export that have it.
    pub(super) rows: u64,
}

/// What is proposed for one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposedDecision {
    /// The column that it fills in.
    pub column: &'static str,
    /// What it fills in.
    pub value: String,
    /// `certain`, `likely` or `guess`.
    pub class: String,
    /// Why, in words.
    pub reasons: String,
}

/// Stages of Opportunities that every new org has (describes of a new Developer org).
const STANDARD_STAGES: [&str; 10] = [
    "Prospecting",
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Id. Decision Makers",
    "Perception Analysis",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
];

/// Sides that a lifecycle stage may take. That somebody waits is nothing to propose.
const SIDES: [&str; 2] = ["Lead", "Contact"];

/// Kinds of tasks that are worth a proposal.
const TASKS: [&str; 4] = ["Task", "Call", "Email", "LinkedIn"];

/// A user of the org whom records may belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrgUser {
    /// Without what a sandbox appends.
    pub(super) address: String,
    pub(super) name: String,
}

impl OrgUser {
    pub(super) fn new(address: &str, name: &str) -> Self {
        let address = address.trim().to_lowercase();
        Self {
            address: address
                .strip_suffix(".invalid")
                .unwrap_or(&address)
                .to_owned(),
            name: name.trim().to_owned(),
        }
    }
}

/// What the org has that decisions name.
#[derive(Clone, Debug, Default)]
pub(super) struct OrgValues {
    /// None before the org was met.
    pub(super) users: Option<Vec<OrgUser>>,
    /// Stages of Opportunities; none before the org was met.
    pub(super) stages: Option<Vec<String>>,
}

/// Stages that the org has.
const ORG_STAGES: &str = include_str!("../../queries/internal/org_stages.sql");

/// Users that the org has.
const ORG_USERS: &str = include_str!("../../queries/internal/org_users.sql");

impl OrgValues {
    /// What the org had when it was met last.
    pub(super) async fn met(session: &Session, snapshot: &Snapshot) -> Result<Self, Error> {
        let has = |table: &str| snapshot.get("org", table).is_some_and(|met| met.rows > 0);
        let mut values = Self::default();
        if has("users") {
            let rows = texts(session, "the users of the org", ORG_USERS).await?;
            let user = |row: &Vec<String>| OrgUser::new(&row[0], &row[1]);
            values.users = Some(rows.iter().map(user).collect());
        }
        if has("fields") {
            let rows = texts(session, "the stages of the org", ORG_STAGES).await?;
            values.stages = Some(rows.into_iter().flatten().collect());
        }
        Ok(values)
    }

    /// The org's stages, or those of a new org.
    pub(super) fn stages(&self) -> Vec<String> {
        let standard = || STANDARD_STAGES.map(str::to_owned).to_vec();
        self.stages.clone().unwrap_or_else(standard)
    }
}

/// Proposes for one decision file.
pub(super) struct Proposer {
    file: &'static str,
    column: &'static str,
    /// By what parts the texts of a file: the statuses of deals, nothing elsewhere.
    choices: BTreeMap<String, Vec<Choice>>,
    /// Values that every group may take.
    all: Vec<Choice>,
}

impl Proposer {
    /// None for a file that nothing is proposed for.
    pub(super) fn of(
        file: &'static str,
        decided: &[DecisionRow],
        org: &OrgValues,
        iso: &[DecisionRow],
    ) -> Option<Self> {
        let column = proposed_column(file)?;
        let mut proposer = Self {
            file,
            column,
            choices: BTreeMap::new(),
            all: allowed(file, org, iso),
        };
        // What people decided about a text is a name of the value.
        for row in decided {
            let group = group(file, &row.cells);
            let value = row.get(column);
            if value.is_empty() {
                continue;
            }
            let choices = proposer.group(&group);
            let known = choices
                .iter_mut()
                .find(|choice| choice.value.eq_ignore_ascii_case(value));
            let names = texts_of(file, &row.cells, None);
            match known {
                Some(known) => known.names.extend(names),
                None => choices.push(Choice {
                    value: value.to_owned(),
                    names,
                }),
            }
        }
        Some(proposer)
    }

    /// What a group may take.
    fn group(&mut self, group: &str) -> &mut Vec<Choice> {
        if !self.choices.contains_key(group) {
            let mut choices = self.all.clone();
            if group == OPEN {
                let closed = closed(&choices);
                choices.retain(|choice| !closed.contains(&choice.value));
            }
            self.choices.insert(group.to_owned(), choices);
        }
        self.choices.entry(group.to_owned()).or_default()
    }

    /// One of the values for a row.
    pub(super) fn propose(&mut self, value: &ExportValue) -> Option<ProposedDecision> {
        let (file, column, cells) = (self.file, self.column, &value.cells);
        let group = group(file, cells);
        let texts = texts_of(file, cells, value.name.as_deref());
        let choices = self.group(&group);
        // The first text counts for most.
        let found = texts.iter().find_map(|text| {
            let mut found = match_values(std::slice::from_ref(text), choices);
            found.pop().filter(|found| found.target.is_some())
        });
        let found = found.or_else(|| new_stage(file, &group, cells))?;
        Some(ProposedDecision {
            column,
            value: found.target?,
            class: found.class.to_string(),
            reasons: found.reason,
        })
    }
}

/// The status of a deal that may still be won.
const OPEN: &str = "in progress";

/// The values that a file's column may hold, with their names.
fn allowed(file: &str, org: &OrgValues, iso: &[DecisionRow]) -> Vec<Choice> {
    match file {
        "lifecycle" => SIDES.map(Choice::new).to_vec(),
        "activity_types" => TASKS.map(Choice::new).to_vec(),
        "stage_matrix" => org.stages().into_iter().map(Choice::new).collect(),
        "owners" => {
            // One address may be that of several users: it is one choice.
            let mut users: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for user in org.users.iter().flatten() {
                let names = users.entry(&user.address).or_default();
                names.extend([user.name.clone(), before_at(&user.address)]);
            }
            users.into_iter().map(choice).collect()
        }
        "countries" => {
            let mut countries: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for row in iso {
                let names = countries.entry(row.get("code")).or_default();
                names.push(row.get("country").to_owned());
            }
            for (code, names) in country_names() {
                let known = countries.entry(code).or_default();
                known.extend(names.into_iter().map(str::to_owned));
            }
            countries.into_iter().map(choice).collect()
        }
        _ => Vec::new(),
    }
}

fn choice((value, names): (&str, Vec<String>)) -> Choice {
    Choice {
        value: value.to_owned(),
        names,
    }
}

/// What parts the rows of a file: an open deal takes no stage of a closed one.
fn group(file: &str, cells: &BTreeMap<String, String>) -> String {
    match file {
        "stage_matrix" => cells.get("status").cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// The texts of a row that say what is meant, the best one first.
fn texts_of(file: &str, cells: &BTreeMap<String, String>, name: Option<&str>) -> Vec<String> {
    let cell = |column: &str| cells.get(column).cloned();
    let texts = match file {
        "lifecycle" => vec![cell("lifecycle_stage")],
        "activity_types" => vec![cell("activity_type")],
        "countries" => vec![cell("country")],
        "owners" => vec![
            name.map(str::to_owned),
            cell("owner_email").map(|address| before_at(&address)),
        ],
        // How a deal ended says more than the stage that it ended in. What was put away may be anything.
        "stage_matrix" => match cells.get("status").map(String::as_str) {
            Some(OPEN) => vec![cell("stage")],
            Some("archived") | None => Vec::new(),
            Some(status) => vec![Some(status.to_owned())],
        },
        _ => Vec::new(),
    };
    let texts = texts.into_iter().flatten();
    texts.filter(|text| !text.trim().is_empty()).collect()
}

/// The part of an address that names a person.
fn before_at(address: &str) -> String {
    address
        .split_once('@')
        .map_or("", |(person, _)| person)
        .to_owned()
}

/// Stages of deals that ended.
fn closed(stages: &[Choice]) -> BTreeSet<String> {
    let ends = ["won", "lost"].map(str::to_owned);
    let found = match_values(&ends, stages).into_iter();
    found.filter_map(|found| found.target).collect()
}

/// A stage that the org does not have yet, under the name that it had.
fn new_stage(file: &str, group: &str, cells: &BTreeMap<String, String>) -> Option<ValueMatch> {
    let stage = cells.get("stage")?;
    // What User.com's API gives no name has a number.
    let is_named = stage.chars().any(char::is_alphabetic);
    (file == "stage_matrix" && group == OPEN && is_named).then(|| ValueMatch {
        value: stage.clone(),
        target: Some(stage.clone()),
        class: Class::Guess,
        reason: "the org has no stage like it: it would be a new one".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(column, cell): &(&str, &str)| ((*column).to_owned(), (*cell).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn decided(rows: &[BTreeMap<String, String>]) -> Vec<DecisionRow> {
        let row = |cells: &BTreeMap<String, String>| DecisionRow {
            line: 2,
            cells: cells.clone(),
        };
        rows.iter().map(row).collect()
    }

    fn proposed(
        file: &'static str,
        rows: &[BTreeMap<String, String>],
        of: &[(&str, &str)],
    ) -> Option<(String, String)> {
        let org = OrgValues::default();
        let mut proposer = Proposer::of(file, &decided(rows), &org, &[]).unwrap();
        let value = ExportValue {
            cells: cells(of),
            ..ExportValue::default()
        };
        let proposed = proposer.propose(&value)?;
        Some((proposed.value, proposed.class))
    }

    fn stage(stage: &str, status: &str) -> [(&'static str, String); 2] {
        [("stage", stage.to_owned()), ("status", status.to_owned())]
    }

    fn deal(rows: &[BTreeMap<String, String>], name: &str, status: &str) -> Option<String> {
        let cells = stage(name, status);
        let cells: Vec<(&str, &str)> = cells
            .iter()
            .map(|(key, cell)| (*key, cell.as_str()))
            .collect();
        proposed("stage_matrix", rows, &cells).map(|(value, _)| value)
    }

    #[test]
    fn a_deal_that_ended_takes_a_closed_stage_and_an_open_one_does_not() {
        assert_eq!(
            deal(&[], "Oferta", "in progress").as_deref(),
            Some("Proposal/Price Quote")
        );
        assert_eq!(deal(&[], "Oferta", "won").as_deref(), Some("Closed Won"));
        assert_eq!(
            deal(&[], "Oferta", "abandoned").as_deref(),
            Some("Closed Lost")
        );
        assert_eq!(deal(&[], "Oferta", "archived"), None);
        // It would count as won.
        assert_eq!(
            deal(&[], "Wygrana", "in progress").as_deref(),
            Some("Wygrana")
        );
        // A number is no name for a stage.
        assert_eq!(deal(&[], "71", "in progress"), None);
    }

    #[test]
    fn what_people_decided_about_a_text_is_a_name_of_the_value() {
        let rows = [
            cells(&[
                ("stage", "Rundgang"),
                ("status", "in progress"),
                ("stage_name", "Demo"),
            ]),
            cells(&[
                ("stage", "Ende"),
                ("status", "won"),
                ("stage_name", "Signed"),
            ]),
        ];
        assert_eq!(
            deal(&rows, "rundgang", "in progress").as_deref(),
            Some("Demo")
        );
        assert_eq!(deal(&rows, "rundgang", "won").as_deref(), Some("Signed"));
        let side = |stage: &str, rows: &[BTreeMap<String, String>]| {
            proposed("lifecycle", rows, &[("lifecycle_stage", stage)])
        };
        let churned = [cells(&[("lifecycle_stage", "churned"), ("target", "Hold")])];
        assert_eq!(
            side("Churned!", &churned),
            Some(("Hold".to_owned(), "likely".to_owned()))
        );
        assert_eq!(side("Churned!", &[]), None);
        // Whoever is a customer in another language goes where customers go.
        let customers = [cells(&[
            ("lifecycle_stage", "customer"),
            ("target", "Contact"),
        ])];
        assert_eq!(side("Kunde", &[]), None);
        assert_eq!(
            side("Kunde", &customers),
            Some(("Contact".to_owned(), "likely".to_owned()))
        );
    }
}
