//! One version of a table as the engine reads it: the rows of its files, and what tells them from others.
//!
//! In: the files that a manifest names. Out: a provider that reads them, and their digest. Never: a list of files made anew.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{ScanArgs, ScanResult, Session, TableProvider};
use datafusion::datasource::listing::ListingTable;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::widths::with_widths;
use crate::staging::Manifest;

/// A version.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) files: ListingTable,
    /// What the files are.
    pub(super) manifest: Arc<Manifest>,
    /// The same for the same rows, whatever the files are called.
    pub(super) contents: String,
}

impl Version {
    pub(super) fn new(files: ListingTable, manifest: &Arc<Manifest>) -> Self {
        Self {
            files,
            contents: manifest.digest(),
            manifest: Arc::clone(manifest),
        }
    }
}

#[async_trait]
impl TableProvider for Version {
    fn schema(&self) -> SchemaRef {
        self.files.schema()
    }

    fn table_type(&self) -> TableType {
        self.files.table_type()
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = self.files.scan(state, projection, filters, limit).await?;
        Ok(with_widths(scan, &self.manifest))
    }

    async fn scan_with_args<'a>(
        &self,
        state: &dyn Session,
        args: ScanArgs<'a>,
    ) -> Result<ScanResult> {
        let scan = self.files.scan_with_args(state, args).await?;
        Ok(with_widths(scan.into_inner(), &self.manifest).into())
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.files.supports_filters_pushdown(filters)
    }
}
