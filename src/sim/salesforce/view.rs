//! Reading a row's fields: stored ones, those in its head, and those that follow from others.
//!
//! In: an encoded row and a field number. Out: the field's text in canonical form, none = null. Booleans that were never
//! set are `false`; `Name` of people is composed; the stage decides what an Opportunity is (`guide/salesforce.md` §6.1).

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};

use super::model::Model;
use super::schema::{FieldDefinition, FieldType, SObject, System};
use super::stages::Stages;
use super::store::Row;

/// A reader of rows, with one snapshot of schema and stages.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) model: Arc<Model>,
    stages: Arc<Stages>,
    /// The number of `User`, which every row names twice.
    users: usize,
}

impl View {
    /// A view of one moment.
    pub(crate) fn new(model: Arc<Model>, stages: Arc<Stages>) -> Self {
        let users = model.schema.position("User").unwrap_or_default();
        Self {
            model,
            stages,
            users,
        }
    }

    /// The text of a field.
    pub(crate) fn text<'r>(
        &self,
        object: usize,
        position: u32,
        row: &'r Row,
        at: u16,
    ) -> Option<Cow<'r, str>> {
        let definition = self.model.schema.object(object);
        let field = definition.field(at);
        if let Some(system) = field.system {
            return Some(self.system(system, object, position, row));
        }
        if let Some(stored) = row.get(at) {
            return Some(Cow::Borrowed(stored));
        }
        self.derived(definition, field, row).map(Cow::Owned)
    }

    fn system(&self, system: System, object: usize, position: u32, row: &Row) -> Cow<'static, str> {
        let head = row.head();
        let user = |position| self.model.id(self.users, position).to_string();
        let text = match system {
            System::Id => self.model.id(object, position).to_string(),
            System::IsDeleted => {
                return Cow::Borrowed(if head.deleted { "true" } else { "false" });
            }
            System::CreatedDate => instant(head.created),
            System::LastModifiedDate | System::Modstamp => instant(head.modified),
            System::CreatedById => user(head.created_by),
            System::LastModifiedById => user(head.modified_by),
        };
        Cow::Owned(text)
    }

    fn derived(&self, object: &SObject, field: &FieldDefinition, row: &Row) -> Option<String> {
        let get = |name: &str| object.position(name).and_then(|at| row.get(at));
        match (object.name.as_str(), field.name.as_str()) {
            ("Contact" | "Lead" | "User", "Name") => {
                let parts = [get("FirstName"), get("LastName")];
                Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
            }
            ("Opportunity", "IsClosed") => {
                Some(self.stages.find(get("StageName")?).closed.to_string())
            }
            ("Opportunity", "IsWon") => Some(self.stages.find(get("StageName")?).won.to_string()),
            ("Opportunity", "ForecastCategory") => {
                Some(self.stages.find(get("StageName")?).forecast.clone())
            }
            ("Opportunity", "ExpectedRevenue") => {
                let amount: f64 = get("Amount")?.parse().ok()?;
                let probability: f64 = get("Probability").unwrap_or("0").parse().ok()?;
                Some(format!("{}", (amount * probability).round() / 100.0))
            }
            ("Opportunity", "FiscalYear") => {
                Some(close_date(get("CloseDate")?)?.year().to_string())
            }
            ("Opportunity", "FiscalQuarter") => {
                Some(close_date(get("CloseDate")?)?.quarter().to_string())
            }
            ("Opportunity", "Fiscal") => {
                let date = close_date(get("CloseDate")?)?;
                Some(format!("{} {}", date.year(), date.quarter()))
            }
            _ if field.kind == FieldType::Boolean => Some("false".to_owned()),
            _ => None,
        }
    }
}

fn close_date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// `2024-01-31T10:00:00.000Z`. Every row that is asked for has three of them.
pub(crate) fn instant(millis: i64) -> String {
    let at = DateTime::from_timestamp_millis(millis).unwrap_or_default();
    let Some(year @ 0..=9999) = u32::try_from(at.year()).ok() else {
        return at.format("%Y-%m-%dT%H:%M:%S.000Z").to_string();
    };
    let mut text = String::from("0000-00-00T00:00:00.000Z").into_bytes();
    for (digits, number) in [
        (0..4, year),
        (5..7, at.month()),
        (8..10, at.day()),
        (11..13, at.hour()),
        (14..16, at.minute()),
        (17..19, at.second()),
    ] {
        let mut rest = number;
        for digit in text[digits].iter_mut().rev() {
            *digit += u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_to_the_second() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.000Z"),
            (-1, "1969-12-31T23:59:59.000Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59.000Z"),
            (253_402_300_800_000, "+10000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(instant(millis), text);
        }
    }
}
