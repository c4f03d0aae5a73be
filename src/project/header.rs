//! The header of a query file: its directives, one comment line each.
//!
//! In: the leading comments of a file. Out: the directives in the [`QueryFile`], checked. Never: a directive that is
//! not known for the file's folder, given twice (only `field` and `rule` may be), or without a value.
//!
//! ```text
//! -- field: NAME TYPE [from schema.table.column] [when CONDITION]
//! -- rule: NAME FORMULA | MESSAGE
//! ```

use std::collections::BTreeSet;

use super::query_file::{Api, DeclaredField, DeclaredRule, Grain};
use super::syntax::parameters;
use super::{Operation, ProjectError, QueryFile, QueryKind};
use crate::config::nearest;

fn directives(kind: QueryKind) -> &'static [&'static str] {
    match kind {
        QueryKind::Prepare => &["grain", "key"],
        QueryKind::Load => &[
            "grain",
            "source",
            "object",
            "operation",
            "key",
            "cluster by",
            "order by",
            "when",
            "feature",
            "api",
            "label",
            "field",
            "rule",
            "optional",
            "read",
            "link",
            "after",
            "instead of",
        ],
        QueryKind::Check => &["grain", "hint", "severity"],
        QueryKind::Reconcile => &["grain"],
        QueryKind::Org => &["grain", "after", "optional"],
    }
}

impl QueryFile {
    fn header_error(&self, line: usize, reason: String) -> ProjectError {
        ProjectError::Header {
            path: self.path.clone(),
            line,
            reason,
        }
    }

    /// Reads the comment lines at the top.
    pub(super) fn read_header(&mut self) -> Result<(), ProjectError> {
        let sql = self.sql.clone();
        let known = directives(self.kind);
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for (index, line) in sql.lines().enumerate() {
            let Some(comment) = line.trim().strip_prefix("--") else {
                break;
            };
            let Some((name, value)) = comment.split_once(':') else {
                continue;
            };
            let (name, value, line) = (name.trim(), value.trim(), index + 1);
            let is_word = name
                .chars()
                .all(|letter| letter.is_alphabetic() || letter == ' ');
            if !is_word || name.split(' ').count() > 2 {
                continue;
            }
            if !known.contains(&name) {
                let hint = nearest(name, known.iter().copied())
                    .map(|nearest| format!("; did you mean `{nearest}`?"))
                    .unwrap_or_default();
                let known = known.join(", ");
                return Err(self.header_error(
                    line,
                    format!("unknown header `{name}` (known here: {known}){hint}"),
                ));
            }
            if value.is_empty() {
                return Err(self.header_error(line, format!("header `{name}` has no value")));
            }
            if !seen.insert(name) && !matches!(name, "field" | "rule") {
                return Err(self.header_error(line, format!("header `{name}` is given twice")));
            }
            self.directive(name, value, line)?;
        }
        let required: &[(&str, bool)] = match self.kind {
            QueryKind::Load => &[
                ("grain", self.grain.is_empty()),
                ("object", self.object.is_none()),
                ("operation", self.operation.is_none()),
                ("key", self.key.is_empty()),
            ],
            _ => &[("grain", self.grain.is_empty())],
        };
        match required.iter().find(|(_, missing)| *missing) {
            Some((name, _)) => {
                Err(self.header_error(1, format!("the header `-- {name}: …` is missing")))
            }
            None => Ok(()),
        }
    }

    /// Takes note of the options in a condition.
    fn read_parameters(&mut self, condition: &str, line: usize) -> Result<(), ProjectError> {
        let found = parameters(condition).map_err(|error| {
            self.header_error(line, format!("`{condition}` is no condition: {error}"))
        })?;
        self.parameters.extend(found);
        Ok(())
    }

