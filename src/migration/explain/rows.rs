//! The tables that a story is told from, and small results of them as rows of named values.
//!
//! In: a migration, SQL that returns few rows. Out: [`Row`]s. Never: a table that is not there: what no run has made yet is
//! asked for by [`Tables::has`].

use std::collections::BTreeSet;

use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use serde_json::{Map, Value};

use super::super::asked::Asked;
use super::super::open::Migration;
use crate::error::Error;
use crate::project::{Queries, QueryFile, QueryKind};

/// Columns with a value, by name.
pub type Row = Map<String, Value>;

/// An instant without a zone is UTC everywhere in the product.
const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.fZ";

/// What can be asked.
pub(super) struct Tables {
    pub(super) asked: Asked,
    pub(super) queries: Queries,
    names: BTreeSet<String>,
}

impl Tables {
    pub(super) async fn open(migration: &Migration, target: Option<&str>) -> Result<Self, Error> {
        let asked = migration.ask(target).await?;
        Ok(Self {
            names: asked.session.table_names(),
            queries: Queries::load(&migration.config().project)?,
            asked,
        })
    }

    /// Whether a table or view is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The loads with a ledger.
    pub(super) fn loads(&self) -> impl Iterator<Item = &QueryFile> {
        let loads = self.queries.kind(QueryKind::Load);
        loads.filter(|file| self.asked.snapshot.get("ledger", &file.name).is_some())
    }

    /// The loads whose rows are records of this source.
    pub(super) fn loads_of<'a>(&'a self, source: &'a str) -> impl Iterator<Item = &'a QueryFile> {
        self.loads().filter(move |file| {
            file.source.as_ref().and_then(|grain| grain.staged()) == Some(source)
        })
    }

    /// A small result.
    pub(super) async fn rows(&self, sql: &str) -> Result<Vec<Row>, Error> {
        let batches = self.asked.session.collect("the explanation", sql).await?;
        let mut writer = WriterBuilder::new()
            .with_timestamp_format(INSTANT.to_owned())
            .build::<_, LineDelimited>(Vec::new());
        let wrong = |error: arrow::error::ArrowError| Error::Defect {
            what: format!("a row cannot be told: {error}"),
        };
        for batch in &batches {
            writer.write(batch).map_err(wrong)?;
        }
        writer.finish().map_err(wrong)?;
        let text = writer.into_inner();
        let rows = serde_json::Deserializer::from_slice(&text).into_iter::<Row>();
        let rows: Result<Vec<Row>, _> = rows.collect();
        rows.map_err(|error| Error::Defect {
            what: format!("a row cannot be told: {error}"),
        })
    }
}

/// A value as people read it.
pub(super) fn text(row: &Row, column: &str) -> Option<String> {
    match row.get(column)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value => Some(value.to_string()),
    }
}

/// A text as SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The word for one record of a source table, as queries name what a row waits for: `people` → `person`.
pub(super) fn one_of(source: &str) -> String {
    match source {
        "people" => "person".to_owned(),
        "sms" => "sms".to_owned(),
        _ => match (source.strip_suffix("ies"), source.strip_suffix('s')) {
            (Some(stem), _) => format!("{stem}y"),
            (None, Some(stem)) => stem.to_owned(),
            (None, None) => source.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_a_word_for_one_of_its_records() {
        for (source, one) in [
            ("people", "person"),
            ("companies", "company"),
            ("deals", "deal"),
            ("activities", "activity"),
            ("sms", "sms"),
            ("co_asset", "co_asset"),
        ] {
            assert_eq!(one_of(source), one, "{source}");
        }
    }
}
