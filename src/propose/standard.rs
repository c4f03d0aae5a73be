//! The standard objects that are known without an org.
//!
//! In: the simulator's object files, compiled in. Out: their fields as [`Target`]s, the audit fields included. Files have a
//! first line `#Name, …` and one field a line: name, type, length, flags (c = may be set, r = restricted), references,
//! relationship, values, label.

use super::model::Target;

const FILES: [&str; 10] = [
    include_str!("../sim/salesforce/schema/objects/Account.tsv"),
    include_str!("../sim/salesforce/schema/objects/Contact.tsv"),
    include_str!("../sim/salesforce/schema/objects/Lead.tsv"),
    include_str!("../sim/salesforce/schema/objects/Opportunity.tsv"),
    include_str!("../sim/salesforce/schema/objects/OpportunityLineItem.tsv"),
    include_str!("../sim/salesforce/schema/objects/Product2.tsv"),
    include_str!("../sim/salesforce/schema/objects/Campaign.tsv"),
    include_str!("../sim/salesforce/schema/objects/Case.tsv"),
    include_str!("../sim/salesforce/schema/objects/Task.tsv"),
    include_str!("../sim/salesforce/schema/objects/Event.tsv"),
];

/// Objects that are known without an org.
pub const OBJECTS: [&str; 10] = [
    "Account",
    "Contact",
    "Lead",
    "Opportunity",
    "OpportunityLineItem",
    "Product2",
    "Campaign",
    "Case",
    "Task",
    "Event",
];

/// Fields that every object has: name, type, whether a loader with the permission may set it.
const AUDIT: [(&str, &str, bool); 4] = [
    ("CreatedDate", "datetime", true),
    ("CreatedById", "reference", true),
    ("LastModifiedDate", "datetime", true),
    ("LastModifiedById", "reference", true),
];

/// The fields of a standard object; none if it is not known.
#[must_use]
pub fn standard(object: &str) -> Vec<Target> {
    let known = OBJECTS.iter().position(|known| *known == object);
    let Some(text) = known.map(|at| FILES[at]) else {
        return Vec::new();
    };
    let target = |line: &str| -> Target {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        // `18.2` = digits of a number in all and after the point.
        let (whole, scale) = cell(2).split_once('.').unwrap_or((cell(2), "0"));
        let [whole, scale]: [u32; 2] = [whole, scale].map(|digits| digits.parse().unwrap_or(0));
        let is_number = cell(2).contains('.');
        let (length, precision) = if is_number { (0, whole) } else { (whole, 0) };
        let values = cell(6).split('|').filter(|value| !value.is_empty());
        Target {
            object: object.to_owned(),
            field: cell(0).to_owned(),
            label: cell(7).to_owned(),
            help: String::new(),
            kind: cell(1).to_owned(),
            field_type: Target::map_type(cell(1), length, precision, scale),
            length,
            picklist: values
                .map(|value| value.split('=').next().unwrap_or_default().to_owned())
                .collect(),
            restricted: cell(3).contains('r'),
            createable: cell(3).contains('c'),
            custom: false,
        }
    };
    let audit = AUDIT.iter().map(|(field, kind, createable)| Target {
        object: object.to_owned(),
        field: (*field).to_owned(),
        kind: (*kind).to_owned(),
        field_type: Target::map_type(kind, 0, 0, 0),
        createable: *createable,
        ..Target::default()
    });
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(target)
        .chain(audit)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_objects_have_their_fields() {
        for object in OBJECTS {
            let fields = standard(object);
            assert!(fields.iter().any(|field| field.createable), "{object}");
            assert_eq!(fields[0].object, object);
        }
        let industry = standard("Account")
            .into_iter()
            .find(|field| field.field == "Industry")
            .unwrap();
        assert_eq!(industry.kind, "picklist");
        let revenue = standard("Account")
            .into_iter()
            .find(|field| field.field == "AnnualRevenue")
            .unwrap();
        assert_eq!(revenue.field_type, "Currency(18,0)");
        assert!(industry.picklist.iter().any(|value| value == "Banking"));
        assert!(standard("Nothing").is_empty());
    }

    #[test]
    fn what_fields_are_also_called_names_fields_that_there_are() {
        for line in include_str!("fields.csv").lines().skip(1) {
            let mut cells = line.split(',');
            let (object, field) = (cells.next().unwrap(), cells.next().unwrap());
            let known = object == "*" || standard(object).iter().any(|known| known.field == field);
            assert!(known, "{object}.{field}");
        }
    }
}
