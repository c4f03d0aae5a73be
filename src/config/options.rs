//! `[options]`: the decisions that SQL sees as `$name`.

use std::collections::BTreeMap;

use datafusion::common::ScalarValue;
use serde::Deserialize;

use super::error::nearest;

/// A scalar under `[options]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
}

impl OptionValue {
    fn scalar(&self) -> ScalarValue {
        match self {
            Self::Bool(value) => ScalarValue::Boolean(Some(*value)),
            Self::Int(value) => ScalarValue::Int64(Some(*value)),
            Self::Float(value) => ScalarValue::Float64(Some(*value)),
            Self::Text(value) => ScalarValue::Utf8(Some(value.clone())),
        }
    }
}

/// An option of the default queries: name, default, allowed values (none: free).
struct Known {
    name: &'static str,
    default: fn() -> OptionValue,
    allowed: &'static [&'static str],
}

fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_owned())
}

const KNOWN: [Known; 18] = [
    Known {
        name: "people_on_deals",
        default: || text("contact"),
        allowed: &["contact", "lead"],
    },
    Known {
        name: "companyless_customers",
        default: || text("private_contact"),
        allowed: &["private_contact", "placeholder_account", "hold"],
    },
    Known {
        name: "migrate_passive",
        default: || OptionValue::Bool(false),
        allowed: &[],
    },
    Known {
        name: "default_owner",
        default: || text(""),
        allowed: &[],
    },
    // Rows that may be in the org already and that config/matches.csv does not name (`rules.md` 5).
    Known {
        name: "undecided_matches",
        default: || text("hold"),
        allowed: &["hold", "create"],
    },
    // CreatedDate and CreatedById (`rules.md` 24).
    Known {
        name: "audit_fields",
        default: || text("if_allowed"),
        allowed: &["require", "if_allowed", "off"],
    },
    Known {
        name: "tag_strategy",
        default: || text("topics"),
        allowed: &["topics", "picklist"],
    },
    // Segments, and lists with them (`rules.md` 23).
    Known {
        name: "segment_strategy",
        default: || text("campaigns"),
        allowed: &["campaigns", "static_list"],
    },
    Known {
        name: "chat_strategy",
        default: || text("tasks"),
        allowed: &["tasks", "email_messages", "case_comments"],
    },
    // E-mail logs; SMS logs are always tasks (`rules.md` 16).
    Known {
        name: "email_strategy",
        default: || text("tasks"),
        allowed: &["tasks", "email_messages"],
    },
    // A contact's further companies.
    Known {
        name: "company_links",
        default: || text("relations"),
        allowed: &["relations", "none"],
    },
    // Deal lines whose sum is not the deal's value (`rules.md` 10).
    Known {
        name: "line_item_mismatch",
        default: || text("hold_lines"),
        allowed: &["hold_lines", "balancing_line"],
    },
    // A record type with a sales process per pipeline, where there are several.
    Known {
        name: "record_types",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    Known {
        name: "products",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    Known {
        name: "teams",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    Known {
        name: "files",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    Known {
        name: "notes",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    // The currency of an org that has one, and of deals that name none.
    Known {
        name: "currency",
        default: || text("EUR"),
        allowed: &[],
    },
];

/// The options of a project: the defaults and what `[options]` overrides or adds.
#[derive(Clone, Debug)]
pub struct QueryOptions {
    values: BTreeMap<String, OptionValue>,
    added: Vec<String>,
}

impl QueryOptions {
    pub(super) fn new(given: BTreeMap<String, OptionValue>) -> Result<Self, (String, String)> {
        let mut added = Vec::new();
        for (name, value) in &given {
            let Some(known) = KNOWN.iter().find(|known| known.name == name) else {
                added.push(name.clone());
                continue;
            };
            let default = (known.default)();
            if std::mem::discriminant(&default) != std::mem::discriminant(value) {
                return Err((name.clone(), format!("must be a value like {default:?}")));
            }
            if let OptionValue::Text(value) = value
                && !known.allowed.is_empty()
                && !known.allowed.contains(&value.as_str())
            {
                return Err((
                    name.clone(),
                    format!(
                        "is `{value}`, but must be one of {}",
                        known.allowed.join(", ")
                    ),
                ));
            }
        }
        let mut values: BTreeMap<String, OptionValue> = KNOWN
            .iter()
            .map(|known| (known.name.to_owned(), (known.default)()))
            .collect();
        values.extend(given);
        Ok(Self { values, added })
    }

    /// One option.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OptionValue> {
        self.values.get(name)
    }

    /// All options as query parameters.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, ScalarValue> {
        self.values
            .iter()
            .map(|(name, value)| (name.clone(), value.scalar()))
            .collect()
    }

    /// Options that are none of ours and that no query uses, each with the nearest known name.
    pub fn unused<'a>(
        &'a self,
        used: &'a std::collections::BTreeSet<String>,
    ) -> impl Iterator<Item = (&'a str, Option<String>)> {
        self.added
            .iter()
            .filter(|name| !used.contains(*name))
            .map(|name| {
                let known = KNOWN.iter().map(|known| known.name);
                (name.as_str(), nearest(name, known))
            })
    }
}
