//! A step on a Ballista cluster: its rows are computed and written there, and counted here.
//!
//! In: a bound plan, a place in the store that this program and the cluster share. Out: one Parquet file there, in the order asked
//! for, or a reason why the step stays on this machine. Never: rows of a result on their way through this program; a file whose rows
//! were not counted again, since a cluster that loses a machine in the middle has lost rows before without a word; a secret in a
//! request (executors have their own).

mod inputs;
mod row_sum;
mod split;
mod travel;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, FieldRef, Int64Type, UInt64Type};
use ballista::prelude::SessionConfigExt;
use ballista_core::execution_plans::DistributedQueryExec;
use ballista_core::serde::BallistaLogicalExtensionCodec;
use datafusion::common::{Column, exec_err};
use datafusion::datasource::file_format::format_as_file_type;
use datafusion::datasource::file_format::parquet::ParquetFormatFactory;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionConfig, SessionContext, col};
use datafusion_proto::protobuf::LogicalPlanNode;
use object_store::path::Path;

use super::catalog::{listing_table, url_of};
use super::session::Computed;
use super::{BATCH_ROWS, EngineError, Session};
use crate::config::Cluster;
use crate::staging::{DataFile, Manifest};
use inputs::{Input, Seen};
use row_sum::RowSum;
use split::Split;
use travel::Trip;

/// How long the scheduler may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// What a scheduler says where it or an executor cannot read a plan, such as one that is nested more than a hundred levels deep.
const UNREADABLE: [&str; 2] = [
    "Could not parse plan",
    "task could not be prepared or was rejected by executor",
];

/// Where and how steps are sent.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    /// `http://host:port`.
    address: String,
    config: SessionConfig,
    from_rows: u64,
    /// How long a step may take.
    timeout: Duration,
    seen: Seen,
}

impl Remote {
    pub(super) fn new(cluster: &Cluster) -> Self {
        let host = cluster.scheduler.host_str().unwrap_or_default();
        let port = cluster.scheduler.port().unwrap_or(50050);
        let mut config = SessionConfig::new_with_ballista()
            // It loses rows and hangs (`guide/engine.md` 10).
            .with_ballista_adaptive_query_planner(false)
            .with_target_partitions(cluster.partitions)
            // An executor's sorts need room for a batch each before they can spill: 8,192 leads are 14 MB.
            .with_batch_size(BATCH_ROWS);
        let options = config.options_mut();
        options.execution.parquet.compression = Some("lz4_raw".to_owned());
        // A child of a struct, aggregated over a view, cannot be planned with it.
        options.optimizer.enable_leaf_expression_pushdown = false;
        Self {
            address: format!("http://{host}:{port}"),
            config,
            from_rows: cluster.from_rows,
            timeout: cluster.timeout,
            seen: Seen::default(),
        }
    }

    /// Fails where no scheduler answers, which its own client tells in many lines only.
    async fn reach(&self) -> std::result::Result<(), String> {
        let place = self.address.trim_start_matches("http://").to_owned();
        let connecting = tokio::time::timeout(CONNECT, tokio::net::TcpStream::connect(&place));
        match connecting.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(format!("no scheduler answers at {}: {error}", self.address)),
            Err(_) => Err(format!(
                "no scheduler answers at {} within {} s",
                self.address,
                CONNECT.as_secs()
            )),
        }
    }

    /// Has a plan run; its result is known to be small.
    async fn run(&self, plan: LogicalPlan) -> Result<Vec<RecordBatch>> {
        let context = SessionContext::new_with_config(self.config.clone());
        let step = DistributedQueryExec::<LogicalPlanNode>::with_extension(
            self.address.clone(),
            self.config.ballista_config(),
            plan,
            Arc::new(BallistaLogicalExtensionCodec::default()),
            context.session_id(),
        );
        let working = collect(Arc::new(step), context.task_ctx());
        match tokio::time::timeout(self.timeout, working).await {
            Ok(result) => result,
            // A scheduler that lost sight of a task waits for it for ever.
            Err(_) => exec_err!(
                "it did not end within {} minutes (timeout_minutes under [engine])",
                self.timeout.as_secs() / 60
            ),
        }
    }
}

