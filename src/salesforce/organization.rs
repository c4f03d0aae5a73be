//! The organisation itself: what kind it is, and what is left of its allowances.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use serde::Deserialize;

use super::{Client, Error, Result, call::Call};

/// The row of the `Organization` object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Organization {
    /// Id, prefix `00D`.
    pub id: String,
    /// The company's name.
    pub name: String,
    /// Edition, such as `Enterprise Edition`.
    #[serde(default)]
    pub organization_type: Option<String>,
    /// Whether it is a sandbox.
    #[serde(default)]
    pub is_sandbox: bool,
}

/// One allowance of the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Limit {
    /// Allowed.
    pub max: i64,
    /// Left.
    pub remaining: i64,
}

impl Client {
    /// Reads the organisation's own row.
    ///
    /// # Errors
    /// Whatever the query meets.
    pub async fn organization(&self) -> Result<Organization> {
        let soql = "SELECT Id, Name, OrganizationType, IsSandbox FROM Organization";
        let mut rows = std::pin::pin!(self.query(soql));
        let unexpected = || Error::DecodeAnswer {
            request: "the query of Organization".to_owned(),
            ambiguous: false,
            expected: "a row of it",
        };
        let row = rows.try_next().await?.ok_or_else(unexpected)?;
        serde_json::from_value(row.into()).map_err(|_| unexpected())
    }

    /// Reads the allowances by name, such as `DailyApiRequests` and `DailyBulkApiBatches`
    /// (`guide/salesforce.md` §4).
    ///
    /// # Errors
    /// Whatever the request meets.
    pub async fn limits(&self) -> Result<BTreeMap<String, Limit>> {
        let call = Call::get(self.data_path(&["limits"]));
        // An entry of another shape is one that this version does not know.
        let entries: BTreeMap<String, serde_json::Value> =
            self.json(&call, "a list of limits").await?;
        let known = entries
            .into_iter()
            .filter_map(|(name, entry)| Some((name, serde_json::from_value(entry).ok()?)));
        Ok(known.collect())
    }
}
