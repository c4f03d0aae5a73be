//! The inventory of automations: what each is, what takes its place, what shows that it fired.
//!
//! In: the form `config/automations.csv` as it is now, the rules of `config/automation_counterparts.csv`, and what was staged last, if
//! anything was. Out: a document with a part for each automation. Never: a call; User.com tells nobody its automations.

use std::path::Path;

use super::{Plan, Source, WrittenDocument};
use crate::engine::View;
use crate::error::Error;
use crate::mapping::{check_decisions, publish_decisions};
use crate::migration::Migration;
use crate::report::{Cell, Column, Part, Table};
use crate::staging::Snapshot;

const INVENTORY: [Plan; 4] = [
    (
        "What has to be built",
        "Automations by what takes their place. One that needs several things is counted with each.",
        "inventory/kinds",
        true,
    ),
    (
        "Automations",
        "As the form has them. User.com (now Positive User) keeps the logs of what ran for 30 days and gives automations to no API: \
         take the inventory before the freeze, and write down what the logs say.",
        "inventory/automations",
        false,
    ),
    (
        "What takes their place",
        "By trigger and group of actions, after the rules of config/automation_counterparts.csv; a project changes them there. \
         Limits of editions are as published on the day in the file: check with your account executive.",
        "inventory/counterparts",
        false,
    ),
    (
        "What shows that they fired",
        "What the export has of what would start them, counted by the name in the column `watches`. A record shows that an automation \
         could have fired, not that it did.",
        "inventory/fired",
        false,
    ),
];

/// What each step of an automation becomes, which several queries count.
const STEPS: &str = include_str!("../../../queries/internal/automation_steps.sql");

/// `config.automation_steps`, where the form was read.
pub(in crate::migration) fn steps(snapshot: &Snapshot) -> Option<View> {
    let has = |table: &str| snapshot.get("config", table).is_some();
    (has("automations") && has("automation_counterparts")).then(|| View {
        schema: "config".to_owned(),
        name: "automation_steps".to_owned(),
        sql: STEPS.to_owned(),
    })
}

/// Automations that have a part of their own; the lists have all.
const PARTS: usize = 100;

impl Migration {
    /// Writes the inventory of the customer's automations.
    ///
    /// # Errors
    /// A decision file has a mistake, the staging area cannot be written, or the folder cannot.
    pub async fn write_inventory(&self, folder: Option<&Path>) -> Result<WrittenDocument, Error> {
        publish_decisions(&self.config().project, self.staging()).await?;
        let asked = self.ask(None).await?;
        let folder = self.folder(folder, "inventory");
        let (mut parts, files) = self.parts(&Source::of(&asked), &INVENTORY, &folder).await?;
        let odd: Vec<String> = check_decisions(&self.config().project)
            .iter()
            .filter(|finding| finding.file.starts_with("config/automation"))
            .map(ToString::to_string)
            .collect();
        if let Some(part) = parts.get_mut(1).filter(|_| !odd.is_empty()) {
            part.text = format!(
                "{} Words that no rule knows: {}.",
                part.text,
                odd.join("; ")
            );
        }
        let each = each(&parts);
        parts.extend(each);
        let title = format!("Inventory of automations: {}", self.config().name);
        let facts = self.standing_facts(asked.staging.org()).await?;
        self.save(&title, facts, parts, files, (&folder, "inventory"))
    }
}

/// One part per automation: what the lists say of it.
fn each(parts: &[Part]) -> Vec<Part> {
    let [_, list, others @ ..] = parts else {
        return Vec::new();
    };
    let Some(automations) = &list.table else {
        return Vec::new();
    };
    let rows = automations.rows.iter().take(PARTS);
    let one = |row: &Vec<Cell>| {
        let name = row.first().map_or_else(String::new, Cell::text);
        let mut told = said(automations, row);
        for other in others {
            match (&other.table, &other.unknown) {
                (Some(table), _) => {
                    let own = table
                        .rows
                        .iter()
                        .filter(|other| other.first() == row.first());
                    told.extend(own.flat_map(|own| said(table, own)));
                }
                (None, why) => told.push(vec![
                    Cell::Text(other.title.to_lowercase()),
                    Cell::Text(format!(
                        "not known: {}",
                        why.as_deref().unwrap_or("no reason")
                    )),
                ]),
            }
        }
        Part {
            title: format!("Automation: {name}"),
            text: "What the lists above say of it, together.".to_owned(),
            query: list.query.clone(),
            sql: list.sql.clone(),
            table: Some(Table {
                columns: ["what", "says"].map(text_column).to_vec(),
                total: told.len() as u64,
                rows: told,
                ..Table::default()
            }),
            unknown: None,
        }
    };
    rows.map(one).collect()
}

/// A row as lines: the name of a column and what stands in it.
fn said(table: &Table, row: &[Cell]) -> Vec<Vec<Cell>> {
    let cells = table.columns.iter().zip(row).skip(1);
    cells
        .filter(|(_, cell)| **cell != Cell::Nothing)
        .map(|(column, cell)| vec![Cell::Text(column.name.clone()), cell.clone()])
        .collect()
}

fn text_column(name: &str) -> Column {
    Column {
        name: name.to_owned(),
        numeric: false,
    }
}
