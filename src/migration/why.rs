//! Why a table was made, or that it stands.
//!
//! In: the tables before and after. Out: a line for each staged table and each model. Never: a reason that no basis names.

use serde::Serialize;

use crate::staging::{Manifest, Snapshot};

/// Schemas whose tables may stand.
const SCHEMAS: [&str; 2] = ["usercom", "prepare"];

/// A table, and what it was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableWhy {
    /// Its name, `prepare.person`.
    pub table: String,
    /// Whether it stands, so that nothing was read or computed for it.
    pub stands: bool,
    /// What is another than when it was made last; or why that is not known.
    pub because: Vec<String>,
}

/// All tables of these that may stand, those that were made first.
pub(super) fn why(before: &Snapshot, after: &Snapshot) -> Vec<TableWhy> {
    let tables = SCHEMAS.into_iter().flat_map(|schema| after.schema(schema));
    let mut all: Vec<TableWhy> = tables
        .map(|table| {
            let known = before.get(&table.schema_name, &table.table);
            let stands = known.is_some_and(|known| known.files == table.files);
            TableWhy {
                table: table.name(),
                stands,
                because: match stands {
                    true => Vec::new(),
                    false => reasons(known, table),
                },
            }
        })
        .collect();
    all.sort_by_key(|table| table.stands);
    all
}

fn reasons(known: Option<&Manifest>, made: &Manifest) -> Vec<String> {
    let one = |reason: &str| vec![reason.to_owned()];
    let Some(known) = known else {
        return one("it was never made before");
    };
    let (was, is) = match (&known.basis, &made.basis) {
        (Some(was), Some(is)) => (was, is),
        (_, None) => {
            return one(
                "it is made anew each time: its query asks for the time, for chance, or for a table whose content nobody knows",
            );
        }
        (None, _) => return one("nobody wrote down what it was made from"),
    };
    let changed: Vec<String> = was.differences(is).into_iter().map(str::to_owned).collect();
    match changed.is_empty() {
        true => one(
            "nothing: --fresh was asked for, the last time broke off, or one of its warnings is to be seen again",
        ),
        false => changed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staging::{Basis, Staging};

    #[tokio::test]
    async fn what_was_made_names_what_changed() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path().to_str().unwrap()).unwrap();
        let schema = std::sync::Arc::new(arrow::datatypes::Schema::empty());
        let table = async |name: &str, rates: Option<&str>| {
            let writer = staging
                .create("prepare", name, std::sync::Arc::clone(&schema), &[])
                .await
                .unwrap();
            let mut table = writer
                .finish(std::collections::BTreeMap::new())
                .await
                .unwrap();
            table.basis = rates.map(|rates| {
                let mut basis = Basis::default();
                basis.add("the query", "1");
                basis.add("config.rates", rates);
                basis
            });
            table
        };
        let (mut before, mut after) = (Snapshot::default(), Snapshot::default());
        let stands = table("a", Some("1")).await;
        before.insert(stands.clone());
        after.insert(stands);
        before.insert(table("b", Some("1")).await);
        after.insert(table("b", Some("2")).await);
        after.insert(table("c", Some("1")).await);
        before.insert(table("d", None).await);
        after.insert(table("d", Some("1")).await);
        let told: Vec<String> = why(&before, &after)
            .into_iter()
            .map(|table| {
                format!(
                    "{} {} {}",
                    table.table,
                    table.stands,
                    table.because.join(", ")
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "prepare.b false config.rates",
                "prepare.c false it was never made before",
                "prepare.d false nobody wrote down what it was made from",
                "prepare.a true ",
            ]
        );
    }
}