    fn directive(&mut self, name: &str, value: &str, line: usize) -> Result<(), ProjectError> {
        match name {
            "grain" => value.clone_into(&mut self.grain),
            "source" => {
                let grain = grain(value).ok_or_else(|| {
                    self.header_error(
                        line,
                        format!(
                            "`{value}` is not `schema.table [by COLUMNS] [where CONDITION]` or `none`"
                        ),
                    )
                })?;
                // A model is made before its rows are counted; what was staged is there anyway.
                if let Some((schema, table)) = &grain.table
                    && schema == QueryKind::Prepare.folder()
                {
                    self.references.insert(format!("{schema}.{table}"));
                }
                self.source = Some(grain);
            }
            "object" => self.object = Some(value.to_owned()),
            "key" => self.key = list(value),
            "cluster by" => self.cluster_by = list(value),
            "order by" => self.order_by = list(value),
            "instead of" => self.instead_of = Some(value.to_owned()),
            "hint" => self.hint = Some(value.to_owned()),
            "severity" => {
                self.warns = match value {
                    "warn" => true,
                    "error" => false,
                    other => {
                        return Err(self.header_error(
                            line,
                            format!("severity `{other}` is none of error, warn"),
                        ));
                    }
                }
            }
            "feature" => self.feature = Some(value.to_owned()),
            "optional" => self.optional = list(value),
            "read" => self.read = list(value),
            "link" => self.link = list(value),
            "after" => self.references.extend(list(value)),
            "when" => {
                self.read_parameters(value, line)?;
                self.when = Some(value.to_owned());
            }
            "label" => {
                let (one, many) = value.split_once('/').unwrap_or((value, value));
                self.label = Some((one.trim().to_owned(), many.trim().to_owned()));
            }
            "field" => {
                let field = declared_field(value, line).ok_or_else(|| {
                    self.header_error(
                        line,
                        format!("`{value}` is not `NAME TYPE [from schema.table.column] [when CONDITION]`"),
                    )
                })?;
                if let Some(when) = &field.when {
                    self.read_parameters(when, line)?;
                }
                self.fields.push(field);
            }
            "rule" => {
                let rule = declared_rule(value).ok_or_else(|| {
                    self.header_error(line, format!("`{value}` is not `NAME FORMULA | MESSAGE`"))
                })?;
                self.rules.push(rule);
            }
            "api" => {
                self.api = match value {
                    "bulk" => Api::Bulk,
                    "rest" => Api::Rest,
                    other => {
                        return Err(
                            self.header_error(line, format!("api `{other}` is none of bulk, rest"))
                        );
                    }
                };
            }
            _ => {
                self.operation = Some(match value {
                    "insert" => Operation::Insert,
                    "update" => Operation::Update,
                    "upsert" => Operation::Upsert,
                    "convert" => Operation::Convert,
                    other => {
                        return Err(self.header_error(
                            line,
                            format!(
                                "operation `{other}` is none of insert, update, upsert, convert"
                            ),
                        ));
                    }
                });
            }
        }
        Ok(())
    }
}

fn list(value: &str) -> Vec<String> {
    value
        .split(',')
        .map(|part| part.trim().trim_matches('"').to_owned())
        .collect()
}

fn grain(value: &str) -> Option<Grain> {
    let text = value.to_owned();
    if value == "none" {
        return Some(Grain {
            text,
            table: None,
            by: None,
            condition: None,
        });
    }
    let (head, condition) = match value.split_once(" where ") {
        Some((head, condition)) => (head, Some(condition.trim())),
        None => (value, None),
    };
    let (name, columns) = match head.split_once(" by ") {
        Some((name, columns)) => (name.trim(), Some(list(columns).join(", "))),
        None => (head.trim(), None),
    };
    let (schema, table) = name.split_once('.')?;
    let is_word = |word: &str| {
        let mut letters = word.chars();
        !word.is_empty() && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    };
    if !is_word(schema) || !is_word(table) {
        return None;
    }
    Some(Grain {
        text,
        table: Some((schema.to_owned(), table.to_owned())),
        by: columns,
        condition: condition.map(str::to_owned),
    })
}

