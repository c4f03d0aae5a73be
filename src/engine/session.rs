//! One consistent view of the tables, and queries over it.
//!
//! A session is made per phase from a snapshot; it never sees versions published later.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
use datafusion::common::{ScalarValue, TableReference};
use datafusion::datasource::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext, col};

use super::join_choice::JoinChoice;
use super::{BatchStream, EngineError};
use crate::staging::{Manifest, Snapshot, Staging};

/// Schemas that exist in every session, even while empty.
const SCHEMAS: [&str; 9] = [
    "usercom", "rejects", "config", "mapped", "prepare", "outbox", "ledger", "org", "recon",
];

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

/// A DataFusion session over one snapshot.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    handle: tokio::runtime::Handle,
    parameters: BTreeMap<String, ScalarValue>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(
        config: SessionConfig,
        environment: Arc<RuntimeEnv>,
        max_build_bytes: usize,
        staging: &Staging,
        snapshot: &Snapshot,
        handle: Option<tokio::runtime::Handle>,
    ) -> Result<Self, EngineError> {
        let handle = handle.ok_or_else(|| EngineError::Start {
            reason: "the engine was shut down".to_owned(),
        })?;
        let mut rules = PhysicalOptimizer::new().rules;
        let after = rules
            .iter()
            .position(|rule| rule.name() == "join_selection")
            .map_or(0, |position| position + 1);
        rules.insert(after, Arc::new(JoinChoice { max_build_bytes }));
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(environment)
            .with_default_features()
            .with_physical_optimizer_rules(rules)
            .build();
        let context = SessionContext::new_with_state(state);
        let session = Self {
            context,
            handle,
            parameters: BTreeMap::new(),
        };
        for schema in SCHEMAS {
            session.add_schema(schema)?;
        }
        for manifest in snapshot.iter() {
            session.register(staging, manifest)?;
        }
        Ok(session)
    }

    /// Values of `$name` in queries.
    #[must_use]
    pub fn with_parameters(mut self, parameters: BTreeMap<String, ScalarValue>) -> Self {
        self.parameters = parameters;
        self
    }

    fn add_schema(&self, name: &str) -> Result<(), EngineError> {
        let register = |source| EngineError::Register {
            table: name.to_owned(),
            source: Box::new(source),
        };
        let catalog = self
            .context
            .catalog("datafusion")
            .ok_or_else(|| register(DataFusionError::Internal("no default catalog".to_owned())))?;
        if catalog.schema(name).is_none() {
            let schema: Arc<dyn SchemaProvider> = Arc::new(MemorySchemaProvider::new());
            catalog.register_schema(name, schema).map_err(register)?;
        }
        Ok(())
    }

    /// Adds one table version, published or not.
    ///
    /// # Errors
    /// [`EngineError::Register`].
    pub fn register(&self, staging: &Staging, manifest: &Manifest) -> Result<(), EngineError> {
        let table = manifest.name();
        let register = |source: DataFusionError| EngineError::Register {
            table: table.clone(),
            source: Box::new(source),
        };
        self.add_schema(&manifest.schema_name)?;
        let provider = listing_table(staging, manifest).map_err(register)?;
        let reference =
            TableReference::partial(manifest.schema_name.as_str(), manifest.table.as_str());
        self.context
            .deregister_table(reference.clone())
            .map_err(register)?;
        self.context
            .register_table(reference, provider)
            .map_err(register)?;
        Ok(())
    }

    /// Adds a view.
    ///
    /// # Errors
    /// [`EngineError::Plan`] when its query is not valid.
    pub async fn add_view(&self, view: &View) -> Result<(), EngineError> {
        let name = format!("{}.{}", view.schema, view.name);
        self.add_schema(&view.schema)?;
        let plan = self.plan(&name, &view.sql).await?;
        let provider = datafusion::datasource::ViewTable::new(plan, Some(view.sql.clone()));
        let reference = TableReference::partial(view.schema.as_str(), view.name.as_str());
        self.context
            .deregister_table(reference.clone())
            .and_then(|_| self.context.register_table(reference, Arc::new(provider)))
            .map_err(|source| EngineError::Register {
                table: name,
                source: Box::new(source),
            })?;
        Ok(())
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
        self.add_schema(schema)?;
        let reference = TableReference::partial(schema, name);
        let table: Arc<dyn TableProvider> = Arc::new(EmptyTable::new(columns));
        self.context
            .deregister_table(reference.clone())
            .and_then(|_| self.context.register_table(reference, table))
            .map_err(|source| EngineError::Register {
                table: format!("{schema}.{name}"),
                source: Box::new(source),
            })?;
        Ok(())
    }

    /// Names of all tables and views, `schema.table`.
    #[must_use]
    pub fn table_names(&self) -> BTreeSet<String> {
        let Some(catalog) = self.context.catalog("datafusion") else {
            return BTreeSet::new();
        };
        catalog
            .schema_names()
            .into_iter()
            .filter(|schema| schema != "information_schema" && schema != "public")
            .filter_map(|schema| Some((schema.clone(), catalog.schema(&schema)?)))
            .flat_map(|(schema, provider)| {
                provider
                    .table_names()
                    .into_iter()
                    .map(move |table| format!("{schema}.{table}"))
            })
            .collect()
    }

    /// Plans one read-only query and binds `$parameters`; statements that change anything are refused.
    ///
    /// # Errors
    /// [`EngineError::Plan`].
    pub async fn plan(&self, query: &str, sql: &str) -> Result<LogicalPlan, EngineError> {
        let fail = |source: DataFusionError| EngineError::Plan {
            query: query.to_owned(),
            source: Box::new(source),
        };
        let options = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let frame = self
            .context
            .sql_with_options(sql, options)
            .await
            .map_err(fail)?;
        let (_, plan) = frame.into_parts();
        let wanted = plan.get_parameter_names().map_err(fail)?;
        if wanted.is_empty() {
            return Ok(plan);
        }
        let mut values = Vec::with_capacity(wanted.len());
        for name in wanted {
            let bare = name.trim_start_matches('$');
            let value = self.parameters.get(bare).ok_or_else(|| {
                fail(DataFusionError::Plan(format!(
                    "parameter ${bare} is not set under [options] in migration.toml"
                )))
            })?;
            values.push((bare.to_owned(), value.clone()));
        }
        plan.with_param_values(values).map_err(fail)
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
        let optimized =
            self.context
                .state()
                .optimize(plan)
                .map_err(|source| EngineError::Plan {
                    query: query.to_owned(),
                    source: Box::new(source),
                })?;
        Ok(Arc::new(optimized.schema().as_arrow().clone()))
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
        let context = self.context.task_ctx();
        Ok(BatchStream::drive(
            query.to_owned(),
            physical.schema(),
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
        let mut planner = tokio::task::JoinSet::new();
        planner.spawn_on(
            async move {
                let _keep = context;
                frame.create_physical_plan().await
            },
            &self.handle,
        );
        match planner.join_next().await {
            Some(Ok(result)) => result.map_err(fail),
            _ => Err(EngineError::Stopped { query: query_name }),
        }
    }

    /// The physical plan as indented text, for tests and `plan --verbose`.
    ///
    /// # Errors
    /// [`EngineError::Plan`].
    pub async fn explain(
        &self,
        query: &str,
        sql: &str,
        sorted_by: &[String],
    ) -> Result<String, EngineError> {
        let plan = self.plan(query, sql).await?;
        let physical = self.physical(query, plan, sorted_by).await?;
        Ok(datafusion::physical_plan::displayable(physical.as_ref())
            .indent(false)
            .to_string())
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

fn listing_table(
    staging: &Staging,
    manifest: &Manifest,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let base = staging.store_url().as_str().trim_end_matches('/');
    let urls = manifest
        .files
        .iter()
        .map(|file| ListingTableUrl::parse(format!("{base}/{}", staging.absolute(&file.path))))
        .collect::<Result<Vec<_>, _>>()?;
    let mut options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    if !manifest.sorted_by.is_empty() {
        let order = manifest
            .sorted_by
            .iter()
            .map(|name| col(datafusion::common::Column::from_name(name)).sort(true, true))
            .collect();
        options = options.with_file_sort_order(vec![order]);
    }
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        // Without the schema's own metadata: tables that differ in it alone could not be put together.
        .with_schema(Arc::new(Schema::new(manifest.schema.fields().clone())));
    Ok(Arc::new(ListingTable::try_new(config)?))
}
