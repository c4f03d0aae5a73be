//! What enters and leaves.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::profile::Profile;
use super::words;

/// What a column holds, as its source declares it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is known but the name.
    #[default]
    Unknown,
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number with decimals.
    Float,
    /// True or false.
    Boolean,
    /// A day.
    Date,
    /// An instant.
    DateTime,
    /// One value of a list.
    Choice,
    /// Several values of a list.
    Choices,
    /// The key of another record.
    Reference,
}

/// A column of the source.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Its table, such as `people`.
    pub object: String,
    /// Its name.
    pub name: String,
    /// Its name as people see it; may be empty.
    pub label: String,
    /// What it is declared to hold.
    pub kind: Kind,
    /// What it does hold; none if nothing was read.
    pub profile: Option<Profile>,
}

/// A field of the destination.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// API name of its object.
    pub object: String,
    /// API name.
    pub field: String,
    /// Label.
    pub label: String,
    /// What the org says about it to people; empty if it says nothing.
    pub help: String,
    /// Type as describe names it: `string`, `picklist`, …
    pub kind: String,
    /// The same in the form of the field map, such as `Text(80)`; empty for types that the map does not have.
    pub field_type: String,
    /// Characters that it holds; 0 for types without length.
    pub length: u32,
    /// Values of a picklist.
    pub picklist: Vec<String>,
    /// Whether other values are refused.
    pub restricted: bool,
    /// Whether a loader may set it.
    pub createable: bool,
    /// Whether it is the customer's own.
    pub custom: bool,
}

impl Target {
    /// A describe type in the form of the field map; empty for types that the map does not have.
    #[must_use]
    pub fn map_type(kind: &str, length: u32, precision: u32, scale: u32) -> String {
        // Of integers, describe tells no precision.
        let digits = match (kind, precision) {
            ("int", _) => "18,0".to_owned(),
            (_, 0) => "18,2".to_owned(),
            _ => format!("{},{scale}", precision.clamp(1, 18)),
        };
        match kind {
            "string" | "combobox" => format!("Text({})", length.clamp(1, 255)),
            "textarea" if length <= 255 => format!("Text({})", length.max(1)),
            "textarea" => format!("LongTextArea({})", length.clamp(256, 131_072)),
            "int" | "double" => format!("Number({digits})"),
            "currency" => format!("Currency({digits})"),
            "percent" => format!("Percent({digits})"),
            "boolean" => "Checkbox".to_owned(),
            "date" => "Date".to_owned(),
            "datetime" => "DateTime".to_owned(),
            "email" => "Email".to_owned(),
            "phone" => "Phone".to_owned(),
            "url" => "Url".to_owned(),
            "picklist" => "Picklist".to_owned(),
            "multipicklist" => "MultiselectPicklist".to_owned(),
            _ => String::new(),
        }
    }
}

/// A field that no source may go to, and what it is: `is a reference`.
#[derive(Clone, Debug)]
pub struct Closed {
    /// The field.
    pub target: Target,
    /// What it is, or has.
    pub why: String,
}

/// How far a proposal can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// One of several, or little speaks for it.
    Guess,
    /// The best by far, with a doubt.
    Likely,
    /// Nothing speaks against it and nothing else comes near.
    Certain,
}

impl Class {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Guess => "guess",
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// A field that a source may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Place among the targets.
    pub target: usize,
    /// From 0 to 1; above 1 where people confirmed it before.
    pub score: f64,
    /// What speaks for it and against it, in words.
    pub reasons: Vec<String>,
    /// Whether something speaks against it, so that it is never certain.
    pub doubted: bool,
}

/// A custom field that the org does not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewField {
    /// API name.
    pub field: String,
    /// Label.
    pub label: String,
    /// Type in the form of the field map, such as `Text(255)`.
    pub field_type: String,
    /// What of the values it does not hold, in words.
    pub short: Option<String>,
}

/// What is proposed for one source.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The field; none = no field of the destination has this meaning.
    pub target: Option<usize>,
    /// How far to rely on it.
    pub class: Class,
    /// Score of the proposed field; of the best alternative where none is proposed.
    pub score: f64,
    /// Distance to the second best.
    pub margin: f64,
    /// Why.
    pub reasons: Vec<String>,
    /// All that came into question, the best first.
    pub candidates: Vec<Candidate>,
}

/// Who confirmed a pair before, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The field's API name.
    pub field: String,
    /// Such as `confirmed by anna on 2026-02-20 in this project`.
    pub told: String,
}

/// What people confirmed before.
#[derive(Clone, Debug, Default)]
pub struct History {
    known: BTreeMap<(String, String, String), Known>,
}

impl History {
    /// Adds a confirmed pair; a later one replaces an earlier one.
    pub fn add(&mut self, source: &str, name: &str, object: &str, known: Known) {
        self.known.insert(key(source, name, object), known);
    }

    /// What was confirmed for a column and an object.
    #[must_use]
    pub fn get(&self, source: &str, name: &str, object: &str) -> Option<&Known> {
        self.known.get(&key(source, name, object))
    }
}

fn key(source: &str, name: &str, object: &str) -> (String, String, String) {
    (
        source.to_lowercase(),
        words::split(name).join(" "),
        object.to_lowercase(),
    )
}
