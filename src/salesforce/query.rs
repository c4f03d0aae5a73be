//! SOQL over REST, for results of up to some thousands of rows: a query in, rows out as JSON, page by page.
//! Larger results are the business of [`BulkQuery`](super::BulkQuery).

use std::collections::{BTreeSet, VecDeque};

use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Client, Error, ErrorClass, Result, call::Call};

/// A row as Salesforce sends it: field names to values, and `attributes`.
pub type Row = Map<String, Value>;

/// A field of a row as text, `None` for null; `Parent.Name` goes through the parent.
#[must_use]
pub fn field_text(row: &Row, name: &str) -> Option<String> {
    let mut steps = name.split('.');
    let mut value = row.get(steps.next()?)?;
    for step in steps {
        value = value.get(step)?;
    }
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The part of a record id that says which record it is, whether it has 15 characters or 18
/// (`guide/salesforce.md` §8).
#[must_use]
pub fn record_identity(id: &str) -> &str {
    id.get(..15).unwrap_or(id)
}

/// Whether two texts are the id of one record, with 15 characters and with 18: the last three say which of the others are capitals
/// (`guide/salesforce.md` §8), so other texts are hardly ever taken for ids.
#[must_use]
pub fn is_same_record(one: &str, other: &str) -> bool {
    let (short, long) = match one.len() <= other.len() {
        true => (one, other),
        false => (other, one),
    };
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if (short.len(), long.len()) != (15, 18) || !plain(long) || !long.starts_with(short) {
        return false;
    }
    let capitals = |five: &[u8]| {
        let bits = five.iter().enumerate();
        bits.fold(0_u8, |sum, (at, byte)| {
            sum | (u8::from(byte.is_ascii_uppercase()) << at)
        })
    };
    let signs = short.as_bytes().chunks(5).map(|five| match capitals(five) {
        bits @ 0..26 => b'A' + bits,
        bits => b'0' + (bits - 26),
    });
    signs.eq(long.bytes().skip(15))
}

/// Which rows a query sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryScope {
    /// Rows in use.
    Live,
    /// Also deleted and merged rows and archived tasks and events.
    WithDeletedAndArchived,
}

impl QueryScope {
    pub(super) fn resource(self) -> &'static str {
        match self {
            Self::Live => "query",
            Self::WithDeletedAndArchived => "queryAll",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    records: VecDeque<Row>,
    #[serde(default)]
    next_records_url: Option<String>,
}

/// Where a walk over the pages stands.
struct Walk {
    client: Client,
    rows: VecDeque<Row>,
    /// The page read last.
    last: Option<Call<'static>>,
    next: Option<Call<'static>>,
    seen: BTreeSet<String>,
}

impl Client {
    /// Runs a query over rows in use.
    pub fn query(&self, soql: &str) -> impl Stream<Item = Result<Row>> + Send + use<> {
        self.query_in(soql, QueryScope::Live)
    }

    /// Runs a query. Holds one page of rows at a time; ends at the first error.
    pub fn query_in(
        &self,
        soql: &str,
        scope: QueryScope,
    ) -> impl Stream<Item = Result<Row>> + Send + use<> {
        self.walk(&[scope.resource()], soql)
    }

    /// Asks the Tooling API, whose objects describe the organisation itself.
    pub fn tooling_query(&self, soql: &str) -> impl Stream<Item = Result<Row>> + Send + use<> {
        self.walk(&["tooling", "query"], soql)
    }

    fn walk(
        &self,
        resource: &[&str],
        soql: &str,
    ) -> impl Stream<Item = Result<Row>> + Send + use<> {
        let call = Call::get(self.data_path(resource)).query("q", soql);
        let walk = Walk {
            client: self.clone(),
            rows: VecDeque::new(),
            last: None,
            next: Some(call),
            seen: BTreeSet::new(),
        };
        stream::try_unfold(walk, Walk::step)
    }
}

impl Walk {
    async fn step(mut self) -> Result<Option<(Row, Self)>> {
        loop {
            if let Some(row) = self.rows.pop_front() {
                return Ok(Some((row, self)));
            }
            let Some(call) = self.next.take() else {
                return Ok(None);
            };
            let (call, page) = self.page(call).await?;
            self.rows = page.records;
            self.seen.insert(call.target.clone());
            self.next = page.next_records_url.map(Call::get);
            self.last = Some(call);
        }
    }

    /// Reads a page. Where its locator leads nowhere or back, the page before is asked for another one.
    async fn page(&self, call: Call<'static>) -> Result<(Call<'static>, Page)> {
        let ask = async |call: &Call<'_>| self.client.json(call, "a page of rows").await;
        let Some(last) = &self.last else {
            let page = ask(&call).await?;
            return Ok((call, page));
        };
        let error = if self.seen.contains(&call.target) {
            Error::PageLoop {
                request: last.name(),
            }
        } else {
            match ask(&call).await {
                Err(error) if error.class() == ErrorClass::Refused => error,
                page => return Ok((call, page?)),
            }
        };
        let before: Page = ask(last).await?;
        match before.next_records_url {
            Some(next) if next != call.target && !self.seen.contains(&next) => {
                let call = Call::get(next);
                let page = ask(&call).await?;
                Ok((call, page))
            }
            _ => Err(error),
        }
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
