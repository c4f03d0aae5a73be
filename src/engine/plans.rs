//! What was planned or opened before, for all sessions of an engine: planning takes longer than most queries run.
//!
//! In: the text of a statement and the tables that it names now. Out: the plan that was made of this text over these very
//! tables. A table is the same only as one provider: one per version of a table, one per schema without rows, one per view as
//! it was planned, so a plan never outlives what it reads. Never: a result, a list of files, an error.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{ScalarValue, TableReference};
use datafusion::datasource::ViewTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;

use crate::staging::Manifest;

/// Texts that are kept; a project has some hundreds. One more, and all are made anew as they come.
const TEXTS: usize = 2048;

/// Plans that are kept of one text: a query is planned over tables that are not there yet, over today's and over those of a plan.
const PLANS: usize = 2;

/// A table as plans read it.
pub(super) type Table = Arc<dyn TableProvider>;

/// A table's version, opened.
type Published = (Arc<Manifest>, Table);

/// Plans and tables that sessions of one engine share.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// Nothing yet where a text was planned once: most come once only, and their plans take memory.
    planned: Mutex<HashMap<String, Vec<Arc<Planned>>>>,
    published: Mutex<HashMap<(String, String), Published>>,
    empty: Mutex<HashMap<SchemaRef, Table>>,
}

/// A statement as it was planned over certain tables.
#[derive(Debug)]
pub(super) struct Planned {
    /// What it reads, with the tables that these were.
    pub inputs: Vec<(TableReference, Table)>,
    /// Parameters that it names.
    pub parameters: BTreeMap<String, ScalarValue>,
    /// The bound plan.
    pub plan: LogicalPlan,
    /// The plan as a view, once it is one.
    view: OnceLock<Table>,
}

impl Planned {
    /// A plan over its inputs.
    pub(super) fn new(
        inputs: Vec<(TableReference, Table)>,
        parameters: BTreeMap<String, ScalarValue>,
        plan: LogicalPlan,
    ) -> Self {
        Self {
            inputs,
            parameters,
            plan,
            view: OnceLock::new(),
        }
    }

    /// The plan as a view, always the same one.
    pub(super) fn view(&self) -> Table {
        let view = self
            .view
            .get_or_init(|| Arc::new(ViewTable::new(self.plan.clone(), None)));
        Arc::clone(view)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether two manifests are of the same rows: files are never written twice under one name.
fn is_same(one: &Arc<Manifest>, other: &Arc<Manifest>) -> bool {
    Arc::ptr_eq(one, other)
        || one.files == other.files
            && one.sorted_by == other.sorted_by
            && one.schema == other.schema
}

impl Plans {
    /// The plan of a text, of those that were made of it, for which `stands` holds.
    pub(super) fn of(&self, sql: &str, stands: impl Fn(&Planned) -> bool) -> Option<Arc<Planned>> {
        let plans = lock(&self.planned).get(sql).cloned()?;
        plans.into_iter().find(|planned| stands(planned))
    }

    /// Keeps a plan of a text that comes again, the last before all others.
    pub(super) fn keep(&self, sql: &str, planned: Arc<Planned>) {
        let mut all = lock(&self.planned);
        if all.len() >= TEXTS {
            all.clear();
        }
        let Some(plans) = all.get_mut(sql) else {
            all.insert(sql.to_owned(), Vec::new());
            return;
        };
        plans.truncate(PLANS - 1);
        plans.insert(0, planned);
    }

    /// The provider of a table's version, which `open` makes if it is another version than before.
    ///
    /// # Errors
    /// Those of `open`.
    pub(super) fn published(
        &self,
        manifest: &Arc<Manifest>,
        open: impl FnOnce() -> Result<Table>,
    ) -> Result<Table> {
        let name = (manifest.schema_name.clone(), manifest.table.clone());
        if let Some((known, table)) = lock(&self.published).get(&name)
            && is_same(known, manifest)
        {
            return Ok(Arc::clone(table));
        }
        let table = open()?;
        let kept = (Arc::clone(manifest), Arc::clone(&table));
        lock(&self.published).insert(name, kept);
        Ok(table)
    }

    /// The table without rows of a schema.
    pub(super) fn empty(&self, columns: SchemaRef) -> Table {
        let mut all = lock(&self.empty);
        if all.len() >= TEXTS {
            all.clear();
        }
        let table = all
            .entry(columns)
            .or_insert_with_key(|columns| Arc::new(EmptyTable::new(Arc::clone(columns))));
        Arc::clone(table)
    }
}
