//! A staging area of its own for each test.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use tempfile::TempDir;

use crate::engine::{Engine, EngineSettings};
use crate::progress::NoProgress;
use crate::stage::{Settings, StageError, StageReport, stage};
use crate::staging::Staging;
use crate::usercom::Export;

/// An export folder, a staging area and an engine.
pub(super) struct Bench {
    folder: TempDir,
    pub(super) staging: Staging,
    pub(super) engine: Engine,
    pub(super) settings: Settings,
}

impl Bench {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path().join("work").to_str().unwrap()).unwrap();
        let settings = EngineSettings {
            memory_limit: 512 << 20,
            cluster: None,
            spill: folder.path().join("spill"),
            threads: 2,
        };
        let engine = Engine::start(settings, &staging).unwrap();
        std::fs::create_dir(folder.path().join("export")).unwrap();
        Self {
            staging,
            engine,
            settings: Settings::default(),
            folder,
        }
    }

    /// Writes a file of the export.
    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.export_folder().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub(super) fn export_folder(&self) -> PathBuf {
        self.folder.path().join("export")
    }

    pub(super) async fn stage(&self) -> Result<StageReport, StageError> {
        self.stage_folder(&self.export_folder()).await
    }

    pub(super) async fn stage_folder(&self, folder: &Path) -> Result<StageReport, StageError> {
        let export = Export::Folder(folder.to_path_buf());
        stage(
            &self.settings,
            &export,
            &self.staging,
            &self.engine,
            &NoProgress,
        )
        .await
    }

    pub(super) async fn query(&self, sql: &str) -> Vec<RecordBatch> {
        let snapshot = self.staging.snapshot().await.unwrap();
        let session = self.engine.session(&self.staging, &snapshot).unwrap();
        session.collect("test", sql).await.unwrap()
    }

    /// The result of a query as CSV, without columns that are null throughout.
    pub(super) async fn csv(&self, sql: &str) -> String {
        let batches = self.query(sql).await;
        let Some(first) = batches.first() else {
            return String::new();
        };
        let used: Vec<usize> = (0..first.num_columns())
            .filter(|&column| {
                batches
                    .iter()
                    .any(|batch| batch.column(column).null_count() < batch.num_rows())
            })
            .collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let schema = first.schema();
        writer
            .write_record(used.iter().map(|&column| schema.field(column).name()))
            .unwrap();
        for batch in &batches {
            let options = FormatOptions::default();
            let columns: Vec<_> = used
                .iter()
                .map(|&column| ArrayFormatter::try_new(batch.column(column), &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                writer
                    .write_record(columns.iter().map(|column| column.value(row).to_string()))
                    .unwrap();
            }
        }
        String::from_utf8(writer.into_inner().unwrap()).unwrap()
    }
}
