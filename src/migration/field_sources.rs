//! Where the fields of each load come from, over what is staged; nothing runs.

use std::collections::{BTreeMap, BTreeSet};

use super::columns;
use super::exclusions;
use super::open::Migration;
use super::resolve::planned;
use super::resolved::ProjectFiles;
use crate::error::Error;
use crate::project::QueryKind;

/// Source columns of a field, as `people.email`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSource {
    /// The field.
    pub field: String,
    /// What it is computed from.
    pub values: Vec<String>,
    /// By what its row was looked up.
    pub keys: Vec<String>,
}

impl Migration {
    /// The source columns of the fields of every load that could be planned; none while nothing is staged.
    ///
    /// # Errors
    /// The queries or the map cannot be read.
    pub async fn field_sources(&self) -> Result<Option<BTreeMap<String, Vec<FieldSource>>>, Error> {
        let (project, staging) = (self.project(), self.staging());
        let snapshot = staging.snapshot().await?;
        if snapshot.schema("usercom").next().is_none() {
            return Ok(None);
        }
        let files = ProjectFiles::read(project)?;
        let exclusions = exclusions::judge(project, staging, &files.queries, None).await?;
        // A query that cannot be planned has no fields to tell of; `check` says why.
        let (resolved, _) = planned(project, staging, files, exclusions).await?;
        let loads = resolved.lineage.keys().filter_map(|load| {
            let file = resolved.queries.find(QueryKind::Load, load)?;
            let fields = columns::lineage_of(&resolved, file).into_iter();
            let fields = fields.filter(|(field, _)| !field.starts_with('_'));
            let fields = fields.map(|(field, from)| FieldSource {
                field,
                values: short(&from.values),
                keys: short(&from.keys),
            });
            Some((load.clone(), fields.collect()))
        });
        Ok(Some(loads.collect()))
    }
}

fn short(columns: &BTreeSet<String>) -> Vec<String> {
    let of_source = columns.iter();
    let of_source = of_source.map(|name| name.strip_prefix("usercom.").unwrap_or(name));
    of_source.map(str::to_owned).collect()
}
