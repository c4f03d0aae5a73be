//! Single rows and small sets over REST, for what Bulk API is too slow or not allowed for. A set of up to 200
//! rows is answered row by row: a refused row is data in the answer, not an error. Writes never trigger
//! assignment rules (`Sforce-Auto-Assign: FALSE`).

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Client, Error, Result, Row,
    call::{self, Call},
    net::Safety,
};

/// Rows in one collection request (`guide/salesforce.md` §4).
pub const MAX_COLLECTION_ROWS: usize = 200;

/// Whether one refused row takes the others of its request with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atomicity {
    /// Each row stands for itself.
    RowByRow,
    /// All or none.
    AllOrNone,
}

/// What became of one row; in the order in which rows were given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RowResult {
    /// Id of the row, absent if it was not created.
    #[serde(default)]
    pub id: Option<String>,
    /// Whether the row was written.
    pub success: bool,
    /// Whether an upsert created it.
    #[serde(default)]
    pub created: Option<bool>,
    /// Why it was not written.
    #[serde(default)]
    pub errors: Vec<RowError>,
}

/// Why a row was refused. Belongs into the ledger: the message may quote values of the row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowError {
    /// Status code, such as `REQUIRED_FIELD_MISSING`.
    #[serde(alias = "errorCode")]
    pub status_code: String,
    /// Message as sent.
    #[serde(default)]
    pub message: String,
    /// API names of the fields at fault.
    #[serde(default)]
    pub fields: Vec<String>,
}

impl Client {
    /// Creates one row and returns its id.
    ///
    /// # Errors
    /// [`Error::is_ambiguous`] says that the row may exist.
    pub async fn insert_row(&self, object: &str, row: &Row) -> Result<String> {
        #[derive(Deserialize)]
        struct Created {
            id: String,
        }
        let target = self.data_path(&["sobjects", object]);
        let call = write(Method::POST, target, Safety::Once).json(row)?;
        let created: Created = self.json(&call, "the id of a new row").await?;
        Ok(created.id)
    }

    /// Changes the given fields of one row.
    ///
    /// # Errors
    /// Whatever the request meets.
    pub async fn update_row(&self, object: &str, id: &str, row: &Row) -> Result<()> {
        let target = self.data_path(&["sobjects", object, id]);
        let call = write(Method::PATCH, target, Safety::Repeatable)
            .promised(204)
            .json(row)?;
        self.fetch(&call).await.map(drop)
    }

    /// Deletes one row.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there was no such row to begin with.
    pub async fn delete_row(&self, object: &str, id: &str) -> Result<()> {
        let target = self.data_path(&["sobjects", object, id]);
        let call = write(Method::DELETE, target, Safety::Repeatable).promised(204);
        match self.fetch(&call).await {
            // Gone because an earlier attempt, whose answer was lost, had deleted it.
            Err(error) if error.is_not_found() && error.is_ambiguous() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Creates up to 200 rows of one object.
    ///
    /// # Errors
    /// [`Error::is_ambiguous`] says that rows may exist.
    pub async fn insert_rows(
        &self,
        object: &str,
        rows: &[Row],
        atomicity: Atomicity,
    ) -> Result<Vec<RowResult>> {
        let target = self.data_path(&["composite", "sobjects"]);
        let call = write(Method::POST, target, Safety::Once);
        self.write_rows(call, object, rows, atomicity).await
    }

    /// Changes up to 200 rows, each named by its `Id` field.
    ///
    /// # Errors
    /// Whatever the request meets.
    pub async fn update_rows(
        &self,
        object: &str,
        rows: &[Row],
        atomicity: Atomicity,
    ) -> Result<Vec<RowResult>> {
        let target = self.data_path(&["composite", "sobjects"]);
        let call = write(Method::PATCH, target, Safety::Repeatable);
        self.write_rows(call, object, rows, atomicity).await
    }

    /// Creates or changes up to 200 rows by an external id field.
    ///
    /// # Errors
    /// Whatever the request meets.
    pub async fn upsert_rows(
        &self,
        object: &str,
        external_id: &str,
        rows: &[Row],
        atomicity: Atomicity,
    ) -> Result<Vec<RowResult>> {
        let target = self.data_path(&["composite", "sobjects", object, external_id]);
        let call = write(Method::PATCH, target, Safety::Repeatable);
        self.write_rows(call, object, rows, atomicity).await
    }

    /// Deletes up to 200 rows by id; they may be of different objects.
    ///
    /// # Errors
    /// Whatever the request meets.
    pub async fn delete_rows(
        &self,
        ids: &[impl AsRef<str> + Sync],
        atomicity: Atomicity,
    ) -> Result<Vec<RowResult>> {
        check_count(ids.len())?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        let target = self.data_path(&["composite", "sobjects"]);
        let call = write(Method::DELETE, target, Safety::Repeatable)
            .query("ids", ids.join(","))
            .query("allOrNone", atomicity.flag().to_string());
        self.row_results(&call, ids.len()).await
    }

    async fn write_rows(
        &self,
        call: Call<'_>,
        object: &str,
        rows: &[Row],
        atomicity: Atomicity,
    ) -> Result<Vec<RowResult>> {
        check_count(rows.len())?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let records: Vec<Value> = rows
            .iter()
            .map(|row| {
                let mut record = row.clone();
                record.insert("attributes".to_owned(), json!({ "type": object }));
                Value::Object(record)
            })
            .collect();
        let call = call.json(&json!({ "allOrNone": atomicity.flag(), "records": records }))?;
        self.row_results(&call, rows.len()).await
    }

    /// Results are matched to rows by position, so their number has to fit.
    async fn row_results(&self, call: &Call<'_>, rows: usize) -> Result<Vec<RowResult>> {
        let results: Vec<RowResult> = self.json(call, "a result per row").await?;
        if results.len() != rows {
            return Err(Error::DecodeAnswer {
                request: call.name(),
                expected: "a result per row",
                ambiguous: call.safety == Safety::Once,
            });
        }
        Ok(results)
    }
}

impl Atomicity {
    fn flag(self) -> bool {
        self == Self::AllOrNone
    }
}

fn write(method: Method, target: String, safety: Safety) -> call::Call<'static> {
    Call::new(method, target, safety).header("sforce-auto-assign", "FALSE")
}

fn check_count(given: usize) -> Result<()> {
    if given > MAX_COLLECTION_ROWS {
        return Err(Error::TooManyRows {
            given,
            max: MAX_COLLECTION_ROWS,
        });
    }
    Ok(())
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
