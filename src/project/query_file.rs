//! One `.sql` file: its header directives and the tables it reads.
//!
//! In: text. Out: a [`QueryFile`] with validated directives and schema-qualified references. Never: templates;
//! the text that runs is the text in the file.

use std::collections::BTreeSet;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use super::ProjectError;
use super::syntax::{anti_join, parameters};
use crate::engine::check_depth;

/// Kinds with a folder of their own.
pub(super) const FOLDERS: [QueryKind; 5] = [
    QueryKind::Org,
    QueryKind::Prepare,
    QueryKind::Load,
    QueryKind::Check,
    QueryKind::Reconcile,
];

/// Which folder of `queries/` a file stands in, and so what its result becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueryKind {
    /// `queries/prepare/`: an intermediate model, table `prepare.<stem>`.
    Prepare,
    /// `queries/load/`: one load into one Salesforce object.
    Load,
    /// `queries/checks/`: returns rows that must not be there.
    Check,
    /// `queries/reconcile/`: returns differences, table `recon.<stem>`.
    Reconcile,
    /// `queries/org/`: one SOQL query of the destination, table `org.<stem>`.
    Org,
}

impl QueryKind {
    /// The folder's name.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Load => "load",
            Self::Check => "checks",
            Self::Reconcile => "reconcile",
            Self::Org => "org",
        }
    }

    /// The ending of its files.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Org => "soql",
            _ => "sql",
        }
    }
}

/// What a load query asks for; the engine still decides row by row between insert, update and upsert (`guide/rules.md` 24).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Only new rows; known keys are left alone.
    Insert,
    /// Only rows whose id is known.
    Update,
    /// New rows and changed ones.
    Upsert,
    /// Leads that become records of this object.
    Convert,
}

/// The way in which a load's rows go to Salesforce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Api {
    /// Bulk API 2.0.
    #[default]
    Bulk,
    /// sObject Collections and blobs over REST, for objects that Bulk refuses (`guide/salesforce.md` §6.2).
    Rest,
}

/// `-- field:` what a sent column is in Salesforce, where its Arrow type does not say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredField {
    /// The column.
    pub name: String,
    /// Its type, such as `MultiselectPicklist` or `Lookup(Account)`.
    pub field_type: String,
    /// Column with the choices of a list, `schema.table.column`.
    pub choices: Option<String>,
    /// Condition on options under which the column is sent.
    pub when: Option<String>,
    /// Line of the header.
    pub line: usize,
}

/// `-- source:` the rows that a load's grain consists of: `TABLE [by COLUMNS] [where CONDITION]`, or `none` for a load that
/// makes a record of its own. Loads with the same source share its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grain {
    /// The header as it is written.
    pub text: String,
    /// Schema and name of the table; none for `none`.
    pub table: Option<(String, String)>,
    /// Which of its columns tell rows apart, as SQL, where the table has several rows of a kind or its rows are known by them.
    pub by: Option<String>,
    /// Which rows of the table, where not all.
    pub condition: Option<String>,
}

impl Grain {
    /// The staged table that it is.
    #[must_use]
    pub fn staged(&self) -> Option<&str> {
        let (schema, table) = self.table.as_ref()?;
        (schema == "usercom").then_some(table.as_str())
    }

    /// SQL that counts its rows, where they are not all rows of the table.
    #[must_use]
    pub fn count(&self) -> Option<String> {
        (self.by.is_some() || self.condition.is_some()).then(|| {
            let columns = self.by.as_deref().unwrap_or("1 as one");
            let rows = self.rows(columns);
            format!("select 'n' as name, count(*) as n from ({rows}) as d")
        })
    }

    /// SQL that selects columns of its rows.
    #[must_use]
    pub fn rows(&self, columns: &str) -> String {
        let table = self.table.as_ref();
        let table = table.map(|(schema, table)| format!("{schema}.{table}"));
        let table = table.unwrap_or_default();
        let distinct = if self.by.is_some() { "distinct " } else { "" };
        let condition = self.condition.iter();
        let condition: String = condition.map(|is| format!(" where {is}")).collect();
        format!("select {distinct}{columns} from {table}{condition}")
    }

    /// SQL for the text that names each of its rows: what `_source` says of a row of a load.
    #[must_use]
    pub fn names(&self) -> Option<String> {
        let by = self.by.as_ref()?;
        Some(self.rows(&format!("concat_ws('|', {by}) as key")))
    }
}

/// `-- rule:` a validation rule of the custom object that a load fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredRule {
    /// Its name.
    pub name: String,
    /// The formula that is true for a record to be refused.
    pub formula: String,
    /// What people are told then.
    pub message: String,
}

