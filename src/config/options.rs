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

impl std::fmt::Display for OptionValue {
    /// As it is written in `migration.toml`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Int(value) => write!(formatter, "{value}"),
            Self::Float(value) => write!(formatter, "{value}"),
            Self::Text(value) => write!(formatter, "{value:?}"),
        }
    }
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

/// An option of the default queries: name, what it chooses, default, allowed values (none: free).
struct Known {
    name: &'static str,
    chooses: &'static str,
    default: fn() -> OptionValue,
    allowed: &'static [&'static str],
}

fn text(value: &str) -> OptionValue {
    OptionValue::Text(value.to_owned())
}

const KNOWN: [Known; 22] = [
    Known {
        name: "people_on_deals",
        chooses: "what a person on a deal is, its main person or a participant: `contact` a Contact whatever its stage, `lead` a Lead, named in a field of the deal",
        default: || text("contact"),
        allowed: &["contact", "lead"],
    },
    // A Lead that became a customer since it was loaded (`guide/rules.md` 7).
    Known {
        name: "on_promotion",
        chooses: "what becomes of a Lead whose person became a customer: converted to a Contact, which cannot be undone, left as it is beside a new Contact that it names, or held",
        default: || text("hold"),
        allowed: &["convert", "create_and_link", "hold"],
    },
    Known {
        name: "promoted_status",
        chooses: "status of a Lead that `on_promotion` converts or leaves beside a new Contact; if empty, the org's first converted status, or the status that it has",
        default: || text(""),
        allowed: &[],
    },
    Known {
        name: "companyless_customers",
        chooses: "where a customer without a company goes: no account, an account that stands in, or held",
        default: || text("private_contact"),
        allowed: &["private_contact", "placeholder_account", "hold"],
    },
    Known {
        name: "migrate_passive",
        chooses: "whether people with neither e-mail nor phone move too",
        default: || OptionValue::Bool(false),
        allowed: &[],
    },
    Known {
        name: "default_owner",
        chooses: "owner of records without one, by e-mail; if empty, the user who loads",
        default: || text(""),
        allowed: &[],
    },
    // Rows that may be in the org already and that config/matches.csv does not name (`guide/rules.md` 5).
    Known {
        name: "undecided_matches",
        chooses: "what becomes of rows that may be in the org already and that `config/matches.csv` does not name: `create` flags them",
        default: || text("hold"),
        allowed: &["hold", "create"],
    },
    Known {
        name: "on_source_delete",
        chooses: "what becomes of records whose rows a complete export no longer has: the time in `usercom_deleted_at__c`, into the recycle bin, or nothing",
        default: || text("flag"),
        allowed: &["flag", "recycle", "ignore"],
    },
    // CreatedDate and CreatedById (`guide/rules.md` 24).
    Known {
        name: "audit_fields",
        chooses: "whether records keep their original CreatedDate and CreatedById",
        default: || text("if_allowed"),
        allowed: &["require", "if_allowed", "off"],
    },
    Known {
        name: "tag_strategy",
        chooses: "what tags become: Topic and TopicAssignment, or a multi-select on Lead, Contact and Account; on deals always the latter",
        default: || text("topics"),
        allowed: &["topics", "picklist"],
    },
    // Segments, and lists with them (`guide/rules.md` 23).
    Known {
        name: "segment_strategy",
        chooses: "what segments and lists become: Campaign and CampaignMember, or a multi-select",
        default: || text("campaigns"),
        allowed: &["campaigns", "static_list"],
    },
    Known {
        name: "chat_strategy",
        chooses: "what chat messages become; `case_comments` makes one Case per conversation",
        default: || text("tasks"),
        allowed: &["tasks", "email_messages", "case_comments"],
    },
    // E-mail logs; SMS logs are always tasks (`guide/rules.md` 16).
    Known {
        name: "email_strategy",
        chooses: "what logged e-mails become; text messages are always tasks",
        default: || text("tasks"),
        allowed: &["tasks", "email_messages"],
    },
    Known {
        name: "company_links",
        chooses: "whether further companies of a contact become AccountContactRelation; `none` where the org has no such feature",
        default: || text("relations"),
        allowed: &["relations", "none"],
    },
    // Deal lines whose sum is not the deal's value (`guide/rules.md` 10).
    Known {
        name: "line_item_mismatch",
        chooses: "what happens to lines that do not add up to the deal: all held, or one added that evens them out",
        default: || text("hold_lines"),
        allowed: &["hold_lines", "balancing_line"],
    },
    Known {
        name: "list_prices",
        chooses: "whether lines without a price of their own may give a deal without a value the list price as Amount: held, or used and flagged",
        default: || text("hold"),
        allowed: &["hold", "use"],
    },
    Known {
        name: "record_types",
        chooses: "whether each pipeline gets a record type with a sales process, where there are several",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    Known {
        name: "products",
        chooses: "whether products, prices and deal lines move; `false` where the org has no such feature",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    Known {
        name: "teams",
        chooses: "whether opportunity teams move; `false` where the org has no such feature",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    Known {
        name: "files",
        chooses: "whether files move; `false` where the org has no such feature",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    Known {
        name: "notes",
        chooses: "whether notes move; `false` where the org has no such feature",
        default: || OptionValue::Bool(true),
        allowed: &[],
    },
    Known {
        name: "currency",
        chooses: "currency of an org that has one, and of deals that name none",
        default: || text("EUR"),
        allowed: &[],
    },
];

/// The options of the default queries as a Markdown table, printed from their declarations.
#[must_use]
pub fn option_table() -> String {
    let mut table = String::from("| option | default | values | chooses |\n|---|---|---|---|\n");
    for known in &KNOWN {
        let default = (known.default)();
        let values = match default {
            OptionValue::Bool(_) => "`true` · `false`".to_owned(),
            OptionValue::Int(_) => "whole number".to_owned(),
            OptionValue::Float(_) => "number".to_owned(),
            OptionValue::Text(_) if known.allowed.is_empty() => "text".to_owned(),
            OptionValue::Text(_) => {
                let values: Vec<_> = known.allowed.iter().map(|one| format!("`{one}`")).collect();
                values.join(" · ")
            }
        };
        table.push_str(&format!(
            "| `{}` | `{default}` | {values} | {} |\n",
            known.name, known.chooses
        ));
    }
    table
}

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

    /// Name, value and meaning of each; a project's own have none but their values.
    pub fn listed(&self) -> impl Iterator<Item = (&str, &OptionValue, &'static str)> {
        self.values.iter().map(|(name, value)| {
            let known = KNOWN.iter().find(|known| known.name == name);
            let chooses = known.map_or("an option of the project's own", |known| known.chooses);
            (name.as_str(), value, chooses)
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_each_option_with_a_sentence_about_it() {
        for known in &KNOWN {
            assert!(known.chooses.contains(' '), "{}", known.name);
        }
        let table = option_table();
        assert!(
            crate::guide::page("options").unwrap().text.contains(&table),
            "src/guide/options.md must contain this table:\n{table}"
        );
    }
}
