//! What the result of a query follows from: the same basis, the same rows.
//!
//! In: a bound plan, what is in the tables that it scans. Out: a [`Basis`] of the plan, those contents and this very program. Never: one
//! where something else has a say, such as the time or a table whose contents nobody knows.

use std::hash::Hash;
use std::sync::LazyLock;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use xxhash_rust::xxh3::Xxh3;

use super::plans::Table;
use super::version::Version;
use crate::staging::Basis;

/// This program: its version and its file, since another one may plan, compute or write otherwise.
static PROGRAM: LazyLock<Option<String>> = LazyLock::new(|| {
    let file = std::env::current_exe().ok()?.metadata().ok()?;
    let changed = file.modified().ok()?;
    let changed = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
    let version = env!("CARGO_PKG_VERSION");
    Some(format!("{version} {} {}", file.len(), changed.as_nanos()))
});

/// What tells this program from others; none where its file cannot be seen.
pub fn program() -> Option<&'static str> {
    PROGRAM.as_deref()
}

/// The plan and its tables; none where something else has a say.
pub(super) fn basis(plan: &LogicalPlan, sorted_by: &[String]) -> Option<Basis> {
    let mut digest = Xxh3::new();
    sorted_by.hash(&mut digest);
    plan.hash(&mut digest);
    let mut basis = Basis::default();
    basis.add("the program", program()?);
    basis.add("the query", format!("{:032x}", digest.digest128()));
    let mut is_whole = true;
    let walked: Result<_> = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let table = source_as_provider(&scan.source)?;
            match contents(&table) {
                Some(contents) => basis.add(scan.table_name.to_string(), contents),
                None => is_whole = false,
            }
        }
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                is_whole &= !may_change(part);
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(match is_whole {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    });
    (walked.is_ok() && is_whole).then_some(basis)
}

/// What is in a table; none where nobody knows.
fn contents(table: &Table) -> Option<&str> {
    if let Some(version) = table.downcast_ref::<Version>() {
        return Some(&version.contents);
    }
    // Its columns are in the plan.
    table.is::<EmptyTable>().then_some("no rows")
}

/// Whether a function may say something else another time.
fn may_change(expression: &Expr) -> bool {
    let volatility = match expression {
        Expr::ScalarFunction(call) => call.func.signature().volatility,
        Expr::AggregateFunction(call) => call.func.signature().volatility,
        _ => return false,
    };
    volatility != Volatility::Immutable
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::datatypes::{DataType, Field, Schema};
    use datafusion::common::ScalarValue;

    use crate::engine::{Session, in_folder};
    use crate::staging::{Basis, DataFile, Manifest, Snapshot};

    fn people(path: &str, checksum: &str) -> Manifest {
        Manifest {
            schema_name: "usercom".to_owned(),
            table: "people".to_owned(),
            version: 1,
            published_at: chrono::Utc::now(),
            rows: 1,
            files: vec![DataFile {
                path: path.to_owned(),
                rows: 1,
                bytes: 1,
                label: None,
                checksum: checksum.to_owned(),
                sorted_by: Vec::new(),
                text_bytes: BTreeMap::new(),
            }],
            sorted_by: Vec::new(),
            counts: BTreeMap::new(),
            columns: BTreeMap::new(),
            basis: None,
            schema: Arc::new(Schema::new(vec![
                Field::new("id", DataType::Int64, true),
                Field::new("name", DataType::Utf8, true),
            ])),
        }
    }

    async fn basis(session: &Session, sql: &str) -> Option<Basis> {
        let plan = session.plan("q", sql).await.unwrap();
        session.basis(&plan, &[])
    }

    #[tokio::test]
    async fn a_result_follows_from_query_contents_and_parameters_and_from_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (staging, engine) = in_folder(folder.path());
        let over = |table: Manifest, word: &str| {
            let mut snapshot = Snapshot::default();
            snapshot.insert(table);
            let word = ScalarValue::Utf8(Some(word.to_owned()));
            let session = engine.session(&staging, &snapshot).unwrap();
            session.with_parameters(BTreeMap::from([("word".to_owned(), word)]))
        };
        let sql = "select p.id from usercom.people as p where p.name = $word \
                   and p.id in (select max(q.id) from usercom.people as q)";
        let first = over(people("a/1.parquet", "one"), "x");
        let made = basis(&first, sql).await;
        assert!(made.is_some());
        // The same rows under another name, such as those of an export that was staged again.
        let again = over(people("b/1.parquet", "one"), "x");
        assert_eq!(basis(&again, sql).await, made);
        let others = over(people("b/1.parquet", "two"), "x");
        assert_ne!(basis(&others, sql).await, made);
        let worded = over(people("a/1.parquet", "one"), "y");
        assert_ne!(basis(&worded, sql).await, made);
        let plan = first.plan("q", sql).await.unwrap();
        assert_ne!(first.basis(&plan, &["id".to_owned()]), made);
        let less = sql.replace("max(", "min(");
        assert_ne!(basis(&first, &less).await, made);
        // Values that a plan shows only in part.
        let list = |last: u32| {
            let values: Vec<String> = (0..20).chain([last]).map(|n| format!("({n})")).collect();
            format!("select v.column1 from (values {}) as v", values.join(", "))
        };
        assert_ne!(
            basis(&first, &list(20)).await,
            basis(&first, &list(21)).await
        );
        let timely = "select p.id from usercom.people as p where now() > timestamp '2026-01-01'";
        assert_eq!(basis(&first, timely).await, None);
        let nested =
            "select p.id from usercom.people as p where p.id in (select cast(random() as bigint))";
        assert_eq!(basis(&first, nested).await, None);
        engine.make_all();
        let fresh = over(people("a/1.parquet", "one"), "x");
        assert!(fresh.is_fresh() && !first.is_fresh());
        // Whoever comes after it may build on what it made.
        assert_eq!(basis(&fresh, sql).await, made);
    }
}
