//! The keys of an outbox: each row that is sent has one of its own.
//!
//! In: keys in the order in which rows are routed, an outbox that is written. Out: which links are made already, an error that names a
//! key which is missing or there twice. Never: a row sent twice.

use arrow::array::{Array, AsArray};

use super::TransformError;
use super::outbox_request::OutboxRequest;
use crate::project::QueryFile;
use crate::rows::{key_columns, key_text};
use crate::staging::Manifest;

/// Links that are made already: once people made two records one, what linked each of them to a third is one link.
pub(super) struct Links {
    are_links: bool,
    before: String,
}

impl Links {
    pub(super) fn of(file: &QueryFile) -> Self {
        Self {
            are_links: !file.link.is_empty(),
            before: String::new(),
        }
    }

    /// Whether the row before has the same key: rows come in the order of what they hang on and of their keys.
    pub(super) fn is_made(&mut self, key: &str) -> bool {
        let is_made = self.are_links && self.before == key;
        if self.are_links && !is_made {
            key.clone_into(&mut self.before);
        }
        is_made
    }
}

/// Whether every row to be sent has a key of its own; if not, which has not.
pub(super) async fn check_key(
    request: &OutboxRequest<'_>,
    parts: &Manifest,
) -> Result<Option<TransformError>, TransformError> {
    let session = request.session;
    session.register(request.staging, parts)?;
    let key = &request.file.key;
    let (list, text) = (key_columns("o", key), key_text("o", key));
    let table = parts.name();
    let nulls = key
        .iter()
        .map(|name| format!("o.\"{name}\" is null"))
        .collect::<Vec<_>>()
        .join(" or ");
    let checks = [
        (
            "is null",
            format!("select count(*) as n, min({text}) as sample from {table} as o where {nulls}"),
        ),
        (
            "is not unique",
            format!(
                "select count(*) as n, min(d.sample) as sample from (select {text} as sample from {table} as o group by {list} having count(*) > 1) as d"
            ),
        ),
    ];
    for (problem, sql) in checks {
        let batches = session.collect(&request.file.path, &sql).await?;
        let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else {
            continue;
        };
        let rows = batch
            .column(0)
            .as_primitive::<arrow::datatypes::Int64Type>()
            .value(0);
        if rows > 0 {
            let sample = batch.column(1).as_string_opt::<i32>();
            return Ok(Some(TransformError::Key {
                path: request.file.path.clone(),
                key: request.file.key.join(", "),
                problem,
                rows: rows.unsigned_abs(),
                sample: sample
                    .filter(|column| column.is_valid(0))
                    .map(|column| column.value(0).to_owned())
                    .filter(|sample| !sample.is_empty())
                    .unwrap_or_else(|| "without any".to_owned()),
            }));
        }
    }
    Ok(None)
}