impl Session {
    /// Has the rows of a plan computed and written on the cluster, in the order of `sorted_by` (ascending, nulls first), as a table
    /// of this name. None where there is no cluster, or the step stays here: its inputs are small, it reads what is on this machine
    /// only, or it has functions of lists deep in it.
    ///
    /// # Errors
    /// [`EngineError::Cluster`]; nothing that was written counts then.
    pub async fn on_cluster(
        &self,
        query: &str,
        plan: &LogicalPlan,
        (schema, table): (&str, &str),
        sorted_by: &[String],
    ) -> std::result::Result<Option<Computed>, EngineError> {
        let Some(remote) = self.cluster.clone() else {
            return Ok(None);
        };
        let fail = |why: String| EngineError::Cluster {
            query: query.to_owned(),
            why,
        };
        let planned = |source| EngineError::Plan {
            query: query.to_owned(),
            source: Box::new(source),
        };
        let Some((trip, split)) = leaves(query, plan, &remote).map_err(planned)? else {
            return Ok(None);
        };
        remote.reach().await.map_err(fail)?;
        let looked = self.look(&remote, &trip.inputs).await;
        looked.map_err(|error| fail(said(&super::brief(&error))))?;
        tracing::info!(rows = trip.rows, "{query} runs on {}", remote.address);
        let staging = self.tables.staging();
        let path = staging.new_folder(schema, table).join("part-00000.parquet");
        let order = split.order(sorted_by);
        let made = self.written(remote, split.there.clone(), &order, &path);
        let made = match made.await {
            Ok(made) => made,
            Err(error) => {
                if let Err(error) = staging.delete(&path).await {
                    tracing::debug!(%error, "left an unused file behind");
                }
                let why = said(&super::brief(&error));
                if UNREADABLE.iter().any(|words| why.contains(words)) {
                    tracing::warn!(
                        "{query} stays on this machine: the cluster cannot read its plan: {why}"
                    );
                    return Ok(None);
                }
                return Err(fail(why));
            }
        };
        let file = staging.data_file(&path, made.rows).await;
        let rows = Manifest {
            schema_name: schema.to_owned(),
            table: table.to_owned(),
            files: vec![file.map_err(|error| fail(error.to_string()))?],
            ..made
        };
        let is_whole = split.is_whole();
        let read = self.scan(&rows).and_then(|scan| split.rest(scan));
        Ok(Some(Computed {
            rest: read.map_err(planned)?,
            rows,
            is_whole,
        }))
    }

    /// Fails unless the tables that a step reads are whole, and the cluster sees them so: it takes a file that is missing for an empty one.
    async fn look(&self, remote: &Remote, inputs: &[Input]) -> Result<()> {
        let inputs = remote.seen.others(inputs);
        for Input { manifest, .. } in &inputs {
            let whole = self.tables.staging().is_whole(manifest).await;
            if !whole.map_err(|error| DataFusionError::External(error.into()))? {
                return exec_err!("a file of {} is gone", manifest.name());
            }
        }
        if let Some(plan) = inputs::count_of(&inputs)? {
            let asked = remote.clone();
            let counted = self.there(async move { asked.run(plan).await });
            inputs::compare(&inputs, &counted.await?)?;
        }
        remote.seen.add(&inputs);
        Ok(())
    }

    /// Has rows counted and written there, and counts them here.
    async fn written(
        &self,
        remote: Remote,
        plan: LogicalPlan,
        sorted_by: &[String],
        path: &Path,
    ) -> Result<Manifest> {
        let typed = with_types(plan)?;
        let sum = RowSum::of(typed.schema());
        let counting = sum.over(typed.clone())?;
        let asked = remote.clone();
        let counted = self.there(async move { asked.run(counting).await });
        let expected = sum.read(&counted.await?)?;
        let mut sorted = LogicalPlanBuilder::from(typed.clone());
        if !sorted_by.is_empty() {
            let by = sorted_by.iter();
            sorted = sorted.sort(by.map(|name| col(Column::from_name(name)).sort(true, true)))?;
        }
        let staging = self.tables.staging();
        let relative = staging.relative(path);
        let url = url_of(staging, &relative);
        let file_type = format_as_file_type(Arc::new(ParquetFormatFactory::new()));
        let copy = LogicalPlanBuilder::copy_to(
            sorted.build()?,
            url.to_string(),
            file_type,
            HashMap::new(),
            Vec::new(),
        )?;
        let copying = copy.build()?;
        let copied = self.there(async move { remote.run(copying).await });
        let written = written(&copied.await?)?;
        let schema = Arc::new(typed.schema().as_arrow().clone());
        let manifest = Manifest {
            schema_name: String::new(),
            table: String::new(),
            version: 0,
            published_at: chrono::Utc::now(),
            rows: expected.rows,
            files: vec![DataFile {
                path: relative,
                rows: expected.rows,
                bytes: 0,
                label: None,
                checksum: String::new(),
                sorted_by: Vec::new(),
                text_bytes: BTreeMap::new(),
            }],
            sorted_by: sorted_by.to_vec(),
            counts: std::collections::BTreeMap::new(),
            columns: std::collections::BTreeMap::new(),
            basis: None,
            schema,
        };
        let found = self.counted(&manifest).await?;
        if found != expected || written != expected.rows {
            return exec_err!(
                "the cluster computed {} rows with the sum {:x}, said that it wrote {written}, and left {} with the sum {:x}",
                expected.rows,
                expected.sum,
                found.rows,
                found.sum
            );
        }
        Ok(manifest)
    }

