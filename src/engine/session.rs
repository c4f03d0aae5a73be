//! One consistent view of the tables, and queries over it.
//!
//! A session is made per phase from a snapshot; it never sees versions published later.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProviderList, MemoryCatalogProviderList};
use datafusion::common::ScalarValue;
use datafusion::datasource::{MemTable, ViewTable};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, displayable, execute_stream};
use datafusion::prelude::{DataFrame, SQLOptions, SessionContext, col};

use super::basis::basis;
use super::catalog::{CATALOG, Tables};
use super::plans::{Planned, Plans};
use super::{
    BATCH_ROWS_OF_FEW, BatchStream, EngineError, FEW_OF, STACK, check_depth, room, seek_few,
};
use crate::staging::{Basis, Manifest, Staging};

/// A view to register: `schema.name` as the result of `sql`.
#[derive(Clone, Debug)]
pub struct View {
    /// Schema, such as `mapped`.
    pub schema: String,
    /// Name within it.
    pub name: String,
    /// A single `select`.
    pub sql: String,
}

/// What a cluster computed.
#[derive(Debug)]
pub struct Computed {
    /// Its rows, a table that nobody publishes unless it is the result.
    pub rows: Manifest,
    /// The result: the rows, or what is left to do with them.
    pub rest: LogicalPlan,
    /// Whether nothing is left to do.
    pub is_whole: bool,
}

