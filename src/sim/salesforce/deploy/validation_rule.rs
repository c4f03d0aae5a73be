//! The `validationRules` of an object's file → rows that the Tooling API tells (`guide/salesforce.md` §5.2).
//!
//! In: an element and the object as the package makes it. Out: [`ValidationRule`], or the component's problem. A formula is
//! not evaluated: what is known of it is that its fields exist and its parentheses close.

use std::io;
use std::sync::Arc;

use super::super::org::Org;
use super::super::schema::SObject;
use super::super::upkeep;
use super::xml::Element;

/// A rule that was deployed.
pub(super) struct ValidationRule {
    object: String,
    name: String,
    active: bool,
    message: String,
}

/// Reads a rule.
pub(super) fn validation_rule(
    name: &str,
    object: Option<&SObject>,
    element: &Element,
) -> Result<ValidationRule, String> {
    let object = object.ok_or_else(|| {
        format!("Entity Enumeration Or ID: bad value for restricted picklist field: {name}")
    })?;
    let text = |part: &str| {
        let text = element.get(part).filter(|text| !text.is_empty());
        text.ok_or_else(|| format!("Required field is missing: {part}"))
    };
    let (full_name, formula) = (text("fullName")?, text("errorConditionFormula")?);
    if full_name.len() > 40
        || !full_name
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || one == '_')
    {
        return Err(format!(
            "Validation Name: {full_name} is no name of up to 40 letters"
        ));
    }
    let code = without_texts(formula).ok_or("Error: Syntax error. Missing '\"'")?;
    if code.matches('(').count() != code.matches(')').count() {
        return Err("Error: Syntax error. Missing ')'".to_owned());
    }
    let words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    for word in words.filter(|word| word.ends_with("__c")) {
        if object.find(word).is_none() {
            return Err(format!("Field {word} does not exist. Check spelling."));
        }
    }
    Ok(ValidationRule {
        object: name.to_owned(),
        name: full_name.to_owned(),
        active: element.is("active"),
        message: text("errorMessage")?.to_owned(),
    })
}

/// A formula without the texts in quotes; none if one does not end.
fn without_texts(formula: &str) -> Option<String> {
    let (mut code, mut inside) = (String::new(), false);
    let mut letters = formula.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if inside => {
                letters.next();
            }
            '"' => inside = !inside,
            other if !inside => code.push(other),
            _ => {}
        }
    }
    (!inside).then_some(code)
}

impl ValidationRule {
    /// Writes the row.
    pub(super) fn write(&self, org: &Arc<Org>) -> io::Result<()> {
        let keys = [
            ("EntityDefinitionId", self.object.as_str()),
            ("ValidationName", &self.name),
        ];
        let active = if self.active { "true" } else { "false" };
        let values = [("Active", active), ("ErrorMessage", &self.message)];
        upkeep::put(org, "ValidationRule", &keys, &values)
    }
}
