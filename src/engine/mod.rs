//! DataFusion as the product runs it: its own runtime, bounded memory, spill in the work folder, and a join
//! choice that cannot run out of memory.
//!
//! In: a [`Snapshot`] of tables and SQL. Out: bounded streams of record batches. Never: I/O to Salesforce,
//! schema inference, or a cached file list (`guide/engine.md` 1, 3, 11).

mod basis;
mod catalog;
#[cfg(feature = "ballista")]
mod cluster;
mod error;
mod growth;
mod instead;
mod join_choice;
mod joining;
mod nesting;
mod patterns;
mod plans;
mod pool;
mod present;
mod room;
mod session;
mod spill;
mod stream;
mod version;
mod widths;

pub use basis::program;
pub use error::EngineError;
pub(crate) use error::brief;
pub use nesting::check_depth;
pub use session::{Session, View};
pub use stream::BatchStream;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::config::ConfigOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::TrackConsumersPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;

use crate::config::Cluster;
use crate::staging::{Snapshot, Staging};
use catalog::{CATALOG, DEFAULT_SCHEMA, Tables};
use join_choice::JoinChoice;
use plans::Plans;
use present::PresentFiles;
use spill::SpillFolder;

/// Limits of the engine.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Target for the resident memory of the process, in bytes; the pool gets a fifth of it.
    pub memory_limit: usize,
    /// Where sorts spill; a folder inside the work folder.
    pub spill: PathBuf,
    /// Where models and outboxes are computed, if not here.
    pub cluster: Option<Cluster>,
    /// Threads and partitions.
    pub threads: usize,
}

/// How many times the pool fits into the process: what is resident is two to four times what the pool accounts for, most
/// where a sort of wide rows begins to merge. With a quarter, 5.8M rows of wide tasks took 638 MB of 512.
const POOL_SHARE: usize = 5;

impl EngineSettings {
    /// Bytes of the engine's memory pool.
    const fn pool(&self) -> usize {
        self.memory_limit / POOL_SHARE
    }
}

/// Rows per record batch: a merge holds two batches of each of its inputs, so small ones keep wide sorts inside a small pool.
/// With 2,048, comparing a million wide contacts stopped for want of memory.
pub const BATCH_ROWS: usize = 1024;

/// The same where few rows are joined with many: a merge join that finds one row in each batch of its other side holds as many batches
/// as it gives out rows. A thousand rows with a million wide ones took 215 MB more.
const BATCH_ROWS_OF_FEW: usize = 320;

/// Rows are few where they are less than this part of those that they are joined with.
const FEW_OF: u64 = 8;

/// A configuration for few rows of large tables, each of which finds one row at most: cells are read of what is found alone.
fn seek_few(config: &mut SessionConfig) {
    let options = config.options_mut();
    options.execution.parquet.pushdown_filters = true;
}

/// Whether a plan is made for few rows.
fn seeks_few(config: &ConfigOptions) -> bool {
    config.execution.parquet.pushdown_filters
}

/// Partitions of a plan. Tables are joined in the order of their keys: two partitions would only deal every row out by
/// its hash and merge the halves again, which took 40 % more processor time on a million people. The other processors
/// read ahead, encode and write.
const PARTITIONS: usize = 1;

/// Stack of the engine's threads, of which only what is used takes memory: a planner goes down some kilobytes for each level of
/// an expression, and [`check_depth`] lets hundreds through.
const STACK: usize = 128 << 20;

/// Runs queries; one per process.
#[derive(Debug)]
pub struct Engine {
    runtime: Option<tokio::runtime::Runtime>,
    handle: tokio::runtime::Handle,
    /// What every session has in common: functions, rules, configuration. Tables are each session's own.
    common: SessionState,
    plans: Arc<Plans>,
    /// Bytes of the memory pool.
    pool: usize,
    /// Whether nothing that was made before stands.
    fresh: AtomicBool,
    #[cfg(feature = "ballista")]
    cluster: Option<cluster::Remote>,
    /// Removed after the runtime is gone.
    _spill: SpillFolder,
}