/// A DataFusion session over one snapshot.
#[derive(Clone)]
pub struct Session {
    pub(super) context: SessionContext,
    pub(super) tables: Tables,
    plans: Arc<Plans>,
    pub(super) handle: tokio::runtime::Handle,
    parameters: BTreeMap<String, ScalarValue>,
    fresh: bool,
    /// Bytes of the engine's memory pool.
    pool: usize,
    #[cfg(feature = "ballista")]
    pub(super) cluster: Option<super::cluster::Remote>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(
        mut state: SessionState,
        tables: Tables,
        plans: Arc<Plans>,
        handle: tokio::runtime::Handle,
        fresh: bool,
        pool: usize,
    ) -> Self {
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(tables.clone()));
        state.register_catalog_list(Arc::new(catalogs));
        Self {
            context: SessionContext::new_with_state(state),
            tables,
            plans,
            handle,
            parameters: BTreeMap::new(),
            fresh,
            pool,
            #[cfg(feature = "ballista")]
            cluster: None,
        }
    }

    #[cfg(feature = "ballista")]
    pub(super) fn with_cluster(mut self, cluster: Option<super::cluster::Remote>) -> Self {
        self.cluster = cluster;
        self
    }

    /// Whether steps may run on a cluster.
    #[must_use]
    pub fn has_cluster(&self) -> bool {
        #[cfg(feature = "ballista")]
        let has = self.cluster.is_some();
        #[cfg(not(feature = "ballista"))]
        let has = false;
        has
    }

    /// None: this program was built without a cluster's client.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(feature = "ballista"))]
    #[expect(clippy::unused_async, reason = "with the client it asks a scheduler")]
    pub async fn on_cluster(
        &self,
        _query: &str,
        _plan: &LogicalPlan,
        _table: (&str, &str),
        _sorted_by: &[String],
    ) -> Result<Option<Computed>, EngineError> {
        Ok(None)
    }

    /// Values of `$name` in queries.
    #[must_use]
    pub fn with_parameters(mut self, parameters: BTreeMap<String, ScalarValue>) -> Self {
        self.parameters = parameters;
        self
    }

    /// The same session for a query that joins so many rows with `others`, of which each finds one at most. Where they are few, batches
    /// are smaller, and what they find is sought by their keys.
    #[must_use]
    pub fn joining(&self, rows: u64, others: u64) -> Self {
        if rows >= others / FEW_OF {
            return self.clone();
        }
        let mut state = self.context.state();
        let mut config = state.config().clone().with_batch_size(BATCH_ROWS_OF_FEW);
        seek_few(&mut config);
        *state.config_mut() = config;
        Self {
            context: SessionContext::new_with_state(state),
            ..self.clone()
        }
    }

    /// Adds one table version, published or not.
    ///
    /// # Errors
    /// [`EngineError::Register`].
    pub fn register(&self, staging: &Staging, manifest: &Manifest) -> Result<(), EngineError> {
        self.tables
            .add_version(staging, manifest)
            .map_err(|source| EngineError::Register {
                table: manifest.name(),
                source: Box::new(source),
            })
    }

    /// Adds a view.
    ///
    /// # Errors
    /// [`EngineError::Plan`] when its query is not valid.
    pub async fn add_view(&self, view: &View) -> Result<(), EngineError> {
        let name = format!("{}.{}", view.schema, view.name);
        let planned = self.planned(&name, &view.sql).await?;
        self.tables.add(&view.schema, &view.name, planned.view());
        Ok(())
    }

    /// Adds a plan as a view.
    pub fn add_plan(&self, schema: &str, name: &str, plan: LogicalPlan) {
        let provider = ViewTable::new(plan, None);
        self.tables.add(schema, name, Arc::new(provider));
    }

    /// Adds a table without rows, for planning queries whose inputs do not exist yet.
    ///
    /// # Errors
    /// [`EngineError::Register`].
    pub fn add_empty(
        &self,
        schema: &str,
        name: &str,
        columns: SchemaRef,
    ) -> Result<(), EngineError> {
        self.tables.add(schema, name, self.plans.empty(columns));
        Ok(())
    }

    /// Adds a small table that is in memory.
    ///
    /// # Errors
    /// [`EngineError::Register`].
    pub fn add_rows(
        &self,
        schema: &str,
        name: &str,
        columns: SchemaRef,
        rows: Vec<RecordBatch>,
    ) -> Result<(), EngineError> {
        let table = MemTable::try_new(columns, vec![rows]);
        let table = table.map_err(|source| EngineError::Register {
            table: format!("{schema}.{name}"),
            source: Box::new(source),
        })?;
        self.tables.add(schema, name, Arc::new(table));
        Ok(())
    }

    /// Names of all tables and views, `schema.table`.
    #[must_use]
    pub fn table_names(&self) -> BTreeSet<String> {
        let names = self.tables.names().into_iter();
        names
            .map(|(schema, table)| format!("{schema}.{table}"))
            .collect()
    }

    /// Plans one read-only query and binds `$parameters`; statements that change anything are refused.
    ///
    /// # Errors
    /// [`EngineError::Plan`].
    pub async fn plan(&self, query: &str, sql: &str) -> Result<LogicalPlan, EngineError> {
        Ok(self.planned(query, sql).await?.plan.clone())
    }

    /// What the result of a bound plan follows from, in this order of rows; none where that is not known.
    #[must_use]
    pub fn basis(&self, plan: &LogicalPlan, sorted_by: &[String]) -> Option<Basis> {
        basis(plan, sorted_by)
    }

    /// Whether nothing that was made before stands.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The plan of this text, made anew unless it was made before over the same tables and with the same parameters.
    async fn planned(&self, query: &str, sql: &str) -> Result<Arc<Planned>, EngineError> {
        if let Some(planned) = self.plans.of(sql, |planned| self.stands(planned)) {
            return Ok(planned);
        }
        let fail = |source: DataFusionError| EngineError::Plan {
            query: query.to_owned(),
            source: Box::new(source),
        };
        check_depth(sql).map_err(fail)?;
        let (session, text) = (self.clone(), sql.to_owned());
        let bound = async move { session.bound(&text).await };
        match on(&self.handle, bound).await {
            Some(plan) => plan.map_err(fail),
            None => Err(EngineError::Stopped {
                query: query.to_owned(),
            }),
        }
    }

    fn stands(&self, planned: &Planned) -> bool {
        let mut inputs = planned.inputs.iter();
        inputs.all(|(name, table)| {
            let now = self.tables.named(name);
            now.is_some_and(|now| Arc::ptr_eq(&now, table))
        }) && planned
            .parameters
            .iter()
            .all(|(name, value)| self.parameters.get(name) == Some(value))
    }

    async fn bound(&self, sql: &str) -> Result<Arc<Planned>, DataFusionError> {
        let options = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let state = self.context.state();
        let dialect = state.config().options().sql_parser.dialect;
        let statement = state.sql_to_statement(sql, &dialect)?;
        let names = state.resolve_table_references(&statement)?;
        // Before the plan is made: what it reads is then no older than these.
        let inputs: Option<Vec<_>> = names
            .into_iter()
            .map(|name| self.tables.named(&name).map(|table| (name, table)))
            .collect();
        let plan = state.statement_to_plan(statement).await?;
        options.verify_plan(&plan)?;
        let mut parameters = BTreeMap::new();
        for name in plan.get_parameter_names()? {
            let bare = name.trim_start_matches('$');
            let value = self.parameters.get(bare).ok_or_else(|| {
                DataFusionError::Plan(format!(
                    "parameter ${bare} is not set under [options] in migration.toml"
                ))
            })?;
            parameters.insert(bare.to_owned(), value.clone());
        }
        let plan = match parameters.is_empty() {
            true => plan,
            false => plan.with_param_values(parameters.clone().into_iter().collect::<Vec<_>>())?,
        };
        // Something that is made anew each time, such as the list of all tables, is no table to know a plan by.
        let keeps = inputs.is_some();
        let planned = Planned::new(inputs.unwrap_or_default(), parameters, plan);
        let planned = Arc::new(planned);
        if keeps {
            self.plans.keep(sql, Arc::clone(&planned));
        }
        Ok(planned)
    }

    /// A data frame over a bound plan.
    #[must_use]
    pub fn frame(&self, plan: LogicalPlan) -> DataFrame {
        DataFrame::new(self.context.state(), plan)
    }

    /// The schema a query returns once bound and optimized (an unbound parameter has type Null).
    ///
    /// # Errors
    /// [`EngineError::Plan`].
    pub fn schema_of(&self, query: &str, plan: &LogicalPlan) -> Result<SchemaRef, EngineError> {
        let state = self.context.state();
        let optimized = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK);
            let work = || {
                state
                    .optimize(plan)
                    .map(|plan| plan.schema().as_arrow().clone())
            };
            thread.spawn_scoped(scope, work).ok()?.join().ok()
        });
        match optimized {
            Some(Ok(schema)) => Ok(Arc::new(schema)),
            Some(Err(source)) => Err(EngineError::Plan {
                query: query.to_owned(),
                source: Box::new(source),
            }),
            None => Err(EngineError::Stopped {
                query: query.to_owned(),
            }),
        }
    }

    /// Runs a query as one stream, in the order of `sorted_by` if given (ascending, nulls first).
    ///
    /// # Errors
    /// [`EngineError::Plan`].
    pub async fn stream(
        &self,
        query: &str,
        sql: &str,
        sorted_by: &[String],
    ) -> Result<BatchStream, EngineError> {
        let plan = self.plan(query, sql).await?;
        self.stream_plan(query, plan, sorted_by).await
    }

    /// Runs a bound plan as one stream; see [`Self::stream`].
    ///
    /// # Errors
    /// [`EngineError::Plan`].
    pub async fn stream_plan(
        &self,
        query: &str,
        plan: LogicalPlan,
        sorted_by: &[String],
    ) -> Result<BatchStream, EngineError> {
        let physical = self.physical(query, plan, sorted_by).await?;
        let shown = displayable(physical.as_ref());
        tracing::trace!(query, plan = %shown.indent(false), "a query was planned");
        let context = room::context_of(physical.as_ref(), self.pool, &self.context);
        let plan = Arc::clone(&physical);
        Ok(BatchStream::drive(
            query.to_owned(),
            plan,
            move || execute_stream(physical, context),
            &self.handle,
        ))
    }

    async fn physical(
        &self,
        query: &str,
        plan: LogicalPlan,
        sorted_by: &[String],
    ) -> Result<Arc<dyn ExecutionPlan>, EngineError> {
        let fail = |source: DataFusionError| EngineError::Plan {
            query: query.to_owned(),
            source: Box::new(source),
        };
        let mut frame = self.frame(plan);
        if !sorted_by.is_empty() {
            let order = sorted_by
                .iter()
                .map(|name| col(datafusion::common::Column::from_name(name)).sort(true, true))
                .collect();
            frame = frame.sort(order).map_err(fail)?;
        }
        let context = self.clone();
        let query_name = query.to_owned();
        // Planning reads file footers: on the engine's runtime, like everything else of it.
        let plan = async move {
            let _keep = context;
            frame.create_physical_plan().await
        };
        match on(&self.handle, plan).await {
            Some(result) => result.map_err(fail),
            None => Err(EngineError::Stopped { query: query_name }),
        }
    }

    /// Runs a query whose result is known to be small (counts, config, a report) and returns all of it.
    ///
    /// # Errors
    /// [`EngineError::Plan`], [`EngineError::Run`].
    pub async fn collect(&self, query: &str, sql: &str) -> Result<Vec<RecordBatch>, EngineError> {
        let mut stream = self.stream(query, sql, &[]).await?;
        let mut batches = Vec::new();
        while let Some(batch) = stream.next_batch().await? {
            batches.push(batch);
        }
        Ok(batches)
    }
}

