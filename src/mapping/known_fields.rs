//! The fields that rows of the map may name, as far as anything is known about them.
//!
//! In: fields as an org described them, or the standard ones that are known without an org. Out: what is wrong with the field or the
//! type that a row names, with the nearest field that there is. A custom field that there is not yet is made, and is no mistake.
//! Never: a question to an org.

use std::collections::BTreeMap;

use transload_propose::{OBJECTS, standard};

use crate::config::nearest;
use crate::schema::{FieldType, takes};

/// A field that there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownField {
    /// API name.
    pub name: String,
    /// Type as describe names it.
    pub kind: String,
    /// Whether a loader may set it.
    pub createable: bool,
}

/// What is wrong with a field that a row names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldProblem {
    /// In words.
    pub problem: String,
    /// The field that is probably meant.
    pub nearest: Option<String>,
    /// Whether it is known, and not only likely: an org has standard fields that another lacks.
    pub is_sure: bool,
}

/// Fields by object.
#[derive(Clone, Debug, Default)]
pub struct KnownFields {
    /// By the object's name in lower case: Salesforce ignores case in names.
    objects: BTreeMap<String, Described>,
}

#[derive(Clone, Debug, Default)]
struct Described {
    fields: Vec<KnownField>,
    /// Whether an org said so: what it has not said, it has not.
    by_org: bool,
}

impl KnownFields {
    /// What is known without an org.
    #[must_use]
    pub fn standard() -> Self {
        let fields = |object: &&str| {
            let targets = standard(object).into_iter().map(|target| KnownField {
                name: target.field,
                kind: target.kind,
                createable: target.createable,
            });
            let described = Described {
                fields: targets.collect(),
                by_org: false,
            };
            (object.to_lowercase(), described)
        };
        Self {
            objects: OBJECTS.iter().map(fields).collect(),
        }
    }

    /// Takes the fields of an object from an org that described it.
    pub fn describe(&mut self, object: &str, fields: Vec<KnownField>) {
        let described = Described {
            fields,
            by_org: true,
        };
        self.objects.insert(object.to_lowercase(), described);
    }

    /// What is wrong with a row that sends values of a type to a field. A type that cannot be read is told elsewhere.
    #[must_use]
    pub fn problem(&self, object: &str, field: &str, field_type: &str) -> Option<FieldProblem> {
        let described = self.objects.get(&object.to_lowercase())?;
        let mut fields = described.fields.iter();
        let Some(known) = fields.find(|known| known.name.eq_ignore_ascii_case(field)) else {
            return described.missing(object, field);
        };
        let sure = |problem: String| FieldProblem {
            problem,
            nearest: None,
            is_sure: true,
        };
        if !known.createable {
            return Some(sure(format!("nobody may set {object}.{}", known.name)));
        }
        let wanted: FieldType = field_type.parse().ok()?;
        (!takes(wanted, &known.kind)).then(|| {
            sure(format!(
                "{object}.{} is of the type {}, which takes no {wanted}",
                known.name, known.kind
            ))
        })
    }
}

impl Described {
    fn missing(&self, object: &str, field: &str) -> Option<FieldProblem> {
        if is_custom(field) {
            return None;
        }
        let open = self.fields.iter().filter(|known| known.createable);
        let nearest = nearest(field, open.map(|known| known.name.as_str()));
        let problem = match self.by_org {
            true => format!("{object} has no field {field}, or field-level security hides it"),
            false => format!("{object} has no standard field {field}"),
        };
        Some(FieldProblem {
            problem,
            is_sure: self.by_org || nearest.as_ref().is_some_and(|near| is_slip(field, near)),
            nearest,
        })
    }
}

/// Whether a name is another one with a slip or two: the longer, the more.
fn is_slip(name: &str, meant: &str) -> bool {
    let distance = strsim::osa_distance(&name.to_lowercase(), &meant.to_lowercase());
    distance <= name.len().div_ceil(4).min(2)
}

/// Whether a name is one of a field that somebody made: `Plan__c`, `Plan__pc`.
#[must_use]
pub fn is_custom(field: &str) -> bool {
    field.contains("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_there_is_not_is_told_with_the_nearest() {
        let mut known = KnownFields::standard();
        let problem = |known: &KnownFields, field: &str, field_type: &str| {
            let found = known.problem("Lead", field, field_type)?;
            let near = found.nearest.unwrap_or_default();
            Some((found.problem, near, found.is_sure))
        };
        let told = problem(&known, "Titel", "Text(128)").unwrap();
        let expected = (
            "Lead has no standard field Titel".to_owned(),
            "Title".to_owned(),
            true,
        );
        assert_eq!(told, expected);
        // An org may have standard fields that no list of ours has.
        assert!(!problem(&known, "CurrencyIsoCode", "Text(3)").unwrap().2);
        for (field, field_type) in [
            ("title", "Text(128)"),
            ("Titel__c", "Text(80)"),
            ("Title", "?"),
        ] {
            assert_eq!(problem(&known, field, field_type), None, "{field}");
        }
        assert_eq!(known.problem("Own__c", "Titel", "Text(80)"), None);
        let told = problem(&known, "NumberOfEmployees", "Date").unwrap();
        assert_eq!(
            told.0,
            "Lead.NumberOfEmployees is of the type int, which takes no Date"
        );
        assert_eq!(
            problem(&known, "ConvertedDate", "Date").unwrap().0,
            "nobody may set Lead.ConvertedDate"
        );
        known.describe("Lead", Vec::new());
        let told = problem(&known, "CurrencyIsoCode", "Text(3)").unwrap();
        assert!(
            told.2 && told.0.contains("field-level security"),
            "{told:?}"
        );
    }
}
