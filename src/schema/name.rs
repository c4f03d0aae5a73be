//! Names of custom fields and where their definitions live.

use std::collections::BTreeSet;

use super::FieldName;
use crate::usercom::sanitise;

/// Longest name without its `__c`.
const MAX_NAME: usize = 40;

/// Whether a name belongs to a custom field.
pub(super) fn is_custom(name: &str) -> bool {
    base(name).is_some()
}

/// The name without its `__c`.
fn base(name: &str) -> Option<&str> {
    let (base, suffix) = name.split_at_checked(name.len().checked_sub(3)?)?;
    (suffix.eq_ignore_ascii_case("__c") && !base.is_empty()).then_some(base)
}

/// Whether a column header names a parent through a relationship, such as `Contact:Who.Ext__c`.
pub(super) fn relationship(name: &str) -> Option<&str> {
    let (parent, _) = name.split_once('.')?;
    Some(parent.rsplit(':').next().unwrap_or(parent))
}

/// Whether Salesforce accepts the name for a new custom field.
pub(super) fn is_valid(name: &str) -> bool {
    let Some(base) = base(name).map(str::as_bytes) else {
        return false;
    };
    base.len() <= MAX_NAME
        && base.first().is_some_and(u8::is_ascii_alphabetic)
        && base.last() != Some(&b'_')
        && base.iter().all(|&b| b.is_ascii_alphanumeric() || b == b'_')
        && !base.windows(2).any(|pair| pair == b"__")
}

/// A name that Salesforce accepts, without `__c` and not taken yet whatever its case: letters, digits and single underscores,
/// a letter first. The same names in the same order get the same results.
#[must_use]
pub fn free_name(wanted: &str, longest: usize, taken: &mut BTreeSet<String>) -> String {
    let mut base = String::new();
    for letter in wanted.chars() {
        let letter = if letter.is_ascii_alphanumeric() {
            letter
        } else {
            '_'
        };
        if letter != '_' || !base.ends_with('_') {
            base.push(letter);
        }
    }
    let mut base = base.trim_matches('_').to_owned();
    if !base.starts_with(|first: char| first.is_ascii_alphabetic()) {
        base.insert(0, 'x');
    }
    base.truncate(longest);
    let base = base.trim_end_matches('_').to_owned();
    let mut name = base.clone();
    let mut number = 2;
    while !taken.insert(name.to_lowercase()) {
        let suffix = format!("_{number}");
        let mut cut = base.clone();
        cut.truncate(longest - suffix.len());
        name = format!("{}{suffix}", cut.trim_end_matches('_'));
        number += 1;
    }
    name
}

/// A developer name for something with a label; `fallback` where the label has no Latin letter.
pub(super) fn developer_name(label: &str, fallback: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = sanitise(label).unwrap_or_else(|| fallback.to_owned());
    let mut letters = plain.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let name: String = first.into_iter().chain(letters).collect();
    free_name(&name, MAX_NAME, taken)
}

/// The nearest name that Salesforce accepts for a custom field.
#[must_use]
pub fn suggestion(name: &str) -> String {
    let stem = base(name).unwrap_or(name);
    let developer_name = developer_name(stem, "Field", &mut BTreeSet::new());
    format!("{developer_name}__c")
}

/// The object that holds the definition: Task and Event share the fields of Activity
/// (`guide/salesforce.md` §5.2).
#[must_use]
pub fn definition_object(object: &str) -> &str {
    match object {
        "Task" | "Event" => "Activity",
        other => other,
    }
}

/// A label made from a name, for a field that has none.
pub(super) fn label(field: &FieldName) -> String {
    let text = base(&field.name).unwrap_or(&field.name).replace('_', " ");
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn salesforce_rules_for_names_hold() {
        for name in ["usercom_id__c", "A__c", "X1__C"] {
            assert!(is_valid(name), "{name}");
        }
        let long = format!("{}__c", "x".repeat(41));
        for name in [
            "Name",
            "__c",
            "1a__c",
            "a___c",
            "a__b__c",
            "a-b__c",
            "zażółć__c",
            "ź",
            "",
            &long,
        ] {
            assert!(!is_valid(name), "{name}");
        }
    }

    #[test]
    fn relationship_columns_name_their_relationship() {
        assert_eq!(relationship("Owner.Email"), Some("Owner"));
        assert_eq!(relationship("Contact:Who.Ext__c"), Some("Who"));
        assert_eq!(relationship("Name"), None);
    }

    #[test]
    fn any_text_becomes_a_name_that_salesforce_accepts() {
        for (text, name) in [
            ("Zażółć gęślą__c", "Zazolc_gesla__c"),
            ("!!!", "Field__c"),
            ("عمر", "Mr__c"),
            ("🎯 goal", "Goal__c"),
            ("2nd phone", "Attribute_2nd_phone__c"),
            ("a__b_", "A_b__c"),
        ] {
            assert_eq!(suggestion(text), name, "{text}");
            assert!(is_valid(&suggestion(text)), "{text}");
        }
        let long = suggestion(&"x".repeat(60));
        assert!(is_valid(&long) && long.len() == 43, "{long}");
    }

    #[test]
    fn names_that_are_taken_get_a_number_whatever_their_case() {
        let mut taken = BTreeSet::new();
        let names = ["Plan", "plan", "PLAN!", "plan-2"].map(|text| free_name(text, 40, &mut taken));
        assert_eq!(names, ["Plan", "plan_2", "PLAN_3", "plan_2_2"]);
        let long = "x".repeat(40);
        let first = free_name(&long, 40, &mut taken);
        let second = free_name(&long, 40, &mut taken);
        assert!(first.len() == 40 && second.len() == 40 && second.ends_with("_2"));
    }

    #[test]
    fn a_label_reads_like_words() {
        let field = FieldName::new("Lead", "usercom_id__c");
        assert_eq!(label(&field), "Usercom id");
    }
}