/// Runs work on the engine's threads, whose stacks are made for deep plans; none if they ended.
pub(super) async fn on<T: Send + 'static>(
    handle: &tokio::runtime::Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let mut set = tokio::task::JoinSet::new();
    set.spawn_on(work, handle);
    set.join_next().await?.ok()
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;
    use crate::engine::{Engine, in_folder};
    use crate::staging::{DataFile, Snapshot};

    fn columns(name: &str) -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new(name, DataType::Int64, true)]))
    }

    /// An engine, and a session over one table whose file is gone.
    fn open(folder: &tempfile::TempDir) -> (Engine, Session) {
        let (staging, engine) = in_folder(folder.path());
        let mut snapshot = Snapshot::default();
        snapshot.insert(Manifest {
            schema_name: "usercom".to_owned(),
            table: "people".to_owned(),
            version: 1,
            published_at: chrono::Utc::now(),
            rows: 1,
            files: vec![DataFile {
                path: "tables/gone.parquet".to_owned(),
                rows: 1,
                bytes: 1,
                label: None,
                checksum: String::new(),
                sorted_by: Vec::new(),
                text_bytes: BTreeMap::new(),
            }],
            sorted_by: Vec::new(),
            counts: BTreeMap::new(),
            columns: BTreeMap::new(),
            basis: None,
            schema: columns("id"),
        });
        let session = engine.session(&staging, &snapshot).unwrap();
        (engine, session)
    }

    #[tokio::test]
    async fn tables_are_known_and_planned_without_a_look_at_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let (_engine, session) = open(&folder);
        assert_eq!(
            session.table_names(),
            BTreeSet::from(["usercom.people".to_owned()])
        );
        let counted = "select count(t.table_name) as n from information_schema.tables as t where t.table_schema = 'usercom'";
        let batches = session.collect("q", counted).await.unwrap();
        assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), 1);
        let sql = "select p.id from usercom.people as p";
        assert!(session.plan("q", sql).await.is_ok());
    }

    #[tokio::test]
    async fn what_a_session_adds_comes_before_its_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let (_engine, session) = open(&folder);
        session
            .plan("q", "select p.id from usercom.people as p")
            .await
            .unwrap();
        session
            .add_empty("usercom", "people", columns("name"))
            .unwrap();
        assert_eq!(session.table_names().len(), 1);
        let sql = "select p.name from usercom.people as p";
        assert!(session.collect("q", sql).await.unwrap().is_empty());
        let view = View {
            schema: "mapped".to_owned(),
            name: "people".to_owned(),
            sql: sql.to_owned(),
        };
        session.add_view(&view).await.unwrap();
        let sql = "select p.name from mapped.people as p";
        assert!(session.collect("q", sql).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_statement_is_planned_once_over_the_same_tables_and_parameters() {
        let folder = tempfile::tempdir().unwrap();
        let (_engine, session) = open(&folder);
        let session = session.with_parameters([("n".to_owned(), ScalarValue::from(1_i64))].into());
        let sql = "select p.id from usercom.people as p where p.id > $n";
        let planned = async |session: &Session| session.planned("q", sql).await.unwrap();
        let (_, second, third) = (
            planned(&session).await,
            planned(&session).await,
            planned(&session).await,
        );
        assert!(Arc::ptr_eq(&second.view(), &third.view()));
        let other = session
            .clone()
            .with_parameters([("n".to_owned(), ScalarValue::from(2_i64))].into());
        let text = planned(&other).await.plan.to_string();
        assert!(text.contains("Int64(2)"), "{text}");
        // Another table under the name.
        session
            .add_empty("usercom", "people", columns("name"))
            .unwrap();
        let error = session.plan("q", sql).await.unwrap_err().to_string();
        assert!(error.contains("id"), "{error}");
        session
            .add_empty("usercom", "people", columns("id"))
            .unwrap();
        let emptied = planned(&session).await;
        assert!(!Arc::ptr_eq(&emptied.view(), &third.view()));
    }

    #[tokio::test]
    async fn an_unknown_table_is_named_with_its_schema() {
        let folder = tempfile::tempdir().unwrap();
        let (_engine, session) = open(&folder);
        for (table, named) in [
            (
                "usercom.poeple",
                "table 'datafusion.usercom.poeple' not found",
            ),
            ("ledger.lead", "table 'datafusion.ledger.lead' not found"),
            ("people", "table 'datafusion.public.people' not found"),
        ] {
            let sql = format!("select 1 from {table}");
            let error = session.plan("q", &sql).await.unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
    }
    #[tokio::test]
    async fn a_table_file_that_is_gone_is_no_empty_table() {
        let folder = tempfile::tempdir().unwrap();
        let (_engine, session) = open(&folder);
        let sql = "select count(p.id) as n from usercom.people as p";
        let error = session.collect("q", sql).await.unwrap_err();
        assert!(
            error.to_string().contains("tables/gone.parquet is gone"),
            "{error}"
        );
        assert!(!error.is_input());
        assert!(error.hint().unwrap().contains("backup"));
    }

    #[tokio::test]
    async fn deep_statements_run_and_endless_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (_engine, session) = open(&folder);
        let chain = |times: usize| {
            let terms: Vec<String> = (0..times).map(|n| format!("v.a = {n}")).collect();
            format!(
                "select v.a from (values (1)) as v (a) where {}",
                terms.join(" or ")
            )
        };
        let rows = session.collect("q", &chain(450)).await.unwrap();
        assert_eq!(rows[0].num_rows(), 1);
        let error = session.collect("q", &chain(2000)).await.unwrap_err();
        assert!(error.to_string().contains("hang on each other"), "{error}");
    }
}
