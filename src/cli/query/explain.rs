//! Why a statement cannot be planned, in the user's terms.
//!
//! In: DataFusion's error, the statement and the tables there are. Out: the error to show: a statement that does not
//! read, a table that does not exist (yet), a view that waits for a decision; else DataFusion's own words.

use std::collections::BTreeSet;

use datafusion::error::DataFusionError;
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::parser::ParserError;

use crate::config::nearest;
use crate::engine::{EngineError, Session};
use crate::error::{Error, QueryError};
use crate::migration::Unavailable;
use crate::staging::Snapshot;

/// The error to show.
pub(super) fn explain(
    error: EngineError,
    sql: &str,
    session: &Session,
    snapshot: &Snapshot,
    unavailable: Vec<Unavailable>,
) -> Error {
    let statements = match DFParser::parse_sql(sql) {
        Ok(statements) => statements,
        Err(refused) => {
            return match refused.find_root() {
                DataFusionError::SQL(source, _) => not_sql(source),
                _ => error.into(),
            };
        }
    };
    let statement = match (statements.len(), statements.front()) {
        (1, Some(statement)) => statement,
        _ => {
            return QueryError::Statements.into();
        }
    };
    if !reads(statement) {
        let word = sql.split_whitespace().next().unwrap_or_default();
        let statement = word.to_lowercase();
        return QueryError::Writes { statement }.into();
    }
    let Ok((references, _)) = resolve_table_references(statement, true) else {
        return error.into();
    };
    let known = session.table_names();
    for reference in references {
        let schema = reference.schema().unwrap_or_default();
        let name = match schema {
            "information_schema" => continue,
            "" => reference.table().to_owned(),
            schema => format!("{schema}.{}", reference.table()),
        };
        if known.contains(&name) {
            continue;
        }
        return match unavailable
            .into_iter()
            .find(|views| name.starts_with(&views.prefix))
        {
            Some(views) => views.error,
            None => missing(&name, schema, &known, snapshot),
        };
    }
    error.into()
}

fn not_sql(source: &ParserError) -> Error {
    let reason = match source {
        ParserError::TokenizerError(reason) | ParserError::ParserError(reason) => reason.as_str(),
        ParserError::RecursionLimitExceeded => "it is nested too deeply",
    };
    let reason = reason.to_owned();
    QueryError::Parse { reason }.into()
}

fn reads(statement: &Statement) -> bool {
    match statement {
        Statement::Explain(explained) => reads(&explained.statement),
        Statement::Statement(statement) => matches!(
            **statement,
            SqlStatement::Query(_)
                | SqlStatement::Explain { .. }
                | SqlStatement::ExplainTable { .. }
                | SqlStatement::ShowTables { .. }
                | SqlStatement::ShowColumns { .. }
                | SqlStatement::ShowVariable { .. }
        ),
        _ => false,
    }
}

fn missing(name: &str, schema: &str, known: &BTreeSet<String>, snapshot: &Snapshot) -> Error {
    let qualified = ["usercom", "prepare", "config", "ledger", "recon"]
        .iter()
        .map(|schema| format!("{schema}.{name}"))
        .find(|candidate| known.contains(candidate));
    // Names of one schema begin alike, which makes none of them a likely mistake for another.
    let prefix = format!("{schema}.");
    let siblings: Vec<&str> = known
        .iter()
        .filter_map(|known| known.strip_prefix(&prefix))
        .collect();
    let near = match name.strip_prefix(&prefix) {
        Some(table) if !siblings.is_empty() => {
            nearest(table, siblings.into_iter()).map(|table| format!("{prefix}{table}"))
        }
        _ => nearest(name, known.iter().map(String::as_str)),
    };
    let hint = match (schema, qualified, near) {
        _ if snapshot.iter().next().is_none() => {
            "nothing is staged yet: `transload stage` reads the export, `transload run` does everything".to_owned()
        }
        ("", Some(qualified), _) => {
            format!("name tables with their schema: {qualified}")
        }
        (_, _, Some(near)) => format!("did you mean {near}?"),
        ("outbox" | "ledger" | "org" | "recon" | "prepare", ..) => format!(
            "tables in {schema} are made by `transload run`; `transload query \"show tables\"` lists what there is"
        ),
        _ => "`transload query \"show tables\"` lists what there is".to_owned(),
    };
    let what = format!("there is no table {name}");
    Error::Unknown { what, hint }
}
