//! `businessProcesses` and `recordTypes` of an object's file → rows, or the problem with them
//! (`guide/salesforce.md` §5.2).
//!
//! In: the elements, the object as it will be, and the values that a process may have. Out: [`Process`] and
//! [`RecordType`], which write their own rows. That a record type of opportunities, leads and cases needs a process is the
//! plausible reading. Problem texts are ours where the reference has none.

use std::io;
use std::sync::Arc;

use super::super::org::Org;
use super::super::schema::{FieldType, SObject};
use super::super::upkeep;
use super::xml::Element;

/// A sales, lead or support process.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Process {
    pub(super) object: String,
    pub(super) name: String,
    active: bool,
    description: Option<String>,
}

/// A record type besides `Master`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RecordType {
    pub(super) object: String,
    pub(super) name: String,
    label: String,
    active: bool,
    process: Option<String>,
    description: Option<String>,
}

/// The object that holds the values of an object's processes, and the field they are for.
pub(super) fn values_of(object: &str) -> Option<(&'static str, &'static str)> {
    Some(match object {
        "Opportunity" => ("OpportunityStage", "StageName"),
        "Lead" => ("LeadStatus", "Status"),
        "Case" => ("CaseStatus", "Status"),
        _ => return None,
    })
}

/// Reads a process whose values must be among `known`.
pub(super) fn process(
    object: &str,
    element: &Element,
    known: impl Fn(&str) -> bool,
) -> Result<Process, String> {
    let name = full_name(element)?;
    let (_, field) = values_of(object)
        .ok_or_else(|| format!("Business processes are not available for {object}"))?;
    let mut values = element.all("values").peekable();
    if values.peek().is_none() {
        return Err("Must specify at least one value".to_owned());
    }
    for value in values {
        let value = decoded(value.get("fullName").unwrap_or_default());
        if !known(&value) {
            return Err(format!(
                "Picklist value: {value} in picklist: {field} not found"
            ));
        }
    }
    Ok(Process {
        object: object.to_owned(),
        name,
        active: element.get("isActive") != Some("false"),
        description: element.get("description").map(str::to_owned),
    })
}

/// Reads a record type; `is_process` knows the processes of the object.
pub(super) fn record_type(
    object: &SObject,
    element: &Element,
    is_process: impl Fn(&str) -> bool,
) -> Result<RecordType, String> {
    let name = full_name(element)?;
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.ends_with('_')
        && !name.contains("__");
    if !fits {
        return Err(format!(
            "The Record Type Name {name} can only contain underscores and alphanumeric characters. It must be unique, \
             begin with a letter, not include spaces, not end with an underscore, and not contain two consecutive \
             underscores."
        ));
    }
    let label = element
        .get("label")
        .filter(|label| !label.is_empty())
        .ok_or("Required field is missing: label")?;
    let process = element
        .get("businessProcess")
        .filter(|process| !process.is_empty());
    if values_of(&object.name).is_some() {
        let process = process.ok_or("Required field is missing: businessProcess")?;
        if !is_process(process) {
            return Err(format!(
                "In field: businessProcess - no BusinessProcess named {}.{process} found",
                object.name
            ));
        }
    }
    for picklist in element.all("picklistValues") {
        check_values(object, picklist)?;
    }
    Ok(RecordType {
        object: object.name.clone(),
        name,
        label: label.to_owned(),
        active: element.get("active") != Some("false"),
        process: process.map(str::to_owned),
        description: element.get("description").map(str::to_owned),
    })
}

fn check_values(object: &SObject, element: &Element) -> Result<(), String> {
    let name = element.get("picklist").unwrap_or_default();
    let field = object.find(name).map(|(_, field)| field).filter(|field| {
        matches!(
            field.kind,
            FieldType::Picklist | FieldType::Multipicklist | FieldType::Combobox
        )
    });
    let field = field.ok_or_else(|| format!("Picklist: {name} not found on {}", object.name))?;
    for value in element.all("values") {
        let value = decoded(value.get("fullName").unwrap_or_default());
        if !field.picklist.iter().any(|known| known.value == value) {
            return Err(format!(
                "Picklist value: {value} in picklist: {name} not found"
            ));
        }
    }
    Ok(())
}

fn full_name(element: &Element) -> Result<String, String> {
    let name = element.get("fullName").filter(|name| !name.is_empty());
    let name = name.ok_or("Required field is missing: fullName")?;
    if name.chars().count() > 80 {
        return Err(format!("Name too long: {name} (max length=80)"));
    }
    Ok(decoded(name))
}

/// Metadata files write `/` and the like as `%2F`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let code = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn flag(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

impl Process {
    /// Writes the row.
    pub(super) fn write(&self, org: &Arc<Org>) -> io::Result<()> {
        let keys = [
            ("TableEnumOrId", self.object.as_str()),
            ("Name", self.name.as_str()),
        ];
        let mut values = vec![("IsActive", flag(self.active))];
        values.extend(
            self.description
                .as_deref()
                .map(|text| ("Description", text)),
        );
        upkeep::put(org, "BusinessProcess", &keys, &values)
    }
}

impl RecordType {
    /// Writes the row; that of its process must be there.
    pub(super) fn write(&self, org: &Arc<Org>) -> io::Result<()> {
        let process = self.process.as_deref().and_then(|name| {
            let keys = [("TableEnumOrId", self.object.as_str()), ("Name", name)];
            org.model()
                .rows_with("BusinessProcess", &keys)
                .first()
                .copied()
        });
        let process = process.map(|id| id.to_string());
        let keys = [
            ("SobjectType", self.object.as_str()),
            ("DeveloperName", self.name.as_str()),
        ];
        let mut values = vec![
            ("Name", self.label.as_str()),
            ("IsActive", flag(self.active)),
        ];
        values.extend(process.as_deref().map(|id| ("BusinessProcessId", id)));
        values.extend(
            self.description
                .as_deref()
                .map(|text| ("Description", text)),
        );
        upkeep::put(org, "RecordType", &keys, &values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_names_are_read() {
        assert_eq!(decoded("Proposal%2FPrice Quote"), "Proposal/Price Quote");
        assert_eq!(decoded("50% off%"), "50% off%");
    }

    #[test]
    fn process_names_the_value_that_is_not_there() {
        let file = b"<p><fullName>Sales</fullName><values><fullName>new</fullName></values></p>";
        let element = Element::parse(file).unwrap();
        assert!(process("Lead", &element, |value| value == "new").is_ok());
        assert_eq!(
            process("Lead", &element, |value| value == "New").unwrap_err(),
            "Picklist value: new in picklist: Status not found"
        );
        assert!(process("Account", &element, |_| true).is_err());
    }
}
