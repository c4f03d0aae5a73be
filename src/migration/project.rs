//! A project, opened: its settings, its staging area, its query engine.

use std::sync::Arc;

use crate::config::Config;
use crate::engine::{Engine, EngineSettings};
use crate::error::Error;
use crate::staging::Staging;

/// A project, opened.
#[derive(Debug)]
pub(crate) struct Project {
    /// Its settings.
    pub config: Config,
    /// Its staging area.
    pub staging: Staging,
    /// The query engine; another version of the rules may share it.
    pub engine: Arc<Engine>,
}

impl Project {
    /// Opens the staging area and starts the engine.
    pub(crate) fn open(config: Config) -> Result<Self, Error> {
        let staging = Staging::open(&config.staging)?;
        let spill = staging
            .local_folder()
            .unwrap_or_else(|| config.project.join(".transload"))
            .join("spill");
        let settings = EngineSettings {
            memory_limit: config.memory_limit,
            spill,
            cluster: config.cluster.clone(),
            threads: std::thread::available_parallelism().map_or(2, usize::from),
        };
        let engine = Arc::new(Engine::start(settings, &staging)?);
        Ok(Self {
            config,
            staging,
            engine,
        })
    }
}