/// A parsed query file.
#[derive(Clone, Debug)]
pub struct QueryFile {
    /// Path for messages, such as `queries/load/lead.sql`.
    pub path: String,
    /// File stem: the table's name.
    pub name: String,
    /// Which folder it is from.
    pub kind: QueryKind,
    /// The whole text.
    pub sql: String,
    /// `-- grain:` what one row is.
    pub grain: String,
    /// `-- source:` what this load accounts for, row by row.
    pub source: Option<Grain>,
    /// `-- object:` Salesforce API name.
    pub object: Option<String>,
    /// `-- operation:`.
    pub operation: Option<Operation>,
    /// `-- key:` columns that identify a row.
    pub key: Vec<String>,
    /// `-- cluster by:` columns of the lock parent.
    pub cluster_by: Vec<String>,
    /// `-- order by:` columns that give the order of rows of one lock parent.
    pub order_by: Vec<String>,
    /// `-- instead of:` a load of the same object that holds these rows back, and whose fields are its own to compare all the same.
    pub instead_of: Option<String>,
    /// `-- hint:` what to do when a check finds rows.
    pub hint: Option<String>,
    /// `-- severity: warn`: the rows of a check are told and counted, and stop nothing.
    pub warns: bool,
    /// `-- when:` condition on options without which the load is left out.
    pub when: Option<String>,
    /// `-- feature:` what an org needs for the object, and the option that does without.
    pub feature: Option<String>,
    /// `-- api:`.
    pub api: Api,
    /// `-- label:` singular and plural of a custom object that the load creates.
    pub label: Option<(String, String)>,
    /// `-- field:` declared fields.
    pub fields: Vec<DeclaredField>,
    /// Validation rules of a custom object.
    pub rules: Vec<DeclaredRule>,
    /// `-- optional:` columns sent only where the org has the field; of a question to the org the fields and the object
    /// that it may lack.
    pub optional: Vec<String>,
    /// `-- read:` further fields that are read back.
    pub read: Vec<String>,
    /// `-- link:` columns that name the records which a row only connects: it goes when its source row does, while they stay.
    pub link: Vec<String>,
    /// Tables read, `schema.table`.
    pub references: BTreeSet<String>,
    /// `$name` parameters used.
    pub parameters: BTreeSet<String>,
}

impl QueryFile {
    /// Whether it updates the records that the load `other` has sent, so that its values of their fields are the last.
    #[must_use]
    pub fn sets_anew(&self, other: &str) -> bool {
        self.operation == Some(Operation::Update) && self.instead_of.as_deref() != Some(other)
    }

    /// Parses a file.
    ///
    /// # Errors
    /// [`ProjectError::Header`], [`ProjectError::Parse`], [`ProjectError::Refused`].
    pub fn parse(path: &str, kind: QueryKind, sql: &str) -> Result<Self, ProjectError> {
        let ending = kind.ending();
        let name = path
            .rsplit('/')
            .next()
            .and_then(|file| file.strip_suffix(ending)?.strip_suffix('.'))
            .unwrap_or(path)
            .to_owned();
        let valid = name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if !valid || name.is_empty() {
            return Err(ProjectError::Refused {
                path: path.to_owned(),
                what: format!("the file name `{name}.{ending}`"),
                hint: "use lower-case letters, digits and underscores: the stem names the table"
                    .to_owned(),
            });
        }
        let mut file = Self {
            path: path.to_owned(),
            name,
            kind,
            sql: sql.to_owned(),
            grain: String::new(),
            source: None,
            object: None,
            operation: None,
            key: Vec::new(),
            cluster_by: Vec::new(),
            order_by: Vec::new(),
            instead_of: None,
            hint: None,
            warns: false,
            when: None,
            feature: None,
            api: Api::Bulk,
            label: None,
            fields: Vec::new(),
            rules: Vec::new(),
            optional: Vec::new(),
            read: Vec::new(),
            link: Vec::new(),
            references: BTreeSet::new(),
            parameters: BTreeSet::new(),
        };
        file.read_header()?;
        if kind == QueryKind::Org {
            file.read_soql()?;
        } else {
            file.read_statement()?;
        }
        Ok(file)
    }

    /// The object of a load.
    #[must_use]
    pub fn object(&self) -> &str {
        self.object.as_deref().unwrap_or_default()
    }

    /// The fields that a SOQL query selects, in order.
    #[must_use]
    pub fn selected(&self) -> Vec<String> {
        let body = self.body();
        let lower = body.to_ascii_lowercase();
        let (Some(start), Some(end)) = (lower.find("select "), lower.find(" from ")) else {
            return Vec::new();
        };
        body.get(start + "select ".len()..end)
            .unwrap_or_default()
            .split(',')
            .map(|field| field.trim().to_owned())
            .collect()
    }

    /// The columns that the last `select` gives, as they are written; none if it is no plain `select`.
    #[must_use]
    pub fn output_names(&self) -> Vec<String> {
        super::syntax::output_names(&self.sql)
    }

    /// The text without comments, on one line.
    #[must_use]
    pub fn body(&self) -> String {
        let lines = self
            .sql
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"));
        lines
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ")
            .trim()
            .to_owned()
    }

