//! A `StandardValueSet` file → rows of `OpportunityStage`, `LeadStatus`, … (`guide/salesforce.md` §5.2).
//!
//! In: the file. Out: the rows that make up the whole new list, since deploying replaces it: values that the file does
//! not name become inactive. The picklist of the field gets the new values.

use std::io;
use std::sync::Arc;

use super::super::change::{Batch, Cell, Column, Operation};
use super::super::org::Org;
use super::super::schema::{PicklistValue, Schema};
use super::super::store::Matches;
use super::super::upkeep;
use super::super::write::{Scope, Writer, apply};
use super::xml::Element;

/// One value of a set.
#[derive(Clone, Debug)]
pub(super) struct StandardValue {
    label: String,
    values: Vec<(&'static str, String)>,
}

/// The new content of a set.
#[derive(Clone, Debug)]
pub(super) struct ValueSet {
    /// Object that holds the rows.
    object: &'static str,
    /// Object and field whose picklist it is.
    field: (&'static str, &'static str),
    values: Vec<StandardValue>,
}

/// Reads a set; the error is the component's problem.
pub(super) fn value_set(name: &str, root: &Element) -> Result<ValueSet, String> {
    let (object, field) = match name {
        "OpportunityStage" => ("OpportunityStage", ("Opportunity", "StageName")),
        "LeadStatus" => ("LeadStatus", ("Lead", "Status")),
        "TaskStatus" => ("TaskStatus", ("Task", "Status")),
        "TaskPriority" => ("TaskPriority", ("Task", "Priority")),
        "CaseStatus" => ("CaseStatus", ("Case", "Status")),
        _ => {
            return Err(format!(
                "StandardValueSet named {name} is not known to the simulator"
            ));
        }
    };
    let mut values = Vec::new();
    for (order, value) in root.all("standardValue").enumerate() {
        let text = |name: &str| value.get(name).map(str::to_owned);
        let full_name = text("fullName").ok_or("Required field is missing: fullName")?;
        let label = text("label").unwrap_or_else(|| full_name.clone());
        let flag = |name: &str| if value.is(name) { "true" } else { "false" }.to_owned();
        let mut columns = vec![
            ("MasterLabel", label.clone()),
            ("ApiName", full_name),
            ("SortOrder", (order + 1).to_string()),
        ];
        if object == "OpportunityStage" {
            let forecast =
                text("forecastCategory").ok_or("Required field is missing: forecastCategory")?;
            let shown = match forecast.as_str() {
                "BestCase" => "Best Case",
                "Forecast" => "Commit",
                "Omitted" | "Pipeline" | "MostLikely" | "Closed" => &forecast,
                other => {
                    return Err(format!(
                        "'{other}' is not a valid value for the enum 'ForecastCategories'"
                    ));
                }
            };
            let probability =
                text("probability").ok_or("Required field is missing: probability")?;
            if !probability
                .parse::<u32>()
                .is_ok_and(|percent| percent <= 100)
            {
                return Err(format!(
                    "Probability must be a whole number from 0 to 100: {probability}"
                ));
            }
            columns.extend([
                ("IsActive", "true".to_owned()),
                ("IsClosed", flag("closed")),
                ("IsWon", flag("won")),
                ("ForecastCategoryName", shown.to_owned()),
                ("ForecastCategory", forecast),
                ("DefaultProbability", probability),
            ]);
        } else {
            columns.push(("IsDefault", flag("default")));
            columns.push(match object {
                "LeadStatus" => ("IsConverted", flag("converted")),
                "TaskPriority" => ("IsHighPriority", flag("highPriority")),
                _ => ("IsClosed", flag("closed")),
            });
        }
        values.push(StandardValue {
            label,
            values: columns,
        });
    }
    if values.is_empty() {
        return Err("Must specify at least one value".to_owned());
    }
    Ok(ValueSet {
        object,
        field,
        values,
    })
}

impl ValueSet {
    /// Whether the set is the list of an object and has a value, case and all.
    pub(super) fn has(&self, object: &str, value: &str) -> bool {
        let named = |one: &StandardValue| {
            let mut columns = one.values.iter();
            columns.any(|(name, text)| *name == "ApiName" && text == value)
        };
        self.object == object && self.values.iter().any(named)
    }

    /// Puts the values into the picklist of the field.
    pub(super) fn into_schema(self, schema: &mut Schema) -> Self {
        if let Some(at) = schema.position(self.field.0) {
            let mut object = super::super::schema::SObject::clone(schema.object(at));
            if let Some((_, field)) = object.find(self.field.1) {
                let mut field = field.clone();
                for known in &mut field.picklist {
                    known.active = self.values.iter().any(|value| value.label == known.value);
                }
                for value in &self.values {
                    if !field
                        .picklist
                        .iter()
                        .any(|known| known.value == value.label)
                    {
                        let (value, label) = (value.label.clone(), value.label.clone());
                        field.picklist.push(PicklistValue {
                            value,
                            label,
                            default: false,
                            active: true,
                        });
                    }
                }
                object.add(field);
                schema.put(object);
            }
        }
        self
    }

    /// Writes the rows.
    pub(super) fn write(&self, org: &Arc<Org>) -> io::Result<()> {
        let model = org.model();
        let Some(at) = model.schema.position(self.object) else {
            return Ok(());
        };
        let (object, table) = model.at(at);
        let Some(label) = object.position("MasterLabel") else {
            return Ok(());
        };
        let mut kept = Vec::new();
        for value in &self.values {
            if let Matches::One(position) = table.find(label, false, &value.label) {
                let columns: Vec<Column> = std::iter::once(Column::Id)
                    .chain(
                        value
                            .values
                            .iter()
                            .filter_map(|(name, _)| object.position(name).map(Column::Field)),
                    )
                    .collect();
                let id = model.id(at, position).to_string();
                let cells: Vec<Cell<'_>> = std::iter::once(Cell::Text(&id))
                    .chain(value.values.iter().map(|(_, text)| Cell::Text(text)))
                    .collect();
                let writer = Writer::new(Scope::trusted(org), at, Operation::Update, columns);
                apply(&writer, &Batch { cells: &cells }, |_| None)?;
                kept.push(position);
            } else {
                let values: Vec<(&str, &str)> = value
                    .values
                    .iter()
                    .map(|(name, text)| (*name, text.as_str()))
                    .collect();
                upkeep::insert(org, self.object, &values)?;
            }
        }
        self.deactivate_others(org)
    }

    fn deactivate_others(&self, org: &Arc<Org>) -> io::Result<()> {
        let model = org.model();
        let Some(at) = model.schema.position(self.object) else {
            return Ok(());
        };
        let (object, table) = model.at(at);
        let (Some(label), Some(active)) =
            (object.position("MasterLabel"), object.position("IsActive"))
        else {
            return Ok(());
        };
        let gone: Vec<String> = {
            let rows = table.read();
            let unnamed = |position: &u32| {
                let name = rows.get(*position).and_then(|row| row.get(label));
                name.is_some_and(|name| {
                    !self
                        .values
                        .iter()
                        .any(|value| value.label.eq_ignore_ascii_case(name))
                })
            };
            (0..rows.len())
                .filter(unnamed)
                .map(|position| model.id(at, position).to_string())
                .collect()
        };
        let cells: Vec<Cell<'_>> = gone
            .iter()
            .flat_map(|id| [Cell::Text(id), Cell::Text("false")])
            .collect();
        let columns = vec![Column::Id, Column::Field(active)];
        let writer = Writer::new(Scope::trusted(org), at, Operation::Update, columns);
        apply(&writer, &Batch { cells: &cells }, |_| None).map(|_| ())
    }
}