    /// Rows and sum of a file, read here.
    async fn counted(&self, manifest: &Manifest) -> Result<row_sum::Sum> {
        let rows = self.scan(manifest)?;
        let sum = RowSum::of(rows.schema());
        let plan = sum.over(rows)?;
        let frame = self.frame(plan);
        sum.read(&self.there(frame.collect()).await?)
    }

    /// The rows of a table that nobody has published.
    fn scan(&self, manifest: &Manifest) -> Result<LogicalPlan> {
        let table = listing_table(self.tables.staging(), &Arc::new(manifest.clone()))?;
        Ok(self.context.read_table(table)?.into_unoptimized_plan())
    }

    /// Runs work on the engine's threads.
    async fn there<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        match super::session::on(&self.handle, work).await {
            Some(result) => result,
            None => exec_err!("it was stopped"),
        }
    }
}

/// What of a step goes to the cluster; nothing if it stays here, which is told unless it is small.
fn leaves(query: &str, plan: &LogicalPlan, remote: &Remote) -> Result<Option<(Trip, Split)>> {
    let trip = Trip::of(plan)?;
    if trip.rows < remote.from_rows {
        return Ok(None);
    }
    let why = match (&trip.stays, Split::of(&trip.plan)?) {
        (None, Ok(split)) => return Ok(Some((trip, split))),
        (Some(why), _) => why.clone(),
        (None, Err(function)) => {
            format!("executors have no {function}, and it is not in the last step")
        }
    };
    tracing::warn!("{query} stays on this machine: {why}");
    Ok(None)
}

/// What a server said, out of its client's way of printing an answer with all that belongs to it.
fn said(text: &str) -> String {
    let said = text
        .split_once("Status {")
        .and_then(|(_, status)| status.split_once("message: \""))
        .and_then(|(_, message)| message.split_once("\","));
    match said {
        Some((message, _)) => format!("the server answered \"{message}\""),
        None => text.to_owned(),
    }
}

/// The plan with a type for what is null in every row, be it a column or a field of one: Parquet needs one.
fn with_types(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::clone(plan.schema());
    let mut fields = schema.fields().iter();
    if fields.all(|field| typed(field.data_type()) == *field.data_type()) {
        return Ok(plan);
    }
    let columns = schema.iter().map(|(qualifier, field)| {
        let column = Expr::Column(Column::from((qualifier, field)));
        let data_type = typed(field.data_type());
        match data_type == *field.data_type() {
            true => column,
            false => cast(column, data_type).alias(field.name()),
        }
    });
    LogicalPlanBuilder::from(plan)
        .project(columns.collect::<Vec<_>>())?
        .build()
}

fn typed(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null => DataType::Utf8,
        DataType::Struct(parts) => {
            let typed = |part: &FieldRef| {
                let data_type = typed(part.data_type());
                part.as_ref().clone().with_data_type(data_type)
            };
            DataType::Struct(parts.iter().map(typed).collect())
        }
        other => other.clone(),
    }
}

/// What a copy says of itself.
fn written(batches: &[RecordBatch]) -> Result<u64> {
    let mut rows = 0;
    for batch in batches {
        let column = batch.column(0);
        rows += match column.data_type() {
            DataType::UInt64 => column
                .as_primitive::<UInt64Type>()
                .iter()
                .flatten()
                .sum::<u64>(),
            DataType::Int64 => {
                let counts = column.as_primitive::<Int64Type>().iter().flatten();
                counts.map(i64::unsigned_abs).sum()
            }
            other => return exec_err!("a copy answered with {other}"),
        };
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_answer_its_message_is_told() {
        let answer = r#"Execution error: Status { code: Internal, message: "h2 protocol error", source: None }"#;
        assert_eq!(said(answer), "the server answered \"h2 protocol error\"");
        assert_eq!(said("Execution error: lost"), "Execution error: lost");
    }
}