fn declared_rule(value: &str) -> Option<DeclaredRule> {
    let (rule, message) = value.rsplit_once(" | ")?;
    let (name, formula) = rule.split_once(' ')?;
    Some(DeclaredRule {
        name: name.to_owned(),
        formula: formula.trim().to_owned(),
        message: message.trim().to_owned(),
    })
}

fn declared_field(value: &str, line: usize) -> Option<DeclaredField> {
    let (value, when) = match value.split_once(" when ") {
        Some((value, when)) => (value, Some(when.trim().to_owned())),
        None => (value, None),
    };
    let (value, choices) = match value.split_once(" from ") {
        Some((value, choices)) => (value, Some(choices.trim().to_owned())),
        None => (value, None),
    };
    let (name, field_type) = value.trim().split_once(' ')?;
    let complete = choices
        .as_ref()
        .is_none_or(|choices| choices.split('.').count() == 3);
    complete.then(|| DeclaredField {
        name: name.trim_matches('"').to_owned(),
        field_type: field_type.trim().to_owned(),
        choices,
        when,
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Result<QueryFile, ProjectError> {
        let sql = format!(
            "-- grain: x\n-- object: Lead\n-- operation: upsert\n-- key: a__c\n{header}\nselect p.id as a__c from usercom.people as p"
        );
        QueryFile::parse("queries/load/lead.sql", QueryKind::Load, &sql)
    }

    #[test]
    fn a_field_has_a_type_choices_and_a_condition() {
        let file = parse(
            "-- field: tags__c MultiselectPicklist from prepare.tag_vocabulary.name when $tag_strategy = 'picklist'\n-- field: Boss__c Lookup(User)",
        )
        .unwrap();
        assert_eq!(file.fields[0].name, "tags__c");
        assert_eq!(file.fields[0].field_type, "MultiselectPicklist");
        assert_eq!(
            file.fields[0].choices.as_deref(),
            Some("prepare.tag_vocabulary.name")
        );
        assert_eq!(
            file.fields[0].when.as_deref(),
            Some("$tag_strategy = 'picklist'")
        );
        assert_eq!(file.fields[1].field_type, "Lookup(User)");
        assert!(file.parameters.contains("tag_strategy"));
    }

    #[test]
    fn a_field_without_type_is_refused_with_its_line() {
        let error = parse("-- field: tags__c").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("queries/load/lead.sql line 5: `tags__c` is not"),
            "{error}"
        );
    }

    #[test]
    fn a_load_may_wait_for_a_ledger_that_its_query_does_not_read() {
        let file = parse("-- after: ledger.user_territory").unwrap();
        assert!(file.references.contains("ledger.user_territory"));
        assert!(file.references.contains("usercom.people"));
    }

    #[test]
    fn a_source_is_a_table_rows_of_it_or_none() {
        let grain = |source: &str| {
            parse(&format!("-- source: {source}"))
                .unwrap()
                .source
                .unwrap()
        };
        let table = |grain: &Grain| grain.table.as_ref().map(|(_, table)| table.clone());
        let people = grain("usercom.people");
        assert_eq!(
            (table(&people).as_deref(), people.count()),
            (Some("people"), None)
        );
        let some = grain("prepare.team by id, member where kind = 'deal'");
        assert_eq!(table(&some).as_deref(), Some("team"));
        assert_eq!(
            some.count().as_deref(),
            Some(
                "select 'n' as name, count(*) as n from (select distinct id, member from prepare.team where kind = 'deal') as d"
            )
        );
        assert_eq!(
            some.names().as_deref(),
            Some(
                "select distinct concat_ws('|', id, member) as key from prepare.team where kind = 'deal'"
            )
        );
        assert_eq!(people.names(), None);
        assert_eq!(table(&grain("none")), None);
        let error = parse("-- source: people").unwrap_err();
        assert!(error.to_string().contains("or `none`"), "{error}");
    }

    #[test]
    fn an_unknown_api_is_refused() {
        let error = parse("-- api: soap").unwrap_err();
        assert!(error.to_string().contains("none of bulk, rest"), "{error}");
    }
}