    fn read_soql(&self) -> Result<(), ProjectError> {
        if self.selected().iter().any(|field| field.is_empty()) || self.selected().is_empty() {
            return Err(ProjectError::Refused {
                path: self.path.clone(),
                what: "a statement that is not `select … from …`".to_owned(),
                hint: "a file in queries/org is one SOQL query over one object".to_owned(),
            });
        }
        Ok(())
    }

    fn read_statement(&mut self) -> Result<(), ProjectError> {
        let parsed = check_depth(&self.sql).and_then(|()| DFParser::parse_sql(&self.sql));
        let statements = parsed.map_err(|source| ProjectError::Parse {
            path: self.path.clone(),
            source: Box::new(source),
        })?;
        let refused = |what: &str, hint: &str| ProjectError::Refused {
            path: self.path.clone(),
            what: what.to_owned(),
            hint: hint.to_owned(),
        };
        let not_a_query = || refused("a statement that is not a query", "a file is one `select`");
        let statement = match (statements.len(), statements.front()) {
            (1, Some(statement)) => statement,
            _ => {
                return Err(refused(
                    "more or less than one statement",
                    "one query per file; name further results in `with`",
                ));
            }
        };
        let inner = match statement {
            Statement::Statement(inner) => inner.as_ref(),
            _ => return Err(not_a_query()),
        };
        let SqlStatement::Query(query) = inner else {
            return Err(not_a_query());
        };
        if let (true, Some(name)) = (self.kind != QueryKind::Check, anti_join(query)) {
            return Err(refused(
                name,
                "write `left join … on … where other.key is null`: it runs in bounded memory, anti joins do not",
            ));
        }
        let (tables, _) =
            resolve_table_references(statement, true).map_err(|source| ProjectError::Parse {
                path: self.path.clone(),
                source: Box::new(source),
            })?;
        for table in tables {
            let (Some(schema), name) = (table.schema(), table.table()) else {
                if table.table() == "unnest" {
                    continue;
                }
                return Err(refused(
                    &format!("the unqualified table `{}`", table.table()),
                    "name tables with their schema, such as usercom.people",
                ));
            };
            self.references.insert(format!("{schema}.{name}"));
        }
        let parameters = parameters(&self.sql).map_err(|source| ProjectError::Parse {
            path: self.path.clone(),
            source: Box::new(source),
        })?;
        self.parameters.extend(parameters);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: &str = "-- grain: one row per company\n-- object: Account\n-- operation: upsert\n-- key: usercom_id__c\nselect c.id as usercom_id__c from usercom.companies as c where $flag\n";

    #[test]
    fn header_and_references_are_read() {
        let file = QueryFile::parse("queries/load/account.sql", QueryKind::Load, LOAD).unwrap();
        assert_eq!(file.object(), "Account");
        assert_eq!(file.key, ["usercom_id__c"]);
        assert!(file.references.contains("usercom.companies"));
        assert!(file.parameters.contains("flag"));
    }

    #[test]
    fn unknown_header_names_line_and_nearest() {
        let text = LOAD.replace("-- operation", "-- operaton");
        let error =
            QueryFile::parse("queries/load/account.sql", QueryKind::Load, &text).unwrap_err();
        insta::assert_snapshot!(error, @"queries/load/account.sql line 3: unknown header `operaton` (known here: grain, source, object, operation, key, cluster by, order by, when, feature, api, label, field, rule, optional, read, link, after, instead of); did you mean `operation`?");
    }

    #[test]
    fn senseless_operation_is_refused() {
        let text = LOAD.replace("upsert", "merge");
        let error =
            QueryFile::parse("queries/load/account.sql", QueryKind::Load, &text).unwrap_err();
        insta::assert_snapshot!(error, @"queries/load/account.sql line 3: operation `merge` is none of insert, update, upsert, convert");
    }

    #[test]
    fn unqualified_tables_and_anti_joins_are_refused() {
        let text = "-- grain: x\nselect a.id from companies as a";
        let error =
            QueryFile::parse("queries/prepare/a.sql", QueryKind::Prepare, text).unwrap_err();
        assert!(
            error.to_string().contains("unqualified table `companies`"),
            "{error}"
        );
        let text = "-- grain: x\nselect a.id from usercom.companies as a where not exists (select 1 from usercom.deals as d where d.company_id = a.id)";
        let error =
            QueryFile::parse("queries/prepare/a.sql", QueryKind::Prepare, text).unwrap_err();
        assert!(error.hint().unwrap().contains("left join"), "{error}");
    }

    #[test]
    fn texts_that_name_an_anti_join_or_a_parameter_are_texts() {
        let text = "-- grain: x\nselect 'does not exists' as a, '$b -- ' || $c as d from usercom.deals as e";
        let file = QueryFile::parse("queries/prepare/a.sql", QueryKind::Prepare, text).unwrap();
        assert_eq!(file.parameters, BTreeSet::from(["c".to_owned()]));
    }

    #[test]
    fn two_statements_are_refused() {
        let text = "-- grain: x\nselect 1; select 2";
        assert!(QueryFile::parse("queries/prepare/a.sql", QueryKind::Prepare, text).is_err());
    }
}
