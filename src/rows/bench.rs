//! What tests of load, reconcile and rollback stand on: a staging area with an engine, and a simulated org with a client
//! that never waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tempfile::TempDir;
use transload_sim::salesforce::{SalesforceSimOptions, Simulator};

use super::Columns;
use crate::engine::{Engine, EngineSettings, Session};
use crate::salesforce::{Auth, Client, Clock, FieldDescribe, ObjectDescribe, Secret, Settings};
use crate::staging::{Manifest, Snapshot, Staging};

/// A staging area with an engine.
pub(crate) struct Bench {
    pub(crate) staging: Staging,
    pub(crate) engine: Engine,
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::open(folder.path().join("work").to_str().unwrap()).unwrap();
        let settings = EngineSettings {
            memory_limit: 512 << 20,
            spill: folder.path().join("spill"),
            cluster: None,
            threads: 1,
        };
        Self {
            engine: Engine::start(settings, &staging).unwrap(),
            staging: staging.with_org("00D1"),
            folder,
        }
    }

    /// An org of its own.
    pub(crate) async fn org(&self) -> Org {
        let options = SalesforceSimOptions {
            state: self.folder.path().join("org"),
            max_job_delay: Duration::ZERO,
            batch_time: Duration::ZERO,
            ..SalesforceSimOptions::default()
        };
        let auth = Auth::ClientCredentials {
            client_id: options.client_id.clone(),
            client_secret: Secret::new(options.client_secret.clone()),
        };
        let simulator = Simulator::start(options).await.unwrap();
        let settings = Settings::new(simulator.url().parse().unwrap(), auth);
        let client = Client::connect_with_clock(settings, Arc::new(Hasty(Instant::now())))
            .await
            .unwrap();
        Org {
            client,
            _simulator: simulator,
        }
    }

    /// Publishes a table, `schema.name`.
    pub(crate) async fn table(&self, name: &str, columns: Vec<(&str, ArrayRef)>) -> Manifest {
        self.parts(name, vec![("", columns)]).await
    }

    /// Publishes a table of several files, each with its label.
    pub(crate) async fn parts(
        &self,
        name: &str,
        parts: Vec<(&str, Vec<(&str, ArrayRef)>)>,
    ) -> Manifest {
        let (schema, table) = name.split_once('.').unwrap();
        let mut whole: Option<Manifest> = None;
        for (label, columns) in parts {
            let columns = columns.into_iter().map(|(name, array)| (name, array, true));
            let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
            let writer = self.staging.create(schema, table, batch.schema(), &[]);
            let mut writer = writer.await.unwrap().labelled(label);
            writer.write(&batch).await.unwrap();
            let part = writer.finish(BTreeMap::new()).await.unwrap();
            match &mut whole {
                Some(whole) => {
                    whole.rows += part.rows;
                    whole.files.extend(part.files);
                }
                None => whole = Some(part),
            }
        }
        self.staging.publish(whole.unwrap()).await.unwrap()
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        self.staging.snapshot().await.unwrap()
    }

    pub(crate) async fn session(&self) -> Session {
        let snapshot = self.snapshot().await;
        self.engine.session(&self.staging, &snapshot).unwrap()
    }

    /// Rows of a query as text, a null as `-`.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let session = self.session().await;
        let batches = session.collect("the test", sql).await.unwrap();
        let options = FormatOptions::default().with_null("-");
        let rows = batches.iter().flat_map(|batch| {
            (0..batch.num_rows()).map(|row| {
                let columns = batch.columns().iter();
                let cell = |column: &ArrayRef| {
                    let cells = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
                    cells.value(row).to_string()
                };
                columns.map(cell).collect()
            })
        });
        rows.collect()
    }

    /// As [`Self::rows`], each row as one text.
    pub(crate) async fn lines(&self, sql: &str) -> Vec<String> {
        let rows = self.rows(sql).await.into_iter();
        rows.map(|row| row.join(" ")).collect()
    }
}

/// A simulated org, and a client of it.
pub(crate) struct Org {
    pub(crate) client: Client,
    _simulator: Simulator,
}

impl Org {
    /// Creates records; returns their ids.
    pub(crate) async fn create(&self, object: &str, rows: &[serde_json::Value]) -> Vec<String> {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| row.as_object().unwrap().clone())
            .collect();
        let atomicity = crate::salesforce::Atomicity::RowByRow;
        let results = self.client.insert_rows(object, &rows, atomicity).await;
        let results = results.unwrap().into_iter();
        results.map(|result| result.id.unwrap()).collect()
    }

    pub(crate) async fn delete(&self, ids: &[&str]) {
        let atomicity = crate::salesforce::Atomicity::RowByRow;
        let results = self.client.delete_rows(ids, atomicity).await.unwrap();
        assert!(results.iter().all(|result| result.success));
    }
}

/// A clock that does not wait.
#[derive(Debug)]
struct Hasty(Instant);

impl Clock for Hasty {
    fn now(&self) -> Instant {
        self.0
    }

    fn utc(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::task::yield_now())
    }
}

/// A column of texts, `-` for null.
pub(crate) fn texts(cells: &[&str]) -> ArrayRef {
    let cells = cells.iter().map(|&cell| (cell != "-").then_some(cell));
    Arc::new(cells.collect::<StringArray>())
}

/// A column of numbers.
pub(crate) fn numbers(cells: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(cells.to_vec()))
}

/// A column without values.
pub(crate) fn nulls(data_type: &DataType, rows: usize) -> ArrayRef {
    arrow::array::new_null_array(data_type, rows)
}

/// Columns that are sent: name and type, keyed by the first ones.
pub(crate) fn columns(sent: &[(&str, DataType)], key: &[&str]) -> Columns {
    let field = |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
    Columns {
        sent: sent.iter().map(field).collect(),
        custom: 0,
        hidden: Vec::new(),
        key: key.iter().map(|&name| name.to_owned()).collect(),
        object: String::new(),
    }
}

/// An object whose fields have these types.
pub(crate) fn described(object: &str, fields: &[(&str, &str)]) -> ObjectDescribe {
    let field = |&(name, field_type): &(&str, &str)| FieldDescribe {
        name: name.to_owned(),
        field_type: field_type.to_owned(),
        updateable: true,
        createable: true,
        ..FieldDescribe::default()
    };
    ObjectDescribe {
        name: object.to_owned(),
        fields: fields.iter().map(field).collect(),
        ..ObjectDescribe::default()
    }
}