impl Engine {
    /// Starts the engine's threads and prepares its spill folder.
    ///
    /// # Errors
    /// [`EngineError::MakeSpillFolder`], [`EngineError::Start`].
    pub fn start(settings: EngineSettings, staging: &Staging) -> Result<Self, EngineError> {
        let spill = SpillFolder::create(&settings.spill).map_err(|source| {
            EngineError::MakeSpillFolder {
                folder: settings.spill.clone(),
                source,
            }
        })?;
        let pool = TrackConsumersPool::new(
            pool::Pool::new(settings.pool()),
            std::num::NonZeroUsize::MIN.saturating_add(2),
        );
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![spill.path().to_owned()]))
            .with_max_temp_directory_size(u64::MAX / 2);
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .with_object_list_cache_limit(0)
            .build_arc()
            .map_err(|source| EngineError::Start {
                source: source.into(),
            })?;
        let present = Arc::new(PresentFiles(staging.store()));
        environment.register_object_store(staging.store_url(), present);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads.max(1))
            // Tasks that read files and spills are short.
            .max_blocking_threads(settings.threads.max(2))
            .thread_name("engine")
            .thread_stack_size(STACK)
            .enable_all()
            .build()
            .map_err(|source| EngineError::Start {
                source: source.into(),
            })?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            common: common_state(&settings, environment).map_err(|source| EngineError::Start {
                source: source.into(),
            })?,
            plans: Arc::default(),
            pool: settings.pool(),
            fresh: AtomicBool::new(false),
            #[cfg(feature = "ballista")]
            cluster: settings.cluster.as_ref().map(cluster::Remote::new),
            _spill: spill,
        })
    }

    /// From now on every table is made, also where what it follows from is as it was.
    pub fn make_all(&self) {
        self.fresh.store(true, Ordering::Relaxed);
    }

    /// Whether nothing that was made before stands.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.fresh.load(Ordering::Relaxed)
    }

    /// A session that sees the tables of `snapshot` and nothing else. Opens none of them: that is done when a query names one.
    ///
    /// # Errors
    /// [`EngineError::Register`].
    pub fn session(&self, staging: &Staging, snapshot: &Snapshot) -> Result<Session, EngineError> {
        let tables = Tables::new(staging, snapshot, Arc::clone(&self.plans));
        let session = Session::new(
            self.common.clone(),
            tables,
            Arc::clone(&self.plans),
            self.handle.clone(),
            self.is_fresh(),
            self.pool,
        );
        #[cfg(feature = "ballista")]
        let session = session.with_cluster(self.cluster.clone());
        Ok(session)
    }
}

/// A session's state without tables: made once, since it has hundreds of functions and rules.
fn common_state(
    settings: &EngineSettings,
    environment: Arc<RuntimeEnv>,
) -> datafusion::error::Result<SessionState> {
    let mut rules = PhysicalOptimizer::new().rules;
    let after = rules
        .iter()
        .position(|rule| rule.name() == "join_selection")
        .map_or(0, |position| position + 1);
    let choice = JoinChoice {
        pool: settings.pool(),
    };
    rules.insert(after, Arc::new(choice));
    let mut state = SessionStateBuilder::new()
        .with_config(config())
        .with_runtime_env(environment)
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    patterns::keep(&mut state)?;
    growth::limit(&mut state)?;
    state.add_analyzer_rule(Arc::new(joining::LimitJoining::default()));
    Ok(state)
}

fn config() -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(PARTITIONS)
        .with_batch_size(BATCH_ROWS)
        // Each session brings its own.
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
        .with_information_schema(true)
        .with_collect_statistics(true);
    let options = config.options_mut();
    options.optimizer.prefer_existing_sort = true;
    options.optimizer.hash_join_single_partition_threshold = 8 << 20;
    options.optimizer.hash_join_single_partition_threshold_rows = 50_000;
    options.execution.parquet.schema_force_view_types = false;
    options.execution.spill_compression = datafusion::config::SpillCompression::Lz4Frame;
    options.execution.sort_spill_reservation_bytes = room::SORT_BYTES;
    options.sql_parser.map_string_types_to_utf8view = false;
    // Mistakes are told with their lines.
    options.sql_parser.collect_spans = true;
    config
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A runtime may not be dropped on an async worker thread by blocking.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A small engine over a staging area in a folder, for tests.
#[cfg(test)]
fn in_folder(folder: &std::path::Path) -> (Staging, Engine) {
    let staging = Staging::open(folder.to_str().unwrap()).unwrap();
    let settings = EngineSettings {
        memory_limit: 64 << 20,
        spill: folder.join("spill"),
        cluster: None,
        threads: 1,
    };
    let engine = Engine::start(settings, &staging).unwrap();
    (staging, engine)
}

/// The tables `usercom.<name>` of these rows, for tests.
#[cfg(test)]
async fn with_rows(
    staging: &Staging,
    tables: impl IntoIterator<Item = (&str, arrow::array::RecordBatch)>,
) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (table, rows) in tables {
        let writer = staging.create("usercom", table, rows.schema(), &[]);
        let mut writer = writer.await.unwrap();
        writer.write(&rows).await.unwrap();
        let counts = std::collections::BTreeMap::new();
        snapshot.insert(writer.finish(counts).await.unwrap());
    }
    snapshot
}
